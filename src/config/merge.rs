//! Merges one tree over another by Compose's rules. Which rule holds depends on the key path.
//!
//! `!reset` and `!override` stay on the merged tree, so that the result can itself be merged over
//! something (a preset, an extended service); [`settle`] applies what is left of them at the end.

use std::collections::hash_map::{self, HashMap};

use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Entry, MergeTag, Node, Value};

mod form;
mod identity;
mod rules;

pub(super) use identity::publishes;
use rules::{ListForm, Rule};

/// How to merge where devstack offers more than Compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeOptions {
    /// A published port replaces the ports below it with the same target; in Compose both stay.
    pub ports_replace_by_target: bool,
}

/// Merges one file's tree over another's.
///
/// What cannot be merged (a list over a mapping) is reported, and the upper value is kept.
#[must_use]
pub fn merge(base: Node, over: Node, options: MergeOptions, diagnostics: &mut Diagnostics) -> Node {
    Merger { options, diagnostics, path: Vec::new() }.node(base, over)
}

/// Merges one service over another, for `extends` and presets.
#[must_use]
pub(crate) fn merge_service(
    base: Node,
    over: Node,
    options: MergeOptions,
    diagnostics: &mut Diagnostics,
) -> Node {
    // The rules for a service do not depend on its name.
    let path = vec!["services".to_owned(), String::new()];
    Merger { options, diagnostics, path }.node(base, over)
}

/// Removes what is tagged `!reset` and takes off `!override`.
pub fn settle(node: &mut Node) {
    match node.tag.take() {
        Some(MergeTag::Reset) => node.value = Value::Null,
        Some(MergeTag::Override) | None => {}
    }
    match &mut node.value {
        Value::Sequence(items) => {
            for item in items {
                settle(item);
            }
        }
        Value::Mapping(entries) => {
            entries.retain(|_, entry| entry.node.tag != Some(MergeTag::Reset));
            for entry in entries.values_mut() {
                settle(&mut entry.node);
            }
        }
        _ => {}
    }
}

/// The value under a key of a node that stands at a path, in whichever form it is written:
/// `- NAME=value` has the key `NAME`.
#[must_use]
pub(crate) fn child(node: &Node, path: &[String], key: &str) -> Option<Node> {
    let under = |node: Node| node.get(key).map(|entry| entry.node.clone());
    match rules::rule(path) {
        Rule::Pairs(form) => form::pairs(node, form)?.get(key).map(|entry| entry.node.clone()),
        Rule::Names(default) => under(form::names_to_mapping(node.clone(), default)),
        Rule::Text(name) => under(form::text_to_mapping(node.clone(), name)),
        _ => node.get(key).map(|entry| entry.node.clone()),
    }
}

struct Merger<'d> {
    options: MergeOptions,
    diagnostics: &'d mut Diagnostics,
    path: Vec<String>,
}

