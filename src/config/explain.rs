//! Where a value of the stack comes from: each text that says something about it, and the
//! variables in there.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::canonical::Secrets;
use super::decode::{DecodeRequest, env_file_lines};
use super::diagnostic::Span;
use super::environment::{Environment, Origin};
use super::load::{Layer, LayerOrigin};
use super::merge;
use super::node::{Node, Value};
use super::redact::{is_secret_name, redact_url, redact_value};
use super::suggest::closest;
use super::template::{Operator, references};
use super::written::{json, redacted};

/// A value, and all that was said about it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What it is called, from the top of the file.
    pub path: String,
    /// The value; nothing when it is only there in the files.
    pub value: Option<Json>,
    /// What was said about it, the strongest first.
    pub sayings: Vec<Saying>,
}

/// A text that says something about a value.
#[derive(Debug, Clone)]
pub struct Saying {
    /// Where.
    pub span: Span,
    /// How the text came into the stack.
    pub origin: SayingOrigin,
    /// What became of it.
    pub outcome: Outcome,
    /// As it is written, for a single value.
    pub written: Option<String>,
    /// The variables that it made use of.
    pub variables: Vec<VariableValue>,
}

/// How a text came into the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SayingOrigin {
    /// As a file of the stack, or through one.
    Layer(LayerOrigin),
    /// As a line of an `env_file`.
    EnvFile,
}

/// What became of what a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is the value.
    Used,
    /// It is a part of the value.
    Merged,
    /// Another text is stronger.
    Overridden,
}

/// A variable that a text made use of.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableValue {
    /// Its name.
    pub name: String,
    /// Its value; nothing when it is not set.
    pub value: Option<String>,
    /// Who set it.
    pub origin: Option<Origin>,
    /// Whether what stands for it was used in its place.
    pub replaced: bool,
}

/// There is no such value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no `{path}` in the stack")]
pub struct NoSuchValue {
    /// Up to the key that is not there.
    pub path: String,
    /// The nearest that is there.
    pub suggestion: Option<String>,
    /// What is there instead.
    pub known: Vec<String>,
}

/// The stack whose values are explained.
pub struct Explained<'a> {
    /// The merged tree.
    pub root: &'a Node,
    /// What it was merged from, the lowest first.
    pub layers: &'a [Layer],
    /// The stack in its canonical form, as far as it may be shown.
    pub canonical: &'a Json,
    /// What the typed layer was asked.
    pub request: &'a DecodeRequest,
    /// Whether secrets are shown.
    pub show_secrets: bool,
}

/// Explains the value at a path, such as `services.api.environment.PORT` or
/// `services.api.ports[0]`.
///
/// # Errors
///
/// When there is no such value.
pub fn explain(
    stack: &Explained<'_>,
    path: &str,
    files: &mut dyn FnMut(&Path) -> io::Result<String>,
) -> Result<Explanation, NoSuchValue> {
    let keys = resolve(stack, path)?;
    let merged = node_at(stack.root, &keys);
    let mut sayings: Vec<Saying> = stack
        .layers
        .iter()
        .filter_map(|layer| stack.saying(layer, &keys, merged.as_ref()))
        .collect();
    let name = keys.last().map(Key::text).unwrap_or_default();
    if let [Key::Name(services), Key::Name(service), Key::Name(environment), Key::Name(name)] =
        keys.as_slice()
        && (services.as_str(), environment.as_str()) == ("services", "environment")
    {
        let lines = stack.lines(service, name, files);
        let is_used = merged.is_none();
        let count = lines.len();
        let lines = lines.into_iter().enumerate().map(|(index, mut saying)| {
            if is_used && index + 1 == count {
                saying.outcome = Outcome::Used;
            }
            saying
        });
        sayings.splice(0..0, lines);
    }
    sayings.reverse();
    let mut value = json_at(stack.canonical, &keys).cloned();
    if value.is_none() {
        value = merged.as_ref().map(|node| stack.shown(&name, node));
    }
    Ok(Explanation { path: written_path(&keys), value, sayings })
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Name(String),
    Index(usize),
}

impl Key {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Name(name) => Cow::Borrowed(name),
            Self::Index(_) => Cow::Borrowed(""),
        }
    }
}

fn written_path(keys: &[Key]) -> String {
    let mut path = String::new();
    for key in keys {
        match key {
            Key::Name(name) if path.is_empty() => path.push_str(name),
            Key::Name(name) => path = format!("{path}.{name}"),
            Key::Index(index) => path = format!("{path}[{index}]"),
        }
    }
    path
}

