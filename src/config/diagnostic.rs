//! What is wrong with the files, as data. [`crate::report`] draws it.

use std::sync::Arc;

/// A file that was read: where it is and its whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name to show: relative to the working directory where that is shorter.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in a source, in bytes.
#[derive(Debug, Clone)]
pub struct Span {
    /// The file.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but probably not as meant.
    Warning,
    /// Cannot be run.
    Error,
}

/// A place and what to say there.
#[derive(Debug, Clone)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words beside the carets; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: lower-case, no final period, backticks around names.
    pub message: String,
    /// Where; absent when no file says it (a file that is not there).
    pub primary: Option<Label>,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// Background, a line each.
    pub notes: Vec<String>,
    /// What to do, a line each.
    pub help: Vec<String>,
}

/// All findings of one load, in the order of the files.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
            && self.start == other.start
            && self.end == other.end
    }
}

impl Span {
    /// Line and column of the first byte, both from 1; the column counts characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.source.text[..self.start.min(self.source.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(message: impl Into<String>, span: &Span) -> Self {
        Self::new(Severity::Error, message, Some(span))
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(message: impl Into<String>, span: &Span) -> Self {
        Self::new(Severity::Warning, message, Some(span))
    }

    /// A finding, with a place where there is one.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>, span: Option<&Span>) -> Self {
        Self {
            severity,
            message: message.into(),
            primary: span.map(|span| Label { span: span.clone(), text: String::new() }),
            secondary: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Puts it at a place.
    #[must_use]
    pub fn at(mut self, span: &Span) -> Self {
        self.primary = Some(Label { span: span.clone(), text: String::new() });
        self
    }

    /// Puts words beside the carets.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Points at a further place.
    #[must_use]
    pub fn also(mut self, span: &Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span: span.clone(), text: text.into() });
        self
    }

    /// Adds background.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether anything cannot be run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many say that something cannot be run.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }
}