impl Merger<'_> {
    fn node(&mut self, base: Node, over: Node) -> Node {
        // The same text twice, as when two files include a third, adds nothing to itself.
        if base.span == over.span && base == over {
            return over;
        }
        match (base.tag, over.tag) {
            // Whatever is below is gone, also what is below the base.
            (_, Some(_)) => over,
            (Some(MergeTag::Reset), None) => Node { tag: Some(MergeTag::Override), ..over },
            (Some(MergeTag::Override), None) => {
                Node { tag: Some(MergeTag::Override), ..self.value(base, over) }
            }
            (None, None) => self.value(base, over),
        }
    }

    fn value(&mut self, base: Node, over: Node) -> Node {
        let rule = rules::rule(&self.path);
        match (&base.value, &over.value) {
            (_, Value::Null) => return Node { tag: None, ..base },
            (Value::Null, _) => return over,
            _ => {}
        }
        match rule {
            Rule::Default => self.by_kind(base, over),
            Rule::Replace => over,
            Rule::Logging => self.logging(base, over),
            Rule::Ready => self.ready(base, over),
            Rule::Ports => self.ports(base, over),
            Rule::Pairs(form) => pairs(&base, over, form),
            Rule::Names(default) => {
                let base = form::names_to_mapping(base, default);
                let over = form::names_to_mapping(over, default);
                self.by_kind(base, over)
            }
            Rule::Text(key) => {
                self.by_kind(form::text_to_mapping(base, key), form::text_to_mapping(over, key))
            }
            Rule::Unique(identify) => self.unique(&base, over, identify),
            Rule::MergeItems(identify) => self.merge_items(&base, over, identify),
        }
    }

    fn by_kind(&mut self, base: Node, over: Node) -> Node {
        let value = match (base.value, over.value) {
            (Value::Mapping(base), Value::Mapping(over)) => {
                Value::Mapping(self.mapping(base, over))
            }
            (Value::Sequence(mut base), Value::Sequence(over)) => {
                base.extend(over);
                Value::Sequence(base)
            }
            (
                base_value @ (Value::Mapping(_) | Value::Sequence(_)),
                over_value @ (Value::Mapping(_) | Value::Sequence(_)),
            ) => {
                let base = Node { value: base_value, span: base.span, tag: None };
                let over = Node { value: over_value, span: over.span, tag: None };
                return self.incompatible(&base, over);
            }
            (_, over) => over,
        };
        Node { value, span: over.span, tag: None }
    }

    fn mapping(
        &mut self,
        mut base: IndexMap<String, Entry>,
        over: IndexMap<String, Entry>,
    ) -> IndexMap<String, Entry> {
        for (key, upper) in over {
            match base.get_mut(&key) {
                Some(lower) => {
                    let below = std::mem::replace(&mut lower.node, placeholder(&upper.node));
                    lower.key_span = upper.key_span;
                    self.path.push(key);
                    lower.node = self.node(below, upper.node);
                    self.path.pop();
                }
                None => {
                    base.insert(key, upper);
                }
            }
        }
        base
    }

    fn logging(&mut self, base: Node, over: Node) -> Node {
        let driver = |node: &Node| {
            node.get("driver").and_then(|entry| entry.node.scalar_text()).map(str::to_owned)
        };
        match (driver(&base), driver(&over)) {
            (Some(lower), Some(upper)) if lower != upper => over,
            _ => self.by_kind(base, over),
        }
    }

    fn ready(&mut self, base: Node, over: Node) -> Node {
        match &over.value {
            Value::Mapping(entries) if entries.keys().all(|key| key == "timeout") => {
                self.by_kind(base, over)
            }
            _ => over,
        }
    }

    fn ports(&mut self, base: Node, over: Node) -> Node {
        if !self.options.ports_replace_by_target {
            self.warn_of_added_ports(&base, &over);
            return self.unique(&base, over, identity::port);
        }
        let (mut lower, upper) = match (base.value, over.value) {
            (Value::Sequence(lower), Value::Sequence(upper)) => (lower, upper),
            (_, upper) => return Node { value: upper, span: over.span, tag: None },
        };
        let replaced: Vec<_> = upper.iter().filter_map(identity::port_target).collect();
        lower.retain(|port| {
            identity::port_target(port).is_none_or(|target| !replaced.contains(&target))
        });
        lower.extend(upper);
        Node { value: Value::Sequence(lower), span: over.span, tag: None }
    }

    /// Compose's rule surprises: whoever writes a port again means to move it.
    fn warn_of_added_ports(&mut self, base: &Node, over: &Node) {
        let (Value::Sequence(lower), Value::Sequence(upper)) = (&base.value, &over.value) else {
            return;
        };
        for port in upper {
            let Some(below) = lower.iter().find(|below| identity::publishes_again(below, port))
            else {
                continue;
            };
            let message = "this port of the container is published a second time: an override \
                           adds ports, it does not replace them";
            let diagnostic = Diagnostic::warning(message, &port.span)
                .also(&below.span, "the first one, which stays")
                .help("write `ports: !override` to replace the list");
            self.diagnostics.push(diagnostic);
        }
    }

    /// Lists in which an item of the same identity takes the place of the one below.
    fn unique(&mut self, base: &Node, over: Node, identify: identity::Identify) -> Node {
        let (Some(lower), Some(upper)) = (form::items(base), form::items(&over)) else {
            return self.incompatible(base, over);
        };
        let mut merged: Vec<Node> = Vec::with_capacity(lower.len() + upper.len());
        let mut places = HashMap::new();
        for item in lower.into_iter().chain(upper) {
            match identify(&item) {
                Some(id) => match places.entry(id) {
                    hash_map::Entry::Occupied(place) => {
                        merged[*place.get()] = item;
                    }
                    hash_map::Entry::Vacant(place) => {
                        place.insert(merged.len());
                        merged.push(item);
                    }
                },
                None => merged.push(item),
            }
        }
        Node { value: Value::Sequence(merged), span: over.span, tag: None }
    }

    /// Lists of mappings in which items of the same identity are merged.
    fn merge_items(&mut self, base: &Node, over: Node, identify: identity::Identify) -> Node {
        let (Some(mut merged), Some(upper)) = (form::items(base), form::items(&over)) else {
            return self.incompatible(base, over);
        };
        for item in upper {
            let id = identify(&item);
            let below = merged.iter_mut().find(|below| id.is_some() && identify(below) == id);
            match below {
                Some(below) => {
                    let lower = std::mem::replace(below, placeholder(&item));
                    *below = self.by_kind(lower, item);
                }
                None => merged.push(item),
            }
        }
        Node { value: Value::Sequence(merged), span: over.span, tag: None }
    }

    fn incompatible(&mut self, base: &Node, over: Node) -> Node {
        let key = self.path.last().map_or("the file", String::as_str);
        self.diagnostics.push(
            Diagnostic::error(
                format!("`{key}` is {} here and {} below", over.kind(), base.kind()),
                &over.span,
            )
            .also(&base.span, "merged over this")
            .help(
                "write both the same way, or put `!override` before this one to replace the other",
            ),
        );
        over
    }
}

/// `KEY=VALUE` lists and mappings: per key, the upper value wins, also when it is nothing.
fn pairs(base: &Node, over: Node, form: ListForm) -> Node {
    // What is neither is for the typed layer to refuse.
    let (Some(mut merged), Some(upper)) = (form::pairs(base, form), form::pairs(&over, form))
    else {
        return over;
    };
    merged.extend(upper);
    Node { value: Value::Mapping(merged), span: over.span, tag: None }
}

/// Stands in a tree while the node that was there is merged.
fn placeholder(like: &Node) -> Node {
    Node { value: Value::Null, span: like.span.clone(), tag: None }
}

#[cfg(test)]
mod tests;
