//! What every reader of the typed layer shares: the request, the findings, and the way to a value.

use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::DecodeRequest;
use super::port::Publish;
use crate::config::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::config::findings::{explain_variables, gather, uses_variables};
use crate::config::limits;
use crate::config::node::{Entry, Node, Value};
use crate::config::suggest::closest;

/// The state of one decoding.
pub(super) struct Cx<'a> {
    pub(super) request: &'a DecodeRequest,
    files: &'a mut dyn FnMut(&Path) -> io::Result<String>,
    findings: Diagnostics,
    /// Where ports without an address are published.
    pub(super) publish: Publish,
    /// Whether a part is missing of the service that is being read.
    pub(super) is_incomplete: bool,
    /// What nobody acts upon, by path, for `devstack config` to show.
    carried: Vec<(String, serde_json::Value)>,
    /// How many ports there are so far.
    ports: usize,
    /// The keys that each mapping may have, for the test that holds the JSON schema against them.
    #[cfg(test)]
    pub(super) known: Vec<(String, Vec<&'static str>)>,
}

/// A value, where it stands and how it is called.
#[derive(Debug, Clone)]
pub(super) struct Field<'n> {
    /// Such as `services.web.ports[0]`.
    pub(super) path: String,
    /// Place of the key; of the value itself in a list.
    pub(super) key: &'n Span,
    pub(super) node: &'n Node,
}

/// A value that was read and the place that later findings about it point at.
#[derive(Debug, Clone)]
pub(super) struct Placed<'n, T> {
    pub(super) value: T,
    pub(super) span: &'n Span,
}

/// A mapping of which each key is taken at most once. What nobody takes is unknown.
pub(super) struct Fields<'n> {
    pub(super) path: String,
    entries: Option<&'n IndexMap<String, Entry>>,
    known: Vec<&'static str>,
}

impl<'a> Cx<'a> {
    pub(super) fn new(
        request: &'a DecodeRequest,
        files: &'a mut dyn FnMut(&Path) -> io::Result<String>,
    ) -> Self {
        Self {
            request,
            files,
            findings: Diagnostics::default(),
            publish: Publish::default(),
            is_incomplete: false,
            carried: Vec::new(),
            ports: 0,
            #[cfg(test)]
            known: Vec::new(),
        }
    }

    /// Whether there is room for more ports; the first ones too many are reported.
    pub(super) fn more_ports(&mut self, field: &Field<'_>, number: usize) -> bool {
        let fitted = self.ports <= limits::PORTS;
        self.ports = self.ports.saturating_add(number);
        let fits = self.ports <= limits::PORTS;
        if fitted && !fits {
            let message = format!("more than {} ports are published", limits::PORTS);
            self.push(Diagnostic::error(message, field.span()).help("publish fewer of them"));
        }
        fits
    }

    pub(super) fn read_file(&mut self, path: &Path) -> io::Result<String> {
        (self.files)(path)
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }

    /// Reports that something is not there, unless it may be in a missing part of the service.
    pub(super) fn push_absent(&mut self, diagnostic: Diagnostic) {
        if !self.is_incomplete {
            self.push(diagnostic);
        }
    }

    /// Keeps a value that nobody acts upon.
    fn carry(&mut self, field: &Field<'_>) {
        self.carried.push((field.path.clone(), field.node.to_json()));
    }

    /// Takes what was kept below a path since the last time, each under its keys.
    pub(super) fn carried_below(
        &mut self,
        path: &str,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut tree = serde_json::Map::new();
        let below = |kept: &str| {
            if path.is_empty() {
                Some(kept.to_owned())
            } else {
                kept.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned)
            }
        };
        self.carried.retain(|(kept, value)| {
            let Some(rest) = below(kept) else { return true };
            // An item of a list has no key to come back under.
            if !rest.contains('[') {
                put(&mut tree, &rest, value.clone());
            }
            false
        });
        tree
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.has_errors()
    }

    /// Reports that a value is of the wrong kind.
    pub(super) fn wrong<T>(&mut self, field: &Field<'_>, expected: &str) -> Option<T> {
        let message = format!("`{}` must be {expected}, not {}", field.path, field.node.kind());
        let diagnostic = Diagnostic::error(message, field.span());
        self.push(match (field.node.scalar_text(), &field.node.value) {
            (Some(text), _) if expected == "a list" && text.contains([':', '{', ',', '#']) => {
                diagnostic.help(format!("write `[\"{text}\"]`"))
            }
            (Some(text), _) if expected == "a list" => diagnostic.help(format!("write `[{text}]`")),
            (_, Value::Sequence(_)) if expected == "a mapping" => {
                diagnostic.help("write `NAME: value` lines, without a `-` before them")
            }
            _ => diagnostic,
        });
        None
    }

    /// Makes a path of the file absolute: `~` is the home folder, the rest is relative to the
    /// project's folder.
    pub(super) fn absolute(&self, text: &str) -> PathBuf {
        let path = match (text.strip_prefix('~'), &self.request.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(&rest[1..]),
            _ => self.request.project_dir.join(text),
        };
        without_dots(&path)
    }

    /// The findings, in the order of the files, each place once.
    pub(super) fn into_findings(self) -> Diagnostics {
        let mut findings = self.findings;
        if self.request.holes.variables {
            findings.0.retain(|finding| !uses_variables(finding));
        }
        gather(&mut findings);
        for finding in &mut findings.0 {
            explain_variables(finding, &self.request.environment);
        }
        findings
    }
}

