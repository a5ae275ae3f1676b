//! A recording as stretches of time, for pictures of it.

use std::time::Duration;

use super::critical::{critical_path, waited};
use super::recording::{Mark, PartKind, Recording, Step};
use crate::event::{Action, Subject};

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// About what.
    pub subject: Subject,
    /// What went on.
    pub what: What,
    /// When it began, since the command began.
    pub begun: Duration,
    /// When it ended.
    pub ended: Duration,
    /// Whether the command would have been over sooner without it.
    pub critical: bool,
    /// Whether it failed or was cut short.
    pub failed: bool,
    /// Why it was done, in a few words; empty where that goes without saying.
    pub cause: String,
}

/// What went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A step.
    Step(Action),
    /// Nothing: other containers were not ready.
    Waiting,
    /// A part of a pull or a build. Parts may overlap.
    Part(PartKind),
    /// A part of a boot: until this became visible, or, without a mark, until it was ready. They
    /// follow each other.
    Boot(Option<Mark>),
}

/// All stretches in the order of their steps; parts follow the step that they belong to.
#[must_use]
pub fn spans(recording: &Recording) -> Vec<Span> {
    let path = critical_path(recording);
    let mut spans = Vec::new();
    for (place, step) in recording.steps().iter().enumerate() {
        let (Some(begun), Some(ended)) = (step.begun, step.ended) else { continue };
        let span = |what: What, begun: Duration, ended: Duration| Span {
            subject: step.subject.clone(),
            what,
            begun,
            ended,
            critical: path.contains(&place),
            failed: false,
            cause: String::new(),
        };
        if let Some(waited) = waited(recording, step) {
            // It is the others that made the command last.
            let waiting = span(What::Waiting, begun.saturating_sub(waited), begun);
            spans.push(Span { critical: false, ..waiting });
        }
        spans.push(Span {
            failed: step.failed,
            cause: step.cause.clone(),
            ..span(What::Step(step.action), begun, ended)
        });
        for part in &step.parts {
            let ended = part.ended.min(ended);
            spans.push(span(What::Part(part.kind.clone()), part.begun.min(ended), ended));
        }
        for (mark, begun, ended) in boot(step, begun, ended) {
            spans.push(span(What::Boot(mark), begun, ended));
        }
    }
    spans
}

/// Cuts a wait where something became visible of its container.
fn boot(step: &Step, begun: Duration, ended: Duration) -> Vec<(Option<Mark>, Duration, Duration)> {
    if step.marks.is_empty() {
        return Vec::new();
    }
    let mut marks = step.marks.clone();
    marks.sort_by_key(|(mark, at)| (*at, *mark));
    let mut parts = Vec::new();
    let mut from = begun;
    for (mark, at) in marks {
        let at = at.clamp(from, ended);
        parts.push((Some(mark), from, at));
        from = at;
    }
    parts.push((None, from, ended));
    parts
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;

    #[test]
    fn a_recording_is_cut_into_stretches() {
        let mut recording = stack();
        recording.first_line("shop-mq-1", ms(100));
        // A line that came before the start was over.
        recording.first_line("shop-api-1", ms(0));
        let lines: Vec<String> = spans(&recording)
            .iter()
            .map(|span| {
                let (begun, ended) = (span.begun.as_millis(), span.ended.as_millis());
                let critical = if span.critical { " critical" } else { "" };
                format!("{begun}-{ended} {} {:?}{critical}", span.subject, span.what)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        20-100 network shop_data Step(Create) critical
        100-140 container shop-db-1 Step(Create)
        140-240 container shop-db-1 Step(Start)
        240-1100 container shop-db-1 Step(Await)
        100-150 container shop-mq-1 Step(Create) critical
        150-250 container shop-mq-1 Step(Start) critical
        250-3950 container shop-mq-1 Step(Await) critical
        250-350 container shop-mq-1 Boot(Some(FirstLine)) critical
        350-3600 container shop-mq-1 Boot(Some(PortOpen)) critical
        3600-3950 container shop-mq-1 Boot(None) critical
        100-160 container shop-api-1 Step(Create)
        160-3950 container shop-api-1 Waiting
        3950-4050 container shop-api-1 Step(Start) critical
        4050-5550 container shop-api-1 Step(Await) critical
        4050-4050 container shop-api-1 Boot(Some(FirstLine)) critical
        4050-5550 container shop-api-1 Boot(None) critical
        ");
    }
}
