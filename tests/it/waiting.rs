//! Waiting: what ends a wait, when, and what is asked of the engine meanwhile.

use std::sync::Arc;
use std::time::Duration;

use devstack::engine::Engine as _;
use devstack::engine::fake::{Behaviour, FakeEngine};
use devstack::event::{Action, Event, Progress};
use devstack::execute::{Limits, StepError, WaitFailureReason};
use devstack::state::Health;
use insta::assert_snapshot;

use crate::executor::{of_container, plan_of, up};
use crate::support::World;

/// Whether a wait has told what it found.
fn is_probe(event: &Event) -> bool {
    matches!(event, Event::Progress { progress: Progress::Probe { .. }, .. })
}

const DB: &str = "
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
";

fn failure(world: &World, yaml: &str, limits: Limits) -> devstack::execute::WaitFailure {
    let (result, _) = up(world, yaml, limits);
    let mut error = result.expect_err("the wait fails");
    assert_eq!(error.failures.len(), 1, "{error}");
    match error.failures.remove(0).error {
        StepError::Wait(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_that_exits_is_told_with_its_log() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Exits(3));
    world.engine.print("db", &["starting", "no data directory"]);
    let failure = failure(&world, DB, Limits::default());
    assert_snapshot!(failure, @"service `db` exited with code 3");
    assert_eq!((failure.service.as_str(), failure.container.as_str()), ("db", "p-db-1"));
    assert_eq!(failure.log, ["starting", "no data directory"]);
}

#[test]
fn a_service_that_ends_well_is_not_healthy_either() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Exits(0));
    assert_snapshot!(failure(&world, DB, Limits::default()), @"service `db` exited with code 0");
}

#[test]
fn a_runner_that_waits_for_a_change_ends_the_wait_before_its_limit() {
    let world = World::new();
    world.engine.behave("api", Behaviour::Starting);
    let problem = "does not compile: src/main.ts:1:2: Unexpected token";
    let stuck = "devstack: nothing serves: it starts again when a file changes";
    world.engine.print("api", &[&format!("devstack: {problem}"), "> 1 | oops", stuck]);
    let yaml =
        "name: p\nservices: {api: {image: api, reload: node, healthcheck: {test: 'true'}}}\n";
    let failure = failure(&world, yaml, Limits::default());
    assert_snapshot!(failure, @"service `api` does not compile: src/main.ts:1:2: Unexpected token");
    assert_eq!(failure.log[1], "> 1 | oops");
}

#[test]
fn a_one_shot_that_fails_holds_up_who_needs_it() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Exits(2));
    let yaml = DB.replace("service_healthy", "service_completed_successfully");
    assert_snapshot!(failure(&world, &yaml, Limits::default()), @"service `db` exited with code 2");
    assert!(world.engine.calls().iter().all(|call| call != "start p-web-1"));
}

#[test]
fn a_one_shot_of_nobody_may_end_well() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Exits(0));
    world.up("name: p\nservices: {db: {image: db}}\n");
}

#[test]
fn an_unhealthy_service_is_told_with_what_its_check_printed() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Unhealthy);
    let failure = failure(&world, DB, Limits::default());
    assert_eq!(
        failure.reason,
        WaitFailureReason::Unhealthy { output: "connection refused".to_owned() }
    );
    assert_snapshot!(failure, @"service `db` is unhealthy");
}

#[test]
fn an_endless_start_ends_with_the_limit() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let failure = failure(&world, DB, Limits::default());
    assert_snapshot!(failure, @"service `db` is not ready after 180 s");
    let last = failure.last_probe.as_deref();
    assert_eq!(last, Some("health check starting (exit code 1)"));
}

#[test]
fn the_users_limit_outweighs_the_services_own() {
    let yaml = "
name: p
services:
  db: {image: db, ready: {exec: ['false'], timeout: 20s}}
";
    let own = failure(&World::new(), yaml, Limits::default());
    assert_eq!(own.reason, WaitFailureReason::TimedOut { after: Duration::from_secs(20) });
    let limits = Limits { wait: Some(Duration::from_secs(7)), ..Limits::default() };
    let users = failure(&World::new(), yaml, limits);
    assert_eq!(users.reason, WaitFailureReason::TimedOut { after: Duration::from_secs(7) });
    assert_eq!(users.last_probe.as_deref(), Some("check exits with 1"));
}

