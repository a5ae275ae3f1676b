//! What a run may ask for, and what can be in its way.

use crate::project::{Duration, PullPolicy, ServiceName};

/// What the user asked for beyond the files.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// Which containers to make again.
    pub recreate: Recreate,
    /// Build images even if they are there.
    pub build: bool,
    /// Never build.
    pub no_build: bool,
    /// When to pull, over the services' own policies.
    pub pull: Option<PullPolicy>,
    /// Start containers, not only make them.
    pub start: bool,
    /// Wait for every service at the end, not only where another one needs it.
    pub wait: bool,
    /// Remove containers that no service of the file has.
    pub remove_orphans: bool,
    /// Make anonymous volumes anew instead of handing them to the new container.
    pub renew_anonymous_volumes: bool,
    /// Grace period for containers that are replaced, over their own setting.
    pub grace: Option<Duration>,
}

/// Which existing containers to make again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreate {
    /// Those whose definition or image changed.
    Changed,
    /// All.
    Force,
    /// None.
    Never,
}

/// Something on the engine that stands in the way and is not ours to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A container of that name is not this service's.
    #[error("container name `{name}` is already used by {owner}")]
    ContainerName {
        /// The name.
        name: String,
        /// Who has it.
        owner: String,
    },
    /// A network of that name was not made by this project.
    #[error("network `{name}` exists but does not belong to project `{project}`")]
    ForeignNetwork {
        /// The name.
        name: String,
        /// This project.
        project: String,
    },
    /// A volume of that name was not made by this project.
    #[error("volume `{name}` exists but does not belong to project `{project}`")]
    ForeignVolume {
        /// The name.
        name: String,
        /// This project.
        project: String,
    },
    /// An external network is not there.
    #[error("external network `{0}` does not exist")]
    MissingExternalNetwork(String),
    /// An external volume is not there.
    #[error("external volume `{0}` does not exist")]
    MissingExternalVolume(String),
    /// An image is not there and must not be pulled or built.
    #[error("image `{image}` of service `{service}` is not on this engine, and {reason}")]
    MissingImage {
        /// The reference.
        image: String,
        /// Who runs it.
        service: ServiceName,
        /// Which setting forbids to get it.
        reason: &'static str,
    },
    /// A changed network is used by a container that no service of the file has.
    #[error("network `{network}` changed, but `{container}`, which no service has, uses it")]
    NetworkOfOrphan {
        /// The network.
        network: String,
        /// The container.
        container: String,
    },
    /// A changed network is used by a service that this run leaves out.
    #[error("network `{network}` changed, but `{container}` uses it and is not part of this run")]
    NetworkInUse {
        /// The network.
        network: String,
        /// The container.
        container: String,
    },
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self {
            recreate: Recreate::Changed,
            build: false,
            no_build: false,
            pull: None,
            start: true,
            wait: true,
            remove_orphans: false,
            renew_anonymous_volumes: false,
            grace: None,
        }
    }
}
