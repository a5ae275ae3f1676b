//! What others own is never taken; what must be there is not made.

use insta::assert_snapshot;

use crate::support::{World, desired_of};
use devstack::engine::fake::FakeEngine;

const MINE: &str = "
name: p
services:
  web: {image: web, container_name: fixed, networks: [net], volumes: ['data:/data']}
networks: {net: {name: shared-net}}
volumes: {data: {name: shared-data}}
";

const THEIRS: &str = "
name: q
services:
  app: {image: app, container_name: fixed, networks: [net], volumes: ['data:/data']}
networks: {net: {name: shared-net}}
volumes: {data: {name: shared-data}}
";

#[test]
fn names_of_another_project_are_conflicts_all_at_once() {
    assert_snapshot!(World::after_up(THEIRS).plan(MINE), @r"
    conflict: network `shared-net` exists but does not belong to project `p`
    conflict: volume `shared-data` exists but does not belong to project `p`
    conflict: container name `fixed` is already used by project `q` (000000000002)
    ");
}

#[test]
fn names_that_no_project_owns_are_conflicts_too() {
    let mut observed = World::after_up(THEIRS).observed();
    observed.containers[0].labels.clear();
    observed.networks[0].labels.clear();
    observed.volumes[0].labels.clear();
    assert_snapshot!(World::with(FakeEngine::with(observed)).plan(MINE), @r"
    conflict: network `shared-net` exists but does not belong to project `p`
    conflict: volume `shared-data` exists but does not belong to project `p`
    conflict: container name `fixed` is already used by a container that no project owns (000000000002)
    ");
}

#[test]
fn a_name_that_a_service_outside_of_the_run_has_is_a_conflict() {
    let before = "
name: p
services:
  one: {image: web, container_name: first}
  two: {image: web, container_name: second}
";
    let swapped = "
name: p
services:
  one: {image: web, container_name: second}
  two: {image: web, container_name: first}
";
    let one = desired_of(swapped, &["one"], false);
    assert_snapshot!(World::after_up(before).plan_of(&one, |_| {}), @"conflict: container name `second` is already used by another container of this project (000000000003)");
}

#[test]
fn a_container_of_run_has_its_name_and_is_left_alone() {
    let mut observed = World::after_up(MINE).observed();
    observed.containers[0].labels.insert("com.docker.compose.oneoff".to_owned(), "True".to_owned());
    assert_snapshot!(World::with(FakeEngine::with(observed)).plan(MINE), @"conflict: container name `fixed` is already used by another container of this project (000000000002)");
}

const EXTERNAL: &str = "
name: p
services:
  web: {image: web, networks: [net], volumes: ['data:/data']}
networks: {net: {name: shared-net, external: true}}
volumes: {data: {name: shared-data, external: true}}
";

#[test]
fn external_resources_must_be_there() {
    assert_snapshot!(World::new().plan(EXTERNAL), @r"
    conflict: external network `shared-net` does not exist
    conflict: external volume `shared-data` does not exist
    ");
}

#[test]
fn external_resources_of_anybody_are_used_as_they_are() {
    let world = World::after_up(THEIRS);
    assert_snapshot!(world.plan(EXTERNAL), @r"
    1. pull image web (missing)
    2. create container p-web-1 (missing)  after 1
    3. start container p-web-1 (missing)  after 2
    4. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
    world.up(EXTERNAL);
    assert_snapshot!(world.plan(EXTERNAL), @"  -  container p-web-1 unchanged");
}

#[test]
fn external_resources_survive_a_teardown() {
    let world = World::after_up(THEIRS);
    world.up(EXTERNAL);
    let plan = world.down("p", |it| it.volumes = true);
    assert_snapshot!(crate::support::text(&plan), @r"
    1. stop container p-web-1 (requested)
    2. remove container p-web-1 (requested)  after 1
    ");
}

#[test]
fn the_network_of_the_host_needs_no_definition() {
    assert_snapshot!(World::new().plan("
name: p
services:
  web: {image: web, networks: [net]}
networks: {net: {name: host, external: true}}
"), @r"
    1. pull image web (missing)
    2. create container p-web-1 (missing)  after 1
    3. start container p-web-1 (missing)  after 2
    4. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
}
