//! The calls of a run on a real engine, one for one through bollard.

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, KillContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions, RemoveVolumeOptions,
    RenameContainerOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};

use super::error::{EngineError, EngineErrorKind};
use super::{
    ContainerEvent, ContainerEventKind, ContainerFacts, DockerEngine, Engine, ExecOutcome,
    ExecRequest, ExecStreams, LogLineStream, LogLines, LogsRequest, ProgressSink, convert, needs,
    observe,
};
use crate::project::{Duration, Hook};
use crate::state::{
    ContainerId, ContainerSpec, Health, ImageSpec, InjectedFile, NetworkSpec, Observed, VolumeSpec,
    labels,
};

impl Engine for DockerEngine {
    fn is_local(&self) -> bool {
        self.endpoint.is_local()
    }

    async fn observe(&self) -> Result<Observed, EngineError> {
        observe::observe(self).await
    }

    async fn pull_image(
        &self,
        image: &ImageSpec,
        progress: ProgressSink,
    ) -> Result<(), EngineError> {
        self.pull(image, &progress).await
    }

    async fn build_image(
        &self,
        image: &ImageSpec,
        progress: ProgressSink,
    ) -> Result<(), EngineError> {
        self.build(image, &progress).await
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        let result = self.docker.remove_image(reference, None::<RemoveImageOptions>, None).await;
        already(result.map(|_| ()), &[404, 409])
            .map_err(|error| self.error("remove image", reference, &error))
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        let name = &spec.network.name;
        match self.docker.create_network(convert::network(spec)).await {
            // Since API 1.44 names are unique.
            Ok(_) if self.has_api(44) => Ok(()),
            Ok(created) => self.keep_one_network(spec, &created.id).await,
            // Two runs at the same time: the other one was quicker, and made the very same.
            Err(BollardError::DockerResponseServerError { status_code: 409, .. })
                if self.has_network(spec).await =>
            {
                Ok(())
            }
            Err(error) => Err(self.error("create network", name, &error)),
        }
    }

    async fn remove_network(&self, id: &str) -> Result<(), EngineError> {
        already(self.docker.remove_network(id).await, &[404])
            .map_err(|error| self.error("remove network", id, &error))
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        let name = &spec.volume.name;
        self.docker
            .create_volume(convert::volume(spec))
            .await
            .map(|_| ())
            .map_err(|error| self.error("create volume", name, &error))
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        already(self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await, &[404])
            .map_err(|error| self.error("remove volume", name, &error))
    }

    async fn create_container(
        &self,
        spec: &ContainerSpec,
        name: &str,
        inherit: &[(String, String)],
    ) -> Result<ContainerId, EngineError> {
        let mut options = CreateContainerOptionsBuilder::default().name(name);
        if let Some(platform) = &spec.service.platform {
            options = options.platform(platform);
        }
        // Several networks at once, and addresses for each, are understood since API 1.44.
        let all_networks = self.has_api(44);
        if let Some(reason) = needs::unmet(spec, |minor| self.has_api(minor)) {
            let kind = EngineErrorKind::Refused(reason);
            return Err(EngineError::new("create container", name, kind));
        }
        let body = convert::container(spec, inherit, all_networks, self.has_api(44));
        let created = self
            .docker
            .create_container(Some(options.build()), body)
            .await
            .map_err(|error| self.error("create container", name, &error))?;
        let id = ContainerId(created.id);
        let completed = async {
            if !all_networks {
                self.connect_networks(&id, spec).await?;
            }
            if !spec.files.is_empty() {
                self.copy_files(&id, spec, &spec.files).await?;
            }
            Ok(())
        };
        if let Err(error) = completed.await {
            // A container that lacks a network or a file must not pass for a complete one later.
            self.remove_container(&id, true).await?;
            return Err(error);
        }
        Ok(id)
    }

