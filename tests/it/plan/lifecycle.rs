//! `stop`, `start`, `restart`, `kill` and `rm`: containers as they are.

use insta::assert_snapshot;

use crate::support::{World, desired, text};
use devstack::engine::fake::Behaviour;
use devstack::plan::{Plan, lifecycle};
use devstack::project::ServiceName;
use devstack::state::ObservedContainer;

const STACK: &str = "
name: p
services:
  web: {image: web, depends_on: {api: {condition: service_started}}}
  api:
    image: api
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
  migrate: {image: migrate, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
";

fn world() -> World {
    let world = World::new();
    world.engine.behave("migrate", Behaviour::Exits(0));
    world.up(STACK);
    world
}

fn plan(world: &World, services: &[&str], make: impl Fn(&[&ObservedContainer]) -> Plan) -> String {
    let services: Vec<ServiceName> =
        services.iter().map(|name| name.parse().expect("a service's name")).collect();
    let observed = world.observed();
    let project = "p".parse().expect("a project's name");
    text(&make(&lifecycle::selected(&project, &observed, &services)))
}

fn stopped() -> World {
    let world = world();
    let observed = world.observed();
    let all: Vec<&ObservedContainer> = observed.containers.iter().collect();
    world.run(&lifecycle::stop(&all, None)).expect("no fault");
    world
}

#[test]
fn stop_begins_with_the_dependants() {
    assert_snapshot!(plan(&world(), &[], |all| lifecycle::stop(all, None)), @r"
    1. stop container p-web-1 (requested)
    2. stop container p-api-1 (requested)  after 1
    3. stop container p-db-1 (requested)  after 2
    ");
}

#[test]
fn half_a_database_of_this_run_is_thrown_away_and_nothing_else() {
    let world = World::new();
    world.up("
name: p
services:
  db: {image: db, volumes: ['db:/data']}
  older: {image: db, volumes: ['older:/data']}
  bound: {image: db, volumes: ['bound:/data', '/src:/src']}
  shared: {image: db, volumes: ['shared:/data']}
  other: {image: db, volumes: ['shared:/data']}
volumes: {db: , older: , bound: , shared: }
");
    let observed = world.observed();
    let all: Vec<&ObservedContainer> = observed.containers.iter().collect();
    let volumes = ["p_db", "p_bound", "p_shared"].map(str::to_owned);
    let unready: Vec<_> = all
        .iter()
        .filter(|container| container.name != "p-other-1")
        .map(|container| container.id.clone())
        .collect();
    let plan = lifecycle::stop_unfinished(&all, None, &volumes, &unready);
    let told = text(&plan);
    let removed: Vec<&str> = told.lines().filter(|line| line.contains("remove")).collect();
    assert_eq!(removed.len(), 2, "{told}");
    assert!(removed[0].contains("remove container p-db-1"), "{told}");
    assert!(removed[1].contains("remove volume p_db"), "{told}");
    assert_eq!(told.matches("stop container").count(), 4, "{told}");
    assert!(!told.contains("stop container p-db-1"), "{told}");
    let plan = lifecycle::stop_unfinished(&all, None, &volumes, &[]);
    assert_eq!(text(&plan), text(&lifecycle::stop(&all, None)));
}

#[test]
fn stop_of_a_service_leaves_the_others() {
    assert_snapshot!(plan(&world(), &["db"], |all| lifecycle::stop(all, None)), @"  1. stop container p-db-1 (requested)");
}

#[test]
fn stop_of_what_is_stopped_is_nothing() {
    assert_snapshot!(plan(&stopped(), &[], |all| lifecycle::stop(all, None)), @"nothing");
}

#[test]
fn start_begins_with_the_dependencies_and_keeps_their_conditions() {
    let desired = desired(STACK);
    assert_snapshot!(plan(&stopped(), &[], |all| lifecycle::start(all, &desired, false)), @r"
    1. start container p-db-1 (requested)
    2. wait until container p-db-1 is ready (requested)  after 1
    3. start container p-migrate-1 (requested)  after 2
    4. wait until container p-migrate-1 completes (requested)  after 3
    5. start container p-api-1 (requested)  after 2, 4
    6. start container p-web-1 (requested)  after 5
    ");
}

#[test]
fn start_waits_for_all_when_asked() {
    let desired = desired(STACK);
    assert_snapshot!(plan(&stopped(), &[], |all| lifecycle::start(all, &desired, true)), @r"
    1. start container p-db-1 (requested)
    2. wait until container p-db-1 is ready (requested)  after 1
    3. start container p-migrate-1 (requested)  after 2
    4. wait until container p-migrate-1 completes (requested)  after 3
    5. start container p-api-1 (requested)  after 2, 4
    6. wait until container p-api-1 is ready or finished (requested)  after 5
    7. start container p-web-1 (requested)  after 5
    8. wait until container p-web-1 is ready or finished (requested)  after 7
    ");
}

#[test]
fn start_leaves_what_runs() {
    let desired = desired(STACK);
    assert_snapshot!(plan(&world(), &["web", "db"], |all| lifecycle::start(all, &desired, true)), @r"
    -  container p-db-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn start_works_without_the_files() {
    let mut unknown = desired(STACK);
    unknown.containers.clear();
    assert_snapshot!(plan(&stopped(), &[], |all| lifecycle::start(all, &unknown, true)), @r"
    1. start container p-db-1 (requested)
    2. start container p-migrate-1 (requested)
    3. start container p-api-1 (requested)
    4. start container p-web-1 (requested)
    ");
}

#[test]
fn restart_begins_with_the_dependencies() {
    let desired = desired(STACK);
    let restart = |all: &[&ObservedContainer]| lifecycle::restart(all, &desired, None, true);
    assert_snapshot!(plan(&world(), &[], restart), @r"
    1. restart container p-db-1 (requested)
    2. wait until container p-db-1 is ready (requested)  after 1
    3. start container p-migrate-1 (requested)  after 2
    4. wait until container p-migrate-1 completes (requested)  after 3
    5. restart container p-api-1 (requested)  after 2, 4
    6. wait until container p-api-1 is ready or finished (requested)  after 5
    7. restart container p-web-1 (requested)  after 5
    8. wait until container p-web-1 is ready or finished (requested)  after 7
    ");
}

#[test]
fn kill_sends_its_signal_to_what_runs() {
    assert_snapshot!(plan(&world(), &[], |all| lifecycle::kill(all, "SIGHUP")), @"
    1. send SIGHUP to container p-db-1 (requested)
    2. send SIGHUP to container p-web-1 (requested)
    3. send SIGHUP to container p-api-1 (requested)
    ");
}

#[test]
fn rm_takes_only_what_is_stopped() {
    assert_snapshot!(plan(&world(), &[], |all| lifecycle::remove(all, false, false)), @"  1. remove container p-migrate-1 (requested)");
}

#[test]
fn rm_stops_first_when_asked() {
    assert_snapshot!(plan(&world(), &["web", "api"], |all| lifecycle::remove(all, true, false)), @"
    1. stop container p-web-1 (requested)
    2. stop container p-api-1 (requested)  after 1
    3. remove container p-web-1 (requested)  after 1
    4. remove container p-api-1 (requested)  after 2
    ");
}

#[test]
fn containers_of_others_and_of_run_are_not_selected() {
    let world = world();
    world.up(&STACK.replace("name: p", "name: q"));
    let mut observed = world.observed();
    observed.containers[0].labels.insert("com.docker.compose.oneoff".to_owned(), "True".to_owned());
    let project = "p".parse().expect("a project's name");
    let selected = lifecycle::selected(&project, &observed, &[]);
    assert_eq!(selected.len(), 3);
    assert!(selected.iter().all(|container| container.belongs_to(&project)));
}
