//! `devstack shell`: the best shell that a service has.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::exec::{run_command, running};
use super::scope::Scope;
use crate::engine::{Engine as _, ExecRequest};

/// Arguments of `shell`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Takes the first that is there of bash, zsh, ash and sh.\n\n\
    Examples:\n  devstack shell api\n  devstack shell -u root db")]
pub(super) struct ShellArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// User (and group) instead of the container's
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Set a variable; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Working directory instead of the container's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::number::positive::<u32>)]
    index: u32,
}

/// Prints the path of the best shell. `command -v` is of POSIX and so in every `sh`.
const BEST: &str = "for shell in bash zsh ash sh; do command -v $shell && exit; done";

pub(super) async fn shell(cx: &Context, args: ShellArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let service = scope.service(&args.service)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let container = running(&scope, &observed, service.as_str(), args.index)?;
    if cx.global.dry_run {
        // Which of them is there, only a command in the container would tell.
        cx.print(&format!("container {}: run the best of bash, zsh, ash and sh", container.name))?;
        return Ok(ExitStatus::Success);
    }
    let find = ["sh", "-c", BEST].map(str::to_owned);
    let found = engine.run_in_container(&container.id, &find).await;
    let shell = found.ok().filter(|found| found.code == 0).and_then(|found| {
        found.output.lines().next().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned)
    });
    let Some(shell) = shell else {
        return Err(CliError::other(
            format!("there is no shell in service `{service}`"),
            "its image brings none; `devstack cp` copies files in and out all the same",
        ));
    };
    let request = ExecRequest {
        command: vec![shell],
        tty: cx.has_terminal(),
        stdin: true,
        user: args.user,
        working_dir: args.workdir,
        environment: args.env,
        ..ExecRequest::default()
    };
    run_command(cx, &engine, container, &request).await
}
