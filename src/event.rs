//! What happens during a run, as plain data: produced by [`crate::execute`], consumed by
//! [`crate::report`]. Nothing here holds a secret.

mod watch;

use std::time::Duration;

use crate::project::ServiceName;

pub use watch::WatchEvent;

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One container of a service.
    Container {
        /// The service.
        service: ServiceName,
        /// The engine's name of the container.
        name: String,
    },
    /// The container of a `pre_start` hook.
    Hook {
        /// The service.
        service: ServiceName,
        /// The engine's name of the service's container that it runs before.
        container: String,
        /// The engine's name of its own container.
        name: String,
        /// Its place among the service's hooks, from 1.
        number: usize,
    },
    /// An image and the services that run it.
    Image {
        /// The reference.
        reference: String,
        /// Who runs it.
        services: Vec<ServiceName>,
    },
    /// A network, by the engine's name.
    Network(String),
    /// A volume, by the engine's name.
    Volume(String),
}

impl Subject {
    /// The service's container that it is part of, and the service.
    #[must_use]
    pub fn container(&self) -> Option<(&ServiceName, &str)> {
        match self {
            Self::Container { service, name: container }
            | Self::Hook { service, container, .. } => Some((service, container)),
            Self::Image { .. } | Self::Network(_) | Self::Volume(_) => None,
        }
    }
}

/// What is done to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Image: get it from its registry.
    Pull,
    /// Image: build it.
    Build,
    /// Any: make it.
    Create,
    /// Container: give it its final name.
    Rename,
    /// Container: start it.
    Start,
    /// Container: let its application begin, which waited for others.
    Release,
    /// Container: wait until it is what its dependants (or `up`) need.
    Await,
    /// Container: wait until it has done its work and exited with 0.
    Complete,
    /// Container: stop it within its grace period.
    Stop,
    /// Container: stop it at once.
    Kill,
    /// Container: send it another signal than the one that kills.
    Signal,
    /// Container: run a command of the file's in it.
    Hook,
    /// Container: stop and start it.
    Restart,
    /// Container: let its processes go on, which were made to stand still.
    Unpause,
    /// Any: remove it.
    Remove,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The plan: every subject that will see an action, so that a display can lay itself out.
    Planned {
        /// Steps in order of the plan.
        steps: Vec<(Subject, Action)>,
        /// For each step the places of those that must have ended well before it may begin.
        after: Vec<Vec<usize>>,
        /// Containers that already are as they should be.
        unchanged: Vec<Subject>,
    },
    /// A step has begun. Steps that wait for others have not.
    Started {
        /// About what.
        subject: Subject,
        /// Which action.
        action: Action,
        /// Why, in a few words: `missing`, `environment changed`, …
        cause: String,
    },
    /// A step cannot begin yet. Sent when the reason changes.
    Blocked {
        /// About what.
        subject: Subject,
        /// Why, such as `waiting for db: starting up`.
        reason: String,
    },
    /// A step is under way.
    Progress {
        /// About what.
        subject: Subject,
        /// Which action.
        action: Action,
        /// How far.
        progress: Progress,
    },
    /// A step has ended well.
    Finished {
        /// About what.
        subject: Subject,
        /// Which action.
        action: Action,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step has failed; its error is part of the run's result and is printed there.
    Failed {
        /// About what.
        subject: Subject,
        /// Which action.
        action: Action,
        /// The reason in one line.
        reason: String,
    },
    /// Something that a person should know but that stops nothing.
    Warning(String),
    /// The run is being cancelled: no new steps begin.
    Cancelling,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// One layer of an image pull.
    Layer {
        /// Short id of the layer.
        id: String,
        /// The engine's word, such as `Downloading`, `Extracting`, `Pull complete`.
        status: String,
        /// Bytes done.
        current: u64,
        /// Bytes in all, 0 when unknown.
        total: u64,
    },
    /// One step of an image build.
    BuildStep {
        /// BuildKit's number for the step, from 1.
        number: usize,
        /// Its name, such as `[dev 3/5] RUN npm ci`.
        name: String,
        /// What became of it.
        state: BuildStepState,
    },
    /// A line that a build step printed.
    BuildOutput {
        /// BuildKit's number for the step, from 1.
        number: usize,
        /// The line.
        line: String,
    },
    /// The service itself has taken a probe's connection for the first time: its port is open.
    Listening,
    /// What a probe found, such as `starting up` or `up, wrong password`.
    Probe {
        /// The reason in a few words.
        state: String,
    },
}

/// What became of a build step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStepState {
    /// It runs.
    Running,
    /// It was taken from the cache.
    Cached,
    /// It ended well, after this time.
    Done(Duration),
    /// It failed.
    Failed,
}
