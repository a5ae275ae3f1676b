//! `pre_start`: what has to end well in containers of its own before a service's is started.

use devstack::engine::fake::{Behaviour, FakeEngine};
use devstack::execute::{ExecuteError, StepError, WaitFailureReason};
use devstack::plan::reset::reset;
use devstack::plan::teardown::TeardownOptions;
use devstack::plan::{Operation, ReconcileOptions, lifecycle, weave};
use devstack::state::{ContainerState, ObservedContainer};
use insta::assert_snapshot;

use super::hooks::{of_all, position};
use crate::support::{World, desired, text};

/// A service that something has to be done for before it starts.
const PREPARED: &str = "
name: p
services:
  web:
    image: web
    depends_on: {db: {condition: service_healthy}}
    pre_start:
      - command: [migrate, --all]
      - {image: busybox, command: [chown, '1000', /data], user: root}
  db: {image: db, healthcheck: {test: 'true'}}
";

/// The calls that asked for a change since the one in this place.
fn calls(world: &World, since: usize) -> Vec<String> {
    world.engine.calls().split_off(since)
}

/// A run whose first hook fails on an engine that is prepared for it, and how the run ends.
fn after_a_failing_hook(prepare: impl FnOnce(&FakeEngine)) -> (World, ExecuteError) {
    let world = World::new();
    world.engine.behave("p-web-1-pre_start-1", Behaviour::Exits(3));
    prepare(&world.engine);
    let run = world.up_with(&desired(PREPARED), &ReconcileOptions::default());
    (world, run.expect_err("the hook fails"))
}

