//! Completion of names that stand in the stack's files (services and what they have, profiles, paths
//! in services), of projects on the engine, and of words that are few.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};

use serde_json::Value as Json;

use super::args::{AnsiArg, GlobalArgs, ProgressArg};
use super::context::{Context, Files};
use super::urls;
use crate::config::canonical::{Secrets, value};
use crate::logs::Level;
use crate::project::{Protocol, Service};
use crate::state::{ContainerState, labels};

/// A person who types does not wait longer for the engine.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lets every argument that names something of the files be completed, by the name that its value
/// has in the help.
pub(super) fn completing(command: Command) -> Command {
    command.mut_args(completing_argument).mut_subcommands(completing)
}

fn completing_argument(argument: Arg) -> Arg {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match value.as_deref() {
        Some("SERVICE" | "SERVICES") => argument.add(ArgValueCompleter::new(services)),
        Some("SERVICE=N") => argument.add(ArgValueCompleter::new(scales)),
        Some("SOURCE" | "TARGET") => argument.add(ArgValueCompleter::new(sides)),
        Some("NAME") if argument.get_id() == "profiles" => {
            argument.add(ArgValueCompleter::new(profiles))
        }
        Some("NAME") if argument.get_id() == "project_name" => {
            argument.add(ArgValueCompleter::new(projects))
        }
        Some("URL") => argument.add(ArgValueCompleter::new(url_names)),
        Some("PORT") if argument.get_id() == "port" => argument.add(ArgValueCompleter::new(ports)),
        Some("PATH") if argument.get_id() == "explain" => {
            argument.add(ArgValueCompleter::new(paths))
        }
        Some("LEVEL") => argument.add(ArgValueCompleter::new(levels)),
        Some("STATE") => argument.add(ArgValueCompleter::new(states)),
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
    let mut names: Vec<String> =
        all(&files).flat_map(|service| &service.profiles).cloned().collect();
    names.sort_unstable();
    names.dedup();
    beginning_with(current, names)
}

fn levels(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(current, Level::ALL.map(|level| level.as_str().to_owned()))
}

fn states(current: &OsStr) -> Vec<CompletionCandidate> {
    use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
    let all = [Created, Running, Paused, Restarting, Removing, Exited { code: 0 }, Dead];
    beginning_with(current, all.map(|state| state.as_str().to_owned()))
}

/// The projects that have containers on the engine.
fn projects(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let observed = runtime.block_on(async {
        let cx = Context::new(quiet());
        let ask = async { cx.connect().await.ok()?.observe_containers().await.ok() };
        tokio::time::timeout(PATIENCE, ask).await.ok().flatten()
    });
    let containers = observed.map(|observed| observed.containers).unwrap_or_default();
    let names = containers.iter().filter_map(|it| it.labels.get(labels::PROJECT).cloned());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    beginning_with(current, names)
}

/// The names of the URLs that the service has which the command line is about.
fn url_names(current: &OsStr) -> Vec<CompletionCandidate> {
    of_the_service(current, urls::names)
}

/// The ports of the service that the command line is about.
fn ports(current: &OsStr) -> Vec<CompletionCandidate> {
    of_the_service(current, |service| {
        let ports = service.ports.iter().map(|port| match port.protocol {
            Protocol::Tcp => port.target.to_string(),
            protocol => format!("{}/{}", port.target, protocol.as_str()),
        });
        ports.collect()
    })
}

fn of_the_service(
    current: &OsStr,
    names: impl Fn(&Service) -> Vec<String>,
) -> Vec<CompletionCandidate> {
    let Some(files) = files() else { return Vec::new() };
    let words = words();
    let is_named = |word: &String| {
        all(&files).find(|service| service.name.as_str() == word || service.aliases.contains(word))
    };
    let service = words.iter().find_map(is_named);
    beginning_with(current, service.map(names).unwrap_or_default())
}

/// Paths to values of the stack: those below the last whole key.
fn paths(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(files) = files() else { return Vec::new() };
    let mut project = files.project;
    let disabled = std::mem::take(&mut project.disabled_services);
    project.services.extend(disabled);
    let stack = value(&project, Secrets::Redacted);
    beginning_with(current, paths_below(&stack, &current.to_string_lossy()))
}

/// What can follow a path. One that has more below it is there with a dot, too, so that no shell
/// takes it for the whole.
fn paths_below(stack: &Json, path: &str) -> Vec<String> {
    let above = path.rsplit_once('.').map(|(above, _)| above);
    let below = above.into_iter().flat_map(|above| above.split('.')).try_fold(stack, Json::get);
    let prefix = above.map(|above| format!("{above}.")).unwrap_or_default();
    let mut paths = Vec::new();
    for (key, value) in below.and_then(Json::as_object).into_iter().flatten() {
        paths.push(format!("{prefix}{key}"));
        if value.as_object().is_some_and(|value| !value.is_empty()) {
            paths.push(format!("{prefix}{key}."));
        }
    }
    paths
}

fn beginning_with(
    current: &OsStr,
    names: impl IntoIterator<Item = String>,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let names = names.into_iter().filter(|name| name.starts_with(&*current));
    names.map(CompletionCandidate::new).collect()
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
    Context::new(named(quiet(), &words())).load_files().ok()
}

/// The words of the command line so far.
fn words() -> Vec<String> {
    std::env::args().skip_while(|word| word != "--").skip(1).collect()
}

/// Settings with which nothing is said.
const fn quiet() -> GlobalArgs {
    GlobalArgs {
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
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_completed_key_by_key() {
        let stack = json!({
            "name": "p",
            "services": { "api": { "image": "a", "labels": {}, "ports": [80] }, "db": {} },
        });
        let below = |path| paths_below(&stack, path).join(" ");
        assert_eq!(below(""), "name services services.");
        assert_eq!(below("serv"), "name services services.");
        assert_eq!(below("services."), "services.api services.api. services.db");
        assert_eq!(
            below("services.api.i"),
            "services.api.image services.api.labels services.api.ports"
        );
        assert_eq!(below("services.nobody."), "");
        assert_eq!(below("name.x"), "");
    }
}
