//! What a YAML syntax error means to the person who wrote it.

use super::diagnostic::{Diagnostic, Span};

/// A syntax error in words, from the scanner's own text and the byte at which it gave up.
pub(crate) fn explain(info: &str, at: &Span) -> Diagnostic {
    let source = &at.source.text;
    let mut tab = tab_in_indentation(source, at.start);
    if tab.is_none() && info.contains("tab") {
        // In the middle of a text the scanner stops before the line that begins with the tab.
        let next_line = source[at.start..].find('\n').map(|newline| at.start + newline + 1);
        tab = next_line.and_then(|next_line| tab_in_indentation(source, next_line));
    }
    if let Some(tab) = tab {
        let place = Span { source: at.source.clone(), start: tab, end: tab + 1 };
        return Diagnostic::error("a tab cannot indent YAML", &place)
            .label("tab")
            .help("indent with spaces");
    }
    if let Some(dash) = dash_without_space(source, at.start) {
        let place = Span { source: at.source.clone(), start: dash, end: dash + 1 };
        return Diagnostic::error("an item of a list needs a space after its `-`", &place)
            .help("write `- ` before the item");
    }
    if source[..at.start].ends_with('$') && source[at.start..].starts_with('{') {
        let place = Span { source: at.source.clone(), start: at.start - 1, end: at.end };
        return Diagnostic::error("a `${…}` inside `{` or `[` must be quoted", &place)
            .help("put quotes around the value");
    }
    let found = source[at.start..].chars().next();
    let error = |message: &str| Diagnostic::error(message, at);
    match info {
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => {
            error("a `:` does not belong here")
                .help("line the key up with its neighbours")
                .help("put quotes around a value that contains `: `")
        }
        "while parsing a flow mapping, did not find expected ',' or '}'"
        | "while parsing a flow sequence, expected ',' or ']'"
        | "invalid indentation"
            if open_bracket(source, at.start).is_some() =>
        {
            not_closed(at, open_bracket(source, at.start).unwrap_or(at.start))
        }
        "while scanning an anchor or alias, did not find expected alphabetic or numeric character" => {
            error("`*` and `&` begin the name of an anchor, and none follows")
                .help("put quotes around a text that begins with one")
        }
        "while parsing a node, did not find expected node content" => {
            error("expected a value here")
                .help("close every `[` and `{`, and put quotes around text that begins with one")
        }
        "misplaced bracket" => error("this bracket closes nothing")
            .help("put quotes around text that begins with a bracket"),
        "while parsing node, found unknown anchor" => {
            error("this alias names no anchor").help("define it before, as `&name`")
        }
        "while parsing a quoted scalar, found unknown escape character" => {
            error("this text has an unknown `\\` escape")
                .help("use single quotes to keep a backslash as it is")
        }
        "invalid indentation in quoted scalar"
        | "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator" => {
            error("this quoted text has no end").help("close the quote")
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            error("expected a list item here").help("begin items with `- `, all at the same column")
        }
        "while parsing a block mapping, did not find expected key"
        | "simple key expected"
        | "simple key expect ':'" => error("expected `key: value` here")
            .help("put a `:` and a space after the key, keys at the same column"),
        "recursion limit exceeded" => error("nested too deeply"),
        _ => match (info.strip_prefix("unexpected character"), found) {
            (Some(_), Some(found)) => error(&format!("a value cannot begin with `{found}`"))
                .help("put quotes around the value"),
            _ => error(&format!("this is not valid YAML: {info}")),
        },
    }
}

/// A bracket that is open where the text stopped making sense.
fn not_closed(at: &Span, opening: usize) -> Diagnostic {
    let place = Span { source: at.source.clone(), start: opening, end: opening + 1 };
    let (what, closing, parts) = match at.source.text.as_bytes()[opening] {
        b'{' => ("`{` mapping", '}', "entries"),
        _ => ("`[` list", ']', "items"),
    };
    Diagnostic::error(format!("this {what} is not closed"), &place)
        .also(at, format!("`,` or `{closing}` expected"))
        .help(format!("end it with `{closing}`, {parts} apart by `,`"))
}

/// The innermost bracket that is open before a place. Knows quotes and comments well enough for
/// a message.
fn open_bracket(source: &str, at: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut quote = None;
    let mut before = b'\n';
    let mut comment = false;
    for (index, byte) in source.bytes().enumerate().take(at) {
        match (byte, quote) {
            (b'\n', _) => comment = false,
            _ if comment => {}
            (_, Some(closing)) if byte == closing => quote = None,
            (b'\'' | b'"', None) if b" [{,:\n".contains(&before) => quote = Some(byte),
            (b'#', None) if before.is_ascii_whitespace() => comment = true,
            (b'[' | b'{', None) if !open.is_empty() || b" \n".contains(&before) => open.push(index),
            (b']' | b'}', None) => {
                open.pop();
            }
            _ => {}
        }
        before = byte;
    }
    open.pop()
}

/// A `-` with text right behind it, on the error's line among items of a list.
fn dash_without_space(source: &str, at: usize) -> Option<usize> {
    // At the end of a file the scanner stops behind its last line.
    let at = at.min(source.trim_end().len());
    let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let indented = source[line_start..at].trim_start_matches(' ');
    let dash = at - indented.len();
    let is_item = |line: &str| line.trim_start().starts_with("- ");
    let above = source[..line_start].lines().next_back().is_some_and(is_item);
    let after = source[dash..].strip_prefix('-')?;
    (above && !after.starts_with(['-', ' ', '\n', '\r'])).then_some(dash)
}

/// A tab among the blanks that lead to the error's line, or to the byte itself.
fn tab_in_indentation(source: &str, at: usize) -> Option<usize> {
    let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &source[line_start..];
    let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
    line[..indentation].find('\t').map(|tab| line_start + tab)
}
