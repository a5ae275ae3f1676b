//! Known failures: what a dead container's last lines mean, what the engine's refusals are about,
//! and what to do. The knowledge is data (`templates/failures.yaml`, `templates/refusals.yaml`);
//! nothing here looks at an engine or a file.

mod refusal;

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Deserialize;

pub use refusal::{Refusal, RefusalAbout, refusals};

const FAILURES: &str = include_str!("../templates/failures.yaml");

/// What is known of a service that failed.
#[derive(Debug, Clone, Default)]
pub struct Symptoms<'a> {
    /// The service.
    pub service: &'a str,
    /// The exit code, when its process has ended.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// The engine's own error; empty when it has none.
    pub engine_error: &'a str,
    /// What the last readiness probe found.
    pub probe: Option<&'a str>,
    /// The last lines of its log.
    pub log: &'a [String],
}

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which failure it is, such as `postgres-version`.
    pub id: &'static str,
    /// Why it failed.
    pub cause: String,
    /// What to do about it.
    pub help: String,
}

/// A known failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    id: String,
    #[serde(default, with = "pattern")]
    log: Option<Regex>,
    #[serde(default, with = "pattern")]
    engine: Option<Regex>,
    #[serde(default, with = "pattern")]
    probe: Option<Regex>,
    exit: Option<i64>,
    oom: Option<bool>,
    cause: String,
    help: String,
}

static SIGNATURES: LazyLock<Vec<Signature>> =
    LazyLock::new(|| serde_yaml::from_str(FAILURES).expect("the embedded file is read by a test"));

/// Explains a failure; `None` when it is none of those that are known.
#[must_use]
pub fn explain(symptoms: &Symptoms<'_>) -> Option<Explanation> {
    let log = symptoms.log.iter().map(|line| without_colour(line)).collect::<Vec<_>>().join("\n");
    SIGNATURES.iter().find_map(|signature| signature.explain(symptoms, &log))
}

impl Signature {
    fn explain(&'static self, symptoms: &Symptoms<'_>, log: &str) -> Option<Explanation> {
        if self.exit.is_some_and(|code| symptoms.exit_code != Some(code))
            || self.oom.is_some_and(|oom| symptoms.oom_killed != oom)
        {
            return None;
        }
        let mut groups = Vec::new();
        let texts = [
            (&self.log, log),
            (&self.engine, symptoms.engine_error),
            (&self.probe, symptoms.probe.unwrap_or_default()),
        ];
        for (pattern, text) in texts {
            if let Some(pattern) = pattern {
                groups.extend(captured(&pattern.captures(text)?));
            }
        }
        let fill = |template: &str| {
            let mut text = template.replace("{service}", symptoms.service);
            for (index, group) in groups.iter().enumerate() {
                text = text.replace(&format!("{{{}}}", index + 1), group);
            }
            text
        };
        Some(Explanation { id: &self.id, cause: fill(&self.cause), help: fill(&self.help) })
    }
}

/// The groups of a match; one that took no part is empty.
fn captured(captures: &Captures<'_>) -> Vec<String> {
    let groups = captures.iter().skip(1);
    groups.map(|group| group.map_or("", |group| group.as_str()).trim().to_owned()).collect()
}

/// A line without colours and what else begins with an escape.
fn without_colour(line: &str) -> String {
    static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("\u{1b}\\[[0-9;?]*[@-~]").expect("a pattern without variable parts")
    });
    ESCAPES.replace_all(line, "").into_owned()
}

/// Regular expressions in the file.
mod pattern {
    use regex::Regex;
    use serde::{Deserialize, Deserializer, de::Error as _};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Regex>, D::Error> {
        let pattern = Option::<String>::deserialize(deserializer)?;
        pattern.map(|pattern| Regex::new(&pattern).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests;