    async fn copy_files(
        &self,
        id: &ContainerId,
        spec: &ContainerSpec,
        files: &[InjectedFile],
    ) -> Result<(), EngineError> {
        let action = "copy files into container";
        for (folder, archive) in convert::archives(&spec.service, files).map_err(|error| {
            EngineError::new(action, id.short(), EngineErrorKind::Refused(error.to_string()))
        })? {
            let options = UploadToContainerOptionsBuilder::default().path(&folder).build();
            self.docker
                .upload_to_container(&id.0, Some(options), bollard::body_full(archive.into()))
                .await
                .map_err(|error| self.error(action, id.short(), &error))?;
        }
        Ok(())
    }

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        match self.docker.rename_container(&id.0, options).await {
            // Another run was quicker.
            Err(_) if self.is_named(id, name).await => Ok(()),
            result => result.map_err(|error| self.error("rename container to", name, &error)),
        }
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        let options = None::<bollard::query_parameters::StartContainerOptions>;
        already(self.docker.start_container(&id.0, options).await, &[304])
            .map_err(|error| self.error("start container", id.short(), &error))
    }

    async fn stop_container(
        &self,
        id: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let options =
            grace.map(|grace| StopContainerOptionsBuilder::default().t(seconds(grace)).build());
        already(self.docker.stop_container(&id.0, options).await, &[304, 404])
            .map_err(|error| self.error("stop container", id.short(), &error))
    }

    async fn process_end(&self, id: &ContainerId) -> Result<BoxFuture<'static, bool>, EngineError> {
        // The engine closes what is attached to a container when the process has ended, whatever
        // the process does with its own ends before; only then it takes down the network, and
        // only after that a stop or a wait returns.
        let ExecStreams { mut output, input, .. } = self.attach(id, false, None).await?;
        Ok(async move {
            let _input = input;
            loop {
                match output.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
        }
        .boxed())
    }

    async fn unpause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.paused(self.docker.unpause_container(&id.0).await, "unpause", id, "not paused")
    }

    async fn restart_container(
        &self,
        id: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let options =
            grace.map(|grace| RestartContainerOptionsBuilder::default().t(seconds(grace)).build());
        self.docker
            .restart_container(&id.0, options)
            .await
            .map_err(|error| self.error("restart container", id.short(), &error))
    }

    async fn kill_container(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        already(self.docker.kill_container(&id.0, Some(options)).await, &[404, 409])
            .map_err(|error| self.error("kill container", id.short(), &error))
    }

    async fn remove_container(
        &self,
        id: &ContainerId,
        anonymous_volumes: bool,
    ) -> Result<(), EngineError> {
        let inherited =
            if anonymous_volumes { self.anonymous_volumes(id).await } else { Vec::new() };
        let options =
            RemoveContainerOptionsBuilder::default().force(true).v(anonymous_volumes).build();
        let result = self.docker.remove_container(&id.0, Some(options)).await;
        if let Err(BollardError::DockerResponseServerError { status_code: 409, .. }) = result {
            return self.await_removal(id).await;
        }
        already(result, &[404])
            .map_err(|error| self.error("remove container", id.short(), &error))?;
        for volume in inherited {
            let removed = self.docker.remove_volume(&volume, None::<RemoveVolumeOptions>).await;
            // 409: another container uses it too.
            already(removed, &[404, 409])
                .map_err(|error| self.error("remove volume", &volume, &error))?;
        }
        Ok(())
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerFacts, EngineError> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let answer = self
            .docker
            .inspect_container(&id.0, options)
            .await
            .map_err(|error| self.error("inspect container", id.short(), &error))?;
        Ok(observe::container_facts(answer))
    }

    async fn run_in_container(
        &self,
        id: &ContainerId,
        command: &[String],
    ) -> Result<ExecOutcome, EngineError> {
        self.exec_quietly(id, command).await
    }

    async fn run_hook(&self, id: &ContainerId, hook: &Hook) -> Result<(), EngineError> {
        let request = ExecRequest {
            command: hook.command.clone(),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            privileged: hook.privileged,
            environment: convert::environment(&hook.environment),
            ..ExecRequest::default()
        };
        let outcome = self.exec_to_end(id, &request).await?;
        if outcome.code == 0 {
            return Ok(());
        }
        let said =
            if outcome.output.is_empty() { String::new() } else { format!(": {}", outcome.output) };
        let reason = format!("it ended with exit code {}{said}", outcome.code);
        let subject = format!("the hook `{}`", hook.command.join(" "));
        Err(EngineError::new("run", subject, EngineErrorKind::Refused(reason)))
    }

    async fn log_lines(
        &self,
        id: &ContainerId,
        lines: LogLines,
    ) -> Result<Vec<(bool, String)>, EngineError> {
        self.collect_log_lines(id, lines).await
    }

    fn follow_log(&self, id: &ContainerId, since: Option<String>) -> LogLineStream {
        let request = LogsRequest { follow: true, ..LogsRequest::default() };
        self.log_line_stream(id, request, since)
    }

    async fn container_events(&self) -> Result<BoxStream<'static, ContainerEvent>, EngineError> {
        // The request goes out when the stream is first polled. The engine replays what happened
        // since the given time, so nothing between now and then is lost.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs().saturating_sub(1);
        // The commands of health checks are events as well, several a second in some stacks.
        let filters = std::collections::HashMap::from([
            ("type", vec!["container"]),
            ("event", vec!["start", "kill", "die", "destroy", "health_status"]),
        ]);
        let options =
            EventsOptionsBuilder::default().since(&since.to_string()).filters(&filters).build();
        let docker = self.docker.clone();
        let stream = docker.events(Some(options)).boxed();
        Ok(stream.filter_map(|message| async { container_event(message.ok()?) }).boxed())
    }
}

