//! `down`, from the labels on the engine alone.

use devstack::plan::teardown::{TeardownOptions, teardown};
use insta::assert_snapshot;

use crate::support::{World, text};

const STACK: &str = "
name: p
services:
  web: {image: web, depends_on: [api]}
  api: {image: api, depends_on: [db], volumes: ['/src:/src']}
  db: {image: db, volumes: ['data:/data']}
volumes: {data: }
";

const NEIGHBOUR: &str = "
name: q
services:
  web: {image: web, volumes: ['data:/data']}
volumes: {data: }
";

fn names(names: &[&str]) -> Vec<devstack::project::ServiceName> {
    names.iter().map(|name| name.parse().expect("a service's name")).collect()
}

fn world() -> World {
    let world = World::after_up(STACK);
    world.up(NEIGHBOUR);
    world
}

#[test]
fn dependants_are_stopped_first_and_volumes_stay() {
    assert_snapshot!(text(&world().down("p", |_| {})), @r"
    1. stop container p-web-1 (requested)
    2. remove container p-web-1 (requested)  after 1
    3. stop container p-api-1 (requested)  after 1
    4. remove container p-api-1 (requested)  after 3
    5. stop container p-db-1 (requested)  after 3
    6. remove container p-db-1 (requested)  after 5
    7. remove network p_default (requested)  after 2, 4, 6
    ");
}

#[test]
fn with_volumes_what_only_writes_to_them_is_killed() {
    assert_snapshot!(text(&world().down("p", |it| it.volumes = true)), @r"
    1. remove container p-web-1 (requested)
    2. stop container p-api-1 (requested)
    3. remove container p-api-1 (requested)  after 2
    4. remove container p-db-1 (requested)
    5. remove network p_default (requested)  after 1, 3, 4
    6. remove volume p_data (requested)  after 4
    ");
}

#[test]
fn the_volume_of_a_reload_runner_goes_with_its_container() {
    let yaml =
        "name: p\nservices: {api: {image: api, read_only: true, reload: node, volumes: [/own]}}";
    let world = World::after_up(yaml);
    let mounts = world.container("p-api-1").mounts;
    let volume = |target: &str| {
        let mount = mounts.iter().find(|mount| mount.target == target).expect("it is mounted");
        mount.volume.clone().expect("a volume")
    };
    let (runner, own) = (volume("/opt/devstack"), volume("/own"));
    let plan = text(&world.down("p", |_| {}));
    assert!(plan.contains(&format!("remove volume {runner} (requested)  after 2")), "{plan}");
    assert!(!plan.contains(&own), "{plan}");
    // With `--volumes` the engine removes both with the container.
    let plan = text(&world.down("p", |it| it.volumes = true));
    assert!(!plan.contains("remove volume"), "{plan}");
}

#[test]
fn the_names_of_one_image_go_one_after_the_other() {
    let mut observed = world().observed();
    let api = observed.images.iter_mut().find(|image| image.references == ["api:latest"]);
    api.expect("it was pulled").references.push("api:also".to_owned());
    let options = TeardownOptions {
        images: ["api:latest", "db:latest", "api:also"].map(str::to_owned).to_vec(),
        ..TeardownOptions::default()
    };
    let plan = text(&teardown(&"p".parse().expect("a name"), &observed, &options));
    let images: Vec<&str> = plan.lines().filter(|line| line.contains("remove image")).collect();
    assert_snapshot!(images.join("\n"), @"
     8. remove image api:latest (requested)  after 2, 4, 6
     9. remove image db:latest (requested)  after 2, 4, 6
    10. remove image api:also (requested)  after 2, 4, 6, 8
    ");
}

#[test]
fn a_stopped_container_is_only_removed() {
    use devstack::engine::Engine as _;
    let world = world();
    world.block_on(async {
        let api = world.container("p-api-1").id;
        world.engine.stop_container(&api, None).await.expect("it runs");
    });
    assert_snapshot!(text(&world.down("p", |_| {})), @r"
    1. stop container p-web-1 (requested)
    2. remove container p-web-1 (requested)  after 1
    3. remove container p-api-1 (requested)
    4. stop container p-db-1 (requested)
    5. remove container p-db-1 (requested)  after 4
    6. remove network p_default (requested)  after 2, 3, 5
    ");
}

#[test]
fn orphans_stay_and_keep_their_network() {
    let plan = world().down("p", |it| it.known_services = Some(names(&["web", "api"])));
    assert_snapshot!(text(&plan), @r"
      1. stop container p-web-1 (requested)
      2. remove container p-web-1 (requested)  after 1
      3. stop container p-api-1 (requested)  after 1
      4. remove container p-api-1 (requested)  after 3
    warning: no service of the file has p-db-1; remove with `--remove-orphans`
    warning: network p_default stays: p-db-1 uses it
    ");
}

#[test]
fn orphans_go_when_asked() {
    let plan = world().down("p", |it| {
        it.known_services = Some(names(&["web", "api"]));
        it.remove_orphans = true;
    });
    assert_snapshot!(text(&plan), @r"
    1. stop container p-web-1 (requested)
    2. remove container p-web-1 (requested)  after 1
    3. stop container p-api-1 (requested)  after 1
    4. remove container p-api-1 (requested)  after 3
    5. stop container p-db-1 (requested)  after 3
    6. remove container p-db-1 (requested)  after 5
    7. remove network p_default (requested)  after 2, 4, 6
    ");
}

#[test]
fn named_services_go_with_the_volumes_that_only_they_use() {
    let plan = world().down("p", |it| {
        it.services = Some(names(&["db"]));
        it.volumes = true;
    });
    assert_snapshot!(text(&plan), @r"
    1. remove container p-db-1 (requested)
    2. remove volume p_data (requested)  after 1
    ");
}

#[test]
fn a_volume_that_others_use_stays() {
    let yaml = STACK.replace("'/src:/src'", "'data:/shared'");
    let plan = World::after_up(&yaml).down("p", |it| {
        it.services = Some(names(&["db"]));
        it.volumes = true;
    });
    assert_snapshot!(text(&plan), @r"
    1. stop container p-db-1 (requested)
    2. remove container p-db-1 (requested)  after 1
    ");
}

#[test]
fn networks_stay_when_asked() {
    assert_snapshot!(text(&world().down("p", |it| it.keep_networks = true)), @r"
    1. stop container p-web-1 (requested)
    2. remove container p-web-1 (requested)  after 1
    3. stop container p-api-1 (requested)  after 1
    4. remove container p-api-1 (requested)  after 3
    5. stop container p-db-1 (requested)  after 3
    6. remove container p-db-1 (requested)  after 5
    ");
}

#[test]
fn images_go_last() {
    let plan = World::after_up(NEIGHBOUR).down("q", |it| it.images = vec!["web:latest".to_owned()]);
    assert_snapshot!(text(&plan), @r"
    1. stop container q-web-1 (requested)
    2. remove container q-web-1 (requested)  after 1
    3. remove network q_default (requested)  after 2
    4. remove image web:latest (requested)  after 2
    ");
}

#[test]
fn an_unknown_project_has_nothing_to_remove() {
    assert_snapshot!(text(&world().down("r", |it| it.volumes = true)), @"nothing");
}

#[test]
fn a_container_of_run_goes_too() {
    let mut observed = World::after_up(NEIGHBOUR).observed();
    observed.containers[0].labels.insert("com.docker.compose.oneoff".to_owned(), "True".to_owned());
    let world = World::with(devstack::engine::fake::FakeEngine::with(observed));
    assert_snapshot!(text(&world.down("q", |it| it.known_services = Some(names(&["web"])))), @r"
    1. stop container q-web-1 (requested)
    2. remove container q-web-1 (requested)  after 1
    3. remove network q_default (requested)  after 2
    ");
}

#[test]
fn a_cycle_in_the_labels_ends() {
    let mut observed = World::after_up(STACK).observed();
    for container in &mut observed.containers {
        let all = "web:service_started:false,api:service_started:false,db:service_started:false";
        container.labels.insert("com.docker.compose.depends_on".to_owned(), all.to_owned());
    }
    let world = World::with(devstack::engine::fake::FakeEngine::with(observed));
    let plan = world.down("p", |_| {});
    world.run(&plan).expect("no fault");
    assert_eq!(world.observed().containers, []);
}
