//! The resolved model: what the stack *is*, after files are read, merged and checked.
//!
//! Every type here is complete and consistent: names exist, numbers are numbers, paths are
//! absolute. Nothing here reads files, asks the environment or knows the engine.
//!
//! The `Serialize` form of these types is the canonical Compose form. `devstack config` prints
//! it, and [`crate::state::hash`] digests it field by field, so a field's name is its Compose key.

mod build;
mod develop;
mod dockerfile;
mod dockerignore;
mod health;
mod hook;
mod host;
mod mount;
mod names;
mod network;
mod package_manager;
mod port;
mod ready;
mod reload;
mod service;
mod stack;
mod unit;

pub use build::{Build, BuildSecret, NamedContext, SshAgent};
pub use develop::{Develop, WatchAction, WatchRule};
pub use dockerfile::{Dockerfile, Instruction, KEYWORDS, Stage, instructions};
pub use dockerignore::{Dockerignore, InvalidPattern};
pub use health::{Healthcheck, HealthcheckTest};
pub use hook::{Hook, PreStart};
pub use host::{BlkioConfig, DeviceRate, DeviceRequest, DeviceWeight, HostSettings, VolumeOwner};
pub use mount::{BindOptions, ImageOptions, Mount, TmpfsOptions, VolumeOptions};
pub use names::{
    ContainerName, ImageRef, InvalidName, NetworkKey, ProjectName, ServiceName, VolumeKey,
};
pub use network::{Ipam, IpamConfig, Network, NetworkAttachment, NetworkMode};
pub use package_manager::{Installation, PackageManager};
pub use port::{Port, Protocol, PublishedPort};
pub use ready::{LogStream, Probe, Ready};
pub use reload::{CommandRunner, NodeRunner, RUNNER_FOLDER, Reload, ReloadFiles, SyncPath};
pub use service::{
    Dependency, DependsOnCondition, Device, FileGrant, Logging, PullPolicy, RestartPolicy, Service,
    Ulimit,
};
pub use stack::{FileObject, FileSource, Project, Volume};
pub use unit::{Bytes, Duration, Secret};
