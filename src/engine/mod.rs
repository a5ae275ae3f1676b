//! The Docker Engine. The only module that knows bollard.
//!
//! [`Engine`] is what the executor needs, one method for one API call, with two implementations:
//! [`DockerEngine`] and an in-memory fake for tests. What only a terminal needs (log
//! streams, `exec`) are methods of [`DockerEngine`] alone.

mod announcement;
mod archive;
mod attach;
mod build;
mod calls;
mod contents;
mod convert;
mod docker;
mod endpoint;
mod error;
mod exec;
#[cfg(any(test, feature = "test-support"))]
pub mod fake;
mod info;
mod listing;
mod logs;
mod needs;
mod observe;
mod pull;
mod races;
mod running;
mod usage;

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use indexmap::IndexMap;

use crate::event::Progress;
use crate::project::{Duration, Hook, ProjectName, ServiceName};
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, Health, ImageSpec, InjectedFile, NetworkSpec,
    Observed, ObservedPort, VolumeSpec,
};

pub use announcement::Announcement;
pub use archive::{ContainerPath, PathKind};
pub use attach::ProcessStreams;
pub use contents::{CopyIn, CopySource, Layout};
pub use docker::{DockerEngine, EngineVersion};
pub use endpoint::{Endpoint, EndpointError, EndpointFacts};
pub use error::{BuildFailure, EngineError, EngineErrorKind, FailedInstruction};
pub use exec::{ExecRequest, ExecStreams};
pub use info::EngineInfo;
pub use listing::{ImageDetails, VolumeDetails};
pub use logs::{LogChunk, LogOrigin, LogsRequest};
pub use usage::{Processes, Usage};

/// Where a long call reports how far it is.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// A container's life as the engine announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// Which container.
    pub id: ContainerId,
    /// What happened.
    pub kind: ContainerEventKind,
    /// The container's name.
    pub name: String,
    /// The project that it is labelled with.
    pub project: Option<String>,
    /// The service that it is labelled with.
    pub service: Option<ServiceName>,
    /// Whether it does one thing and is none of the service's own: of `run`, or of a hook.
    pub is_one_off: bool,
}

impl ContainerEvent {
    /// The service of this project whose own container it is.
    #[must_use]
    pub fn service_of(&self, project: &ProjectName) -> Option<&ServiceName> {
        let ours = self.project.as_deref() == Some(project.as_str()) && !self.is_one_off;
        self.service.as_ref().filter(|_| ours)
    }
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerEventKind {
    /// Its process was started.
    Started,
    /// Its process got a signal that asks it to end: it is being stopped.
    AskedToEnd,
    /// Its process ended.
    Died {
        /// The exit code.
        code: i64,
    },
    /// Its health check decided.
    Health(Health),
    /// It was removed.
    Removed,
}

/// What is asked of one container while it is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts {
    /// What it does.
    pub state: ContainerState,
    /// The exit code of its latest end, also while it is about to be started again; 0 before.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// The engine's own error, such as a command that is not there.
    pub error: String,
    /// What its health check says.
    pub health: Option<Health>,
    /// What the last run of the health check printed.
    pub health_output: String,
    /// The health check's test as `exec` would run it: the container's own or its image's.
    pub health_command: Option<Vec<String>>,
    /// Addresses by network id.
    pub addresses: IndexMap<String, IpAddr>,
    /// Open ports.
    pub ports: Vec<ObservedPort>,
    /// When it was last started, as the engine writes it (RFC 3339).
    pub started_at: String,
    /// How often the engine started it again.
    pub restarts: u64,
    /// Whether its process 1 is one that passes signals on.
    pub init: bool,
}

/// How a command inside a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Its exit code.
    pub code: i64,
    /// What it printed, both streams, at most 4 KiB.
    pub output: String,
}

