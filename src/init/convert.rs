//! A Compose file in devstack's own words. The text is changed in place, so that comments, order,
//! anchors and quotes stay as they are.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::modeline;
use crate::config::diagnostic::{Diagnostics, Source, Span};
use crate::config::node::{Entry, Node, Value};
use crate::config::parse::parse;

/// A file to convert.
#[derive(Debug, Clone)]
pub struct Convertible<'a> {
    /// Its text.
    pub source: Arc<Source>,
    /// By the name of a service: the `ready:` to write under its image.
    pub ready: &'a BTreeMap<String, String>,
}

/// Changes the text of a Compose file: the schema's line first, no `version`, what stands under
/// `x-devstack` in its own place, and how to ask known services whether they are ready.
///
/// What stands under `x-devstack` in a way that cannot be moved (an alias, a flow mapping of several
/// lines) stays there, where it means the same.
///
/// # Errors
///
/// When it is no YAML.
pub fn convert(file: &Convertible<'_>) -> Result<String, Diagnostics> {
    let documents = parse(&file.source)?;
    let mut text = Text { source: &file.source, edits: Vec::new() };
    let mut told: Vec<&str> = Vec::new();
    for document in &documents {
        if let Some(version) = document.get("version") {
            text.remove(version);
        }
        text.hoist(document, &["publish"]);
        let services = document.get("services").map(|entry| &entry.node.value);
        let Some(Value::Mapping(services)) = services else { continue };
        for (name, service) in services {
            text.hoist(&service.node, &["preset", "aliases", "ready", "reload", "urls"]);
            if let Some((name, ready)) = file.ready.get_key_value(name)
                && !told.contains(&name.as_str())
                && text.add_beside(&service.node, "image", &format!("ready: {ready}"))
            {
                told.push(name);
            }
        }
    }
    Ok(text.finish())
}

/// A text, and what is to be changed in it.
struct Text<'t> {
    source: &'t Arc<Source>,
    edits: Vec<(Range<usize>, String)>,
}

impl<'t> Text<'t> {
    /// The blanks before a key that is the first of its line; `None` where others stand before it.
    fn indent(&self, key: &Span) -> Option<&'t str> {
        if !Arc::ptr_eq(&key.source, self.source) {
            return None;
        }
        let before = &self.source.text[self.line_start(key.start)..key.start];
        before.trim_start_matches(' ').is_empty().then_some(before)
    }

    fn line_start(&self, at: usize) -> usize {
        self.source.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// One past the line's end.
    fn line_end(&self, at: usize) -> usize {
        self.source.text[at..].find('\n').map_or(self.source.text.len(), |newline| at + newline + 1)
    }

    fn newline(&self) -> &'static str {
        if self.source.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Where a value ends that stands behind its key, and not by an alias elsewhere. A value with an
    /// anchor or a tag is left alone.
    fn end(&self, entry: &Entry) -> Option<usize> {
        let span = &entry.node.span;
        let key_end = entry.key_span.end;
        if !Arc::ptr_eq(&span.source, self.source) || span.start < key_end {
            return None;
        }
        // What has an anchor is meant elsewhere, too.
        if self.source.text[span.start..].starts_with(['&', '!']) {
            return None;
        }
        // Between them stand only the colon, blanks and comments.
        let between = self.source.text[key_end..span.start].trim_start_matches([' ', '"', '\'']);
        let mut lines = between.strip_prefix(':')?.lines();
        let only_comments = lines.all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#')
        });
        let last = self.source.text[..span.end].trim_end().len().max(key_end);
        only_comments.then_some(last)
    }

    fn remove(&mut self, entry: &Entry) {
        if let (Some(_), Some(end)) = (self.indent(&entry.key_span), self.end(entry)) {
            self.edits
                .push((self.line_start(entry.key_span.start)..self.line_end(end), String::new()));
        }
    }

    /// Writes another key and its value beside one: in the line below it, or behind it between the
    /// same braces; whether there is a place for it.
    fn add_beside(&mut self, node: &Node, key: &str, line: &str) -> bool {
        let Some(entry) = node.get(key) else { return false };
        let Some(end) = self.end(entry) else { return false };
        let is_flow = Arc::ptr_eq(&node.span.source, self.source)
            && self.source.text[node.span.start..].starts_with('{');
        if is_flow {
            self.edits.push((end..end, format!(", {line}")));
            return true;
        }
        let Some(indent) = self.indent(&entry.key_span) else { return false };
        let end = self.line_end(end);
        let newline = self.newline();
        let first = if self.source.text[..end].ends_with('\n') { "" } else { newline };
        self.edits.push((end..end, format!("{first}{indent}{line}{newline}")));
        true
    }

    /// Moves what stands under `x-devstack` of a mapping into the mapping.
    fn hoist(&mut self, node: &Node, own: &[&str]) {
        let Some(extension) = node.get("x-devstack") else { return };
        let Value::Mapping(entries) = &extension.node.value else { return };
        let can_move = !entries.is_empty()
            && entries.keys().all(|key| own.contains(&key.as_str()) && node.get(key).is_none());
        let (Some(indent), Some(end)) = (self.indent(&extension.key_span), self.end(extension))
        else {
            return;
        };
        if !can_move {
            return;
        }
        let is_flow = self.source.text[extension.node.span.start..].starts_with('{');
        let moved = if is_flow {
            self.flow_lines(entries, indent)
        } else {
            self.block_lines(extension, entries, indent, end)
        };
        if let Some(moved) = moved {
            let range = self.line_start(extension.key_span.start)..self.line_end(end);
            self.edits.push((range, moved));
        }
    }

    /// `{a: 1, b: {c: 2}}` as one line a key.
    fn flow_lines(&self, entries: &IndexMap<String, Entry>, indent: &str) -> Option<String> {
        let mut lines = String::new();
        for (key, entry) in entries {
            let span = &entry.node.span;
            let value = match entry.node.value {
                Value::Null => "",
                _ => self.source.text.get(self.end(entry).map(|_| span.start..span.end)?)?,
            };
            if value.contains('\n') {
                return None;
            }
            lines.push_str(format!("{indent}{key}: {value}").trim_end());
            lines.push_str(self.newline());
        }
        Some(lines)
    }

    /// The lines below `x-devstack:`, moved to the left.
    fn block_lines(
        &self,
        extension: &Entry,
        entries: &IndexMap<String, Entry>,
        indent: &str,
        end: usize,
    ) -> Option<String> {
        let first = entries.values().next()?;
        let by = self.indent(&first.key_span)?.len().checked_sub(indent.len())?;
        let begin = self.line_end(extension.key_span.end);
        let mut lines = String::new();
        // What is said beside the key is still true of what it held.
        let beside = &self.source.text[extension.key_span.end..begin];
        if let Some(at) = beside.find('#') {
            lines.push_str(indent);
            lines.push_str(beside[at..].trim_end());
            lines.push_str(self.newline());
        }
        for line in self.source.text[begin..self.line_end(end)].split_inclusive('\n') {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            lines.push_str(&line[by.min(blanks)..]);
        }
        Some(lines)
    }

    fn finish(mut self) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = modeline().replace('\n', self.newline());
        let mut rest = 0;
        for (range, replacement) in &self.edits {
            if range.start < rest {
                continue;
            }
            text.push_str(&self.source.text[rest..range.start]);
            text.push_str(replacement);
            rest = range.end;
        }
        text.push_str(&self.source.text[rest..]);
        // The mark of a text's encoding stands at its very beginning or nowhere.
        text.replacen('\u{feff}', "", 1)
    }
}
