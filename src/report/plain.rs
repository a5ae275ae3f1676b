//! Progress without a live terminal: one line for each change of state, and nothing that only
//! moves. No control characters.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::time::Duration;

use indexmap::IndexMap;

use super::build_lines::BuildLines;
use super::colour::{Paint, Tone};
use super::label::Labels;
use super::pull::Pull;
use super::reporter::{Reporter, warning};
use super::resources::is_resource;
use super::said::Said;
use super::wording;
use crate::event::{Action, Event, Progress, Subject};
use crate::plan::Cause;
use crate::project::ServiceName;

/// Writes lines to `W`.
#[derive(Debug)]
pub(crate) struct Plain<W> {
    out: W,
    paint: Paint,
    labels: Labels,
    width: usize,
    said: Said,
    /// The cause of each subject's first step, until it is told.
    causes: HashMap<Subject, String>,
    caused: HashSet<Subject>,
    pulls: HashMap<Subject, Pull>,
    builds: IndexMap<Subject, BuildLines>,
}

/// Longer names are not worth pushing everything else to the right.
const LONGEST_LABEL: usize = 24;

impl<W: Write + Send> Plain<W> {
    /// Returns a reporter that has written nothing.
    pub(crate) fn new(out: W, paint: Paint) -> Self {
        Self {
            out,
            paint,
            labels: Labels::default(),
            width: 0,
            said: Said::default(),
            causes: HashMap::new(),
            caused: HashSet::new(),
            pulls: HashMap::new(),
            builds: IndexMap::new(),
        }
    }

    fn planned(&mut self, steps: &[(Subject, Action)], unchanged: &[Subject]) {
        let subjects = || steps.iter().map(|(subject, _)| subject);
        self.labels = Labels::of(unchanged.iter().chain(subjects()));
        let images = subjects().filter_map(|subject| match subject {
            Subject::Image { services, .. } => services.first().map(ServiceName::as_str),
            _ => None,
        });
        let names = self.labels.iter().chain(images);
        self.width = names.map(str::len).max().unwrap_or(0).min(LONGEST_LABEL);
        self.causes.clear();
        self.caused.clear();
        if steps.is_empty() && !unchanged.is_empty() {
            let text = wording::nothing_to_do(unchanged.len());
            let _ = writeln!(self.out, "{text}");
        }
    }

    fn started(&mut self, subject: &Subject, action: Action, cause: &str, now: Duration) {
        // That somebody asked for it is known to whoever did.
        if !cause.is_empty()
            && cause != Cause::Requested.to_string()
            && self.caused.insert(subject.clone())
        {
            self.causes.insert(subject.clone(), wording::one_line(cause).into_owned());
        }
        if let Subject::Hook { number, .. } = subject {
            if action == Action::Complete {
                self.said.note_action(subject, wording::of_hook(*number, "runs"), now);
            }
        } else if let (Subject::Image { reference, .. }, Action::Pull | Action::Build) =
            (subject, action)
        {
            self.line(subject, &format!("{} {reference}", wording::doing(action)));
        } else if is_resource(subject, action)
            || matches!(action, Action::Await | Action::Complete | Action::Rename)
        {
            // A wait is told by what its probe finds, the others end at once.
            self.said.forget(subject);
        } else {
            self.said.note_action(subject, wording::doing(action).to_owned(), now);
        }
    }

    fn progress(&mut self, subject: &Subject, action: Action, progress: &Progress, now: Duration) {
        match progress {
            Progress::Probe { state } => {
                let state = wording::not_yet(action, &wording::one_line(state));
                self.said.note(subject, state, now);
            }
            // What the step that fails has printed is told with why it failed.
            Progress::Listening | Progress::BuildOutput { .. } => {}
            Progress::Layer { id, status, current, total } => {
                let pull = self.pulls.entry(subject.clone()).or_default();
                pull.update(id, status, *current, *total);
            }
            Progress::BuildStep { number, name, state } => {
                let build = self.builds.entry(subject.clone()).or_default();
                let lines = build.step(*number, name, *state, now);
                self.lines(subject, &lines);
            }
        }
    }

