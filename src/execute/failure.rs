//! What went wrong in a run, with all that a person needs to find out why.

use std::fmt;
use std::time::Duration;

use crate::engine::EngineError;
use crate::event::{Action, Subject};
use crate::project::ServiceName;
use crate::state::ContainerId;

/// A run that did not do all that it should.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(failures, *cancelled))]
pub struct ExecuteError {
    /// The steps that failed. More than one when they ran at the same time.
    pub failures: Vec<StepFailure>,
    /// Whether the user cancelled it.
    pub cancelled: bool,
    /// What was begun and is not whole.
    pub half_made: HalfMade,
}

/// What a run has made and never brought to an end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HalfMade {
    /// Volumes that were not there before.
    pub volumes: Vec<String>,
    /// Containers that were to become ready, and have not.
    pub unready: Vec<ContainerId>,
}

/// A step that failed.
#[derive(Debug)]
pub struct StepFailure {
    /// About what.
    pub subject: Subject,
    /// Which action.
    pub action: Action,
    /// Why.
    pub error: StepError,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A container did not become what was waited for.
    #[error(transparent)]
    Wait(Box<WaitFailure>),
    /// The run was cancelled while the step was under way.
    #[error("cancelled")]
    Cancelled,
}

/// A container that did not become ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}service `{service}` {reason}", part(hook.as_ref()))]
pub struct WaitFailure {
    /// The service.
    pub service: ServiceName,
    /// The hook of the service that it was, when it was not the service itself.
    pub hook: Option<FailedHook>,
    /// The container's name.
    pub container: String,
    /// Why.
    pub reason: WaitFailureReason,
    /// What the last probe found.
    pub last_probe: Option<String>,
    /// The last lines of the container's log.
    pub log: Vec<String>,
}

/// A `pre_start` hook that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedHook {
    /// Its place among the service's hooks, from 1.
    pub number: usize,
    /// What it runs, in a few words.
    pub runs: String,
}

/// Why a wait ended without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitFailureReason {
    /// Its process ended.
    Exited {
        /// The exit code.
        code: i64,
        /// Whether the kernel killed it for want of memory.
        oom_killed: bool,
        /// The engine's own error, if it has one.
        error: String,
    },
    /// The engine starts it again and again.
    Restarting {
        /// How often so far.
        times: u64,
        /// The latest exit code.
        code: i64,
        /// Whether the kernel killed it the last time for want of memory.
        oom_killed: bool,
    },
    /// Its health check gave up.
    Unhealthy {
        /// What the check printed last.
        output: String,
    },
    /// It did not become ready in time.
    TimedOut {
        /// After how long.
        after: Duration,
    },
    /// It runs and lets nobody in, which does not get better by waiting.
    Refused,
    /// Its container runs, the application in it does not start.
    NotStarted {
        /// What its reload runner says.
        problem: String,
    },
    /// It was removed by somebody else.
    Removed,
}

impl fmt::Display for WaitFailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { oom_killed: true, code, .. } => {
                write!(f, "was killed by the kernel: it ran out of memory (exit code {code})")
            }
            Self::Exited { code, error, .. } if error.is_empty() => {
                write!(f, "exited with code {code}")
            }
            Self::Exited { code, error, .. } => write!(f, "exited with code {code}: {error}"),
            Self::Restarting { times, code, oom_killed: true } => write!(
                f,
                "runs out of memory again and again: restarted {times} times, last exit code {code}"
            ),
            Self::Restarting { times, code, oom_killed: false } => {
                write!(f, "exits again and again: restarted {times} times, last exit code {code}")
            }
            Self::Unhealthy { .. } => f.write_str("is unhealthy"),
            Self::TimedOut { after } => {
                write!(f, "is not ready after {} s", after.as_secs_f64().ceil())
            }
            Self::Refused => f.write_str("runs and lets nobody in"),
            Self::NotStarted { problem } => f.write_str(problem),
            Self::Removed => f.write_str("was removed while it was waited for"),
        }
    }
}

impl StepError {
    /// The reason in one line, for a display that shows the rest elsewhere.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Engine(error) => error.kind.to_string(),
            Self::Wait(failure) => failure.reason.to_string(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

fn part(hook: Option<&FailedHook>) -> String {
    hook.map_or_else(String::new, |hook| {
        format!("`pre_start` hook {} (`{}`) of ", hook.number, hook.runs)
    })
}

fn summary(failures: &[StepFailure], cancelled: bool) -> String {
    if failures.is_empty() && cancelled {
        return "cancelled".to_owned();
    }
    failures.iter().map(|failure| failure.error.to_string()).collect::<Vec<_>>().join("; ")
}
