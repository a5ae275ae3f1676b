//! The plan as data.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::event::{Action, Subject};
use crate::project::{DependsOnCondition, Duration, Hook, ServiceName};
use crate::state::{ContainerId, ContainerSpec, ImageSpec, NetworkSpec, SeenRunning, VolumeSpec};

/// A step's place in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub usize);

/// Steps to take. A step only ever waits for earlier ones, so the order of the list is valid too.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Containers that already are as they should be.
    pub unchanged: Vec<Subject>,
    /// What a person should know, such as orphans that were left alone.
    pub warnings: Vec<String>,
    /// Time from the run's begin by which everything should have stopped: what is stopped after
    /// others that took long gets less than its grace period.
    pub stopped_within: Option<Duration>,
    /// How much time hangs on each step; empty when nobody has asked. See [`Plan::hasten`].
    pub urgency: Vec<Duration>,
}

/// One engine call (or one wait).
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub operation: Operation,
    /// What it is about.
    pub subject: Subject,
    /// Why.
    pub cause: Cause,
    /// Steps that must have ended well before.
    pub after: Vec<StepId>,
}

/// A container: one that exists, or the one that a step of this plan makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContainerRef {
    /// It was there when the engine was observed.
    Existing(ContainerId),
    /// The result of that step.
    CreatedBy(StepId),
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Get an image from its registry.
    PullImage(Arc<ImageSpec>),
    /// Build an image.
    BuildImage(Arc<ImageSpec>),
    /// Remove an image by its reference.
    RemoveImage(String),
    /// Make a network.
    CreateNetwork(Arc<NetworkSpec>),
    /// Remove a network, by id: names are not unique.
    RemoveNetwork {
        /// The engine's id.
        id: String,
    },
    /// Make a volume.
    CreateVolume(Arc<VolumeSpec>),
    /// Remove a volume and all that is in it.
    RemoveVolume(String),
    /// Make a container.
    CreateContainer {
        /// What it should be.
        spec: Arc<ContainerSpec>,
        /// Its first name, which differs from the spec's while a predecessor still has that one.
        name: String,
        /// Anonymous volumes to take over: path in the container to the volume's name.
        inherit: Vec<(String, String)>,
    },
    /// Give a container its final name.
    RenameContainer {
        /// Which.
        container: ContainerRef,
        /// The name.
        name: String,
    },
    /// Close the door of a container that does not run: its application is not to begin yet.
    HoldContainer {
        /// Which.
        container: ContainerRef,
        /// What it was made from.
        spec: Arc<ContainerSpec>,
        /// What it waits for, as its log says it.
        reason: String,
    },
    /// Open the door of a container: its application may begin. One whose door is open stays as
    /// it is.
    ReleaseContainer {
        /// Which.
        container: ContainerRef,
        /// What it was made from.
        spec: Arc<ContainerSpec>,
    },
    /// Start a container.
    StartContainer {
        /// Which.
        container: ContainerRef,
    },
    /// Run a command of the file's in a container.
    RunHook {
        /// Which.
        container: ContainerRef,
        /// What.
        hook: Arc<Hook>,
    },
    /// Wait until a container is what its dependants, or the user, need.
    AwaitContainer {
        /// Which.
        container: ContainerRef,
        /// What it was made from: says how to ask.
        spec: Arc<ContainerSpec>,
        /// What to wait for.
        condition: AwaitFor,
        /// How it was seen to run, when this plan leaves it alone: nobody has to look again.
        seen: Option<Arc<SeenRunning>>,
    },
    /// Stop a container with its signal; kill it after the grace period.
    StopContainer {
        /// Which.
        id: ContainerId,
        /// Time to wait; the container's own setting when absent.
        grace: Option<Duration>,
    },
    /// Let the processes of a paused container go on.
    UnpauseContainer {
        /// Which.
        id: ContainerId,
    },
    /// Stop and start a container.
    RestartContainer {
        /// Which.
        id: ContainerId,
        /// Time to wait for the stop; the container's own setting when absent.
        grace: Option<Duration>,
    },
    /// Send a signal to a container.
    KillContainer {
        /// Which.
        id: ContainerId,
        /// The signal, such as `SIGKILL`.
        signal: String,
    },
    /// Remove a container, killing it first if it runs.
    RemoveContainer {
        /// Which.
        container: ContainerRef,
        /// Whether its anonymous volumes go too.
        anonymous_volumes: bool,
    },
}

/// The state to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AwaitFor {
    /// It is ready, as a dependant needs it: it must run.
    Ready,
    /// It is ready, or it was a one-shot that ended with exit code 0.
    ReadyOrFinished,
    /// It ended with exit code 0.
    Completed,
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It does not exist.
    Missing,
    /// These fields of its definition changed.
    ConfigChanged(Vec<String>),
    /// What it was built from changed, in words.
    BuildChanged(Vec<String>),
    /// Its image is another one now.
    ImageChanged,
    /// Its network has to be made again.
    NetworkChanged(String),
    /// It is there but does not run.
    NotRunning,
    /// Its processes were made to stand still.
    Paused,
    /// It runs but is not known to be ready.
    NotReady,
    /// No service of the file has it.
    Orphan,
    /// More containers than the service's scale.
    ScaledDown,
    /// What an interrupted run left behind.
    Leftover,
    /// It replaces a predecessor.
    Replaces,
    /// Its name goes to another service's container.
    NameFor(ServiceName),
    /// A dependency with `restart: true` was made again or restarted.
    DependencyRestarted(ServiceName),
    /// A service waits for it.
    NeededBy(ServiceName),
    /// The user asked for it.
    Requested,
}