    fn finished(&mut self, subject: &Subject, action: Action, elapsed: Duration) {
        self.said.forget(subject);
        self.end_build(subject);
        if matches!(action, Action::Rename | Action::Release) {
            // An inner step of making or starting a container, of no interest to anybody.
            return;
        }
        if let Subject::Hook { number, .. } = subject {
            if action == Action::Complete {
                let what = format!("finished ({})", wording::duration(elapsed));
                self.line(subject, &wording::of_hook(*number, &what));
            }
            return;
        }
        let mut what = wording::done(action).to_owned();
        if is_resource(subject, action) {
            let _ = writeln!(self.out, "{subject} {what}");
            return;
        }
        let mut details = Vec::new();
        if let Subject::Image { reference, .. } = subject {
            what = format!("{what} {reference}");
            details.push(wording::duration(elapsed));
            let bytes = self.pulls.remove(subject).map_or(0, |pull| pull.downloaded());
            if bytes > 0 {
                details.push(wording::bytes(bytes));
            }
        } else {
            details.extend(self.causes.remove(subject));
            if matches!(action, Action::Await | Action::Complete)
                || elapsed >= Duration::from_secs(1)
            {
                details.push(wording::duration(elapsed));
            }
        }
        if !details.is_empty() {
            what = format!("{what} ({})", details.join(", "));
        }
        self.line(subject, &what);
    }

    /// Says that it failed. Why is told once, with all that is known, when the run has ended.
    fn failed(&mut self, subject: &Subject, action: Action) {
        self.said.forget(subject);
        self.end_build(subject);
        let text = wording::failed(action);
        if is_resource(subject, action) {
            let _ = writeln!(self.out, "{text} {subject}");
            return;
        }
        let text = match subject {
            Subject::Hook { number, .. } => wording::of_hook(*number, &text),
            _ => text,
        };
        let text = self.paint.apply(Tone::Bad, &text);
        self.line(subject, &text);
    }

    fn end_build(&mut self, subject: &Subject) {
        if let Some(build) = self.builds.shift_remove(subject) {
            self.lines(subject, &build.finish());
        }
    }

    /// Says what has lasted long enough to be worth a line.
    fn say_due(&mut self, now: Duration) {
        let mut due = self.said.due(now);
        for (subject, build) in &mut self.builds {
            due.extend(build.slow(now).into_iter().map(|line| (subject.clone(), line)));
        }
        for (subject, text) in due {
            self.line(&subject, &text);
        }
    }

    fn lines(&mut self, subject: &Subject, texts: &[String]) {
        for text in texts {
            self.line(subject, text);
        }
    }

    fn line(&mut self, subject: &Subject, text: &str) {
        let label = match subject {
            Subject::Container { service, name: container }
            | Subject::Hook { service, container, .. } => self.labels.get(service, container),
            Subject::Image { services, .. } if !services.is_empty() => services[0].as_str(),
            _ => {
                let _ = writeln!(self.out, "{subject} {text}");
                return;
            }
        };
        let gap = self.width.saturating_sub(label.len());
        let label = self.paint.apply(Tone::Strong, label);
        let _ = writeln!(self.out, "{label}{:gap$}  {text}", "");
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn report(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Planned { steps, unchanged, .. } => self.planned(steps, unchanged),
            Event::Started { subject, action, cause } => self.started(subject, *action, cause, now),
            Event::Blocked { subject, reason } => {
                let reason = wording::one_line(reason).into_owned();
                self.said.note(subject, reason, now);
            }
            Event::Progress { subject, action, progress } => {
                self.progress(subject, *action, progress, now);
            }
            Event::Finished { subject, action, elapsed } => {
                self.finished(subject, *action, *elapsed);
            }
            Event::Failed { subject, action, .. } => self.failed(subject, *action),
            Event::Warning(text) => {
                let _ = writeln!(self.out, "{}", warning(self.paint, text));
            }
            Event::Cancelling => {
                let _ = writeln!(self.out, "cancelling, waiting for what has begun");
            }
        }
        self.say_due(now);
        let _ = self.out.flush();
    }

    fn tick(&mut self, now: Duration) {
        self.say_due(now);
        let _ = self.out.flush();
    }

    fn finish(mut self: Box<Self>, _: Duration) {
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests;
