//! `reload:`, devstack's own word for how a service takes up changed code.

use super::Duration;

/// Folder of the reload runner's files in a container.
pub const RUNNER_FOLDER: &str = "/opt/devstack";

/// How a service takes up changed code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// devstack's reload runner for Node runs the application as its child.
    Node(NodeRunner),
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
