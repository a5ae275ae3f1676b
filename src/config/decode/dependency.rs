//! `depends_on` and `links`.

use super::context::{Cx, Field, Fields, Placed};
use super::scalar::{boolean, has_no_blank, parsed, text, word};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::{Dependency, DependsOnCondition, InvalidName, ServiceName};

/// An edge to another service.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) service: ServiceName,
    pub(super) dependency: Dependency,
}

const CONDITIONS: &[(&str, DependsOnCondition)] = &[
    ("service_started", DependsOnCondition::ServiceStarted),
    ("service_healthy", DependsOnCondition::ServiceHealthy),
    ("service_completed_successfully", DependsOnCondition::ServiceCompletedSuccessfully),
];

/// The edge that a bare name stands for.
pub(super) const STARTED: Dependency =
    Dependency { condition: DependsOnCondition::ServiceStarted, restart: false, required: true };

/// Reads the list of names and the mapping.
pub(super) fn depends_on<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Vec<Placed<'n, Edge>>> {
    let mut edges = Vec::new();
    match &field.node.value {
        Value::Sequence(_) => {
            for item in field.items().into_iter().flatten() {
                let Some(service) = parsed(cx, &item) else { continue };
                let value = Edge { service, dependency: STARTED };
                edges.push(Placed { value, span: item.span() });
            }
        }
        Value::Mapping(_) => {
            for (name, value) in field.entries().into_iter().flatten() {
                let Some(mut fields) = Fields::open(cx, &value) else { continue };
                let dependency = Dependency {
                    condition: fields
                        .read(cx, "condition", |cx, field| word(cx, field, CONDITIONS))
                        .unwrap_or(STARTED.condition),
                    restart: fields.read(cx, "restart", boolean).unwrap_or_default(),
                    required: fields.read(cx, "required", boolean).unwrap_or(true),
                };
                fields.finish(cx);
                match name.parse::<ServiceName>() {
                    Ok(service) => {
                        edges.push(Placed { value: Edge { service, dependency }, span: value.key });
                    }
                    Err(error) => cx.push(Diagnostic::error(error.to_string(), value.key)),
                }
            }
        }
        _ => return cx.wrong(field, "a list or a mapping"),
    }
    Some(edges)
}

/// Reads `links`: each is an edge, and may give the other service a name for this one alone.
pub(super) fn links<'n>(
    cx: &mut Cx<'_>,
    field: &Field<'n>,
) -> Option<(Vec<Placed<'n, Edge>>, Vec<String>)> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut edges = Vec::new();
    let mut given = Vec::new();
    for item in items {
        let Some(text) = text(cx, &item) else { continue };
        if text.split_once(':').is_some_and(|(_, name)| name.is_empty() || !has_no_blank(name)) {
            let message = format!("`{}` gives no name after the `:`", item.path);
            cx.push(Diagnostic::error(message, item.span()).help("write `SERVICE:NAME`"));
            continue;
        }
        match text.split_once(':').map_or(text.as_str(), |(name, _)| name).parse() {
            Ok(service) => {
                let dependency = Dependency { restart: true, ..STARTED };
                edges.push(Placed { value: Edge { service, dependency }, span: item.span() });
                given.push(text);
            }
            Err(error) => {
                let error: InvalidName = error;
                cx.push(Diagnostic::error(error.to_string(), item.span()));
            }
        }
    }
    Some((edges, given))
}
