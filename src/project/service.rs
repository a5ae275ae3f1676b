//! One service.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::host::as_text;
use super::mount::is_false;
use super::{
    Build, Bytes, ContainerName, Develop, Duration, Healthcheck, Hook, HostSettings, ImageRef,
    Mount, NetworkAttachment, NetworkKey, NetworkMode, Port, PreStart, Ready, Reload, ServiceName,
};

/// A service: one image, run in one or more containers. Field names are Compose's keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Service {
    /// Key under `services:`.
    #[serde(skip)]
    pub name: ServiceName,
    /// devstack: the preset that the service was expanded from.
    #[serde(skip)]
    pub preset: Option<String>,
    /// devstack: further names, valid on every network of the service and on the command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// devstack: connection URLs by name. `{address:5432}` stands for the host's address and
    /// published port of that container port; everything else is already resolved.
    #[serde(skip)]
    pub urls: IndexMap<String, String>,
    /// devstack: when the service counts as ready.
    #[serde(skip)]
    pub ready: Option<Ready>,
    /// devstack: how it takes up changed code.
    #[serde(skip)]
    pub reload: Option<Reload>,

    /// The image to run; `PROJECT-SERVICE` when only `build` is given.
    pub image: ImageRef,
    /// How to build it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// What follows from changes of files while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub develop: Option<Develop>,
    /// When to pull it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Platform such as `linux/amd64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,

    /// Arguments instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Program instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Environment, `env_file` included. `None` removes a variable of the image.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, Option<String>>,
    /// Working directory instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// User (and group) instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Further groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_add: Vec<String>,
    /// Whether an init process forwards signals and reaps; the engine's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// Whether it has a terminal.
    #[serde(skip_serializing_if = "is_false")]
    pub tty: bool,
    /// Whether its standard input stays open.
    #[serde(skip_serializing_if = "is_false")]
    pub stdin_open: bool,

    /// Published ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Ports open to other containers only, as `PORT[/PROTOCOL]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<String>,
    /// Networks joined, unless [`Service::network_mode`] is set.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub networks: IndexMap<NetworkKey, NetworkAttachment>,
    /// A namespace instead of networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Host name inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Domain name inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Lines of the hosts file: name to addresses.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub extra_hosts: IndexMap<String, Vec<String>>,
    /// DNS servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// DNS search domains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
    /// DNS resolver options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_opt: Vec<String>,

    /// Mounts; Compose's key is `volumes`.
    #[serde(rename = "volumes", skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Short tmpfs entries, `PATH[:OPTIONS]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<String>,
    /// Secrets that the container may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<FileGrant>,
    /// Configs that the container may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<FileGrant>,

    /// What must be there first.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub depends_on: IndexMap<ServiceName, Dependency>,
    /// The engine's health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// When the engine starts it again.
    #[serde(skip_serializing_if = "RestartPolicy::is_no")]
    pub restart: RestartPolicy,
    /// Signal that asks it to stop; the image's or SIGTERM when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Time between the stop signal and SIGKILL; 10 s when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Duration>,
    /// Profiles that select it; always selected when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Number of containers.
    #[serde(skip_serializing_if = "is_one")]
    pub scale: u32,
    /// A fixed container name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<ContainerName>,
    /// Labels of the user's.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Where the engine puts its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,

    /// Memory limit in bytes (`deploy.resources.limits.memory` too).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<Bytes>,
    /// Soft memory limit in bytes (`deploy.resources.reservations.memory` too).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_reservation: Option<Bytes>,
    /// Memory plus swap in bytes; -1 for unlimited swap.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub memswap_limit: Option<i64>,
    /// CPU limit in cores (`deploy.resources.limits.cpus` too).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Relative weight, 1024 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<i64>,
    /// Cores it may use, as `0-1,3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpuset: Option<String>,
    /// Most processes and threads (`deploy.resources.limits.pids` too).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<i64>,
    /// Size of `/dev/shm` in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    /// Resource limits of processes, by name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub ulimits: IndexMap<String, Ulimit>,
    /// How readily the kernel kills it when memory is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i64>,

    /// Whether it has all rights of the host.
    #[serde(skip_serializing_if = "is_false")]
    pub privileged: bool,
    /// Whether its root file system cannot be written.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Linux capabilities added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// Linux capabilities dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    /// Security options of the engine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_opt: Vec<String>,
    /// Kernel parameters of its namespaces.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub sysctls: IndexMap<String, String>,
    /// Devices of the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// PID namespace: `host` or `service:NAME` or `container:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    /// IPC namespace: `host`, `shareable`, `private`, `service:NAME` or `container:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<String>,
    /// OCI runtime instead of the engine's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The rarer settings.
    #[serde(flatten)]
    pub host: HostSettings,

    /// What has to have ended well before a container is started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_start: Vec<PreStart>,
    /// Commands to run in a container that was started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_start: Vec<Hook>,
    /// Commands to run in a container before it is stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_stop: Vec<Hook>,
    /// Whether `up` follows its log; it does when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach: Option<bool>,
    /// What has no meaning on one engine and is only carried through to `devstack config`.
    #[serde(skip)]
    pub carried: serde_json::Map<String, serde_json::Value>,
}

