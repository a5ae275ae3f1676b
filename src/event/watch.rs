//! What happens while files are watched.

use std::time::Duration;

use crate::project::ServiceName;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// Files are being watched.
    Watching {
        /// For these services.
        services: Vec<ServiceName>,
        /// Number of files.
        files: usize,
    },
    /// Something that takes a while has begun.
    Begun {
        /// For which service.
        service: ServiceName,
        /// What, such as `rebuilding`.
        doing: &'static str,
        /// The files that changed.
        files: Vec<String>,
    },
    /// What had to follow from a change has been done.
    Done {
        /// The service, or its container where there are several.
        label: String,
        /// What, such as `reloaded`.
        what: &'static str,
        /// Time since the first event of the change.
        elapsed: Duration,
        /// What it consists of.
        parts: Vec<(&'static str, Duration)>,
        /// The files that changed.
        files: Vec<String>,
    },
    /// It could not be done.
    Failed {
        /// The service, or its container where there are several.
        label: String,
        /// What, such as `reload`.
        what: &'static str,
        /// Why; empty where that is told by itself.
        reason: String,
        /// The place in the code.
        frame: Option<String>,
        /// Whether the version before still serves, where that is known.
        serving: Option<bool>,
    },
    /// A line that a command printed.
    Output {
        /// The service, or its container where there are several.
        label: String,
        /// The line.
        line: String,
    },
    /// Something that a person should know but that stops nothing.
    Warning {
        /// The service, or its container, that it is about.
        label: Option<String>,
        /// What.
        text: String,
    },
    /// Something that is good to know.
    Note {
        /// The service, or its container, that it is about.
        label: Option<String>,
        /// What.
        text: String,
    },
}

impl WatchEvent {
    /// The same where the logs of all services but the `quiet` ones are shown beside it: without
    /// the code and the output that a log has as well.
    #[must_use]
    pub fn beside_logs(&self, quiet: &[ServiceName]) -> Self {
        let is_quiet = |label: &str| {
            let service = match label.rsplit_once('-') {
                Some((service, number)) if number.parse::<u32>().is_ok() => service,
                _ => label,
            };
            quiet.iter().any(|quiet| quiet.as_str() == label || quiet.as_str() == service)
        };
        match self {
            Self::Failed { label, what, reason, serving, .. } if !is_quiet(label) => Self::Failed {
                label: label.clone(),
                what,
                reason: reason.clone(),
                frame: None,
                serving: *serving,
            },
            Self::Warning { label: Some(label), text } if !is_quiet(label) => Self::Warning {
                label: Some(label.clone()),
                text: text.lines().next().unwrap_or_default().to_owned(),
            },
            other => other.clone(),
        }
    }
}
