//! `reset`: removal and creation in one plan.

use insta::assert_snapshot;

use crate::support::{World, desired, text};
use devstack::plan::ReconcileOptions;
use devstack::plan::reset::reset;
use devstack::plan::teardown::TeardownOptions;

const STACK: &str = "
name: p
services:
  web: {image: web, depends_on: [api], ports: ['127.0.0.1:8000:80']}
  api: {image: api, depends_on: {db: {condition: service_healthy}}, volumes: ['/src:/src']}
  db: {image: db, healthcheck: {test: 'true'}, volumes: ['data:/data']}
volumes: {data: }
";

fn options() -> TeardownOptions {
    TeardownOptions { volumes: true, keep_networks: true, ..TeardownOptions::default() }
}

#[test]
fn what_is_gone_early_comes_back_while_the_rest_is_going() {
    let world = World::after_up(STACK);
    let (desired, observed) = (desired(STACK), world.observed());
    let plan = reset(&desired, &observed, &options(), &ReconcileOptions::default());
    let plan = plan.expect("no conflicts");
    // The old api must be gone before the new db runs, lest it write into it.
    assert_snapshot!(text(&plan), @r"
     1. remove container p-web-1 (requested)
     2. stop container p-api-1 (requested)
     3. remove container p-api-1 (requested)  after 2
     4. remove container p-db-1 (requested)
     5. remove volume p_data (requested)  after 4
     6. create volume p_data (missing)  after 5
     7. create container p-db-1 (missing)  after 4, 6
     8. start container p-db-1 (missing)  after 3, 7
     9. create container p-api-1 (missing)  after 3
    10. wait until container p-db-1 is ready (needed by api)  after 8
    11. start container p-api-1 (missing)  after 1, 9, 10
    12. create container p-web-1 (missing)  after 1
    13. start container p-web-1 (missing)  after 1, 11, 12
    14. wait until container p-api-1 is ready or finished (requested)  after 11
    15. wait until container p-web-1 is ready or finished (requested)  after 13
    ");
    let before = world.observed().containers;
    world.run(&plan).expect("no fault");
    let after = world.observed();
    assert_eq!(after.containers.len(), 3);
    assert!(after.containers.iter().all(|container| container.state.is_running()));
    assert!(before.iter().all(|old| after.containers.iter().all(|new| new.id != old.id)));
    assert_snapshot!(world.plan(STACK), @r"
    -  container p-db-1 unchanged
    -  container p-api-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn the_network_stays() {
    let world = World::after_up(STACK);
    let network = world.observed().networks;
    let (desired, observed) = (desired(STACK), world.observed());
    let plan = reset(&desired, &observed, &options(), &ReconcileOptions::default());
    world.run(&plan.expect("no conflicts")).expect("no fault");
    assert_eq!(world.observed().networks, network);
}

#[test]
fn what_has_the_port_goes_before_who_is_to_have_it() {
    let world = World::after_up(STACK);
    let moved = STACK.replace("db: {image: db,", "db: {image: db, ports: ['127.0.0.1:8000:90'],");
    let moved = moved.replace(", ports: ['127.0.0.1:8000:80']", "");
    let (desired, observed) = (desired(&moved), world.observed());
    let plan = reset(&desired, &observed, &options(), &ReconcileOptions::default());
    world.run(&plan.expect("no conflicts")).expect("the port is free in time");
}

#[test]
fn who_is_held_at_its_door_is_released_in_its_new_container() {
    let held = STACK.replace(
        "api: {image: api,",
        "api: {image: api, reload: node, healthcheck: {test: 'true'},",
    );
    let world = World::after_up(&held);
    let (desired, observed) = (desired(&held), world.observed());
    let plan = reset(&desired, &observed, &options(), &ReconcileOptions::default());
    world.run(&plan.expect("no conflicts")).expect("no fault");
    assert!(!world.engine.is_held("p-api-1"));
    assert!(
        text(
            &reset(&desired, &observed, &options(), &ReconcileOptions::default())
                .expect("no conflicts")
        )
        .contains("release container p-api-1")
    );
}
