//! Where what runs is not what the files say: what `up` would change, and what somebody changed on
//! the engine in the meantime, which no digest in a label shows.

use std::collections::HashMap;

use super::facets::{Difference, Facets, all_changed, differences, facets};
use super::facets::{network_facets, volume_facets};
use super::{
    ContainerId, ContainerSpec, ContainerState, Desired, NetworkSpec, Observed, ObservedContainer,
    VolumeSpec, labels,
};
use crate::project::ServiceName;

/// What the engine lets people change of a container that is there (`docker update`, `docker
/// network connect`). Everything else is as it was made.
const CHANGEABLE: [&str; 12] = [
    "networks",
    "aliases",
    "restart",
    "mem_limit",
    "mem_reservation",
    "memswap_limit",
    "cpus",
    "cpu_shares",
    "cpu_period",
    "cpu_quota",
    "cpuset",
    "pids_limit",
];

/// What the engine tells of single resources.
#[derive(Debug, Default)]
pub struct Running {
    /// Containers.
    pub containers: HashMap<ContainerId, Facets>,
    /// Networks by name.
    pub networks: HashMap<String, Facets>,
    /// Volumes by name.
    pub volumes: HashMap<String, Facets>,
}

/// How one thing on the engine is not as the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What it is.
    pub kind: DriftKind,
    /// Its name on the engine.
    pub name: String,
    /// The service that it belongs to, if one.
    pub service: Option<ServiceName>,
    /// Whether it is there at all.
    pub presence: Presence,
    /// Its fields; none where it is not there or should not be.
    pub fields: Vec<DriftedField>,
}

/// What is not as the files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftKind {
    /// An image that is built.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// A container.
    Container,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The files have it, the engine has not.
    Missing,
    /// The engine has it, the files have not.
    Surplus,
    /// Both have it.
    Both,
}

/// A field that is not as the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftedField {
    /// What runs (old) and what the files say (new).
    pub difference: Difference,
    /// Since when.
    pub origin: Origin,
}

/// Who changed a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The files say something else than when it was made.
    Files,
    /// The files say what they said then: it was changed on the engine.
    Engine,
}

/// Networks of which the definition is another one than when they were made.
pub fn redefined_networks<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a NetworkSpec> {
    desired.networks.iter().filter(|spec| {
        let found = observed.networks.iter().find(|found| found.name == spec.network.name);
        !spec.network.external
            && found.is_some_and(|found| {
                found.labels.get(labels::CONFIG_HASH) != spec.labels.get(labels::CONFIG_HASH)
            })
    })
}

/// Volumes of which the definition is another one than when they were made.
pub fn redefined_volumes<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a VolumeSpec> {
    desired.volumes.iter().filter(|spec| {
        let found = observed.volumes.iter().find(|found| found.name == spec.volume.name);
        !spec.volume.external
            && found.is_some_and(|found| {
                found.labels.get(labels::CONFIG_HASH) != spec.labels.get(labels::CONFIG_HASH)
            })
    })
}

/// Everything that is not as the files say, of the services that were selected.
#[must_use]
pub fn drift(desired: &Desired, observed: &Observed, running: &Running) -> Vec<Drift> {
    let mut found = images(desired, observed);
    found.extend(networks(desired, observed, running));
    found.extend(volumes(desired, observed, running));
    for spec in &desired.containers {
        found.extend(container(desired, observed, running, spec));
    }
    found.extend(surplus(desired, observed));
    found
}

fn images(desired: &Desired, observed: &Observed) -> Vec<Drift> {
    let outdated = desired.images.iter().filter_map(|image| {
        image.build.as_ref()?;
        let name = image.reference.familiar();
        let drift = |presence, fields| Drift {
            kind: DriftKind::Image,
            name: name.clone(),
            service: image.services.first().cloned(),
            presence,
            fields,
        };
        let Some(there) = observed.image(&name) else {
            return Some(drift(Presence::Missing, Vec::new()));
        };
        let changes = image.inputs.as_ref()?.changes(there, observed);
        let fields: Vec<DriftedField> = changes.into_iter().map(|it| by_files(named(it))).collect();
        (!fields.is_empty()).then(|| drift(Presence::Both, fields))
    });
    outdated.collect()
}