impl<'n> Field<'n> {
    /// The place of the value; of the key when there is no value to point at.
    pub(super) fn span(&self) -> &'n Span {
        match self.node.value {
            Value::Null => self.key,
            _ => &self.node.span,
        }
    }

    /// Whether the value is a number or a boolean, and not because of a variable in it.
    pub(super) fn is_bare_scalar(&self) -> bool {
        let Span { source, start, end } = &self.node.span;
        let is_filled_in = || source.text.get(*start..*end).is_some_and(|text| text.contains('$'));
        matches!(self.node.value, Value::Int { .. } | Value::Float { .. } | Value::Bool(_))
            && !is_filled_in()
    }

    /// The items when it is a list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match &self.node.value {
            Value::Sequence(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| Field {
                        path: format!("{}[{index}]", self.path),
                        key: &node.span,
                        node,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Keys and values when it is a mapping.
    pub(super) fn entries(&self) -> Option<Vec<(&'n str, Self)>> {
        match &self.node.value {
            Value::Mapping(entries) => Some(
                entries
                    .iter()
                    .map(|(key, entry)| (key.as_str(), entry_field(&self.path, key, entry)))
                    .collect(),
            ),
            _ => None,
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }
}

impl<'n> Fields<'n> {
    /// Opens a mapping; nothing at all counts as an empty one.
    pub(super) fn open(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Self> {
        let entries = match &field.node.value {
            Value::Mapping(entries) => Some(entries),
            Value::Null => None,
            _ => return cx.wrong(field, "a mapping"),
        };
        Some(Self { path: field.path.clone(), entries, known: Vec::new() })
    }

    /// A mapping without keys, for a short form that stands for one.
    pub(super) fn empty(field: &Field<'n>) -> Self {
        Self { path: field.path.clone(), entries: None, known: Vec::new() }
    }

    /// Takes a key; a key without a value counts as absent.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.take_nullable(key).filter(|field| !field.is_null())
    }

    /// Takes a key for which "nothing" is a value, too.
    pub(super) fn take_nullable(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.known.push(key);
        let entry = self.entries?.get(key)?;
        Some(entry_field(&self.path, key, entry))
    }

    /// Takes a key and reads its value.
    pub(super) fn read<T>(
        &mut self,
        cx: &mut Cx<'_>,
        key: &'static str,
        reader: impl FnOnce(&mut Cx<'_>, &Field<'n>) -> Option<T>,
    ) -> Option<T> {
        reader(cx, &self.take(key)?)
    }

    /// Takes keys that Compose knows and devstack does not act upon.
    pub(super) fn not_supported(&mut self, cx: &mut Cx<'_>, keys: &[&'static str]) {
        for key in keys {
            if let Some(field) = self.take(key) {
                let message = format!("`{}` is not supported yet and is ignored", field.path);
                cx.push(Diagnostic::warning(message, field.key));
                cx.carry(&field);
            }
        }
    }

    /// Takes a key that Compose knows and that would do harm if it were ignored.
    pub(super) fn refuse(&mut self, cx: &mut Cx<'_>, key: &'static str, help: &str) {
        if let Some(field) = self.take(key) {
            let message = format!("`{}` is not supported yet", field.path);
            cx.push(Diagnostic::error(message, field.key).help(help));
        }
    }

    /// Reports the keys that nobody took.
    pub(super) fn finish(self, cx: &mut Cx<'_>) {
        #[cfg(test)]
        cx.known.push((self.path.clone(), self.known.clone()));
        for (key, entry) in self.entries.into_iter().flatten() {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            if key.starts_with("x-") {
                cx.carry(&entry_field(&self.path, key, entry));
                continue;
            }
            let place =
                if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            let diagnostic =
                Diagnostic::error(format!("unknown key `{key}`{place}"), &entry.key_span);
            cx.push(match closest(key, self.known.iter().copied()) {
                Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                None if self.path.is_empty() && looks_like_a_service(&entry.node) => {
                    diagnostic.help(format!("move `{key}` under `services:`"))
                }
                None if key == "publish" => diagnostic
                    .help("`publish: all` stands at the top of the file; one port is published so by its address, as in `0.0.0.0:8080:80`"),
                None if self.known.len() <= FEW => {
                    let known: Vec<_> = self.known.iter().map(|key| format!("`{key}`")).collect();
                    diagnostic.help(format!("known are {}", known.join(", ")))
                }
                None => diagnostic.help("a key of your own begins with `x-`"),
            });
        }
    }
}

/// So many names can be listed in a line.
const FEW: usize = 8;

fn entry_field<'n>(path: &str, key: &str, entry: &'n Entry) -> Field<'n> {
    let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    Field { path, key: &entry.key_span, node: &entry.node }
}

/// Puts a value under a dotted path.
fn put(
    tree: &mut serde_json::Map<String, serde_json::Value>,
    path: &str,
    value: serde_json::Value,
) {
    match path.split_once('.') {
        // The keys of an extension are its own.
        Some((key, rest)) if !path.starts_with("x-") => {
            let inner = tree
                .entry(key)
                .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
            if let serde_json::Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
        _ => {
            tree.insert(path.to_owned(), value);
        }
    }
}

fn looks_like_a_service(node: &Node) -> bool {
    ["image", "build", "preset"].iter().any(|key| node.get(key).is_some())
}

/// Resolves `.` and `..` by the text alone, so that a path prints as a person would write it.
fn without_dots(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
