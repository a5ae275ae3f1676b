//! What an interrupted run left behind.

use insta::assert_snapshot;

use crate::support::{World, desired};
use devstack::engine::Engine as _;
use devstack::plan::{ReconcileOptions, reconcile};

const BEFORE: &str = "
name: p
services:
  web: {image: web}
";

const AFTER: &str = "
name: p
services:
  web: {image: web, user: '1'}
";

const LATER: &str = "
name: p
services:
  web: {image: web, user: '2'}
";

/// A world in which recreation stopped after so many of its steps: create, stop, remove, rename,
/// start, wait.
fn interrupted_after(steps: usize) -> World {
    let world = World::after_up(BEFORE);
    let plan = reconcile(&desired(AFTER), &world.observed(), &ReconcileOptions::default());
    let mut plan = plan.expect("no conflicts");
    plan.steps.truncate(steps);
    world.run(&plan).expect("no fault");
    world
}

#[test]
fn a_successor_that_was_made_replaces_its_predecessor() {
    assert_snapshot!(interrupted_after(1).plan(AFTER), @r"
    1. stop container p-web-1 (left by an interrupted run)
    2. remove container p-web-1 (left by an interrupted run)  after 1
    3. rename to container p-web-1 (left by an interrupted run)  after 2
    4. start container p-web-1 (not running)  after 2, 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn a_successor_of_a_stopped_predecessor_replaces_it() {
    assert_snapshot!(interrupted_after(2).plan(AFTER), @r"
    1. remove container p-web-1 (left by an interrupted run)
    2. rename to container p-web-1 (left by an interrupted run)  after 1
    3. start container p-web-1 (not running)  after 1, 2
    4. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
}

#[test]
fn a_successor_alone_gets_its_name_and_is_started() {
    assert_snapshot!(interrupted_after(3).plan(AFTER), @r"
    1. rename to container p-web-1 (left by an interrupted run)
    2. start container p-web-1 (not running)  after 1
    3. wait until container p-web-1 is ready or finished (requested)  after 2
    ");
}

#[test]
fn a_successor_with_its_name_is_started() {
    assert_snapshot!(interrupted_after(4).plan(AFTER), @r"
    1. start container p-web-1 (not running)
    2. wait until container p-web-1 is ready or finished (requested)  after 1
    ");
}

#[test]
fn a_successor_that_nobody_wants_any_more_goes() {
    assert_snapshot!(interrupted_after(1).plan(BEFORE), @r"
    1. remove container 000000000002_p-web-1 (left by an interrupted run)
    -  container p-web-1 unchanged
    ");
}

#[test]
fn a_successor_that_is_outdated_itself_is_replaced_too() {
    assert_snapshot!(interrupted_after(1).plan(LATER), @r"
    1. remove container 000000000002_p-web-1 (left by an interrupted run)
    2. create container p-web-1 as 000000000002_p-web-1 (user changed)  after 1
    3. stop container p-web-1 (user changed)  after 2
    4. remove container p-web-1 (user changed)  after 3
    5. rename to container p-web-1 (replaces its predecessor)  after 4
    6. start container p-web-1 (user changed)  after 5
    7. wait until container p-web-1 is ready or finished (requested)  after 6
    ");
    assert_snapshot!(interrupted_after(3).plan(LATER), @r"
    1. create container p-web-1 as 000000000003_p-web-1 (user changed)
    2. remove container p-web-1 (user changed)  after 1
    3. rename to container p-web-1 (replaces its predecessor)  after 2
    4. start container p-web-1 (user changed)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn every_interruption_is_recovered_from() {
    for steps in 0..=6 {
        for wanted in [BEFORE, AFTER, LATER] {
            let world = interrupted_after(steps);
            world.up(wanted);
            assert_eq!(world.observed().containers.len(), 1, "after {steps} steps");
            assert_eq!(world.plan(wanted), "  -  container p-web-1 unchanged\n");
        }
    }
}

#[test]
fn a_container_that_was_only_made_is_started() {
    let world = World::new();
    let options = ReconcileOptions { start: false, ..ReconcileOptions::default() };
    world.up_with(&desired(BEFORE), &options).expect("no fault");
    assert_snapshot!(world.plan(BEFORE), @r"
    1. start container p-web-1 (not running)
    2. wait until container p-web-1 is ready or finished (requested)  after 1
    ");
}

#[test]
fn a_missing_volume_of_a_container_is_made_with_its_labels() {
    let yaml = "
name: p
services:
  db: {image: db, volumes: ['data:/data']}
volumes: {data: }
";
    let world = World::after_up(yaml);
    world.block_on(async {
        let db = world.container("p-db-1").id;
        world.engine.remove_container(&db, false).await.expect("it is there");
        world.engine.remove_volume("p_data").await.expect("nobody uses it");
    });
    assert_snapshot!(world.plan(yaml), @r"
    1. create volume p_data (missing)
    2. create container p-db-1 (missing)  after 1
    3. start container p-db-1 (missing)  after 2
    4. wait until container p-db-1 is ready or finished (requested)  after 3
    ");
}
