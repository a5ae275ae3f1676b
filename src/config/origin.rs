//! Where a stack's settings were written, for errors that only show when the stack is run.
//!
//! The model holds values without places; this is the tree that it was read from, kept beside it.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Span};
use super::environment::Environment;
use super::findings::explain_variables;
use super::merge::publishes;
use super::node::{Entry, Node, Value};
use super::place::within;
use super::preset;

/// The tree of a stack and the variables that its files could use.
#[derive(Debug, Clone)]
pub struct Origins {
    root: Arc<Node>,
    environment: Environment,
}

/// Something that has a key of its own in a section of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// `services`, `networks` or `volumes`.
    pub section: &'static str,
    /// Its key there.
    pub key: &'a str,
}

impl Origins {
    /// Keeps the tree of a stack.
    #[must_use]
    pub const fn new(root: Arc<Node>, environment: Environment) -> Self {
        Self { root, environment }
    }

    /// The place of the first of these keys that its owner has and that holds one of the parts,
    /// when there are any. Keys are paths such as `build.target`.
    #[must_use]
    pub fn find(
        &self,
        owner: Owner<'_>,
        keys: &[impl AsRef<str>],
        parts: &[String],
    ) -> Option<Span> {
        let entry = self.entry(owner)?;
        keys.iter().find_map(|key| setting(&entry.node, key.as_ref(), parts))
    }

    /// The place of one item of a list that its owner has, from 0: what it says at one of these
    /// keys, or the item as a whole.
    #[must_use]
    pub fn find_item(
        &self,
        owner: Owner<'_>,
        key: &str,
        index: usize,
        parts: &[&str],
    ) -> Option<Span> {
        let Value::Sequence(items) = &self.entry(owner)?.node.get(key)?.node.value else {
            return None;
        };
        let item = items.get(index)?;
        let part = parts.iter().find_map(|part| item.get(part));
        Some(part.map_or(&item.span, |part| &part.node.span).clone())
    }

    /// The place of a part of a text that its owner has at this key.
    #[must_use]
    pub fn find_part(&self, owner: Owner<'_>, key: &str, part: Range<usize>) -> Option<Span> {
        let node = &entry_at(&self.entry(owner)?.node, key)?.node;
        Some(within(&node.span, node.scalar_text()?, part))
    }

    /// The place of the owner as a whole.
    #[must_use]
    pub fn find_owner(&self, owner: Owner<'_>) -> Option<Span> {
        self.entry(owner).map(|entry| entry.key_span.clone())
    }

    /// Points a finding at a place of its owner, with where the value comes from.
    #[must_use]
    pub fn point(&self, finding: Diagnostic, owner: Owner<'_>, place: &Span) -> Diagnostic {
        let mut finding = match self.preset_of(owner).filter(|_| preset::owns(&place.source)) {
            // Nobody can correct the preset's own text.
            Some(preset) => finding
                .at(preset)
                .label("this preset asks for it")
                .also(place, "here")
                .note("what the service says beside `preset:` wins over the preset"),
            None => finding.at(place).label("asked for here"),
        };
        explain_variables(&mut finding, &self.environment);
        finding
    }

    /// The line of a person's that asks for what stands at a place of its owner: the preset's where
    /// the preset says it.
    #[must_use]
    pub fn asked_by<'s>(&'s self, owner: Owner<'_>, place: &'s Span) -> &'s Span {
        self.preset_of(owner).filter(|_| preset::owns(&place.source)).unwrap_or(place)
    }

    /// The key of a network or volume that has this name on the engine.
    #[must_use]
    pub fn key_of(&self, section: &str, name: &str) -> Option<&str> {
        let Value::Mapping(entries) = &self.root.get(section)?.node.value else { return None };
        let named = |entry: &Entry| {
            let own = entry.node.get("name")?.node.scalar_text()?;
            Some(own == name)
        };
        let keys = || entries.iter().map(|(key, entry)| (key.as_str(), named(entry)));
        if let Some((key, _)) = keys().find(|(_, named)| *named == Some(true)) {
            return Some(key);
        }
        // `PROJECT_KEY`, or what is external by its key alone.
        keys()
            .filter(|(key, named)| {
                named.is_none()
                    && name
                        .strip_suffix(key)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
            })
            .map(|(key, _)| key)
            .max_by_key(|key| key.len())
    }

    /// The service that says this name for its container.
    #[must_use]
    pub fn service_of_container(&self, name: &str) -> Option<&str> {
        let Value::Mapping(services) = &self.root.get("services")?.node.value else { return None };
        let has_name = |entry: &Entry| {
            entry.node.get("container_name").is_some_and(|own| own.node.scalar_text() == Some(name))
        };
        services.iter().find(|(_, entry)| has_name(entry)).map(|(key, _)| key.as_str())
    }

    fn entry(&self, owner: Owner<'_>) -> Option<&Entry> {
        self.root.get(owner.section)?.node.get(owner.key)
    }

    fn preset_of(&self, owner: Owner<'_>) -> Option<&Span> {
        let service = &self.entry(owner)?.node;
        let own = || service.get("x-devstack").and_then(|own| own.node.get("preset"));
        service.get("preset").or_else(own).map(|entry| &entry.node.span)
    }
}

/// What is set at a key, which is a path such as `build.target`.
fn entry_at<'n>(owner: &'n Node, key: &str) -> Option<&'n Entry> {
    let mut entry: Option<&Entry> = None;
    for step in key.split('.') {
        let node = entry.map_or(owner, |entry| &entry.node);
        entry = Some(node.get(step).filter(|entry| entry.node.value != Value::Null)?);
    }
    entry
}

/// The place of a setting, or of the part of it.
fn setting(owner: &Node, key: &str, parts: &[String]) -> Option<Span> {
    let entry = entry_at(owner, key)?;
    if parts.is_empty() {
        return Some(entry.key_span.clone());
    }
    let holds: &dyn Fn(&str) -> Option<Span> = match key {
        "ports" => &|part| published(&entry.node, part),
        _ => &|part| {
            holding(&entry.node, part, Match::Whole)
                .or_else(|| holding(&entry.node, part, Match::Word))
        },
    };
    parts.iter().find_map(|part| holds(part))
}

/// The port that publishes a host port.
fn published(ports: &Node, number: &str) -> Option<Span> {
    let Value::Sequence(items) = &ports.value else { return None };
    let number = number.parse().ok()?;
    items.iter().find(|item| publishes(item, number)).map(|item| item.span.clone())
}

/// How much of a text must be what is looked for.
#[derive(Clone, Copy)]
enum Match {
    Whole,
    Word,
}

/// The place of the scalar or key that says `part`.
fn holding(node: &Node, part: &str, how: Match) -> Option<Span> {
    match &node.value {
        Value::Sequence(items) => items.iter().find_map(|item| holding(item, part, how)),
        Value::Mapping(entries) => entries.iter().find_map(|(key, entry)| {
            if says(key, part, how) {
                return Some(entry.key_span.clone());
            }
            holding(&entry.node, part, how)
        }),
        _ => node.scalar_text().filter(|text| says(text, part, how)).map(|_| node.span.clone()),
    }
}

fn says(text: &str, part: &str, how: Match) -> bool {
    match how {
        Match::Whole => text.eq_ignore_ascii_case(part),
        Match::Word => {
            let (text, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            text.match_indices(&part).any(|(start, _)| {
                let before = text[..start].chars().next_back();
                let after = text[start + part.len()..].trim_start_matches('/').chars().next();
                !before.is_some_and(inside) && !after.is_some_and(inside)
            })
        }
    }
}

#[cfg(test)]
mod tests;
