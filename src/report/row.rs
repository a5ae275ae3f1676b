//! One line of the live display: what its subject does, waits for, or has become. Pure; how it
//! is drawn is [`super::canvas`]'s business.

use std::time::Duration;

use super::build::Build;
use super::pull::{Pull, PullState};
use super::wording;
use crate::event::{Action, Progress};

/// A line of the display and what it remembers.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    label: String,
    /// Steps of the plan that have not ended yet.
    planned: Vec<Action>,
    ended: Vec<(Action, Duration)>,
    /// Why the first step was taken.
    cause: Option<String>,
    /// What it waits for, and since when.
    blocked: Option<(String, Duration)>,
    phase: Phase,
    /// What `phase` [`Phase::Unchanged`] is called.
    unchanged: &'static str,
}

#[derive(Debug, Clone)]
enum Phase {
    Idle,
    Working { action: Action, since: Duration, detail: Detail },
    Done,
    Failed(String),
    Unchanged,
}

#[derive(Debug, Clone)]
enum Detail {
    None,
    Pull(String, Pull),
    Build(Build),
    Probe(String),
}

/// What a row looks like at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RenderedRow {
    /// Its sign.
    pub(crate) mark: Mark,
    /// The name in front; empty for a line that is about several things.
    pub(crate) label: String,
    /// What to say.
    pub(crate) text: String,
    /// How far it is, and that in numbers.
    pub(crate) gauge: Option<(u8, String)>,
    /// How long it has been going on.
    pub(crate) elapsed: Option<Duration>,
}

/// The sign in front of a row, in the order in which rows give way when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// It was as it should be.
    Unchanged,
    /// It is done.
    Done,
    /// It waits for something else.
    Waiting,
    /// The run ended before it did.
    Skipped,
    /// It is at work.
    Working,
    /// It has failed.
    Failed,
    /// It stands for rows that do not fit.
    More,
}

impl Row {
    /// Returns a row that has seen nothing yet.
    pub(crate) fn new(label: String) -> Self {
        Self {
            label,
            planned: Vec::new(),
            ended: Vec::new(),
            cause: None,
            blocked: None,
            phase: Phase::Idle,
            unchanged: "",
        }
    }

    /// Returns a row whose subject already is as it should be, which `word` names.
    pub(crate) fn unchanged(label: String, word: &'static str) -> Self {
        Self { phase: Phase::Unchanged, unchanged: word, ..Self::new(label) }
    }

    /// Adds a step to come.
    pub(crate) fn plan(&mut self, action: Action) {
        self.planned.push(action);
    }

    /// Whether it shows the making of its image, to which its container has nothing to add.
    fn has_image_at_work(&self) -> bool {
        matches!(self.phase, Phase::Working { action: Action::Pull | Action::Build, .. })
    }

    fn is_made_anew(&self) -> bool {
        let removes = |action: &Action| *action == Action::Remove;
        self.planned.iter().any(removes) || self.ended.iter().any(|(action, _)| removes(action))
    }

    /// A step has begun.
    pub(crate) fn start(&mut self, action: Action, cause: &str, now: Duration) {
        self.phase = Phase::Working { action, since: now, detail: Detail::None };
        self.blocked = None;
        if self.cause.is_none() && !cause.is_empty() {
            self.cause = Some(wording::one_line(cause).into_owned());
        }
    }

    /// The pull or build of its image has begun.
    pub(crate) fn start_image(&mut self, action: Action, reference: &str, now: Duration) {
        let detail = match action {
            Action::Build => Detail::Build(Build::default()),
            _ => Detail::Pull(reference.to_owned(), Pull::default()),
        };
        self.phase = Phase::Working { action, since: now, detail };
    }

    /// A step cannot begin yet.
    pub(crate) fn block(&mut self, reason: &str, now: Duration) {
        let since = self.blocked.as_ref().map_or(now, |blocked| blocked.1);
        self.blocked = Some((wording::one_line(reason).into_owned(), since));
        if !self.has_image_at_work() {
            self.phase = Phase::Idle;
        }
    }

    /// A step is under way.
    pub(crate) fn progress(&mut self, progress: &Progress, now: Duration) {
        let Phase::Working { detail, .. } = &mut self.phase else { return };
        match (progress, detail) {
            (Progress::Layer { id, status, current, total }, Detail::Pull(_, pull)) => {
                pull.update(id, status, *current, *total);
            }
            (Progress::BuildStep { number, name, state }, Detail::Build(build)) => {
                build.update(*number, name, *state, now);
            }
            (Progress::Probe { state }, detail @ (Detail::None | Detail::Probe(_))) => {
                *detail = Detail::Probe(wording::one_line(state).into_owned());
            }
            _ => {}
        }
    }