impl DockerEngine {
    /// What containers there are; networks, volumes and images are not asked for.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn observe_containers(&self) -> Result<Observed, EngineError> {
        observe::containers(self).await
    }

    async fn connect_networks(
        &self,
        id: &ContainerId,
        spec: &ContainerSpec,
    ) -> Result<(), EngineError> {
        for (network, attachment) in spec.networks.iter().skip(1) {
            let request = bollard::models::NetworkConnectRequest {
                container: id.0.clone(),
                endpoint_config: Some(convert::endpoint_settings(attachment)),
            };
            self.docker
                .connect_network(network, request)
                .await
                .map_err(|error| self.error("connect container to network", network, &error))?;
        }
        Ok(())
    }
}

/// Takes answers for success that say that the wished-for state is there already.
pub(super) fn already(
    result: Result<(), BollardError>,
    statuses: &[u16],
) -> Result<(), BollardError> {
    match result {
        Err(BollardError::DockerResponseServerError { status_code, .. })
            if statuses.contains(&status_code) =>
        {
            Ok(())
        }
        other => other,
    }
}

fn seconds(grace: Duration) -> i32 {
    // A started second counts: a grace of 500 ms must not become an immediate kill.
    i32::try_from(grace.0.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

fn container_event(message: bollard::models::EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let action = message.action?;
    let kind = match action.as_str() {
        "start" => ContainerEventKind::Started,
        // Not SIGKILL: that comes from whoever gives a container up as well.
        "kill" => match attributes.get("signal").map(String::as_str) {
            Some("2" | "3" | "15") => ContainerEventKind::AskedToEnd,
            _ => return None,
        },
        "die" => ContainerEventKind::Died {
            code: attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1),
        },
        "destroy" => ContainerEventKind::Removed,
        "health_status: healthy" => ContainerEventKind::Health(Health::Healthy),
        "health_status: unhealthy" => ContainerEventKind::Health(Health::Unhealthy),
        _ => return None,
    };
    Some(ContainerEvent {
        id: ContainerId(actor.id?),
        kind,
        name: attributes.get("name").cloned().unwrap_or_default(),
        project: attributes.get(labels::PROJECT).cloned(),
        service: attributes.get(labels::SERVICE).and_then(|service| service.parse().ok()),
        is_one_off: attributes
            .get(labels::ONE_OFF)
            .is_some_and(|value| value.eq_ignore_ascii_case("true")),
    })
}
