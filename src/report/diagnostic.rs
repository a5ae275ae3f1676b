//! Draws findings in rustc's manner: the message, the place, the lines with carets, what to do.

use std::sync::Arc;

use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{AnnotationKind, Group, Level, Snippet};

use crate::config::diagnostic::{Diagnostic, Diagnostics, Label, Severity, Source, Span};

/// Draws all findings, an empty line between them; ends with a line break unless there are none.
#[must_use]
pub fn render(diagnostics: &Diagnostics, colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }
        .decor_style(DecorStyle::Ascii)
        .term_width(width);
    let drawn: Vec<String> = diagnostics
        .0
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic)]) + "\n")
        .collect();
    drawn.join("\n")
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let notes = diagnostic.notes.iter().map(|note| Level::NOTE.message(note));
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(help));
    level
        .primary_title(&diagnostic.message)
        .elements(snippets(diagnostic))
        .elements(notes)
        .elements(help)
}

/// The places in one file.
type Labels<'a> = Vec<(AnnotationKind, &'a Label)>;

/// One snippet per file, the primary place's file first.
fn snippets(diagnostic: &Diagnostic) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let mut files: Vec<(&Arc<Source>, Labels<'_>)> = Vec::new();
    let primary = diagnostic.primary.iter().map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label));
    for (kind, label) in primary.chain(secondary) {
        let source = &label.span.source;
        match files.iter_mut().find(|(known, _)| Arc::ptr_eq(known, source)) {
            Some((_, labels)) => labels.push((kind, label)),
            None => files.push((source, vec![(kind, label)])),
        }
    }
    files
        .into_iter()
        .map(|(source, labels)| {
            let annotations = labels.into_iter().map(|(kind, label)| {
                let annotation = kind.span(first_line(&label.span));
                if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
            });
            Snippet::source(&source.text).path(&source.name).annotations(annotations)
        })
        .collect()
}

/// The part of a place on its first line: a mapping of many lines is shown by its beginning.
fn first_line(span: &Span) -> std::ops::Range<usize> {
    let text = &span.source.text;
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    match text.get(start..end) {
        Some(part) => {
            let line = part.split('\n').next().unwrap_or(part);
            start..start + line.trim_end().len()
        }
        None => start..start,
    }
}

#[cfg(test)]
mod tests;
