//! `include`: other projects, each with its own folder and `.env`, below the including file.

use std::path::{Path, PathBuf};

use super::assemble::{Layers, assemble};
use super::diagnostic::{Diagnostic, Span};
use super::limits;
use super::merge::{MergeOptions, merge};
use super::node::{Entry, Node, Value};
use super::paths::{absolute, folder};
use super::reader::Reader;
use super::rebase::rebase;
use super::suggest::closest;

/// One item of `include`.
struct Include {
    files: Vec<(PathBuf, Span)>,
    env_files: Vec<(PathBuf, Span)>,
    dir: PathBuf,
}

/// Takes `include` off a document and puts what it names below the document.
pub(crate) fn resolve(
    mut document: Node,
    path: &Path,
    layers: &Layers<'_>,
    options: MergeOptions,
    reader: &mut Reader<'_>,
) -> Node {
    let Value::Mapping(top) = &mut document.value else { return document };
    let Some(mut include) = top.shift_remove("include") else { return document };
    reader.interpolate_rest(&mut include.node, layers.environment);
    let mut merged: Option<Node> = None;
    for item in items(include.node, reader) {
        let included = read(&item, layers.dir, reader);
        let included = included.and_then(|include| load(include, path, layers, reader));
        let Some(included) = included else {
            reader.holes.files = true;
            continue;
        };
        merged = Some(match merged {
            Some(below) => merge(below, included, options, &mut reader.findings),
            None => included,
        });
    }
    match merged {
        Some(below) => merge(below, document, options, &mut reader.findings),
        None => document,
    }
}

fn items(include: Node, reader: &mut Reader<'_>) -> Vec<Node> {
    match include.value {
        Value::Sequence(items) => items,
        Value::Null => Vec::new(),
        _ => {
            reader.holes.files = true;
            let message = format!("`include` must be a list, not {}", include.kind());
            let finding = Diagnostic::error(message, &include.span);
            reader.findings.push(match include.scalar_text() {
                Some(file) => finding.help(format!("write `include: [{file}]`")),
                None => finding.help("write one `- FILE` or `- path: FILE` for each file"),
            });
            Vec::new()
        }
    }
}

/// The keys of an `include` in its long form.
pub(crate) const KEYS: [&str; 3] = ["path", "env_file", "project_directory"];

fn read(item: &Node, dir: &Path, reader: &mut Reader<'_>) -> Option<Include> {
    if let Value::Mapping(entries) = &item.value {
        for (key, entry) in entries {
            if !KEYS.contains(&key.as_str()) {
                let message = format!("unknown key `{key}` in `include`");
                let finding = Diagnostic::error(message, &entry.key_span);
                reader.findings.push(match closest(key, KEYS) {
                    Some(known) => finding.help(format!("did you mean `{known}`?")),
                    None => finding.help("`path`, `env_file` and `project_directory` are known"),
                });
            }
        }
    }
    let mut paths = |key: &str| match item.get(key) {
        Some(entry) => files(&entry.node, dir, reader),
        None => Vec::new(),
    };
    let (files, env_files, dirs) = match &item.value {
        Value::Mapping(_) => (paths("path"), paths("env_file"), paths("project_directory")),
        _ => (files(item, dir, reader), Vec::new(), Vec::new()),
    };
    let Some((first, _)) = files.first() else {
        if matches!(item.value, Value::Mapping(_)) && item.get("path").is_none() {
            reader.findings.push(
                Diagnostic::error("this `include` names no file", &item.span)
                    .help("add `path: FILE`"),
            );
        }
        return None;
    };
    let dir = dirs.into_iter().next().map_or_else(|| folder(first), |(dir, _)| dir);
    Some(Include { files, env_files, dir })
}

/// A path or a list of paths.
fn files(node: &Node, dir: &Path, reader: &mut Reader<'_>) -> Vec<(PathBuf, Span)> {
    let nodes = match &node.value {
        Value::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut files = Vec::new();
    for node in nodes {
        let Some(text) = node.scalar_text() else {
            let message = format!("a path must be text, not {}", node.kind());
            reader.findings.push(Diagnostic::error(message, &node.span));
            continue;
        };
        files.push((absolute(dir, Path::new(text)), node.span.clone()));
    }
    files
}

fn load(
    include: Include,
    path: &Path,
    layers: &Layers<'_>,
    reader: &mut Reader<'_>,
) -> Option<Node> {
    let mut included_by = layers.included_by.to_vec();
    included_by.push(path.to_owned());
    for (file, span) in &include.files {
        if let Some(start) = included_by.iter().position(|above| above == file) {
            let chain: Vec<_> = included_by[start..]
                .iter()
                .chain([file])
                .map(|file| format!("`{}`", reader.display(file)))
                .collect();
            reader.findings.push(
                Diagnostic::error("files include each other in a circle", span)
                    .note(chain.join(" -> ")),
            );
            return None;
        }
        reader.included += 1;
        if reader.included > limits::INCLUDES {
            // Said once: each file that includes two more doubles their number.
            if reader.included == limits::INCLUDES + 1 {
                reader.findings.push(Diagnostic::error("too many files are included", span).note(
                    format!(
                        "at most {} are read, each as often as it is included",
                        limits::INCLUDES
                    ),
                ));
            }
            return None;
        }
        // Reads it now, so that a missing file is reported at the place that asks for it.
        reader.documents(file, Some(span));
    }
    let mut environment = layers.environment.clone();
    let default = include.dir.join(".env");
    if include.env_files.is_empty() && reader.exists(&default) {
        let assignments = reader.env_file(&default, None, &environment);
        environment.fill_gaps(&assignments);
    }
    // The later file wins, so it fills the gaps first.
    for (file, span) in include.env_files.iter().rev() {
        let assignments = reader.env_file(file, Some(span), &environment);
        environment.fill_gaps(&assignments);
    }
    let files: Vec<PathBuf> = include.files.into_iter().map(|(file, _)| file).collect();
    let layers_below = Layers {
        files: &files,
        dir: &include.dir,
        environment: &environment,
        included_by: &included_by,
    };
    let mut included = assemble(&layers_below, reader)?;
    if include.dir != layers.dir {
        rebase(&mut included, &include.dir);
    }
    if let Value::Mapping(top) = &mut included.value {
        // They speak of the included project as a whole.
        top.retain(|key, _: &mut Entry| key != "name" && key != "version");
    }
    Some(included)
}
