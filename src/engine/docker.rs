//! The real engine, through bollard.

use std::sync::Arc;

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, KillContainerOptionsBuilder,
    ListNetworksOptions, RemoveContainerOptionsBuilder, RemoveImageOptions, RemoveVolumeOptions,
    RenameContainerOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use bollard::{ClientVersion, Docker};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::convert;
use super::endpoint::Endpoint;
use super::error::{EngineError, EngineErrorKind};
use super::{
    ContainerEvent, ContainerEventKind, ContainerFacts, Engine, ExecOutcome, LogLines,
    ProgressSink, observe,
};
use crate::project::Duration;
use crate::state::{
    ContainerId, ContainerSpec, Health, ImageSpec, InjectedFile, NetworkSpec, Observed, VolumeSpec,
    labels,
};

/// Seconds until a call counts as unanswered. Long, since stopping a container may take its whole
/// grace period.
const TIMEOUT_SECONDS: u64 = 600;

/// The API of Engine 20.10: what devstack needs is all there since then.
const OLDEST_API: (usize, usize) = (1, 41);

/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    pub(super) docker: Docker,
    pub(super) endpoint: Arc<Endpoint>,
    version: EngineVersion,
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// Its version, such as `26.1.5`.
    pub engine: String,
    /// The API version in use, such as `1.45`: the newest that both sides know.
    pub api: String,
    /// `linux/amd64`
    pub platform: String,
    api_minor: u64,
}

