//! Progress for programs: one JSON object for each event, each on a line of its own.
//!
//! Every object has `time` (RFC 3339), `elapsed_ms` (since the run began) and `type`:
//!
//! - `"plan"`: `steps`, an array of `{"kind", "id", "service"?, "services"?, "action"}`, and
//!   `unchanged`, the same without `action`.
//! - `"step"`: `kind` (`container`, `hook`, `image`, `network`, `volume`), `id` (the engine's name; of
//!   a `pre_start` hook that of its own container), `service` for a container or a hook, or `services`
//!   for an image, `action` (`pull`, `build`, `create`,
//!   `rename`, `start`, `await`, `complete`, `stop`, `kill`, `restart`, `remove`; absent when blocked), and
//!   `status`:
//!   - `"started"`, with `reason`: why the step is taken.
//!   - `"blocked"`, with `reason`: what the step waits for.
//!   - `"progress"`, with one of `layer` (`{"id", "state", "current", "total"}`, bytes, `total`
//!     absent when unknown), `build` (`{"step", "name", "state", "elapsed_ms"?}`, where `state` is
//!     `running`, `cached`, `done` or `failed`), `output` (`{"step", "line"}`), `probe`
//!     (`{"state"}`) and `listening` (`true`: the service itself has taken a connection).
//!   - `"finished"`, with `step_elapsed_ms`.
//!   - `"failed"`, with `reason`.
//! - `"warning"`: `text`.
//! - `"cancelling"`.
//! - `"timings"`, at the end and when it is asked for: `advice` (a sentence, or null), and `spans`,
//!   an array of `{"kind", "id", "service"?, "services"?, "action", "begun_ms", "ended_ms",
//!   "critical", "failed"}`, times since the command began.
//!
//! Fields may be added; these keep their names and meanings.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::gantt::advice_line;
use super::reporter::Reporter;
use super::wording;
use crate::event::{Action, BuildStepState, Event, Progress, Subject};
use crate::project::ServiceName;
use crate::timing::{Recording, What, spans};

/// Writes objects to `W`.
#[derive(Debug)]
pub(crate) struct Json<W> {
    out: W,
    started: OffsetDateTime,
}

impl<W: Write + Send> Json<W> {
    /// Returns a reporter of a run that began at `started`.
    pub(crate) fn new(out: W, started: OffsetDateTime) -> Self {
        Self { out, started }
    }
}

impl<W: Write + Send> Reporter for Json<W> {
    fn report(&mut self, event: &Event, now: Duration) {
        let time = (self.started + now).format(&Rfc3339).unwrap_or_default();
        let object = Object { time, elapsed_ms: millis(now), event: event.into() };
        // Whole lines: another writer's cannot fall between the parts of one.
        if let Ok(mut line) = serde_json::to_string(&object) {
            line.push('\n');
            let _ = self.out.write_all(line.as_bytes());
            let _ = self.out.flush();
        }
    }

    fn finish(self: Box<Self>, _: Duration) {}
}

#[derive(Serialize)]
struct Object<'a> {
    time: String,
    elapsed_ms: u64,
    #[serde(flatten)]
    event: WireEvent<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireEvent<'a> {
    Plan { steps: Vec<WireStep<'a>>, unchanged: Vec<WireSubject<'a>> },
    Step(WireStep<'a>),
    Warning { text: &'a str },
    Cancelling,
    Timings { advice: Option<String>, spans: Vec<WireSpan<'a>> },
}

#[derive(Serialize)]
struct WireSpan<'a> {
    #[serde(flatten)]
    subject: WireSubject<'a>,
    action: &'static str,
    begun_ms: u64,
    ended_ms: u64,
    critical: bool,
    failed: bool,
}

#[derive(Serialize)]
struct WireStep<'a> {
    #[serde(flatten)]
    subject: WireSubject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(flatten)]
    status: Option<WireStatus<'a>>,
}

