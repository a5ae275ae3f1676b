//! What must have ended before a container may start, and what is waited for.

use std::collections::HashMap;
use std::sync::Arc;

use super::Reconcile;
use crate::event::Subject;
use crate::plan::step::{AwaitFor, Cause, ContainerRef, Operation, StepId};
use crate::project::{Dependency, Port, RestartPolicy, ServiceName};
use crate::state::{ContainerSpec, ContainerState, Health, ObservedContainer};

/// What the plan does with one container.
pub(super) struct Outcome {
    pub(super) container: ContainerRef,
    pub(super) spec: Arc<ContainerSpec>,
    pub(super) subject: Subject,
    /// The step after which it runs; `None` when it runs already or is not to be started.
    pub(super) started: Option<StepId>,
    /// The step after which its application runs, when that is not the start.
    pub(super) released: Option<StepId>,
    /// How it was observed, when it stays.
    pub(super) kept: Option<(ContainerState, Option<Health>)>,
    /// Whether it is new, was made again or is started again.
    pub(super) touched: bool,
    pub(super) awaits: HashMap<AwaitFor, StepId>,
}

/// The steps that bring one container up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Begun {
    /// The step after which it runs; `None` when it runs already or is not to be started.
    pub(super) started: Option<StepId>,
    /// The step after which its application runs, when it is started before that.
    pub(super) released: Option<StepId>,
}

impl Begun {
    /// Whether anything is done at all.
    pub(super) const fn is_something(self) -> bool {
        self.started.is_some() || self.released.is_some()
    }
}