/// The calls that change the engine, and those that watch what became of them.
pub trait Engine: Send + Sync + 'static {
    /// Whether it runs on this machine, so that its bridges and published ports are ours too.
    fn is_local(&self) -> bool;

    /// Lists everything: containers, networks, volumes and images, in parallel.
    fn observe(&self) -> impl Future<Output = Result<Observed, EngineError>> + Send;

    /// Pulls an image.
    fn pull_image(
        &self,
        image: &ImageSpec,
        progress: ProgressSink,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Builds an image with BuildKit.
    fn build_image(
        &self,
        image: &ImageSpec,
        progress: ProgressSink,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Removes an image. One that is gone or still in use by others is not an error.
    fn remove_image(&self, reference: &str)
    -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Makes a network.
    fn create_network(
        &self,
        spec: &NetworkSpec,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Removes a network by id. One that is gone is not an error.
    fn remove_network(&self, id: &str) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Makes a volume.
    fn create_volume(
        &self,
        spec: &VolumeSpec,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Removes a volume. One that is gone is not an error.
    fn remove_volume(&self, name: &str) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Makes a container under `name`; `inherit` maps paths to volumes to take over. Files of the
    /// spec are copied in.
    fn create_container(
        &self,
        spec: &ContainerSpec,
        name: &str,
        inherit: &[(String, String)],
    ) -> impl Future<Output = Result<ContainerId, EngineError>> + Send;

    /// Copies files into a container made from `spec`, running or not; a file that is there is
    /// replaced.
    fn copy_files(
        &self,
        id: &ContainerId,
        spec: &ContainerSpec,
        files: &[InjectedFile],
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Gives a container another name.
    fn rename_container(
        &self,
        id: &ContainerId,
        name: &str,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Starts a container. One that runs is not an error.
    fn start_container(
        &self,
        id: &ContainerId,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Stops a container. One that does not run, or is gone, is not an error.
    fn stop_container(
        &self,
        id: &ContainerId,
        grace: Option<Duration>,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Watches for the end of a running container's process, which comes before its stop returns:
    /// the engine takes down the container's network in between. The future says whether the
    /// process has ended; `false` when that cannot be told.
    fn process_end(
        &self,
        id: &ContainerId,
    ) -> impl Future<Output = Result<BoxFuture<'static, bool>, EngineError>> + Send;

    /// Lets a container's processes go on. One whose do is not an error.
    fn unpause_container(
        &self,
        id: &ContainerId,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Stops and starts a container.
    fn restart_container(
        &self,
        id: &ContainerId,
        grace: Option<Duration>,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Sends a signal. A container that does not run is not an error.
    fn kill_container(
        &self,
        id: &ContainerId,
        signal: &str,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Removes a container, running or not. One that is gone is not an error.
    fn remove_container(
        &self,
        id: &ContainerId,
        anonymous_volumes: bool,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Looks at one container.
    fn inspect_container(
        &self,
        id: &ContainerId,
    ) -> impl Future<Output = Result<ContainerFacts, EngineError>> + Send;

    /// Runs a command in a container and waits for its end.
    fn run_in_container(
        &self,
        id: &ContainerId,
        command: &[String],
    ) -> impl Future<Output = Result<ExecOutcome, EngineError>> + Send;

    /// Runs a hook in a container and waits for its end; another exit code than 0 is an error.
    fn run_hook(
        &self,
        id: &ContainerId,
        hook: &Hook,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// The container's log: the last `lines` lines, or since a time (RFC 3339) all of them, with
    /// whether each line came from standard error.
    fn log_lines(
        &self,
        id: &ContainerId,
        lines: LogLines,
    ) -> impl Future<Output = Result<Vec<(bool, String)>, EngineError>> + Send;

    /// The container's log as it grows, from the beginning or from a time (RFC 3339) on; ends with
    /// the container.
    fn follow_log(&self, id: &ContainerId, since: Option<String>) -> LogLineStream;

    /// Containers' lives from now on. Resolves when the subscription stands, so that nothing that
    /// is done afterwards can be missed.
    fn container_events(
        &self,
    ) -> impl Future<Output = Result<BoxStream<'static, ContainerEvent>, EngineError>> + Send;
}

/// Lines of a log, with whether each came from standard error.
pub type LogLineStream = BoxStream<'static, Result<(bool, String), EngineError>>;

/// Which part of a log to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLines {
    /// The last so many lines.
    Last(usize),
    /// All since this time (RFC 3339).
    Since(String),
    /// The last so many of those since this time (RFC 3339).
    LastSince(usize, String),
}
