//! Which steps begin now, with what, and why others do not yet.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Outcome, Run, StepState};
use crate::engine::Engine;
use crate::event::{Event, Subject};
use crate::execute::assumed::Begun;
use crate::execute::job::Job;
use crate::plan::{ContainerRef, Operation, Step, StepId};
use crate::state::{ContainerId, ContainerSpec};

impl<E: Engine> Run<'_, E> {
    /// Begins every step that can begin, and tells why others cannot.
    pub(super) async fn launch(&mut self, tasks: &mut JoinSet<Outcome>) {
        for place in 0..self.order.len() {
            let id = self.order[place];
            let index = id.0;
            let step = &self.plan.steps[index];
            if self.state[index] != StepState::Pending {
                continue;
            }
            if step.after.iter().all(|needed| self.is_over(*needed, step)) {
                if self.gives_way(id) {
                    continue;
                }
                self.state[index] = StepState::Running;
                self.begin(id, step, tasks).await;
            } else if let Some(reason) = self.blocked(step)
                && self.told.get(&id) != Some(&reason)
            {
                self.told.insert(id, reason.clone());
                self.tell(Event::Blocked { subject: step.subject.clone(), reason }).await;
            }
        }
    }

    /// Whether a start lets another one go first that much hangs on.
    fn gives_way(&self, start: StepId) -> bool {
        let mut vanguard = self.vanguard.iter();
        vanguard.any(|it| it.yielding.contains(&start) && self.is_imminent(it.start))
    }

    /// Whether a step is under way, or will be as soon as a few short calls have ended.
    fn is_imminent(&self, id: StepId) -> bool {
        let step = &self.plan.steps[id.0];
        match self.state[id.0] {
            StepState::Done => false,
            StepState::Running => step.operation.is_short(),
            StepState::Pending => {
                let mut open = step.after.iter().filter(|needed| !self.is_over(**needed, step));
                open.all(|needed| self.is_imminent(*needed))
            }
        }
    }

    /// Whether `step` need not wait for this earlier one any more.
    fn is_over(&self, needed: StepId, step: &Step) -> bool {
        self.state[needed.0] == StepState::Done
            || (step.operation.needs_only_ended_processes() && self.process_ended.contains(&needed))
    }

    /// Whether a step could begin as soon as the process has ended that this one stops.
    fn is_watched(&self, stop: StepId) -> bool {
        self.plan.steps[stop.0..]
            .iter()
            .any(|step| step.operation.needs_only_ended_processes() && step.after.contains(&stop))
    }

    /// Why a container's start must wait, when only other containers hold it up.
    fn blocked(&self, step: &Step) -> Option<String> {
        if !matches!(
            step.operation,
            Operation::StartContainer { .. }
                | Operation::ReleaseContainer { .. }
                | Operation::RestartContainer { .. }
        ) {
            return None;
        }
        let open: Vec<StepId> = step
            .after
            .iter()
            .copied()
            .filter(|needed| self.state[needed.0] != StepState::Done)
            .collect();
        let foreign = |id: &StepId| match &self.plan.steps[id.0].subject {
            subject @ Subject::Container { service, .. } => {
                (subject.container() != step.subject.container()).then_some(service)
            }
            _ => None,
        };
        // Its own image or creation is still under way: that is what is to be seen.
        let services: Vec<_> = open.iter().map(foreign).collect::<Option<_>>()?;
        // Of several reasons the first one in the file's order that is being probed.
        let (index, state) = open
            .iter()
            .enumerate()
            .find_map(|(index, id)| Some((index, self.probe_states.get(id)?)))
            .map_or((0, None), |(index, state)| (index, Some(state)));
        let service = services.get(index)?;
        Some(match state {
            Some(state) => format!("waiting for {service}: {state}"),
            None => format!("waiting for {service}"),
        })
    }

    async fn begin(&mut self, id: StepId, step: &Step, tasks: &mut JoinSet<Outcome>) {
        let action = step.operation.action();
        self.tell(Event::Started {
            subject: step.subject.clone(),
            action,
            cause: step.cause.to_string(),
        })
        .await;
        let shared = Arc::clone(&self.shared);
        let job = Job {
            id,
            container: self.container_of(&step.operation),
            spec: self.spec_of(&step.operation),
            begun: self.begun(step),
            watched: self.is_watched(id),
            operation: step.operation.clone(),
            subject: step.subject.clone(),
        };
        tasks.spawn(async move {
            let begun = Instant::now();
            let result = job.run(&shared).await;
            Outcome { step: job.id, result, elapsed: begun.elapsed() }
        });
    }

    /// What was done to the container that a step waits for, by steps of this plan.
    fn begun(&self, step: &Step) -> Begun {
        let Operation::AwaitContainer { container, .. } = &step.operation else {
            return Begun::Before;
        };
        // Not only right before: one whose door was opened was started long ago.
        let mut before = self.plan.steps.iter().map(|step| &step.operation);
        before
            .find_map(|operation| match operation {
                Operation::StartContainer { container: started } if started == container => {
                    Some(match started {
                        ContainerRef::CreatedBy(_) => Begun::Made,
                        ContainerRef::Existing(_) => Begun::Started,
                    })
                }
                Operation::RestartContainer { id, .. }
                    if *container == ContainerRef::Existing(id.clone()) =>
                {
                    Some(Begun::Restarted)
                }
                _ => None,
            })
            .unwrap_or(Begun::Before)
    }

    pub(super) fn container_of(&self, operation: &Operation) -> Option<ContainerId> {
        match operation {
            Operation::RenameContainer { container, .. }
            | Operation::HoldContainer { container, .. }
            | Operation::ReleaseContainer { container, .. }
            | Operation::StartContainer { container }
            | Operation::RunHook { container, .. }
            | Operation::AwaitContainer { container, .. }
            | Operation::RemoveContainer { container, .. } => match container {
                ContainerRef::Existing(id) => Some(id.clone()),
                ContainerRef::CreatedBy(step) => self.created.get(step).cloned(),
            },
            Operation::StopContainer { id, .. }
            | Operation::UnpauseContainer { id }
            | Operation::RestartContainer { id, .. }
            | Operation::KillContainer { id, .. } => Some(id.clone()),
            _ => None,
        }
    }

    fn spec_of(&self, operation: &Operation) -> Option<Arc<ContainerSpec>> {
        match operation {
            Operation::CreateContainer { spec, .. }
            | Operation::HoldContainer { spec, .. }
            | Operation::ReleaseContainer { spec, .. }
            | Operation::AwaitContainer { spec, .. } => Some(Arc::clone(spec)),
            Operation::StartContainer { container: ContainerRef::CreatedBy(step) } => {
                self.spec_of(&self.plan.steps[step.0].operation)
            }
            _ => None,
        }
    }
}