#[test]
fn a_line_of_the_log_makes_ready() {
    let world = World::new();
    let yaml = "name: p\nservices: {db: {image: db, ready: {log: 'ready to accept'}}}\n";
    let limits = Limits { wait: Some(Duration::from_secs(5)), ..Limits::default() };
    let failure = failure(&world, yaml, limits);
    assert_eq!(failure.last_probe.as_deref(), Some("no `ready to accept` in its log yet"));
    world.engine.print("db", &["database is ready to accept connections"]);
    world.up(yaml);
}

#[test]
fn a_health_check_that_turns_is_seen_at_once() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, DB);
    let engine = std::sync::Arc::clone(&world.engine);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Progress { progress: Progress::Probe { .. }, .. }) {
            engine.turn_health("db", Health::Healthy);
        }
    });
    result.expect("it became healthy");
    let elapsed = world.block_on(async move { begun.elapsed() });
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[test]
fn a_death_is_seen_at_once() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, DB);
    let engine = std::sync::Arc::clone(&world.engine);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Progress { progress: Progress::Probe { .. }, .. }) {
            engine.finish("db", 1);
        }
    });
    assert_snapshot!(result.expect_err("it died"), @"service `db` exited with code 1");
    let elapsed = world.block_on(async move { begun.elapsed() });
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[test]
fn a_removal_by_somebody_else_ends_the_wait() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, DB);
    let engine: std::sync::Arc<FakeEngine> = std::sync::Arc::clone(&world.engine);
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Progress { progress: Progress::Probe { .. }, .. }) {
            let db = engine.snapshot().containers.into_iter().find(|it| it.name == "p-db-1");
            let id = db.expect("it is waited for").id;
            // Nothing in it waits.
            let removed = engine.remove_container(&id, false);
            futures_util::future::FutureExt::now_or_never(removed)
                .expect("done at once")
                .expect("no fault");
        }
    });
    assert_snapshot!(result.expect_err("it is gone"), @"service `db` was removed while it was waited for");
}

#[test]
fn a_one_shot_is_waited_for_until_it_ends() {
    let world = World::new();
    let yaml = DB.replace("service_healthy", "service_completed_successfully");
    let plan = plan_of(&world, &yaml);
    let engine = std::sync::Arc::clone(&world.engine);
    let (result, events) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Started { action: Action::Complete, .. }) {
            engine.finish("db", 0);
        }
    });
    result.expect("it ended with 0");
    assert_eq!(of_container(&events, "p-db-1", Action::Complete), ["started", "finished"]);
}

/// Time passes only while everybody waits, so that these times are exact.
fn since(world: &World, begun: tokio::time::Instant) -> Duration {
    world.block_on(async move { begun.elapsed() })
}

#[test]
fn a_death_takes_no_time_to_be_seen() {
    for yaml in [DB, &DB.replace("{test: 'true'}", "{test: 'true', interval: 30s}")] {
        let world = World::new();
        world.engine.behave("db", Behaviour::Starting);
        let plan = plan_of(&world, yaml);
        let engine = Arc::clone(&world.engine);
        let mut died = None;
        let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
            if is_probe(event) && died.is_none() {
                died = Some(tokio::time::Instant::now());
                engine.finish("db", 1);
            }
        });
        result.expect_err("it died");
        assert_eq!(since(&world, died.expect("it was waited for")), Duration::ZERO);
        // Not a look at intervals: the one that the death caused.
        let looks = world.engine.asked();
        assert_eq!(looks.iter().filter(|call| *call == "inspect p-db-1").count(), 1, "{looks:?}");
    }
}

#[test]
fn a_death_before_the_wait_is_seen_by_it() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, DB);
    let engine = Arc::clone(&world.engine);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Started { action: Action::Await, .. }) {
            engine.finish("db", 4);
        }
    });
    assert_snapshot!(result.expect_err("it died"), @"service `db` exited with code 4");
    assert_eq!(since(&world, begun), Duration::ZERO);
}

#[test]
fn a_run_asks_for_no_more_than_it_must_know() {
    let yaml = "
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy}}, healthcheck: {test: 'true'}}
  db: {image: db, healthcheck: {test: 'true'}, volumes: ['data:/data']}
  one: {image: plain}
  two: {image: plain}
  silent: {image: silent, healthcheck: {disable: true}}
volumes: {data: {}}
";
    let world = World::new();
    world.up(yaml);
    // Started containers need no look; the image of `one` and `two` might have a check.
    assert_snapshot!(world.engine.asked().join("\n"), @"
    events
    run /bin/sh -c true in p-db-1
    inspect p-one-1
    run /bin/sh -c true in p-web-1
    ");
    assert_eq!(world.engine.calls().len(), 4 + 1 + 1 + 5 + 5);
    let before = (world.engine.asked().len(), world.engine.calls().len());
    world.up(yaml);
    let after = (world.engine.asked().len(), world.engine.calls().len());
    assert_eq!(before, after, "nothing to do needs nothing but the snapshot");
}

