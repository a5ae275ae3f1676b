//! What the engine refuses, and which key of the file asked for it. The knowledge is data
//! (`templates/refusals.yaml`).

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Deserializer, de::Error as _};

const REFUSALS: &str = include_str!("../../templates/refusals.yaml");

/// What a refused call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalAbout {
    /// A container of a service.
    Service,
    /// The image that a service builds.
    Build,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// Who asked for what was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The keys that may have asked for it, likeliest first, as paths from the service, network or
    /// volume.
    pub keys: &'static [String],
    /// What must stand in the key's value, any of them; empty when the key alone tells.
    pub parts: Vec<String>,
    /// What to do.
    pub help: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    about: RefusalAbout,
    #[serde(deserialize_with = "regex")]
    says: Regex,
    keys: Vec<String>,
    help: Option<String>,
}

static PATTERNS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| serde_yaml::from_str(REFUSALS).expect("the embedded file is read by a test"));

/// Finds what asked for a call that the engine refused with these words; the most telling first.
pub fn refusals(about: RefusalAbout, words: &str) -> impl Iterator<Item = Refusal> {
    PATTERNS.iter().filter(move |pattern| pattern.about == about).filter_map(move |pattern| {
        let captures = pattern.says.captures(words)?;
        let groups = captures.iter().skip(1).flatten();
        Some(Refusal {
            keys: &pattern.keys,
            parts: groups.map(|group| group.as_str().to_owned()).collect(),
            help: pattern.help.as_deref(),
        })
    })
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    let pattern = String::deserialize(deserializer)?;
    Regex::new(&pattern).map_err(D::Error::custom)
}
