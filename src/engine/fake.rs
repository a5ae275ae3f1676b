//! An engine in memory, for tests: it keeps state as the real one does and fails where it is told.

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
use crate::project::{Duration, ServiceName};
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
    calls: Vec<String>,
    next: u64,
    logs: HashMap<ContainerId, Vec<String>>,
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
        let state = State { observed, ..State::default() };
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

    /// The calls that changed something, in order, such as `start web-1`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// What is on it now.
    #[must_use]
    pub fn snapshot(&self) -> Observed {
        self.lock().observed.clone()
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

    fn change(
        &self,
        method: &'static str,
        id: &ContainerId,
        change: impl FnOnce(&mut State, usize) -> Result<Option<ContainerEventKind>, EngineErrorKind>,
    ) -> Result<(), EngineError> {
        let mut state = self.lock();
        let name = state.name_of(id);
        state.call(method, &name)?;
        let index = state.observed.containers.iter().position(|container| container.id == *id);
        let Some(index) = index else {
            let kind = EngineErrorKind::NotFound(format!("No such container: {id}"));
            return Err(EngineError::new(method, name, kind));
        };
        let before = state.observed.containers[index].clone();
        let event =
            change(&mut state, index).map_err(|kind| EngineError::new(method, name, kind))?;
        drop(state);
        if let Some(kind) = event {
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
        format!("{:064x}", self.next)
    }

    fn start(&mut self, index: usize) -> Result<ContainerEventKind, EngineErrorKind> {
        let container = &self.observed.containers[index];
        let service = container.service().map(|service| service.to_string()).unwrap_or_default();
        let wanted: Vec<ObservedPort> = container.ports.clone();
        let taken = self.observed.containers.iter().any(|other| {
            other.state.is_running()
                && other.id != container.id
                && other.ports.iter().any(|port| {
                    port.published.is_some()
                        && wanted.iter().any(|own| own.published == port.published)
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
        Ok(match container.state {
            ContainerState::Exited { code } => ContainerEventKind::Died { code },
            _ => ContainerEventKind::Started,
        })
    }
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
        let mut state = self.lock();
        let reference = image.reference.familiar();
        state.call("build", &reference)?;
        state.add_image(reference);
        Ok(())
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        let mut state = self.lock();
        state.call("remove image", reference)?;
        state
            .observed
            .images
            .retain(|image| !image.references.iter().any(|name| name == reference));
        Ok(())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        let mut state = self.lock();
        state.call("create network", &spec.network.name)?;
        let id = state.fresh_id();
        state.observed.networks.push(ObservedNetwork {
            id,
            name: spec.network.name.clone(),
            labels: spec.labels.clone(),
        });
        Ok(())
    }

    async fn remove_network(&self, id: &str) -> Result<(), EngineError> {
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
        let mut state = self.lock();
        state.call("create volume", &spec.volume.name)?;
        state
            .observed
            .volumes
            .push(ObservedVolume { name: spec.volume.name.clone(), labels: spec.labels.clone() });
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let mut state = self.lock();
        state.call("remove volume", name)?;
        let used = state.observed.containers.iter().any(|container| {
            container.mounts.iter().any(|mount| mount.volume.as_deref() == Some(name))
        });
        if used {
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
        let named = spec.service.mounts.iter().filter_map(|mount| match mount {
            crate::project::Mount::Volume { source: Some(key), target, .. } => {
                Some((target.clone(), spec.volume_names.get(key.as_str())?.clone()))
            }
            _ => None,
        });
        let mounts = named
            .chain(inherit.iter().cloned())
            .map(|(target, volume)| ObservedMount { volume: Some(volume), target, writable: true })
            .collect();
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
            Ok(None)
        })
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.change("start", id, |state, index| state.start(index).map(Some))
    }

    async fn stop_container(
        &self,
        id: &ContainerId,
        _: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.change("stop", id, |state, index| {
            let container = &mut state.observed.containers[index];
            container.state = ContainerState::Exited { code: 143 };
            container.health = None;
            Ok(Some(ContainerEventKind::Died { code: 143 }))
        })
    }

    async fn restart_container(
        &self,
        id: &ContainerId,
        _: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.change("restart", id, |state, index| state.start(index).map(Some))
    }

    async fn kill_container(&self, id: &ContainerId, _: &str) -> Result<(), EngineError> {
        self.change("kill", id, |state, index| {
            state.observed.containers[index].state = ContainerState::Exited { code: 137 };
            Ok(Some(ContainerEventKind::Died { code: 137 }))
        })
    }

    async fn remove_container(&self, id: &ContainerId, _: bool) -> Result<(), EngineError> {
        self.change("remove", id, |state, index| {
            state.observed.containers.remove(index);
            Ok(Some(ContainerEventKind::Removed))
        })
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
        let lines = self.lock().logs.get(id).cloned().unwrap_or_default();
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
        let id = format!("sha256:{}", self.fresh_id());
        self.observed.images.retain(|image| !image.references.contains(&reference));
        self.observed.images.push(ObservedImage {
            id,
            references: vec![reference],
            labels: IndexMap::new(),
            size: 0,
        });
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
