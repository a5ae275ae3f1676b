//! `devstack pause` and `unpause`.

use futures_util::future::join_all;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use crate::engine::Engine as _;
use crate::plan::lifecycle;
use crate::state::{ContainerState, ObservedContainer};

/// Arguments of `pause` and `unpause`.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// Services, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(super) async fn pause(cx: &Context, args: PauseArgs) -> Result<ExitStatus, CliError> {
    change(cx, &args, ContainerState::Running, "paused").await
}

pub(super) async fn unpause(cx: &Context, args: PauseArgs) -> Result<ExitStatus, CliError> {
    change(cx, &args, ContainerState::Paused, "goes on").await
}

async fn change(
    cx: &Context,
    args: &PauseArgs,
    from: ContainerState,
    done: &str,
) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let containers: Vec<&ObservedContainer> =
        lifecycle::selected(&scope.name, &observed, &services)
            .into_iter()
            .filter(|container| container.state == from)
            .collect();
    if containers.is_empty() {
        cx.note(match from {
            ContainerState::Paused => "nothing is paused",
            _ => "nothing runs",
        });
        return Ok(ExitStatus::Success);
    }
    if cx.global.dry_run {
        for container in containers {
            cx.print(&format!("container {}: {done}", container.name))?;
        }
        return Ok(ExitStatus::Success);
    }
    let results = join_all(containers.iter().map(|container| async {
        match from {
            ContainerState::Paused => engine.unpause_container(&container.id).await,
            _ => engine.pause_container(&container.id).await,
        }
    }))
    .await;
    let mut failed = None;
    for (container, result) in containers.iter().zip(results) {
        match result {
            Ok(()) => cx.note(&format!("{} {done}", container.name)),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(ExitStatus::Success),
    }
}
