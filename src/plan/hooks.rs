//! Weaves the services' hooks into a plan: `post_start` after each start, `pre_stop` before each
//! stop.

use std::collections::HashMap;
use std::sync::Arc;

use super::step::{ContainerRef, Operation, Plan, Step, StepId};
use crate::event::Subject;
use crate::project::{Hook, Service};
use crate::state::Desired;

/// The plan with the hooks of the services that `desired` has. Whatever waited for a start waits
/// for its hooks, too.
#[must_use]
pub fn weave(mut plan: Plan, desired: &Desired) -> Plan {
    let services: HashMap<&str, &Service> = desired
        .containers
        .iter()
        .map(|spec| (spec.service.name.as_str(), &*spec.service))
        .filter(|(_, service)| !service.post_start.is_empty() || !service.pre_stop.is_empty())
        .collect();
    if services.is_empty() {
        return plan;
    }
    let mut weaving = Weaving { plan: Plan::default(), made: Vec::new(), ended: Vec::new() };
    for mut step in std::mem::take(&mut plan.steps) {
        for id in &mut step.after {
            *id = weaving.ended[id.0];
        }
        weaving.refer(&mut step.operation);
        let service = match &step.subject {
            Subject::Container { service, .. } => services.get(service.as_str()).copied(),
            _ => None,
        };
        weaving.step(step, service);
    }
    Plan { steps: weaving.plan.steps, ..plan }
}

struct Weaving {
    plan: Plan,
    /// The new id of each step.
    made: Vec<StepId>,
    /// The new id of the step after which each step has ended, hooks included.
    ended: Vec<StepId>,
}

impl Weaving {
    /// A container that a step made is that of the step's new id.
    fn refer(&self, operation: &mut Operation) {
        if let Some(ContainerRef::CreatedBy(step)) = operation.container_mut() {
            *step = self.made[step.0];
        }
    }

    fn step(&mut self, mut step: Step, service: Option<&Service>) {
        let (before, after): (&[Hook], &[Hook]) = match (&step.operation, service) {
            (Operation::StartContainer { .. }, Some(service)) => (&[], &service.post_start),
            (Operation::StopContainer { .. }, Some(service)) => (&service.pre_stop, &[]),
            (Operation::RestartContainer { .. }, Some(service)) => {
                (&service.pre_stop, &service.post_start)
            }
            _ => (&[], &[]),
        };
        let container = match &step.operation {
            Operation::StartContainer { container } => Some(container.clone()),
            Operation::StopContainer { id, .. } | Operation::RestartContainer { id, .. } => {
                Some(ContainerRef::Existing(id.clone()))
            }
            _ => None,
        };
        let hook = |plan: &mut Plan, hook: &Hook, after: Vec<StepId>| {
            let container = container.clone()?;
            let operation = Operation::RunHook { container, hook: Arc::new(hook.clone()) };
            Some(plan.push(operation, step.subject.clone(), step.cause.clone(), after))
        };
        for earlier in before {
            let run = hook(&mut self.plan, earlier, step.after.clone());
            step.after = run.into_iter().collect();
        }
        let made = self.plan.push(
            step.operation.clone(),
            step.subject.clone(),
            step.cause.clone(),
            step.after.clone(),
        );
        let mut last = made;
        for later in after {
            last = hook(&mut self.plan, later, vec![last]).unwrap_or(last);
        }
        self.made.push(made);
        self.ended.push(last);
    }
}
