//! Findings as a person wants to read them: in the order of the files, each once, with where the
//! variables of a wrong value come from.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Diagnostics, Label, Severity, Span};
use super::environment::{Environment, Origin};
use super::template;

/// Sorts findings by their places and makes one of those that say the same about one text, which
/// an anchor, `extends` or a file that is read twice give to several services.
pub(crate) fn gather(findings: &mut Diagnostics) {
    let mut sources: HashMap<*const u8, usize> = HashMap::new();
    let mut position = |diagnostic: &Diagnostic| {
        diagnostic.primary.as_ref().map(|label| {
            let next = sources.len();
            let source = label.span.source.text.as_ptr();
            (*sources.entry(source).or_insert(next), label.span.start)
        })
    };
    let mut placed: Vec<_> =
        findings.0.drain(..).map(|diagnostic| (position(&diagnostic), diagnostic)).collect();
    placed.sort_by_key(|(position, _)| *position);

    let mut first: HashMap<Key, usize> = HashMap::new();
    let mut others: Vec<usize> = Vec::new();
    for (_, diagnostic) in placed {
        let Some(key) = Key::of(&diagnostic) else {
            findings.0.push(diagnostic);
            others.push(0);
            continue;
        };
        if let Some(&known) = first.get(&key) {
            others[known] += usize::from(findings.0[known].message != diagnostic.message);
        } else {
            first.insert(key, findings.0.len());
            findings.0.push(diagnostic);
            others.push(0);
        }
    }
    for (finding, others) in findings.0.iter_mut().zip(others) {
        let note = match others {
            0 => continue,
            1 => "one more service has this from the same place".to_owned(),
            _ => format!("{others} more services have this from the same place"),
        };
        finding.notes.push(note);
    }
}

/// Adds the findings of the typed layer to those of the text layer. What it says about a value
/// that could not be filled in is left out: it has not seen the value.
pub fn join(text: &mut Diagnostics, mut typed: Diagnostics) {
    let errors = text.0.iter().filter(|known| known.severity == Severity::Error);
    let unfilled = Covered::of(errors.filter_map(|known| known.primary.as_ref()));
    typed.0.retain(|finding| {
        finding.primary.as_ref().is_none_or(|label| !unfilled.touches(&label.span))
    });
    text.0.append(&mut typed.0);
}

/// Parts of texts, for each source in order: where one begins, and where the farthest ends of
/// those up to it.
struct Covered(HashMap<String, Vec<(usize, usize)>>);

impl Covered {
    fn of<'d>(labels: impl Iterator<Item = &'d Label>) -> Self {
        let mut sources: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for Span { source, start, end } in labels.map(|label| &label.span) {
            sources.entry(source.name.clone()).or_default().push((*start, *end));
        }
        for parts in sources.values_mut() {
            parts.sort_unstable();
            let mut farthest = 0;
            for (_, end) in parts {
                farthest = farthest.max(*end);
                *end = farthest;
            }
        }
        Self(sources)
    }

    fn touches(&self, span: &Span) -> bool {
        let Some(parts) = self.0.get(&span.source.name) else { return false };
        let before = parts.partition_point(|(start, _)| *start < span.end);
        before > 0 && parts[before - 1].1 > span.start
    }
}

/// What makes two findings the same.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    file: String,
    start: usize,
    end: usize,
    /// The message without the service's name.
    message: String,
}

impl Key {
    fn of(diagnostic: &Diagnostic) -> Option<Self> {
        let span = &diagnostic.primary.as_ref()?.span;
        let message = match diagnostic.message.split_once("`services.") {
            Some((before, after)) => {
                let rest = after.find(['.', '`']).map_or("", |end| &after[end..]);
                format!("{before}`services.*{rest}")
            }
            None => diagnostic.message.clone(),
        };
        Some(Self { file: span.source.name.clone(), start: span.start, end: span.end, message })
    }
}

/// The text that a finding is about, as it was written.
fn written(finding: &Diagnostic) -> &str {
    let span = finding.primary.as_ref().map(|label| &label.span);
    let text = span.and_then(|Span { source, start, end }| source.text.get(*start..*end));
    text.unwrap_or_default()
}

/// Whether a finding is about a text that variables are filled into.
pub(crate) fn uses_variables(finding: &Diagnostic) -> bool {
    !template::names(written(finding)).is_empty()
}

/// Adds where the variables of the text come from that a finding is about.
pub(crate) fn explain_variables(finding: &mut Diagnostic, environment: &Environment) {
    let mut names = template::names(written(finding));
    names.dedup();
    let names: Vec<String> = names.into_iter().take(MOST).map(str::to_owned).collect();
    for name in names {
        match environment.variable(&name).map(|variable| &variable.origin) {
            Some(Origin::Process) => {
                finding.notes.push(format!("`{name}` comes from the environment"));
            }
            Some(Origin::File(span)) => {
                let (line, _) = span.line_column();
                finding
                    .notes
                    .push(format!("`{name}` is set in `{}`, line {line}", span.source.name));
            }
            Some(Origin::Derived) | None => {}
        }
    }
}

/// A value of more variables than this is better looked at as a whole.
const MOST: usize = 3;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::diagnostic::Source;
    use super::*;

    #[test]
    fn what_touches_a_text_that_is_wrong_already_is_left_out() {
        let source = Arc::new(Source { name: "f".to_owned(), text: "0123456789".to_owned() });
        let error = |start, end| {
            Diagnostic::error(
                format!("{start}-{end}"),
                &Span { source: source.clone(), start, end },
            )
        };
        let mut text = Diagnostics(vec![error(5, 6), error(0, 4), error(1, 2)]);
        let typed = [error(2, 3), error(3, 9), error(4, 5), error(6, 9), error(0, 9), error(5, 6)];
        join(&mut text, Diagnostics(typed.into()));
        let left: Vec<_> = text.0[3..].iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(left, ["4-5", "6-9"]);
    }

    #[test]
    fn what_one_text_brings_to_several_services_is_said_once() {
        let source = Arc::new(Source { name: "f".to_owned(), text: "restart: x".to_owned() });
        let span = |start| Span { source: source.clone(), start, end: start + 1 };
        let mut findings = Diagnostics(
            [("`services.b.cpus` is `x`", 9), ("`services.a.restart` is `x`", 0)]
                .into_iter()
                .chain([("`services.b.restart` is `x`", 0), ("`services.a.restart` is `x`", 0)])
                .map(|(message, start)| Diagnostic::error(message, &span(start)))
                .collect(),
        );
        gather(&mut findings);
        let said: Vec<_> = findings
            .0
            .iter()
            .map(|finding| (finding.message.as_str(), finding.notes.len()))
            .collect();
        assert_eq!(said, [("`services.a.restart` is `x`", 1), ("`services.b.cpus` is `x`", 0)]);
    }
}
