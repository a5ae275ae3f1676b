//! Where the time of a command went: `--trace`, `--timings`, and the line that
//! `devstack timings` later reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::context::Context;
use super::error::CliError;
use crate::engine::{DockerEngine, Engine as _, LogsRequest};
use crate::event::{Action, Event, Subject};
use crate::os::cache::Cache;
use crate::os::files;
use crate::plan::{Operation, Plan};
use crate::project::{ProjectName, ServiceName};
use crate::report::{ProgressMode, gantt, timings_object, trace};
use crate::state::{ContainerId, labels};
use crate::timing::{History, Recording, Run};

/// Longest time to ask containers for the first lines of their logs.
const ASKING: Duration = Duration::from_secs(2);

/// Arguments of commands that say where their time went.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TimingArgs {
    /// Draw where the time went
    #[arg(long)]
    timings: bool,
    /// Write a trace for Perfetto (ui.perfetto.dev) or chrome://tracing
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Records the runs of a command.
#[derive(Debug)]
pub(super) struct Clock(Mutex<Lap>);

#[derive(Debug)]
struct Lap {
    begun: Instant,
    at: OffsetDateTime,
    recording: Recording,
}

impl Clock {
    /// Begins now.
    pub(super) fn start() -> Self {
        Self(Mutex::new(Lap::start()))
    }

    /// Begins anew: what was recorded is forgotten.
    pub(super) fn restart(&self) {
        self.take();
    }

    /// Takes in an event that has just come.
    pub(super) fn record(&self, event: &Event) {
        let mut lap = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = lap.begun.elapsed();
        lap.recording.record(event, now);
    }

    /// What was recorded so far, and how long that took; a new recording begins.
    fn take(&self) -> (Lap, Duration) {
        let mut lap = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lap = std::mem::replace(&mut *lap, Lap::start());
        let total = lap.begun.elapsed();
        lap.recording.cut(total);
        (lap, total)
    }
}

impl Lap {
    fn start() -> Self {
        let (begun, at) = (Instant::now(), OffsetDateTime::now_utc());
        Self { begun, at, recording: Recording::default() }
    }
}

impl TimingArgs {
    /// Finds out before anything is done whether the trace can be written.
    pub(super) fn prepare(&self, cx: &Context) -> Result<(), CliError> {
        match &self.trace {
            Some(path) if !cx.global.dry_run => write(path, ""),
            _ => Ok(()),
        }
    }

    /// Says where the time of the command went, as far as that was asked for, and remembers it for
    /// `devstack timings`.
    pub(super) async fn conclude(
        &self,
        cx: &Context,
        engine: &DockerEngine,
        project: &ProjectName,
        command: &str,
    ) -> Result<(), CliError> {
        if cx.global.dry_run {
            return Ok(());
        }
        let (Lap { at, mut recording, .. }, total) = cx.clock.take();
        if let Some(run) = Run::of(&recording, command, at.unix_timestamp(), total) {
            remember(cx, project, run);
        }
        if !self.timings && self.trace.is_none() {
            return Ok(());
        }
        first_lines(engine, &mut recording).await;
        if self.timings && cx.progress() == ProgressMode::Json {
            cx.note(&timings_object(&recording, at, total));
        } else if self.timings && !recording.is_empty() {
            cx.note(&gantt(&recording, total, cx.width(), cx.stderr_colour()));
        }
        match &self.trace {
            Some(path) => write(path, &trace(&recording, command, total)),
            None => Ok(()),
        }
    }
}

/// Where the history of earlier runs is.
pub(super) fn cache(cx: &Context) -> Option<Cache> {
    Cache::find("timings", cx.variable("XDG_CACHE_HOME"), std::env::home_dir().as_deref())
}

/// The file of a project's history.
pub(super) fn history_file(project: &ProjectName) -> String {
    format!("{project}.jsonl")
}

/// How long the services that a plan brings up took in earlier runs.
pub(super) fn usual_boots(cx: &Context, plan: &Plan) -> HashMap<ServiceName, Duration> {
    let mut awaited = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::AwaitContainer { spec, .. } => spec.labels.get(labels::PROJECT),
        _ => None,
    });
    let project = awaited.next().and_then(|project| project.parse().ok());
    let (Some(project), Some(cache)) = (project, cache(cx)) else { return HashMap::new() };
    let text = cache.read(&history_file(&project)).unwrap_or_default();
    let usual = History::parse(&text).usual().into_iter();
    usual
        .filter_map(|it| Some((it.service.parse().ok()?, Duration::from_millis(it.median_ms))))
        .collect()
}

fn remember(cx: &Context, project: &ProjectName, run: Run) {
    let Some(cache) = cache(cx) else { return };
    let file = history_file(project);
    let mut history = History::parse(&cache.read(&file).unwrap_or_default());
    history.push(run);
    // A machine whose cache folder cannot be written to has no history: nothing depends on it.
    let _ = cache.replace(&file, &history.to_text());
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    files::write_text(path, text).map_err(|error| {
        CliError::other(
            format!("cannot write the trace to {}: {error}", path.display()),
            "name another file after `--trace`",
        )
    })
}

/// Asks the containers that were started for the first lines of their logs.
async fn first_lines(engine: &DockerEngine, recording: &mut Recording) {
    let started: Vec<String> = recording
        .steps()
        .iter()
        .filter(|step| matches!(step.action, Action::Start | Action::Restart))
        .filter_map(|step| match &step.subject {
            Subject::Container { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect();
    if started.is_empty() {
        return;
    }
    let asking = async {
        let observed = engine.observe_containers().await.ok()?;
        let asked =
            observed.containers.iter().filter(|container| started.contains(&container.name)).map(
                async |container| Some((&container.name, first_line(engine, &container.id).await?)),
            );
        let lines: Vec<(String, Duration)> = join_all(asked)
            .await
            .into_iter()
            .flatten()
            .map(|(name, later)| (name.clone(), later))
            .collect();
        Some(lines)
    };
    // A trace without them is still a trace.
    if let Ok(Some(lines)) = tokio::time::timeout(ASKING, asking).await {
        for (container, later) in lines {
            recording.first_line(&container, later);
        }
    }
}

/// How long after its start a container wrote its first line.
async fn first_line(engine: &DockerEngine, id: &ContainerId) -> Option<Duration> {
    let facts = engine.inspect_container(id).await.ok()?;
    let started = OffsetDateTime::parse(&facts.started_at, &Rfc3339).ok()?;
    let request = LogsRequest { since: Some(started.unix_timestamp()), ..LogsRequest::default() };
    let mut log = engine.logs(id, &request);
    while let Some(chunk) = log.next().await {
        let bytes = chunk.ok()?.bytes;
        let stamp = bytes.split(|byte| *byte == b' ').next()?;
        let at = OffsetDateTime::parse(std::str::from_utf8(stamp).ok()?, &Rfc3339).ok()?;
        // The second of the start may hold lines of the run before.
        if at >= started {
            return (at - started).try_into().ok();
        }
    }
    None
}
