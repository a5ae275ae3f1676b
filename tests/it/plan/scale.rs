//! Several containers of one service, and containers of services that are gone.

use insta::assert_snapshot;

use crate::support::{World, desired_of};

fn scaled(count: u32) -> String {
    format!(
        "
name: p
services:
  web: {{image: web, scale: {count}}}
  db: {{image: db}}
"
    )
}

#[test]
fn scaling_up_adds_what_is_missing() {
    assert_snapshot!(World::after_up(&scaled(1)).plan(&scaled(3)), @r"
    1. create container p-web-2 (missing)
    2. start container p-web-2 (missing)  after 1
    3. create container p-web-3 (missing)
    4. start container p-web-3 (missing)  after 3
    5. wait until container p-web-2 is ready or finished (requested)  after 2
    6. wait until container p-web-3 is ready or finished (requested)  after 4
    -  container p-web-1 unchanged
    -  container p-db-1 unchanged
    ");
}

#[test]
fn scaling_down_removes_the_highest_numbers() {
    assert_snapshot!(World::after_up(&scaled(3)).plan(&scaled(1)), @r"
    1. stop container p-web-2 (scaled down)
    2. remove container p-web-2 (scaled down)  after 1
    3. stop container p-web-3 (scaled down)
    4. remove container p-web-3 (scaled down)  after 3
    -  container p-web-1 unchanged
    -  container p-db-1 unchanged
    ");
}

#[test]
fn scaling_to_none_removes_all() {
    assert_snapshot!(World::after_up(&scaled(2)).plan(&scaled(0)), @r"
    1. stop container p-web-1 (scaled down)
    2. remove container p-web-1 (scaled down)  after 1
    3. stop container p-web-2 (scaled down)
    4. remove container p-web-2 (scaled down)  after 3
    -  container p-db-1 unchanged
    ");
}

#[test]
fn a_dependant_waits_for_every_container() {
    assert_snapshot!(World::new().plan("
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, scale: 2, healthcheck: {test: 'true'}}
"), @r"
     1. pull image web (missing)
     2. pull image db (missing)
     3. create network p_default (missing)
     4. create container p-db-1 (missing)  after 2, 3
     5. start container p-db-1 (missing)  after 4
     6. create container p-db-2 (missing)  after 2, 3
     7. start container p-db-2 (missing)  after 6
     8. create container p-web-1 (missing)  after 1, 3
     9. wait until container p-db-1 is ready (needed by web)  after 5
    10. wait until container p-db-2 is ready (needed by web)  after 7
    11. start container p-web-1 (missing)  after 8, 9, 10
    12. wait until container p-web-1 is ready or finished (requested)  after 11
    ");
}

#[test]
fn orphans_stay_and_are_told_of() {
    let without_db = scaled(1).replace("  db: {image: db}\n", "");
    assert_snapshot!(World::after_up(&scaled(1)).plan(&without_db), @r"
      -  container p-web-1 unchanged
    warning: no service of the file has p-db-1; remove with `--remove-orphans`
    ");
}

#[test]
fn orphans_go_when_asked() {
    let without_web = scaled(2).replace("  web: {image: web, scale: 2}\n", "");
    let world = World::after_up(&scaled(2));
    assert_snapshot!(world.plan_with(&without_web, |it| it.remove_orphans = true), @r"
    1. stop container p-web-1 (no service of this name)
    2. remove container p-web-1 (no service of this name)  after 1
    3. stop container p-web-2 (no service of this name)
    4. remove container p-web-2 (no service of this name)  after 3
    -  container p-db-1 unchanged
    ");
}

#[test]
fn an_orphan_on_a_changed_network_goes_when_asked() {
    let without_web = format!(
        "{}networks: {{default: {{internal: true}}}}\n",
        scaled(1).replace("  web: {image: web, scale: 1}\n", "")
    );
    let world = World::after_up(&scaled(1));
    assert_snapshot!(world.plan(&without_web), @"conflict: network `p_default` changed, but `p-web-1`, which no service has, uses it");
    assert_snapshot!(world.plan_with(&without_web, |it| it.remove_orphans = true), @r"
    1. stop container p-web-1 (no service of this name)
    2. remove container p-web-1 (no service of this name)  after 1
    3. stop container p-db-1 (network p_default changed)
    4. remove container p-db-1 (network p_default changed)  after 3
    5. remove network p_default (definition changed)  after 2, 4
    6. create network p_default (definition changed)  after 5
    7. create container p-db-1 (network p_default changed)  after 4, 6
    8. start container p-db-1 (network p_default changed)  after 7
    9. wait until container p-db-1 is ready or finished (requested)  after 8
    ");
}

#[test]
fn a_surplus_container_on_a_changed_network_is_removed_once() {
    let changed = format!("{}networks: {{default: {{internal: true}}}}\n", scaled(1));
    assert_snapshot!(World::after_up(&scaled(2)).plan(&changed), @r"
     1. stop container p-web-2 (scaled down)
     2. remove container p-web-2 (scaled down)  after 1
     3. stop container p-web-1 (network p_default changed)
     4. remove container p-web-1 (network p_default changed)  after 3
     5. stop container p-db-1 (network p_default changed)
     6. remove container p-db-1 (network p_default changed)  after 5
     7. remove network p_default (definition changed)  after 4, 2, 6
     8. create network p_default (definition changed)  after 7
     9. create container p-web-1 (network p_default changed)  after 4, 8
    10. start container p-web-1 (network p_default changed)  after 9
    11. create container p-db-1 (network p_default changed)  after 6, 8
    12. start container p-db-1 (network p_default changed)  after 11
    13. wait until container p-web-1 is ready or finished (requested)  after 10
    14. wait until container p-db-1 is ready or finished (requested)  after 12
    ");
}

#[test]
fn the_name_of_an_orphan_is_taken_when_it_is_gone() {
    let before = "
name: p
services:
  old: {image: web, container_name: fixed}
";
    let after = "
name: p
services:
  new: {image: web, container_name: fixed}
";
    let world = World::after_up(before);
    assert_snapshot!(world.plan(after), @"conflict: container name `fixed` is already used by another container of this project (000000000002)");
    assert_snapshot!(world.plan_with(after, |it| it.remove_orphans = true), @r"
    1. stop container fixed (no service of this name)
    2. remove container fixed (no service of this name)  after 1
    3. create container fixed (missing)  after 2
    4. start container fixed (missing)  after 3
    5. wait until container fixed is ready or finished (requested)  after 4
    ");
}

#[test]
fn the_name_of_an_orphan_is_taken_by_a_recreated_container_too() {
    let before = "
name: p
services:
  old: {image: web, container_name: fixed}
  kept: {image: web}
";
    let after = "
name: p
services:
  kept: {image: web, container_name: fixed}
";
    let world = World::after_up(before);
    assert_snapshot!(world.plan_with(after, |it| it.remove_orphans = true), @r"
    1. stop container fixed (no service of this name)
    2. remove container fixed (no service of this name)  after 1
    3. create container fixed as 000000000003_fixed (networks, container_name changed)
    4. stop container fixed (networks, container_name changed)  after 3
    5. remove container fixed (networks, container_name changed)  after 4
    6. rename to container fixed (replaces its predecessor)  after 2, 5
    7. start container fixed (networks, container_name changed)  after 6
    8. wait until container fixed is ready or finished (requested)  after 7
    ");
}

#[test]
fn what_was_not_named_is_left_alone() {
    let changed = scaled(1).replace("image: db", "image: db, user: '1'");
    let desired = desired_of(&changed, &["db"], true);
    assert_snapshot!(World::after_up(&scaled(3)).plan_of(&desired, |_| {}), @r"
    1. create container p-db-1 as 000000000005_p-db-1 (user changed)
    2. stop container p-db-1 (user changed)  after 1
    3. remove container p-db-1 (user changed)  after 2
    4. rename to container p-db-1 (replaces its predecessor)  after 3
    5. start container p-db-1 (user changed)  after 4
    6. wait until container p-db-1 is ready or finished (requested)  after 5
    ");
}

#[test]
fn a_changed_network_that_others_use_is_a_conflict() {
    let changed = format!("{}networks: {{default: {{internal: true}}}}\n", scaled(1));
    let desired = desired_of(&changed, &["db"], true);
    assert_snapshot!(World::after_up(&scaled(1)).plan_of(&desired, |_| {}), @"conflict: network `p_default` changed, but `p-web-1` uses it and is not part of this run");
}
