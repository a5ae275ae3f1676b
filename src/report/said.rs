//! When a passing state is worth a line: not when it is over at once, not when it was said
//! already, and never more than one a second for each subject. Pure.

use std::time::Duration;

use indexmap::IndexMap;

use crate::event::Subject;

/// What was said of each subject, and what is to be said when it lasts.
#[derive(Debug, Default)]
pub(crate) struct Said {
    notes: IndexMap<Subject, Note>,
}

#[derive(Debug, Default)]
struct Note {
    said: Option<String>,
    said_at: Option<Duration>,
    pending: Option<(String, Duration)>,
}

/// A state that is over sooner goes unsaid.
const SETTLE: Duration = Duration::from_millis(300);
/// An action that is over sooner has a line for its end only.
const SLOW: Duration = Duration::from_secs(1);
/// The least time between two lines about one subject.
const PAUSE: Duration = Duration::from_secs(1);

impl Said {
    /// Notes the state that the subject is in since `now`.
    pub(crate) fn note(&mut self, subject: &Subject, text: String, now: Duration) {
        let note = self.notes.entry(subject.clone()).or_default();
        if note.said.as_deref() == Some(&text) {
            note.pending = None;
            return;
        }
        let earliest = note.said_at.map_or(now, |at| at + PAUSE);
        // A state that keeps changing is reported all the same, as it is when its time comes.
        let due = note.pending.as_ref().map_or((now + SETTLE).max(earliest), |pending| pending.1);
        note.pending = Some((text, due));
    }

    /// Notes an action that began `now`.
    pub(crate) fn note_action(&mut self, subject: &Subject, text: String, now: Duration) {
        let note = self.notes.entry(subject.clone()).or_default();
        note.said = None;
        note.pending = Some((text, now + SLOW));
    }

    /// Forgets the subject's state, which has passed.
    pub(crate) fn forget(&mut self, subject: &Subject) {
        if let Some(note) = self.notes.get_mut(subject) {
            note.said = None;
            note.pending = None;
        }
    }

    /// Takes what is to be said by now.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<(Subject, String)> {
        let mut due = Vec::new();
        for (subject, note) in &mut self.notes {
            if let Some((text, _)) = note.pending.take_if(|pending| pending.1 <= now) {
                note.said = Some(text.clone());
                note.said_at = Some(now);
                due.push((subject.clone(), text));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `(at, state)` and looks every 50 ms; returns what was said when.
    fn play(script: &[(u64, &str)], until: u64) -> Vec<(u64, String)> {
        let subject = Subject::Network("n".to_owned());
        let mut said = Said::default();
        let mut lines = Vec::new();
        for now in (0..=until).step_by(50) {
            for (at, state) in script.iter().filter(|(at, _)| *at == now) {
                let at = Duration::from_millis(*at);
                match *state {
                    "" => said.forget(&subject),
                    action if action.ends_with("ing") => {
                        said.note_action(&subject, action.to_owned(), at);
                    }
                    state => said.note(&subject, state.to_owned(), at),
                }
            }
            let due = said.due(Duration::from_millis(now));
            lines.extend(due.into_iter().map(|(_, text)| (now, text)));
        }
        lines
    }

    #[test]
    fn only_what_lasts_is_said_and_only_once_a_second() {
        type Case = (&'static str, &'static [(u64, &'static str)], Vec<(u64, String)>);
        let line = |at: u64, text: &str| (at, text.to_owned());
        let cases: [Case; 7] = [
            ("a short state", &[(0, "refused"), (250, "")], vec![]),
            ("a lasting one", &[(0, "refused")], vec![line(300, "refused")]),
            (
                "the same again",
                &[(0, "refused"), (400, "refused"), (1500, "refused")],
                vec![line(300, "refused")],
            ),
            (
                "a quick change",
                &[(0, "refused"), (400, "starting up")],
                vec![line(300, "refused"), line(1300, "starting up")],
            ),
            (
                "a change that is taken back",
                &[(0, "refused"), (400, "starting up"), (800, "refused")],
                vec![line(300, "refused")],
            ),
            ("a quick action", &[(0, "stopping"), (900, "")], vec![]),
            ("a slow action", &[(0, "stopping"), (1100, "")], vec![line(1000, "stopping")]),
        ];
        for (name, script, expected) in cases {
            assert_eq!(play(script, 3000), expected, "{name}");
        }
    }

    #[test]
    fn a_state_that_never_settles_is_still_said() {
        let states: Vec<_> = (0..40).map(|n| format!("{n} of 40")).collect();
        let script: Vec<_> = (0..).step_by(50).zip(states.iter().map(String::as_str)).collect();
        let lines = play(&script, 2000);
        assert_eq!(lines, [(300, "6 of 40".to_owned()), (1300, "26 of 40".to_owned())]);
    }
}
