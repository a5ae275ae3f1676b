//! What must have ended before a container may start, and what is waited for.

use std::collections::HashMap;
use std::sync::Arc;

use super::Reconcile;
use crate::event::Subject;
use crate::plan::step::{AwaitFor, Cause, ContainerRef, Operation, StepId};
use crate::project::{DependsOnCondition, Port, RestartPolicy, ServiceName};
use crate::state::{ContainerSpec, ContainerState, Health, ObservedContainer};

/// What the plan does with one container.
pub(super) struct Outcome {
    pub(super) container: ContainerRef,
    pub(super) spec: Arc<ContainerSpec>,
    pub(super) subject: Subject,
    /// The step after which it runs; `None` when it runs already or is not to be started.
    pub(super) started: Option<StepId>,
    /// How it was observed, when it stays.
    pub(super) kept: Option<(ContainerState, Option<Health>)>,
    /// Whether it is new, was made again or is started again.
    pub(super) touched: bool,
    pub(super) awaits: HashMap<AwaitFor, StepId>,
}

impl Reconcile<'_> {
    pub(super) fn start(
        &mut self,
        spec: &Arc<ContainerSpec>,
        container: ContainerRef,
        subject: &Subject,
        cause: Cause,
        mut after: Vec<StepId>,
    ) -> Option<StepId> {
        if !self.options.start {
            return None;
        }
        after.extend(self.dependencies(spec));
        after.extend(self.port_holders(spec));
        after.sort_unstable();
        after.dedup();
        Some(self.plan.push(Operation::StartContainer { container }, subject.clone(), cause, after))
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
                let condition = match dependency.condition {
                    DependsOnCondition::ServiceStarted => None,
                    DependsOnCondition::ServiceHealthy => Some(AwaitFor::Ready),
                    DependsOnCondition::ServiceCompletedSuccessfully => Some(AwaitFor::Completed),
                };
                let step = match condition {
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
        let after = outcome.started.into_iter().collect();
        let step = self.plan.push(
            Operation::AwaitContainer {
                container: outcome.container.clone(),
                spec: Arc::clone(&outcome.spec),
                condition,
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