impl Reconcile<'_> {
    pub(super) fn start(
        &mut self,
        spec: &Arc<ContainerSpec>,
        container: ContainerRef,
        subject: &Subject,
        cause: &Cause,
        mut after: Vec<StepId>,
    ) -> Begun {
        if !self.options.start {
            return Begun::default();
        }
        let reason = self.reason_to_hold(spec);
        let needed = self.dependencies(spec);
        after.extend(self.port_holders(spec));
        if let Some(reason) = reason {
            return self.start_early(spec, container, subject, cause, after, needed, reason);
        }
        after.extend(needed);
        // An interrupted run may have left its door closed, and then it was stopped.
        if spec.can_be_held() && matches!(container, ContainerRef::Existing(_)) {
            after = vec![self.push_release(spec, container.clone(), subject, cause.clone(), after)];
        }
        Begun { started: Some(self.push_start(container, subject, cause, after)), released: None }
    }

    /// Starts a container whose application waits at its door: not before the others' containers
    /// run, since images may have to be pulled until then, but before they are ready.
    #[expect(clippy::too_many_arguments, reason = "what `start` has worked out")]
    fn start_early(
        &mut self,
        spec: &Arc<ContainerSpec>,
        container: ContainerRef,
        subject: &Subject,
        cause: &Cause,
        mut after: Vec<StepId>,
        needed: Vec<StepId>,
        reason: String,
    ) -> Begun {
        for name in spec.service.depends_on.keys() {
            after.extend(self.services.get(name).into_iter().flatten().filter_map(|it| it.started));
        }
        // A new container is made with its door closed.
        if let ContainerRef::Existing(_) = &container {
            let hold = Operation::HoldContainer {
                container: container.clone(),
                spec: Arc::clone(spec),
                reason,
            };
            let closed = self.plan.push(hold, subject.clone(), cause.clone(), after.clone());
            after.push(closed);
        }
        let started = self.push_start(container.clone(), subject, cause, after);
        let mut after = needed;
        after.push(started);
        let released = self.push_release(spec, container, subject, cause.clone(), after);
        Begun { started: Some(started), released: Some(released) }
    }

    fn push_start(
        &mut self,
        container: ContainerRef,
        subject: &Subject,
        cause: &Cause,
        mut after: Vec<StepId>,
    ) -> StepId {
        after.sort_unstable();
        after.dedup();
        let start = Operation::StartContainer { container };
        self.plan.push(start, subject.clone(), cause.clone(), after)
    }

    fn push_release(
        &mut self,
        spec: &Arc<ContainerSpec>,
        container: ContainerRef,
        subject: &Subject,
        cause: Cause,
        mut after: Vec<StepId>,
    ) -> StepId {
        after.sort_unstable();
        after.dedup();
        let release = Operation::ReleaseContainer { container, spec: Arc::clone(spec) };
        self.plan.push(release, subject.clone(), cause, after)
    }

    /// Opens the door of a container that runs and may still be held by a run that was
    /// interrupted: what is healthy is not.
    pub(super) fn release_held(
        &mut self,
        spec: &Arc<ContainerSpec>,
        kept: &ObservedContainer,
        subject: &Subject,
    ) -> Option<StepId> {
        let may_be_held = spec.can_be_held()
            && kept.state == ContainerState::Running
            && kept.health != Some(Health::Healthy);
        if !self.options.start || !may_be_held {
            return None;
        }
        let after = self.dependencies(spec);
        let container = ContainerRef::Existing(kept.id.clone());
        Some(self.push_release(spec, container, subject, Cause::NotReady, after))
    }

    /// What a container waits for at its door; `None` when it can or need not be held there.
    pub(super) fn reason_to_hold(&self, spec: &ContainerSpec) -> Option<String> {
        if !self.options.start || !spec.can_be_held() {
            return None;
        }
        let waited_for = |(name, dependency): (&ServiceName, &Dependency)| {
            let condition = AwaitFor::of(dependency.condition)?;
            let outcomes = self.services.get(name)?;
            let is_open = |outcome: &Outcome| {
                outcome.kept.is_none_or(|(state, health)| {
                    !satisfied(&outcome.spec, state, health, condition)
                })
            };
            outcomes.iter().any(is_open).then(|| name.to_string())
        };
        let names: Vec<String> = spec.service.depends_on.iter().filter_map(waited_for).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    pub(super) fn restart_with_dependency(
        &mut self,
        spec: &ContainerSpec,
        kept: &ObservedContainer,
        subject: &Subject,
    ) -> Option<StepId> {
        if !self.options.start {
            return None;
        }
        let restarted = spec
            .service
            .depends_on
            .iter()
            .filter(|(_, dependency)| dependency.restart)
            .map(|(name, _)| name)
            .find(|name| {
                self.services
                    .get(*name)
                    .is_some_and(|outcomes| outcomes.iter().any(|outcome| outcome.touched))
            })?
            .clone();
        let after = self.dependencies(spec);
        Some(self.plan.push(
            Operation::RestartContainer { id: kept.id.clone(), grace: self.options.grace },
            subject.clone(),
            Cause::DependencyRestarted(restarted),
            after,
        ))
    }

    /// Stops containers that will be made again without a host port that another one is to have:
    /// their turn to be stopped might come only after the other one's start.
    pub(super) fn free_ports(&mut self) {
        if !self.options.start {
            return;
        }
        for container in self.observed.containers_of(&self.desired.project) {
            let own = self.desired.containers.iter().find(|spec| {
                Some(&spec.service.name) == container.service().as_ref()
                    && spec.number == container.number()
            });
            let Some(own) = own else { continue };
            let moves = held_ports(container).any(|port| {
                !wants(own, port) && self.desired.containers.iter().any(|other| wants(other, port))
            });
            if !moves
                || self.removed.contains_key(&container.name)
                || self.change(own, container).is_none()
            {
                continue;
            }
            let service = own.service.name.clone();
            let step = self.plan.push(
                Operation::StopContainer { id: container.id.clone(), grace: self.options.grace },
                Subject::Container { service, name: container.name.clone() },
                Cause::ConfigChanged(vec!["ports".to_owned()]),
                Vec::new(),
            );
            self.stopped.insert(container.name.clone(), step);
        }
    }

    /// The steps after which containers that still have one of its host ports have it no more.
    fn port_holders(&self, spec: &ContainerSpec) -> Vec<StepId> {
        self.observed
            .containers
            .iter()
            .filter(|container| held_ports(container).any(|port| wants(spec, port)))
            .filter_map(|container| {
                let name = &container.name;
                self.stopped.get(name).or_else(|| self.removed.get(name)).copied()
            })
            .collect()
    }

    /// The steps that must have ended before a container may start: its dependencies' conditions.
    fn dependencies(&mut self, spec: &ContainerSpec) -> Vec<StepId> {
        let mut steps = Vec::new();
        for (name, dependency) in &spec.service.depends_on {
            let count = self.services.get(name).map_or(0, Vec::len);
            for index in 0..count {
                let step = match AwaitFor::of(dependency.condition) {
                    None => self.services[name][index].started,
                    Some(condition) => self.await_container(
                        name,
                        index,
                        condition,
                        Cause::NeededBy(spec.service.name.clone()),
                    ),
                };
                steps.extend(step);
            }
        }
        steps
    }

    pub(super) fn final_wait(&mut self, name: &ServiceName, index: usize) {
        let outcome = &self.services[name][index];
        let waited = outcome.awaits.contains_key(&AwaitFor::Ready)
            || outcome.awaits.contains_key(&AwaitFor::Completed);
        if !waited {
            self.await_container(name, index, AwaitFor::ReadyOrFinished, Cause::Requested);
        }
    }

    /// The step that waits for a container; `None` when it already is as needed.
    fn await_container(
        &mut self,
        name: &ServiceName,
        index: usize,
        condition: AwaitFor,
        cause: Cause,
    ) -> Option<StepId> {
        let outcome = &self.services[name][index];
        if let Some(step) = outcome.awaits.get(&condition) {
            return Some(*step);
        }
        if outcome
            .kept
            .is_some_and(|(state, health)| satisfied(&outcome.spec, state, health, condition))
        {
            return None;
        }
        let after = outcome.released.or(outcome.started).into_iter().collect();
        let seen = match &outcome.container {
            ContainerRef::Existing(id) if outcome.kept.is_some() => self.observed.running(id),
            _ => None,
        };
        let step = self.plan.push(
            Operation::AwaitContainer {
                container: outcome.container.clone(),
                spec: Arc::clone(&outcome.spec),
                condition,
                seen: seen.map(Arc::new),
            },
            outcome.subject.clone(),
            cause,
            after,
        );
        self.services[name][index].awaits.insert(condition, step);
        Some(step)
    }
}

/// The host ports that a running container has.
fn held_ports(container: &ObservedContainer) -> impl Iterator<Item = u16> {
    container.ports.iter().filter_map(|port| port.published).map(|(_, number)| number)
}

/// Whether a container is to have this host port.
fn wants(spec: &ContainerSpec, port: u16) -> bool {
    spec.service.ports.iter().filter_map(Port::fixed).any(|number| number == port)
}

/// Whether an unchanged container needs no waiting, by the snapshot alone.
fn satisfied(
    spec: &ContainerSpec,
    state: ContainerState,
    health: Option<Health>,
    condition: AwaitFor,
) -> bool {
    let finished = state == ContainerState::Exited { code: 0 };
    match condition {
        AwaitFor::Completed => finished,
        AwaitFor::ReadyOrFinished if finished => spec.service.restart != RestartPolicy::Always,
        AwaitFor::Ready | AwaitFor::ReadyOrFinished => {
            state == ContainerState::Running
                && match health {
                    Some(health) => health == Health::Healthy,
                    None => spec.service.ready.is_none(),
                }
        }
    }
}
