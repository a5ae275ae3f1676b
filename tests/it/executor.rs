//! Carrying a plan out: what happens on a fault, on a cancellation, and while waiting.

use std::time::Duration;

use devstack::engine::fake::Behaviour;
use devstack::engine::{Engine as _, EngineErrorKind};
use devstack::event::{Action, Event, Progress, Subject};
use devstack::execute::{ExecuteError, Limits, StepError};
use devstack::plan::{Plan, ReconcileOptions, reconcile};
use devstack::state::Health;
use insta::assert_snapshot;

use crate::support::{World, desired};

const CHAIN: &str = "
name: p
services:
  web: {image: web, depends_on: {api: {condition: service_healthy}}}
  api: {image: api, healthcheck: {test: 'true'}, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
";

const APART: &str = "
name: p
services:
  one: {image: one}
  two: {image: two}
  three: {image: three}
";

pub(crate) fn plan_of(world: &World, yaml: &str) -> Plan {
    reconcile(&desired(yaml), &world.observed(), &ReconcileOptions::default())
        .expect("no conflicts")
}

pub(crate) fn up(
    world: &World,
    yaml: &str,
    limits: Limits,
) -> (Result<(), ExecuteError>, Vec<Event>) {
    world.run_limited(&plan_of(world, yaml), limits, |_, _| {})
}

/// The events as text, times left out.
fn told(events: &[Event]) -> String {
    let lines = events.iter().filter_map(|event| {
        Some(match event {
            Event::Planned { steps, unchanged, .. } => {
                format!("planned: {} steps, {} unchanged", steps.len(), unchanged.len())
            }
            Event::Started { subject, action, cause } => {
                format!("{} {subject} ({cause}) …", verb(*action))
            }
            Event::Blocked { subject, reason } => format!("blocked: {subject}: {reason}"),
            Event::Progress { subject, progress: Progress::Probe { state }, .. } => {
                format!("probe: {subject}: {state}")
            }
            Event::Progress { .. } => return None,
            Event::Finished { subject, action, .. } => format!("{} {subject} done", verb(*action)),
            Event::Failed { subject, action, reason } => {
                format!("{} {subject} FAILED: {reason}", verb(*action))
            }
            Event::Warning(text) => format!("warning: {text}"),
            Event::Cancelling => "cancelling".to_owned(),
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn verb(action: Action) -> String {
    format!("{action:?}").to_lowercase()
}

pub(crate) fn of_container(events: &[Event], name: &str, wanted: Action) -> Vec<&'static str> {
    let is = |subject: &Subject, action: Action| {
        action == wanted && matches!(subject, Subject::Container { name: it, .. } if it == name)
    };
    let kinds = events.iter().filter_map(|event| match event {
        Event::Started { subject, action, .. } if is(subject, *action) => Some("started"),
        Event::Finished { subject, action, .. } if is(subject, *action) => Some("finished"),
        Event::Failed { subject, action, .. } if is(subject, *action) => Some("failed"),
        _ => None,
    });
    kinds.collect()
}

#[test]
fn events_tell_the_run_in_its_order() {
    let world = World::new();
    let (result, events) = up(&world, CHAIN, Limits { parallel: 1, wait: None });
    result.expect("no fault");
    assert_snapshot!(told(&events), @"
    planned: 13 steps, 0 unchanged
    pull image db (missing) …
    create network p_default (missing) …
    pull image api (missing) …
    pull image web (missing) …
    pull image db done
    create network p_default done
    create container p-db-1 (missing) …
    pull image api done
    create container p-api-1 (missing) …
    pull image web done
    create container p-web-1 (missing) …
    create container p-db-1 done
    start container p-db-1 (missing) …
    create container p-api-1 done
    blocked: container p-api-1: waiting for db
    create container p-web-1 done
    blocked: container p-web-1: waiting for api
    start container p-db-1 done
    await container p-db-1 (needed by api) …
    await container p-db-1 done
    start container p-api-1 (missing) …
    start container p-api-1 done
    await container p-api-1 (needed by web) …
    await container p-api-1 done
    start container p-web-1 (missing) …
    start container p-web-1 done
    await container p-web-1 (requested) …
    await container p-web-1 done
    ");
}

#[test]
fn warnings_are_told_and_unchanged_containers_counted() {
    let world = World::after_up(APART);
    let fewer = APART.replace("  three: {image: three}\n", "");
    let (result, events) = up(&world, &fewer, Limits::default());
    result.expect("no fault");
    assert_snapshot!(told(&events), @r"
    planned: 0 steps, 2 unchanged
    warning: no service of the file has p-three-1; remove with `--remove-orphans`
    ");
}

#[test]
fn a_fault_names_its_subject_and_ends_the_run() {
    let world = World::new();
    world.engine.fail_on("start", 2);
    let (result, events) = up(&world, CHAIN, Limits { parallel: 1, wait: None });
    let error = result.expect_err("the second start fails");
    assert!(!error.cancelled);
    assert_snapshot!(error, @"cannot start p-api-1: injected fault");
    let [failure] = &error.failures[..] else { panic!("{error:?}") };
    assert_eq!(failure.subject.to_string(), "container p-api-1");
    assert_eq!(failure.action, Action::Start);
    let StepError::Engine(cause) = &failure.error else { panic!("{failure:?}") };
    assert_eq!(cause.kind, EngineErrorKind::Refused("injected fault".to_owned()));
    assert_eq!(of_container(&events, "p-api-1", Action::Start), ["started", "failed"]);
    assert_eq!(of_container(&events, "p-web-1", Action::Start), [] as [&str; 0]);
}

#[test]
fn after_a_fault_no_further_step_begins() {
    let world = World::new();
    world.engine.fail_on("pull", 1);
    let (result, events) = up(&world, APART, Limits { parallel: 1, wait: None });
    result.expect_err("the first pull fails");
    let failed = events.iter().position(|event| matches!(event, Event::Failed { .. }));
    let failed = failed.expect("the failure is told");
    let later = &events[failed..];
    assert!(!later.iter().any(|event| matches!(event, Event::Started { .. })), "{later:#?}");
    assert_eq!(world.observed().containers, []);
}

#[test]
fn what_runs_when_another_step_fails_runs_to_its_end() {
    let world = World::after_up(&APART.replace("name: p", "name: other"));
    // All three are created at the same time, each in its second; the first one fails.
    world.engine.slow_down("create", Duration::from_secs(1));
    world.engine.fail_on("create", 1);
    let (result, events) = up(&world, APART, Limits::default());
    assert_eq!(result.expect_err("a create fails").failures.len(), 1);
    let kinds = |name| of_container(&events, name, Action::Create);
    assert_eq!(kinds("p-one-1"), ["started", "failed"]);
    assert_eq!(kinds("p-two-1"), ["started", "finished"]);
    assert_eq!(kinds("p-three-1"), ["started", "finished"]);
    assert_eq!(of_container(&events, "p-two-1", Action::Start), [] as [&str; 0]);
    assert!(world.observed().containers.iter().any(|container| container.name == "p-two-1"));
}

#[test]
fn all_faults_of_one_moment_are_told() {
    let world = World::new();
    world.engine.offer(&["one:latest"]);
    world.engine.slow_down("create network", Duration::from_secs(5));
    let (result, _) = up(&world, APART, Limits::default());
    let error = result.expect_err("two images do not exist");
    assert_snapshot!(error, @"cannot pull two:latest: its registry has no such image; cannot pull three:latest: its registry has no such image");
}

#[test]
fn a_pull_under_way_is_dropped_when_another_step_fails() {
    let world = World::new();
    world.engine.slow_down("pull", Duration::from_mins(10));
    world.engine.fail_on("create network", 1);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = up(&world, APART, Limits::default());
    assert_eq!(result.expect_err("the network fails").failures.len(), 1);
    let elapsed = world.block_on(async move { begun.elapsed() });
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
    assert_eq!(world.observed().images, []);
}

#[test]
fn a_wait_under_way_is_ended_by_a_fault_elsewhere() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let yaml = "
name: p
services:
  db: {image: db, healthcheck: {test: 'true'}}
  other: {image: other, depends_on: [db]}
";
    world.engine.fail_on("start", 2);
    let (result, events) = up(&world, yaml, Limits::default());
    let error = result.expect_err("the second start fails");
    assert_eq!(error.failures.len(), 1, "{error}");
    assert_eq!(of_container(&events, "p-db-1", Action::Await), ["started"]);
}

#[test]
fn a_cancellation_ends_waits_and_begins_nothing() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, CHAIN);
    let (result, events) = world.run_limited(&plan, Limits::default(), |event, cancel| {
        if matches!(event, Event::Progress { progress: Progress::Probe { .. }, .. }) {
            cancel.cancel();
        }
    });
    let error = result.expect_err("it was cancelled");
    assert!(error.cancelled && error.failures.is_empty(), "{error:?}");
    assert_snapshot!(error, @"cancelled");
    let cancelling = events.iter().position(|event| *event == Event::Cancelling);
    let later = &events[cancelling.expect("it is told")..];
    assert!(!later.iter().any(|event| matches!(event, Event::Started { .. })), "{later:#?}");
    assert_eq!(of_container(&events, "p-web-1", Action::Start), [] as [&str; 0]);
}

#[test]
fn a_cancellation_lets_changes_under_way_end() {
    let world = World::new();
    world.engine.slow_down("create", Duration::from_secs(2));
    let plan = plan_of(&world, APART);
    let (result, events) = world.run_limited(&plan, Limits::default(), |event, cancel| {
        if matches!(
            event,
            Event::Started { action: Action::Create, subject: Subject::Container { .. }, .. }
        ) {
            cancel.cancel();
        }
    });
    assert!(result.expect_err("it was cancelled").cancelled);
    for container in world.observed().containers {
        let kinds = of_container(&events, &container.name, Action::Create);
        assert_eq!(kinds, ["started", "finished"]);
    }
}

#[test]
fn every_phase_can_be_cancelled() {
    let yaml = "
name: p
services:
  db: {image: db, healthcheck: {test: 'true'}}
  app: {build: ., depends_on: {db: {condition: service_healthy}}}
";
    // What the engine would finish anyway is waited for; the rest is dropped at once.
    let cases = [
        ("pull", Action::Pull, 0),
        ("build", Action::Build, 0),
        ("create network", Action::Create, 5),
        ("create", Action::Create, 5),
        ("start", Action::Start, 5),
        ("run", Action::Await, 0),
    ];
    for (method, phase, seconds) in cases {
        let world = World::new();
        world.engine.behave("db", Behaviour::Starting);
        world.engine.slow_down(method, Duration::from_secs(5));
        let plan = plan_of(&world, yaml);
        let mut cancelled = None;
        let (result, events) = world.run_limited(&plan, Limits::default(), |event, cancel| {
            let reached = match (method, event) {
                ("create network", Event::Started { subject: Subject::Network(_), .. }) => true,
                ("create network", _) => false,
                (_, Event::Started { action, subject, .. }) => {
                    *action == phase && !matches!(subject, Subject::Network(_))
                }
                _ => false,
            };
            if reached && cancelled.is_none() {
                cancelled = Some(tokio::time::Instant::now());
                cancel.cancel();
            }
        });
        let error = result.expect_err("it was cancelled");
        assert!(error.cancelled && error.failures.is_empty(), "{method}: {error:?}");
        let cancelled = cancelled.expect("the phase is reached");
        let took = world.block_on(async move { cancelled.elapsed() });
        assert_eq!(took.as_secs(), seconds, "{method}");
        let cancelling = events.iter().position(|event| *event == Event::Cancelling);
        let later = &events[cancelling.expect("it is told")..];
        assert!(!later.iter().any(|event| matches!(event, Event::Started { .. })), "{later:#?}");
        // Whatever was left behind, `up` and `down` get on from there.
        world.engine.slow_down(method, Duration::ZERO);
        world.engine.behave("db", Behaviour::Healthy);
        world.run(&world.down("p", |_| {})).expect("down works");
        world.up(yaml);
    }
}

#[test]
fn a_stop_can_be_cancelled() {
    let yaml = "name: p\nservices:\n  db: {image: db}\n  web: {image: web, depends_on: [db]}\n";
    let world = World::after_up(yaml);
    world.engine.slow_down("stop", Duration::from_secs(5));
    let plan = world.down("p", |_| {});
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, cancel| {
        if matches!(event, Event::Started { action: Action::Stop, .. }) {
            cancel.cancel();
        }
    });
    assert!(result.expect_err("it was cancelled").cancelled);
    let took = world.block_on(async move { begun.elapsed() });
    assert_eq!(took.as_secs(), 5, "only the stop under way ends");
    assert!(world.container("p-db-1").state.is_running());
}

#[test]
fn a_cancellation_after_the_last_step_changes_nothing() {
    let world = World::after_up(APART);
    let plan = plan_of(&world, APART);
    let (result, _) = world.run_watched(&plan, |_, cancel| cancel.cancel());
    result.expect("there was nothing to cancel");
}

#[test]
fn the_reason_for_waiting_is_told_and_follows_the_probes() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, CHAIN);
    let engine = std::sync::Arc::clone(&world.engine);
    let mut n_blocked = 0;
    let (result, events) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Blocked { .. }) {
            n_blocked += 1;
        }
        if let Event::Blocked { reason, .. } = event
            && reason.contains("health check starting")
        {
            engine.turn_health("db", Health::Healthy);
        }
    });
    result.expect("db becomes healthy");
    assert!(n_blocked > 0);
    let blocked: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Blocked { subject, reason } => Some(format!("{subject}: {reason}")),
            _ => None,
        })
        .collect();
    assert_snapshot!(blocked.join("\n"), @r"
    container p-api-1: waiting for db
    container p-web-1: waiting for api
    container p-api-1: waiting for db: health check starting (exit code 1)
    ");
}

