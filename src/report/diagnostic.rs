//! Draws findings in rustc's manner: the message, the place, the lines with carets, what to do.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{AnnotationKind, Group, Level, Snippet};

use crate::config::diagnostic::{Diagnostic, Diagnostics, Label, Severity, Source, Span};

/// More than anybody reads at once.
const MOST: usize = 100;

/// Draws findings, an empty line between them; ends with a line break unless there are none. Of
/// very many the first ones are drawn, and the others counted.
#[must_use]
pub fn render(diagnostics: &Diagnostics, colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }
        .decor_style(DecorStyle::Ascii)
        .term_width(width);
    let drawn: Vec<String> = diagnostics
        .0
        .iter()
        .take(MOST)
        .map(|diagnostic| renderer.render(&[group(diagnostic)]) + "\n")
        .collect();
    let mut drawn = drawn.join("\n");
    let others =
        diagnostics.0.iter().skip(MOST).filter(|it| it.severity == Severity::Error).count();
    if others > 0 {
        let more = format!("and {others} more errors");
        let more =
            Level::ERROR.primary_title(&more).element(Level::NOTE.message("mend these first"));
        drawn.push('\n');
        drawn.push_str(&renderer.render(&[more]));
        drawn.push('\n');
    }
    drawn
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
            let window =
                window(&source.text, labels.iter().map(|(_, label)| first_line(&label.span)));
            let first_line_of_window = source.text[..window.start].matches('\n').count() + 1;
            let annotations = labels.into_iter().map(|(kind, label)| {
                let place = first_line(&label.span);
                let annotation = kind.span(place.start - window.start..place.end - window.start);
                if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
            });
            Snippet::source(&source.text[window.clone()])
                .line_start(first_line_of_window)
                .path(&source.name)
                .annotations(annotations)
        })
        .collect()
}

/// The lines that hold the places: drawing takes as long as the text that it is given.
fn window(text: &str, places: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    let (start, end) = places
        .fold((text.len(), 0), |(start, end), place| (start.min(place.start), end.max(place.end)));
    let start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
    start..end
}

/// The part of a place on its first line: a mapping of many lines is shown by its beginning.
fn first_line(span: &Span) -> Range<usize> {
    let text = &span.source.text;
    // What is missing at the end of a file is shown behind its last line.
    let start = span.start.min(text.trim_end_matches(['\r', '\n']).len());
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