#[test]
fn a_plain_service_must_live_for_a_moment() {
    let yaml = "name: p\nservices: {db: {image: db, healthcheck: {disable: true}}}\n";
    let world = World::new();
    let begun = world.block_on(async { tokio::time::Instant::now() });
    world.up(yaml);
    assert_eq!(since(&world, begun), Duration::from_millis(100));

    let world = World::new();
    let plan = plan_of(&world, yaml);
    let engine = Arc::clone(&world.engine);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if matches!(event, Event::Started { action: Action::Await, .. }) {
            engine.finish("db", 126);
        }
    });
    assert_snapshot!(result.expect_err("it died"), @"service `db` exited with code 126");
    assert_eq!(since(&world, begun), Duration::ZERO);
}

#[test]
fn who_ends_after_it_was_ready_fails_the_run() {
    let yaml = "
name: p
services:
  web: {image: web, healthcheck: {test: 'true'}, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
";
    let run = |restart: &str| {
        let world = World::new();
        let plan = plan_of(&world, &yaml.replace("image: db", &format!("image: db{restart}")));
        let engine = Arc::clone(&world.engine);
        let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
            if matches!(event, Event::Finished { action: Action::Await, subject, .. }
                if subject.to_string() == "container p-db-1")
            {
                engine.finish("db", 9);
            }
        });
        result
    };
    assert_snapshot!(run("").expect_err("db is gone"), @"service `db` exited with code 9");
    // The engine starts it again: that is for the engine to tell.
    run(", restart: always").expect("db comes back");
}

#[test]
fn a_finished_one_shot_is_not_told_as_ready() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Exits(0));
    let (result, events) = up(&world, "name: p\nservices: {db: {image: db}}\n", Limits::default());
    result.expect("it ended with 0");
    assert_eq!(of_container(&events, "p-db-1", Action::Await), ["started"]);
    assert_eq!(of_container(&events, "p-db-1", Action::Complete), ["finished"]);
}

#[test]
fn a_log_is_followed_and_not_read_again_and_again() {
    let world = World::new();
    let yaml = "name: p\nservices: {db: {image: db, ready: {log: 'ready to accept'}}}\n";
    let plan = plan_of(&world, yaml);
    let engine = Arc::clone(&world.engine);
    world.engine.print("db", &["initialising", "not yet ready"]);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if is_probe(event) {
            engine.print("db", &["almost", "database is ready to accept connections"]);
        }
    });
    result.expect("the line came");
    assert_eq!(since(&world, begun), Duration::ZERO);
    assert_snapshot!(world.engine.asked().join("\n"), @r"
    events
    follow the log of p-db-1
    ");
}

#[test]
fn the_engines_verdict_is_heard_while_the_same_test_runs() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    // The test takes its time, the engine's own run of it was sooner.
    world.engine.slow_down("run", Duration::from_secs(20));
    let plan = plan_of(&world, DB);
    let engine = Arc::clone(&world.engine);
    let verdict = Duration::from_secs(3);
    let turn = Arc::clone(&world.engine);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    world.block_on(async {
        let (sender, mut events) = tokio::sync::mpsc::channel(64);
        let cancel = tokio_util::sync::CancellationToken::new();
        let work = devstack::execute::execute(engine, &plan, Limits::default(), sender, cancel);
        let listen = async { while events.recv().await.is_some() {} };
        let later = async {
            tokio::time::sleep(verdict).await;
            turn.turn_health("db", Health::Healthy);
        };
        let (result, (), ()) = tokio::join!(work, listen, later);
        result.expect("it is healthy");
    });
    // And the moment for which `web` must live.
    assert_eq!(since(&world, begun), verdict + Duration::from_millis(100));
}

#[test]
fn an_engine_that_announces_nothing_more_is_looked_at() {
    let world = World::new();
    world.engine.behave("db", Behaviour::Starting);
    let plan = plan_of(&world, DB);
    let engine = Arc::clone(&world.engine);
    let mut silenced = false;
    let (result, _) = world.run_limited(&plan, Limits::default(), |event, _| {
        if is_probe(event) && !std::mem::replace(&mut silenced, true) {
            engine.fall_silent();
            engine.finish("db", 5);
        }
    });
    assert_snapshot!(result.expect_err("it died"), @"service `db` exited with code 5");
}
