//! From files to the one tree of the stack: the whole text layer in its order.
//!
//! Files, environment and presets come in as values and callbacks; all findings of all files go
//! out together.

use std::path::{Path, PathBuf};

use super::assemble::{Layers, assemble};
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::discover::discover;
use super::environment::Environment;
use super::expand::expand;
use super::holes::Holes;
use super::interpolate::interpolate;
use super::merge::settle;
use super::node::Node;
use super::paths::{absolute, folder};
use super::reader::{Reader, STDIN};
use crate::project::{InvalidName, ProjectName};

pub use super::expand::Presets;
pub use super::layer::{Layer, LayerOrigin};
pub use super::reader::FileReader;

/// What to load.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The files in order, `-` for the standard input. Empty: `DEVSTACK_FILE` or `COMPOSE_FILE`,
    /// else discovered.
    pub files: Vec<PathBuf>,
    /// Folder to which relative paths refer; the first file's folder when absent.
    pub project_directory: Option<PathBuf>,
    /// The project's name from the command line.
    pub project_name: Option<String>,
    /// Files of variables instead of `.env`. Empty: `DEVSTACK_ENV_FILES` or `COMPOSE_ENV_FILES`,
    /// else `.env`.
    pub env_files: Vec<PathBuf>,
    /// The environment that devstack was started in.
    pub process_environment: Vec<(String, String)>,
    /// Folder that devstack was started in, absolute.
    pub working_dir: PathBuf,
    /// How much is made of the files.
    pub reading: Reading,
}

/// How much is made of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// The stack.
    #[default]
    Resolved,
    /// The stack, and each layer that it was merged from, see [`Loaded::layers`].
    Traced,
    /// Variables stay as they are written, except in paths of other files.
    AsWritten,
}

/// The stack as one tree, and where it comes from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Merged, interpolated, presets expanded.
    pub root: Node,
    /// Folder to which its relative paths refer.
    pub project_dir: PathBuf,
    /// The name by Compose's order (command line, `COMPOSE_PROJECT_NAME`, `name:`, the folder),
    /// made valid. `None` when nothing valid is left of what was given.
    pub project_name: Option<ProjectName>,
    /// Whether a person gave it (command line, `COMPOSE_PROJECT_NAME`) rather than the files.
    pub project_name_given: bool,
    /// The variables that the files could use.
    pub environment: Environment,
    /// The `.env` files that were read.
    pub env_files_read: Vec<PathBuf>,
    /// The stack's files, without those that they include or extend.
    pub config_files: Vec<PathBuf>,
    /// What works but is probably not meant; from [`load_to_decode`] what is wrong, too.
    pub warnings: Diagnostics,
    /// What is missing because it is wrong.
    pub holes: Holes,
    /// What the tree was merged from, when it was traced: the lowest first.
    pub layers: Vec<Layer>,
}

/// Loads a stack.
///
/// # Errors
///
/// Everything that is wrong in any of the files, with the warnings.
pub fn load(
    request: &LoadRequest,
    presets: Presets<'_>,
    files: &mut dyn FileReader,
) -> Result<Loaded, Diagnostics> {
    let loaded = load_to_decode(request, presets, files)?;
    if loaded.warnings.has_errors() { Err(loaded.warnings) } else { Ok(loaded) }
}

