//! `devstack init`.

mod applications;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;

use super::context::{Context, Files};
use super::error::{CliError, ExitStatus, Problem};
use crate::config::canonical::{Secrets, value};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Source, Span};
use crate::config::discover::discover;
use crate::config::node::{Node, Value};
use crate::config::schema;
use crate::init::{Convertible, SCHEMA_FILE, convert, native_readiness, write};
use crate::os::files::{read_text, write_together};
use crate::project::Project;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --from, a Compose file of the folder is converted; else applications are\n\
    looked for: NestJS by its package.json, anything by its Dockerfile.\n\
    `--dry-run` or `-o -` print what would be written."
)]
pub(super) struct InitArgs {
    /// Compose file to convert, with the override file beside it; its comments are kept
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// File to write, by default `devstack.yaml`; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// A file to write.
struct Output {
    path: PathBuf,
    text: String,
}

pub(super) fn init(cx: &Context, args: &InitArgs) -> Result<ExitStatus, CliError> {
    let dir = match &cx.global.project_directory {
        Some(dir) => cx.working_dir().join(dir),
        None => cx.working_dir().to_owned(),
    };
    let compose = match &args.from {
        Some(from) => Some(with_override(&cx.working_dir().join(from))?),
        None => compose_files(&dir),
    };
    let (outputs, notes, findings) = match compose {
        Some(files) => converted(cx, args, &files)?,
        None => written(cx, args, &dir)?,
    };
    cx.print_diagnostics(&findings);
    if cx.global.dry_run || args.is_printed() {
        cx.print(&printed(&outputs))?;
    } else {
        save(cx, args, &outputs)?;
    }
    for note in notes {
        cx.note(&format!("note: {note}"));
    }
    Ok(ExitStatus::Success)
}

impl InitArgs {
    fn is_printed(&self) -> bool {
        self.output.as_deref() == Some(Path::new("-"))
    }

    /// Where the stack is written, by default in a folder.
    fn target(&self, cx: &Context, dir: &Path) -> PathBuf {
        match self.output.as_deref().filter(|path| *path != Path::new("-")) {
            Some(path) => cx.working_dir().join(path),
            None => dir.join("devstack.yaml"),
        }
    }
}

/// The Compose files of a folder itself.
fn compose_files(dir: &Path) -> Option<Vec<PathBuf>> {
    let is_composes = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.parent() == Some(dir) && !name.starts_with("devstack.") && path.is_file()
    };
    discover(dir, &is_composes)
}

/// A Compose file, with the override file that docker compose would read with it.
fn with_override(from: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !from.is_file() {
        let message = format!("there is no file {}", from.display());
        return Err(CliError::other(message, "name a Compose file after `--from`"));
    }
    let found = from.parent().and_then(compose_files);
    Ok(found.filter(|files| files[0] == from).unwrap_or_else(|| vec![from.to_owned()]))
}

/// The files, what a person should know of them, and what is to be seen in them.
type Outcome = (Vec<Output>, Vec<String>, Diagnostics);

/// A stack for the applications of a folder.
fn written(cx: &Context, args: &InitArgs, dir: &Path) -> Result<Outcome, CliError> {
    let Some(stack) = write(&applications::find(dir)) else {
        return Err(CliError::other(
            "there is nothing to make a stack of: no Compose file, no NestJS application (a \
             package.json with `@nestjs/core`), no Dockerfile",
            "name a Compose file with `--from`, or begin a devstack.yaml with `services: {db: \
             {preset: postgres}}`",
        ));
    };
    let path = args.target(cx, dir);
    let outputs = vec![Output { path, text: stack.text }];
    let Files { warnings, .. } = cx.load_texts(&texts(&outputs))?;
    let mut notes = stack.notes;
    notes.insert(0, format!("services: {}", stack.services.join(", ")));
    Ok((outputs, notes, warnings))
}

