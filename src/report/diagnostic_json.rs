//! Findings for editors: one JSON object a line.

use serde_json::{Value, json};

use crate::config::diagnostic::{Diagnostic, Diagnostics, Label, Severity};

/// Writes findings as lines of JSON. Lines and columns count from 1, columns in characters.
#[must_use]
pub fn to_json(diagnostics: &Diagnostics) -> String {
    let lines: Vec<String> =
        diagnostics.0.iter().map(|diagnostic| object(diagnostic).to_string()).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

fn object(diagnostic: &Diagnostic) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let primary = diagnostic.primary.iter().map(|label| place(label, true));
    let secondary = diagnostic.secondary.iter().map(|label| place(label, false));
    json!({
        "severity": severity,
        "message": diagnostic.message,
        "spans": primary.chain(secondary).collect::<Vec<_>>(),
        "notes": diagnostic.notes,
        "help": diagnostic.help,
    })
}

fn place(label: &Label, is_primary: bool) -> Value {
    let mut last = label.span.clone();
    last.start = last.end;
    let (line, column) = label.span.line_column();
    let (end_line, end_column) = last.line_column();
    json!({
        "file": label.span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "label": label.text,
        "primary": is_primary,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::diagnostic::{Source, Span};

    #[test]
    fn each_finding_is_one_object_with_its_places() {
        let source =
            Arc::new(Source { name: "a.yaml".to_owned(), text: "a: 1\nbö: 22\n".to_owned() });
        let span = |start, end| Span { source: source.clone(), start, end };
        let finding =
            Diagnostic::error("wrong", &span(10, 12)).also(&span(0, 1), "there").help("do");
        let missing = Diagnostic::new(Severity::Warning, "no file", None).note("why");
        insta::assert_snapshot!(to_json(&Diagnostics(vec![finding, missing])), @r#"
        {"severity":"error","message":"wrong","spans":[{"file":"a.yaml","line":2,"column":5,"end_line":2,"end_column":7,"label":"","primary":true},{"file":"a.yaml","line":1,"column":1,"end_line":1,"end_column":2,"label":"there","primary":false}],"notes":[],"help":["do"]}
        {"severity":"warning","message":"no file","spans":[],"notes":["why"],"help":[]}
        "#);
    }
}
