//! An engine in memory, for tests: it keeps state as the real one does and fails where it is told.
//! The engine contract among the integration tests runs on it and on the real one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use indexmap::IndexMap;
use tokio::sync::broadcast;

use super::error::{EngineError, EngineErrorKind};
use super::{
    ContainerEvent, ContainerEventKind, ContainerFacts, Engine, ExecOutcome, LogLines, ProgressSink,
};
use crate::project::{Duration, Mount, ServiceName};
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, Health, ImageSpec, NetworkSpec, Observed,
    ObservedContainer, ObservedImage, ObservedMount, ObservedNetwork, ObservedPort, ObservedVolume,
    VolumeSpec, labels,
};

/// How a service's containers behave once started; they run and are ready by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Runs; its health check (if it has one) succeeds at once.
    Healthy,
    /// Runs; its health check fails.
    Unhealthy,
    /// Runs; its health check never decides.
    Starting,
    /// Ends at once with this code.
    Exits(i64),
}

/// The engine.
pub struct FakeEngine {
    state: Mutex<State>,
    events: broadcast::Sender<ContainerEvent>,
}

#[derive(Default)]
struct State {
    observed: Observed,
    behaviours: HashMap<String, Behaviour>,
    registry: Vec<String>,
    fail: BTreeMap<String, usize>,
    slow: HashMap<String, std::time::Duration>,
    calls: Vec<String>,
    next: u64,
    /// How often a newer image was released under a reference.
    releases: HashMap<String, u64>,
    /// What the containers of a service have printed.
    logs: HashMap<String, Vec<String>>,
    /// The networks that a container joined at its first start, by name: from then on it insists
    /// on these very ones.
    joined: HashMap<ContainerId, Vec<(String, String)>>,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// An engine with nothing on it whose registry has every image.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Observed::default())
    }

    /// An engine with this on it.
    #[must_use]
    pub fn with(observed: Observed) -> Self {
        let (events, _) = broadcast::channel(1024);
        // New ids must not meet those that are there already.
        let next = observed.containers.iter().map(|container| container.id.0.as_str());
        let next = next
            .chain(observed.networks.iter().map(|network| network.id.as_str()))
            .chain(observed.volumes.iter().map(|volume| volume.name.as_str()))
            .filter_map(|id| u64::from_str_radix(id.get(..12)?, 16).ok())
            .max()
            .unwrap_or_default();
        let state = State { observed, next, ..State::default() };
        Self { state: Mutex::new(state), events }
    }

    /// Sets how a service's containers behave from their next start on.
    pub fn behave(&self, service: &str, behaviour: Behaviour) {
        self.lock().behaviours.insert(service.to_owned(), behaviour);
    }

    /// Makes the registry have only these images.
    pub fn offer(&self, images: &[&str]) {
        self.lock().registry = images.iter().map(ToString::to_string).collect();
    }

    /// Makes the n-th call (from 1) of a method fail.
    pub fn fail_on(&self, method: &str, call: usize) {
        self.lock().fail.insert(method.to_owned(), call);
    }

    /// Makes every call of a method take so long before it has its effect.
    pub fn slow_down(&self, method: &str, time: std::time::Duration) {
        self.lock().slow.insert(method.to_owned(), time);
    }

    /// Puts a newer image under a reference into the registry: the next pull or build gets it.
    pub fn release(&self, reference: &str) {
        *self.lock().releases.entry(reference.to_owned()).or_default() += 1;
    }

    /// Gets an image as somebody else's pull would.
    pub fn obtain(&self, reference: &str) {
        self.lock().add_image(reference.to_owned());
    }

    /// Makes a service's containers have printed these lines.
    pub fn print(&self, service: &str, lines: &[&str]) {
        let lines = lines.iter().map(ToString::to_string).collect();
        self.lock().logs.insert(service.to_owned(), lines);
    }

    /// Ends a service's running containers.
    pub fn finish(&self, service: &str, code: i64) {
        self.turn(service, ContainerEventKind::Died { code }, |container| {
            container.state = ContainerState::Exited { code };
            container.health = None;
        });
    }

    /// Lets the health check of a service's running containers decide.
    pub fn turn_health(&self, service: &str, health: Health) {
        self.turn(service, ContainerEventKind::Health(health), |container| {
            container.health = Some(health);
        });
    }

    /// The calls that asked for a change, in order, such as `start web-1`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// What is on it now.
    #[must_use]
    pub fn snapshot(&self) -> Observed {
        let mut observed = self.lock().observed.clone();
        for container in &mut observed.containers {
            if !container.state.is_running() {
                // The engine opens ports, and tells of them, only while the container runs.
                container.ports.clear();
            }
        }
        observed
    }

    fn turn(
        &self,
        service: &str,
        kind: ContainerEventKind,
        change: impl Fn(&mut ObservedContainer),
    ) {
        let mut turned = Vec::new();
        for container in &mut self.lock().observed.containers {
            let is_of = container.service().is_some_and(|name| name.as_str() == service);
            if is_of && container.state.is_running() {
                change(container);
                turned.push(container.clone());
            }
        }
        for container in turned {
            self.announce(&container, kind);
        }
    }

    /// Takes the time that a method was given.
    async fn take_time(&self, method: &str) {
        let time = self.lock().slow.get(method).copied();
        if let Some(time) = time {
            tokio::time::sleep(time).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, container: &ObservedContainer, kind: ContainerEventKind) {
        // Nobody may be listening; that is no error.
        let _ = self.events.send(ContainerEvent {
            id: container.id.clone(),
            kind,
            name: container.name.clone(),
            project: container.labels.get(labels::PROJECT).cloned(),
            service: container.service(),
        });
    }

    async fn change(
        &self,
        method: &'static str,
        id: &ContainerId,
        change: impl FnOnce(&mut State, usize) -> Result<Vec<ContainerEventKind>, EngineErrorKind>,
    ) -> Result<(), EngineError> {
        self.take_time(method).await;
        let mut state = self.lock();
        let name = state.name_of(id);
        state.call(method, &name)?;
        let index = state.observed.containers.iter().position(|container| container.id == *id);
        let Some(index) = index else {
            if matches!(method, "stop" | "kill" | "remove") {
                return Ok(());
            }
            let kind = EngineErrorKind::NotFound(format!("No such container: {id}"));
            return Err(EngineError::new(method, name, kind));
        };
        let before = state.observed.containers[index].clone();
        let events =
            change(&mut state, index).map_err(|kind| EngineError::new(method, name, kind))?;
        drop(state);
        for kind in events {
            self.announce(&before, kind);
        }
        Ok(())
    }
}

