//! Completion of names that stand in the stack's files: services, profiles, paths in services.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};

use super::args::{AnsiArg, GlobalArgs, ProgressArg};
use super::context::{Context, Files};
use crate::project::Service;

/// Lets every argument that names something of the files be completed, by the name that its value
/// has in the help.
pub(super) fn completing(command: Command) -> Command {
    command.mut_args(completing_argument).mut_subcommands(completing)
}

fn completing_argument(argument: Arg) -> Arg {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match value.as_deref() {
        Some("SERVICE") => argument.add(ArgValueCompleter::new(services)),
        Some("SERVICE=N") => argument.add(ArgValueCompleter::new(scales)),
        Some("SOURCE" | "TARGET") => argument.add(ArgValueCompleter::new(sides)),
        Some("NAME") if argument.get_id() == "profiles" => {
            argument.add(ArgValueCompleter::new(profiles))
        }
        _ => argument,
    }
}

fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, "")
}

fn scales(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, "=")
}

/// One side of `cp`: a path of this machine or the beginning of `SERVICE:PATH`.
fn sides(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut sides = PathCompleter::any().complete(current);
    sides.extend(candidates(current, ":"));
    sides
}

fn profiles(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(files) = files() else { return Vec::new() };
    let current = current.to_string_lossy();
    let mut names: Vec<&String> = all(&files).flat_map(|service| &service.profiles).collect();
    names.sort_unstable();
    names.dedup();
    let names = names.into_iter().filter(|name| name.starts_with(&*current));
    names.map(|name| CompletionCandidate::new(name.clone())).collect()
}

/// The services whose name, or the aliases that, begin with what is there.
fn candidates(current: &OsStr, suffix: &str) -> Vec<CompletionCandidate> {
    let Some(files) = files() else { return Vec::new() };
    let current = current.to_string_lossy();
    let named = all(&files).map(|service| (service.name.as_str(), service));
    // An alias is another word for what is offered already, unless it was begun.
    let aliases = all(&files)
        .filter(|_| !current.is_empty())
        .flat_map(|service| service.aliases.iter().map(move |alias| (alias.as_str(), service)));
    named
        .chain(aliases)
        .filter(|(name, _)| name.starts_with(&*current))
        .map(|(name, service)| {
            let help = service.image.to_string();
            CompletionCandidate::new(format!("{name}{suffix}")).help(Some(help.into()))
        })
        .collect()
}

fn all(files: &Files) -> impl Iterator<Item = &Service> {
    files.project.services.values().chain(files.project.disabled_services.values())
}

/// The files that the command line so far names. A mistake in them is no reason to disturb the
/// person who is typing.
fn files() -> Option<Files> {
    let global = GlobalArgs {
        error_format: super::args::ErrorFormatArg::Text,
        files: Vec::new(),
        project_name: None,
        project_directory: None,
        env_files: Vec::new(),
        profiles: Vec::new(),
        progress: ProgressArg::Quiet,
        ansi: AnsiArg::Never,
        parallel: None,
        ci: false,
        dry_run: false,
    };
    let words: Vec<String> = std::env::args().skip_while(|word| word != "--").skip(1).collect();
    Context::new(named(global, &words)).load_files().ok()
}

/// Takes what says where the files are out of a command line that is not complete.
fn named(mut global: GlobalArgs, words: &[String]) -> GlobalArgs {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut path = || value.clone().or_else(|| words.next().cloned()).map(PathBuf::from);
        match flag {
            "-f" | "--file" => global.files.extend(path()),
            "--env-file" => global.env_files.extend(path()),
            "--project-directory" => global.project_directory = path(),
            _ => {}
        }
    }
    // Nothing can be read twice from where the shell types.
    global.files.retain(|file| file.as_os_str() != "-");
    global
}
