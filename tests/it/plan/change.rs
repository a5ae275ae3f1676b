//! What a changed file, image or engine means for containers that exist.

use insta::assert_snapshot;

use crate::support::World;
use devstack::plan::{ReconcileOptions, Recreate};

const BEFORE: &str = "
name: p
services:
  web: {image: web, environment: {A: '1'}, depends_on: [db]}
  db: {image: db}
";

const CHANGED_WEB: &str = "
name: p
services:
  web: {image: web, environment: {A: '2'}, depends_on: [db]}
  db: {image: db}
";

const CHANGED_DB: &str = "
name: p
services:
  web: {image: web, environment: {A: '1'}, depends_on: [db]}
  db: {image: db, command: [serve]}
";

#[test]
fn changed_env_recreates_only_that_service() {
    assert_snapshot!(World::after_up(BEFORE).plan(CHANGED_WEB), @r"
    1. create container p-web-1 as 000000000003_p-web-1 (environment changed)
    2. stop container p-web-1 (environment changed)  after 1
    3. remove container p-web-1 (environment changed)  after 2
    4. rename to container p-web-1 (replaces its predecessor)  after 3
    5. start container p-web-1 (environment changed)  after 4
    6. wait until container p-web-1 is ready or finished (requested)  after 5
    -  container p-db-1 unchanged
    ");
}

#[test]
fn dependants_of_a_recreated_service_stay() {
    assert_snapshot!(World::after_up(BEFORE).plan(CHANGED_DB), @r"
    1. create container p-db-1 as 000000000002_p-db-1 (command changed)
    2. stop container p-db-1 (command changed)  after 1
    3. remove container p-db-1 (command changed)  after 2
    4. rename to container p-db-1 (replaces its predecessor)  after 3
    5. start container p-db-1 (command changed)  after 4
    6. wait until container p-db-1 is ready or finished (requested)  after 5
    -  container p-web-1 unchanged
    ");
}

#[test]
fn all_changed_fields_are_named() {
    assert_snapshot!(World::after_up(BEFORE).plan("
name: p
services:
  web: {image: web, user: '1000', tty: true, environment: {A: '2'}, depends_on: [db]}
  db: {image: db}
"), @r"
    1. create container p-web-1 as 000000000003_p-web-1 (environment, user, tty changed)
    2. stop container p-web-1 (environment, user, tty changed)  after 1
    3. remove container p-web-1 (environment, user, tty changed)  after 2
    4. rename to container p-web-1 (replaces its predecessor)  after 3
    5. start container p-web-1 (environment, user, tty changed)  after 4
    6. wait until container p-web-1 is ready or finished (requested)  after 5
    -  container p-db-1 unchanged
    ");
}

#[test]
fn fields_outside_the_container_change_nothing() {
    assert_snapshot!(World::after_up(BEFORE).plan("
name: p
services:
  web: {image: web, environment: {A: '1'}}
  db: {image: db, pull_policy: never}
"), @r"
    -  container p-web-1 unchanged
    -  container p-db-1 unchanged
    ");
}

#[test]
fn another_image_is_pulled_first() {
    assert_snapshot!(World::after_up(BEFORE).plan("
name: p
services:
  web: {image: 'web:2', environment: {A: '1'}, depends_on: [db]}
  db: {image: db}
"), @r"
    1. pull image web:2 (missing)
    2. create container p-web-1 as 000000000003_p-web-1 (image changed)  after 1
    3. stop container p-web-1 (image changed)  after 2
    4. remove container p-web-1 (image changed)  after 3
    5. rename to container p-web-1 (replaces its predecessor)  after 4
    6. start container p-web-1 (image changed)  after 5
    7. wait until container p-web-1 is ready or finished (requested)  after 6
    -  container p-db-1 unchanged
    ");
}

#[test]
fn a_newer_image_under_the_same_name_recreates() {
    let world = World::after_up(BEFORE);
    world.engine.release("web:latest");
    let options = devstack::plan::ReconcileOptions {
        pull: Some(devstack::project::PullPolicy::Always),
        ..Default::default()
    };
    let desired = crate::support::desired(BEFORE);
    let images = devstack::plan::images_only(&desired, &world.observed(), &options);
    world.run(&images.expect("no conflicts")).expect("both pulls succeed");
    assert_snapshot!(world.plan(BEFORE), @r"
    1. create container p-web-1 as 000000000003_p-web-1 (image changed)
    2. stop container p-web-1 (image changed)  after 1
    3. remove container p-web-1 (image changed)  after 2
    4. rename to container p-web-1 (replaces its predecessor)  after 3
    5. start container p-web-1 (image changed)  after 4
    6. wait until container p-web-1 is ready or finished (requested)  after 5
    -  container p-db-1 unchanged
    ");
}

#[test]
fn force_recreates_what_did_not_change() {
    let world = World::after_up(BEFORE);
    assert_snapshot!(world.plan_with(BEFORE, |it| it.recreate = Recreate::Force), @r"
     1. create container p-db-1 as 000000000002_p-db-1 (requested)
     2. stop container p-db-1 (requested)  after 1
     3. remove container p-db-1 (requested)  after 2
     4. rename to container p-db-1 (replaces its predecessor)  after 3
     5. start container p-db-1 (requested)  after 4
     6. create container p-web-1 as 000000000003_p-web-1 (requested)
     7. stop container p-web-1 (requested)  after 6
     8. remove container p-web-1 (requested)  after 7
     9. rename to container p-web-1 (replaces its predecessor)  after 8
    10. start container p-web-1 (requested)  after 5, 9
    11. wait until container p-db-1 is ready or finished (requested)  after 5
    12. wait until container p-web-1 is ready or finished (requested)  after 10
    ");
}

#[test]
fn no_recreate_keeps_what_changed() {
    let world = World::after_up(BEFORE);
    assert_snapshot!(world.plan_with(CHANGED_WEB, |it| it.recreate = Recreate::Never), @r"
    -  container p-db-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn no_recreate_starts_and_makes_what_is_missing() {
    let world = World::after_up(BEFORE);
    world.block_on(async {
        use devstack::engine::Engine as _;
        let (web, db) = (world.container("p-web-1").id, world.container("p-db-1").id);
        world.engine.stop_container(&db, None).await.expect("it runs");
        world.engine.remove_container(&web, false).await.expect("it is there");
    });
    assert_snapshot!(world.plan_with(CHANGED_WEB, |it| it.recreate = Recreate::Never), @r"
    1. start container p-db-1 (not running)
    2. create container p-web-1 (missing)
    3. start container p-web-1 (missing)  after 1, 2
    4. wait until container p-db-1 is ready or finished (requested)  after 1
    5. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
}

#[test]
fn a_grace_period_of_the_user_holds_for_what_is_replaced() {
    use devstack::plan::{Operation, ReconcileOptions, reconcile};
    let world = World::after_up(BEFORE);
    let grace = Some(devstack::project::Duration::from_secs(3));
    let options = ReconcileOptions { grace, ..ReconcileOptions::default() };
    let plan = reconcile(&crate::support::desired(CHANGED_WEB), &world.observed(), &options);
    let plan = plan.expect("no conflicts");
    let stops: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::StopContainer { grace, .. } => Some(*grace),
            _ => None,
        })
        .collect();
    assert_eq!(stops, [grace]);
}

const VOLUME: &str = "
name: p
services:
  db: {image: db, volumes: ['data:/data']}
volumes: {data: }
";

#[test]
fn a_changed_volume_keeps_its_data_and_warns() {
    assert_snapshot!(World::after_up(VOLUME).plan("
name: p
services:
  db: {image: db, volumes: ['data:/data']}
volumes: {data: {labels: {a: b}}}
"), @r"
      -  container p-db-1 unchanged
    warning: volume p_data keeps its data and its old definition; `devstack down -v` followed by `up` makes it anew
    ");
}

#[test]
fn another_volume_at_the_same_path_recreates() {
    assert_snapshot!(World::after_up(VOLUME).plan("
name: p
services:
  db: {image: db, volumes: ['data:/data']}
volumes: {data: {name: elsewhere}}
"), @r"
    1. create volume elsewhere (missing)
    2. create container p-db-1 as 000000000002_p-db-1 (volumes changed)  after 1
    3. stop container p-db-1 (volumes changed)  after 2
    4. remove container p-db-1 (volumes changed)  after 3
    5. rename to container p-db-1 (replaces its predecessor)  after 4
    6. start container p-db-1 (volumes changed)  after 5
    7. wait until container p-db-1 is ready or finished (requested)  after 6
    ");
}

const NETWORK: &str = "
name: p
services:
  web: {image: web, networks: [front, back]}
  db: {image: db, networks: [back]}
  other: {image: other, networks: [apart]}
networks: {front: , back: , apart: }
";

#[test]
fn a_changed_network_takes_its_containers_down_first() {
    let changed = NETWORK.replace("back: , apart", "back: {internal: true}, apart");
    assert_snapshot!(World::after_up(NETWORK).plan(&changed), @r"
     1. stop container p-web-1 (network p_back changed)
     2. remove container p-web-1 (network p_back changed)  after 1
     3. stop container p-db-1 (network p_back changed)
     4. remove container p-db-1 (network p_back changed)  after 3
     5. remove network p_back (definition changed)  after 2, 4
     6. create network p_back (definition changed)  after 5
     7. create container p-web-1 (network p_back changed)  after 2, 6
     8. start container p-web-1 (network p_back changed)  after 7
     9. create container p-db-1 (network p_back changed)  after 4, 6
    10. start container p-db-1 (network p_back changed)  after 9
    11. wait until container p-web-1 is ready or finished (requested)  after 8
    12. wait until container p-db-1 is ready or finished (requested)  after 10
     -  container p-other-1 unchanged
    ");
}

#[test]
fn a_container_on_two_changed_networks_is_removed_once() {
    let changed =
        NETWORK.replace("front: , back: ,", "front: {internal: true}, back: {internal: true},");
    assert_snapshot!(World::after_up(NETWORK).plan(&changed), @r"
     1. stop container p-web-1 (network p_front changed)
     2. remove container p-web-1 (network p_front changed)  after 1
     3. remove network p_front (definition changed)  after 2
     4. create network p_front (definition changed)  after 3
     5. stop container p-db-1 (network p_back changed)
     6. remove container p-db-1 (network p_back changed)  after 5
     7. remove network p_back (definition changed)  after 2, 6
     8. create network p_back (definition changed)  after 7
     9. create container p-web-1 (network p_front changed)  after 2, 4, 8
    10. start container p-web-1 (network p_front changed)  after 9
    11. create container p-db-1 (network p_back changed)  after 6, 8
    12. start container p-db-1 (network p_back changed)  after 11
    13. wait until container p-web-1 is ready or finished (requested)  after 10
    14. wait until container p-db-1 is ready or finished (requested)  after 12
     -  container p-other-1 unchanged
    ");
}

#[test]
fn a_changed_network_waits_for_containers_that_leave_it_too() {
    let changed = NETWORK
        .replace("back: , apart", "back: {internal: true}, apart")
        .replace("{image: db, networks: [back]}", "{image: db, networks: [front]}");
    assert_snapshot!(World::after_up(NETWORK).plan(&changed), @r"
     1. stop container p-web-1 (network p_back changed)
     2. remove container p-web-1 (network p_back changed)  after 1
     3. stop container p-db-1 (network p_back changed)
     4. remove container p-db-1 (network p_back changed)  after 3
     5. remove network p_back (definition changed)  after 2, 4
     6. create network p_back (definition changed)  after 5
     7. create container p-web-1 (network p_back changed)  after 2, 6
     8. start container p-web-1 (network p_back changed)  after 7
     9. create container p-db-1 (network p_back changed)  after 4
    10. start container p-db-1 (network p_back changed)  after 9
    11. wait until container p-web-1 is ready or finished (requested)  after 8
    12. wait until container p-db-1 is ready or finished (requested)  after 10
     -  container p-other-1 unchanged
    ");
}

#[test]
fn a_service_that_joins_a_network_is_recreated() {
    let changed = NETWORK.replace("[apart]", "[apart, front]");
    assert_snapshot!(World::after_up(NETWORK).plan(&changed), @r"
    1. create container p-other-1 as 000000000006_p-other-1 (networks changed)
    2. stop container p-other-1 (networks changed)  after 1
    3. remove container p-other-1 (networks changed)  after 2
    4. rename to container p-other-1 (replaces its predecessor)  after 3
    5. start container p-other-1 (networks changed)  after 4
    6. wait until container p-other-1 is ready or finished (requested)  after 5
    -  container p-web-1 unchanged
    -  container p-db-1 unchanged
    ");
}

#[test]
fn a_stopped_container_whose_network_is_gone_is_made_again() {
    // The engine starts a container only on the very network that it joined before.
    use devstack::engine::Engine as _;
    let world = World::after_up(VOLUME);
    world.block_on(async {
        let db = world.container("p-db-1").id;
        world.engine.stop_container(&db, None).await.expect("it runs");
        let network = &world.observed().networks[0];
        world.engine.remove_network(&network.id).await.expect("nobody uses it");
    });
    assert_snapshot!(world.plan(VOLUME), @r"
    1. create network p_default (missing)
    2. create container p-db-1 as 000000000002_p-db-1 (network p_default changed)  after 1
    3. remove container p-db-1 (network p_default changed)  after 2
    4. rename to container p-db-1 (replaces its predecessor)  after 3
    5. start container p-db-1 (network p_default changed)  after 4
    6. wait until container p-db-1 is ready or finished (requested)  after 5
    ");
    world.up(VOLUME);
}

const ANONYMOUS: &str = "
name: p
services:
  db: {image: db, volumes: ['/data', '/cache']}
";

fn inherited(world: &World, yaml: &str, renew: bool) -> Vec<String> {
    use devstack::plan::{Operation, ReconcileOptions, reconcile};
    let options =
        ReconcileOptions { renew_anonymous_volumes: renew, ..ReconcileOptions::default() };
    let plan = reconcile(&crate::support::desired(yaml), &world.observed(), &options);
    let plan = plan.expect("no conflicts");
    plan.steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::CreateContainer { inherit, .. } => Some(inherit),
            _ => None,
        })
        .flatten()
        .map(|(path, _)| path.clone())
        .collect()
}

#[test]
fn anonymous_volumes_are_handed_to_the_successor() {
    let world = World::after_up(ANONYMOUS);
    let before = world.container("p-db-1").mounts;
    assert_eq!(before.len(), 2);
    let changed = ANONYMOUS.replace("image: db,", "image: db, user: '1',");
    assert_eq!(inherited(&world, &changed, false), ["/data", "/cache"]);
    assert_eq!(inherited(&world, &changed, true), [] as [&str; 0]);
    world.up(&changed);
    assert_eq!(world.container("p-db-1").mounts, before);
}

#[test]
fn anonymous_volumes_are_not_handed_to_a_path_that_has_a_mount_now() {
    let world = World::after_up(ANONYMOUS);
    let changed = "
name: p
services:
  db: {image: db, volumes: ['data:/data', '/cache']}
volumes: {data: }
";
    assert_eq!(inherited(&world, changed, false), ["/cache"]);
}

#[test]
fn packages_of_an_image_go_with_it() {
    let yaml = "
name: p
services:
  api: {image: api, volumes: ['/app/node_modules', '/app/data']}
";
    let world = World::after_up(yaml);
    let changed = yaml.replace("image: api,", "image: api, user: '1',");
    assert_eq!(inherited(&world, &changed, false), ["/app/node_modules", "/app/data"]);
    let mounts = world.container("p-api-1").mounts;
    let packages = mounts[0].volume.clone().expect("a volume");
    // Another image has packages of its own in it.
    world.engine.release("api:latest");
    world.engine.obtain("api:latest");
    assert_eq!(inherited(&world, yaml, false), ["/app/data"]);
    let plan = world.plan(yaml);
    assert!(plan.contains(&format!("remove volume {packages}")), "{plan}");
}

#[test]
fn anonymous_volumes_survive_a_changed_network() {
    let world = World::after_up(ANONYMOUS);
    let before = world.container("p-db-1").mounts;
    let changed = format!("{ANONYMOUS}networks: {{default: {{internal: true}}}}\n");
    world.up(&changed);
    assert_eq!(world.container("p-db-1").mounts, before);
}

#[test]
fn a_renamed_container_gets_its_name_when_the_old_one_is_gone() {
    let world = World::after_up(BEFORE);
    let changed = BEFORE.replace("image: db}", "image: db, container_name: database}");
    assert_snapshot!(world.plan(&changed), @r"
    1. create container database as 000000000002_database (networks, container_name changed)
    2. stop container database (networks, container_name changed)  after 1
    3. remove container database (networks, container_name changed)  after 2
    4. rename to container database (replaces its predecessor)  after 3
    5. start container database (networks, container_name changed)  after 4
    6. wait until container database is ready or finished (requested)  after 5
    -  container p-web-1 unchanged
    ");
}

#[test]
fn two_services_swap_their_names_in_one_go() {
    let before = BEFORE
        .replace("image: web,", "image: web, container_name: one,")
        .replace("image: db}", "image: db, container_name: two}");
    let swapped = before.replace("one", "three").replace("two", "one").replace("three", "two");
    let world = World::after_up(&before);
    assert_snapshot!(world.plan(&swapped), @"
     1. rename to container 000000000002_two (its name goes to `web`)
     2. rename to container 000000000003_one (its name goes to `db`)
     3. create container one as 000000000002_one (networks, container_name changed)
     4. stop container one (networks, container_name changed)  after 3
     5. remove container one (networks, container_name changed)  after 4
     6. rename to container one (replaces its predecessor)  after 2, 5
     7. start container one (networks, container_name changed)  after 6
     8. create container two as 000000000003_two (networks, container_name changed)
     9. stop container two (networks, container_name changed)  after 8
    10. remove container two (networks, container_name changed)  after 9
    11. rename to container two (replaces its predecessor)  after 1, 5, 10
    12. start container two (networks, container_name changed)  after 7, 11
    13. wait until container one is ready or finished (requested)  after 7
    14. wait until container two is ready or finished (requested)  after 12
    ");
    world.up(&swapped);
    assert_eq!(world.container("one").service().expect("a service").as_str(), "db");
    assert_eq!(world.container("two").service().expect("a service").as_str(), "web");
    assert_snapshot!(world.plan(&swapped), @"
    -  container one unchanged
    -  container two unchanged
    ");
    // Containers that stay as they are only change their names.
    let keep = |it: &mut ReconcileOptions| it.recreate = Recreate::Never;
    assert_snapshot!(world.plan_with(&before, keep), @"
    1. rename to container 000000000004_one (its name goes to `web`)
    2. rename to container 000000000005_two (its name goes to `db`)
    3. rename to container two (left by an interrupted run)  after 2
    4. rename to container one (left by an interrupted run)  after 1
    -  container two unchanged
    -  container one unchanged
    ");
}

#[test]
fn a_name_moves_on_from_service_to_service() {
    let before = BEFORE.replace("image: db}", "image: db, container_name: one}");
    let moved = BEFORE
        .replace("image: web,", "image: web, container_name: one,")
        .replace("image: db}", "image: db, container_name: two}");
    let world = World::after_up(&before);
    world.up(&moved);
    assert_eq!(world.container("one").service().expect("a service").as_str(), "web");
    assert_eq!(world.observed().containers.len(), 2);
}
