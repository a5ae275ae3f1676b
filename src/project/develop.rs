//! What follows from changes of files while a service runs.

use std::path::PathBuf;

use serde::Serialize;

use super::mount::is_false;
use super::{Hook, Reload, Service};

/// The `develop` section of a service (Compose Develop Specification).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Develop {
    /// What to watch, and what a change means. A file may concern several rules.
    pub watch: Vec<WatchRule>,
}

/// One entry of `develop.watch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchRule {
    /// Absolute path of the file or folder of the host.
    pub path: PathBuf,
    /// What a change means.
    pub action: WatchAction,
    /// Absolute path in the container that stands for [`WatchRule::path`]. There is one whenever
    /// the action copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Patterns of what does not count, below `path`, in the notation of `.dockerignore`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Patterns of what alone counts, in the same notation; everything when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Whether everything is copied once when watching begins.
    #[serde(skip_serializing_if = "is_false")]
    pub initial_sync: bool,
    /// The command of [`WatchAction::SyncExec`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<Hook>,
}

/// What a change means for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum WatchAction {
    /// Its image is built and its containers are made anew.
    #[serde(rename = "rebuild")]
    Rebuild,
    /// The file is copied into its containers.
    #[serde(rename = "sync")]
    Sync,
    /// Its containers are restarted.
    #[serde(rename = "restart")]
    Restart,
    /// The file is copied, then the containers are restarted.
    #[serde(rename = "sync+restart")]
    SyncRestart,
    /// The file is copied, then a command is run in the containers.
    #[serde(rename = "sync+exec")]
    SyncExec,
}

impl WatchAction {
    /// Whether the service's containers are started after it, whatever they did before.
    #[must_use]
    pub const fn begins_anew(self) -> bool {
        matches!(self, Self::Rebuild | Self::Restart | Self::SyncRestart)
    }

    /// Compose's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Sync => "sync",
            Self::Restart => "restart",
            Self::SyncRestart => "sync+restart",
            Self::SyncExec => "sync+exec",
        }
    }

    /// Whether files are copied.
    #[must_use]
    pub const fn syncs(self) -> bool {
        matches!(self, Self::Sync | Self::SyncRestart | Self::SyncExec)
    }
}

impl Service {
    /// Whether a save of its code can start its containers, whatever they did before.
    #[must_use]
    pub fn begins_anew(&self) -> bool {
        let mut rules = self.develop.iter().flat_map(|develop| &develop.watch);
        matches!(self.reload, Some(Reload::Restart(_)))
            || rules.any(|rule| rule.action.begins_anew())
    }
}
