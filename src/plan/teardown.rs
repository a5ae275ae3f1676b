//! Plans `down` and the removing half of `reset`: from the labels on the engine alone, so that it
//! works when the files are gone or broken.

use std::collections::{HashMap, HashSet};

use super::graph::topological;
use super::step::{Cause, ContainerRef, Operation, Plan, StepId};
use crate::event::Subject;
use crate::project::{Duration, ProjectName, RUNNER_FOLDER, ServiceName};
use crate::state::{
    ContainerId, DEFAULT_STOP_GRACE, Observed, ObservedContainer, is_anonymous, labels,
};

/// What to take away.
#[derive(Debug, Clone, Default)]
pub struct TeardownOptions {
    /// Only these services; everything of the project when absent.
    pub services: Option<Vec<ServiceName>>,
    /// The services of the file, when it was readable: containers of others are orphans.
    pub known_services: Option<Vec<ServiceName>>,
    /// Whether orphans go too.
    pub remove_orphans: bool,
    /// Whether volumes go too.
    pub volumes: bool,
    /// Whether networks stay (`reset`, `rm`).
    pub keep_networks: bool,
    /// Images to remove, by reference.
    pub images: Vec<String>,
    /// Grace period over the containers' own setting.
    pub grace: Option<Duration>,
}

/// Plans the removal.
#[must_use]
pub fn teardown(project: &ProjectName, observed: &Observed, options: &TeardownOptions) -> Plan {
    let mut plan = Plan::default();
    let (going, staying) = partition(project, observed, options);
    let doomed = doomed_volumes(project, observed, options, &going, &staying);
    warn_of_orphans(&mut plan, options, &staying);

    let mut stops: HashMap<&ContainerId, StepId> = HashMap::new();
    let mut removals: Vec<(&ObservedContainer, StepId)> = Vec::new();
    for container in dependants_first(&going) {
        let subject = subject(container);
        let mut after = Vec::new();
        // Nothing that a killed process could still write survives this plan: no need to wait.
        let graceful = container.state.is_running() && !only_writes_to(container, &doomed);
        if graceful {
            after = dependants(container, &going)
                .filter_map(|dependant| stops.get(&dependant.id).copied())
                .collect();
            let stop = plan.push(
                Operation::StopContainer {
                    id: container.id.clone(),
                    grace: options.grace.or(container.stop_grace()),
                },
                subject.clone(),
                Cause::Requested,
                after,
            );
            stops.insert(&container.id, stop);
            after = vec![stop];
        }
        let removal = plan.push(
            Operation::RemoveContainer {
                container: ContainerRef::Existing(container.id.clone()),
                anonymous_volumes: options.volumes,
            },
            subject,
            Cause::Requested,
            after,
        );
        removals.push((container, removal));
    }
    plan.stopped_within = stopped_within(&plan);
    let removals_of = |uses: &dyn Fn(&ObservedContainer) -> bool| -> Vec<StepId> {
        removals.iter().filter(|(container, _)| uses(container)).map(|(_, step)| *step).collect()
    };
    if !options.keep_networks && options.services.is_none() {
        for network in observed.networks.iter().filter(|network| owned(&network.labels, project)) {
            let in_use =
                staying.iter().find(|container| container.networks.contains_key(&network.name));
            if let Some(container) = in_use {
                plan.warnings
                    .push(format!("network {} stays: {} uses it", network.name, container.name));
                continue;
            }
            plan.push(
                Operation::RemoveNetwork { id: network.id.clone() },
                Subject::Network(network.name.clone()),
                Cause::Requested,
                removals_of(&|container| container.networks.contains_key(&network.name)),
            );
        }
    }
    // With `volumes` it goes with its container.
    let runners =
        (!options.volumes).then(|| removals.iter().filter_map(|(it, _)| runner_volume(it)));
    for volume in doomed.into_iter().chain(runners.into_iter().flatten()) {
        plan.push(
            Operation::RemoveVolume(volume.to_owned()),
            Subject::Volume(volume.to_owned()),
            Cause::Requested,
            removals_of(&|container| {
                container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(volume))
            }),
        );
    }
    remove_images(&mut plan, observed, &options.images, &removals_of(&|_| true));
    plan
}

/// Removes image names, after these steps. An engine that is asked to take the last two names off an
/// image at the same time fails for one of them: the names of one image go one after the other.
fn remove_images(plan: &mut Plan, observed: &Observed, references: &[String], after: &[StepId]) {
    let mut last: HashMap<&str, StepId> = HashMap::new();
    for reference in references {
        let id = observed.image(reference).map_or(reference.as_str(), |image| image.id.as_str());
        let step = plan.push(
            Operation::RemoveImage(reference.clone()),
            Subject::Image { reference: reference.clone(), services: Vec::new() },
            Cause::Requested,
            after.iter().copied().chain(last.get(id).copied()).collect(),
        );
        last.insert(id, step);
    }
}