/// The keys of a path. A key may have dots in it, as labels do: the longest that exists is meant.
fn resolve(stack: &Explained<'_>, path: &str) -> Result<Vec<Key>, NoSuchValue> {
    let mut keys: Vec<Key> = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let ends = rest.match_indices(['.', '[']).map(|(at, _)| at).filter(|at| *at > 0);
        let mut ends: Vec<usize> = ends.chain([rest.len()]).collect();
        ends.reverse();
        let found = ends.into_iter().find_map(|end| {
            let (word, after) = rest.split_at(end);
            let key = match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
                Some(index) => Key::Index(index.parse().ok()?),
                None => Key::Name(word.to_owned()),
            };
            let below: Vec<Key> = keys.iter().cloned().chain([key.clone()]).collect();
            let exists =
                node_at(stack.root, &below).is_some() || json_at(stack.canonical, &below).is_some();
            exists.then(|| (key, after.strip_prefix('.').unwrap_or(after)))
        });
        let Some((key, after)) = found else {
            let word = rest.split(['.', '[']).next().unwrap_or(rest);
            return Err(no_such(stack, &keys, word, rest));
        };
        keys.push(key);
        rest = after;
    }
    if keys.is_empty() { Err(no_such(stack, &keys, path, path)) } else { Ok(keys) }
}

fn no_such(stack: &Explained<'_>, above: &[Key], word: &str, rest: &str) -> NoSuchValue {
    let mut known: Vec<String> = Vec::new();
    if let Some(Value::Mapping(entries)) = node_at(stack.root, above).map(|node| node.value) {
        known.extend(entries.into_keys());
    }
    if let Some(entries) = json_at(stack.canonical, above).and_then(Json::as_object) {
        known.extend(entries.keys().filter(|key| !key.starts_with("x-")).cloned());
    }
    known.sort();
    known.dedup();
    let above = written_path(above);
    let below =
        |key: &str| if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    let suggestion = closest(word, known.iter().map(String::as_str)).map(&below);
    let path = if word.is_empty() { format!("{above}{rest}") } else { below(word) };
    NoSuchValue { path, suggestion, known }
}

/// The value at a path of the stack's tree.
fn node_at(root: &Node, keys: &[Key]) -> Option<Node> {
    walk(root, &[], keys)
}

/// Follows keys down from a node that itself stands at a path.
fn walk(node: &Node, above: &[Key], keys: &[Key]) -> Option<Node> {
    let mut path: Vec<String> = above.iter().map(|key| key.text().into_owned()).collect();
    let mut node = node.clone();
    for key in keys {
        node = match key {
            Key::Index(index) => match node.value {
                Value::Sequence(items) => items.into_iter().nth(*index)?,
                _ => return None,
            },
            Key::Name(name) => merge::child(&node, &path, name).or_else(|| {
                let own = merge::child(&node, &path, "x-devstack")?;
                is_own_key(path.len(), name).then(|| merge::child(&own, &path, name))?
            })?,
        };
        path.push(key.text().into_owned());
    }
    Some(node)
}

/// A value of the canonical form.
fn json_at<'j>(tree: &'j Json, keys: &[Key]) -> Option<&'j Json> {
    keys.iter().enumerate().try_fold(tree, |value, (depth, key)| match key {
        Key::Index(index) => value.get(index),
        Key::Name(name) => value
            .get(name)
            .or_else(|| is_own_key(depth, name).then(|| value.get("x-devstack")?.get(name))?),
    })
}

/// Whether a key may stand under `x-devstack` at this depth.
fn is_own_key(depth: usize, name: &str) -> bool {
    match depth {
        0 => name == "publish",
        2 => matches!(name, "preset" | "aliases" | "ready" | "reload" | "urls"),
        _ => false,
    }
}

