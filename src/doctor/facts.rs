//! What is observed of machine, engine, network and stack. Whatever could not be found out is
//! `None` and is not judged.

use std::path::PathBuf;

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The engine, or why it cannot be used: the reason and what to do.
    pub engine: Option<Result<EngineFacts, (String, String)>>,
    /// The socket of an engine on this machine.
    pub socket: Option<SocketFacts>,
    /// This machine.
    pub machine: MachineFacts,
    /// The ways to others.
    pub network: NetworkFacts,
    /// The stack, or the findings that its files have.
    pub stack: Option<Result<StackFacts, String>>,
}

/// What the engine says of itself.
#[derive(Debug, Clone, Default)]
pub struct EngineFacts {
    /// Its version, such as `26.1.5`.
    pub version: String,
    /// The API version in use, such as `1.45`.
    pub api: String,
    /// Its address, such as `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// Whether it runs on this machine, as far as the address says.
    pub is_local: bool,
    /// What it runs on, such as `Docker Desktop` or `Debian GNU/Linux 12`.
    pub operating_system: String,
    /// Cores that containers may use.
    pub cores: Option<u64>,
    /// Bytes of memory that containers may use.
    pub memory: Option<u64>,
    /// How far its clock is ahead of this machine's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// How it stores layers, such as `overlay2`.
    pub storage_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// Whether it runs without root's rights.
    pub is_rootless: bool,
    /// Whether memory limits of containers hold.
    pub limits_memory: Option<bool>,
    /// The proxy for its own pulls, without credentials.
    pub https_proxy: Option<String>,
}

/// The socket of an engine on this machine, and the user who runs devstack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketFacts {
    /// Where it is.
    pub path: String,
    /// Whose it is, by name.
    pub owner: String,
    /// Its group, by name.
    pub group: String,
    /// Its mode bits.
    pub mode: u32,
    /// Who runs devstack.
    pub user: String,
    /// Whether that is root.
    pub is_root: bool,
    /// Whether this process is in the group.
    pub has_group: bool,
    /// Whether the machine's list of groups names the user as a member.
    pub is_member: bool,
}

/// This machine.
#[derive(Debug, Clone, Default)]
pub struct MachineFacts {
    /// `linux`, `macos` or `windows`.
    pub system: String,
    /// The Windows Subsystem for Linux, when this is one.
    pub wsl: Option<Wsl>,
    /// Bytes of memory that programs could still get.
    pub memory_available: Option<u64>,
    /// The disk of the project's folder.
    pub space_here: Option<Space>,
    /// The disk of the engine's data.
    pub space_engine: Option<Space>,
    /// Limits of watching files.
    pub inotify: Option<Inotify>,
}

/// The Windows Subsystem for Linux.
#[derive(Debug, Clone, Default)]
pub struct Wsl {
    /// 1 or 2.
    pub version: u8,
    /// Whether the project's folder is on a Windows disk.
    pub on_windows_disk: bool,
}

/// A disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Space {
    /// Bytes that this user can still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Files that can still be made; `None` where their number has no limit.
    pub free_files: Option<u64>,
}

/// Limits of watching files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inotify {
    /// Watches of one user.
    pub watches: u64,
    /// Watchers of one user.
    pub instances: u64,
}

/// The ways to others.
#[derive(Debug, Clone, Default)]
pub struct NetworkFacts {
    /// Registries of images that are not here yet.
    pub registries: Vec<Registry>,
    /// `HTTPS_PROXY`, or `HTTP_PROXY` without it, as it stands in the environment, without
    /// credentials.
    pub proxy: Option<String>,
    /// Whether somebody listens at the proxy's address; `None` when it was not tried.
    pub proxy_answers: Option<bool>,
    /// `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// Files of further certificate authorities that this machine or its programs trust.
    pub authorities: Vec<PathBuf>,
}

/// A registry that images must come from.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its host, such as `registry-1.docker.io`.
    pub host: String,
    /// Images that are not here yet.
    pub images: Vec<String>,
    /// Whether its name leads to an address, and why not; `None` when it was not tried.
    pub resolves: Option<Result<(), String>>,
    /// Whether somebody listens there, and why not; `None` when it was not tried.
    pub answers: Option<Result<(), String>>,
}

/// The stack.
#[derive(Debug, Clone, Default)]
pub struct StackFacts {
    /// Its name on the engine.
    pub project: String,
    /// Memory limits of services in bytes, of all their containers together.
    pub memory_limits: Vec<(String, u64)>,
    /// CPU limits of services in cores.
    pub cpu_limits: Vec<(String, f64)>,
    /// Ports that somebody else has: what and who, and what to do.
    pub taken_ports: Vec<(String, String)>,
    /// Resources of others with names that the stack wants: what, and what to do.
    pub conflicts: Vec<(String, String)>,
    /// Ports that the stack wants.
    pub ports: usize,
    /// Services that are not as they should be.
    pub troubles: Vec<ServiceTrouble>,
    /// Services that run and are well.
    pub well: usize,
    /// Containers, networks and volumes with the project's label that the files do not know.
    pub leftovers: Vec<String>,
    /// Whether some image is built.
    pub builds: bool,
    /// Whether some image is built with a package manager of Node.js.
    pub builds_with_npm: bool,
    /// Other projects whose folders are gone.
    pub dead_projects: Vec<Neighbour>,
}

/// A service that is not as it should be.
#[derive(Debug, Clone, Default)]
pub struct ServiceTrouble {
    /// Its name.
    pub service: String,
    /// What it does, such as `exited`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// What that means, where the failure is known.
    pub cause: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Another project on the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Its name.
    pub project: String,
    /// The folder that it was started from.
    pub folder: String,
    /// Its containers.
    pub containers: usize,
}
