//! `reload:`, devstack's own word for how a service takes up changed code.

use std::path::PathBuf;

use super::Duration;

/// Folder of the reload runner's files in a container.
pub const RUNNER_FOLDER: &str = "/opt/devstack";

/// How a service takes up changed code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// devstack's reload runner for Node runs the application as its child.
    Node(NodeRunner),
    /// devstack's reload runner for programs of any language runs a command as its child.
    Command(CommandRunner),
    /// Its containers are restarted.
    Restart(ReloadFiles),
    /// The main process of its containers gets a signal.
    Signal {
        /// The signal's whole name, such as `SIGHUP`.
        signal: &'static str,
        /// The files that count.
        files: ReloadFiles,
    },
}

impl Reload {
    /// Whether a runner of devstack's is the main process of the containers.
    #[must_use]
    pub const fn has_runner(&self) -> bool {
        matches!(self, Self::Node(_) | Self::Command(_))
    }

    /// The files that count, where the service says so itself.
    #[must_use]
    pub const fn files(&self) -> Option<&ReloadFiles> {
        match self {
            Self::Node(_) => None,
            Self::Command(CommandRunner { files, .. })
            | Self::Restart(files)
            | Self::Signal { files, .. } => Some(files),
        }
    }
}

/// Files whose change concerns a service: those of its bind mounts, and those that are copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReloadFiles {
    /// What is copied into the containers.
    pub sync: Vec<SyncPath>,
    /// Patterns of what does not count, below each mounted or copied path, in the notation of
    /// `.dockerignore`.
    pub ignore: Vec<String>,
    /// Patterns of what alone counts, in the same notation; everything when empty.
    pub include: Vec<String>,
}

/// A file or folder that is copied into containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPath {
    /// Absolute path on the host.
    pub path: PathBuf,
    /// Absolute path in the container that stands for it.
    pub target: String,
}

/// Settings of the reload runner for programs of any language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRunner {
    /// Program and arguments, started again for each change.
    pub command: Vec<String>,
    /// Program and arguments that must succeed before: while they fail, the version before goes
    /// on running. Nothing when empty.
    pub compile: Vec<String>,
    /// Time between SIGTERM and SIGKILL for a version that gives way.
    pub grace: Duration,
    /// The files that count.
    pub files: ReloadFiles,
}

impl CommandRunner {
    /// The time that a version has to give way when the service says nothing.
    pub const GRACE: Duration = Duration::from_secs(2);
}

/// Settings of the reload runner for Node. Paths are those in the container, relative to its
/// working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRunner {
    /// The file to run, such as `src/main.ts`; found by the project's own settings when absent.
    pub entry: Option<String>,
    /// Folders whose files are compiled and looked at; the folder of the entry when empty.
    pub paths: Vec<String>,
    /// Whether the runner looks for changes by itself while no host tells it of them.
    pub watch: bool,
    /// Whether a spare process loads the application's packages ahead.
    pub preload: bool,
    /// Whether types are checked beside the running application.
    pub types: bool,
    /// Whether the next version starts before the last one stops.
    pub overlap: bool,
    /// Whether the container may start, up to the application's own code, before its
    /// dependencies are ready.
    pub early: bool,
    /// Port of the debugger, the same over all reloads.
    pub inspect: Option<u16>,
    /// Longest time that a connection waits while no version can take it.
    pub hold: Duration,
    /// Time that requests under way have to end before their version is stopped.
    pub grace: Duration,
}

impl Default for NodeRunner {
    fn default() -> Self {
        Self {
            entry: None,
            paths: Vec::new(),
            watch: true,
            preload: true,
            types: true,
            overlap: true,
            early: true,
            inspect: None,
            hold: Duration::from_secs(10),
            grace: Duration::from_secs(2),
        }
    }
}
