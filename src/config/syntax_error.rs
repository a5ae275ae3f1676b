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
    let found = source[at.start..].chars().next();
    let error = |message: &str| Diagnostic::error(message, at);
    match info {
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => {
            error("a `:` does not belong here")
                .help("line the key up with its neighbours")
                .help("put quotes around a value that contains `: `")
        }
        "while parsing a flow mapping, did not find expected ',' or '}'" => {
            error("this `{` mapping is not closed").help("end it with `}`, entries apart by `,`")
        }
        "while parsing a flow sequence, expected ',' or ']'" => {
            error("this `[` list is not closed").help("end it with `]`, items apart by `,`")
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

/// A tab among the blanks that lead to the error's line, or to the byte itself.
fn tab_in_indentation(source: &str, at: usize) -> Option<usize> {
    let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &source[line_start..];
    let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
    line[..indentation].find('\t').map(|tab| line_start + tab)
}
