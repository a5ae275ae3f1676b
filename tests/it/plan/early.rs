//! Containers whose application waits at its door: started before what they need is ready.

use insta::assert_snapshot;

use crate::support::{World, desired};
use devstack::engine::fake::Behaviour;
use devstack::plan::ReconcileOptions;

fn stack(reload: &str, condition: &str) -> String {
    format!(
        "
name: p
services:
  api:
    image: api
    reload: {reload}
    healthcheck: {{test: 'true'}}
    depends_on: {{db: {{condition: {condition}}}}}
  db: {{image: db, healthcheck: {{test: 'true'}}}}
"
    )
}

#[test]
fn the_container_is_made_and_started_held_and_released_when_the_other_is_ready() {
    let world = World::new();
    let yaml = stack("node", "service_healthy");
    assert_snapshot!(world.plan(&yaml), @r"
     1. pull image api (missing)
     2. pull image db (missing)
     3. create network p_default (missing)
     4. create container p-db-1 (missing)  after 2, 3
     5. start container p-db-1 (missing)  after 4
     6. create container p-api-1 (missing)  after 1, 3
     7. wait until container p-db-1 is ready (needed by api)  after 5
     8. start container p-api-1 (missing)  after 5, 6
     9. release container p-api-1 (missing)  after 7, 8
    10. wait until container p-api-1 is ready or finished (requested)  after 9
    ");
    world.up(&yaml);
    assert!(!world.engine.is_held("p-api-1"));
    assert_snapshot!(world.plan(&yaml), @r"
    -  container p-db-1 unchanged
    -  container p-api-1 unchanged
    ");
}

#[test]
fn a_stopped_container_is_held_before_its_start() {
    let yaml = stack("node", "service_healthy");
    let world = World::after_up(&yaml);
    world.engine.finish("api", 143);
    world.engine.finish("db", 0);
    assert_snapshot!(world.plan(&yaml), @r"
    1. start container p-db-1 (not running)
    2. wait until container p-db-1 is ready (needed by api)  after 1
    3. hold container p-api-1 until db (not running)  after 1
    4. start container p-api-1 (not running)  after 1, 3
    5. release container p-api-1 (not running)  after 2, 4
    6. wait until container p-api-1 is ready or finished (requested)  after 5
    ");
}

#[test]
fn nothing_is_held_when_everything_is_ready() {
    let yaml = stack("node", "service_healthy");
    let world = World::after_up(&yaml);
    world.engine.finish("api", 143);
    // Whoever stopped it may have done so while it was held.
    assert_snapshot!(world.plan(&yaml), @r"
    1. release container p-api-1 (not running)
    2. start container p-api-1 (not running)  after 1
    3. wait until container p-api-1 is ready or finished (requested)  after 2
    -  container p-db-1 unchanged
    ");
}

#[test]
fn a_container_that_an_interrupted_run_left_held_is_released() {
    let yaml = stack("node", "service_healthy");
    let world = World::new();
    world.engine.behave("api", Behaviour::Starting);
    world.engine.fail_on("release", 1);
    world
        .up_with(&desired(&yaml), &ReconcileOptions::default())
        .expect_err("the door cannot be opened");
    assert!(world.engine.is_held("p-api-1"));
    assert_snapshot!(world.plan(&yaml), @r"
    1. release container p-api-1 (not ready)
    2. wait until container p-api-1 is ready or finished (requested)  after 1
    -  container p-db-1 unchanged
    ");
}

#[test]
fn who_needs_only_a_start_does_not_wait_for_the_door() {
    let yaml = format!(
        "{}  kong: {{image: kong, depends_on: [api]}}\n",
        stack("node", "service_completed_successfully")
    );
    assert_snapshot!(World::new().plan(&yaml), @r"
     1. pull image api (missing)
     2. pull image db (missing)
     3. pull image kong (missing)
     4. create network p_default (missing)
     5. create container p-db-1 (missing)  after 2, 4
     6. start container p-db-1 (missing)  after 5
     7. create container p-api-1 (missing)  after 1, 4
     8. wait until container p-db-1 completes (needed by api)  after 6
     9. start container p-api-1 (missing)  after 6, 7
    10. release container p-api-1 (missing)  after 8, 9
    11. create container p-kong-1 (missing)  after 3, 4
    12. start container p-kong-1 (missing)  after 9, 11
    13. wait until container p-api-1 is ready or finished (requested)  after 10
    14. wait until container p-kong-1 is ready or finished (requested)  after 12
    ");
}

#[test]
fn nothing_is_held_where_it_is_switched_off_or_cannot_be_seen() {
    let off = World::new().plan(&stack("{early: false}", "service_healthy"));
    assert!(!off.contains("release"), "{off}");
    let started = World::new().plan(&stack("node", "service_started"));
    assert!(!started.contains("release"), "{started}");
    // Without a check nobody could tell later whether it is still held.
    let unseen =
        stack("node", "service_healthy").replacen("    healthcheck: {test: 'true'}\n", "", 1);
    let unseen = World::new().plan(&unseen);
    assert!(!unseen.contains("release"), "{unseen}");
}