impl State {
    fn name_of(&self, id: &ContainerId) -> String {
        let found = self.observed.containers.iter().find(|container| container.id == *id);
        found.map_or_else(|| id.to_string(), |container| container.name.clone())
    }

    fn call(&mut self, method: &'static str, subject: &str) -> Result<(), EngineError> {
        if let Some(left) = self.fail.get_mut(method) {
            *left -= 1;
            if *left == 0 {
                self.fail.remove(method);
                let kind = EngineErrorKind::Refused("injected fault".to_owned());
                return Err(EngineError::new(method, subject, kind));
            }
        }
        self.calls.push(format!("{method} {subject}"));
        Ok(())
    }

    fn fresh_id(&mut self) -> String {
        self.next += 1;
        // The short form of an id, its first twelve characters, must be unique too.
        format!("{:012x}{:052x}", self.next, self.next)
    }

    fn start(&mut self, index: usize) -> Result<Vec<ContainerEventKind>, EngineErrorKind> {
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
        let behaviour = self.behaviours.get(&service).copied().unwrap_or(Behaviour::Healthy);
        let container = &mut self.observed.containers[index];
        let has_check = container.labels.contains_key(HAS_CHECK);
        let health = |health| has_check.then_some(health);
        (container.state, container.health) = match behaviour {
            Behaviour::Healthy => (ContainerState::Running, health(Health::Healthy)),
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
    fn join(
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
}

/// The engine names anonymous volumes by 64 hexadecimal characters.
fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit())
}

/// Marks containers with a health check; the real engine keeps it in the configuration.
const HAS_CHECK: &str = "test.healthcheck";

impl Engine for FakeEngine {
    fn is_local(&self) -> bool {
        false
    }

    async fn observe(&self) -> Result<Observed, EngineError> {
        Ok(self.snapshot())
    }

    async fn pull_image(&self, image: &ImageSpec, _: ProgressSink) -> Result<(), EngineError> {
        self.take_time("pull").await;
        let mut state = self.lock();
        let reference = image.reference.familiar();
        state.call("pull", &reference)?;
        if !state.registry.is_empty() && !state.registry.contains(&reference) {
            return Err(EngineError::new("pull", reference, EngineErrorKind::ImageNotFound));
        }
        state.add_image(reference);
        Ok(())
    }

