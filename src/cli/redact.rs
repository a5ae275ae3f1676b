//! Hides the project's secrets in text that comes from elsewhere.

use crate::config::redact::{is_secret_name, redact_url};
use crate::event::{Event, Progress};
use crate::project::{FileSource, Project, Service};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::bytes::{NoExpand, Regex};

/// Shorter values are words that would be hidden everywhere.
const SHORTEST: usize = 6;

/// What hides the values.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    /// The values.
    hidden: BTreeSet<String>,
    /// Finds all of them at once; `None` when there are none.
    secrets: Option<Regex>,
}

impl Redactor {
    /// Collects the values of variables and build arguments that hold secrets, and of secrets
    /// proper; `read` reads those that are files.
    pub(super) fn of(project: &Project, read: impl Fn(&Path) -> Option<String>) -> Self {
        let services = || project.services.values().chain(project.disabled_services.values());
        let of_hooks = services().flat_map(Service::hooks).flat_map(|hook| &hook.environment);
        let variables = services()
            .flat_map(|service| &service.environment)
            .chain(of_hooks)
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let arguments =
            services().filter_map(|service| service.build.as_ref()).flat_map(|build| &build.args);
        let environment = variables
            .chain(arguments)
            .filter(|(name, _)| is_secret_name(name))
            .map(|(_, value)| value.clone());
        let objects = project.secrets.values().flat_map(|object| match &object.source {
            FileSource::Environment { value, .. } => lines(value.expose()),
            FileSource::File(path) => read(path).map(|text| lines(&text)).unwrap_or_default(),
            FileSource::Content(_) => Vec::new(),
        });
        Self::hiding(environment.chain(objects))
    }

    /// Collects the values of those variables that hold secrets.
    pub(super) fn of_variables(variables: &BTreeMap<String, String>) -> Self {
        let secret = variables.iter().filter(|(name, _)| is_secret_name(name));
        Self::hiding(secret.map(|(_, value)| value.clone()))
    }

    /// Hides what the other one hides, too.
    pub(super) fn and(&self, other: Self) -> Self {
        if self.hidden.is_subset(&other.hidden) {
            return other;
        }
        Self::hiding(self.hidden.iter().cloned().chain(other.hidden))
    }

    fn hiding(secrets: impl Iterator<Item = String>) -> Self {
        let hidden: BTreeSet<String> = secrets.collect();
        let secrets = hidden.iter().cloned();
        let mut secrets: Vec<String> = secrets
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(|secret| {
                // As it stands in a JSON text, too.
                let json = serde_json::to_string(&secret).unwrap_or_default();
                let json = json.trim_matches('"').to_owned();
                [secret, json]
            })
            .collect();
        // Longer ones first: a shorter secret may be part of a longer one.
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
        let alternatives: Vec<String> =
            secrets.iter().map(|secret| regex::escape(secret)).collect();
        let pattern = (!alternatives.is_empty()).then(|| alternatives.join("|"));
        Self { hidden, secrets: pattern.and_then(|pattern| Regex::new(&pattern).ok()) }
    }

    /// Replaces every secret, and every URL's password, by `***`.
    pub(super) fn apply(&self, text: &str) -> String {
        let text = redact_url(text);
        match &self.secrets {
            Some(secrets) if secrets.is_match(text.as_bytes()) => {
                let hidden = secrets.replace_all(text.as_bytes(), NoExpand(b"***"));
                String::from_utf8_lossy(&hidden).into_owned()
            }
            _ => text,
        }
    }

    /// The same in a line of a log, of which every other byte stays as it is.
    pub(super) fn bytes(&self, mut line: Vec<u8>) -> Vec<u8> {
        if let Some(secrets) = &self.secrets
            && secrets.is_match(&line)
        {
            line = secrets.replace_all(&line, NoExpand(b"***")).into_owned();
        }
        if !line.windows(3).any(|window| window == b"://") {
            return line;
        }
        match String::from_utf8(line) {
            Ok(text) => redact_url(&text).into_bytes(),
            Err(error) => {
                let chunks = error.as_bytes().utf8_chunks();
                chunks
                    .flat_map(|chunk| {
                        let mut bytes = redact_url(chunk.valid()).into_bytes();
                        bytes.extend_from_slice(chunk.invalid());
                        bytes
                    })
                    .collect()
            }
        }
    }

    /// The same in whatever of an event comes from containers, builds or the engine.
    pub(super) fn event(&self, event: Event) -> Event {
        match event {
            Event::Progress { subject, action, progress } => {
                let progress = match progress {
                    Progress::Probe { state } => Progress::Probe { state: self.apply(&state) },
                    Progress::BuildOutput { number, line } => {
                        Progress::BuildOutput { number, line: self.apply(&line) }
                    }
                    Progress::BuildStep { number, name, state } => {
                        Progress::BuildStep { number, name: self.apply(&name), state }
                    }
                    other @ (Progress::Layer { .. } | Progress::Listening) => other,
                };
                Event::Progress { subject, action, progress }
            }
            Event::Blocked { subject, reason } => {
                Event::Blocked { subject, reason: self.apply(&reason) }
            }
            Event::Failed { subject, action, reason } => {
                Event::Failed { subject, action, reason: self.apply(&reason) }
            }
            Event::Warning(text) => Event::Warning(self.apply(&text)),
            other => other,
        }
    }
}

/// What a program may print of a text of several lines, such as a key.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, Subject};

    #[test]
    fn what_a_probe_prints_is_hidden_in_events_too() {
        let redactor = Redactor::hiding(["s3cret-value".to_owned()].into_iter());
        let event = |text: &str| Event::Progress {
            subject: Subject::Volume("data".to_owned()),
            action: Action::Await,
            progress: Progress::Probe { state: text.to_owned() },
        };
        for (text, shown) in [
            ("no login with s3cret-value", "no login with ***"),
            ("no answer from postgres://app:pw@db/app", "no answer from postgres://app:***@db/app"),
            ("connection refused", "connection refused"),
        ] {
            assert_eq!(redactor.event(event(text)), event(shown));
        }
    }

    #[test]
    fn lines_of_logs_keep_every_other_byte() {
        let secrets = ["s3cret", "s3cret-and-more", "short", "a\"quoted one", "a.b*c$1"];
        let redactor = Redactor::hiding(secrets.map(str::to_owned).into_iter());
        let cases: [(&[u8], &[u8]); 7] = [
            (b"s3cret-and-more, s3cret", b"***, ***"),
            (b"a short word", b"a short word"),
            (br#"{"key":"a\"quoted one"}"#, br#"{"key":"***"}"#),
            (b"a.b*c$1 aXbbc$1", b"*** aXbbc$1"),
            (b"\xff s3cret \x00\x1b[31m", b"\xff *** \x00\x1b[31m"),
            (b"\xff postgres://u:pw@h/d \xfe", b"\xff postgres://u:***@h/d \xfe"),
            (b"http://u:s3cret@h", b"http://u:***@h"),
        ];
        for (line, shown) in cases {
            assert_eq!(redactor.bytes(line.to_vec()), shown, "{}", line.escape_ascii());
        }
        let none = Redactor::hiding(std::iter::empty());
        assert_eq!(none.bytes(b"anything".to_vec()), b"anything");
    }
}