/// Compose files in devstack's words.
fn converted(cx: &Context, args: &InitArgs, files: &[PathBuf]) -> Result<Outcome, CliError> {
    let folder = files[0].parent().unwrap_or(Path::new("."));
    let target = args.target(cx, folder);
    if target.parent() != Some(folder) {
        return Err(CliError::other(
            "the paths of a Compose file mean something else in another folder",
            format!("write it beside {}", files[0].display()),
        ));
    }
    // What is wrong in the Compose file is told at its lines, and nothing is written.
    let mut originals = Vec::new();
    for file in files {
        let text = read_text(file).map_err(|error| {
            CliError::other(
                format!("cannot read {}: {error}", file.display()),
                "look at its rights",
            )
        })?;
        originals.push((file.clone(), Some(text)));
    }
    let before = cx.load_texts(&originals)?;
    let services =
        before.project.services.values().chain(before.project.disabled_services.values());
    let ready: BTreeMap<String, String> = services
        .filter_map(|service| Some((service.name.to_string(), native_readiness(service)?)))
        .collect();
    let paths = [target.clone(), beside(&target, "override")];
    let mut outputs = Vec::new();
    for ((file, text), path) in originals.into_iter().zip(paths) {
        let text = text.unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = Arc::new(Source { name, text });
        let text = convert(&Convertible { source, ready: &ready }).map_err(Problem::Config)?;
        outputs.push(Output { path, text });
    }
    let after = cx.load_texts(&texts(&outputs))?;
    let mut findings = after.warnings;
    findings.0.extend(lost(&before.project, &before.root, &after.project));
    let mut notes = Vec::new();
    let told: Vec<&str> = ready
        .keys()
        .map(String::as_str)
        .filter(|name| after.project.service(name).is_some_and(|service| service.ready.is_some()))
        .collect();
    if !told.is_empty() {
        notes.push(format!("written as `ready:`, how devstack itself asks: {}", told.join(", ")));
    }
    if leaves_address_out(&before.root) {
        notes.push(
            "ports without an address are published on 127.0.0.1; `publish: all` at the top \
             publishes them on all addresses, as docker compose does"
                .to_owned(),
        );
    }
    let names: Vec<String> = files
        .iter()
        .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    notes.push(format!("left as it was, and not read any more: {}", names.join(", ")));
    Ok((outputs, notes, findings))
}

/// Whether a port says no address, so that docker compose would publish it on all of them.
fn leaves_address_out(root: &Node) -> bool {
    let own = root.get("x-devstack").and_then(|own| own.node.get("publish"));
    let Some(Value::Mapping(services)) = root.get("services").map(|entry| &entry.node.value) else {
        return false;
    };
    let is_open = |port: &Node| match port.scalar_text() {
        // HOST:CONTAINER, where an address would bring one more colon.
        Some(text) => text.matches(':').count() == 1,
        None => port.get("published").is_some() && port.get("host_ip").is_none(),
    };
    root.get("publish").or(own).is_none()
        && services.values().any(|service| {
            match service.node.get("ports").map(|it| &it.node.value) {
                Some(Value::Sequence(ports)) => ports.iter().any(is_open),
                _ => false,
            }
        })
}

/// What the converted stack does not say as the Compose files did, at the lines that said it.
fn lost(before: &Project, root: &Node, after: &Project) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let (before, after) = (value(before, Secrets::Shown), value(after, Secrets::Shown));
    differing(&mut Vec::new(), &before, &after, &mut found);
    let finding = |path: Vec<String>| {
        let message = format!("`{}` is not the same in devstack's files", path.join("."));
        let finding = match place(root, &path) {
            Some(span) => Diagnostic::warning(message, &span),
            None => Diagnostic::new(crate::config::diagnostic::Severity::Warning, message, None),
        };
        let pointer = format!("/{}", path.join("/"));
        let listed = |tree: &Json| tree.pointer(&pointer).map(ports).unwrap_or_default();
        if path.last().is_some_and(|key| key == "ports") {
            let (before, after) = (listed(&before), listed(&after));
            return finding
                .note(format!("docker compose publishes {before}, devstack {after}"))
                .note("a port in devstack's override replaces the one with the same container port")
                .help("write all of them into `devstack.yaml` to keep them");
        }
        finding.help("compare `docker compose config` with `devstack config`")
    };
    found.into_iter().map(finding).collect()
}

