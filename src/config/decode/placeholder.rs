//! `{NAME}` and `{address:PORT}` in the strings of `ready` and `urls`.

use std::fmt::Write as _;
use std::ops::Range;

use indexmap::IndexMap;

use crate::config::percent::percent_encoded;

/// A part of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// `{NAME}`: a variable of the service.
    Variable(&'t str),
    /// `{address:PORT}`: address and port at which the host publishes a container port.
    Address(&'t str),
}

/// What is wrong with a placeholder, and where in the string.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidPlaceholder {
    pub(super) range: Range<usize>,
    pub(super) kind: InvalidPlaceholderKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum InvalidPlaceholderKind {
    /// The service has no such variable, or it has no value.
    Variable(String),
    /// No published port has this target.
    Port(String),
    /// An address, where none can be had.
    Address,
}

type Environment = IndexMap<String, Option<String>>;

/// Puts the values of variables into a text as they are.
pub(super) fn fill(text: &str, environment: &Environment) -> Result<String, InvalidPlaceholder> {
    let mut filled = String::new();
    for (range, piece) in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Variable(name) => filled.push_str(variable(name, environment, range)?),
            Piece::Address(_) => {
                return Err(InvalidPlaceholder { range, kind: InvalidPlaceholderKind::Address });
            }
        }
    }
    Ok(filled)
}

/// Puts the values of variables into a URL, percent-encoded. Addresses stay: the host's port may
/// be known only once the container runs.
pub(super) fn fill_url(
    text: &str,
    environment: &Environment,
    has_port: impl Fn(u16) -> bool,
) -> Result<String, InvalidPlaceholder> {
    let mut filled = String::new();
    for (range, piece) in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Variable(name) => {
                filled.push_str(&percent_encoded(variable(name, environment, range)?));
            }
            Piece::Address(port) if port.parse().is_ok_and(&has_port) => {
                let _ = write!(filled, "{{address:{port}}}");
            }
            Piece::Address(port) => {
                let kind = InvalidPlaceholderKind::Port(port.to_owned());
                return Err(InvalidPlaceholder { range, kind });
            }
        }
    }
    // Neither user nor password: what remains of `{USER}:{PASSWORD}@` when both are empty.
    Ok(filled.replacen("://:@", "://", 1))
}

/// Writes a text so that what looks like a placeholder in it is none.
pub(in crate::config) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
        escaped.push_str(&text[at..open]);
        if let Some((_, end)) = placeholder(text, open) {
            let _ = write!(escaped, "{{{}}}", &text[open..end]);
            at = end;
        } else {
            escaped.push('{');
            at = open + 1;
        }
    }
    escaped.push_str(&text[at..]);
    escaped
}

fn variable<'e>(
    name: &str,
    environment: &'e Environment,
    range: Range<usize>,
) -> Result<&'e str, InvalidPlaceholder> {
    environment.get(name).and_then(Option::as_deref).ok_or_else(|| InvalidPlaceholder {
        range,
        kind: InvalidPlaceholderKind::Variable(name.to_owned()),
    })
}

/// Cuts a text at its placeholders. A brace that begins none is text; so is `{{NAME}}`, which
/// stands for `{NAME}`.
fn pieces(text: &str) -> Vec<(Range<usize>, Piece<'_>)> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
        let escaped = text[open + 1..].starts_with('{');
        let inner = if escaped { open + 1 } else { open };
        let Some((piece, end)) = placeholder(text, inner) else {
            at = open + 1;
            continue;
        };
        if from < open {
            pieces.push((from..open, Piece::Text(&text[from..open])));
        }
        if escaped && text[end..].starts_with('}') {
            pieces.push((open..end + 1, Piece::Text(&text[inner..end])));
            at = end + 1;
        } else if escaped {
            // `{{NAME}` without the second brace: the first one is text.
            pieces.push((open..inner, Piece::Text("{")));
            pieces.push((inner..end, piece));
            at = end;
        } else {
            pieces.push((open..end, piece));
            at = end;
        }
        from = at;
    }
    if from < text.len() {
        pieces.push((from..text.len(), Piece::Text(&text[from..])));
    }
    pieces
}

/// The placeholder that opens at `open` and the byte after it.
fn placeholder(text: &str, open: usize) -> Option<(Piece<'_>, usize)> {
    let close = open + text[open..].find('}')?;
    let inner = &text[open + 1..close];
    if let Some(port) = inner.strip_prefix("address:") {
        return Some((Piece::Address(port), close + 1));
    }
    let is_name = inner.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((Piece::Variable(inner), close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        [("USER", Some("app")), ("PASS", Some("p@ss:w/ö")), ("NONE", None), ("EMPTY", Some(""))]
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .into_iter()
            .collect()
    }

    #[test]
    fn variables_are_filled_in_and_other_braces_stay() {
        let cases = [
            ("", Ok("")),
            ("plain", Ok("plain")),
            ("{USER}", Ok("app")),
            ("a{USER}b{PASS}c", Ok("aappbp@ss:w/öc")),
            ("{{USER}}", Ok("{USER}")),
            ("{{USER}", Ok("{app")),
            (r#"{"status":"available"}"#, Ok(r#"{"status":"available"}"#)),
            ("{ USER }", Ok("{ USER }")),
            ("{", Ok("{")),
            ("{}", Ok("{}")),
            ("{{}}", Ok("{{}}")),
            ("[{EMPTY}]", Ok("[]")),
            ("x{MISSING}", Err((1..10, InvalidPlaceholderKind::Variable("MISSING".into())))),
            ("{NONE}", Err((0..6, InvalidPlaceholderKind::Variable("NONE".into())))),
            ("{address:80}", Err((0..12, InvalidPlaceholderKind::Address))),
        ];
        for (text, expected) in cases {
            let filled = fill(text, &environment()).map_err(|error| (error.range, error.kind));
            assert_eq!(filled, expected.map(ToOwned::to_owned), "{text}");
        }
    }

    #[test]
    fn an_escaped_text_is_filled_to_itself() {
        for text in ["", "x", "{USER}", "a{USER}{PASS}b", "{address:80}", "{{USER}}", "{\"a\":{}}"]
        {
            let filled = fill(&escape(text), &environment());
            assert_eq!(filled, Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn urls_encode_values_and_keep_published_addresses() {
        let cases = [
            ("x://{USER}:{PASS}@{address:80}/d", Ok("x://app:p%40ss%3Aw%2F%C3%B6@{address:80}/d")),
            ("redis://:{EMPTY}@{address:80}", Ok("redis://{address:80}")),
            ("redis://:{USER}@{address:80}", Ok("redis://:app@{address:80}")),
            ("http://{address:81}", Err((7..19, InvalidPlaceholderKind::Port("81".into())))),
            ("http://{address:x}", Err((7..18, InvalidPlaceholderKind::Port("x".into())))),
        ];
        for (text, expected) in cases {
            let filled = fill_url(text, &environment(), |port| port == 80)
                .map_err(|error| (error.range, error.kind));
            assert_eq!(filled, expected.map(ToOwned::to_owned), "{text}");
        }
    }
}