    async fn build_image(&self, image: &ImageSpec, _: ProgressSink) -> Result<(), EngineError> {
        self.take_time("build").await;
        let mut state = self.lock();
        let reference = image.reference.familiar();
        state.call("build", &reference)?;
        state.add_image(reference);
        Ok(())
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        self.take_time("remove image").await;
        let mut state = self.lock();
        state.call("remove image", reference)?;
        state
            .observed
            .images
            .retain(|image| !image.references.iter().any(|name| name == reference));
        Ok(())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        self.take_time("create network").await;
        let mut state = self.lock();
        state.call("create network", &spec.network.name)?;
        let found = state.observed.networks.iter().find(|it| it.name == spec.network.name);
        if let Some(network) = found {
            let same = |label| network.labels.get(label) == spec.labels.get(label);
            if same(labels::PROJECT) && same(labels::CONFIG_HASH) {
                // Another run was quicker.
                return Ok(());
            }
            let kind = EngineErrorKind::Conflict("a network of that name exists".to_owned());
            return Err(EngineError::new("create network", &spec.network.name, kind));
        }
        let id = state.fresh_id();
        state.observed.networks.push(ObservedNetwork {
            id,
            name: spec.network.name.clone(),
            labels: spec.labels.clone(),
        });
        Ok(())
    }

    async fn remove_network(&self, id: &str) -> Result<(), EngineError> {
        self.take_time("remove network").await;
        let mut state = self.lock();
        let Some(index) = state.observed.networks.iter().position(|network| network.id == id)
        else {
            return Ok(());
        };
        let name = state.observed.networks[index].name.clone();
        state.call("remove network", &name)?;
        if state
            .observed
            .containers
            .iter()
            .any(|container| container.state.is_running() && container.networks.contains_key(&name))
        {
            let kind = EngineErrorKind::Conflict("network has active endpoints".to_owned());
            return Err(EngineError::new("remove network", name, kind));
        }
        state.observed.networks.remove(index);
        Ok(())
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        self.take_time("create volume").await;
        let mut state = self.lock();
        state.call("create volume", &spec.volume.name)?;
        if state.observed.volumes.iter().any(|volume| volume.name == spec.volume.name) {
            // As it is: the engine takes that for success.
            return Ok(());
        }
        state
            .observed
            .volumes
            .push(ObservedVolume { name: spec.volume.name.clone(), labels: spec.labels.clone() });
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.take_time("remove volume").await;
        let mut state = self.lock();
        state.call("remove volume", name)?;
        if state.uses(name) {
            let kind = EngineErrorKind::Conflict("volume is in use".to_owned());
            return Err(EngineError::new("remove volume", name, kind));
        }
        state.observed.volumes.retain(|volume| volume.name != name);
        Ok(())
    }

    async fn create_container(
        &self,
        spec: &ContainerSpec,
        name: &str,
        inherit: &[(String, String)],
    ) -> Result<ContainerId, EngineError> {
        self.take_time("create").await;
        let mut state = self.lock();
        state.call("create", name)?;
        let refused = |kind| Err(EngineError::new("create", name, kind));
        if state.observed.containers.iter().any(|container| container.name == name) {
            return refused(EngineErrorKind::Conflict(format!("the name {name} is in use")));
        }
        let Some(image) = state.observed.image(&spec.service.image.familiar()).cloned() else {
            return refused(EngineErrorKind::NotFound(format!(
                "No such image: {}",
                spec.service.image
            )));
        };
        let missing = |network: &&String| {
            !state.observed.networks.iter().any(|known| known.name == **network)
        };
        if let Some(network) = spec.networks.keys().find(missing) {
            return refused(EngineErrorKind::NotFound(format!("network {network} not found")));
        }
        let mut labels = spec.labels.clone();
        if spec.service.healthcheck.is_some() {
            labels.insert(HAS_CHECK.to_owned(), String::new());
        }
        let mounts = state.mounts(spec, inherit);
        let id = ContainerId(state.fresh_id());
        let created = i64::try_from(state.next).unwrap_or_default();
        let container = ObservedContainer {
            id: id.clone(),
            name: name.to_owned(),
            state: ContainerState::Created,
            health: None,
            image: spec.service.image.to_string(),
            image_id: image.id,
            labels,
            ports: spec
                .service
                .ports
                .iter()
                .map(|port| ObservedPort {
                    target: port.target,
                    published: port.fixed().map(|number| (port.host_ip, number)),
                    protocol: port.protocol,
                })
                .collect(),
            networks: spec.networks.keys().map(|name| (name.clone(), None)).collect(),
            mounts,
            created,
            command: String::new(),
            status: String::new(),
        };
        state.observed.containers.push(container);
        Ok(id)
    }

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        self.change("rename", id, |state, index| {
            if state.observed.containers.iter().any(|container| container.name == name) {
                return Err(EngineErrorKind::Conflict(format!("the name {name} is in use")));
            }
            name.clone_into(&mut state.observed.containers[index].name);
            Ok(Vec::new())
        })
        .await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.change("start", id, State::start).await
    }