impl DockerEngine {
    /// Connects and agrees on an API version.
    ///
    /// # Errors
    /// When nobody answers, the socket is closed to this user, or the engine is too old.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, EngineError> {
        let failed = |error: &BollardError| {
            EngineError::from_bollard("use", "the Docker Engine", &endpoint.url, error)
        };
        let newest = bollard::API_DEFAULT_VERSION;
        let docker = open(&endpoint, newest).map_err(|error| failed(&error))?;
        let told = docker.version().await.map_err(|error| failed(&error))?;
        // One question settles both what the engine is and which API both sides know.
        let offered = told.api_version.as_deref().and_then(api_version).unwrap_or(OLDEST_API);
        if offered < OLDEST_API {
            let version = format!("{}.{}", offered.0, offered.1);
            return Err(EngineError::new(
                "use",
                "the Docker Engine",
                EngineErrorKind::TooOld { version },
            ));
        }
        let (major_version, minor_version) =
            offered.min((newest.major_version, newest.minor_version));
        let api = ClientVersion { major_version, minor_version };
        let docker = open(&endpoint, &api).map_err(|error| failed(&error))?;
        let version = EngineVersion {
            engine: told.version.unwrap_or_default(),
            platform: format!("{}/{}", told.os.unwrap_or_default(), told.arch.unwrap_or_default()),
            api_minor: u64::try_from(api.minor_version).unwrap_or_default(),
            api: api.to_string(),
        };
        Ok(Self { docker, endpoint: Arc::new(endpoint), version })
    }

    /// What the engine says of itself.
    #[must_use]
    pub const fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the API is at least `1.minor`.
    pub(super) const fn has_api(&self, minor: u64) -> bool {
        self.version.api_minor >= minor
    }

    pub(super) fn error(
        &self,
        action: &'static str,
        subject: impl Into<String>,
        error: &BollardError,
    ) -> EngineError {
        EngineError::from_bollard(action, subject, &self.endpoint.url, error)
    }

    async fn copy_files(
        &self,
        id: &ContainerId,
        files: &[InjectedFile],
    ) -> Result<(), EngineError> {
        let subject = || format!("container {id}");
        let archive = convert::archive(files).map_err(|error| {
            EngineError::new(
                "copy files into",
                subject(),
                EngineErrorKind::Refused(error.to_string()),
            )
        })?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        self.docker
            .upload_to_container(&id.0, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(|error| self.error("copy files into", subject(), &error))
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

/// `1.41` as numbers.
fn api_version(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn open(endpoint: &Endpoint, version: &ClientVersion) -> Result<Docker, BollardError> {
    let url = endpoint.url.as_str();
    if let Some(tls) = &endpoint.tls {
        return Docker::connect_with_ssl(
            url,
            &tls.join("key.pem"),
            &tls.join("cert.pem"),
            &tls.join("ca.pem"),
            TIMEOUT_SECONDS,
            version,
        );
    }
    #[cfg(unix)]
    if url.starts_with("unix://") {
        return Docker::connect_with_unix(url, TIMEOUT_SECONDS, version);
    }
    #[cfg(windows)]
    if url.starts_with("npipe://") {
        return Docker::connect_with_named_pipe(url, TIMEOUT_SECONDS, version);
    }
    if url.starts_with("ssh://") {
        return Docker::connect_with_ssh(url, TIMEOUT_SECONDS, version, None);
    }
    if url.starts_with("tcp://") || url.starts_with("http://") {
        return Docker::connect_with_http(url, TIMEOUT_SECONDS, version);
    }
    Docker::connect_with_host(url)
}

/// The engine names anonymous volumes by 64 hexadecimal characters.
fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether a network's labels are those of this project's network as it should be.
fn is_network(
    spec: &NetworkSpec,
    found: Option<&std::collections::HashMap<String, String>>,
) -> bool {
    [labels::PROJECT, labels::CONFIG_HASH]
        .iter()
        .all(|label| found.and_then(|found| found.get(*label)) == spec.labels.get(*label))
}

/// Takes answers for success that say that the wished-for state is there already.
fn already(result: Result<(), BollardError>, statuses: &[u16]) -> Result<(), BollardError> {
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
        // Several networks at once are understood since API 1.44.
        let all_networks = self.has_api(44);
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
                self.copy_files(&id, &spec.files).await?;
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

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        self.docker
            .rename_container(&id.0, options)
            .await
            .map_err(|error| self.error("rename container to", name, &error))
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

    async fn log_lines(
        &self,
        id: &ContainerId,
        lines: LogLines,
    ) -> Result<Vec<(bool, String)>, EngineError> {
        self.collect_log_lines(id, lines).await
    }

    async fn container_events(&self) -> Result<BoxStream<'static, ContainerEvent>, EngineError> {
        // The request goes out when the stream is first polled. The engine replays what happened
        // since the given time, so nothing between now and then is lost.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs().saturating_sub(1);
        let filters = std::collections::HashMap::from([("type", vec!["container"])]);
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

    /// Whether this project's network is there as it should be.
    async fn has_network(&self, spec: &NetworkSpec) -> bool {
        let options = None::<bollard::query_parameters::InspectNetworkOptions>;
        let found = self.docker.inspect_network(&spec.network.name, options).await;
        found.is_ok_and(|found| is_network(spec, found.labels.as_ref()))
    }

    /// Older engines make as many networks of one name as they are asked for, and no container can
    /// be connected to such a name any more. Of two runs at the same time the later one withdraws.
    async fn keep_one_network(&self, spec: &NetworkSpec, own: &str) -> Result<(), EngineError> {
        let name = &spec.network.name;
        let failed = |error: &BollardError| self.error("create network", name, error);
        let listed = self.docker.list_networks(None::<ListNetworksOptions>).await;
        let mut same_name = listed.map_err(|error| failed(&error))?;
        same_name.retain(|network| network.name.as_ref() == Some(name));
        same_name.sort_by(|one, other| {
            one.created.cmp(&other.created).then_with(|| one.id.cmp(&other.id))
        });
        let Some(first) = same_name.first().filter(|first| first.id.as_deref() != Some(own)) else {
            return Ok(());
        };
        let removed = self.docker.remove_network(own).await;
        already(removed, &[404]).map_err(|error| failed(&error))?;
        if is_network(spec, first.labels.as_ref()) {
            return Ok(());
        }
        let kind = EngineErrorKind::Conflict(format!("network with name {name} already exists"));
        Err(EngineError::new("create network", name, kind))
    }

    /// A container's volumes without a name of their own. One that a container inherited counts
    /// as named for the engine, which would leave it behind.
    async fn anonymous_volumes(&self, id: &ContainerId) -> Vec<String> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let Ok(answer) = self.docker.inspect_container(&id.0, options).await else {
            return Vec::new();
        };
        let names = answer.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.name);
        names.filter(|name| is_anonymous(name)).collect()
    }

    /// Somebody else is removing it already: done when it is gone.
    async fn await_removal(&self, id: &ContainerId) -> Result<(), EngineError> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            match self.inspect_container(id).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
                Ok(_) if tokio::time::Instant::now() > deadline => {
                    return Err(EngineError::new(
                        "remove container",
                        id.short(),
                        EngineErrorKind::TimedOut,
                    ));
                }
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }
}

fn container_event(message: bollard::models::EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let action = message.action?;
    let kind = match action.as_str() {
        "start" => ContainerEventKind::Started,
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
    })
}
