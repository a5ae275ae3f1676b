//! Plans the verbs that act on containers as they are: `stop`, `start`, `restart`, `kill`, `rm`.

use std::collections::HashMap;
use std::sync::Arc;

use super::step::{AwaitFor, Cause, ContainerRef, Operation, Plan, StepId};
use super::teardown::{dependants, dependants_first, dependencies_first, subject};
use crate::project::{DependsOnCondition, Duration, ProjectName, ServiceName};
use crate::state::{ContainerId, ContainerSpec, Desired, Observed, ObservedContainer};

/// The project's containers of these services (all when none is named), those of `run` left out.
#[must_use]
pub fn selected<'a>(
    project: &ProjectName,
    observed: &'a Observed,
    services: &[ServiceName],
) -> Vec<&'a ObservedContainer> {
    observed
        .containers_of(project)
        .filter(|container| {
            services.is_empty()
                || container.service().is_some_and(|service| services.contains(&service))
        })
        .collect()
}

/// Stops what runs, dependants first.
#[must_use]
pub fn stop(containers: &[&ObservedContainer], grace: Option<Duration>) -> Plan {
    let running: Vec<&ObservedContainer> =
        containers.iter().filter(|container| container.state.is_running()).copied().collect();
    let mut plan = Plan::default();
    let mut stops: HashMap<&ContainerId, StepId> = HashMap::new();
    for container in dependants_first(&running) {
        let after = dependants(container, &running)
            .filter_map(|dependant| stops.get(&dependant.id).copied())
            .collect();
        let step = plan.push(
            Operation::StopContainer { id: container.id.clone(), grace },
            subject(container),
            Cause::Requested,
            after,
        );
        stops.insert(&container.id, step);
    }
    plan
}

/// Starts what does not run, dependencies first; waits for them as the file says.
#[must_use]
pub fn start(containers: &[&ObservedContainer], desired: &Desired, wait: bool) -> Plan {
    run_up(containers, desired, wait, |container| {
        (!container.state.is_running()).then(|| Operation::StartContainer {
            container: ContainerRef::Existing(container.id.clone()),
        })
    })
}

/// Restarts everything, dependencies first; waits for them as the file says.
#[must_use]
pub fn restart(
    containers: &[&ObservedContainer],
    desired: &Desired,
    grace: Option<Duration>,
    wait: bool,
) -> Plan {
    run_up(containers, desired, wait, |container| {
        Some(Operation::RestartContainer { id: container.id.clone(), grace })
    })
}

/// Sends a signal to what runs.
#[must_use]
pub fn kill(containers: &[&ObservedContainer], signal: &str) -> Plan {
    let mut plan = Plan::default();
    for container in containers.iter().filter(|container| container.state.is_running()) {
        plan.push(
            Operation::KillContainer { id: container.id.clone(), signal: signal.to_owned() },
            subject(container),
            Cause::Requested,
            Vec::new(),
        );
    }
    plan
}

/// Removes what does not run; with `stop`, also what does.
#[must_use]
pub fn remove(containers: &[&ObservedContainer], stop: bool, anonymous_volumes: bool) -> Plan {
    let mut plan = if stop { self::stop(containers, None) } else { Plan::default() };
    for container in containers {
        let after = if container.state.is_running() {
            let stopped = plan.steps.iter().position(|step| {
                matches!(&step.operation, Operation::StopContainer { id, .. } if *id == container.id)
            });
            let Some(stopped) = stopped else { continue };
            vec![StepId(stopped)]
        } else {
            Vec::new()
        };
        plan.push(
            Operation::RemoveContainer { id: container.id.clone(), anonymous_volumes },
            subject(container),
            Cause::Requested,
            after,
        );
    }
    plan
}

/// Brings containers up one after the other's conditions.
fn run_up(
    containers: &[&ObservedContainer],
    desired: &Desired,
    wait: bool,
    operation: impl Fn(&ObservedContainer) -> Option<Operation>,
) -> Plan {
    let mut plan = Plan::default();
    // Per service: the steps after which it runs, and those after which it is ready.
    let mut done: HashMap<ServiceName, Vec<(StepId, Option<StepId>)>> = HashMap::new();
    for container in dependencies_first(containers) {
        let Some(operation) = operation(container) else {
            plan.unchanged.push(subject(container));
            continue;
        };
        let spec = spec_of(container, desired);
        let mut after = Vec::new();
        for (name, dependency) in spec.iter().flat_map(|spec| &spec.service.depends_on) {
            for (started, ready) in done.get(name).into_iter().flatten() {
                let ready =
                    ready.filter(|_| dependency.condition != DependsOnCondition::ServiceStarted);
                after.push(ready.unwrap_or(*started));
            }
        }
        let subject = subject(container);
        let started = plan.push(operation, subject.clone(), Cause::Requested, after);
        let needed = spec.is_some_and(|spec| is_waited_for(spec, desired));
        let ready = spec.filter(|_| wait || needed).map(|spec| {
            plan.push(
                Operation::AwaitContainer {
                    container: ContainerRef::Existing(container.id.clone()),
                    spec: Arc::clone(spec),
                    condition: AwaitFor::ReadyOrFinished,
                },
                subject.clone(),
                Cause::Requested,
                vec![started],
            )
        });
        if let Some(service) = container.service() {
            done.entry(service).or_default().push((started, ready));
        }
    }
    plan
}

fn spec_of<'a>(
    container: &ObservedContainer,
    desired: &'a Desired,
) -> Option<&'a Arc<ContainerSpec>> {
    let service = container.service()?;
    desired
        .containers
        .iter()
        .find(|spec| spec.service.name == service && spec.number == container.number())
}

fn is_waited_for(spec: &ContainerSpec, desired: &Desired) -> bool {
    desired.containers.iter().any(|other| {
        other
            .service
            .depends_on
            .get(&spec.service.name)
            .is_some_and(|dependency| dependency.condition != DependsOnCondition::ServiceStarted)
    })
}
