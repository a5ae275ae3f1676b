//! Plans the verbs that act on containers as they are: `stop`, `start`, `restart`, `kill`, `rm`.

use std::collections::HashMap;
use std::sync::Arc;

use super::step::{AwaitFor, Cause, ContainerRef, Operation, Plan, StepId};
use super::teardown::{
    dependants, dependants_first, dependencies_first, only_writes_to, runner_volume,
    stopped_within, subject,
};
use crate::event::Subject;
use crate::project::{Duration, ProjectName, ServiceName};
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, Desired, Observed, ObservedContainer,
};

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
            Operation::StopContainer {
                id: container.id.clone(),
                grace: grace.or(container.stop_grace()),
            },
            subject(container),
            Cause::Requested,
            after,
        );
        stops.insert(&container.id, step);
    }
    plan.stopped_within = stopped_within(&plan);
    plan
}

/// Stops what runs as [`stop`] does, after a beginning that was broken off. Containers that were
/// never ready and write to nothing but volumes that this beginning has made are removed at once,
/// and those volumes with them: what is in them is the half of a database, which no later start
/// would make whole.
#[must_use]
pub fn stop_unfinished(
    containers: &[&ObservedContainer],
    grace: Option<Duration>,
    new_volumes: &[String],
    unready: &[ContainerId],
) -> Plan {
    let is_unready = |container: &ObservedContainer| unready.contains(&container.id);
    let uses = |container: &ObservedContainer, name: &str| {
        container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(name))
    };
    // What others have written to is kept.
    let mut doomed: Vec<&str> = new_volumes.iter().map(String::as_str).collect();
    doomed.retain(|name| containers.iter().all(|it| is_unready(it) || !uses(it, name)));
    let (given_up, rest): (Vec<&ObservedContainer>, Vec<_>) =
        containers.iter().copied().partition(|container| {
            container.state.is_running()
                && is_unready(container)
                && doomed.iter().any(|name| uses(container, name))
                && only_writes_to(container, &doomed)
        });
    doomed.retain(|name| {
        given_up.iter().any(|it| uses(it, name)) && !rest.iter().any(|it| uses(it, name))
    });
    let mut plan = stop(&rest, grace);
    let mut removals = Vec::new();
    for container in &given_up {
        let removal = Operation::RemoveContainer {
            container: ContainerRef::Existing(container.id.clone()),
            anonymous_volumes: true,
        };
        removals.push(plan.push(removal, subject(container), Cause::Requested, Vec::new()));
    }
    for name in doomed {
        let removal = Operation::RemoveVolume(name.to_owned());
        let subject = Subject::Volume(name.to_owned());
        plan.push(removal, subject, Cause::Requested, removals.clone());
    }
    plan
}

/// Starts what does not run and lets go on what was paused, dependencies first; waits for them as
/// the file says.
#[must_use]
pub fn start(containers: &[&ObservedContainer], desired: &Desired, wait: bool) -> Plan {
    run_up(containers, desired, wait, |container| {
        if container.state == ContainerState::Paused {
            Some(Operation::UnpauseContainer { id: container.id.clone() })
        } else {
            (!container.state.is_running()).then(|| start_of(container))
        }
    })
}

/// Restarts what runs and starts what does not, dependencies first; waits for them as the file
/// says.
#[must_use]
pub fn restart(
    containers: &[&ObservedContainer],
    desired: &Desired,
    grace: Option<Duration>,
    wait: bool,
) -> Plan {
    run_up(containers, desired, wait, |container| {
        Some(if container.state.is_running() {
            Operation::RestartContainer { id: container.id.clone(), grace }
        } else {
            start_of(container)
        })
    })
}

fn start_of(container: &ObservedContainer) -> Operation {
    Operation::StartContainer { container: ContainerRef::Existing(container.id.clone()) }
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
        let removal = plan.push(
            Operation::RemoveContainer {
                container: ContainerRef::Existing(container.id.clone()),
                anonymous_volumes,
            },
            subject(container),
            Cause::Requested,
            after,
        );
        if let Some(volume) = runner_volume(container).filter(|_| !anonymous_volumes) {
            plan.push(
                Operation::RemoveVolume(volume.to_owned()),
                Subject::Volume(volume.to_owned()),
                Cause::Requested,
                vec![removal],
            );
        }
    }
    plan
}

/// The steps that bring one container up.
struct Begun {
    /// It runs after this one.
    started: StepId,
    /// Those that wait for it.
    waits: HashMap<AwaitFor, StepId>,
}

/// Brings containers up one after the other's conditions.
fn run_up(
    containers: &[&ObservedContainer],
    desired: &Desired,
    wait: bool,
    operation: impl Fn(&ObservedContainer) -> Option<Operation>,
) -> Plan {
    let mut plan = Plan::default();
    let mut begun: HashMap<ServiceName, Vec<Begun>> = HashMap::new();
    for container in dependencies_first(containers) {
        let Some(operation) = operation(container) else {
            plan.unchanged.push(subject(container));
            continue;
        };
        let spec = spec_of(container, desired);
        let mut after = Vec::new();
        for (name, dependency) in spec.iter().flat_map(|spec| &spec.service.depends_on) {
            let condition = AwaitFor::of(dependency.condition);
            for dependency in begun.get(name).into_iter().flatten() {
                let wait = condition.and_then(|condition| dependency.waits.get(&condition));
                after.push(*wait.unwrap_or(&dependency.started));
            }
        }
        let subject = subject(container);
        // Whatever made it wait at its door is not there to open it.
        if let Some(spec) = spec.filter(|spec| spec.can_be_held()) {
            let release = Operation::ReleaseContainer {
                container: ContainerRef::Existing(container.id.clone()),
                spec: Arc::clone(spec),
            };
            after = vec![plan.push(release, subject.clone(), Cause::Requested, after)];
        }
        let started = plan.push(operation, subject.clone(), Cause::Requested, after);
        let mut waits = HashMap::new();
        if let Some(spec) = spec {
            let mut conditions = conditions_on(spec, desired);
            if conditions.is_empty() && wait {
                conditions.push(AwaitFor::ReadyOrFinished);
            }
            for condition in conditions {
                let wait = Operation::AwaitContainer {
                    container: ContainerRef::Existing(container.id.clone()),
                    spec: Arc::clone(spec),
                    condition,
                    seen: None,
                };
                let step = plan.push(wait, subject.clone(), Cause::Requested, vec![started]);
                waits.insert(condition, step);
            }
        }
        if let Some(service) = container.service() {
            begun.entry(service).or_default().push(Begun { started, waits });
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

/// What other services of the file wait for before they start.
fn conditions_on(spec: &ContainerSpec, desired: &Desired) -> Vec<AwaitFor> {
    let mut conditions: Vec<AwaitFor> = desired
        .containers
        .iter()
        .filter_map(|other| other.service.depends_on.get(&spec.service.name))
        .filter_map(|dependency| AwaitFor::of(dependency.condition))
        .collect();
    conditions.sort_unstable();
    conditions.dedup();
    conditions
}