/// What a service needs from another one before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// The state to wait for.
    pub condition: DependsOnCondition,
    /// Whether a restart of the other one restarts this one.
    #[serde(skip_serializing_if = "is_false")]
    pub restart: bool,
    /// Whether the absence of the other one is an error (else a warning).
    pub required: bool,
}

/// The state of a dependency that a service waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DependsOnCondition {
    /// Its container runs.
    ServiceStarted,
    /// It is ready: its `ready` probes or health check say so.
    ServiceHealthy,
    /// It ended with exit code 0.
    ServiceCompletedSuccessfully,
}

/// When the engine starts a container again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// Always.
    Always,
    /// Always, unless it was stopped on purpose.
    UnlessStopped,
    /// After a failure, at most this often (without end when absent).
    OnFailure(Option<u32>),
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// On each `up`.
    Always,
    /// Never: it must be there.
    Never,
    /// When it is not there.
    Missing,
    /// It is built, never pulled, on each `up`.
    Build,
}

/// The log driver of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// Its name; the engine's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Its options.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, String>,
}

/// A secret or config given to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileGrant {
    /// Key under the top-level section.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Owner inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Mode bits inside, 0444 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// Soft and hard limit; -1 is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// The limit that holds.
    pub soft: i64,
    /// The limit up to which a process may raise it.
    pub hard: i64,
}

/// A device of the host given to a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Any of `r`, `w`, `m`.
    pub permissions: String,
}

impl Service {
    /// A service with this name and image and nothing else set.
    #[must_use]
    pub fn new(name: ServiceName, image: ImageRef) -> Self {
        Self {
            name,
            preset: None,
            aliases: Vec::new(),
            urls: IndexMap::new(),
            ready: None,
            reload: None,
            image,
            build: None,
            develop: None,
            pull_policy: None,
            platform: None,
            command: None,
            entrypoint: None,
            environment: IndexMap::new(),
            working_dir: None,
            user: None,
            group_add: Vec::new(),
            init: None,
            tty: false,
            stdin_open: false,
            ports: Vec::new(),
            expose: Vec::new(),
            networks: IndexMap::new(),
            network_mode: None,
            hostname: None,
            domainname: None,
            extra_hosts: IndexMap::new(),
            dns: Vec::new(),
            dns_search: Vec::new(),
            dns_opt: Vec::new(),
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            secrets: Vec::new(),
            configs: Vec::new(),
            depends_on: IndexMap::new(),
            healthcheck: None,
            restart: RestartPolicy::No,
            stop_signal: None,
            stop_grace_period: None,
            profiles: Vec::new(),
            scale: 1,
            container_name: None,
            labels: IndexMap::new(),
            logging: None,
            mem_limit: None,
            mem_reservation: None,
            memswap_limit: None,
            cpus: None,
            cpu_shares: None,
            cpuset: None,
            pids_limit: None,
            shm_size: None,
            ulimits: IndexMap::new(),
            oom_score_adj: None,
            privileged: false,
            read_only: false,
            cap_add: Vec::new(),
            cap_drop: Vec::new(),
            security_opt: Vec::new(),
            sysctls: IndexMap::new(),
            devices: Vec::new(),
            pid: None,
            ipc: None,
            runtime: None,
            host: HostSettings::default(),
            pre_start: Vec::new(),
            post_start: Vec::new(),
            pre_stop: Vec::new(),
            attach: None,
            carried: serde_json::Map::new(),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
impl RestartPolicy {
    const fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }
}

impl Serialize for RestartPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_str("no"),
            Self::Always => serializer.serialize_str("always"),
            Self::UnlessStopped => serializer.serialize_str("unless-stopped"),
            Self::OnFailure(None) => serializer.serialize_str("on-failure"),
            Self::OnFailure(Some(most)) => {
                serializer.collect_str(&format_args!("on-failure:{most}"))
            }
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
const fn is_one(value: &u32) -> bool {
    *value == 1
}
