//! What a command says when it fails, and with which exit code.

use std::io;
use std::process::ExitCode;

use super::context::Context;
use crate::config::diagnostic::{Diagnostics, Severity};
use crate::engine::{EndpointError, EngineError, EngineErrorKind};
use crate::execute::{ExecuteError, StepError, StepFailure, WaitFailure, WaitFailureReason};
use crate::explain::{Symptoms, explain};
use crate::os::files::MissingSource;
use crate::plan::{Conflict, PortConflict, PortOwner};
use crate::project::ServiceName;
use crate::report::{Paint, Tone};

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

    /// Whether the engine itself cannot be used.
    pub(super) fn is_unreachable(&self) -> bool {
        self.status() == ExitStatus::NoEngine
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
        if let Problem::Config(diagnostics) = &self.problem {
            cx.print_diagnostics(diagnostics);
            return;
        }
        let mut report = Report { text: String::new(), paint: Paint::new(cx.stderr_colour()) };
        self.describe(&mut report);
        cx.note(&cx.redactor().apply(&report.text));
    }

    /// The first thing that is wrong, and what to do about it, without colours.
    pub(super) fn reason_and_hint(&self) -> (String, String) {
        if let Problem::Config(diagnostics) = &self.problem {
            let first = diagnostics.0.iter().find(|it| it.severity == Severity::Error);
            let reason = first.map(|it| match &it.primary {
                Some(label) => {
                    let (line, column) = label.span.line_column();
                    format!("{}:{line}:{column}: {}", label.span.source.name, it.message)
                }
                None => it.message.clone(),
            });
            let reason = reason.unwrap_or_default();
            let hint = first.and_then(|it| it.help.first().cloned()).unwrap_or_default();
            return (reason, hint);
        }
        let mut report = Report { text: String::new(), paint: Paint::new(false) };
        self.describe(&mut report);
        let after = |word: &str| {
            let line = report.text.lines().find_map(|line| line.trim_start().strip_prefix(word));
            line.unwrap_or_default().to_owned()
        };
        (after("error: "), after("help: "))
    }

    fn describe(&self, report: &mut Report) {
        match &self.problem {
            Problem::Config(_) => {}
            Problem::Endpoint(error) => {
                report.error(&error.to_string());
                report.hint("list contexts with `docker context ls`, or unset DOCKER_CONTEXT");
            }
            Problem::Engine(error) => describe_engine(report, error),
            Problem::Conflicts(conflicts) => {
                for conflict in conflicts {
                    report.error(&conflict.to_string());
                    report.hint(conflict_hint(conflict));
                }
            }
            Problem::Ports(conflicts) => {
                for conflict in conflicts {
                    report.error(&conflict.to_string());
                    report.hint(&port_hint(conflict));
                }
                report.note("nothing was created");
            }
            Problem::MissingSources(missing) => {
                for source in missing {
                    report.error(&source.to_string());
                }
                report.hint("create the path, correct it in the file, or set `bind: {create_host_path: true}`");
            }
            Problem::Run(error) => describe_run(report, error),
            Problem::UnknownService { name, suggestion } => {
                report.error(&format!("no service `{name}` in the files"));
                match suggestion {
                    Some(suggestion) => report.hint(&format!("did you mean `{suggestion}`?")),
                    None => report.hint("`devstack config --services` lists them"),
                }
            }
            Problem::Output(error) => report.error(&format!("cannot write the output: {error}")),
            Problem::Other { message, hint } => {
                report.error(message);
                if let Some(hint) = hint {
                    report.hint(hint);
                }
            }
        }
    }
}

/// Last lines of a container that a person is shown; more of them are read to find the cause.
const SHOWN_LINES: usize = 20;

/// An error message in the making.
struct Report {
    text: String,
    paint: Paint,
}

impl Report {
    fn error(&mut self, message: &str) {
        let word = self.paint.apply(Tone::Strong, &self.paint.apply(Tone::Bad, "error:"));
        self.line(&format!("{word} {message}"));
    }

    fn note(&mut self, message: &str) {
        let word = self.paint.apply(Tone::Busy, "note:");
        self.line(&format!("  {word} {message}"));
    }

    fn hint(&mut self, message: &str) {
        let word = self.paint.apply(Tone::Good, "help:");
        self.line(&format!("  {word} {message}"));
    }

