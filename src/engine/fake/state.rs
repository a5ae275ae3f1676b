//! What the engine in memory keeps, and the rules by which it changes.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;

use super::super::error::classify_message;
use super::Behaviour;
use crate::engine::{BuildFailure, ContainerEventKind, EngineError, EngineErrorKind};
use crate::project::Mount;
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, Health, InjectedFile, Observed, ObservedContainer,
    ObservedImage, ObservedMount, ObservedNetwork, ObservedPort, ObservedVolume, is_anonymous,
};

/// Marks containers with a health check and holds its command, a line for each argument; the real
/// engine keeps it in the configuration.
pub(super) const HAS_CHECK: &str = "test.healthcheck";

#[derive(Default)]
pub(super) struct State {
    pub(super) observed: Observed,
    pub(super) behaviours: HashMap<String, Behaviour>,
    pub(super) registry: Vec<String>,
    pub(super) fail: BTreeMap<String, usize>,
    /// The engine's words by which every call of a method is refused.
    pub(super) refusals: HashMap<String, String>,
    /// What every build fails with.
    pub(super) broken_build: Option<BuildFailure>,
    pub(super) slow: HashMap<String, std::time::Duration>,
    pub(super) calls: Vec<String>,
    pub(super) asked: Vec<String>,
    pub(super) next: u64,
    /// How often a newer image was released under a reference.
    pub(super) releases: HashMap<String, u64>,
    /// What the containers of a service have printed.
    pub(super) logs: HashMap<String, Vec<String>>,
    /// The networks that a container joined at its first start, by name: from then on it insists
    /// on these very ones.
    pub(super) joined: HashMap<ContainerId, Vec<(String, String)>>,
    /// Containers whose runner is held at its door.
    pub(super) held: HashSet<ContainerId>,
}

impl State {
    /// Lets the application of a held container begin, if the container runs.
    pub(super) fn begin(&mut self, index: usize) -> Vec<ContainerEventKind> {
        let container = &mut self.observed.containers[index];
        let service = container.service().map(|service| service.to_string()).unwrap_or_default();
        let behaviour = self.behaviours.get(&service).copied().unwrap_or(Behaviour::Healthy);
        if container.state != ContainerState::Running
            || container.health != Some(Health::Starting)
            || !matches!(behaviour, Behaviour::Healthy | Behaviour::Deaf)
        {
            return Vec::new();
        }
        container.health = Some(Health::Healthy);
        vec![ContainerEventKind::Health(Health::Healthy)]
    }

    /// Notes what files that are copied in mean for a runner's door.
    pub(super) fn copy(&mut self, id: &ContainerId, files: &[InjectedFile]) {
        for file in files.iter().filter(|file| file.path.ends_with("/hold")) {
            if file.content.expose().is_empty() {
                self.held.remove(id);
            } else {
                self.held.insert(id.clone());
            }
        }
    }

    pub(super) fn name_of(&self, id: &ContainerId) -> String {
        let found = self.observed.containers.iter().find(|container| container.id == *id);
        found.map_or_else(|| id.to_string(), |container| container.name.clone())
    }

    pub(super) fn call(&mut self, method: &'static str, subject: &str) -> Result<(), EngineError> {
        if let Some(left) = self.fail.get_mut(method) {
            *left -= 1;
            if *left == 0 {
                self.fail.remove(method);
                let kind = EngineErrorKind::Refused("injected fault".to_owned());
                return Err(EngineError::new(method, subject, kind));
            }
        }
        if let Some(words) = self.refusals.get(method) {
            return Err(EngineError::new(method, subject, classify_message(Some(500), words)));
        }
        self.calls.push(format!("{method} {subject}"));
        Ok(())
    }

    pub(super) fn fresh_id(&mut self) -> String {
        self.next += 1;
        // The short form of an id, its first twelve characters, must be unique too.
        format!("{:012x}{:052x}", self.next, self.next)
    }

    pub(super) fn start(
        &mut self,
        index: usize,
    ) -> Result<Vec<ContainerEventKind>, EngineErrorKind> {
        let container = &self.observed.containers[index];
        if container.state.is_running() {
            return Ok(Vec::new());
        }
        let networks = self.join(container)?;
        self.joined.insert(container.id.clone(), networks);
        let container = &self.observed.containers[index];
        let service = container.service().map(|service| service.to_string()).unwrap_or_default();
        let wanted: Vec<ObservedPort> = container.ports.clone();
        let taken = self.observed.containers.iter().any(|other| {
            other.state.is_running()
                && other.id != container.id
                && other.ports.iter().any(|port| {
                    port.published.is_some()
                        && wanted.iter().any(|own| {
                            own.published == port.published && own.protocol == port.protocol
                        })
                })
        });
        if taken {
            return Err(EngineErrorKind::PortTaken("port is already allocated".to_owned()));
        }
        let behaviour = if container.is_hook() {
            self.behaviours.get(&container.name).copied().unwrap_or(Behaviour::Exits(0))
        } else {
            self.behaviours.get(&service).copied().unwrap_or(Behaviour::Healthy)
        };
        let is_held = self.held.contains(&self.observed.containers[index].id);
        let container = &mut self.observed.containers[index];
        let has_check = container.labels.contains_key(HAS_CHECK);
        let health = |health| has_check.then_some(health);
        (container.state, container.health) = match behaviour {
            // Nothing of it is healthy while its application has not begun.
            Behaviour::Healthy | Behaviour::Deaf if is_held => {
                (ContainerState::Running, health(Health::Starting))
            }
            Behaviour::Healthy | Behaviour::Deaf => {
                (ContainerState::Running, health(Health::Healthy))
            }
            Behaviour::Unhealthy => (ContainerState::Running, health(Health::Unhealthy)),
            Behaviour::Starting => (ContainerState::Running, health(Health::Starting)),
            Behaviour::Exits(code) => (ContainerState::Exited { code }, None),
        };
        let mut events = vec![ContainerEventKind::Started];
        if let ContainerState::Exited { code } = container.state {
            events.push(ContainerEventKind::Died { code });
        }
        Ok(events)
    }