#[test]
fn hooks_before_a_start_end_one_after_the_other_when_what_it_needs_is_ready() {
    let world = World::new();
    assert_snapshot!(world.plan(PREPARED), @"
     1. pull image web (missing)
     2. pull image db (missing)
     3. pull image busybox (missing)
     4. create network p_default (missing)
     5. create container p-db-1 (missing)  after 2, 4
     6. start container p-db-1 (missing)  after 5
     7. create container p-web-1 (missing)  after 1, 4
     8. wait until container p-db-1 is ready (needed by web)  after 6
     9. create hook p-web-1-pre_start-1 for `migrate --all` (missing)  after 1, 7
    10. start hook p-web-1-pre_start-1 (missing)  after 7, 8, 9
    11. wait until hook p-web-1-pre_start-1 completes (missing)  after 10
    12. remove hook p-web-1-pre_start-1 (missing)  after 11
    13. create hook p-web-1-pre_start-2 for `chown 1000 /data` (missing)  after 3, 7
    14. start hook p-web-1-pre_start-2 (missing)  after 11, 13
    15. wait until hook p-web-1-pre_start-2 completes (missing)  after 14
    16. remove hook p-web-1-pre_start-2 (missing)  after 15
    17. start container p-web-1 (missing)  after 15
    18. wait until container p-web-1 is ready or finished (requested)  after 17
    ");
    world.up(PREPARED);
    assert_snapshot!(calls(&world, 0).join("\n"), @"
    pull db:latest
    create network p_default
    pull web:latest
    pull busybox:latest
    create p-db-1
    create p-web-1
    start p-db-1
    create p-web-1-pre_start-1
    create p-web-1-pre_start-2
    start p-web-1-pre_start-1
    start p-web-1-pre_start-2
    remove p-web-1-pre_start-1
    remove p-web-1-pre_start-2
    start p-web-1
    ");
    assert_snapshot!(world.plan(PREPARED), @"
    -  container p-db-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn a_hook_has_what_the_service_has_and_nothing_of_its_outside() {
    let yaml = "
name: p
services:
  web:
    image: web
    user: app
    working_dir: /app
    environment: {A: service, B: service}
    labels: {of: the user}
    entrypoint: [serve]
    command: [--port, '80']
    ports: ['8080:80']
    restart: always
    cap_drop: [ALL]
    read_only: true
    volumes: ['data:/data', /cache]
    networks: {default: {ipv4_address: 10.1.2.3, aliases: [front]}}
    healthcheck: {test: 'true'}
    configs: [token]
    pre_start:
      - {command: [a], environment: {B: hook}}
      - {command: [b], image: other, user: root, privileged: true, working_dir: /b}
configs: {token: {content: x}}
volumes: {data: }
networks: {default: {ipam: {config: [{subnet: 10.1.2.0/24}]}}}
";
    let desired = crate::support::desired(yaml);
    let own = &desired.containers[0];
    let [first, second] =
        [0, 1].map(|place| own.pre_start(place, "p-web-1").expect("there is such a hook"));
    assert_eq!(own.pre_start(2, "p-web-1"), None);
    let service = &first.service;
    assert_eq!((service.image.as_str(), service.user.as_deref()), ("web", Some("app")));
    assert_eq!(service.working_dir.as_deref(), Some("/app"));
    assert_eq!(service.environment["A"].as_deref(), Some("service"));
    assert_eq!(service.environment["B"].as_deref(), Some("hook"));
    assert_eq!(service.command.as_deref(), Some(&["a".to_owned()][..]));
    assert_eq!((&service.entrypoint, service.ports.len()), (&None, 0));
    assert!(service.cap_drop.is_empty() && !service.read_only && service.mounts.is_empty());
    assert_eq!(serde_json::json!(service.restart), "no");
    assert!(service.healthcheck.as_ref().is_some_and(|check| check.disable));
    assert_eq!(first.volumes_from, ["p-web-1"]);
    assert_eq!(first.files, own.files);
    let (network, attachment) = first.networks.first().expect("a network");
    assert_eq!(network, "p_default");
    assert!(attachment.aliases.is_empty() && attachment.ipv4_address.is_none());
    assert_eq!(first.name, "p-web-1-pre_start-1");
    let labels: Vec<String> =
        first.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    assert!(!labels.iter().any(|label| label.starts_with("of=")), "{labels:?}");
    for label in ["com.docker.compose.oneoff=True", "com.docker.compose.hook=pre_start"] {
        assert!(labels.contains(&label.to_owned()), "{labels:?}");
    }

    let service = &second.service;
    assert_eq!((service.image.as_str(), service.user.as_deref()), ("other", Some("root")));
    assert_eq!((service.privileged, service.working_dir.as_deref()), (true, Some("/b")));
    let unnamed = yaml.replace("user: root, ", "").replace("configs: [token]", "");
    let unnamed = crate::support::desired(&unnamed);
    let hook = unnamed.containers[0].pre_start(1, "p-web-1").expect("there is such a hook");
    assert_eq!(hook.service.user, None, "another image may not know the service's user");
}

#[test]
fn a_start_after_a_stop_runs_them_again_and_a_restart_does_not() {
    let world = World::after_up(PREPARED);
    let desired = desired(PREPARED);
    let restart = |all: &[&ObservedContainer]| lifecycle::restart(all, &desired, None, true);
    assert_snapshot!(text(&of_all(&world, PREPARED, restart)), @"
    1. restart container p-db-1 (requested)
    2. wait until container p-db-1 is ready (requested)  after 1
    3. restart container p-web-1 (requested)  after 2
    4. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
    world.run(&of_all(&world, PREPARED, |all| lifecycle::stop(all, None))).expect("no fault");
    let before = world.engine.calls().len();
    let start = of_all(&world, PREPARED, |all| lifecycle::start(all, &desired, false));
    assert_snapshot!(text(&start), @"
     1. start container p-db-1 (requested)
     2. wait until container p-db-1 is ready (requested)  after 1
     3. create hook p-web-1-pre_start-1 for `migrate --all` (requested)
     4. start hook p-web-1-pre_start-1 (requested)  after 2, 3
     5. wait until hook p-web-1-pre_start-1 completes (requested)  after 4
     6. remove hook p-web-1-pre_start-1 (requested)  after 5
     7. create hook p-web-1-pre_start-2 for `chown 1000 /data` (requested)
     8. start hook p-web-1-pre_start-2 (requested)  after 5, 7
     9. wait until hook p-web-1-pre_start-2 completes (requested)  after 8
    10. remove hook p-web-1-pre_start-2 (requested)  after 9
    11. start container p-web-1 (requested)  after 9
    ");
    world.run(&start).expect("no fault");
    assert!(calls(&world, before).contains(&"start p-web-1-pre_start-2".to_owned()));
    // One that does not run is only started by a restart.
    world.engine.finish("web", 0);
    let plan = text(&of_all(&world, PREPARED, restart));
    assert!(plan.contains("start hook p-web-1-pre_start-1"), "{plan}");
}

#[test]
fn a_changed_hook_makes_the_container_anew_and_runs_before_the_new_one() {
    let world = World::after_up(PREPARED);
    assert_snapshot!(world.plan(&PREPARED.replace("--all", "--some")), @"
     1. create container p-web-1 as 000000000003_p-web-1 (pre_start changed)
     2. stop container p-web-1 (pre_start changed)  after 1
     3. remove container p-web-1 (pre_start changed)  after 2
     4. rename to container p-web-1 (replaces its predecessor)  after 3
     5. create hook p-web-1-pre_start-1 for `migrate --some` (pre_start changed)  after 4
     6. start hook p-web-1-pre_start-1 (pre_start changed)  after 4, 5
     7. wait until hook p-web-1-pre_start-1 completes (pre_start changed)  after 6
     8. remove hook p-web-1-pre_start-1 (pre_start changed)  after 7
     9. create hook p-web-1-pre_start-2 for `chown 1000 /data` (pre_start changed)  after 4
    10. start hook p-web-1-pre_start-2 (pre_start changed)  after 7, 9
    11. wait until hook p-web-1-pre_start-2 completes (pre_start changed)  after 10
    12. remove hook p-web-1-pre_start-2 (pre_start changed)  after 11
    13. start container p-web-1 (pre_start changed)  after 11
    14. wait until container p-web-1 is ready or finished (requested)  after 13
     -  container p-db-1 unchanged
    ");
}

#[test]
fn a_service_is_prepared_once_however_many_containers_it_has() {
    let scaled = "
name: p
services:
  web:
    image: web
    scale: 2
    pre_start: [{command: [once]}, {command: [each], per_replica: true}]
";
    let world = World::new();
    assert_snapshot!(world.plan(scaled), @"
     1. pull image web (missing)
     2. create network p_default (missing)
     3. create container p-web-1 (missing)  after 1, 2
     4. create hook p-web-1-pre_start-1 for `once` (missing)  after 1, 3
     5. start hook p-web-1-pre_start-1 (missing)  after 3, 4
     6. wait until hook p-web-1-pre_start-1 completes (missing)  after 5
     7. remove hook p-web-1-pre_start-1 (missing)  after 6
     8. create hook p-web-1-pre_start-2 for `each` (missing)  after 1, 3
     9. start hook p-web-1-pre_start-2 (missing)  after 6, 8
    10. wait until hook p-web-1-pre_start-2 completes (missing)  after 9
    11. remove hook p-web-1-pre_start-2 (missing)  after 10
    12. start container p-web-1 (missing)  after 10
    13. create container p-web-2 (missing)  after 1, 2
    14. create hook p-web-2-pre_start-2 for `each` (missing)  after 1, 13
    15. start hook p-web-2-pre_start-2 (missing)  after 6, 13, 14
    16. wait until hook p-web-2-pre_start-2 completes (missing)  after 15
    17. remove hook p-web-2-pre_start-2 (missing)  after 16
    18. start container p-web-2 (missing)  after 16
    19. wait until container p-web-1 is ready or finished (requested)  after 12
    20. wait until container p-web-2 is ready or finished (requested)  after 18
    ");
    world.up(scaled);
    // While one runs, only what is its own is done for another one.
    let more = world.plan(&scaled.replace("scale: 2", "scale: 3"));
    assert!(more.contains("for `each`") && !more.contains("for `once`"), "{more}");
}

#[test]
fn a_hook_that_fails_keeps_the_service_from_starting_and_leaves_nothing() {
    let (world, error) = after_a_failing_hook(|engine| engine.print("web", &["no such table"]));
    let [failure] = &error.failures[..] else { panic!("{error:?}") };
    let StepError::Wait(failure) = &failure.error else { panic!("{failure:?}") };
    assert_eq!(
        failure.to_string(),
        "`pre_start` hook 1 (`migrate --all`) of service `web` exited with code 3"
    );
    assert!(matches!(failure.reason, WaitFailureReason::Exited { code: 3, .. }));
    assert_eq!(failure.log, ["no such table"]);
    assert_eq!(world.container("p-web-1").state, ContainerState::Created);
    let all: Vec<String> = world.observed().containers.into_iter().map(|it| it.name).collect();
    assert_eq!(all, ["p-db-1", "p-web-1"]);
    // Once it is mended, the next run goes on from there.
    world.engine.behave("p-web-1-pre_start-1", Behaviour::Exits(0));
    assert_snapshot!(world.plan(PREPARED), @"
     1. create hook p-web-1-pre_start-1 for `migrate --all` (not running)
     2. start hook p-web-1-pre_start-1 (not running)  after 1
     3. wait until hook p-web-1-pre_start-1 completes (not running)  after 2
     4. remove hook p-web-1-pre_start-1 (not running)  after 3
     5. create hook p-web-1-pre_start-2 for `chown 1000 /data` (not running)
     6. start hook p-web-1-pre_start-2 (not running)  after 3, 5
     7. wait until hook p-web-1-pre_start-2 completes (not running)  after 6
     8. remove hook p-web-1-pre_start-2 (not running)  after 7
     9. start container p-web-1 (not running)  after 7
    10. wait until container p-web-1 is ready or finished (requested)  after 9
     -  container p-db-1 unchanged
    ");
}

#[test]
fn what_a_killed_run_left_of_a_hook_is_removed_first() {
    // What a failing run would clear away stays: nobody is there any more.
    let (world, _) = after_a_failing_hook(|engine| engine.refuse("remove", "the engine is gone"));
    assert_snapshot!(world.plan(PREPARED), @"
     1. remove container p-web-1-pre_start-1 (left by an interrupted run)
     2. remove container p-web-1-pre_start-2 (left by an interrupted run)
     3. create hook p-web-1-pre_start-1 for `migrate --all` (not running)  after 1
     4. start hook p-web-1-pre_start-1 (not running)  after 3
     5. wait until hook p-web-1-pre_start-1 completes (not running)  after 4
     6. remove hook p-web-1-pre_start-1 (not running)  after 5
     7. create hook p-web-1-pre_start-2 for `chown 1000 /data` (not running)  after 2
     8. start hook p-web-1-pre_start-2 (not running)  after 5, 7
     9. wait until hook p-web-1-pre_start-2 completes (not running)  after 8
    10. remove hook p-web-1-pre_start-2 (not running)  after 9
    11. start container p-web-1 (not running)  after 9
    12. wait until container p-web-1 is ready or finished (requested)  after 11
     -  container p-db-1 unchanged
    ");
    let start = of_all(&world, PREPARED, |all| lifecycle::start(all, &desired(PREPARED), false));
    assert_snapshot!(text(&start), @"
     1. remove container p-web-1-pre_start-1 (left by an interrupted run)
     2. create hook p-web-1-pre_start-1 for `migrate --all` (requested)  after 1
     3. start hook p-web-1-pre_start-1 (requested)  after 2
     4. wait until hook p-web-1-pre_start-1 completes (requested)  after 3
     5. remove hook p-web-1-pre_start-1 (requested)  after 4
     6. remove container p-web-1-pre_start-2 (left by an interrupted run)
     7. create hook p-web-1-pre_start-2 for `chown 1000 /data` (requested)  after 6
     8. start hook p-web-1-pre_start-2 (requested)  after 4, 7
     9. wait until hook p-web-1-pre_start-2 completes (requested)  after 8
    10. remove hook p-web-1-pre_start-2 (requested)  after 9
    11. start container p-web-1 (requested)  after 9
     -  container p-db-1 unchanged
    ");
    assert_snapshot!(text(&world.down("p", |_| {})), @"
    1. remove container p-web-1-pre_start-2 (requested)
    2. remove container p-web-1-pre_start-1 (requested)
    3. remove container p-web-1 (requested)
    4. stop container p-db-1 (requested)
    5. remove container p-db-1 (requested)  after 4
    6. remove network p_default (requested)  after 1, 2, 3, 5
    ");
    // It is no container of the service, whatever other labels it has.
    let hooks = world.observed().containers.iter().filter(|it| it.is_hook()).count();
    assert_eq!(hooks, 2);
}

#[test]
fn a_container_that_could_be_held_starts_after_its_hooks() {
    let yaml = PREPARED.replace(
        "    pre_start:",
        "    reload: node\n    healthcheck: {test: 'true'}\n    pre_start:",
    );
    let plan = World::new().plan(&yaml);
    assert!(!plan.contains("release"), "{plan}");
}

#[test]
fn a_reset_prepares_the_service_again() {
    let world = World::after_up(PREPARED);
    let (desired, observed) = (desired(PREPARED), world.observed());
    let plan = reset(
        &desired,
        &observed,
        &TeardownOptions { volumes: true, keep_networks: true, ..TeardownOptions::default() },
        &ReconcileOptions::default(),
    );
    let plan = weave(plan.expect("nothing is in the way"), &desired, &observed);
    let is_start = |operation: &Operation| matches!(operation, Operation::StartContainer { .. });
    let (hook, web) = (
        position(&plan, is_start, "p-web-1-pre_start-2"),
        position(&plan, is_start, "container p-web-1"),
    );
    assert!(hook < web, "{plan}");
    world.run(&plan).expect("no fault");
    assert!(!world.plan(PREPARED).contains("start"), "{}", world.plan(PREPARED));
}
