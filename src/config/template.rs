//! The `$` grammar of Compose: `$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:+a}`, `${V+a}`, `${V:?e}`,
//! `${V?e}` and `$$`, over one text. Knows neither YAML nor where variables come from.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity, Span};

/// Defaults inside defaults, at most.
const MAX_DEPTH: usize = 32;
/// Problems of one text, at most: nobody reads more of them at once.
const MAX_PROBLEMS: usize = 64;

/// Where variables come from.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text with its variables filled in, and what was wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    pub(crate) problems: Vec<Problem>,
}

/// Something wrong at a place of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) range: Range<usize>,
    pub(crate) kind: ProblemKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// Neither set nor defaulted: empty.
    Unset { name: String },
    /// `${V?message}` of a variable that is not there.
    Required { name: String, empty: bool, message: String },
    /// `${` without its `}`.
    Unclosed,
    /// `${` and `}` around something that is no variable.
    Malformed { written: String },
    /// More defaults inside defaults than anybody can read.
    TooDeep,
    /// Variables that hold variables that hold variables.
    TooLong,
}

/// Fills in the variables of a text. Only the branches that are used are looked at, and `room`
/// is how many bytes there may be in the end: none are filled in beyond it.
pub(crate) fn expand(text: &str, room: usize, lookup: Lookup<'_>) -> Expanded {
    let mut expanded = Expanded::default();
    expand_part(text, 0, 0, &Variables { lookup, room }, &mut expanded);
    expanded
}

/// Where values come from, and how many bytes they may make of a text.
struct Variables<'a> {
    lookup: Lookup<'a>,
    room: usize,
}

impl Expanded {
    fn fill(&mut self, value: &str, range: Range<usize>, variables: &Variables<'_>) {
        if self.text.len() + value.len() <= variables.room {
            self.text.push_str(value);
        } else if self.problems.last().is_none_or(|last| last.kind != ProblemKind::TooLong) {
            self.report(range, ProblemKind::TooLong);
        }
    }

    fn report(&mut self, range: Range<usize>, kind: ProblemKind) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { range, kind });
        }
    }
}

impl Problem {
    /// The finding, with words for the person who wrote the text.
    pub(crate) fn diagnostic(&self, span: &Span) -> Diagnostic {
        match &self.kind {
            ProblemKind::Unset { name } => {
                Diagnostic::new(Severity::Warning, format!("variable `{name}` is not set"), Some(span))
                    .label("empty text is used")
                    .help(format!("set it, give a default with `${{{name}:-default}}`, or write `$$` for a literal `$`"))
            }
            ProblemKind::Required { name, empty, message } => {
                let state = if *empty { "is empty" } else { "is not set" };
                let message = match message.as_str() {
                    "" => format!("required variable `{name}` {state}"),
                    message => format!("required variable `{name}` {state}: {message}"),
                };
                Diagnostic::error(message, span)
                    .help(format!("set `{name}` in the environment or in `.env`"))
            }
            ProblemKind::Unclosed => Diagnostic::error("this `${` has no `}`", span)
                .help("close it, or write `$$` for a literal `$`"),
            ProblemKind::Malformed { written } => {
                Diagnostic::error(format!("`{written}` is no variable"), span)
                    .note("a variable is `${NAME}`; after the name may follow `:-default`, `:+alternative` or `:?message`")
                    .help("write `$$` for a literal `$`")
            }
            ProblemKind::TooLong => Diagnostic::error("variables make this text too long", span)
                .note("they may bring a few MiB into a file")
                .help("mount a file instead"),
            ProblemKind::TooDeep => Diagnostic::error("too many defaults inside defaults", span)
                .note(format!("at most {MAX_DEPTH} levels are read")),
        }
    }
}

fn expand_part(
    text: &str,
    base: usize,
    depth: usize,
    variables: &Variables<'_>,
    out: &mut Expanded,
) {
    let mut rest = 0;
    while let Some(at) = text[rest..].find('$').map(|found| rest + found) {
        out.text.push_str(&text[rest..at]);
        let after = &text[at + 1..];
        let length = match after.bytes().next() {
            Some(b'$') => {
                out.text.push('$');
                2
            }
            Some(b'{') => {
                let length = closing_brace(after).map(|close| close + 2);
                let range = base + at..base + at + length.unwrap_or(after.len() + 1);
                let written = &text[at..at + range.len()];
                if length.is_some() {
                    braced(&Written { text: written, at: base + at }, depth, variables, out);
                } else {
                    out.report(range, ProblemKind::Unclosed);
                    out.text.push_str(written);
                }
                written.len()
            }
            _ => {
                let name = &after[..name_length(after)];
                if name.is_empty() {
                    // A lone `$` stays, as in `^a$`.
                    out.text.push('$');
                } else {
                    let range = base + at..base + at + 1 + name.len();
                    plain(name, range, variables, out);
                }
                1 + name.len()
            }
        };
        rest = at + length;
    }
    out.text.push_str(&text[rest..]);
}

