//! The calls of a run on the engine in memory.

use std::sync::PoisonError;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use indexmap::IndexMap;
use tokio::sync::broadcast;

use super::state::{HAS_CHECK, State};
use super::{Behaviour, FakeEngine};
use crate::engine::{
    ContainerEvent, ContainerEventKind, ContainerFacts, Engine, EngineError, EngineErrorKind,
    ExecOutcome, LogLineStream, LogLines, ProgressSink,
};
use crate::project::{Duration, HealthcheckTest, Hook};
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, DEFAULT_STOP_GRACE, Health, ImageSpec,
    InjectedFile, NetworkSpec, Observed, ObservedContainer, ObservedNetwork, ObservedPort,
    ObservedVolume, VolumeSpec, labels,
};

impl Engine for FakeEngine {
    fn is_local(&self) -> bool {
        false
    }

    async fn observe(&self) -> Result<Observed, EngineError> {
        self.lock().asked.push("observe".to_owned());
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
        state.add_image(reference, IndexMap::new());
        Ok(())
    }

    async fn build_image(&self, image: &ImageSpec, _: ProgressSink) -> Result<(), EngineError> {
        self.take_time("build").await;
        let mut state = self.lock();
        let reference = image.reference.familiar();
        state.call("build", &reference)?;
        if let Some(failure) = state.broken_build.clone() {
            let kind = EngineErrorKind::Build(Box::new(failure));
            return Err(EngineError::new("build image", reference, kind));
        }
        state.add_image(reference, image.record.clone());
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
        if let Some(check) = &spec.service.healthcheck {
            let test = check.test.as_ref().map(HealthcheckTest::to_exec).unwrap_or_default();
            labels.insert(HAS_CHECK.to_owned(), test.join("\n"));
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
                .enumerate()
                .map(|(index, port)| ObservedPort {
                    target: port.target,
                    published: spec.host_port(index, port).map(|number| (port.host_ip, number)),
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
        state.copy(&id, &spec.files);
        Ok(id)
    }

    async fn copy_files(
        &self,
        id: &ContainerId,
        _: &ContainerSpec,
        files: &[InjectedFile],
    ) -> Result<(), EngineError> {
        // The door of a runner is the one file that is copied in after the creation.
        let opens = files.iter().any(|file| file.content.expose().is_empty());
        let method = if opens { "release" } else { "hold" };
        self.change(method, id, |state, index| {
            state.copy(id, files);
            Ok(if opens { state.begin(index) } else { Vec::new() })
        })
        .await
    }

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        self.change("rename", id, |state, index| {
            let mut others = state.observed.containers.iter().enumerate();
            if others.any(|(other, container)| other != index && container.name == name) {
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
        grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let is_deaf = {
            let state = self.lock();
            let found = state.observed.containers.iter().find(|container| container.id == *id);
            found.is_some_and(|container| {
                let behaviour =
                    container.service().and_then(|it| state.behaviours.get(it.as_str()));
                container.state.is_running() && behaviour == Some(&Behaviour::Deaf)
            })
        };
        if is_deaf {
            tokio::time::sleep(grace.unwrap_or(DEFAULT_STOP_GRACE).0).await;
        }
        let code = if is_deaf { 137 } else { 143 };
        self.change("stop", id, |state, index| Ok(state.stop(index, code))).await?;
        self.take_time("take down").await;
        Ok(())
    }

    async fn process_end(&self, id: &ContainerId) -> Result<BoxFuture<'static, bool>, EngineError> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut events) = events.as_ref().map(broadcast::Sender::subscribe) else {
            return Ok(std::future::ready(false).boxed());
        };
        let id = id.clone();
        Ok(async move {
            while let Ok(event) = events.recv().await {
                if event.id == id && matches!(event.kind, ContainerEventKind::Died { .. }) {
                    return true;
                }
            }
            false
        }
        .boxed())
    }

    async fn unpause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.change("unpause", id, |state, index| {
            state.observed.containers[index].state = ContainerState::Running;
            Ok(Vec::new())
        })
        .await
    }

    async fn restart_container(
        &self,
        id: &ContainerId,
        _: Option<Duration>,
    ) -> Result<(), EngineError> {
        self.change("restart", id, |state, index| {
            let mut events = state.stop(index, 143);
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
        let mut state = self.lock();
        let name = state.name_of(id);
        state.asked.push(format!("inspect {name}"));
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
            health_command: container.labels.get(HAS_CHECK).and_then(|test| {
                (!test.is_empty()).then(|| test.split('\n').map(str::to_owned).collect())
            }),
            addresses: IndexMap::new(),
            ports: container.ports.clone(),
            started_at: String::new(),
            restarts: 0,
            init: false,
        })
    }

    async fn run_in_container(
        &self,
        id: &ContainerId,
        command: &[String],
    ) -> Result<ExecOutcome, EngineError> {
        self.take_time("run").await;
        let mut state = self.lock();
        let name = state.name_of(id);
        state.asked.push(format!("run {} in {name}", command.join(" ")));
        let container = state.observed.containers.iter().find(|container| container.id == *id);
        // What the engine finds out with the very same test.
        Ok(match container.and_then(|container| container.health) {
            Some(Health::Healthy) => ExecOutcome { code: 0, output: String::new() },
            Some(Health::Starting) => {
                ExecOutcome { code: 1, output: "health check starting".to_owned() }
            }
            Some(Health::Unhealthy) | None => ExecOutcome { code: 1, output: String::new() },
        })
    }

    async fn run_hook(&self, id: &ContainerId, hook: &Hook) -> Result<(), EngineError> {
        let mut state = self.lock();
        let name = state.name_of(id);
        state.asked.push(format!("hook {} in {name}", hook.command.join(" ")));
        Ok(())
    }

    async fn log_lines(
        &self,
        id: &ContainerId,
        _: LogLines,
    ) -> Result<Vec<(bool, String)>, EngineError> {
        let mut state = self.lock();
        let container = state.observed.containers.iter().find(|container| container.id == *id);
        let service = container.and_then(ObservedContainer::service);
        let name = state.name_of(id);
        state.asked.push(format!("read the log of {name}"));
        drop(state);
        let lines = self.printed(service.as_ref());
        Ok(lines.into_iter().map(|line| (false, line)).collect())
    }

    fn follow_log(&self, id: &ContainerId, _: Option<String>) -> LogLineStream {
        let mut state = self.lock();
        let container = state.observed.containers.iter().find(|container| container.id == *id);
        let service = container.and_then(ObservedContainer::service);
        let name = state.name_of(id);
        state.asked.push(format!("follow the log of {name}"));
        let prints = self.prints.subscribe();
        drop(state);
        // What was printed before, then what is printed from now on.
        let mut first = Some(self.printed(service.as_ref()));
        futures_util::stream::unfold(prints, move |mut prints| {
            let (first, service) = (first.take(), service.clone());
            async move {
                if let Some(lines) = first {
                    return Some((lines, prints));
                }
                loop {
                    match prints.recv().await {
                        Ok((name, lines)) if Some(&name) == service.as_ref() => {
                            return Some((lines, prints));
                        }
                        Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return None,
                    }
                }
            }
        })
        .flat_map(|lines| futures_util::stream::iter(lines).map(|line| Ok((false, line))))
        .boxed()
    }

    async fn container_events(&self) -> Result<BoxStream<'static, ContainerEvent>, EngineError> {
        self.lock().asked.push("events".to_owned());
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(receiver) = events.as_ref().map(broadcast::Sender::subscribe) else {
            return Ok(futures_util::stream::empty().boxed());
        };
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
