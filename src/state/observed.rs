//! One snapshot of the engine, as far as a project can be concerned by it.

use std::fmt;
use std::net::IpAddr;

use indexmap::IndexMap;

use super::desired::ContainerSpec;
use super::hash::FieldDigests;
use super::labels;
use crate::project::{Duration, ProjectName, Protocol, ServiceName};

/// The engine's id of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(pub String);

impl ContainerId {
    /// The twelve characters that people see.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// Everything that the engine listed, other projects' resources included: those are looked at for
/// conflicts of names and ports, never touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// All containers, stopped ones too.
    pub containers: Vec<ObservedContainer>,
    /// All networks.
    pub networks: Vec<ObservedNetwork>,
    /// All volumes.
    pub volumes: Vec<ObservedVolume>,
    /// All tagged images.
    pub images: Vec<ObservedImage>,
}

/// How a running container was seen: all that it takes to ask whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRunning {
    /// What the engine's health check says.
    pub health: Option<Health>,
    /// Addresses by network id.
    pub addresses: IndexMap<String, IpAddr>,
    /// Open ports.
    pub ports: Vec<ObservedPort>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the slash.
    pub name: String,
    /// What it does now.
    pub state: ContainerState,
    /// What its health check says, when it has one and runs.
    pub health: Option<Health>,
    /// The reference it was created from.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// All labels.
    pub labels: IndexMap<String, String>,
    /// Ports open now, published or not.
    pub ports: Vec<ObservedPort>,
    /// Networks joined, with the address there when it runs.
    pub networks: IndexMap<String, Option<IpAddr>>,
    /// What is mounted.
    pub mounts: Vec<ObservedMount>,
    /// Unix time of its creation, in seconds.
    pub created: i64,
    /// The command, as the engine shows it.
    pub command: String,
    /// The engine's own words, such as `Up 3 minutes (healthy)`.
    pub status: String,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// It runs.
    Running,
    /// It runs but is frozen.
    Paused,
    /// It ended and the engine is about to start it again.
    Restarting,
    /// It is being removed.
    Removing,
    /// It ended.
    Exited {
        /// Its exit code.
        code: i64,
    },
    /// It could not be removed.
    Dead,
}

/// What a health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Not decided yet.
    Starting,
    /// The last run succeeded.
    Healthy,
    /// As many runs in a row failed as the check allows.
    Unhealthy,
}

/// A port of a running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPort {
    /// Inside the container.
    pub target: u16,
    /// The host's address and port, when published.
    pub published: Option<(IpAddr, u16)>,
    /// The transport.
    pub protocol: Protocol,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMount {
    /// The volume's name, for volumes.
    pub volume: Option<String>,
    /// Path in the container.
    pub target: String,
    /// Whether the container may write.
    pub writable: bool,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its id.
    pub id: String,
    /// Its name; the engine allows several of one name.
    pub name: String,
    /// All labels.
    pub labels: IndexMap<String, String>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// All labels.
    pub labels: IndexMap<String, String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedImage {
    /// Its id.
    pub id: String,
    /// Its tags (and digests), in familiar form.
    pub references: Vec<String>,
    /// All labels.
    pub labels: IndexMap<String, String>,
    /// Its size in bytes, layers shared with others included.
    pub size: u64,
}

/// Whether a volume has no name of its own: the engine names those by 64 hexadecimal characters.
#[must_use]
pub fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit())
}

impl Observed {
    /// The project's containers, those of `run` and of hooks left out.
    pub fn containers_of(&self, project: &ProjectName) -> impl Iterator<Item = &ObservedContainer> {
        self.containers
            .iter()
            .filter(move |container| container.belongs_to(project) && !container.is_one_off())
    }

    /// The project's containers of hooks.
    pub fn hooks_of(&self, project: &ProjectName) -> impl Iterator<Item = &ObservedContainer> {
        self.containers
            .iter()
            .filter(move |container| container.belongs_to(project) && container.is_hook())
    }

