//! The tree that a YAML document becomes, in which every value knows its place.
//!
//! Interpolation, merging and presets work on this tree, so whatever they produce still points at
//! the text that it came from.

use indexmap::IndexMap;

use super::diagnostic::Span;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place. After a merge: the place of the text that won.
    pub span: Span,
    /// `!reset` or `!override`, until merging has applied it.
    pub tag: Option<MergeTag>,
}

/// What a node holds, by YAML 1.2's core schema (Compose's: `no`, `on` and `1:2` are text).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number. `text` is how it was written (`0o444`, `010`).
    Int {
        /// The number.
        value: i64,
        /// As written.
        text: String,
    },
    /// A number with a fraction. `text` is how it was written.
    Float {
        /// The number.
        value: f64,
        /// As written.
        text: String,
    },
    /// Text. `plain` when written without quotes, so that an interpolated `${N}` can become a number.
    String {
        /// The text.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in the order of the file.
    Mapping(IndexMap<String, Entry>),
}

/// A key's place and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

/// How an override file treats what it overrides (Compose Specification, "Merge").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeTag {
    /// `!reset`: the value goes away.
    Reset,
    /// `!override`: the value replaces without merging.
    Override,
}

impl Node {
    /// The entry of a mapping; `None` when it is no mapping or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The value as JSON, without its place; a number that JSON has no notation for as text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int { value, .. } => Json::from(*value),
            Value::Float { value, text } => serde_json::Number::from_f64(*value)
                .map_or_else(|| Json::String(text.clone()), Json::Number),
            Value::String { text, .. } => Json::String(text.clone()),
            Value::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect(),
            ),
        }
    }

    /// What kind of value it is, in words for a message.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int { .. } | Value::Float { .. } => "a number",
            Value::String { .. } => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// A scalar as text, the way it was written; `None` for null, lists and mappings.
    #[must_use]
    pub fn scalar_text(&self) -> Option<&str> {
        match &self.value {
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Int { text, .. } | Value::Float { text, .. } | Value::String { text, .. } => {
                Some(text)
            }
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }
}
