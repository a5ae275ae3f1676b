//! Differences between what runs and what the files say, as people and programs read them.

use std::fmt::Write as _;

use serde::Serialize;

use super::redact::Redactor;
use crate::config::redact::redact_value;
use crate::state::facets::{Difference, Facet, Facets};

/// How one field differs.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    #[serde(rename = "field")]
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<String>,
    /// `files` or `engine`: where it was changed, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changed_in: Option<&'static str>,
}

impl Field {
    /// A difference without what nobody may see.
    pub(super) fn new(difference: Difference, redactor: &Redactor) -> Self {
        let Difference { path, old, new } = difference;
        let name = path.split_once('.').map_or(path.as_str(), |(_, name)| name);
        let hide = |value: String| redactor.apply(&redact_value(name, &value));
        let (old, new) = (old.map(hide), new.map(hide));
        // Two secrets that look the same are different all the same.
        let new = match (&old, new) {
            (Some(old), Some(new)) if *old == new => Some(format!("{new} (another one)")),
            (_, new) => new,
        };
        Self { path, old, new, changed_in: None }
    }

    /// Adds a line about it.
    pub(super) fn write_line(&self, text: &mut String) {
        let Self { path, old, new, .. } = self;
        let _ = match (old, new) {
            (Some(old), Some(new)) => write!(text, "    {path}: {old} -> {new}"),
            (None, Some(new)) => write!(text, "    {path}: + {new}"),
            (Some(old), None) => write!(text, "    {path}: - {old}"),
            (None, None) => write!(text, "    {path}"),
        };
        // A state has no other place to change in.
        text.push_str(if self.changed_in == Some("engine") && path != "state" {
            "  (changed on the engine)\n"
        } else {
            "\n"
        });
    }
}

/// What hides the secrets that a container was made with, too: the files may have others now.
pub(super) fn redactor_of(made: &Facets) -> Redactor {
    match made.get("environment") {
        Some(Facet::Named(variables)) => Redactor::of_variables(variables),
        _ => Redactor::default(),
    }
}
