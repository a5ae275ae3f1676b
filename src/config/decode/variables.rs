//! `environment` with `env_file`, and `labels` with `label_file`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::DecodeRequest;
use super::context::{Cx, Field, Fields};
use super::pairs::{passed_through, values};
use super::scalar::{boolean, text, text_or_texts};
use crate::config::diagnostic::{Diagnostic, Severity, Source};
use crate::config::dotenv::{Assignment, parse, parse_raw};
use crate::config::environment::Environment;
use crate::config::node::{Node, Value};

/// A file of variables.
struct File<'n> {
    name: String,
    field: Field<'n>,
    required: bool,
    raw: bool,
}

/// Takes `env_file` and `environment`: the later file wins, `environment` wins over all files.
///
/// A missing file of a service that is not `active` is a warning: nobody asked for the service.
pub(super) fn environment(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'_>,
    active: bool,
) -> IndexMap<String, Option<String>> {
    let files = fields.take("env_file").map(|field| files(cx, &field)).unwrap_or_default();
    let own = fields.read(cx, "environment", passed_through).unwrap_or_default();
    let lines = lines(cx, files, &own, active);
    let mut environment: IndexMap<String, Option<String>> =
        lines.into_iter().map(|line| (line.name, line.value)).collect();
    environment.extend(own);
    environment
}

/// The lines of a service's `env_file`s that set something, in order.
pub(crate) fn env_file_lines(
    service: &Node,
    request: &DecodeRequest,
    files: &mut dyn FnMut(&Path) -> io::Result<String>,
) -> Vec<Assignment> {
    let mut cx = Cx::new(request, files);
    let field = Field { path: String::new(), key: &service.span, node: service };
    let Some(mut fields) = Fields::open(&mut cx, &field) else { return Vec::new() };
    let files = fields.take("env_file").map(|field| self::files(&mut cx, &field));
    let own = fields.read(&mut cx, "environment", passed_through).unwrap_or_default();
    lines(&mut cx, files.unwrap_or_default(), &own, false)
}

fn lines(
    cx: &mut Cx<'_>,
    files: Vec<File<'_>>,
    own: &IndexMap<String, Option<String>>,
    active: bool,
) -> Vec<Assignment> {
    if files.is_empty() {
        return Vec::new();
    }
    // A `$NAME` in a file means the service's own variable first, as in Compose.
    let known = own.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)));
    let scope = cx.request.environment.overlaid(known);
    let mut lines = Vec::new();
    for file in files {
        // A name alone that nobody has set says nothing.
        lines.extend(
            read(cx, &file, &scope, active).into_iter().filter(|line| line.value.is_some()),
        );
    }
    lines
}

/// Takes `label_file` and `labels`, in the same manner.
pub(super) fn labels(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'_>,
    active: bool,
) -> IndexMap<String, String> {
    let files: Option<Vec<File<'_>>> = fields.read(cx, "label_file", |cx, field| {
        let names = text_or_texts(cx, field)?.into_iter();
        let file = |name| File { name, field: field.clone(), required: true, raw: false };
        Some(names.map(file).collect())
    });
    let own = fields.read(cx, "labels", values).unwrap_or_default();
    let mut labels = IndexMap::new();
    for file in files.unwrap_or_default() {
        let scope = cx.request.environment.clone();
        let assignments = read(cx, &file, &scope, active);
        labels.extend(
            assignments.into_iter().map(|line| (line.name, line.value.unwrap_or_default())),
        );
    }
    labels.extend(own);
    labels
}

fn files<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Vec<File<'n>> {
    let items = match &field.node.value {
        Value::Sequence(_) => field.items().unwrap_or_default(),
        _ => vec![field.clone()],
    };
    let mut files = Vec::new();
    for item in items {
        let Value::Mapping(_) = item.node.value else {
            let Some(name) = text(cx, &item) else { continue };
            files.push(File { name, field: item, required: true, raw: false });
            continue;
        };
        let Some(mut fields) = Fields::open(cx, &item) else { continue };
        let path = fields.take("path");
        let required = fields.read(cx, "required", boolean).unwrap_or(true);
        let raw =
            fields.read(cx, "format", |cx, field| super::scalar::word(cx, field, &[("raw", true)]));
        fields.finish(cx);
        let Some(path) = path else {
            let message = format!("`{}` has no `path`", item.path);
            cx.push(Diagnostic::error(message, item.span()).help("add `path:`, the file to read"));
            continue;
        };
        if let Some(name) = text(cx, &path) {
            files.push(File { name, field: path, required, raw: raw.unwrap_or_default() });
        }
    }
    files
}

fn read(cx: &mut Cx<'_>, file: &File<'_>, scope: &Environment, active: bool) -> Vec<Assignment> {
    let path = cx.absolute(&file.name);
    let text = match cx.read_file(&path) {
        Ok(text) => text,
        Err(error) => {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            if file.required || !is_missing {
                cx.push(unreadable(file, &path, &error, active));
            }
            return Vec::new();
        }
    };
    let source = Arc::new(Source { name: shown(&path, cx), text });
    let parse = if file.raw { parse_raw } else { parse };
    let (assignments, findings) = parse(&source, scope);
    for finding in findings.0 {
        cx.push(finding);
    }
    assignments
}

fn unreadable(file: &File<'_>, path: &Path, error: &io::Error, active: bool) -> Diagnostic {
    let severity = if active { Severity::Error } else { Severity::Warning };
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("the file `{}` does not exist", file.name),
        _ => format!("the file `{}` cannot be read: {error}", file.name),
    };
    let diagnostic = Diagnostic::new(severity, message, Some(file.field.span()))
        .note(format!("looked for `{}`", path.display()))
        .help("create it, or write `{path: FILE, required: false}`");
    if active { diagnostic } else { diagnostic.note("no active profile selects the service") }
}

/// A file's name in findings, like those of the project's own files.
fn shown(path: &Path, cx: &Cx<'_>) -> String {
    path.strip_prefix(&cx.request.project_dir).unwrap_or(path).display().to_string()
}
