//! `devstack run-local`: a command of this machine, with the stack around it.

use std::time::Duration;

use indexmap::IndexMap;

use super::checkout::ToCreate;
use super::connections::{Connection, connections, environment_of};
use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::{Scope, desired, selected};
use super::up::bring_up;
use crate::os::process::replace;
use crate::os::signal::Interrupts;
use crate::plan::ReconcileOptions;
use crate::project::{Project, Service, ServiceName};

/// Arguments of `run-local`.
#[derive(Debug, clap::Args)]
#[command(
    alias = "local",
    after_help = "The command takes the place of a service: it gets that service's variables, in which the addresses\n\
    of other services are those of this machine, and what the service depends on is started first.\n\
    The exit code is the command's; 127 when there is no such command.\n\n\
    Examples:\n  devstack run-local -- npm test\n  devstack run-local --as worker -- node worker.js\n  \
    devstack run-local --with db -- psql"
)]
pub(super) struct RunLocalArgs {
    /// The service whose place the command takes; the only one that is built, when there is one
    #[arg(long = "as", value_name = "SERVICE", conflicts_with = "with")]
    place: Option<String>,
    /// Start these services with what they need, and give only connection URLs; may be repeated
    #[arg(long, value_name = "SERVICE")]
    with: Vec<String>,
    /// Start nothing
    #[arg(long)]
    no_start: bool,
    /// Longest wait for one service, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = super::number::seconds)]
    wait_timeout: Option<u64>,
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

pub(super) async fn run_local(cx: &Context, args: RunLocalArgs) -> Result<ExitStatus, CliError> {
    let ToCreate { project, seen, turn } = cx.load_to_create().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let place = match &args.place {
        Some(name) => Some(scope.service(name)?),
        None if args.with.is_empty() => only_built(&project),
        None => None,
    };
    let place = place.as_ref().and_then(|name| {
        project.services.get(name).or_else(|| project.disabled_services.get(name))
    });
    let engine = cx.connect().await?;
    let needed: Vec<String> = match place {
        Some(service) => service.depends_on.keys().map(ToString::to_string).collect(),
        None => args.with.clone(),
    };
    // A service that depends on nothing needs nothing, where no name at all would mean everything.
    let everything = place.is_none() && needed.is_empty();
    if !args.no_start && (everything || !needed.is_empty()) {
        let needed = selected(&project, &needed, true)?;
        let wait = args.wait_timeout.map(Duration::from_secs);
        let options = ReconcileOptions::default();
        let mut interrupts = Interrupts::listen();
        let desired = desired(&needed);
        bring_up(cx, &engine, seen, &needed, &desired, &options, wait, &mut interrupts, &|_| {})
            .await?;
    }
    drop(turn);
    if cx.global.dry_run {
        cx.print(&format!("run {}", shell_words::join(&args.command)))?;
        return Ok(ExitStatus::Success);
    }
    let observed = engine.observe_containers().await?;
    let mut variables = connections(&project, &observed, |_| true);
    if let Some(service) = place {
        variables.extend(environment_of(&project, &observed, service));
    }
    Ok(start(cx, &args.command, variables))
}

/// The one service that is built here: the program that is worked on.
fn only_built(project: &Project) -> Option<ServiceName> {
    let mut built = project.services.values().filter(|service: &&Service| service.build.is_some());
    let service = built.next()?;
    built.next().is_none().then(|| service.name.clone())
}

fn start(cx: &Context, command: &[String], variables: IndexMap<String, Connection>) -> ExitStatus {
    let variables = variables.into_iter().map(|(name, it)| (name, it.value));
    match replace(command, variables) {
        Ok(code) => ExitStatus::Child(code),
        Err(error) => {
            let program = command.first().map_or("", String::as_str);
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            cx.note(&format!("error: cannot run `{program}`: {error}"));
            ExitStatus::Child(if missing { 127 } else { 126 })
        }
    }
}
