//! What begins first: that on which the most time hangs.

use std::collections::HashMap;
use std::time::Duration;

use devstack::event::{Action, Event, Subject};
use devstack::execute::Limits;
use insta::assert_snapshot;

use crate::executor::plan_of;
use crate::support::World;

const BROKER_LAST: &str = "
name: p
services:
  cache: {image: redis, ready: {redis: 6379}}
  db: {image: db, ready: {postgres: {user: u, password: p, database: d, port: 5432}}}
  app: {image: app, depends_on: {mq: {condition: service_healthy}}}
  mq: {image: mq, ready: {amqp: {user: u, password: p}}}
";

const ALIKE: &str = "
name: p
services:
  one: {image: one, healthcheck: {test: 'true'}}
  two: {image: two, healthcheck: {test: 'true'}}
  three: {image: three, healthcheck: {test: 'true'}}
";

/// In which order steps of a kind begin and end.
fn told(events: &[Event], wanted: Action) -> String {
    let lines = events.iter().filter_map(|event| {
        let (what, subject, action) = match event {
            Event::Started { subject, action, .. } => ("begins", subject, action),
            Event::Finished { subject, action, .. } => ("ends", subject, action),
            _ => return None,
        };
        let Subject::Container { service, .. } = subject else { return None };
        (*action == wanted).then(|| format!("{service} {what}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn usual(boots: &[(&str, u64)]) -> HashMap<devstack::project::ServiceName, Duration> {
    let boots = boots.iter();
    boots.map(|(name, ms)| (name.parse().expect("a name"), Duration::from_millis(*ms))).collect()
}

fn events(world: &World, yaml: &str, boots: &[(&str, u64)]) -> Vec<Event> {
    let mut plan = plan_of(world, yaml);
    plan.hasten(&usual(boots));
    let (result, events) = world.run_limited(&plan, Limits::default(), |_, _| {});
    result.expect("everything comes up");
    events
}

#[test]
fn what_takes_longest_is_started_first_and_alone() {
    let events = events(&World::new(), ALIKE, &[("three", 4000), ("one", 200), ("two", 300)]);
    assert_snapshot!(told(&events, Action::Start), @"
    three begins
    three ends
    two begins
    one begins
    two ends
    one ends
    ");
}

#[test]
fn what_takes_about_as_long_is_started_at_the_same_time() {
    let events = events(&World::new(), ALIKE, &[("three", 900), ("one", 700), ("two", 800)]);
    assert_snapshot!(told(&events, Action::Start), @"
    three begins
    two begins
    one begins
    three ends
    two ends
    one ends
    ");
}

#[test]
fn nobody_waits_for_a_start_whose_image_has_to_be_pulled_first() {
    let world = World::new();
    for image in ["one", "two"] {
        world.engine.obtain(&format!("{image}:latest"));
    }
    world.engine.slow_down("pull", Duration::from_mins(1));
    let events = events(&world, ALIKE, &[("three", 4000), ("one", 200), ("two", 300)]);
    assert_snapshot!(told(&events, Action::Start), @"
    two begins
    one begins
    two ends
    one ends
    three begins
    three ends
    ");
}

#[test]
fn what_others_wait_for_is_urgent_for_their_sake() {
    let yaml = ALIKE
        .replace("image: two,", "image: two, depends_on: {one: {condition: service_healthy}},");
    let events = events(&World::new(), &yaml, &[("three", 2000), ("one", 1000), ("two", 1500)]);
    assert_snapshot!(told(&events, Action::Start), @"
    one begins
    one ends
    three begins
    two begins
    three ends
    two ends
    ");
}

#[test]
fn a_first_run_guesses_from_the_way_of_asking() {
    let mut plan = plan_of(&World::new(), BROKER_LAST);
    plan.hasten(&HashMap::new());
    let starts = plan.steps.iter().zip(&plan.urgency).filter_map(|(step, urgency)| {
        let Subject::Container { service, .. } = &step.subject else { return None };
        (step.operation.action() == Action::Start).then(|| format!("{service} {urgency}"))
    });
    assert_snapshot!(starts.collect::<Vec<_>>().join("\n"), @"
    cache 100ms
    db 1.5s
    mq 3s
    app 0s
    ");
}