/// A list of ports in its short form.
fn ports(list: &Json) -> String {
    let text = |port: &Json, key: &str| match &port[key] {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let short = |port: &Json| format!("`{}:{}`", text(port, "published"), text(port, "target"));
    let ports: Vec<String> = list.as_array().into_iter().flatten().map(short).collect();
    ports.join(" and ")
}

/// The keys at which two stacks differ, down to those of a service. How to ask whether a service is
/// ready is new.
fn differing(path: &mut Vec<String>, before: &Json, after: &Json, found: &mut Vec<Vec<String>>) {
    match (before, after) {
        (Json::Object(one), Json::Object(other)) if path.len() < 3 => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                let below = |tree: &Json| tree.get(key).cloned().unwrap_or(Json::Null);
                path.push(key.clone());
                differing(path, &below(before), &below(after), found);
                path.pop();
            }
        }
        _ if before == after => {}
        _ if path.last().is_some_and(|key| key == "x-devstack") => {
            let mut after = after.clone();
            if let Some(fields) = after.as_object_mut() {
                if before.get("ready").is_none() {
                    fields.shift_remove("ready");
                }
                if fields.is_empty() {
                    after = Json::Null;
                }
            }
            if *before != after {
                found.push(path.clone());
            }
        }
        _ => found.push(path.clone()),
    }
}

fn place(root: &Node, path: &[String]) -> Option<Span> {
    let mut node = root;
    let mut span = None;
    for key in path {
        let Some(entry) = node.get(key) else { break };
        span = Some(entry.key_span.clone());
        node = &entry.node;
    }
    span
}

/// `devstack.yaml` and `override` make `devstack.override.yaml`.
fn beside(path: &Path, part: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}.{part}.{extension}"))
}

fn texts(outputs: &[Output]) -> Vec<(PathBuf, Option<String>)> {
    outputs.iter().map(|output| (output.path.clone(), Some(output.text.clone()))).collect()
}

/// The files as one text. Several are its documents, which are merged as files are, each under its
/// name.
fn printed(outputs: &[Output]) -> String {
    let [_, _, ..] = outputs else {
        return outputs.iter().map(|output| output.text.as_str()).collect();
    };
    let titled = |output: &Output| {
        let name = output.path.file_name().unwrap_or_default().to_string_lossy();
        format!("# file: {name}\n{}", output.text)
    };
    outputs.iter().map(titled).collect::<Vec<_>>().join("---\n")
}

/// Writes the files, or none of them.
fn save(cx: &Context, args: &InitArgs, outputs: &[Output]) -> Result<(), CliError> {
    let shown =
        |path: &Path| path.strip_prefix(cx.working_dir()).unwrap_or(path).display().to_string();
    let there: Vec<String> = outputs
        .iter()
        .filter(|output| output.path.exists())
        .map(|output| shown(&output.path))
        .collect();
    if !there.is_empty() && !args.force {
        let names = there.join(" and ");
        if cx.confirm(&format!("write over {names}?")) != Some(true) {
            let (verb, them) = if there.len() == 1 { ("is", "it") } else { ("are", "them") };
            return Err(CliError::other(
                format!("{names} {verb} there already"),
                format!("write over {them} with `--force`, or look with `--dry-run`"),
            ));
        }
    }
    let schema = outputs.first().map(|output| output.path.with_file_name(SCHEMA_FILE));
    let schema = schema.filter(|path| !path.exists());
    let schema = schema.map(|path| Output { path, text: schema::TEXT.to_owned() });
    let outputs: Vec<&Output> = schema.iter().chain(outputs).collect();
    let files: Vec<(&Path, &str)> =
        outputs.iter().map(|output| (output.path.as_path(), output.text.as_str())).collect();
    write_together(&files).map_err(|(path, error)| {
        CliError::other(
            format!("cannot write {}: {error}; nothing is written", shown(&path)),
            "look at the folder's rights, or print it with `-o -`",
        )
    })?;
    for output in outputs {
        cx.note(&format!("{} written", shown(&output.path)));
    }
    Ok(())
}
