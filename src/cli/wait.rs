//! `devstack wait`: until containers end.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::context::Context;
use super::down::{DownArgs, down};
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use crate::plan::lifecycle;

/// Arguments of `wait`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The exit code is that of the first container that failed, else 0.")]
pub(super) struct WaitArgs {
    /// Services to wait for, by name or alias
    #[arg(value_name = "SERVICE", required = true)]
    services: Vec<String>,
    /// Remove the stack when the first of them has ended
    #[arg(long)]
    down_project: bool,
}

pub(super) async fn wait(cx: &Context, args: WaitArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let containers = lifecycle::selected(&scope.name, &observed, &services);
    if let Some(missing) = services.iter().find(|service| {
        containers.iter().all(|container| container.service().as_ref() != Some(*service))
    }) {
        return Err(CliError::other(
            format!("service `{missing}` has no container to wait for"),
            format!("start it with `devstack up -d {missing}`"),
        ));
    }
    if cx.global.dry_run {
        for container in containers {
            cx.print(&format!("container {}: wait for its end", container.name))?;
        }
        if args.down_project {
            // It tells what it would do, too.
            down(cx, DownArgs::default()).await?;
        }
        return Ok(ExitStatus::Success);
    }
    let mut ends: FuturesUnordered<_> = containers
        .iter()
        .map(|container| {
            let engine = &engine;
            async move { (container, engine.wait_container(&container.id).await) }
        })
        .collect();
    let mut failed = None;
    while let Some((container, code)) = ends.next().await {
        let code = code?;
        cx.print(&format!("container {} exited with status code {code}", container.name))?;
        if code != 0 && failed.is_none() {
            failed = Some(code);
        }
        if args.down_project {
            break;
        }
    }
    if args.down_project {
        down(cx, DownArgs::default()).await?;
    }
    Ok(failed.map_or(ExitStatus::Success, ExitStatus::of_container))
}
