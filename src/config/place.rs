//! From a part of a scalar's text back to the bytes that it was written with.

use std::ops::Range;

use super::diagnostic::Span;

/// The place of `text[range]`, where `text` is what the scalar at `span` says.
///
/// Exact for text written on one line without escapes, and in a literal block (`|`) for lines
/// without variables; otherwise the one occurrence of the part inside the scalar; otherwise the
/// whole line of a block, or the whole scalar.
pub(crate) fn within(span: &Span, text: &str, range: Range<usize>) -> Span {
    let Some(written) = span.source.text.get(span.start..span.end) else {
        return span.clone();
    };
    let Some(part) = text.get(range.clone()) else {
        return span.clone();
    };
    if let Some(lines) = Block::read(written, text)
        && let Some(place) = lines.place(text, &range)
    {
        let (start, end) = (span.start + place.start, span.start + place.end);
        return Span { source: span.source.clone(), start, end };
    }
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

/// A literal block: each line of the text behind an indentation.
struct Block<'a> {
    /// Its lines and where each begins in what is written.
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Block<'a> {
    fn read(written: &'a str, text: &str) -> Option<Self> {
        let header = written.strip_prefix('|')?.find('\n')? + 2;
        let mut start = header;
        let mut lines = Vec::new();
        for line in written[header..].split_inclusive('\n') {
            lines.push((start, line.trim_end_matches(['\r', '\n'])));
            start += line.len();
        }
        // A variable that stands for several lines moves all that follow.
        let whole = written.trim_end().matches('\n').count();
        (text.trim_end().matches('\n').count() + 1 == whole).then_some(Self { lines })
    }

    fn place(&self, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
        let number = text[..range.start].matches('\n').count();
        let begin = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
        let (start, written) = *self.lines.get(number)?;
        let said = text[begin..].lines().next()?;
        let Some(indent) = written.strip_suffix(said).filter(|indent| indent.trim().is_empty())
        else {
            let indent = written.len() - written.trim_start().len();
            return Some(start + indent..start + written.trim_end().len());
        };
        let at = |index: usize| start + indent.len() + index - begin;
        // Of a part of several lines the first one is meant.
        Some(at(range.start)..at(range.end.min(begin + said.len())))
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
            ("|\n  FROM x\n\n  RUN x\n", "FROM x\n\nRUN x\n", 12..13, Some(18..19)),
            ("|-\r\n  FROM x\r\n  RUN x", "FROM x\nRUN x", 7..12, Some(16..21)),
            ("|\n  RUN a \\\n    b\n", "RUN a \\\n  b\n", 0..11, Some(4..11)),
            ("|\n  FROM x\n  RUN $$A$$A\n", "FROM x\nRUN $A$A\n", 11..13, Some(13..23)),
            ("|\n  ${X}\n  RUN x\n", "FROM x\nUSER y\nRUN x\n", 14..19, Some(11..16)),
        ] {
            let source = Arc::new(Source { name: "f".to_owned(), text: written.to_owned() });
            let whole = Span { source, start: 0, end: written.len() };
            let found = within(&whole, text, part);
            let expected = expected.unwrap_or(0..written.len());
            assert_eq!((found.start, found.end), (expected.start, expected.end), "{written}");
        }
    }
}