/// Loads a stack as [`load`] does, and returns what there is of it also when something is wrong:
/// what else is wrong can then be said at the same time, see [`join`](super::findings::join). The
/// stack is of no other use then, and [`Loaded::warnings`] holds the errors.
///
/// # Errors
///
/// Everything that is wrong in any of the files, with the warnings, when nothing is left of them.
pub fn load_to_decode(
    request: &LoadRequest,
    presets: Presets<'_>,
    files: &mut dyn FileReader,
) -> Result<Loaded, Diagnostics> {
    let mut reader = Reader::new(files, &request.working_dir, request.reading);
    let mut environment = Environment::from_process(request.process_environment.iter().cloned());
    let start = request
        .project_directory
        .as_ref()
        .map_or_else(|| request.working_dir.clone(), |dir| absolute(&request.working_dir, dir));

    let asked: Vec<PathBuf> =
        request.files.iter().map(|file| named(&request.working_dir, file)).collect();
    let first_dir = project_dir(request, &asked, &start);
    let uses_default_env = read_env_files(request, &first_dir, &mut environment, &mut reader);
    let Some(config_files) = find_files(asked, &start, request, &environment, &mut reader) else {
        let finding = no_files(&start, request, &reader);
        reader.findings.push(finding);
        return Err(reader.findings);
    };
    let project_dir = project_dir(request, &config_files, &start);
    if uses_default_env && project_dir != first_dir {
        read_default_env(&project_dir, &mut environment, &mut reader);
    }

    let project_name_given = given_name(request, &environment).is_some();
    let project_name =
        project_name(request, &config_files, &project_dir, &environment, &mut reader);
    if let Some(name) = &project_name
        && environment.get(PROJECT_NAME).is_none_or(|given| given != name.as_str())
    {
        environment.derive(PROJECT_NAME, name.as_str());
    }

    let layers = Layers {
        files: &config_files,
        dir: &project_dir,
        environment: &environment,
        included_by: &[],
    };
    let mut root = assemble(&layers, &mut reader);
    let order: Vec<String> = reader
        .env_files_read
        .iter()
        .chain(&config_files)
        .map(|file| reader.display(file))
        .collect();
    let Reader { env_files_read, mut findings, mut holes, mut layers, .. } = reader;
    if let Some(root) = &mut root {
        let variables = (request.reading != Reading::AsWritten).then_some(&environment);
        expand(root, presets, variables, &mut findings, &mut holes, layers.as_mut());
        settle(root);
    }
    sort(&mut findings, &order);
    match root {
        Some(root) => Ok(Loaded {
            root,
            project_dir,
            project_name,
            project_name_given,
            environment,
            env_files_read,
            config_files,
            warnings: findings,
            holes,
            layers: layers.unwrap_or_default(),
        }),
        None => Err(findings),
    }
}

const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

fn named(dir: &Path, file: &Path) -> PathBuf {
    if file == Path::new(STDIN) { file.to_owned() } else { absolute(dir, file) }
}

/// `--project-directory`, the first file's folder, or the folder to start from.
fn project_dir(request: &LoadRequest, files: &[PathBuf], start: &Path) -> PathBuf {
    match files.first() {
        Some(first) if request.project_directory.is_none() && first != Path::new(STDIN) => {
            folder(first)
        }
        _ => start.to_owned(),
    }
}

