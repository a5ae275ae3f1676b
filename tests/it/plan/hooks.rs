//! Hooks that run in a service's containers, woven into plans.

use devstack::plan::{Operation, Plan, ReconcileOptions, StepId, lifecycle, reconcile, weave};
use devstack::state::ObservedContainer;

use crate::support::{World, desired};

const STACK: &str = "
name: p
services:
  web: {image: web, depends_on: [db]}
  db:
    image: db
    post_start: [{command: [migrate]}, {command: [seed]}]
    pre_stop: [{command: [drain]}]
";

fn hook(plan: &Plan, program: &str) -> StepId {
    let position = plan.steps.iter().position(|step| {
        matches!(&step.operation, Operation::RunHook { hook, .. } if hook.command == [program])
    });
    StepId(position.expect("the hook is a step"))
}

pub(super) fn position(plan: &Plan, wanted: impl Fn(&Operation) -> bool, subject: &str) -> StepId {
    let found = plan
        .steps
        .iter()
        .position(|step| wanted(&step.operation) && step.subject.to_string().contains(subject));
    StepId(found.expect("there is such a step"))
}

/// A plan for all containers as they are.
pub(super) fn of_all(
    world: &World,
    yaml: &str,
    make: impl FnOnce(&[&ObservedContainer]) -> Plan,
) -> Plan {
    let observed = world.observed();
    let project = "p".parse().expect("a project's name");
    let all = lifecycle::selected(&project, &observed, &[]);
    weave(make(&all), &desired(yaml), &observed)
}

#[test]
fn what_waits_for_a_start_waits_for_its_hooks() {
    let desired = desired(STACK);
    let observed = World::new().observed();
    let plan = reconcile(&desired, &observed, &ReconcileOptions::default())
        .expect("nothing is in the way");
    let plan = weave(plan, &desired, &observed);
    let is_start = |operation: &Operation| matches!(operation, Operation::StartContainer { .. });
    let (migrate, seed) = (hook(&plan, "migrate"), hook(&plan, "seed"));
    assert_eq!(plan.steps[migrate.0].after, [position(&plan, is_start, "p-db-1")]);
    assert_eq!(plan.steps[seed.0].after, [migrate]);
    let web = position(&plan, is_start, "p-web-1");
    assert!(plan.steps[web.0].after.contains(&seed), "{plan}");
    let world = World::new();
    world.run(&plan).expect("no fault");
    assert!(world.plan(STACK).is_empty() || !world.plan(STACK).contains("start"));
}

#[test]
fn a_stop_waits_for_the_hook_before_it() {
    let world = World::after_up(STACK);
    let plan = of_all(&world, STACK, |all| lifecycle::stop(all, None));
    let drain = hook(&plan, "drain");
    let is_stop = |operation: &Operation| matches!(operation, Operation::StopContainer { .. });
    let (web, db) = (position(&plan, is_stop, "p-web-1"), position(&plan, is_stop, "p-db-1"));
    assert_eq!(plan.steps[db.0].after, [drain]);
    assert_eq!(plan.steps[drain.0].after, [web]);
}
