//! Conditions between services.

use insta::assert_snapshot;

use crate::support::World;
use devstack::engine::Engine as _;
use devstack::engine::fake::{Behaviour, FakeEngine};

fn conditioned(condition: &str) -> String {
    format!(
        "
name: p
services:
  web: {{image: web, depends_on: {{db: {{condition: {condition}}}}}}}
  db: {{image: db, healthcheck: {{test: 'true'}}}}
"
    )
}

#[test]
fn a_started_dependency_is_started_before() {
    assert_snapshot!(World::new().plan(&conditioned("service_started")), @r"
    1. pull image web (missing)
    2. pull image db (missing)
    3. create network p_default (missing)
    4. create container p-db-1 (missing)  after 2, 3
    5. start container p-db-1 (missing)  after 4
    6. create container p-web-1 (missing)  after 1, 3
    7. start container p-web-1 (missing)  after 5, 6
    8. wait until container p-db-1 is ready or finished (requested)  after 5
    9. wait until container p-web-1 is ready or finished (requested)  after 7
    ");
}

#[test]
fn a_healthy_dependency_is_waited_for() {
    assert_snapshot!(World::new().plan(&conditioned("service_healthy")), @r"
    1. pull image web (missing)
    2. pull image db (missing)
    3. create network p_default (missing)
    4. create container p-db-1 (missing)  after 2, 3
    5. start container p-db-1 (missing)  after 4
    6. create container p-web-1 (missing)  after 1, 3
    7. wait until container p-db-1 is ready (needed by web)  after 5
    8. start container p-web-1 (missing)  after 6, 7
    9. wait until container p-web-1 is ready or finished (requested)  after 8
    ");
}

#[test]
fn a_completed_dependency_is_waited_for_to_its_end() {
    assert_snapshot!(World::new().plan(&conditioned("service_completed_successfully")), @r"
    1. pull image web (missing)
    2. pull image db (missing)
    3. create network p_default (missing)
    4. create container p-db-1 (missing)  after 2, 3
    5. start container p-db-1 (missing)  after 4
    6. create container p-web-1 (missing)  after 1, 3
    7. wait until container p-db-1 completes (needed by web)  after 5
    8. start container p-web-1 (missing)  after 6, 7
    9. wait until container p-web-1 is ready or finished (requested)  after 8
    ");
}

#[test]
fn a_kept_dependency_that_is_not_healthy_yet_is_waited_for() {
    let world = World::after_up(&conditioned("service_healthy"));
    let mut observed = world.observed();
    for container in &mut observed.containers {
        container.health = container.health.and(Some(devstack::state::Health::Starting));
    }
    let changed = conditioned("service_healthy").replace("image: web", "image: web, tty: true");
    assert_snapshot!(World::with(FakeEngine::with(observed)).plan(&changed), @r"
    1. create container p-web-1 as 000000000003_p-web-1 (tty changed)
    2. stop container p-web-1 (tty changed)  after 1
    3. remove container p-web-1 (tty changed)  after 2
    4. rename to container p-web-1 (replaces its predecessor)  after 3
    5. wait until container p-db-1 is ready (needed by web)
    6. start container p-web-1 (tty changed)  after 4, 5
    7. wait until container p-web-1 is ready or finished (requested)  after 6
    -  container p-db-1 unchanged
    ");
}

#[test]
fn dependencies_are_decided_first_wherever_they_stand_in_the_file() {
    assert_snapshot!(World::new().plan("
name: p
services:
  c: {image: i, depends_on: [b, a]}
  b: {image: i, depends_on: [a]}
  a: {image: i}
"), @r"
     1. pull image i (missing)
     2. create network p_default (missing)
     3. create container p-a-1 (missing)  after 1, 2
     4. start container p-a-1 (missing)  after 3
     5. create container p-b-1 (missing)  after 1, 2
     6. start container p-b-1 (missing)  after 4, 5
     7. create container p-c-1 (missing)  after 1, 2
     8. start container p-c-1 (missing)  after 4, 6, 7
     9. wait until container p-a-1 is ready or finished (requested)  after 4
    10. wait until container p-b-1 is ready or finished (requested)  after 6
    11. wait until container p-c-1 is ready or finished (requested)  after 8
    ");
}

const MIGRATION: &str = "
name: p
services:
  web: {image: web, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: migrate}
";

fn migrated() -> World {
    let world = World::new();
    world.engine.behave("migrate", Behaviour::Exits(0));
    world.up(MIGRATION);
    world
}

#[test]
fn a_one_shot_that_finished_is_not_run_again() {
    assert_snapshot!(migrated().plan(MIGRATION), @r"
    -  container p-migrate-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn what_was_paused_goes_on_and_is_waited_for() {
    let yaml = conditioned("service_healthy");
    let world = World::after_up(&yaml);
    let mut observed = world.observed();
    for container in &mut observed.containers {
        container.state = devstack::state::ContainerState::Paused;
    }
    assert_snapshot!(World::with(FakeEngine::with(observed)).plan(&yaml), @r"
    1. unpause container p-db-1 (paused)
    2. unpause container p-web-1 (paused)
    3. wait until container p-db-1 is ready or finished (requested)  after 1
    4. wait until container p-web-1 is ready or finished (requested)  after 2
    ");
}

#[test]
fn a_one_shot_that_failed_is_run_again() {
    let mut observed = migrated().observed();
    for container in &mut observed.containers {
        if container.name == "p-migrate-1" {
            container.state = devstack::state::ContainerState::Exited { code: 1 };
        }
    }
    assert_snapshot!(World::with(FakeEngine::with(observed)).plan(MIGRATION), @r"
    1. start container p-migrate-1 (not running)
    2. wait until container p-migrate-1 is ready or finished (requested)  after 1
    -  container p-web-1 unchanged
    ");
}

#[test]
fn a_changed_one_shot_is_run_again_and_what_needed_it_stays() {
    let world = migrated();
    let changed = MIGRATION.replace("image: migrate", "image: migrate, user: '1'");
    assert_snapshot!(world.plan(&changed), @r"
    1. create container p-migrate-1 as 000000000002_p-migrate-1 (user changed)
    2. remove container p-migrate-1 (user changed)  after 1
    3. rename to container p-migrate-1 (replaces its predecessor)  after 2
    4. start container p-migrate-1 (user changed)  after 3
    5. wait until container p-migrate-1 is ready or finished (requested)  after 4
    -  container p-web-1 unchanged
    ");
}

const RESTARTED: &str = "
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy, restart: true}}}
  proxy: {image: proxy, depends_on: {web: {condition: service_started, restart: true}}}
  other: {image: other, depends_on: [db]}
  db: {image: db, healthcheck: {test: 'true'}}
";

#[test]
fn dependants_with_restart_follow_a_recreated_dependency() {
    let changed = RESTARTED.replace("image: db,", "image: db, user: '1',");
    assert_snapshot!(World::after_up(RESTARTED).plan(&changed), @r"
     1. create container p-db-1 as 000000000002_p-db-1 (user changed)
     2. stop container p-db-1 (user changed)  after 1
     3. remove container p-db-1 (user changed)  after 2
     4. rename to container p-db-1 (replaces its predecessor)  after 3
     5. start container p-db-1 (user changed)  after 4
     6. wait until container p-db-1 is ready (needed by web)  after 5
     7. restart container p-web-1 (db restarted)  after 6
     8. restart container p-proxy-1 (web restarted)  after 7
     9. wait until container p-web-1 is ready or finished (requested)  after 7
    10. wait until container p-proxy-1 is ready or finished (requested)  after 8
     -  container p-other-1 unchanged
    ");
}

#[test]
fn dependants_with_restart_are_not_restarted_when_nothing_is_started() {
    let changed = RESTARTED.replace("image: db,", "image: db, user: '1',");
    assert_snapshot!(World::after_up(RESTARTED).plan_with(&changed, |it| it.start = false), @r"
    1. create container p-db-1 as 000000000002_p-db-1 (user changed)
    2. stop container p-db-1 (user changed)  after 1
    3. remove container p-db-1 (user changed)  after 2
    4. rename to container p-db-1 (replaces its predecessor)  after 3
    -  container p-web-1 unchanged
    -  container p-proxy-1 unchanged
    -  container p-other-1 unchanged
    ");
}

#[test]
fn a_stopped_container_is_started() {
    let world = World::after_up(RESTARTED);
    world.block_on(async {
        let other = world.container("p-other-1").id;
        world.engine.stop_container(&other, None).await.expect("it runs");
    });
    assert_snapshot!(world.plan(RESTARTED), @r"
    1. start container p-other-1 (not running)
    2. wait until container p-other-1 is ready or finished (requested)  after 1
    -  container p-db-1 unchanged
    -  container p-web-1 unchanged
    -  container p-proxy-1 unchanged
    ");
}

#[test]
fn dependants_with_restart_follow_a_started_dependency() {
    let world = World::after_up(RESTARTED);
    world.block_on(async {
        let db = world.container("p-db-1").id;
        world.engine.stop_container(&db, None).await.expect("it runs");
    });
    assert_snapshot!(world.plan(RESTARTED), @r"
    1. start container p-db-1 (not running)
    2. wait until container p-db-1 is ready (needed by web)  after 1
    3. restart container p-web-1 (db restarted)  after 2
    4. restart container p-proxy-1 (web restarted)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 3
    6. wait until container p-proxy-1 is ready or finished (requested)  after 4
    -  container p-other-1 unchanged
    ");
}

const NAMESPACE: &str = "
name: p
services:
  tool: {image: tool, network_mode: 'service:web'}
  web: {image: web}
";

#[test]
fn who_shares_the_namespace_of_a_recreated_service_is_made_again() {
    let changed = NAMESPACE.replace("image: web", "image: web, user: '1'");
    assert_snapshot!(World::after_up(NAMESPACE).plan(&changed), @r"
     1. create container p-web-1 as 000000000002_p-web-1 (user changed)
     2. stop container p-web-1 (user changed)  after 1
     3. remove container p-web-1 (user changed)  after 2
     4. rename to container p-web-1 (replaces its predecessor)  after 3
     5. start container p-web-1 (user changed)  after 4
     6. create container p-tool-1 as 000000000003_p-tool-1 (network_mode changed)  after 5
     7. stop container p-tool-1 (network_mode changed)  after 6
     8. remove container p-tool-1 (network_mode changed)  after 7
     9. rename to container p-tool-1 (replaces its predecessor)  after 8
    10. start container p-tool-1 (network_mode changed)  after 5, 9
    11. wait until container p-web-1 is ready or finished (requested)  after 5
    12. wait until container p-tool-1 is ready or finished (requested)  after 10
    ");
}

#[test]
fn who_shares_the_namespace_of_a_kept_service_stays() {
    let changed = format!("{NAMESPACE}  other: {{image: other}}\n");
    assert_snapshot!(World::after_up(NAMESPACE).plan(&changed), @r"
    1. pull image other (missing)
    2. create container p-other-1 (missing)  after 1
    3. start container p-other-1 (missing)  after 2
    4. wait until container p-other-1 is ready or finished (requested)  after 3
    -  container p-web-1 unchanged
    -  container p-tool-1 unchanged
    ");
}
