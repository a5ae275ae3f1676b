//! What a command says when it fails, and with which exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::account::account;
use super::context::Context;
use super::inputs::BrokenBuild;
use crate::config::diagnostic::{Diagnostics, Severity};
use crate::engine::{EndpointError, EngineError};
use crate::event::Subject;
use crate::execute::{ExecuteError, HalfMade, StepError, StepFailure, WaitFailureReason};
use crate::os::files::MissingSource;
use crate::plan::{Conflict, PortConflict};
use crate::project::ServiceName;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// All done.
    Success,
    /// Something in the project is wrong.
    Failure,
    /// No engine can be used.
    NoEngine,
    /// The user interrupted it.
    Interrupted,
    /// The exit code of a command in a container.
    Child(u8),
}

/// A failed command.
#[derive(Debug)]
pub(super) struct CliError {
    problem: Problem,
}

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The files.
    Config(Diagnostics),
    /// The docker context.
    Endpoint(EndpointError),
    /// An engine call outside of a run.
    Engine(EngineError),
    /// Things on the engine that are not ours.
    Conflicts(Vec<Conflict>),
    /// Ports of others.
    Ports(Vec<PortConflict>),
    /// Bind mounts without source.
    MissingSources(Vec<MissingSource>),
    /// Builds whose files are not there.
    Builds(Vec<BrokenBuild>),
    /// A run.
    Run(ExecuteError),
    /// A service that is not in the files.
    UnknownService {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// Standard output.
    Output(io::Error),
    /// Anything else: what is wrong, and what to do.
    Other {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Problem::Engine(error).into()
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Success => 0,
            ExitStatus::Failure => 1,
            ExitStatus::NoEngine => 3,
            ExitStatus::Interrupted => 130,
            ExitStatus::Child(code) => code,
        })
    }
}

impl ExitStatus {
    /// The exit code of a container; one that no process can end with is a failure.
    pub(super) fn of_container(code: i64) -> Self {
        Self::Child(u8::try_from(code).unwrap_or(1))
    }
}

impl CliError {
    /// A plain message with what to do.
    pub(super) fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Problem::Other { message: message.into(), hint: Some(hint.into()) }.into()
    }

    /// The exit code.
    pub(super) fn status(&self) -> ExitStatus {
        match &self.problem {
            Problem::Engine(error) if error.is_unreachable() => ExitStatus::NoEngine,
            Problem::Run(error) if error.cancelled && error.failures.is_empty() => {
                ExitStatus::Interrupted
            }
            Problem::Run(error) if error.failures.iter().any(is_unreachable) => {
                ExitStatus::NoEngine
            }
            _ => ExitStatus::Failure,
        }
    }

    /// The same about a container that the command line describes: no line of the files asked for
    /// what was refused.
    pub(super) fn of_the_command_line(self, service: &ServiceName, container: &str) -> Self {
        match self.problem {
            Problem::Run(mut error) if error.failures.len() == 1 => match error.failures.pop() {
                Some(StepFailure { error: StepError::Engine(refused), ref subject, .. }) if matches!(subject, Subject::Container { name, .. } if name == container) => {
                    refused.into()
                }
                failure => {
                    error.failures.extend(failure);
                    Problem::Run(error).into()
                }
            },
            Problem::Ports(conflicts)
                if conflicts.iter().all(|conflict| conflict.wanted.service == *service) =>
            {
                let Some(conflict) = conflicts.first() else {
                    return Problem::Ports(conflicts).into();
                };
                let hint = format!(
                    "publish another host port, such as `--publish auto:{}`",
                    conflict.wanted.target
                );
                Self::other(conflict.to_string(), hint)
            }
            problem => problem.into(),
        }
    }

    /// Whether the engine itself cannot be used.
    pub(super) fn is_unreachable(&self) -> bool {
        self.status() == ExitStatus::NoEngine
    }

    /// Whether nothing is wrong but the code that somebody works on: the next save may mend it.
    pub(super) fn is_mended_by_a_save(&self) -> bool {
        let Problem::Run(error) = &self.problem else { return false };
        !error.cancelled
            && !error.failures.is_empty()
            && error.failures.iter().all(|failure| {
                matches!(&failure.error, StepError::Wait(wait)
                    if matches!(wait.reason, WaitFailureReason::NotStarted { .. }))
            })
    }

    /// What was begun and is not whole.
    pub(super) fn half_made(&self) -> HalfMade {
        match &self.problem {
            Problem::Run(error) => error.half_made.clone(),
            _ => HalfMade::default(),
        }
    }

    /// What is wrong, in one line.
    pub(super) fn headline(&self) -> String {
        match &self.problem {
            Problem::Engine(error) => error.to_string(),
            Problem::Run(error) => {
                error.failures.first().map_or_else(|| error.to_string(), |it| it.error.to_string())
            }
            Problem::Other { message, .. } => message.clone(),
            Problem::Conflicts(conflicts) => {
                conflicts.first().map(ToString::to_string).unwrap_or_default()
            }
            Problem::Builds(broken) => {
                broken.first().map(|it| it.error.to_string()).unwrap_or_default()
            }
            _ => "see below".to_owned(),
        }
    }

    /// Whether there is more to tell than the headline.
    pub(super) const fn has_details(&self) -> bool {
        !matches!(self.problem, Problem::Other { hint: None, .. })
    }

    /// The services whose containers did not become what was waited for.
    pub(super) fn failed_services(&self) -> Vec<ServiceName> {
        let Problem::Run(error) = &self.problem else { return Vec::new() };
        let failed = error.failures.iter().filter_map(|failure| match &failure.error {
            StepError::Wait(failure) => Some(failure.service.clone()),
            StepError::Engine(_) | StepError::Cancelled => None,
        });
        failed.collect()
    }

    /// Prints it on standard error.
    pub(super) fn print(&self, cx: &Context) {
        let (origins, quiet) = (cx.origins(), cx.quiet());
        let account =
            account(&self.problem, origins.as_deref(), quiet.as_deref(), cx.working_dir());
        cx.print_account(&account);
    }

    /// The first thing that is wrong, and what to do about it.
    pub(super) fn reason_and_hint(&self) -> (String, String) {
        let Diagnostics(findings) = account(&self.problem, None, None, Path::new(""));
        let Some(first) = findings.iter().find(|it| it.severity == Severity::Error) else {
            return Default::default();
        };
        let reason = match &first.primary {
            Some(label) => {
                let (line, column) = label.span.line_column();
                format!("{}:{line}:{column}: {}", label.span.source.name, first.message)
            }
            None => first.message.clone(),
        };
        (reason, first.help.first().cloned().unwrap_or_default())
    }
}

fn is_unreachable(failure: &StepFailure) -> bool {
    matches!(&failure.error, StepError::Engine(error) if error.is_unreachable())
}
