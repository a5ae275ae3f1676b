//! Weaves the services' hooks into a plan: `pre_start` before each start, `post_start` after it,
//! `pre_stop` before each stop.

mod before;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::step::{ContainerRef, Operation, Plan, Step, StepId};
use crate::event::Subject;
use crate::project::{Hook, Service, ServiceName};
use crate::state::{ContainerId, ContainerSpec, Desired, Observed, ObservedContainer};

/// The plan with the hooks of the services that `desired` has. Whatever waited for a start waits
/// for its hooks, too.
#[must_use]
pub fn weave(mut plan: Plan, desired: &Desired, observed: &Observed) -> Plan {
    let services: HashMap<&str, &Service> = desired
        .containers
        .iter()
        .map(|spec| (spec.service.name.as_str(), &*spec.service))
        .filter(|(_, service)| service.hooks().next().is_some())
        .collect();
    if services.is_empty() {
        return plan;
    }
    let mut weaving = Weaving {
        desired,
        observed,
        up: stay_up(&plan, desired, observed),
        begun: HashMap::new(),
        plan: Plan::default(),
        made: Vec::new(),
        ended: Vec::new(),
    };
    for mut step in std::mem::take(&mut plan.steps) {
        for id in &mut step.after {
            *id = weaving.ended[id.0];
        }
        weaving.refer(&mut step.operation);
        let service = match &step.subject {
            Subject::Container { service, .. } if !weaving.is_one_off(&step.operation) => {
                services.get(service.as_str()).copied()
            }
            _ => None,
        };
        weaving.step(step, service);
    }
    Plan { steps: weaving.plan.steps, ..plan }
}

/// The services of which a container runs that this plan leaves running.
fn stay_up(plan: &Plan, desired: &Desired, observed: &Observed) -> HashSet<ServiceName> {
    let leaving = plan.leaving();
    observed
        .containers_of(&desired.project)
        .filter(|container| container.state.is_running() && !leaving.contains(&container.id))
        .filter_map(ObservedContainer::service)
        .collect()
}

struct Weaving<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    /// The services of which a container runs all the time.
    up: HashSet<ServiceName>,
    /// The services of which a start came already, and the steps after which the hooks have ended
    /// that are common to all their containers.
    begun: HashMap<ServiceName, Vec<StepId>>,
    plan: Plan,
    /// The new id of each step.
    made: Vec<StepId>,
    /// The new id of the step after which each step has ended, hooks included.
    ended: Vec<StepId>,
}

impl Weaving<'_> {
    /// A container that a step made is that of the step's new id.
    fn refer(&self, operation: &mut Operation) {
        if let Some(ContainerRef::CreatedBy(step)) = operation.container_mut() {
            *step = self.made[step.0];
        }
    }

    /// Whether it is about a container of `run` or of a hook: the service's hooks are not theirs.
    fn is_one_off(&self, operation: &Operation) -> bool {
        let Some(container) = touched(operation) else { return false };
        match &container {
            ContainerRef::CreatedBy(_) => {
                self.spec_of(&container).is_some_and(|it| it.is_one_off())
            }
            ContainerRef::Existing(id) => {
                self.observed_as(id).is_some_and(ObservedContainer::is_one_off)
            }
        }
    }

    fn observed_as(&self, id: &ContainerId) -> Option<&ObservedContainer> {
        self.observed.containers.iter().find(|container| container.id == *id)
    }

    /// What a container was made from, or would be made from now.
    fn spec_of(&self, container: &ContainerRef) -> Option<&Arc<ContainerSpec>> {
        match container {
            ContainerRef::CreatedBy(step) => match &self.plan.steps[step.0].operation {
                Operation::CreateContainer { spec, .. } => Some(spec),
                _ => None,
            },
            ContainerRef::Existing(id) => {
                let there = self.observed_as(id)?;
                let service = there.service()?;
                let mut specs = self.desired.containers.iter();
                specs.find(|it| it.service.name == service && it.number == there.number())
            }
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
        if let (Operation::StartContainer { container }, Some(_)) = (&step.operation, service) {
            step.after = self.before_start(&step, container);
        }
        let container = touched(&step.operation);
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

/// The container whose process an operation begins or ends.
fn touched(operation: &Operation) -> Option<ContainerRef> {
    match operation {
        Operation::StartContainer { container } => Some(container.clone()),
        Operation::StopContainer { id, .. } | Operation::RestartContainer { id, .. } => {
            Some(ContainerRef::Existing(id.clone()))
        }
        _ => None,
    }
}
