//! From a part of a scalar's text back to the bytes that it was written with.

use std::ops::Range;

use super::diagnostic::Span;

/// The place of `text[range]`, where `text` is what the scalar at `span` says.
///
/// Exact for text written on one line without escapes; otherwise the one occurrence of the part
/// inside the scalar; otherwise the whole scalar.
pub(crate) fn within(span: &Span, text: &str, range: Range<usize>) -> Span {
    let Some(written) = span.source.text.get(span.start..span.end) else {
        return span.clone();
    };
    let Some(part) = text.get(range.clone()) else {
        return span.clone();
    };
    // Tags and anchors stand before the text, so the end is what both have in common.
    let unquoted = written.strip_suffix(['"', '\'']);
    let offset = if written.ends_with(text) {
        Some(written.len() - text.len() + range.start)
    } else if let Some(unquoted) = unquoted.filter(|unquoted| unquoted.ends_with(text)) {
        Some(unquoted.len() - text.len() + range.start)
    } else {
        only_occurrence(written, part)
    };
    match offset {
        Some(offset) => Span {
            source: span.source.clone(),
            start: span.start + offset,
            end: span.start + offset + part.len(),
        },
        None => span.clone(),
    }
}

fn only_occurrence(written: &str, part: &str) -> Option<usize> {
    if part.is_empty() {
        return None;
    }
    let mut occurrences = written.match_indices(part);
    let (first, _) = occurrences.next()?;
    occurrences.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::diagnostic::Source;
    use super::*;

    #[test]
    fn a_part_is_found_where_it_was_written() {
        // What is written, its text, the part; then the expected place (`None`: the whole scalar).
        for (written, text, part, expected) in [
            ("a ${X} b", "a ${X} b", 2..6, Some(2..6)),
            ("'a ${X}'", "a ${X}", 2..6, Some(3..7)),
            ("\"a ${X}\"", "a ${X}", 2..6, Some(3..7)),
            ("!!str ${X}", "${X}", 0..4, Some(6..10)),
            ("\"a\\n${X}\"", "a\n${X}", 2..6, Some(4..8)),
            ("a\n  ${X}\n", "a\n${X}\n", 2..6, Some(4..8)),
            ("'it''s $X $X'", "it's $X $X", 5..7, None),
            ("${X:-80}", "80", 0..2, Some(5..7)),
            ("${X}", "80", 0..2, None),
            ("é ${X}", "é ${X}", 3..7, Some(3..7)),
        ] {
            let source = Arc::new(Source { name: "f".to_owned(), text: written.to_owned() });
            let whole = Span { source, start: 0, end: written.len() };
            let found = within(&whole, text, part);
            let expected = expected.unwrap_or(0..written.len());
            assert_eq!((found.start, found.end), (expected.start, expected.end), "{written}");
        }
    }
}
