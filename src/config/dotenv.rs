//! The grammar of `.env` files: `NAME=value`, `export NAME=value`, `NAME: value`, quotes, comments
//! and variables. Also the raw form of `env_file`, in which nothing but `=` means anything.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics, Source, Span};
use super::environment::{Environment, Origin};
use super::limits;
use super::place::within;
use super::template;

/// One line of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value; `None` for a name alone that the environment does not have either.
    pub value: Option<String>,
    /// From the name to the end of the value.
    pub span: Span,
}

/// Reads a `.env` file. A line with an error is left out, the others are read.
///
/// A variable in a value, and a name alone, means the environment of the process, then the lines
/// above, then whatever else the environment holds (earlier files).
#[must_use]
pub fn parse(source: &Arc<Source>, environment: &Environment) -> (Vec<Assignment>, Diagnostics) {
    let mut reader = Reader {
        source,
        environment,
        at: 0,
        assignments: Vec::new(),
        latest: HashMap::new(),
        room: limits::FILLED_BYTES,
        findings: Diagnostics::default(),
    };
    while reader.skip_to_statement() {
        reader.statement();
    }
    let Reader { assignments, mut findings, .. } = reader;
    hide_values(source, &mut findings);
    (assignments, findings)
}

/// Reads an `env_file` with `format: raw`: no quotes, no variables, no comments after a value.
#[must_use]
pub fn parse_raw(
    source: &Arc<Source>,
    environment: &Environment,
) -> (Vec<Assignment>, Diagnostics) {
    let mut assignments = Vec::new();
    let mut findings = Diagnostics::default();
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        let statement = line.trim_end_matches(['\n', '\r']).trim_start_matches(BLANK_OR_MARK);
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let span = Span { source: source.clone(), start, end: start + statement.len() };
        let (name, value) = match statement.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (statement, environment.get(statement.trim_end()).map(str::to_owned)),
        };
        match valid_name(name.trim_end()) {
            Ok(name) => assignments.push(Assignment { name: name.to_owned(), value, span }),
            Err(message) => findings.push(Diagnostic::error(message, &span)),
        }
    }
    hide_values(source, &mut findings);
    (assignments, findings)
}

/// Lets findings show the file without what stands behind the names: any of it may be a password.
fn hide_values(source: &Arc<Source>, findings: &mut Diagnostics) {
    if findings.0.is_empty() {
        return;
    }
    let hide = |line: &str| match line.find(['=', ':']) {
        Some(at) if !line.trim_start().starts_with('#') => {
            let (name, value) = line.split_at(at + 1);
            // Places count bytes, so each byte becomes one star.
            let stars = value.bytes().map(|byte| match byte {
                b'\n' | b'\r' | b' ' | b'\'' | b'"' => char::from(byte),
                _ => '*',
            });
            format!("{name}{}", stars.collect::<String>())
        }
        _ => line.to_owned(),
    };
    let text = source.text.split_inclusive('\n').map(hide).collect();
    let hidden = Arc::new(Source { name: source.name.clone(), text });
    for finding in &mut findings.0 {
        for label in finding.primary.iter_mut().chain(&mut finding.secondary) {
            if Arc::ptr_eq(&label.span.source, source) {
                label.span.source = hidden.clone();
            }
        }
    }
}

const BLANK: [char; 2] = [' ', '\t'];
const BLANK_OR_MARK: [char; 3] = [' ', '\t', '\u{feff}'];

struct Reader<'a> {
    source: &'a Arc<Source>,
    environment: &'a Environment,
    at: usize,
    assignments: Vec<Assignment>,
    /// The last assignment of each name.
    latest: HashMap<String, usize>,
    /// How many bytes the values may still have together.
    room: usize,
    findings: Diagnostics,
}

/// The end of a quoted value.
struct Quoted {
    /// What stands between the quotes, escapes resolved, literal `$` doubled.
    template: String,
    /// One past the closing quote.
    end: usize,
}