impl AwaitFor {
    /// What a dependant with this condition waits for; nothing when a start is enough.
    #[must_use]
    pub const fn of(condition: DependsOnCondition) -> Option<Self> {
        match condition {
            DependsOnCondition::ServiceStarted => None,
            DependsOnCondition::ServiceHealthy => Some(Self::Ready),
            DependsOnCondition::ServiceCompletedSuccessfully => Some(Self::Completed),
        }
    }
}

impl Plan {
    /// Appends a step and returns its id.
    pub(super) fn push(
        &mut self,
        operation: Operation,
        subject: Subject,
        cause: Cause,
        after: Vec<StepId>,
    ) -> StepId {
        debug_assert!(
            after.iter().all(|id| id.0 < self.steps.len()),
            "steps wait for earlier ones"
        );
        self.steps.push(Step { operation, subject, cause, after });
        StepId(self.steps.len() - 1)
    }

    /// The containers that it finds there and stops or removes.
    pub(super) fn leaving(&self) -> HashSet<&ContainerId> {
        let ids = self.steps.iter().filter_map(|step| match &step.operation {
            Operation::StopContainer { id, .. }
            | Operation::RemoveContainer { container: ContainerRef::Existing(id), .. } => Some(id),
            _ => None,
        });
        ids.collect()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether there is nothing to do but to see that what runs is ready.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.operation, Operation::AwaitContainer { .. }))
    }
}

impl Operation {
    /// The container that it is about, where a step of the same plan may have made it.
    pub(super) fn container_mut(&mut self) -> Option<&mut ContainerRef> {
        // No wildcard: whoever adds an operation has to say here whether it has one.
        match self {
            Self::RenameContainer { container, .. }
            | Self::HoldContainer { container, .. }
            | Self::ReleaseContainer { container, .. }
            | Self::StartContainer { container }
            | Self::RunHook { container, .. }
            | Self::AwaitContainer { container, .. }
            | Self::RemoveContainer { container, .. } => Some(container),
            Self::PullImage(_)
            | Self::BuildImage(_)
            | Self::RemoveImage(_)
            | Self::CreateNetwork(_)
            | Self::RemoveNetwork { .. }
            | Self::CreateVolume(_)
            | Self::RemoveVolume(_)
            | Self::CreateContainer { .. }
            | Self::StopContainer { .. }
            | Self::UnpauseContainer { .. }
            | Self::RestartContainer { .. }
            | Self::KillContainer { .. } => None,
        }
    }

    /// Whether this can begin as soon as the processes of the containers have ended whose stops it
    /// waits for, while the engine still takes down what they had (their networks above all).
    /// Whoever may write to a dependency is gone by then.
    #[must_use]
    pub const fn needs_only_ended_processes(&self) -> bool {
        matches!(self, Self::StopContainer { .. } | Self::RunHook { .. })
    }

    /// Whether an engine that has little else to do is done with it in a moment, whatever the
    /// containers do.
    #[must_use]
    pub(crate) const fn is_short(&self) -> bool {
        matches!(
            self,
            Self::CreateNetwork(_)
                | Self::CreateVolume(_)
                | Self::CreateContainer { .. }
                | Self::RenameContainer { .. }
                | Self::HoldContainer { .. }
                | Self::StartContainer { .. }
        )
    }

    /// The action that a display shows.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::PullImage(_) => Action::Pull,
            Self::BuildImage(_) => Action::Build,
            Self::CreateNetwork(_) | Self::CreateVolume(_) | Self::CreateContainer { .. } => {
                Action::Create
            }
            Self::RenameContainer { .. } => Action::Rename,
            // Part of the start for whoever looks on.
            Self::HoldContainer { .. } | Self::StartContainer { .. } => Action::Start,
            Self::ReleaseContainer { .. } => Action::Release,
            Self::AwaitContainer { condition: AwaitFor::Completed, .. } => Action::Complete,
            Self::AwaitContainer { .. } => Action::Await,
            Self::RunHook { .. } => Action::Hook,
            Self::StopContainer { .. } => Action::Stop,
            Self::UnpauseContainer { .. } => Action::Unpause,
            Self::RestartContainer { .. } => Action::Restart,
            Self::KillContainer { signal, .. } => {
                if is_kill(signal) {
                    Action::Kill
                } else {
                    Action::Signal
                }
            }
            Self::RemoveImage(_)
            | Self::RemoveNetwork { .. }
            | Self::RemoveVolume(_)
            | Self::RemoveContainer { .. } => Action::Remove,
        }
    }
}

fn is_kill(signal: &str) -> bool {
    matches!(signal.to_ascii_uppercase().as_str(), "SIGKILL" | "KILL" | "9")
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::ConfigChanged(fields) => write!(f, "{} changed", fields.join(", ")),
            Self::BuildChanged(changes) => f.write_str(&changes.join(", ")),
            Self::ImageChanged => f.write_str("image changed"),
            Self::NetworkChanged(network) => write!(f, "network {network} changed"),
            Self::NotRunning => f.write_str("not running"),
            Self::Paused => f.write_str("paused"),
            Self::NotReady => f.write_str("not ready"),
            Self::Orphan => f.write_str("no service of this name"),
            Self::ScaledDown => f.write_str("scaled down"),
            Self::Leftover => f.write_str("left by an interrupted run"),
            Self::Replaces => f.write_str("replaces its predecessor"),
            Self::NameFor(service) => write!(f, "its name goes to `{service}`"),
            Self::DependencyRestarted(service) => write!(f, "{service} restarted"),
            Self::NeededBy(service) => write!(f, "needed by {service}"),
            Self::Requested => f.write_str("requested"),
        }
    }
}