impl Explained<'_> {
    /// What a layer says of a value.
    fn saying(&self, layer: &Layer, keys: &[Key], merged: Option<&Node>) -> Option<Saying> {
        let above: Vec<Key> = layer.at.iter().cloned().map(Key::Name).collect();
        let below = keys.strip_prefix(above.as_slice())?;
        let (node, outcome) = match walk(&layer.node, &above, below) {
            Some(node) if !matches!(keys.last(), Some(Key::Index(_))) => {
                let outcome = outcome(&node, merged?);
                (node, outcome)
            }
            // The items of a list have other places in each layer.
            _ => {
                let merged = merged.filter(|_| matches!(keys.last(), Some(Key::Index(_))))?;
                let list = walk(&layer.node, &above, below.get(..below.len().checked_sub(1)?)?)?;
                let Value::Sequence(items) = list.value else { return None };
                (items.into_iter().find(|item| item.span == merged.span)?, Outcome::Used)
            }
        };
        let name = keys.last().map(Key::text).unwrap_or_default();
        let origin = SayingOrigin::Layer(layer.origin.clone());
        Some(self.said(&name, &node, origin, outcome, &layer.environment))
    }

    fn said(
        &self,
        name: &str,
        node: &Node,
        origin: SayingOrigin,
        outcome: Outcome,
        environment: &Environment,
    ) -> Saying {
        let span = node.span.clone();
        let is_single = !matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        let text = span.source.text.get(span.start..span.end).unwrap_or_default().trim_end();
        let mut variables = Vec::new();
        if is_single {
            used_variables(text, environment, &mut variables);
            // A name without a value takes the variable of that name.
            let passed = matches!(node.value, Value::Null) && !name.is_empty();
            if let Some(variable) = environment.variable(name).filter(|_| passed) {
                variables.push(VariableValue {
                    name: name.to_owned(),
                    value: Some(variable.value.clone()),
                    origin: Some(variable.origin.clone()),
                    replaced: false,
                });
            }
        }
        if !self.show_secrets {
            let filled = node.scalar_text().unwrap_or_default();
            let is_secret = is_secret_name(name) || redact_url(filled) != filled;
            for variable in &mut variables {
                let hidden = if is_secret { "PASSWORD" } else { &variable.name };
                variable.value = variable.value.take().map(|value| redact_value(hidden, &value));
            }
        }
        let written = is_single.then(|| self.written(name, text));
        Saying { span, origin, outcome, written, variables }
    }

    fn written(&self, name: &str, text: &str) -> String {
        if self.show_secrets { text.to_owned() } else { redacted(name, text) }
    }

    /// What the `env_file`s of a service say of a variable.
    fn lines(
        &self,
        service: &str,
        name: &str,
        files: &mut dyn FnMut(&Path) -> io::Result<String>,
    ) -> Vec<Saying> {
        let keys = ["services", service].map(|key| Key::Name(key.to_owned()));
        let Some(service) = node_at(self.root, &keys) else { return Vec::new() };
        let lines = env_file_lines(&service, self.request, files);
        let lines = lines.into_iter().filter(|line| line.name == name);
        lines
            .map(|line| {
                let Span { source, start, end } = line.span;
                let statement = source.text.get(start..end).unwrap_or_default();
                let text = statement.split_once(['=', ':']).map_or("", |(_, text)| text.trim());
                let start = end - text.len().min(end - start);
                let node = Node {
                    value: line
                        .value
                        .map_or(Value::Null, |text| Value::String { text, plain: false }),
                    span: Span { source, start, end },
                    tag: None,
                };
                let environment = &self.request.environment;
                self.said(name, &node, SayingOrigin::EnvFile, Outcome::Overridden, environment)
            })
            .collect()
    }

    /// A value of the tree, as far as it may be shown.
    fn shown(&self, name: &str, node: &Node) -> Json {
        json(node, name, if self.show_secrets { Secrets::Shown } else { Secrets::Redacted })
    }
}

/// What became of a layer's value in the merged one.
fn outcome(node: &Node, merged: &Node) -> Outcome {
    let is_part = |node: &Node| matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
    if node.span == merged.span && node.value == merged.value {
        Outcome::Used
    } else if is_part(node) && is_part(merged) && shares(node, merged) {
        Outcome::Merged
    } else if node.span == merged.span && !is_part(node) {
        Outcome::Used
    } else {
        Outcome::Overridden
    }
}

/// Whether any single value of one tree is in the other, too.
fn shares(node: &Node, merged: &Node) -> bool {
    let mut places = Vec::new();
    singles(merged, &mut places);
    let mut own = Vec::new();
    singles(node, &mut own);
    // `- NAME=value` of one file is `value` in the merged tree.
    let holds = |own: &&Span, part: &&Span| {
        Arc::ptr_eq(&own.source, &part.source) && own.start <= part.start && part.end <= own.end
    };
    own.iter().any(|own| places.iter().any(|part| holds(own, part)))
}

fn singles<'n>(node: &'n Node, places: &mut Vec<&'n Span>) {
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| singles(item, places)),
        Value::Mapping(entries) => {
            entries.values().for_each(|entry| singles(&entry.node, places));
        }
        _ => places.push(&node.span),
    }
}

/// The variables of the branches of a text that were used.
fn used_variables(text: &str, environment: &Environment, found: &mut Vec<VariableValue>) {
    for reference in references(text) {
        let variable = environment.variable(reference.name);
        let operation = reference.operation.as_ref();
        let present = variable.filter(|it| {
            !(it.value.is_empty() && operation.is_some_and(|it| it.empty_counts_as_unset))
        });
        let follows = matches!(
            (operation.map(|it| it.operator), present),
            (Some(Operator::Default), None) | (Some(Operator::Alternative), Some(_))
        );
        if !found.iter().any(|known| known.name == reference.name) {
            found.push(VariableValue {
                name: reference.name.to_owned(),
                value: variable.map(|it| it.value.clone()),
                origin: variable.map(|it| it.origin.clone()),
                replaced: follows,
            });
        }
        if let Some(operation) = operation.filter(|_| follows) {
            used_variables(operation.operand, environment, found);
        }
    }
}