#[test]
fn no_more_changes_at_once_than_the_limit() {
    for (parallel, seconds) in [(1, 3), (2, 2), (16, 1)] {
        let world = World::new();
        world.engine.slow_down("pull", Duration::from_secs(1));
        let plan = plan_of(&world, APART);
        let begun = world.block_on(async { tokio::time::Instant::now() });
        let limits = Limits { parallel, wait: None };
        world.run_limited(&plan, limits, |_, _| {}).0.expect("no fault");
        let elapsed = world.block_on(async move { begun.elapsed() });
        assert_eq!(elapsed.as_secs(), seconds, "{parallel} at once");
    }
}

#[test]
fn waits_take_no_place_of_changes() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let yaml = "
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
  other: {image: other}
";
    let plan = plan_of(&world, yaml);
    let engine = std::sync::Arc::clone(&world.engine);
    let limits = Limits { parallel: 1, wait: None };
    let (result, _) = world.run_limited(&plan, limits, |event, _| {
        if matches!(event, Event::Finished { subject, action: Action::Start, .. } if subject.to_string().contains("other")) {
            engine.turn_health("db", Health::Healthy);
        }
    });
    result.expect("`other` is started while db is waited for");
}

#[test]
fn nobody_who_listens_is_no_reason_to_fail() {
    let world = World::new();
    let plan = plan_of(&world, CHAIN);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let cancel = tokio_util::sync::CancellationToken::new();
    let engine = std::sync::Arc::clone(&world.engine);
    let work = devstack::execute::execute(engine, &plan, Limits::default(), sender, cancel);
    world.block_on(work).expect("no fault");
}

