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
    if let Some(lines) = Block::read(span, text)
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
    /// The span of a block begins behind the indentation of its first line.
    fn read(span: &'a Span, text: &str) -> Option<Self> {
        let written = span.source.text.get(span.start..span.end)?;
        let header = span.source.text[..span.start].trim_end_matches(' ').strip_suffix('\n')?;
        let header = header.trim_end().rsplit([' ', '\n']).next()?;
        // A variable that stands for several lines moves all that follow.
        let line_breaks = |text: &str| text.trim_end().matches('\n').count();
        if !header.starts_with('|') || line_breaks(text) != line_breaks(written) {
            return None;
        }
        let lines = written.split_inclusive('\n').scan(0, |start, line| {
            let begin = *start;
            *start += line.len();
            Some((begin, line.trim_end_matches(['\r', '\n'])))
        });
        Some(Self { lines: lines.collect() })
    }

    /// The place of a part; its whole first line where that was written in another way.
    fn place(&self, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
        // A line break at the end is one of the line before.
        let line_break = usize::from(text[range.clone()].ends_with('\n'));
        let end = self.written_at(text, range.end - line_break);
        if let (Some(start), Some(end)) = (self.written_at(text, range.start), end) {
            return Some(start..end + line_break);
        }
        let (start, written) = *self.lines.get(text[..range.start].matches('\n').count())?;
        let indent = written.len() - written.trim_start().len();
        Some(start + indent..start + written.trim_end().len())
    }

    /// Where a byte of the text was written; `None` where its line was written in another way.
    fn written_at(&self, text: &str, index: usize) -> Option<usize> {
        let (start, written) = *self.lines.get(text[..index].matches('\n').count())?;
        let begin = text[..index].rfind('\n').map_or(0, |newline| newline + 1);
        let said = text[begin..].lines().next().unwrap_or_default();
        let indent = written.strip_suffix(said).filter(|indent| indent.trim().is_empty())?;
        Some(start + indent.len() + index - begin)
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

    #[test]
    fn a_part_of_a_literal_block_is_found_by_its_line() {
        // The block, its text, the part; then what of the file is meant.
        for (written, text, part, expected) in [
            ("FROM x\n\n  RUN x\n", "FROM x\n\nRUN x\n", "x\n", "x"),
            ("FROM x\r\n  RUN x", "FROM x\nRUN x", "RUN x", "RUN x"),
            ("RUN a \\\n    b\n", "RUN a \\\n  b\n", "RUN a \\\n  b", "RUN a \\\n    b"),
            ("FROM x\n  RUN $$A $$A\n", "FROM x\nRUN $A $A\n", "$A\n", "RUN $$A $$A"),
            ("${X}\n  RUN x\n", "FROM x\nUSER y\nRUN x\n", "RUN x", "RUN x"),
        ] {
            for header in ["k: |\n  ", "k: |-\r\n  "] {
                let source = format!("{header}{written}");
                let end = source.len();
                let source = Arc::new(Source { name: "f".to_owned(), text: source });
                let block = Span { source, start: header.len(), end };
                let start = text.rfind(part).expect("a part of the text");
                let found = within(&block, text, start..start + part.trim_end().len());
                assert_eq!(&found.source.text[found.start..found.end], expected, "{written}");
            }
        }
    }
}
