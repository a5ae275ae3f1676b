//! From YAML text to one [`Node`] per document.
//!
//! Anchors, aliases and `<<` are resolved here, duplicate keys are refused, and both the depth and
//! the size of what aliases may grow to are bounded. Nothing is interpolated or merged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::core_schema;
use super::diagnostic::{Diagnostic, Diagnostics, Source, Span};
use super::limits;
use super::node::{Entry, MergeTag, Node, Value};
use super::suggest::closest;
use super::syntax_error;

/// So many bytes of repeated text weigh as much as one node.
const BYTES_PER_NODE: usize = 256;

/// Parses all documents of a source.
///
/// # Errors
///
/// All duplicate keys, unknown tags and unusable keys; a syntax error ends the list, since nothing
/// after it can be trusted.
pub fn parse(source: &Arc<Source>) -> Result<Vec<Node>, Diagnostics> {
    let mut builder = Builder {
        source,
        bytes: byte_offsets(&source.text),
        events: Parser::new_from_str(&source.text),
        anchors: HashMap::new(),
        nodes: 0,
        findings: Diagnostics::default(),
    };
    let mut documents = Vec::new();
    if let Err(Fatal(diagnostic)) = builder.stream(&mut documents) {
        builder.findings.push(*diagnostic);
    }
    if builder.findings.0.is_empty() { Ok(documents) } else { Err(builder.findings) }
}

/// An error after which the rest of the file cannot be read.
struct Fatal(Box<Diagnostic>);

struct Builder<'a> {
    source: &'a Arc<Source>,
    /// The byte of each character, when not all characters are one byte.
    bytes: Option<Vec<usize>>,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    findings: Diagnostics,
}

enum Anchor {
    /// Still being read: an alias to it would contain itself.
    Open,
    Ready {
        node: Node,
        weight: usize,
        height: usize,
    },
}

/// An event with its place in bytes.
type Placed<'a> = (Event<'a>, Span);