    /// A step has ended well.
    pub(crate) fn finish(&mut self, action: Action, elapsed: Duration) {
        // Who was waited for until ready may have finished instead.
        let ends = |planned: &Action| {
            *planned == action || (*planned, action) == (Action::Await, Action::Complete)
        };
        if let Some(place) = self.planned.iter().position(ends) {
            self.planned.remove(place);
        }
        self.ended.push((action, elapsed));
        self.phase = if self.planned.is_empty() { Phase::Done } else { Phase::Idle };
    }

    /// The image that it needs has been made.
    pub(crate) fn finish_image(&mut self, action: Action, elapsed: Duration) {
        if !matches!(self.phase, Phase::Idle) && !self.has_image_at_work() {
            return;
        }
        if self.planned.contains(&action) {
            // Nothing but the image was asked for.
            self.blocked = None;
            self.finish(action, elapsed);
        } else if self.planned.is_empty() && !self.unchanged.is_empty() {
            self.phase = Phase::Unchanged;
        } else {
            if !self.has_image_at_work() {
                self.blocked = None;
            }
            self.phase = Phase::Idle;
        }
    }

    /// A step has failed.
    pub(crate) fn fail(&mut self, reason: &str) {
        self.phase = Phase::Failed(wording::one_line(reason).into_owned());
    }

    /// Renders the row as it is now.
    pub(crate) fn render(&self, now: Duration) -> RenderedRow {
        let row = |mark, text| RenderedRow {
            mark,
            label: self.label.clone(),
            text,
            gauge: None,
            elapsed: None,
        };
        match &self.phase {
            Phase::Idle => match (&self.blocked, self.ended.last()) {
                (Some((reason, since)), _) => RenderedRow {
                    elapsed: Some(now.saturating_sub(*since)),
                    ..row(Mark::Waiting, reason.clone())
                },
                (None, Some((action, _))) => row(Mark::Waiting, wording::done(*action).to_owned()),
                (None, None) => row(Mark::Waiting, "queued".to_owned()),
            },
            Phase::Working { action, since, detail } => {
                let (text, gauge, since) = self.describe(*action, *since, detail);
                let elapsed = Some(now.saturating_sub(since));
                RenderedRow { gauge, elapsed, ..row(Mark::Working, text) }
            }
            Phase::Done => row(Mark::Done, wording::outcome(&self.ended, self.cause.as_deref())),
            Phase::Failed(reason) => row(Mark::Failed, reason.clone()),
            Phase::Unchanged => row(Mark::Unchanged, self.unchanged.to_owned()),
        }
    }

    /// Renders the row as it remains after the run.
    pub(crate) fn render_final(&self) -> RenderedRow {
        let mut row = self.render(Duration::ZERO);
        row.elapsed = None;
        row.gauge = None;
        if matches!(row.mark, Mark::Waiting | Mark::Working) {
            row.mark = Mark::Skipped;
            // A door that opens is an inner step of a start.
            let is_told = |action: &Action| *action != Action::Release;
            let last = self.ended.iter().rfind(|(action, _)| is_told(action));
            let next = self.planned.iter().find(|action| is_told(action));
            let reached = match (last, next) {
                (None, _) if self.planned.contains(&Action::Start) => "not started".to_owned(),
                (None, Some(next)) => format!("not {}", wording::done(*next)),
                (Some((last, _)), Some(next)) => {
                    format!("{}, not {}", wording::done(*last), wording::done(*next))
                }
                (Some((last, _)), None) => wording::done(*last).to_owned(),
                (None, None) => "not done".to_owned(),
            };
            row.text = match &self.blocked {
                Some((reason, _)) => format!("{reached}, was {reason}"),
                None => reached,
            };
        }
        row
    }

    fn describe(
        &self,
        action: Action,
        since: Duration,
        detail: &Detail,
    ) -> (String, Option<(u8, String)>, Duration) {
        let doing = wording::doing(action);
        match detail {
            Detail::None => {
                // Why there has to be one is plain; why there has to be another is not.
                let anew = action == Action::Create && self.is_made_anew();
                let cause = self.cause.as_deref().filter(|_| anew);
                let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
                (format!("{doing}{cause}"), None, since)
            }
            Detail::Pull(reference, pull) => match pull.state() {
                PullState::Beginning => (format!("{doing} {reference}"), None, since),
                PullState::Downloading { percent, amount } => {
                    (format!("{doing} {reference}"), Some((percent, amount)), since)
                }
                PullState::Unpacking { done, of } => {
                    (format!("unpacking {reference}, {done} of {of} layers"), None, since)
                }
            },
            Detail::Build(build) => match build.current() {
                Some(step) => (step.name.clone(), None, step.since),
                None => (doing.to_owned(), None, since),
            },
            Detail::Probe(state) => (wording::not_yet(action, state), None, since),
        }
    }
}