    /// The networks of a container that is about to start, by name and id.
    pub(super) fn join(
        &self,
        container: &ObservedContainer,
    ) -> Result<Vec<(String, String)>, EngineErrorKind> {
        let known = |found: Option<&ObservedNetwork>, wanted: &str| match found {
            Some(network) => Ok((network.name.clone(), network.id.clone())),
            None => Err(EngineErrorKind::NotFound(format!("network {wanted} not found"))),
        };
        let networks = &self.observed.networks;
        match self.joined.get(&container.id) {
            Some(joined) => joined
                .iter()
                .map(|(_, id)| known(networks.iter().find(|network| network.id == *id), id))
                .collect(),
            None => container
                .networks
                .keys()
                .map(|name| known(networks.iter().find(|network| network.name == *name), name))
                .collect(),
        }
    }

    pub(super) fn add_image(&mut self, reference: String, labels: IndexMap<String, String>) {
        // The same id until something newer is released or built from other inputs, as with a
        // registry or a build cache.
        let release = self.releases.get(&reference).copied().unwrap_or_default();
        let built = labels.values().map(String::as_str).collect::<Vec<_>>().join(" ");
        let id = format!("sha256:{reference}@{release}{built}");
        self.observed.images.retain(|image| !image.references.contains(&reference));
        self.observed.images.push(ObservedImage {
            id,
            references: vec![reference],
            labels,
            size: 0,
        });
    }

    /// Has a container's process end, if it has one, because it was asked to.
    pub(super) fn stop(&mut self, index: usize, code: i64) -> Vec<ContainerEventKind> {
        let mut events = self.end(index, code);
        if !events.is_empty() {
            events.insert(0, ContainerEventKind::AskedToEnd);
        }
        events
    }

    /// Ends a container's process, if it has one.
    pub(super) fn end(&mut self, index: usize, code: i64) -> Vec<ContainerEventKind> {
        let container = &mut self.observed.containers[index];
        if !container.state.is_running() {
            return Vec::new();
        }
        container.state = ContainerState::Exited { code };
        container.health = None;
        vec![ContainerEventKind::Died { code }]
    }

    pub(super) fn remove(&mut self, index: usize, anonymous_volumes: bool) {
        let container = self.observed.containers.remove(index);
        self.joined.remove(&container.id);
        if anonymous_volumes {
            let gone: Vec<String> = container
                .mounts
                .into_iter()
                .filter_map(|mount| mount.volume)
                .filter(|volume| is_anonymous(volume) && !self.uses(volume))
                .collect();
            self.observed.volumes.retain(|volume| !gone.contains(&volume.name));
        }
    }

    pub(super) fn uses(&self, volume: &str) -> bool {
        self.observed.containers.iter().any(|container| {
            container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(volume))
        })
    }

    /// A new container's mounts. As on the real engine a volume that nobody made comes into being
    /// without labels.
    pub(super) fn mounts(
        &mut self,
        spec: &ContainerSpec,
        inherit: &[(String, String)],
    ) -> Vec<ObservedMount> {
        let mut mounts = Vec::new();
        for mount in &spec.service.mounts {
            let (volume, read_only) = match mount {
                Mount::Image { .. } => (None, true),
                Mount::Bind { read_only, .. } => (None, *read_only),
                Mount::Volume { source: Some(key), read_only, .. } => {
                    (spec.volume_names.get(key.as_str()).cloned(), *read_only)
                }
                Mount::Volume { target, read_only, .. } => {
                    let inherited = inherit.iter().find(|(path, _)| path == target);
                    let volume = inherited.map(|(_, volume)| volume.clone());
                    (Some(volume.unwrap_or_else(|| self.fresh_id())), *read_only)
                }
                Mount::Tmpfs { .. } => continue,
            };
            let target = mount.target().to_owned();
            mounts.push(ObservedMount { volume, target, writable: !read_only });
        }
        for (target, volume) in inherit {
            if mounts.iter().all(|mount| mount.target != *target) {
                let volume = Some(volume.clone());
                mounts.push(ObservedMount { volume, target: target.clone(), writable: true });
            }
        }
        for volume in mounts.iter().filter_map(|mount| mount.volume.as_ref()) {
            if self.observed.volumes.iter().all(|known| known.name != *volume) {
                let labels = IndexMap::new();
                self.observed.volumes.push(ObservedVolume { name: volume.clone(), labels });
            }
        }
        mounts
    }
}
