//! The one line that stands for everything that is no container: networks, volumes and the
//! images that are removed. They take milliseconds; a line each would only be noise. Pure.

use std::time::Duration;

use indexmap::IndexMap;

use super::row::{Mark, RenderedRow};
use super::wording;
use crate::event::{Action, Subject};

/// The steps about networks, volumes and removed images.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resources {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    subject: Subject,
    action: Action,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Planned,
    Working(Duration),
    Done,
    Failed(String),
}

impl Resources {
    /// Adds a step to come.
    pub(crate) fn plan(&mut self, subject: &Subject, action: Action) {
        self.steps.push(Step { subject: subject.clone(), action, state: State::Planned });
    }

    /// A step has begun.
    pub(crate) fn start(&mut self, subject: &Subject, action: Action, now: Duration) {
        self.set(subject, action, State::Working(now));
    }

    /// A step has ended well.
    pub(crate) fn finish(&mut self, subject: &Subject, action: Action) {
        self.set(subject, action, State::Done);
    }

    /// A step has failed.
    pub(crate) fn fail(&mut self, subject: &Subject, action: Action, reason: &str) {
        self.set(subject, action, State::Failed(wording::one_line(reason).into_owned()));
    }

    fn set(&mut self, subject: &Subject, action: Action, state: State) {
        let same = |step: &&mut Step| step.subject == *subject && step.action == action;
        match self.steps.iter_mut().find(same) {
            Some(step) => step.state = state,
            None => self.steps.push(Step { subject: subject.clone(), action, state }),
        }
    }

    /// Renders the line as it is now.
    pub(crate) fn render(&self, now: Duration) -> RenderedRow {
        let row = |mark, text, elapsed| RenderedRow {
            mark,
            label: String::new(),
            text,
            gauge: None,
            elapsed,
        };
        if let Some((step, reason)) = self.failed() {
            return row(Mark::Failed, format!("{}: {reason}", step.subject), None);
        }
        let working = self.steps.iter().find_map(|step| match step.state {
            State::Working(since) => Some((step, since)),
            _ => None,
        });
        if let Some((step, since)) = working {
            let text = format!("{} {}", wording::doing(step.action), step.subject);
            return row(Mark::Working, text, Some(now.saturating_sub(since)));
        }
        if self.steps.iter().all(|step| step.state == State::Done) {
            return row(Mark::Done, self.summary(), None);
        }
        row(Mark::Waiting, kinds(&self.steps.iter().collect::<Vec<_>>()), None)
    }

    /// Renders the line as it remains after the run.
    pub(crate) fn render_final(&self) -> RenderedRow {
        let mut row = self.render(Duration::ZERO);
        row.elapsed = None;
        if matches!(row.mark, Mark::Waiting | Mark::Working) {
            row.mark = Mark::Skipped;
            row.text = self.summary();
        }
        row
    }

    fn failed(&self) -> Option<(&Step, &str)> {
        self.steps.iter().find_map(|step| match &step.state {
            State::Failed(reason) => Some((step, reason.as_str())),
            _ => None,
        })
    }

    /// What was and was not done, by action: `2 networks, 4 volumes created; 1 image not removed`.
    fn summary(&self) -> String {
        let mut groups: IndexMap<(Action, bool), Vec<&Step>> = IndexMap::new();
        for step in &self.steps {
            groups.entry((step.action, step.state == State::Done)).or_default().push(step);
        }
        let texts: Vec<_> = groups
            .into_iter()
            .map(|((action, is_done), steps)| {
                let what = match steps.as_slice() {
                    [only] => only.subject.to_string(),
                    steps => kinds(steps),
                };
                let not = if is_done { "" } else { "not " };
                format!("{what} {not}{}", wording::done(action))
            })
            .collect();
        texts.join("; ")
    }
}

/// Whether the step belongs to that line: all but containers and the images made for them.
pub(crate) fn is_resource(subject: &Subject, action: Action) -> bool {
    match subject {
        Subject::Network(_) | Subject::Volume(_) => true,
        Subject::Image { .. } => !matches!(action, Action::Pull | Action::Build),
        Subject::Container { .. } | Subject::Hook { .. } => false,
    }
}

fn kinds(steps: &[&Step]) -> String {
    let of = |thing: &str, is: fn(&Subject) -> bool| match steps
        .iter()
        .filter(|step| is(&step.subject))
        .count()
    {
        0 => String::new(),
        n => wording::count(n, thing),
    };
    wording::list([
        of("network", |subject| matches!(subject, Subject::Network(_))),
        of("volume", |subject| matches!(subject, Subject::Volume(_))),
        of("image", |subject| matches!(subject, Subject::Image { .. })),
    ])
}
