//! Which of the steps that can begin at the same time begin first: those that the most time hangs
//! on. An engine works on many requests at once and each takes longer for it, so what is asked for
//! first is there first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::step::{ContainerRef, Operation, Plan, StepId};
use crate::event::Subject;
use crate::project::{Duration, Probe, ServiceName};
use crate::state::ContainerSpec;

/// So much more must hang on a start for others to wait for it: about what the engine takes for a
/// start that it does alone. Four at once take twice as long, each of them.
const AHEAD: std::time::Duration = std::time::Duration::from_millis(300);

impl Plan {
    /// Works out how much time must pass from each step until the end of the plan. How long a
    /// service takes from its start until it is ready is known from earlier runs, or else guessed
    /// from how it is asked.
    pub fn hasten(&mut self, usual: &HashMap<ServiceName, std::time::Duration>) {
        let mut left = vec![std::time::Duration::ZERO; self.steps.len()];
        let started: HashSet<&ContainerRef> = self
            .steps
            .iter()
            .filter_map(|step| match &step.operation {
                Operation::StartContainer { container } => Some(container),
                _ => None,
            })
            .collect();
        for (index, step) in self.steps.iter().enumerate().rev() {
            if let Operation::AwaitContainer { container, spec, .. } = &step.operation
                && started.contains(container)
            {
                // What is known of a service is not known of its hooks.
                let known = match &step.subject {
                    Subject::Container { service, .. } => usual.get(service).copied(),
                    _ => None,
                };
                left[index] += known.unwrap_or_else(|| guess(spec));
            }
            for needed in &step.after {
                left[needed.0] = left[needed.0].max(left[index]);
            }
        }
        self.urgency = left.into_iter().map(Duration).collect();
    }

    /// The steps in the order in which those begin that can begin at the same time.
    pub(crate) fn by_urgency(&self) -> Vec<StepId> {
        let mut order: Vec<StepId> = (0..self.steps.len()).map(StepId).collect();
        order.sort_by_key(|step| Reverse(self.urgency.get(step.0)));
        order
    }

    /// The start on which most hangs, when it is worth the while of others to let it go alone.
    pub(crate) fn vanguard(&self) -> Option<Vanguard> {
        let urgency = |id: &StepId| self.urgency.get(id.0).map(|urgency| urgency.0);
        let is_start =
            |id: &StepId| matches!(self.steps[id.0].operation, Operation::StartContainer { .. });
        let starts: Vec<StepId> = self.by_urgency().into_iter().filter(is_start).collect();
        let start = *starts.first()?;
        let limit = urgency(&start)?.checked_sub(AHEAD)?;
        let yielding: HashSet<StepId> =
            starts.into_iter().filter(|id| urgency(id) <= Some(limit)).collect();
        (!yielding.is_empty()).then_some(Vanguard { start, yielding })
    }
}

/// A start that goes before others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vanguard {
    /// Which.
    pub(crate) start: StepId,
    /// The starts that let it go first when it is about to be. It waits for none of them: on what
    /// another step waits for hangs as much as on that one.
    pub(crate) yielding: HashSet<StepId>,
}

/// How long a service is likely to take that nobody has seen boot yet. Only which one takes longer
/// than another counts: a broker's virtual machine takes longer than a database's first start, that
/// one longer than most servers, and what keeps all it has in memory is there at once.
fn guess(spec: &ContainerSpec) -> std::time::Duration {
    let probes = spec.service.ready.iter().flat_map(|ready| &ready.probes);
    let millis = probes.map(|probe| match probe {
        Probe::Amqp { .. } => 3000,
        Probe::Postgres { .. } => 1500,
        Probe::Redis { .. } => 100,
        _ => 500,
    });
    let checked = spec.hook.is_some()
        || spec.service.healthcheck.as_ref().is_some_and(|check| !check.disable);
    std::time::Duration::from_millis(millis.max().unwrap_or(if checked { 500 } else { 0 }))
}