fn networks(desired: &Desired, observed: &Observed, running: &Running) -> Vec<Drift> {
    let drift = |spec: &NetworkSpec, presence, fields| Drift {
        kind: DriftKind::Network,
        name: spec.network.name.clone(),
        service: None,
        presence,
        fields,
    };
    let there = |spec: &&NetworkSpec| {
        let name = &spec.network.name;
        let builtin = matches!(name.as_str(), "bridge" | "host" | "none");
        builtin || observed.networks.iter().any(|found| found.name == *name)
    };
    let missing = desired.networks.iter().filter(|spec| !there(spec));
    let redefined = redefined_networks(desired, observed).map(|spec| {
        let mut new = network_facets(&spec.network);
        let old = running.networks.get(&spec.network.name).cloned().unwrap_or_default();
        // Without one in the files the engine chose it.
        if let (false, Some(subnet)) = (new.contains_key("subnet"), old.get("subnet")) {
            new.insert("subnet", subnet.clone());
        }
        drift(spec, Presence::Both, resource(&old, &new))
    });
    missing.map(|spec| drift(spec, Presence::Missing, Vec::new())).chain(redefined).collect()
}

fn volumes(desired: &Desired, observed: &Observed, running: &Running) -> Vec<Drift> {
    let drift = |spec: &VolumeSpec, presence, fields| Drift {
        kind: DriftKind::Volume,
        name: spec.volume.name.clone(),
        service: None,
        presence,
        fields,
    };
    let there =
        |spec: &&VolumeSpec| observed.volumes.iter().any(|found| found.name == spec.volume.name);
    let missing = desired.volumes.iter().filter(|spec| !there(spec));
    let redefined = redefined_volumes(desired, observed).map(|spec| {
        let old = running.volumes.get(&spec.volume.name).cloned().unwrap_or_default();
        drift(spec, Presence::Both, resource(&old, &volume_facets(&spec.volume)))
    });
    missing.map(|spec| drift(spec, Presence::Missing, Vec::new())).chain(redefined).collect()
}

/// The fields of a network or volume that was made from another definition.
fn resource(old: &Facets, new: &Facets) -> Vec<DriftedField> {
    let mut names: Vec<&str> = new.keys().chain(old.keys()).copied().collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    let mut fields: Vec<DriftedField> = names
        .into_iter()
        .flat_map(|name| differences(name, old.get(name), new.get(name)))
        .map(by_files)
        .collect();
    if fields.is_empty() {
        fields.push(by_files(named("definition".to_owned())));
    }
    fields
}

fn container(
    desired: &Desired,
    observed: &Observed,
    running: &Running,
    spec: &ContainerSpec,
) -> Option<Drift> {
    let service = &spec.service.name;
    let drift = |name: &str, presence, fields| Drift {
        kind: DriftKind::Container,
        name: name.to_owned(),
        service: Some(service.clone()),
        presence,
        fields,
    };
    // What an interrupted run left beside the newest is surplus.
    let Some(there) = of_spec(desired, observed, spec).next() else {
        return Some(drift(&spec.name, Presence::Missing, Vec::new()));
    };
    let mut fields = Vec::new();
    let difference = |path: &str, old: String, new: String| Difference {
        path: path.to_owned(),
        old: Some(old),
        new: Some(new),
    };
    let is_changed = spec.digests.changed_since(&there.digests());
    if there.name != spec.name {
        let difference = difference("container_name", there.name.clone(), spec.name.clone());
        let named_otherwise = is_changed.iter().any(|field| field == "container_name");
        fields.push(if named_otherwise { by_files(difference) } else { by_engine(difference) });
    }
    if let Some(state) = unwanted_state(desired, spec, there) {
        fields.push(by_engine(difference("state", state, "running".to_owned())));
    }
    if let Some(image) = observed.image(&spec.service.image.familiar())
        && image.id != there.image_id
        && !is_changed.iter().any(|field| field == "image")
    {
        let old = short_id(&there.image_id);
        fields.push(by_engine(difference("image", old, short_id(&image.id))));
    }
    if let Some(old) = running.containers.get(&there.id) {
        fields.extend(made_of(spec, there, &is_changed, old));
    }
    (!fields.is_empty()).then(|| drift(&there.name, Presence::Both, fields))
}

