//! Hides the project's secrets in text that comes from elsewhere.

use crate::config::redact::is_secret_name;
use crate::project::{FileSource, Project};

/// Shorter values are words that would be hidden everywhere.
const SHORTEST: usize = 6;

/// The values to hide.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Collects the values of environment variables that hold secrets, and of secrets proper.
    pub(super) fn of(project: &Project) -> Self {
        let environment = project
            .services
            .values()
            .flat_map(|service| &service.environment)
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

    /// Replaces every secret by `***`.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, "***");
            }
        }
        text
    }
}
