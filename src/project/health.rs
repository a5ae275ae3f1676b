//! The engine's health check of a container.

use serde::{Serialize, Serializer};

use super::Duration;
use super::mount::is_false;

/// A health check that the engine runs (Compose Specification, "healthcheck").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Healthcheck {
    /// What to run; the image's own test when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<HealthcheckTest>,
    /// Time between two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// Time after which one run counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Failures in a row that make the container unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Time after the start in which failures do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Duration>,
    /// Time between two runs within the start period (API 1.44).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<Duration>,
    /// Whether the image's own health check is switched off.
    #[serde(skip_serializing_if = "is_false")]
    pub disable: bool,
}

/// The command of a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthcheckTest {
    /// `["CMD", program, arguments...]`
    Command(Vec<String>),
    /// `["CMD-SHELL", command line]`, run by the container's `/bin/sh -c`.
    Shell(String),
}

impl HealthcheckTest {
    /// The engine's list form.
    #[must_use]
    pub fn to_list(&self) -> Vec<String> {
        match self {
            Self::Command(arguments) => {
                std::iter::once("CMD".to_owned()).chain(arguments.iter().cloned()).collect()
            }
            Self::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        }
    }

    /// The argument vector that `exec` runs for the same effect.
    #[must_use]
    pub fn to_exec(&self) -> Vec<String> {
        match self {
            Self::Command(arguments) => arguments.clone(),
            Self::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        }
    }
}

impl Serialize for HealthcheckTest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_list().serialize(serializer)
    }
}
