//! Fills in the variables of a tree's values. Keys stay as they are.

use super::core_schema;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::environment::Environment;
use super::limits;
use super::node::{Node, Value};
use super::place::within;
use super::suggest::closest;
use super::template::{self, Problem, ProblemKind};

/// Interpolates every text of the tree in place.
///
/// A text written without quotes is read again afterwards, so `${PORT:-80}` becomes a number. It
/// never becomes null: an empty variable is empty text, which is not the same as no value.
pub fn interpolate(root: &mut Node, environment: &Environment, diagnostics: &mut Diagnostics) {
    fill(root, environment, &mut { limits::FILLED_BYTES }, diagnostics);
}

/// Interpolates below a node; `left` is how many bytes the values may still have together.
fn fill(
    root: &mut Node,
    environment: &Environment,
    left: &mut usize,
    diagnostics: &mut Diagnostics,
) {
    match &mut root.value {
        Value::String { text, plain } => {
            if text.contains('$') {
                let lookup = |name: &str| environment.get(name).map(str::to_owned);
                let expanded = template::expand(text, *left, &lookup);
                *left = left.saturating_sub(expanded.text.len());
                for problem in &expanded.problems {
                    let span = within(&root.span, text, problem.range.clone());
                    let diagnostic = problem.diagnostic(&span);
                    push_once(diagnostics, suggest(diagnostic, problem, environment));
                }
                root.value = reread(expanded.text, *plain);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                fill(item, environment, left, diagnostics);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries.values_mut() {
                fill(&mut entry.node, environment, left, diagnostics);
            }
        }
        Value::Null | Value::Bool(_) | Value::Int { .. } | Value::Float { .. } => {}
    }
}

fn reread(text: String, plain: bool) -> Value {
    if plain {
        match text.as_str() {
            "true" => return Value::Bool(true),
            "false" => return Value::Bool(false),
            // `True` stays text: as the value of a variable it must not become `true`.
            _ => {
                if let Some(number) = core_schema::read_number(&text) {
                    return number;
                }
            }
        }
    }
    Value::String { text, plain }
}

fn suggest(diagnostic: Diagnostic, problem: &Problem, environment: &Environment) -> Diagnostic {
    let (ProblemKind::Unset { name } | ProblemKind::Required { name, .. }) = &problem.kind else {
        return diagnostic;
    };
    match closest(name, environment.iter().map(|(known, _)| known).filter(|known| known != name)) {
        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
        None => diagnostic,
    }
}

/// A warning is given once per variable, an error once per place (aliases repeat places).
fn push_once(diagnostics: &mut Diagnostics, diagnostic: Diagnostic) {
    if diagnostics.0.len() >= limits::FINDINGS
        && (diagnostic.severity == Severity::Warning || diagnostics.has_errors())
    {
        return;
    }
    let known = diagnostics.0.iter().any(|other| {
        other.message == diagnostic.message
            && (diagnostic.severity == Severity::Warning
                || other.primary.as_ref().map(|label| &label.span)
                    == diagnostic.primary.as_ref().map(|label| &label.span))
    });
    if !known {
        diagnostics.push(diagnostic);
    }
}

#[cfg(test)]
mod tests;
