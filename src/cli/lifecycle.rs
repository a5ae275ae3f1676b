//! `devstack stop`, `start`, `restart`, `kill` and `rm`: containers as they are, no files changed
//! into containers.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::foreign_flags::accepted;
use super::run::{dry_run, run};
use super::scope::Scope;
use crate::os::signal::Interrupts;
use crate::plan::{Plan, lifecycle, weave};
use crate::project::{Duration, ServiceName};
use crate::state::{Desired, Observed, ObservedContainer};

/// Arguments of `stop`.
#[derive(Debug, clap::Args)]
pub(super) struct StopArgs {
    /// Services to stop; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Grace period in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = super::number::seconds)]
    timeout: Option<u64>,
}

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
#[command(args(accepted(&[("wait", None)])))]
pub(super) struct StartArgs {
    /// Services to start; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not wait for services that no other one waits for
    #[arg(long)]
    no_wait: bool,
    /// Longest wait for one service, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = super::number::seconds)]
    wait_timeout: Option<u64>,
}

/// Arguments of `restart`.
#[derive(Debug, clap::Args)]
#[command(args(accepted(&[("no-deps", None)])))]
pub(super) struct RestartArgs {
    /// Services to restart; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Grace period in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = super::number::seconds)]
    timeout: Option<u64>,
    /// Do not wait until they are ready again
    #[arg(long)]
    no_wait: bool,
}

/// Arguments of `kill`.
#[derive(Debug, clap::Args)]
pub(super) struct KillArgs {
    /// Services to send the signal to; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// The signal
    #[arg(short, long, value_name = "SIGNAL", default_value = "SIGKILL")]
    signal: String,
}

/// Arguments of `rm`.
#[derive(Debug, clap::Args)]
pub(super) struct RmArgs {
    /// Services whose containers to remove; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Stop what runs first
    #[arg(short, long)]
    stop: bool,
    /// Remove anonymous volumes too
    #[arg(short = 'v', long)]
    volumes: bool,
}

pub(super) async fn stop(cx: &Context, args: StopArgs) -> Result<ExitStatus, CliError> {
    let grace = args.timeout.map(Duration::from_secs);
    act(cx, &args.services, None, Lack::IsWell("nothing runs"), |containers, _| {
        lifecycle::stop(containers, grace)
    })
    .await
}

pub(super) async fn start(cx: &Context, args: StartArgs) -> Result<ExitStatus, CliError> {
    act(cx, &args.services, args.wait_timeout, Lack::Fails("start"), |containers, desired| {
        lifecycle::start(containers, desired, !args.no_wait)
    })
    .await
}

pub(super) async fn restart(cx: &Context, args: RestartArgs) -> Result<ExitStatus, CliError> {
    let grace = args.timeout.map(Duration::from_secs);
    act(cx, &args.services, None, Lack::Fails("restart"), |containers, desired| {
        lifecycle::restart(containers, desired, grace, !args.no_wait)
    })
    .await
}

pub(super) async fn kill(cx: &Context, args: KillArgs) -> Result<ExitStatus, CliError> {
    act(cx, &args.services, None, Lack::IsWell("nothing runs"), |containers, _| {
        lifecycle::kill(containers, &args.signal)
    })
    .await
}

pub(super) async fn rm(cx: &Context, args: RmArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let containers = lifecycle::selected(&scope.name, &observed, &services);
    let plan = lifecycle::remove(&containers, args.stop, args.volumes);
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if plan.is_empty() {
        cx.note("no stopped containers");
        return Ok(ExitStatus::Success);
    }
    if !args.force {
        let names: Vec<&str> = containers
            .iter()
            .filter(|container| args.stop || !container.state.is_running())
            .map(|container| container.name.as_str())
            .collect();
        match cx.confirm(&format!("Remove {}?", names.join(", "))) {
            Some(true) => {}
            Some(false) => return Ok(ExitStatus::Failure),
            None => {
                return Err(CliError::other(
                    "cannot ask whether to remove the containers: standard input is not a terminal",
                    "`--force` removes them without asking",
                ));
            }
        }
    }
    // Not before the question: there, Ctrl-C simply ends the command.
    let mut interrupts = Interrupts::listen();
    run(cx, &engine, &plan, None, &mut interrupts).await?;
    Ok(ExitStatus::Success)
}

/// What it means when there is no container to act on.
#[derive(Debug, Clone, Copy)]
enum Lack {
    /// All is as it was asked for; what is said.
    IsWell(&'static str),
    /// What was asked for cannot be done; what that is.
    Fails(&'static str),
}

async fn act(
    cx: &Context,
    names: &[String],
    wait_timeout: Option<u64>,
    lack: Lack,
    plan: impl FnOnce(&[&ObservedContainer], &Desired) -> Plan,
) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(names)?;
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let observed: Observed = engine.observe_containers().await?;
    let containers = lifecycle::selected(&scope.name, &observed, &services);
    if let Lack::Fails(verb) = lack {
        check_containers(&services, &containers, verb)?;
    }
    let desired = scope.desired();
    let plan = weave(plan(&containers, &desired), &desired, &observed);
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if let (Lack::IsWell(words), true, true) = (lack, plan.is_empty(), plan.unchanged.is_empty()) {
        cx.note(words);
        return Ok(ExitStatus::Success);
    }
    let wait = wait_timeout.map(std::time::Duration::from_secs);
    run(cx, &engine, &plan, wait, &mut interrupts).await?;
    Ok(ExitStatus::Success)
}

/// Refuses to begin when a service that was named, or each of them, has no container.
fn check_containers(
    services: &[ServiceName],
    containers: &[&ObservedContainer],
    verb: &str,
) -> Result<(), CliError> {
    let has_one = |service: &&ServiceName| {
        containers.iter().any(|container| container.service().as_ref() == Some(*service))
    };
    if let Some(service) = services.iter().find(|service| !has_one(service)) {
        return Err(CliError::other(
            format!("service `{service}` has no container to {verb}"),
            format!("`devstack up -d {service}` makes it"),
        ));
    }
    if containers.is_empty() {
        return Err(CliError::other(
            format!("no containers to {verb}"),
            "`devstack up -d` makes them",
        ));
    }
    Ok(())
}