#[derive(Serialize)]
struct WireSubject<'a> {
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a ServiceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<&'a [ServiceName]>,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum WireStatus<'a> {
    Started {
        reason: &'a str,
    },
    Blocked {
        reason: &'a str,
    },
    Progress {
        #[serde(flatten)]
        progress: WireProgress<'a>,
    },
    Finished {
        step_elapsed_ms: u64,
    },
    Failed {
        reason: &'a str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WireProgress<'a> {
    Layer {
        id: &'a str,
        state: &'a str,
        current: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
    Build {
        step: usize,
        name: &'a str,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        elapsed_ms: Option<u64>,
    },
    Output {
        step: usize,
        line: &'a str,
    },
    Listening(bool),
    Probe {
        state: &'a str,
    },
}

impl<'a> From<&'a Event> for WireEvent<'a> {
    fn from(event: &'a Event) -> Self {
        let step = |subject: &'a Subject, action: Option<&Action>, status| {
            let action = action.copied().map(wording::verb);
            Self::Step(WireStep { subject: subject.into(), action, status: Some(status) })
        };
        match event {
            Event::Planned { steps, unchanged, .. } => Self::Plan {
                steps: steps
                    .iter()
                    .map(|(subject, action)| WireStep {
                        subject: subject.into(),
                        action: Some(wording::verb(*action)),
                        status: None,
                    })
                    .collect(),
                unchanged: unchanged.iter().map(WireSubject::from).collect(),
            },
            Event::Started { subject, action, cause } => {
                step(subject, Some(action), WireStatus::Started { reason: cause })
            }
            Event::Blocked { subject, reason } => {
                step(subject, None, WireStatus::Blocked { reason })
            }
            Event::Progress { subject, action, progress } => {
                let progress = progress.into();
                step(subject, Some(action), WireStatus::Progress { progress })
            }
            Event::Finished { subject, action, elapsed } => {
                let step_elapsed_ms = millis(*elapsed);
                step(subject, Some(action), WireStatus::Finished { step_elapsed_ms })
            }
            Event::Failed { subject, action, reason } => {
                step(subject, Some(action), WireStatus::Failed { reason })
            }
            Event::Warning(text) => Self::Warning { text },
            Event::Cancelling => Self::Cancelling,
        }
    }
}

/// Renders what a command that began at `started` and took `total` was like, as one object on a
/// line.
#[must_use]
pub fn timings_object(recording: &Recording, started: OffsetDateTime, total: Duration) -> String {
    let spans = spans(recording);
    let steps = spans.iter().filter_map(|span| {
        let What::Step(action) = span.what else { return None };
        Some(WireSpan {
            subject: (&span.subject).into(),
            action: wording::verb(action),
            begun_ms: millis(span.begun),
            ended_ms: millis(span.ended),
            critical: span.critical,
            failed: span.failed,
        })
    });
    let event = WireEvent::Timings { advice: advice_line(recording), spans: steps.collect() };
    let time = (started + total).format(&Rfc3339).unwrap_or_default();
    serde_json::to_string(&Object { time, elapsed_ms: millis(total), event }).unwrap_or_default()
}

impl<'a> From<&'a Subject> for WireSubject<'a> {
    fn from(subject: &'a Subject) -> Self {
        let plain = |kind, id| Self { kind, id, service: None, services: None };
        match subject {
            Subject::Container { service, name } => {
                Self { service: Some(service), ..plain("container", name) }
            }
            Subject::Hook { service, name, .. } => {
                Self { service: Some(service), ..plain("hook", name) }
            }
            Subject::Image { reference, services } => {
                Self { services: Some(services), ..plain("image", reference) }
            }
            Subject::Network(name) => plain("network", name),
            Subject::Volume(name) => plain("volume", name),
        }
    }
}

impl<'a> From<&'a Progress> for WireProgress<'a> {
    fn from(progress: &'a Progress) -> Self {
        match progress {
            Progress::Layer { id, status, current, total } => Self::Layer {
                id,
                state: status,
                current: *current,
                total: (*total > 0).then_some(*total),
            },
            Progress::BuildStep { number, name, state } => {
                let (state, elapsed) = match state {
                    BuildStepState::Running => ("running", None),
                    BuildStepState::Cached => ("cached", None),
                    BuildStepState::Done(elapsed) => ("done", Some(millis(*elapsed))),
                    BuildStepState::Failed => ("failed", None),
                };
                Self::Build { step: *number, name, state, elapsed_ms: elapsed }
            }
            Progress::BuildOutput { number, line } => Self::Output { step: *number, line },
            Progress::Listening => Self::Listening(true),
            Progress::Probe { state } => Self::Probe { state },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