    async fn stop_container(
        &self,
        id: &ContainerId,
        _: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.change("stop", id, |state, index| Ok(state.end(index, 143))).await
    }

    async fn restart_container(
        &self,
        id: &ContainerId,
        _: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.change("restart", id, |state, index| {
            let mut events = state.end(index, 143);
            events.extend(state.start(index)?);
            Ok(events)
        })
        .await
    }

    async fn kill_container(&self, id: &ContainerId, _: &str) -> Result<(), EngineError> {
        self.change("kill", id, |state, index| Ok(state.end(index, 137))).await
    }

    async fn remove_container(
        &self,
        id: &ContainerId,
        anonymous_volumes: bool,
    ) -> Result<(), EngineError> {
        self.change("remove", id, |state, index| {
            let mut events = state.end(index, 137);
            state.remove(index, anonymous_volumes);
            events.push(ContainerEventKind::Removed);
            Ok(events)
        })
        .await
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerFacts, EngineError> {
        let state = self.lock();
        let found = state.observed.containers.iter().find(|container| container.id == *id);
        let Some(container) = found else {
            let kind = EngineErrorKind::NotFound(format!("No such container: {id}"));
            return Err(EngineError::new("inspect", id.short(), kind));
        };
        Ok(ContainerFacts {
            state: container.state,
            exit_code: match container.state {
                ContainerState::Exited { code } => code,
                _ => 0,
            },
            oom_killed: false,
            error: String::new(),
            health: container.health,
            health_output: "connection refused".to_owned(),
            health_command: None,
            addresses: IndexMap::new(),
            ports: container.ports.clone(),
            started_at: String::new(),
            restarts: 0,
        })
    }

    async fn run_in_container(
        &self,
        _: &ContainerId,
        _: &[String],
    ) -> Result<ExecOutcome, EngineError> {
        Ok(ExecOutcome { code: 1, output: String::new() })
    }

    async fn log_lines(
        &self,
        id: &ContainerId,
        _: LogLines,
    ) -> Result<Vec<(bool, String)>, EngineError> {
        let state = self.lock();
        let container = state.observed.containers.iter().find(|container| container.id == *id);
        let lines = container
            .and_then(ObservedContainer::service)
            .and_then(|service| state.logs.get(service.as_str()).cloned())
            .unwrap_or_default();
        Ok(lines.into_iter().map(|line| (false, line)).collect())
    }

    async fn container_events(&self) -> Result<BoxStream<'static, ContainerEvent>, EngineError> {
        let receiver = self.events.subscribe();
        Ok(futures_util::stream::unfold(receiver, |mut receiver| async {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((event, receiver)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed())
    }
}

impl State {
    fn add_image(&mut self, reference: String) {
        // The same id until something newer is released, as with a registry or a build cache.
        let release = self.releases.get(&reference).copied().unwrap_or_default();
        let id = format!("sha256:{reference}@{release}");
        self.observed.images.retain(|image| !image.references.contains(&reference));
        self.observed.images.push(ObservedImage {
            id,
            references: vec![reference],
            labels: IndexMap::new(),
            size: 0,
        });
    }

    /// Ends a container's process, if it has one.
    fn end(&mut self, index: usize, code: i64) -> Vec<ContainerEventKind> {
        let container = &mut self.observed.containers[index];
        if !container.state.is_running() {
            return Vec::new();
        }
        container.state = ContainerState::Exited { code };
        container.health = None;
        vec![ContainerEventKind::Died { code }]
    }

    fn remove(&mut self, index: usize, anonymous_volumes: bool) {
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

    fn uses(&self, volume: &str) -> bool {
        self.observed.containers.iter().any(|container| {
            container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(volume))
        })
    }

    /// A new container's mounts. As on the real engine a volume that nobody made comes into being
    /// without labels.
    fn mounts(&mut self, spec: &ContainerSpec, inherit: &[(String, String)]) -> Vec<ObservedMount> {
        let mut mounts = Vec::new();
        for mount in &spec.service.mounts {
            let (volume, read_only) = match mount {
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

/// The services whose containers run, for assertions.
#[must_use]
pub fn running(observed: &Observed) -> Vec<ServiceName> {
    observed
        .containers
        .iter()
        .filter(|container| container.state == ContainerState::Running)
        .filter_map(ObservedContainer::service)
        .collect()
}
