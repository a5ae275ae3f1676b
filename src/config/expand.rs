//! Expands `preset: NAME`: the service that the name stands for goes below what the user wrote.

use std::sync::Arc;

use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, Diagnostics, Source, Span};
use super::environment::Environment;
use super::holes::Holes;
use super::interpolate::interpolate;
use super::layer::{Layer, LayerOrigin};
use super::merge::{MergeOptions, merge_service};
use super::node::{Entry, Node, Value};
use super::parse::parse;
use super::suggest::closest;

/// The presets that there are.
#[derive(Clone, Copy)]
pub struct Presets<'a> {
    /// Their names.
    pub names: &'a [&'a str],
    /// The YAML of a preset (first argument) for a service (second): a mapping with `service`, and
    /// with `volumes` and `networks` where it needs them. `{service}` in it is the service's key.
    pub source: &'a dyn Fn(&str, &str) -> Option<Arc<Source>>,
}

/// Top-level keys that a preset may add to.
const SHARED: [&str; 2] = ["volumes", "networks"];

/// Expands the presets of all services in place. The key `preset` stays. Without an environment
/// the presets' variables stay, too.
pub(crate) fn expand(
    root: &mut Node,
    presets: Presets<'_>,
    environment: Option<&Environment>,
    findings: &mut Diagnostics,
    holes: &mut Holes,
    mut layers: Option<&mut Vec<Layer>>,
) {
    let Value::Mapping(top) = &mut root.value else { return };
    let mut shared: Vec<(&str, Entry)> = Vec::new();
    if let Some(Value::Mapping(services)) =
        top.get_mut("services").map(|entry| &mut entry.node.value)
    {
        for (service, entry) in services {
            let own = || entry.node.get("x-devstack").and_then(|own| own.node.get("preset"));
            let Some(name) = entry.node.get("preset").or_else(own).cloned() else { continue };
            let Some(mut preset) = read(service, &name, presets, findings) else {
                holes.services.insert(service.clone());
                continue;
            };
            if let Some(environment) = environment {
                interpolate(&mut preset, environment, findings);
            }
            if let Some(layers) = &mut layers {
                let environment = environment.cloned().unwrap_or_default();
                below_all(layers, service, &name.node, &preset, &environment);
            }
            let Value::Mapping(mut parts) = preset.value else { continue };
            if let Some(below) = parts.swap_remove("service") {
                put_below(&mut entry.node, below.node, findings);
            }
            for key in SHARED {
                shared.extend(parts.swap_remove(key).map(|entry| (key, entry)));
            }
        }
    }
    for (key, entry) in shared {
        add_missing(top, key, entry);
    }
}

/// Puts a preset's parts below all that was merged.
fn below_all(
    layers: &mut Vec<Layer>,
    service: &str,
    name: &Node,
    preset: &Node,
    environment: &Environment,
) {
    let origin = LayerOrigin::Preset { name: name.scalar_text().unwrap_or_default().to_owned() };
    let mut put = |at: &[&str], node: &Node| {
        let at = at.iter().map(ToString::to_string).collect();
        let (origin, environment) = (origin.clone(), environment.clone());
        layers.insert(0, Layer { origin, at, node: node.clone(), environment });
    };
    if let Some(part) = preset.get("service") {
        put(&["services", service], &part.node);
    }
    for key in SHARED {
        if let Some(part) = preset.get(key) {
            put(&[key], &part.node);
        }
    }
}

fn put_below(service: &mut Node, below: Node, findings: &mut Diagnostics) {
    // To publish a preset's port elsewhere is not to publish it twice, in whichever file.
    let options = MergeOptions { ports_replace_by_target: true };
    let placeholder = Node { value: Value::Null, span: service.span.clone(), tag: None };
    let user = std::mem::replace(service, placeholder);
    *service = merge_service(below, user, options, findings);
}

fn read(
    service: &str,
    name: &Entry,
    presets: Presets<'_>,
    findings: &mut Diagnostics,
) -> Option<Node> {
    let span = &name.node.span;
    let Value::String { text, .. } = &name.node.value else {
        let message = format!("`preset` must be text, not {}", name.node.kind());
        findings.push(Diagnostic::error(message, span).help(known(presets)));
        return None;
    };
    let Some(template) = (presets.source)(text, service) else {
        findings.push(unknown(text, span, presets));
        return None;
    };
    let source = Arc::new(Source {
        name: template.name.clone(),
        text: template.text.replace("{service}", service),
    });
    match parse(&source) {
        Ok(documents) => documents.into_iter().next(),
        Err(found) => {
            findings.0.extend(found.0);
            None
        }
    }
}

fn unknown(name: &str, span: &Span, presets: Presets<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no preset `{name}`"), span);
    match closest(name, presets.names.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic,
    }
    .help(known(presets))
}

fn known(presets: Presets<'_>) -> String {
    let names: Vec<_> = presets.names.iter().map(|name| format!("`{name}`")).collect();
    format!("presets are {}", names.join(", "))
}

/// Adds a preset's volumes or networks. What the user declares stays as the user wrote it.
fn add_missing(top: &mut IndexMap<String, Entry>, key: &str, added: Entry) {
    match top.get_mut(key).filter(|declared| declared.node.value != Value::Null) {
        None => {
            top.insert(key.to_owned(), added);
        }
        Some(declared) => {
            if let (Value::Mapping(declared), Value::Mapping(added)) =
                (&mut declared.node.value, added.node.value)
            {
                for (name, entry) in added {
                    declared.entry(name).or_insert(entry);
                }
            }
        }
    }
}
