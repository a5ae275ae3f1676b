//! `pre_start`: each hook's container is made, started, waited for and removed.

use std::sync::Arc;

use super::Weaving;
use crate::event::Subject;
use crate::plan::step::{AwaitFor, Cause, ContainerRef, Operation, Step, StepId};
use crate::plan::teardown::subject;
use crate::state::ContainerSpec;

impl Weaving<'_> {
    /// The steps that a start waits for once its hooks are in front of it.
    ///
    /// What is common to the service's containers runs before the first of them, with what that one
    /// needs and has, and not at all while another one runs.
    pub(super) fn before_start(&mut self, step: &Step, container: &ContainerRef) -> Vec<StepId> {
        let mut after = step.after.clone();
        let Some(spec) = self.spec_of(container).map(Arc::clone) else { return after };
        let service = &spec.service.name;
        let common = self.begun.get(service).cloned();
        let is_first = common.is_none() && !self.up.contains(service);
        let mut common = common.unwrap_or_default();
        after.extend(common.iter().filter(|id| !step.after.contains(id)));
        let owner = match container {
            // It may have had another name so far.
            ContainerRef::Existing(id) => id.0.as_str(),
            ContainerRef::CreatedBy(_) => spec.name.as_str(),
        };
        for (place, hook) in spec.service.pre_start.iter().enumerate() {
            if !is_first && !hook.per_replica {
                continue;
            }
            let Some(run) = spec.pre_start(place, owner) else { continue };
            let ended = self.run(run, step, after);
            if !hook.per_replica {
                common = vec![ended];
            }
            after = vec![ended];
        }
        self.begun.insert(service.clone(), common);
        after
    }

    /// The steps of one hook; returns the one after which it has ended well.
    fn run(&mut self, spec: ContainerSpec, step: &Step, after: Vec<StepId>) -> StepId {
        let Subject::Container { service, name: container } = &step.subject else {
            unreachable!("only a container is started");
        };
        let subject = Subject::Hook {
            service: service.clone(),
            container: container.clone(),
            name: spec.name.clone(),
            number: spec.hook.unwrap_or_default(),
        };
        let mut needed = self.own(step);
        needed.extend(self.way_made(&spec));
        needed.sort_unstable();
        needed.dedup();
        let spec = Arc::new(spec);
        let mut push = |operation, after: Vec<StepId>| {
            self.plan.push(operation, subject.clone(), step.cause.clone(), after)
        };
        let create = push(
            Operation::CreateContainer {
                spec: Arc::clone(&spec),
                name: spec.name.clone(),
                inherit: Vec::new(),
            },
            needed,
        );
        let container = ContainerRef::CreatedBy(create);
        let mut ready: Vec<StepId> = after.into_iter().chain([create]).collect();
        ready.sort_unstable();
        let start = push(Operation::StartContainer { container: container.clone() }, ready);
        let condition = AwaitFor::Completed;
        let ended = push(
            Operation::AwaitContainer { container: container.clone(), spec, condition, seen: None },
            vec![start],
        );
        // The start need not wait for that.
        push(Operation::RemoveContainer { container, anonymous_volumes: true }, vec![ended]);
        ended
    }

    /// Of what a start waits for, what is about the very container: only with that a hook's
    /// container can be made, and as soon as that.
    fn own(&self, step: &Step) -> Vec<StepId> {
        let is_own = |id: &&StepId| self.plan.steps[id.0].subject == step.subject;
        step.after.iter().filter(is_own).copied().collect()
    }

    /// The steps after which a hook's image is there, and its container's name is free.
    fn way_made(&mut self, spec: &ContainerSpec) -> Vec<StepId> {
        let image = spec.service.image.familiar();
        let makes_image = |operation: &Operation| match operation {
            Operation::PullImage(made) | Operation::BuildImage(made) => {
                made.reference.familiar() == image
            }
            _ => false,
        };
        let mut steps: Vec<StepId> = self.steps(makes_image);
        let observed = self.observed;
        let old = observed.hooks_of(&self.desired.project).find(|old| old.name == spec.name);
        let Some(old) = old else { return steps };
        let removes_old = |operation: &Operation| {
            matches!(operation, Operation::RemoveContainer { container: ContainerRef::Existing(id), .. }
                if *id == old.id)
        };
        let removed = self.steps(removes_old);
        if removed.is_empty() {
            let mut stopped = Vec::new();
            let mut push =
                |operation, after| self.plan.push(operation, subject(old), Cause::Leftover, after);
            if old.state.is_running() {
                stopped.push(push(
                    Operation::StopContainer { id: old.id.clone(), grace: None },
                    Vec::new(),
                ));
            }
            steps.push(push(
                Operation::RemoveContainer {
                    container: ContainerRef::Existing(old.id.clone()),
                    anonymous_volumes: true,
                },
                stopped,
            ));
        }
        steps.extend(removed);
        steps
    }

    fn steps(&self, wanted: impl Fn(&Operation) -> bool) -> Vec<StepId> {
        let steps = self.plan.steps.iter().enumerate();
        steps.filter(|(_, step)| wanted(&step.operation)).map(|(id, _)| StepId(id)).collect()
    }
}