impl Reader<'_> {
    /// Moves over empty lines and comments; `false` at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = &self.source.text[self.at..];
            let statement = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - statement.len();
            if !statement.starts_with('#') {
                return !statement.is_empty();
            }
            self.at = self.line_end(self.at);
        }
    }

    fn statement(&mut self) {
        let end = self.line_end(self.at);
        let line = &self.source.text[self.at..end];
        let exported = line
            .strip_prefix("export")
            .filter(|rest| rest.starts_with(BLANK))
            .map_or(line, |rest| rest.trim_start_matches(BLANK));
        let start = end - exported.len();
        let comment = comment_start(exported).unwrap_or(exported.len());
        let separator = exported.find(['=', ':']).filter(|separator| *separator < comment);
        let name = exported[..separator.unwrap_or(comment)].trim_end();
        let named = match valid_name(name) {
            Ok(name) => name.to_owned(),
            Err(message) => {
                self.findings.push(
                    Diagnostic::error(message, &self.span(start, start + name.len().max(1)))
                        .help("write `NAME=value`, and quotes around a value of several lines"),
                );
                self.at = end;
                return;
            }
        };
        let (value, value_end) = match separator {
            None => (self.look_up(&named), start + name.len()),
            Some(separator) => {
                let value_start = start + separator + 1;
                match self.value(value_start, end) {
                    Some((value, value_end)) => (Some(value), value_end),
                    None => return,
                }
            }
        };
        let span = self.span(start, value_end);
        self.latest.insert(named.clone(), self.assignments.len());
        self.assignments.push(Assignment { name: named, value, span });
        self.at = self.at.max(end);
    }

    /// The value that begins after `=`, and its end.
    fn value(&mut self, start: usize, line_end: usize) -> Option<(String, usize)> {
        let written = &self.source.text[start..line_end];
        let text = written.trim_start_matches(BLANK);
        let text_start = line_end - text.len();
        if let Some(quote @ ('"' | '\'')) = text.chars().next() {
            return self.quoted_value(quote, text_start, line_end);
        }
        // The comment's `#` needs a blank before it, which may be the one after `=`.
        let comment = comment_start(written).unwrap_or(written.len());
        let text = written[..comment].trim_start_matches(BLANK).trim_end();
        let span = self.span(text_start, text_start + text.len());
        let value = self.expand(text, &span);
        Some((value, span.end))
    }

    fn quoted_value(
        &mut self,
        quote: char,
        start: usize,
        line_end: usize,
    ) -> Option<(String, usize)> {
        let Some(quoted) = read_quoted(&self.source.text, start, quote) else {
            self.findings.push(
                Diagnostic::error("this quoted value has no end", &self.span(start, start + 1))
                    .label("opened here")
                    .help(format!("close it with `{quote}`, or write `\\{quote}` inside it")),
            );
            self.at = line_end;
            return None;
        };
        self.at = self.line_end(quoted.end);
        let rest = self.source.text[quoted.end..self.at].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            self.findings.push(
                Diagnostic::error("unexpected text after the closing quote", &{
                    let rest_start = self.source.text[quoted.end..].find(rest).unwrap_or(0);
                    let rest_start = quoted.end + rest_start;
                    self.span(rest_start, rest_start + rest.len())
                })
                .help("put all of the value inside the quotes"),
            );
            return None;
        }
        let value = if quote == '"' {
            let span = self.span(start, quoted.end);
            self.expand(&quoted.template, &span)
        } else {
            quoted.template
        };
        Some((value, quoted.end))
    }

    fn expand(&mut self, text: &str, span: &Span) -> String {
        let expanded = template::expand(text, self.room, &|name| self.look_up(name));
        self.room = self.room.saturating_sub(expanded.text.len());
        for problem in expanded.problems {
            let place = within(span, text, problem.range.clone());
            let diagnostic = problem.diagnostic(&place);
            self.findings.push(diagnostic.note("single quotes keep `$` as it is"));
        }
        expanded.text
    }

    fn look_up(&self, name: &str) -> Option<String> {
        let known = self.environment.variable(name);
        if let Some(known) = known.filter(|known| known.origin == Origin::Process) {
            return Some(known.value.clone());
        }
        self.latest
            .get(name)
            .and_then(|latest| self.assignments[*latest].value.clone())
            .or_else(|| known.map(|known| known.value.clone()))
    }

    /// The end of the line, without `\r`.
    fn line_end(&self, from: usize) -> usize {
        let rest = &self.source.text[from..];
        let line = rest.split('\n').next().unwrap_or(rest);
        from + line.strip_suffix('\r').unwrap_or(line).len()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let end = end.min(self.source.text.len());
        Span { source: self.source.clone(), start: start.min(end), end }
    }
}

/// Where a comment begins: at a `#` after a blank.
fn comment_start(line: &str) -> Option<usize> {
    line.match_indices('#').map(|(at, _)| at).find(|at| line[..*at].ends_with(BLANK))
}

fn read_quoted(text: &str, start: usize, quote: char) -> Option<Quoted> {
    let mut template = String::new();
    let mut characters = text[start + 1..].char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some(Quoted { template, end: start + 1 + at + 1 });
        }
        if character != '\\' {
            template.push(character);
            continue;
        }
        let (_, escaped) = characters.next()?;
        let resolved = match escaped {
            _ if escaped == quote => escaped,
            // Single quotes keep everything but their own escape.
            _ if quote == '\'' => {
                template.extend(['\\', escaped]);
                continue;
            }
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' => '\\',
            '$' => {
                template.push_str("$$");
                continue;
            }
            _ => {
                template.extend(['\\', escaped]);
                continue;
            }
        };
        template.push(resolved);
    }
    None
}

/// Checks a variable's name. `.`, `-` and brackets occur in names that only containers see.
fn valid_name(name: &str) -> Result<&str, String> {
    if name.is_empty() {
        return Err("a name is missing before the value".to_owned());
    }
    let valid = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
    if name.chars().all(valid) {
        Ok(name)
    } else {
        Err(format!("`{name}` is not a name of a variable"))
    }
}

#[cfg(test)]
mod tests;
