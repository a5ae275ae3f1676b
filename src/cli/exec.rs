//! `devstack exec`.

use std::io::Write as _;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio_util::task::AbortOnDropHandle;

use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::scope::Scope;
use crate::engine::{DockerEngine, EngineError, EngineErrorKind, ExecRequest, ExecStreams};
use crate::os::raw_terminal::{RawTerminal, resizes, size};
use crate::state::{ContainerState, Observed, ObservedContainer};

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devstack exec db psql -U app\n  devstack exec -T api node -p 1+1 | cat"
)]
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
    #[arg(long, value_name = "N", default_value_t = 1)]
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
    let Some(streams) = engine.exec(&container.id, &request).await? else {
        return Ok(ExitStatus::Success);
    };
    let id = streams.id.clone();
    if attach(&engine, streams, tty).await? == Ended::NobodyReads {
        // As a shell counts a program that a closed pipe has ended.
        return Ok(ExitStatus::Child(141));
    }
    match engine.exec_exit_code(&id).await {
        Ok(code) => Ok(ExitStatus::Child(u8::try_from(code).unwrap_or(1))),
        // The container went away, and the command with it.
        Err(EngineError { kind: EngineErrorKind::NotFound(_), .. }) => Ok(ExitStatus::Child(137)),
        Err(error) => Err(error.into()),
    }
}

fn running<'a>(
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
            format!("start it with `devstack up -d {service}`"),
        )),
    }
}

/// Why the streams of a command are no longer connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The command has no more output.
    Output,
    /// Whoever read our output has gone, as in `devstack exec db cat big | head`.
    NobodyReads,
}

/// Connects our standard streams with the command's until it ends.
async fn attach(engine: &DockerEngine, streams: ExecStreams, tty: bool) -> Result<Ended, CliError> {
    let ExecStreams { id, mut output, mut input } = streams;
    let raw = if tty { RawTerminal::enter().ok() } else { None };
    let _typing = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        // A command that no longer reads is no reason to fail.
        let _ = tokio::io::copy(&mut stdin, &mut input).await;
        let _ = input.shutdown().await;
    }));
    let mut sizes = tty.then(resizes);
    if let (true, Some((width, height))) = (tty, size()) {
        let _ = engine.resize_exec(&id, width, height).await;
    }
    loop {
        let resized = async {
            match &mut sizes {
                Some(sizes) => sizes.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            chunk = output.next() => match chunk {
                Some(chunk) => {
                    let (stderr, bytes) = chunk?;
                    let written = if stderr {
                        std::io::stderr().lock().write_all(&bytes)
                    } else {
                        let mut stdout = std::io::stdout().lock();
                        stdout.write_all(&bytes).and_then(|()| stdout.flush())
                    };
                    if let Err(error) = written {
                        if error.kind() == std::io::ErrorKind::BrokenPipe {
                            return Ok(Ended::NobodyReads);
                        }
                        return Err(Problem::Output(error).into());
                    }
                }
                None => break,
            },
            Some((width, height)) = resized => {
                let _ = engine.resize_exec(&id, width, height).await;
            }
        }
    }
    drop(raw);
    Ok(Ended::Output)
}