/// Reads the files of variables; whether they are `.env` files that nobody named.
fn read_env_files(
    request: &LoadRequest,
    dir: &Path,
    environment: &mut Environment,
    reader: &mut Reader<'_>,
) -> bool {
    let mut named_files = request.env_files.clone();
    let mut by = "--env-file".to_owned();
    if let (true, Some((variable, listed))) =
        (named_files.is_empty(), environment.named_setting("ENV_FILES"))
    {
        let files = listed.split(',').map(str::trim).filter(|file| !file.is_empty());
        named_files = files.map(PathBuf::from).collect();
        variable.clone_into(&mut by);
    }
    for file in &named_files {
        let path = absolute(&request.working_dir, file);
        reader.named(&path, file, &by);
        let assignments = reader.env_file(&path, None, environment);
        environment.override_files(&assignments);
    }
    let disabled = environment
        .setting("DISABLE_ENV_FILE")
        .is_some_and(|value| matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on"));
    let uses_default = named_files.is_empty() && !disabled;
    if uses_default {
        read_default_env(dir, environment, reader);
    }
    uses_default
}

fn read_default_env(dir: &Path, environment: &mut Environment, reader: &mut Reader<'_>) {
    let path = dir.join(".env");
    if reader.exists(&path) {
        let assignments = reader.env_file(&path, None, environment);
        environment.fill_gaps(&assignments);
    }
}

fn find_files(
    asked: Vec<PathBuf>,
    start: &Path,
    request: &LoadRequest,
    environment: &Environment,
    reader: &mut Reader<'_>,
) -> Option<Vec<PathBuf>> {
    if !asked.is_empty() {
        for (path, written) in asked.iter().zip(&request.files) {
            reader.named(path, written, "--file");
        }
        return Some(asked);
    }
    match environment.named_setting("FILE") {
        Some((variable, list)) => {
            let default = if cfg!(windows) { ";" } else { ":" };
            let separator = environment.setting("PATH_SEPARATOR").unwrap_or(default);
            let mut files = Vec::new();
            for written in list.split(separator).filter(|file| !file.is_empty()).map(Path::new) {
                let path = named(start, written);
                reader.named(&path, written, variable);
                files.push(path);
            }
            Some(files)
        }
        // What lies above a folder that is not there is not what was meant.
        None if !reader.is_folder(start) => None,
        None => discover(start, &|path| reader.exists(path)),
    }
}

fn no_files(start: &Path, request: &LoadRequest, reader: &Reader<'_>) -> Diagnostic {
    if let Some(dir) = request.project_directory.as_ref().filter(|_| !reader.is_folder(start)) {
        let message = format!("there is no folder `{}`", dir.display());
        return Diagnostic::new(Severity::Error, message, None)
            .help("it is named by `--project-directory`");
    }
    let place = match reader.display(start) {
        here if here.is_empty() => "here".to_owned(),
        dir => format!("in `{dir}`"),
    };
    let message = format!("no `devstack.yaml` or `compose.yaml` {place} or in a folder above");
    Diagnostic::new(Severity::Error, message, None)
        .help("go to the project's folder, or name a file with `--file`")
}

fn given_name(request: &LoadRequest, environment: &Environment) -> Option<String> {
    request
        .project_name
        .clone()
        .or_else(|| environment.setting("PROJECT_NAME").map(str::to_owned))
        .filter(|name| !name.is_empty())
}

fn project_name(
    request: &LoadRequest,
    files: &[PathBuf],
    project_dir: &Path,
    environment: &Environment,
    reader: &mut Reader<'_>,
) -> Option<ProjectName> {
    if let Some(name) = given_name(request, environment) {
        // Not made fit in silence: `-p` may name what is about to be removed.
        return name
            .parse()
            .map_err(|error: InvalidName| {
                let help = "it comes from `--project-name` or `COMPOSE_PROJECT_NAME`";
                reader
                    .findings
                    .push(Diagnostic::new(Severity::Error, error.to_string(), None).help(help));
            })
            .ok();
    }
    if let Some(name) = name_in_files(files, environment, reader) {
        return ProjectName::normalize(&name);
    }
    let folder = project_dir.file_name().unwrap_or_default().to_string_lossy();
    let name = ProjectName::of_folder(project_dir);
    // When a file could not be read it is not known whether it has a name.
    if ProjectName::normalize(&folder).is_none() && !reader.findings.has_errors() {
        let shown = project_dir.display();
        let message = format!("the name of the folder `{shown}` makes no project name");
        reader.findings.push(
            Diagnostic::new(Severity::Warning, message, None)
                .note(format!("the project is called `{name}`"))
                .help("write `name: NAME` at the top of the file: letters from `a` to `z`, digits, `-`, `_`"),
        );
    }
    Some(name)
}

/// Findings without a place first, then those of each file from top to bottom.
fn sort(findings: &mut Diagnostics, order: &[String]) {
    findings.0.sort_by_key(|finding| {
        finding.primary.as_ref().map(|label| {
            let name = &label.span.source.name;
            let file = order.iter().position(|file| file == name).unwrap_or(order.len());
            (file, label.span.start)
        })
    });
}

/// `name:` of the last file that has it.
fn name_in_files(
    files: &[PathBuf],
    environment: &Environment,
    reader: &mut Reader<'_>,
) -> Option<String> {
    let mut name = None;
    for file in files {
        for document in reader.documents(file, None) {
            name = document.get("name").map(|entry| entry.node.clone()).or(name);
        }
    }
    let mut name = name?;
    // What is wrong with it is found again, and reported, when the file is interpolated.
    interpolate(&mut name, environment, &mut Diagnostics::default());
    name.scalar_text().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