    /// A container that runs; `None` when it does not.
    #[must_use]
    pub fn running(&self, id: &ContainerId) -> Option<SeenRunning> {
        let container = self.containers.iter().find(|container| container.id == *id)?;
        if container.state != ContainerState::Running {
            return None;
        }
        let addresses = container.networks.iter().filter_map(|(name, address)| {
            let network = self.networks.iter().find(|network| network.name == *name)?;
            Some((network.id.clone(), (*address)?))
        });
        Some(SeenRunning {
            health: container.health,
            addresses: addresses.collect(),
            ports: container.ports.clone(),
        })
    }

    /// The image with this reference.
    #[must_use]
    pub fn image(&self, familiar: &str) -> Option<&ObservedImage> {
        self.images.iter().find(|image| image.references.iter().any(|name| name == familiar))
    }
}

impl ObservedContainer {
    /// What is known of a container that was made from this, without a look at the engine. Not its
    /// id, and none of what the engine chooses.
    #[must_use]
    pub fn made_from(spec: &ContainerSpec, state: ContainerState) -> Self {
        Self {
            id: ContainerId(String::new()),
            name: spec.name.clone(),
            state,
            health: None,
            image: spec.service.image.familiar(),
            image_id: String::new(),
            labels: spec.labels.clone(),
            ports: Vec::new(),
            networks: IndexMap::new(),
            mounts: Vec::new(),
            created: 0,
            command: String::new(),
            status: String::new(),
        }
    }

    /// Whether it carries the project's label.
    #[must_use]
    pub fn belongs_to(&self, project: &ProjectName) -> bool {
        self.labels.get(labels::PROJECT).is_some_and(|name| name == project.as_str())
    }

    /// Whether it is none of the service's own: `run` made it, or it runs a hook.
    #[must_use]
    pub fn is_one_off(&self) -> bool {
        self.is_hook()
            || self.labels.get(labels::ONE_OFF).is_some_and(|it| it.eq_ignore_ascii_case("true"))
    }

    /// Whether a hook runs, or has run, in it. Compose's own have no other label that says so.
    #[must_use]
    pub fn is_hook(&self) -> bool {
        self.labels.contains_key(labels::HOOK)
    }

    /// The service that it belongs to, by its label.
    #[must_use]
    pub fn service(&self) -> Option<ServiceName> {
        self.labels.get(labels::SERVICE)?.parse().ok()
    }

    /// Its number within the service; 1 where the label is not readable.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.labels.get(labels::CONTAINER_NUMBER).and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// The digests that it was created with.
    #[must_use]
    pub fn digests(&self) -> FieldDigests {
        self.labels
            .get(labels::DIGESTS)
            .map_or_else(FieldDigests::default, |label| FieldDigests::parse(label))
    }

    /// The host ports that were chosen for it when it was made, by their keys.
    pub fn remembered_ports(&self) -> impl Iterator<Item = (&str, u16)> {
        let label = self.labels.get(labels::PORTS).map_or("", String::as_str);
        label.split(',').filter_map(|pair| {
            let (key, number) = pair.split_once('=')?;
            Some((key, number.parse().ok()?))
        })
    }

    /// The time that it is given to stop, where it was made with a record of it.
    #[must_use]
    pub fn stop_grace(&self) -> Option<Duration> {
        let seconds: u64 = self.labels.get(labels::STOP_GRACE)?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The services that it was created to depend on.
    #[must_use]
    pub fn depends_on(&self) -> Vec<ServiceName> {
        self.labels.get(labels::DEPENDS_ON).map_or_else(Vec::new, |label| {
            label
                .split(',')
                .filter_map(|dependency| dependency.split(':').next()?.parse().ok())
                .collect()
        })
    }
}

impl ContainerState {
    /// Whether its process exists.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether its process ended as one does that somebody has ended: by SIGINT, SIGKILL or
    /// SIGTERM.
    #[must_use]
    pub const fn is_ended_by_signal(self) -> bool {
        matches!(self, Self::Exited { code: 130 | 137 | 143 })
    }

    /// Whether a save that restarts the service begins it anew: it runs, or it ended by itself and
    /// not well. What has done its work, and what somebody has stopped, is left alone.
    #[must_use]
    pub const fn is_begun_anew(self) -> bool {
        match self {
            Self::Exited { code } => code != 0 && !self.is_ended_by_signal(),
            _ => self.is_running(),
        }
    }

    /// The engine's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited { .. } => "exited",
            Self::Dead => "dead",
        }
    }
}

impl Health {
    /// The engine's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}
