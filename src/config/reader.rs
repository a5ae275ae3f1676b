//! Reads sources through what the caller passes in, each once, and keeps the findings.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, Span};
use super::dotenv::{self, Assignment};
use super::environment::Environment;
use super::interpolate::interpolate;
use super::layer::{Layer, LayerOrigin};
use super::limits;
use super::load::Reading;
use super::node::{Node, Value};
use super::parse::parse;
use super::paths;

/// The file system as this module sees it.
pub trait FileReader {
    /// Reads a whole file; the path `-` is the standard input.
    ///
    /// # Errors
    ///
    /// What the file system answers.
    fn read(&mut self, path: &Path) -> io::Result<String>;

    /// Whether there is a file at the path.
    fn exists(&self, path: &Path) -> bool;
}

/// The sources of one load.
pub(crate) struct Reader<'a> {
    files: &'a mut dyn FileReader,
    working_dir: &'a Path,
    /// `None` for what could not be used; that was reported.
    documents: HashMap<PathBuf, Option<Vec<Node>>>,
    pub(crate) env_files_read: Vec<PathBuf>,
    pub(crate) findings: Diagnostics,
    /// How many of the findings are values that could not be filled in, which leaves all else as
    /// it would be.
    pub(crate) unfilled: usize,
    /// How many files were included.
    pub(crate) included: usize,
    /// Whether variables are filled in.
    interpolates: bool,
    /// What was merged so far, when somebody wants to know.
    pub(crate) layers: Option<Vec<Layer>>,
}

/// Stands for the standard input.
pub(crate) const STDIN: &str = "-";

impl<'a> Reader<'a> {
    pub(crate) fn new(
        files: &'a mut dyn FileReader,
        working_dir: &'a Path,
        reading: Reading,
    ) -> Self {
        Self {
            files,
            working_dir,
            documents: HashMap::new(),
            env_files_read: Vec::new(),
            findings: Diagnostics::default(),
            unfilled: 0,
            included: 0,
            interpolates: reading != Reading::AsWritten,
            layers: (reading == Reading::Traced).then(Vec::new),
        }
    }

    /// Fills in the variables of a tree's values, unless they are to stay.
    pub(crate) fn interpolate(&mut self, root: &mut Node, environment: &Environment) {
        if self.interpolates {
            self.fill(root, environment);
        }
    }

    /// Fills in the variables that [`interpolate`](Self::interpolate) has left: those by which
    /// other files are found.
    pub(crate) fn interpolate_rest(&mut self, root: &mut Node, environment: &Environment) {
        if !self.interpolates {
            self.fill(root, environment);
        }
    }

    /// Remembers a text that becomes part of the stack, if somebody wants to know.
    pub(crate) fn layer(
        &mut self,
        origin: LayerOrigin,
        at: &[&str],
        node: &Node,
        environment: &Environment,
    ) {
        if let Some(layers) = &mut self.layers {
            let at = at.iter().map(ToString::to_string).collect();
            let (node, environment) = (node.clone(), environment.clone());
            layers.push(Layer { origin, at, node, environment });
        }
    }

    fn fill(&mut self, root: &mut Node, environment: &Environment) {
        let before = self.findings.errors();
        interpolate(root, environment, &mut self.findings);
        self.unfilled += self.findings.errors() - before;
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.files.exists(path)
    }

    pub(crate) fn display(&self, path: &Path) -> String {
        if path == Path::new(STDIN) {
            "<stdin>".to_owned()
        } else {
            paths::display(path, self.working_dir)
        }
    }

    /// The documents of a stack file, not interpolated. Empty when the file cannot be used.
    pub(crate) fn documents(&mut self, path: &Path, asked_by: Option<&Span>) -> Vec<Node> {
        if !self.documents.contains_key(path) {
            let documents = self.read_documents(path, asked_by);
            self.documents.insert(path.to_owned(), documents);
        }
        self.documents.get(path).cloned().flatten().unwrap_or_default()
    }

    /// Reads a `.env` file.
    pub(crate) fn env_file(
        &mut self,
        path: &Path,
        asked_by: Option<&Span>,
        environment: &Environment,
    ) -> Vec<Assignment> {
        let outside = "it is named by `--env-file` or `COMPOSE_ENV_FILES`";
        let Some(source) = self.source(path, asked_by, outside) else { return Vec::new() };
        let (assignments, findings) = dotenv::parse(&source, environment);
        self.findings.0.extend(findings.0);
        if !self.env_files_read.iter().any(|read| read == path) {
            self.env_files_read.push(path.to_owned());
        }
        assignments
    }

    fn read_documents(&mut self, path: &Path, asked_by: Option<&Span>) -> Option<Vec<Node>> {
        let outside = "it is named by `--file`, `DEVSTACK_FILE` or `COMPOSE_FILE`";
        let source = self.source(path, asked_by, outside)?;
        let mut documents = match parse(&source) {
            Ok(documents) => documents,
            Err(findings) => {
                self.findings.0.extend(findings.0);
                return None;
            }
        };
        documents.retain(|document| document.value != Value::Null);
        if documents.is_empty() {
            let beginning = Span { source: source.clone(), start: 0, end: 0 };
            self.findings.push(
                Diagnostic::error(format!("`{}` is empty", source.name), &beginning)
                    .help("write the stack's `services:`"),
            );
        }
        documents.retain(|document| {
            let is_mapping = matches!(document.value, Value::Mapping(_));
            if !is_mapping {
                self.findings.push(
                    Diagnostic::error(
                        format!("a stack file must be a mapping, not {}", document.kind()),
                        &document.span,
                    )
                    .help("begin it with `services:`"),
                );
            }
            is_mapping
        });
        Some(documents)
    }

    fn source(
        &mut self,
        path: &Path,
        asked_by: Option<&Span>,
        asked_from_outside: &str,
    ) -> Option<Arc<Source>> {
        let name = self.display(path);
        match self.files.read(path) {
            Ok(text) if text.len() > limits::FILE_BYTES => {
                let most = limits::FILE_BYTES / (1024 * 1024);
                let message = format!("`{name}` is larger than {most} MiB");
                self.findings.push(Diagnostic::new(Severity::Error, message, asked_by));
                None
            }
            Ok(text) => Some(Arc::new(Source { name, text })),
            Err(error) => {
                let message = match error.kind() {
                    io::ErrorKind::NotFound => format!("the file `{name}` does not exist"),
                    io::ErrorKind::IsADirectory => format!("`{name}` is a folder, not a file"),
                    io::ErrorKind::InvalidData => format!("`{name}` is not text in UTF-8"),
                    _ => format!("cannot read `{name}`: {error}"),
                };
                let finding = Diagnostic::new(Severity::Error, message, asked_by);
                self.findings.push(match asked_by {
                    Some(_) => finding,
                    None => finding.help(asked_from_outside),
                });
                None
            }
        }
    }
}
