//! `devstack exec`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::foreign_flags::accepted;
use super::scope::Scope;
use super::streams::{Ended, Terminal, connect};
use crate::engine::{DockerEngine, EngineError, EngineErrorKind, ExecRequest};
use crate::state::{ContainerState, Observed, ObservedContainer};

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devstack exec db psql -U app\n  devstack exec -T api node -p 1+1 | cat"
)]
#[command(args(accepted(&[("interactive", Some('i')), ("tty", Some('t'))])))]
pub(super) struct ExecArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
    /// No terminal; it gets one when standard input and output are one
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// Run it in the background
    #[arg(short, long)]
    detach: bool,
    /// User (and group) instead of the container's
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Set a variable; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Working directory instead of the container's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Give it all rights
    #[arg(long)]
    privileged: bool,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::number::positive::<u32>)]
    index: u32,
}

pub(super) async fn exec(cx: &Context, args: ExecArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let service = scope.service(&args.service)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let container = running(&scope, &observed, service.as_str(), args.index)?;
    let tty = !args.no_tty && !args.detach && cx.has_terminal();
    let request = ExecRequest {
        command: args.command,
        tty,
        stdin: !args.detach,
        detach: args.detach,
        user: args.user,
        working_dir: args.workdir,
        environment: args.env,
        privileged: args.privileged,
    };
    run_command(cx, &engine, container, &request).await
}

/// Runs a command in a container with our own standard streams; its exit code is ours. In a dry run
/// it is only told.
pub(super) async fn run_command(
    cx: &Context,
    engine: &DockerEngine,
    container: &ObservedContainer,
    request: &ExecRequest,
) -> Result<ExitStatus, CliError> {
    if cx.global.dry_run {
        let command = shell_words::join(&request.command);
        cx.print(&format!("container {}: run {command}", container.name))?;
        return Ok(ExitStatus::Success);
    }
    let Some(streams) = engine.exec(&container.id, request).await? else {
        return Ok(ExitStatus::Success);
    };
    let id = streams.id.clone();
    let terminal = if request.tty { Terminal::Command } else { Terminal::None };
    if connect(engine, streams, terminal).await? == Ended::NobodyReads {
        // As a shell counts a program that a closed pipe has ended.
        return Ok(ExitStatus::Child(141));
    }
    match engine.exec_exit_code(&id).await {
        Ok(code) => Ok(ExitStatus::of_container(code)),
        // The container went away, and the command with it.
        Err(EngineError { kind: EngineErrorKind::NotFound(_), .. }) => Ok(ExitStatus::Child(137)),
        Err(error) => Err(error.into()),
    }
}

/// The running container of a service.
pub(super) fn running<'a>(
    scope: &Scope,
    observed: &'a Observed,
    service: &str,
    index: u32,
) -> Result<&'a ObservedContainer, CliError> {
    let found = observed.containers_of(&scope.name).find(|container| {
        container.service().is_some_and(|it| it.as_str() == service) && container.number() == index
    });
    match found {
        Some(container) if container.state == ContainerState::Running => Ok(container),
        Some(container) => Err(CliError::other(
            format!(
                "service `{service}` does not run: its container is {}",
                container.state.as_str()
            ),
            format!("start it with `devstack up -d {service}`"),
        )),
        None => Err(CliError::other(
            format!("service `{service}` has no container {index}"),
            if index > 1 {
                format!("`devstack scale {service}={index}` makes that many")
            } else {
                format!("start it with `devstack up -d {service}`")
            },
        )),
    }
}
