//! Stopping: in which time, and what is said of those that take no notice.

use std::time::Duration;

use devstack::engine::fake::Behaviour;
use devstack::event::{Action, Event};
use devstack::execute::Limits;
use devstack::plan::Plan;
use devstack::plan::lifecycle::{self, selected};
use devstack::project::Duration as Grace;
use insta::assert_snapshot;

use crate::support::World;

const CHAIN: &str = "
name: p
services:
  web: {image: web, depends_on: [api]}
  api: {image: api, depends_on: [db], stop_grace_period: 4s}
  db: {image: db, stop_grace_period: 8s}
  apart: {image: apart}
";

fn stop_of(world: &World, grace: Option<u64>) -> Plan {
    let observed = world.observed();
    let project = "p".parse().expect("a project's name");
    lifecycle::stop(&selected(&project, &observed, &[]), grace.map(Grace::from_secs))
}

/// Stops the stack with these services deaf; returns the time it took and what was warned of.
fn stopped(deaf: &[&str], grace: Option<u64>) -> (Duration, String) {
    let world = World::new();
    for service in deaf {
        world.engine.behave(service, Behaviour::Deaf);
    }
    world.up(CHAIN);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, events) = world.run_limited(&stop_of(&world, grace), Limits::default(), |_, _| {});
    result.expect("no fault");
    let warnings: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Warning(text) => Some(text),
            _ => None,
        })
        .collect();
    let took = world.block_on(async move { begun.elapsed() });
    assert!(world.observed().containers.iter().all(|container| !container.state.is_running()));
    (took, warnings.join("\n"))
}

#[test]
fn who_takes_no_notice_is_named_with_the_remedy() {
    let (took, warnings) = stopped(&["api"], None);
    assert_eq!(took, Duration::from_secs(4));
    assert_snapshot!(warnings, @"p-api-1 took no notice of the signal to stop and was killed after 4 s: the first process of a container gets no signals but those that it handles; `init: true` on service `api` runs a process before it that passes them on");
}

#[test]
fn several_that_take_no_notice_are_named_together() {
    let (_, warnings) = stopped(&["web", "api", "db"], Some(2));
    assert_snapshot!(warnings, @"p-api-1, p-db-1 and p-web-1 took no notice of the signal to stop and were killed after 2 s: the first process of a container gets no signals but those that it handles; `init: true` on services `api`, `db` and `web` runs a process before it that passes them on");
}

#[test]
fn who_stops_by_itself_is_not_spoken_of() {
    assert_eq!(stopped(&[], None), (Duration::ZERO, String::new()));
}

#[test]
fn the_whole_has_one_deadline() {
    // web takes its 10 s, then api and db at least 3 s instead of their 4 and 8.
    assert_eq!(stopped(&["web", "api", "db"], None).0, Duration::from_secs(10 + 3 + 3));
    // api takes its 4 s, db what is left of the 10 s that the whole may take.
    assert_eq!(stopped(&["api", "db"], None).0, Duration::from_secs(4 + 6));
    assert_eq!(stopped(&["web", "apart"], None).0, Duration::from_secs(10));
    assert_eq!(stopped(&["web", "api", "db"], Some(2)).0, Duration::from_secs(2 + 2 + 2));
    assert_eq!(stopped(&["web", "api", "db"], Some(0)).0, Duration::ZERO);
}

#[test]
fn a_container_without_a_record_keeps_its_own_time() {
    let world = World::after_up(CHAIN);
    let mut observed = world.observed();
    for container in &mut observed.containers {
        container.labels.shift_remove("dev.devstack.stop-grace");
    }
    let project = "p".parse().expect("a project's name");
    let plan = lifecycle::stop(&selected(&project, &observed, &[]), None);
    assert!(format!("{plan:?}").contains("grace: None"), "{plan:?}");
    assert!(!format!("{plan:?}").contains("grace: Some"), "{plan:?}");
}

/// The time that a stop takes when each process needs a second to end, and the engine five more
/// to take down what its container had.
fn overlapping(prepare: impl FnOnce(&World)) -> Duration {
    let world = World::after_up(CHAIN);
    world.engine.slow_down("stop", Duration::from_secs(1));
    world.engine.slow_down("take down", Duration::from_secs(5));
    prepare(&world);
    let begun = world.block_on(async { tokio::time::Instant::now() });
    let (result, _) = world.run_limited(&stop_of(&world, None), Limits::default(), |_, _| {});
    result.expect("no fault");
    world.block_on(async move { begun.elapsed() })
}

#[test]
fn what_comes_next_waits_for_the_end_of_a_process_only() {
    assert_eq!(overlapping(|_| {}).as_secs(), 3 + 5);
}

#[test]
fn where_the_end_of_a_process_cannot_be_told_the_whole_stop_is_waited_for() {
    assert_eq!(overlapping(|world| world.engine.fall_silent()).as_secs(), 3 * (1 + 5));
}

#[test]
fn nothing_is_removed_before_its_container_is_taken_down() {
    let world = World::after_up(CHAIN);
    world.engine.slow_down("take down", Duration::from_secs(5));
    let (result, events) =
        world.run_limited(&world.down("p", |_| {}), Limits::default(), |_, _| {});
    result.expect("no fault");
    let place = |wanted: Action, service: &str, is_end: bool| {
        let found = events.iter().position(|event| match event {
            Event::Finished { subject, action, .. } if is_end => {
                *action == wanted && subject.to_string().contains(service)
            }
            Event::Started { subject, action, .. } if !is_end => {
                *action == wanted && subject.to_string().contains(service)
            }
            _ => false,
        });
        found.unwrap_or_else(|| panic!("{wanted:?} {service} in {events:#?}"))
    };
    for service in ["web", "api", "db"] {
        assert!(place(Action::Stop, service, true) < place(Action::Remove, service, false));
    }
    // While the dependency's stop did begin by then.
    assert!(place(Action::Stop, "db", false) < place(Action::Stop, "web", true));
}
