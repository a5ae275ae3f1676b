//! Brings the short forms of a value into the form in which it can be merged.

use indexmap::IndexMap;

use super::super::diagnostic::Span;
use super::super::node::{Entry, Node, Value};
use super::super::place::within;
use super::rules::ListForm;

/// What a name in a list stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameDefault {
    /// Nothing more than its name.
    Nothing,
    /// `{condition: service_started, required: true}`.
    Started,
}

/// A list of names becomes a mapping; anything else stays as it is.
pub(super) fn names_to_mapping(node: Node, default: NameDefault) -> Node {
    let Value::Sequence(items) = &node.value else { return node };
    let mut entries = IndexMap::new();
    for item in items {
        let Some(name) = item.scalar_text() else { return node };
        let value = match default {
            NameDefault::Nothing => Value::Null,
            NameDefault::Started => {
                let condition = Value::String { text: "service_started".to_owned(), plain: false };
                Value::Mapping(IndexMap::from([
                    ("condition".to_owned(), entry(condition, &item.span)),
                    ("required".to_owned(), entry(Value::Bool(true), &item.span)),
                ]))
            }
        };
        entries.insert(name.to_owned(), entry(value, &item.span));
    }
    Node { value: Value::Mapping(entries), ..node }
}

/// A text becomes a mapping with this one key.
pub(super) fn text_to_mapping(node: Node, key: &str) -> Node {
    if node.scalar_text().is_none() {
        return node;
    }
    let span = node.span.clone();
    let key_span = span.clone();
    let entries = IndexMap::from([(key.to_owned(), Entry { key_span, node })]);
    Node { value: Value::Mapping(entries), span, tag: None }
}

/// The items of a list; a text is a list of one. `None` for a mapping.
pub(super) fn items(node: &Node) -> Option<Vec<Node>> {
    match &node.value {
        Value::Sequence(items) => Some(items.clone()),
        Value::Mapping(_) => None,
        _ => Some(vec![node.clone()]),
    }
}

/// A list of `KEY=VALUE` or a mapping as a mapping. `None` when it is neither.
pub(super) fn pairs(node: &Node, form: ListForm) -> Option<IndexMap<String, Entry>> {
    let items = match &node.value {
        Value::Mapping(entries) => return Some(entries.clone()),
        Value::Sequence(items) => items,
        _ => return None,
    };
    let mut entries: IndexMap<String, Entry> = IndexMap::new();
    for item in items {
        let text = item.scalar_text()?;
        let separator = match form {
            ListForm::Equals => text.find('='),
            ListForm::Hosts => text.find('=').or_else(|| text.find(':')),
        };
        let key = &text[..separator.unwrap_or(text.len())];
        let value = match separator {
            Some(separator) => Node {
                value: Value::String { text: text[separator + 1..].to_owned(), plain: false },
                span: within(&item.span, text, separator + 1..text.len()),
                tag: None,
            },
            None => Node { value: Value::Null, span: item.span.clone(), tag: None },
        };
        match entries.get_mut(key) {
            Some(known) if form == ListForm::Hosts => add_address(&mut known.node, value),
            _ => {
                let key_span = within(&item.span, text, 0..key.len());
                entries.insert(key.to_owned(), Entry { key_span, node: value });
            }
        }
    }
    Some(entries)
}

fn add_address(known: &mut Node, address: Node) {
    if let Value::Sequence(addresses) = &mut known.value {
        addresses.push(address);
    } else {
        let span = known.span.clone();
        let first = std::mem::replace(known, Node { value: Value::Null, span, tag: None });
        known.value = Value::Sequence(vec![first, address]);
    }
}

fn entry(value: Value, span: &Span) -> Entry {
    Entry { key_span: span.clone(), node: Node { value, span: span.clone(), tag: None } }
}