mod names {
    use super::*;

    const WEB: &str = "
name: p
services:
  web: {image: web, network_mode: none, container_name: fixed}
";

    /// A world with the plan of `WEB`, where after planning another run of `other` made `fixed`.
    fn overtaken(other: &str, started: bool) -> (World, Plan) {
        let world = World::new();
        let plan = plan_of(&world, WEB);
        world.engine.obtain("web:latest");
        let spec = std::sync::Arc::clone(&desired(other).containers[0]);
        world.block_on(async {
            let made = world.engine.create_container(&spec, "fixed", &[]).await.expect("a name");
            if started {
                world.engine.start_container(&made).await.expect("a start");
            }
        });
        (world, plan)
    }

    #[test]
    fn what_another_run_made_is_taken() {
        for started in [false, true] {
            let (world, plan) = overtaken(WEB, started);
            let made = world.container("fixed").id;
            world.run(&plan).expect("both get to the same");
            let container = world.container("fixed");
            assert_eq!((&container.id, container.state.is_running()), (&made, true));
            assert_eq!(world.observed().containers.len(), 1);
        }
    }

    #[test]
    fn what_a_killed_run_made_of_an_older_definition_gives_way() {
        let older = WEB.replace("image: web,", "image: web, user: root,");
        let (world, plan) = overtaken(&older, false);
        let stillborn = world.container("fixed").id;
        world.run(&plan).expect("the name is freed");
        assert_ne!(world.container("fixed").id, stillborn);
        assert_eq!(world.observed().containers.len(), 1);
    }

    #[test]
    fn what_another_run_started_of_another_definition_stays() {
        let (world, plan) = overtaken(&WEB.replace("image: web,", "image: web, user: root,"), true);
        let other = world.container("fixed");
        assert_snapshot!(world.run(&plan).expect_err("it is taken"), @"cannot create fixed: the name fixed is in use");
        assert_eq!(world.container("fixed"), other);
    }

    #[test]
    fn what_another_service_made_stays() {
        let (world, plan) = overtaken(&WEB.replace("web:", "api:"), false);
        let other = world.container("fixed");
        assert_snapshot!(world.run(&plan).expect_err("it is taken"), @"cannot create fixed: the name fixed is in use");
        assert_eq!(world.container("fixed"), other);
    }
}