    fn quote(&mut self, lines: &[String]) {
        let bar = self.paint.apply(Tone::Faint, "|");
        for line in lines {
            self.line(&format!("    {bar} {}", line.trim_end()));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn is_unreachable(failure: &StepFailure) -> bool {
    matches!(&failure.error, StepError::Engine(error) if error.is_unreachable())
}

fn describe_run(report: &mut Report, error: &ExecuteError) {
    for failure in &error.failures {
        match &failure.error {
            StepError::Engine(error) => describe_engine(report, error),
            StepError::Wait(failure) => describe_wait(report, failure),
            StepError::Cancelled => {}
        }
    }
    if error.cancelled && error.failures.is_empty() {
        report.error("interrupted; what was begun stays as it is");
        report.hint("`devstack up` goes on from there, `devstack down` removes it");
    }
}

fn describe_engine(report: &mut Report, error: &EngineError) {
    // Whoever cannot reach the engine does not care which call it was.
    if error.is_unreachable() {
        report.error(&error.kind.to_string());
    } else {
        report.error(&error.to_string());
    }
    if let EngineErrorKind::Build(failure) = &error.kind {
        report.quote(&failure.output);
    }
    let words = error.kind.to_string();
    let log = match &error.kind {
        EngineErrorKind::Build(failure) => failure.output.as_slice(),
        _ => &[],
    };
    let service = error.subject.as_str();
    let symptoms = Symptoms { service, engine_error: &words, log, ..Symptoms::default() };
    if let Some(explanation) = explain(&symptoms) {
        report.note(&explanation.cause);
        report.hint(&explanation.help);
    } else if let Some(hint) = engine_hint(&error.kind) {
        report.hint(hint);
    }
}

pub(super) fn engine_hint(kind: &EngineErrorKind) -> Option<&'static str> {
    Some(match kind {
        EngineErrorKind::Unreachable { endpoint, .. } if endpoint.starts_with("unix:") => {
            "start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is \
             named by DOCKER_HOST or `docker context use`"
        }
        EngineErrorKind::Unreachable { .. } => "check DOCKER_HOST and `docker context ls`",
        EngineErrorKind::PermissionDenied { .. } => {
            "join its group with `sudo usermod -aG docker $USER`, then log in again; `devstack \
             doctor` tells whose it is"
        }
        EngineErrorKind::TooOld { .. } => "update the Docker Engine to 20.10 or newer",
        EngineErrorKind::ImageNotFound => {
            "check the image's name and tag in the file; a private image needs `docker login`"
        }
        EngineErrorKind::RegistryUnreachable(_) => {
            "check network and proxy; the presets' images can be built without a registry by \
             devstack's `scripts/images.sh`"
        }
        EngineErrorKind::RateLimited => "wait, or raise the limit with `docker login`",
        EngineErrorKind::Unauthorized => "log in with `docker login REGISTRY`",
        EngineErrorKind::PortTaken(_) => {
            "stop whoever listens there, or publish another host port in the file"
        }
        EngineErrorKind::NoSpace(_) => "make room: `docker system df` shows where it went",
        EngineErrorKind::TimedOut => "see whether the engine is busy, then try again",
        EngineErrorKind::Conflict(_) => {
            "another command seems to change this project at the same time; run it again when \
             that one is done"
        }
        EngineErrorKind::Build(_) | EngineErrorKind::NotFound(_) | EngineErrorKind::Refused(_) => {
            return None;
        }
    })
}

fn describe_wait(report: &mut Report, failure: &WaitFailure) {
    report.error(&failure.to_string());
    if let WaitFailureReason::Unhealthy { output } = &failure.reason
        && !output.trim().is_empty()
    {
        report.note("its health check printed:");
        report.quote(&output.trim().lines().map(str::to_owned).collect::<Vec<_>>());
    }
    if let Some(state) = &failure.last_probe {
        report.note(&format!("last seen: {state}"));
    }
    let shown = &failure.log[failure.log.len().saturating_sub(SHOWN_LINES)..];
    if !shown.is_empty() {
        report.note(&format!("last lines of {}:", failure.container));
        report.quote(shown);
    }
    let service = &failure.service;
    if let Some(explanation) = explain(&symptoms(failure)) {
        report.note(&explanation.cause);
        report.hint(&explanation.help);
        return;
    }
    let hint = match &failure.reason {
        WaitFailureReason::TimedOut { .. } => format!(
            "`devstack logs {service}` shows what it does; a longer wait is `--wait-timeout SECONDS`"
        ),
        WaitFailureReason::NotStarted { .. } => {
            "mend it and save: it is started again by itself, or by `devstack watch`".to_owned()
        }
        _ => format!("`devstack logs {service}` shows the whole log"),
    };
    report.hint(&hint);
}

/// What is known of a container that did not become ready.
fn symptoms(failure: &WaitFailure) -> Symptoms<'_> {
    let mut symptoms = Symptoms {
        service: failure.service.as_str(),
        probe: failure.last_probe.as_deref(),
        log: &failure.log,
        ..Symptoms::default()
    };
    match &failure.reason {
        WaitFailureReason::Exited { code, oom_killed, error } => {
            symptoms.exit_code = Some(*code);
            symptoms.oom_killed = *oom_killed;
            symptoms.engine_error = error;
        }
        WaitFailureReason::Restarting { code, oom_killed, .. } => {
            symptoms.exit_code = Some(*code);
            symptoms.oom_killed = *oom_killed;
        }
        WaitFailureReason::Unhealthy { .. }
        | WaitFailureReason::TimedOut { .. }
        | WaitFailureReason::NotStarted { .. }
        | WaitFailureReason::Removed => {}
    }
    symptoms
}

pub(super) const fn conflict_hint(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::ContainerName { .. } => "remove that container, or choose another name",
        Conflict::ForeignNetwork { .. } | Conflict::ForeignVolume { .. } => {
            "use it as it is with `external: true`, or choose another `name:`"
        }
        Conflict::MissingExternalNetwork(_) => "make it with `docker network create`",
        Conflict::MissingExternalVolume(_) => "make it with `docker volume create`",
        Conflict::MissingImage { .. } => "pull or build it first, or change that setting",
        Conflict::NetworkOfOrphan { .. } => "remove it with `--remove-orphans`",
        Conflict::NetworkInUse { .. } => "run `devstack up` without naming services",
    }
}

pub(super) fn port_hint(conflict: &PortConflict) -> String {
    let port = conflict.wanted.port;
    match &conflict.owner {
        PortOwner::Container { project: Some(project), .. } => {
            format!("stop it with `devstack -p {project} stop`, or publish another host port")
        }
        PortOwner::Container { name, project: None } => {
            format!("stop it with `docker stop {name}`, or publish another host port")
        }
        PortOwner::Sibling { .. } => {
            "several containers of one service need a range of host ports, or none: `ports: \
             [\"8080-8082:80\"]` or `[\"80\"]`"
                .to_owned()
        }
        PortOwner::Process { pid, .. } => {
            format!("end it with `kill {pid}`, or publish another host port")
        }
        PortOwner::Unknown => {
            format!("`sudo ss -ltnp 'sport = :{port}'` tells who; or publish another host port")
        }
    }
}