/// `${...}` and where its `$` stands in the whole text.
struct Written<'a> {
    text: &'a str,
    at: usize,
}

fn plain(name: &str, range: Range<usize>, variables: &Variables<'_>, out: &mut Expanded) {
    match (variables.lookup)(name) {
        Some(value) => out.fill(&value, range, variables),
        None => out.report(range, ProblemKind::Unset { name: name.to_owned() }),
    }
}

fn braced(written: &Written<'_>, depth: usize, variables: &Variables<'_>, out: &mut Expanded) {
    let range = written.at..written.at + written.text.len();
    let inner = &written.text[2..written.text.len() - 1];
    let name = &inner[..name_length(inner)];
    let after_name = &inner[name.len()..];
    if depth >= MAX_DEPTH {
        out.report(range, ProblemKind::TooDeep);
        return;
    }
    if !name.is_empty() && after_name.is_empty() {
        plain(name, range, variables, out);
        return;
    }
    let (empty_counts_as_unset, operator) = match after_name.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, after_name),
    };
    let operand = operator.get(1..).unwrap_or_default();
    let operand_at = written.at + written.text.len() - 1 - operand.len();
    let value = (variables.lookup)(name);
    let present = value.as_deref().filter(|value| !(empty_counts_as_unset && value.is_empty()));
    match (operator.bytes().next().filter(|_| !name.is_empty()), present) {
        (Some(b'-' | b'?'), Some(value)) => out.fill(value, range, variables),
        (Some(b'-'), None) | (Some(b'+'), Some(_)) => {
            expand_part(operand, operand_at, depth + 1, variables, out);
        }
        (Some(b'+'), None) => {}
        (Some(b'?'), None) => {
            let mut message = Expanded::default();
            expand_part(operand, operand_at, depth + 1, variables, &mut message);
            let empty = value.is_some();
            let (name, message) = (name.to_owned(), message.text);
            out.report(range, ProblemKind::Required { name, empty, message });
        }
        _ => {
            out.report(range, ProblemKind::Malformed { written: written.text.to_owned() });
            out.text.push_str(written.text);
        }
    }
}

/// A variable as a text writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference<'t> {
    /// From `$` to the end.
    pub(crate) range: Range<usize>,
    pub(crate) name: &'t str,
    pub(crate) operation: Option<Operation<'t>>,
}

/// What stands behind a variable's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation<'t> {
    pub(crate) operator: Operator,
    /// Whether an empty variable is like one that is not set.
    pub(crate) empty_counts_as_unset: bool,
    pub(crate) operand: &'t str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `-`
    Default,
    /// `+`
    Alternative,
    /// `?`
    Required,
}

/// The variables of a text, without those inside of what stands behind their names. What is no
/// variable is passed over.
pub(crate) fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(at) = text[rest..].find('$').map(|found| rest + found) {
        let after = &text[at + 1..];
        let (inner, length) = match after.bytes().next() {
            Some(b'$') => ("", 2),
            Some(b'{') => match closing_brace(after) {
                Some(close) => (&after[1..close], close + 2),
                None => ("", after.len() + 1),
            },
            _ => {
                let name = &after[..name_length(after)];
                (name, 1 + name.len())
            }
        };
        let name = &inner[..name_length(inner)];
        let (empty_counts_as_unset, operation) = match inner[name.len()..].strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, &inner[name.len()..]),
        };
        let operator = match operation.bytes().next() {
            Some(b'-') => Some(Operator::Default),
            Some(b'+') => Some(Operator::Alternative),
            Some(b'?') => Some(Operator::Required),
            _ => None,
        };
        let operation = operator.map(|operator| Operation {
            operator,
            empty_counts_as_unset,
            operand: &operation[1..],
        });
        if !name.is_empty() {
            found.push(Reference { range: at..at + length, name, operation });
        }
        rest = at + length;
    }
    found
}

/// The names of the variables that a text may use.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let after_dollar = text.split('$').skip(1);
    after_dollar
        .map(|after| after.strip_prefix('{').unwrap_or(after))
        .map(|after| &after[..name_length(after)])
        .filter(|name| !name.is_empty())
        .collect()
}

/// Length of the variable's name that a text begins with.
fn name_length(text: &str) -> usize {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit { 0 } else { text.len() - rest.len() }
}

/// The `}` that belongs to the `{` at the beginning. Only `${` opens another, as in Compose.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let bytes = text.as_bytes();
    for at in 1..bytes.len() {
        match bytes[at] {
            b'{' if bytes[at - 1] == b'$' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
