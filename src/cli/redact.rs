//! Hides the project's secrets in text that comes from elsewhere.

use crate::config::redact::{is_secret_name, redact_url};
use crate::event::{Event, Progress};
use crate::project::{FileSource, Project};

/// Shorter values are words that would be hidden everywhere.
const SHORTEST: usize = 6;

/// The values to hide.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Collects the values of variables and build arguments that hold secrets, and of secrets
    /// proper.
    pub(super) fn of(project: &Project) -> Self {
        let environment = project
            .services
            .values()
            .flat_map(|service| &service.environment)
            .chain(
                project
                    .services
                    .values()
                    .filter_map(|service| service.build.as_ref())
                    .flat_map(|build| &build.args),
            )
            .filter(|(name, _)| is_secret_name(name))
            .filter_map(|(_, value)| value.clone());
        let objects = project.secrets.values().filter_map(|object| match &object.source {
            FileSource::Environment { value, .. } => Some(value.expose().to_owned()),
            FileSource::File(_) | FileSource::Content(_) => None,
        });
        let mut secrets: Vec<String> =
            environment.chain(objects).filter(|value| value.len() >= SHORTEST).collect();
        // Longer ones first: a shorter secret may be part of a longer one.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// Replaces every secret, and every URL's password, by `***`.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut text = redact_url(text);
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, "***");
            }
        }
        text
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, Subject};

    #[test]
    fn what_a_probe_prints_is_hidden_in_events_too() {
        let redactor = Redactor { secrets: vec!["s3cret-value".to_owned()] };
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
}
