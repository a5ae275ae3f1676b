//! Reads sources through what the caller passes in, each once, and keeps the findings.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, Span};
use super::discover::discover;
use super::dotenv::{self, Assignment};
use super::environment::Environment;
use super::holes::Holes;
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

    /// Whether there is a folder at the path. Files in memory have whatever folders they need.
    fn is_folder(&self, _path: &Path) -> bool {
        true
    }
}

/// The sources of one load.
pub(crate) struct Reader<'a> {
    files: &'a mut dyn FileReader,
    working_dir: &'a Path,
    /// Read and not yet taken; `None` for what could not be used, which was reported.
    documents: HashMap<PathBuf, Option<Vec<Node>>>,
    /// The texts of the stack files, so that one that is read again keeps its places.
    sources: HashMap<PathBuf, Arc<Source>>,
    pub(crate) env_files_read: Vec<PathBuf>,
    pub(crate) findings: Diagnostics,
    /// What could not be read.
    pub(crate) holes: Holes,
    /// The files that something outside of the files names.
    named: HashMap<PathBuf, Named>,
    /// Stack files that could not be used as a whole.
    broken: HashSet<PathBuf>,
    /// How many files were included.
    pub(crate) included: usize,
    /// Whether variables are filled in.
    interpolates: bool,
    /// What was merged so far, when somebody wants to know.
    pub(crate) layers: Option<Vec<Layer>>,
}

/// How a file was named outside of the files.
struct Named {
    written: PathBuf,
    by: String,
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
            sources: HashMap::new(),
            env_files_read: Vec::new(),
            findings: Diagnostics::default(),
            holes: Holes::default(),
            named: HashMap::new(),
            broken: HashSet::new(),
            included: 0,
            interpolates: reading != Reading::AsWritten,
            layers: (reading == Reading::Traced).then(Vec::new),
        }
    }

    /// Fills in the variables of a tree's values, unless they are to stay.
    pub(crate) fn interpolate(&mut self, root: &mut Node, environment: &Environment) {
        if self.interpolates {
            interpolate(root, environment, &mut self.findings);
        }
    }

    /// Fills in the variables that [`interpolate`](Self::interpolate) has left: those by which
    /// other files are found.
    pub(crate) fn interpolate_rest(&mut self, root: &mut Node, environment: &Environment) {
        if !self.interpolates {
            interpolate(root, environment, &mut self.findings);
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

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.files.exists(path)
    }

    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        self.files.is_folder(path)
    }

    /// Remembers that a file was named by an option or a variable, and how it was written there.
    pub(crate) fn named(&mut self, path: &Path, written: &Path, by: &str) {
        let named = Named { written: written.to_owned(), by: by.to_owned() };
        self.named.insert(path.to_owned(), named);
    }

    pub(crate) fn display(&self, path: &Path) -> String {
        if path == Path::new(STDIN) {
            "<stdin>".to_owned()
        } else {
            paths::display(path, self.working_dir)
        }
    }

    /// The documents of a stack file, not interpolated. Empty when the file cannot be used.
    pub(crate) fn documents(&mut self, path: &Path, asked_by: Option<&Span>) -> &[Node] {
        if !self.documents.contains_key(path) {
            let before = self.findings.errors();
            let documents = self.read_documents(path, asked_by);
            self.documents.insert(path.to_owned(), documents);
            if self.findings.errors() > before {
                self.broken.insert(path.to_owned());
            }
        }
        self.documents.get(path).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Takes the documents of a file of the stack itself: what cannot be used leaves a hole. They
    /// may be large, and hardly any are wanted twice, so that they are then parsed again.
    pub(crate) fn take_documents(&mut self, path: &Path) -> Vec<Node> {
        self.documents(path, None);
        if self.broken.contains(path) {
            self.holes.files = true;
            return self.documents(path, None).to_vec();
        }
        self.documents.remove(path).flatten().unwrap_or_default()
    }

    /// Reads a `.env` file.
    pub(crate) fn env_file(
        &mut self,
        path: &Path,
        asked_by: Option<&Span>,
        environment: &Environment,
    ) -> Vec<Assignment> {
        let Some(source) = self.source(path, asked_by) else {
            self.holes.variables = true;
            return Vec::new();
        };
        let (assignments, findings) = dotenv::parse(&source, environment);
        self.holes.variables |= findings.has_errors();
        self.findings.0.extend(findings.0);
        if !self.env_files_read.iter().any(|read| read == path) {
            self.env_files_read.push(path.to_owned());
        }
        assignments
    }

    fn read_documents(&mut self, path: &Path, asked_by: Option<&Span>) -> Option<Vec<Node>> {
        let source = match self.sources.get(path) {
            Some(source) => Arc::clone(source),
            None => self.source(path, asked_by)?,
        };
        self.sources.insert(path.to_owned(), Arc::clone(&source));
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

    fn source(&mut self, path: &Path, asked_by: Option<&Span>) -> Option<Arc<Source>> {
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
                let finding = self.unreadable(path, asked_by, &error);
                self.findings.push(finding);
                None
            }
        }
    }

    /// Says why a file cannot be read, who wants it, and what to do.
    fn unreadable(&self, path: &Path, asked_by: Option<&Span>, error: &io::Error) -> Diagnostic {
        let named = self.named.get(path).filter(|_| asked_by.is_none());
        let name = match named {
            Some(named) => named.written.display().to_string(),
            None => self.display(path),
        };
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("the file `{name}` does not exist"),
            io::ErrorKind::IsADirectory => format!("`{name}` is a folder, not a file"),
            io::ErrorKind::InvalidData => format!("`{name}` is not text in UTF-8"),
            io::ErrorKind::PermissionDenied => {
                format!("`{name}` cannot be read: permission denied")
            }
            _ => format!("cannot read `{name}`: {error}"),
        };
        let finding = Diagnostic::new(Severity::Error, message, asked_by);
        let finding = match named {
            Some(named) => finding.help(format!("it is named by `{}`", named.by)),
            None => finding,
        };
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                finding.help("change its rights or its owner, see `ls -l`")
            }
            io::ErrorKind::IsADirectory => {
                let inside =
                    discover(path, &|file| file.parent() == Some(path) && self.exists(file));
                match inside.as_deref() {
                    Some([file, ..]) => {
                        let file = Path::new(&name).join(file.file_name().unwrap_or_default());
                        finding.help(format!("did you mean `{}`?", file.display()))
                    }
                    _ => finding.help("name a file in it"),
                }
            }
            _ => finding,
        }
    }
}