/// What the container was made of against what it should be made of.
fn made_of(
    spec: &ContainerSpec,
    there: &ObservedContainer,
    is_changed: &[String],
    old: &Facets,
) -> Vec<DriftedField> {
    let new = facets(spec);
    let mut is_changed: Vec<&str> = is_changed.iter().map(String::as_str).collect();
    // Ports are chosen for what is made next.
    let moved = spec.labels.get(labels::PORTS) != there.labels.get(labels::PORTS);
    if moved && !spec.chosen_ports.is_empty() && !is_changed.contains(&"ports") {
        is_changed.push("ports");
    }
    let from_files = is_changed.iter().copied().filter(|field| *field != "container_name");
    let mut fields: Vec<DriftedField> =
        all_changed(from_files, old, &new).into_iter().map(by_files).collect();
    // What is told, or follows, with another field.
    let told = |field: &str| {
        is_changed.contains(&field)
            || (field == "aliases" && is_changed.contains(&"networks"))
            || (field == "memswap_limit" && is_changed.contains(&"mem_limit"))
    };
    let on_engine = CHANGEABLE.iter().filter(|field| !told(field));
    fields.extend(
        on_engine
            .flat_map(|field| differences(field, old.get(*field), new.get(*field)))
            .map(by_engine),
    );
    // A network that is not joined has no names there.
    let missing: Vec<String> = spec
        .networks
        .keys()
        .filter(|network| !there.networks.contains_key(*network))
        .map(|network| format!("aliases.{network}"))
        .collect();
    let unwanted: Vec<String> = there
        .networks
        .keys()
        .filter(|network| !spec.networks.contains_key(*network))
        .map(|network| format!("aliases.{network}"))
        .collect();
    fields.retain(|field| {
        !missing.contains(&field.difference.path) && !unwanted.contains(&field.difference.path)
    });
    fields
}

/// What the container does, where it should do something else.
fn unwanted_state(
    desired: &Desired,
    spec: &ContainerSpec,
    there: &ObservedContainer,
) -> Option<String> {
    let finished = there.state == ContainerState::Exited { code: 0 }
        && desired.waits_for_end_of(&spec.service.name);
    match there.state {
        ContainerState::Running => None,
        _ if finished => None,
        ContainerState::Exited { code } => Some(format!("exited ({code})")),
        state => Some(state.as_str().to_owned()),
    }
}

/// The containers in the place of a specification, the newest first.
fn of_spec<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    spec: &'a ContainerSpec,
) -> impl Iterator<Item = &'a ObservedContainer> {
    let mut all: Vec<&ObservedContainer> = observed
        .containers_of(&desired.project)
        .filter(|container| {
            container.service().as_ref() == Some(&spec.service.name)
                && container.number() == spec.number
        })
        .collect();
    all.sort_by_key(|container| std::cmp::Reverse(container.created));
    all.into_iter()
}

/// Containers that the files do not have: of other services, beyond a scale, left over.
fn surplus(desired: &Desired, observed: &Observed) -> Vec<Drift> {
    let kept: Vec<&ContainerId> = desired
        .containers
        .iter()
        .filter_map(|spec| of_spec(desired, observed, spec).next())
        .map(|container| &container.id)
        .collect();
    observed
        .containers_of(&desired.project)
        .filter(|container| !kept.contains(&&container.id))
        .filter(|container| {
            container.service().is_none_or(|service| {
                desired.selected_services.contains(&service)
                    || !desired.known_services.contains(&service)
            })
        })
        .map(|container| Drift {
            kind: DriftKind::Container,
            name: container.name.clone(),
            service: container.service(),
            presence: Presence::Surplus,
            fields: Vec::new(),
        })
        .collect()
}

/// A change that has no values.
const fn named(path: String) -> Difference {
    Difference { path, old: None, new: None }
}

const fn by_files(difference: Difference) -> DriftedField {
    DriftedField { difference, origin: Origin::Files }
}

const fn by_engine(difference: Difference) -> DriftedField {
    DriftedField { difference, origin: Origin::Engine }
}

fn short_id(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}