/// The longest grace period: others run while it passes.
pub(super) fn stopped_within(plan: &Plan) -> Option<Duration> {
    let graces = plan.steps.iter().filter_map(|step| match step.operation {
        Operation::StopContainer { grace, .. } => Some(grace.unwrap_or(DEFAULT_STOP_GRACE).0),
        _ => None,
    });
    graces.max().map(Duration)
}

fn partition<'a>(
    project: &ProjectName,
    observed: &'a Observed,
    options: &TeardownOptions,
) -> (Vec<&'a ObservedContainer>, Vec<&'a ObservedContainer>) {
    let owned = observed.containers.iter().filter(|container| container.belongs_to(project));
    owned.partition(|container| {
        let service = container.service();
        let named = options.services.as_ref().is_none_or(|services| {
            service.as_ref().is_some_and(|service| services.contains(service))
        });
        let known = options
            .known_services
            .as_ref()
            .is_none_or(|known| service.as_ref().is_some_and(|service| known.contains(service)));
        named && (known || options.remove_orphans)
    })
}

/// The project's volumes that go: all of them, or those that only the named services use.
fn doomed_volumes<'a>(
    project: &ProjectName,
    observed: &'a Observed,
    options: &TeardownOptions,
    going: &[&ObservedContainer],
    staying: &[&ObservedContainer],
) -> Vec<&'a str> {
    if !options.volumes {
        return Vec::new();
    }
    let uses = |containers: &[&ObservedContainer], name: &str| {
        containers.iter().any(|container| {
            container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(name))
        })
    };
    observed
        .volumes
        .iter()
        .filter(|volume| owned(&volume.labels, project))
        .map(|volume| volume.name.as_str())
        .filter(|name| !uses(staying, name) && (options.services.is_none() || uses(going, name)))
        .collect()
}

/// The volume that holds a reload runner's files where the root file system cannot be written: it
/// has no name, and nothing in it that somebody could want.
pub(super) fn runner_volume(container: &ObservedContainer) -> Option<&str> {
    let mount = container.mounts.iter().find(|mount| mount.target == RUNNER_FOLDER)?;
    mount.volume.as_deref().filter(|volume| is_anonymous(volume))
}

pub(super) fn only_writes_to(container: &ObservedContainer, doomed: &[&str]) -> bool {
    !doomed.is_empty()
        && container.mounts.iter().filter(|mount| mount.writable).all(|mount| {
            mount
                .volume
                .as_deref()
                .is_some_and(|volume| doomed.contains(&volume) || is_anonymous(volume))
        })
}

fn warn_of_orphans(plan: &mut Plan, options: &TeardownOptions, staying: &[&ObservedContainer]) {
    let Some(known) = &options.known_services else { return };
    let orphans: Vec<&str> = staying
        .iter()
        .filter(|container| container.service().is_none_or(|service| !known.contains(&service)))
        .map(|container| container.name.as_str())
        .collect();
    if !orphans.is_empty() {
        plan.warnings.push(format!(
            "no service of the file has {}; remove with `--remove-orphans`",
            orphans.join(", ")
        ));
    }
}

fn owned(labels: &indexmap::IndexMap<String, String>, project: &ProjectName) -> bool {
    labels.get(labels::PROJECT).is_some_and(|name| name == project.as_str())
}

pub(super) fn subject(container: &ObservedContainer) -> Subject {
    let service = container.service().unwrap_or_else(|| {
        // A container without a readable service label still has a name to show.
        ServiceName::from_container(&container.name)
    });
    Subject::Container { service, name: container.name.clone() }
}

/// Containers in the order in which they are stopped.
pub(super) fn dependants_first<'a>(
    containers: &[&'a ObservedContainer],
) -> Vec<&'a ObservedContainer> {
    let mut order = dependencies_first(containers);
    order.reverse();
    order
}

/// Containers in the order in which they are started.
pub(super) fn dependencies_first<'a>(
    containers: &[&'a ObservedContainer],
) -> Vec<&'a ObservedContainer> {
    let ids: Vec<&ContainerId> = containers.iter().map(|container| &container.id).collect();
    let by_id: HashMap<&ContainerId, &ObservedContainer> =
        containers.iter().map(|container| (&container.id, *container)).collect();
    topological(&ids, |id| {
        let needed: HashSet<ServiceName> = by_id[id].depends_on().into_iter().collect();
        containers
            .iter()
            .filter(|other| other.service().is_some_and(|service| needed.contains(&service)))
            .map(|other| &other.id)
            .collect()
    })
    .into_iter()
    .map(|id| by_id[id])
    .collect()
}

/// Containers that depend on this one.
pub(super) fn dependants<'a, 'b>(
    container: &ObservedContainer,
    among: &'b [&'a ObservedContainer],
) -> impl Iterator<Item = &'a ObservedContainer> + use<'a, 'b> {
    let service = container.service();
    among.iter().copied().filter(move |other| {
        service.as_ref().is_some_and(|service| other.depends_on().contains(service))
    })
}
