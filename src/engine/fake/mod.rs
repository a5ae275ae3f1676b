//! An engine in memory, for tests: it keeps state as the real one does and fails where it is told.
//! The engine contract among the integration tests runs on it and on the real one.

mod calls;
mod state;

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use tokio::sync::broadcast;

use super::error::{BuildFailure, EngineError, EngineErrorKind};
use super::{ContainerEvent, ContainerEventKind};
use crate::project::ServiceName;
use crate::state::{ContainerId, ContainerState, Health, Observed, ObservedContainer, labels};
use state::State;

/// How a service's containers behave once started; they run and are ready by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Runs; its health check (if it has one) succeeds at once.
    Healthy,
    /// Runs; its health check fails.
    Unhealthy,
    /// Runs; its health check never decides.
    Starting,
    /// Runs, healthy, and takes no notice of the signal to stop.
    Deaf,
    /// Ends at once with this code.
    Exits(i64),
}

/// The engine.
pub struct FakeEngine {
    state: Mutex<State>,
    /// `None` once it announces nothing any more.
    events: Mutex<Option<broadcast::Sender<ContainerEvent>>>,
    /// Lines that containers of a service print.
    prints: broadcast::Sender<(ServiceName, Vec<String>)>,
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
        let (prints, _) = broadcast::channel(64);
        // New ids must not meet those that are there already.
        let next = observed.containers.iter().map(|container| container.id.0.as_str());
        let next = next
            .chain(observed.networks.iter().map(|network| network.id.as_str()))
            .chain(observed.volumes.iter().map(|volume| volume.name.as_str()))
            .filter_map(|id| u64::from_str_radix(id.get(..12)?, 16).ok())
            .max()
            .unwrap_or_default();
        let state = State { observed, next, ..State::default() };
        Self { state: Mutex::new(state), events: Mutex::new(Some(events)), prints }
    }

    /// Sets how a service's containers behave from their next start on. Those of hooks go by their
    /// own names; they end with 0 by default.
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

    /// Makes every call of a method fail with these words of the engine.
    pub fn refuse(&self, method: &str, words: &str) {
        self.lock().refusals.insert(method.to_owned(), words.to_owned());
    }

    /// Makes every build fail.
    pub fn break_builds(&self, failure: BuildFailure) {
        self.lock().broken_build = Some(failure);
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
        self.lock().add_image(reference.to_owned(), IndexMap::new());
    }

    /// Makes a service's containers print these lines.
    ///
    /// # Panics
    /// When it is not a service's name.
    pub fn print(&self, service: &str, lines: &[&str]) {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        self.lock().logs.entry(service.to_owned()).or_default().extend(lines.iter().cloned());
        // Nobody may be reading; that is no error.
        let _ = self.prints.send((service.parse().expect("a service's name"), lines));
    }

    /// What a service's containers have printed.
    fn printed(&self, service: Option<&ServiceName>) -> Vec<String> {
        let state = self.lock();
        service.and_then(|name| state.logs.get(name.as_str()).cloned()).unwrap_or_default()
    }

    /// Ends the stream of events, as an engine's restart does.
    pub fn fall_silent(&self) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
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

    /// Whether a container's runner is held at its door.
    ///
    /// # Panics
    /// When there is no container of that name.
    #[must_use]
    pub fn is_held(&self, name: &str) -> bool {
        let state = self.lock();
        let found = state.observed.containers.iter().find(|container| container.name == name);
        state.held.contains(&found.expect("a container of that name").id)
    }

    /// The calls that asked for a change, in order, such as `start web-1`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// The calls that only asked for something, in order, such as `inspect web-1`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
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
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(events) = events.as_ref() else { return };
        // Nobody may be listening; that is no error.
        let _ = events.send(ContainerEvent {
            id: container.id.clone(),
            kind,
            name: container.name.clone(),
            project: container.labels.get(labels::PROJECT).cloned(),
            service: container.service(),
            is_one_off: container.is_one_off(),
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