impl<'a> Builder<'a> {
    fn stream(&mut self, documents: &mut Vec<Node>) -> Result<(), Fatal> {
        while let Some((event, place)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ => documents.push(self.node(event, place, 0)?),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Placed<'a>>, Fatal> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let place = self.place(span.start.index(), span.end.index());
                Ok(Some((event, place)))
            }
            Some(Err(error)) => {
                let index = error.marker().index();
                let mut at = self.place(index, index + 1);
                // A caret under a line's end points at nothing.
                if self.source.text[at.start..at.end].starts_with(['\n', '\r']) {
                    at.end = at.start;
                }
                Err(Fatal(Box::new(syntax_error::explain(error.info(), &at))))
            }
        }
    }

    /// The next event inside a collection.
    fn inside(&mut self, opened_at: &Span) -> Result<Placed<'a>, Fatal> {
        match self.next()? {
            Some(placed) => Ok(placed),
            None => Err(fatal(Diagnostic::error("this collection is not closed", opened_at))),
        }
    }

    fn node(&mut self, event: Event<'a>, place: Span, depth: usize) -> Result<Node, Fatal> {
        self.grow(1, &place)?;
        if depth > limits::DEPTH {
            return Err(too_deep(&place));
        }
        match event {
            Event::Alias(id) => self.alias(id, &place, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let (tag, kind) = self.tag(tag.as_deref(), &place);
                let value = self.scalar(&text, style, kind, &place);
                let node = Node { value, span: place, tag };
                self.anchor(anchor, &node, 1);
                Ok(node)
            }
            Event::SequenceStart(anchor, tag) => {
                let (tag, _) = self.tag(tag.as_deref(), &place);
                self.collection(anchor, place, tag, |builder, span| builder.sequence(span, depth))
            }
            Event::MappingStart(anchor, tag) => {
                let (tag, _) = self.tag(tag.as_deref(), &place);
                self.collection(anchor, place, tag, |builder, span| builder.mapping(span, depth))
            }
            _ => Err(fatal(Diagnostic::error("expected a value here", &place))),
        }
    }

    fn collection(
        &mut self,
        anchor: usize,
        mut span: Span,
        tag: Option<MergeTag>,
        read: impl FnOnce(&mut Self, &mut Span) -> Result<Value, Fatal>,
    ) -> Result<Node, Fatal> {
        let before = self.nodes;
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
        let value = read(self, &mut span)?;
        let node = Node { value, span, tag };
        self.anchor(anchor, &node, self.nodes - before);
        Ok(node)
    }

    fn sequence(&mut self, span: &mut Span, depth: usize) -> Result<Value, Fatal> {
        let mut items = Vec::new();
        loop {
            let (event, place) = self.inside(span)?;
            if event == Event::SequenceEnd {
                close(span, &place);
                return Ok(Value::Sequence(items));
            }
            let aliased = matches!(event, Event::Alias(_));
            let mut item = self.node(event, place, depth + 1)?;
            if !aliased {
                span.end = span.end.max(item.span.end);
            }
            if let Some(tag) = item.tag.take().filter(|_| !aliased) {
                self.findings.push(
                    Diagnostic::error(
                        format!("`{}` has no effect on an item of a list", tag_name(tag)),
                        &item.span,
                    )
                    .help("put it before the list: `key: !override`, then the items"),
                );
            }
            items.push(item);
        }
    }

    fn mapping(&mut self, span: &mut Span, depth: usize) -> Result<Value, Fatal> {
        let mut pairs = Vec::new();
        loop {
            let (event, place) = self.inside(span)?;
            if event == Event::MappingEnd {
                close(span, &place);
                break;
            }
            let key_place = place.clone();
            let key = self.node(event, place, depth + 1)?;
            let (event, place) = self.inside(span)?;
            let (aliased, value_place) = (matches!(event, Event::Alias(_)), place.clone());
            let node = self.node(event, place, depth + 1)?;
            span.end = span.end.max(if aliased { value_place.end } else { node.span.end });
            if let Some(text) = self.key(&key, &key_place) {
                pairs.push((text, Entry { key_span: key_place, node }));
            }
        }
        Ok(Value::Mapping(self.unite(pairs)))
    }

    /// A key as text. Numbers and booleans are keys as they were written.
    fn key(&mut self, key: &Node, place: &Span) -> Option<String> {
        let text = match &key.value {
            // `True:` is the key `True`, not `true`.
            Value::Bool(_) => self.source.text.get(key.span.start..key.span.end),
            _ => key.scalar_text(),
        };
        if text.is_none() {
            self.findings.push(
                Diagnostic::error(format!("a key must be text, not {}", key.kind()), place)
                    .help("put quotes around the key"),
            );
        }
        text.map(str::to_owned)
    }

    /// Applies `<<` and refuses duplicates.
    fn unite(&mut self, pairs: Vec<(String, Entry)>) -> IndexMap<String, Entry> {
        let mut own: HashMap<&str, &Entry> = HashMap::with_capacity(pairs.len());
        for (key, entry) in &pairs {
            if let Some(first) = own.get(key.as_str()) {
                let duplicate =
                    Diagnostic::error(format!("the key `{key}` is given twice"), &entry.key_span)
                        .label("second")
                        .also(&first.key_span, "first");
                self.findings.push(if key == MERGE_KEY {
                    duplicate.help("merge several mappings with one `<<: [*a, *b]`")
                } else {
                    duplicate.help("keep one of the two")
                });
            } else {
                own.insert(key, entry);
            }
        }
        let own: HashSet<String> = own.into_keys().map(str::to_owned).collect();
        let mut united = IndexMap::with_capacity(pairs.len());
        for (key, entry) in pairs {
            if key == MERGE_KEY {
                for (key, entry) in self.merged(entry) {
                    if !own.contains(&key) {
                        united.entry(key).or_insert(entry);
                    }
                }
            } else {
                united.entry(key).or_insert(entry);
            }
        }
        united
    }

    /// The entries that a `<<` brings, the earlier mapping of a list first.
    fn merged(&mut self, entry: Entry) -> IndexMap<String, Entry> {
        match entry.node.value {
            Value::Mapping(entries) => entries,
            Value::Sequence(items) => {
                let mut all = IndexMap::new();
                for item in items {
                    let entry = Entry { key_span: entry.key_span.clone(), node: item };
                    if matches!(entry.node.value, Value::Sequence(_)) {
                        self.not_a_mapping(&entry);
                        continue;
                    }
                    for (key, entry) in self.merged(entry) {
                        all.entry(key).or_insert(entry);
                    }
                }
                all
            }
            _ => {
                self.not_a_mapping(&entry);
                IndexMap::new()
            }
        }
    }

    fn not_a_mapping(&mut self, entry: &Entry) {
        self.findings.push(
            Diagnostic::error(
                format!("`<<` merges mappings, not {}", entry.node.kind()),
                &entry.node.span,
            )
            .also(&entry.key_span, "merged here"),
        );
    }

    fn alias(&mut self, id: usize, place: &Span, depth: usize) -> Result<Node, Fatal> {
        match self.anchors.get(&id) {
            Some(Anchor::Ready { height, .. }) if depth + height > limits::DEPTH => {
                Err(too_deep(place))
            }
            Some(Anchor::Ready { node, weight, .. }) => {
                let (node, weight) = (node.clone(), *weight);
                self.grow(weight, place)?;
                Ok(node)
            }
            Some(Anchor::Open) => {
                Err(fatal(Diagnostic::error("this alias is inside its own anchor", place)))
            }
            None => Err(fatal(Diagnostic::error("this alias names no anchor", place))),
        }
    }

    fn anchor(&mut self, id: usize, node: &Node, nodes: usize) {
        if id != 0 {
            let weight = nodes + (node.span.end - node.span.start) / BYTES_PER_NODE;
            let anchor = Anchor::Ready { node: node.clone(), weight, height: height(node) };
            self.anchors.insert(id, anchor);
        }
    }

    fn grow(&mut self, by: usize, place: &Span) -> Result<(), Fatal> {
        self.nodes += by;
        if self.nodes <= limits::NODES {
            return Ok(());
        }
        Err(fatal(
            Diagnostic::error("this file is too big once its aliases are followed", place)
                .note(format!("at most {} values are read", limits::NODES)),
        ))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        kind: Option<&str>,
        place: &Span,
    ) -> Value {
        let plain = style == ScalarStyle::Plain;
        let string = || Value::String { text: text.to_owned(), plain: false };
        let read = core_schema::read(text);
        let fits = match kind {
            None if plain => return read,
            None | Some("str") => return string(),
            Some("null") => return Value::Null,
            Some("int") => matches!(read, Value::Int { .. }),
            Some("float") => matches!(read, Value::Int { .. } | Value::Float { .. }),
            Some("bool") => matches!(read, Value::Bool(_)),
            Some(_) => false,
        };
        if !fits {
            let kind = kind.unwrap_or_default();
            self.findings
                .push(Diagnostic::error(format!("`{text}` is not a YAML `!!{kind}`"), place));
        }
        read
    }

    /// What a tag says: how to merge, or which type of the core schema.
    fn tag<'t>(
        &mut self,
        tag: Option<&'t Tag>,
        place: &Span,
    ) -> (Option<MergeTag>, Option<&'t str>) {
        let Some(tag) = tag else { return (None, None) };
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!", "reset") => (Some(MergeTag::Reset), None),
            ("!", "override") => (Some(MergeTag::Override), None),
            // `! text` only says that it is text.
            ("" | "!", "" | "!") => (None, Some("str")),
            ("tag:yaml.org,2002:", "seq" | "map") => (None, None),
            ("tag:yaml.org,2002:", kind @ ("str" | "null" | "int" | "float" | "bool")) => {
                (None, Some(kind))
            }
            (_, suffix) => {
                let mut diagnostic = Diagnostic::error(format!("unknown tag `{tag}`"), place);
                diagnostic = match closest(suffix, ["reset", "override"]) {
                    Some(known) => diagnostic.help(format!("did you mean `!{known}`?")),
                    None => diagnostic.help("`!reset` and `!override` are known"),
                };
                self.findings.push(diagnostic);
                (None, None)
            }
        }
    }

    fn place(&self, start: usize, end: usize) -> Span {
        let length = self.source.text.len();
        let byte = |index: usize| match &self.bytes {
            Some(bytes) => bytes.get(index).copied().unwrap_or(length),
            None => index.min(length),
        };
        Span { source: self.source.clone(), start: byte(start), end: byte(end) }
    }
}

const MERGE_KEY: &str = "<<";

const fn tag_name(tag: MergeTag) -> &'static str {
    match tag {
        MergeTag::Reset => "!reset",
        MergeTag::Override => "!override",
    }
}

fn fatal(diagnostic: Diagnostic) -> Fatal {
    Fatal(Box::new(diagnostic))
}

fn too_deep(place: &Span) -> Fatal {
    fatal(
        Diagnostic::error("nested too deeply", place)
            .note(format!("at most {} levels are read", limits::DEPTH)),
    )
}

/// Levels below a node.
fn height(node: &Node) -> usize {
    match &node.value {
        Value::Sequence(items) => items.iter().map(|item| height(item) + 1).max(),
        Value::Mapping(entries) => entries.values().map(|entry| height(&entry.node) + 1).max(),
        _ => None,
    }
    .unwrap_or(0)
}

/// A bracket ends a collection where it stands; in block style the last value does.
fn close(span: &mut Span, end: &Span) {
    let bracket = end.source.text.get(end.start..end.end);
    if matches!(bracket, Some("]" | "}")) {
        span.end = end.end;
    }
}

/// The parser counts characters, a [`Span`] counts bytes.
fn byte_offsets(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect())
}

#[cfg(test)]
mod tests;
