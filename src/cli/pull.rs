//! `devstack pull`.

use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::run::{dry_run, run};
use super::scope::{desired, selected};
use crate::engine::Engine as _;
use crate::os::signal::Interrupts;
use crate::plan::{ReconcileOptions, images_only};
use crate::project::{Project, PullPolicy};

/// Arguments of `pull`.
#[derive(Debug, clap::Args)]
pub(super) struct PullArgs {
    /// Services whose images to pull; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Pull the images of what the named services depend on too
    #[arg(long)]
    include_deps: bool,
    /// `always`, or `missing`: only what is not there
    #[arg(long, value_name = "POLICY", default_value = "always", value_parser = ["always", "missing"])]
    policy: String,
    /// Show nothing but warnings and errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

pub(super) async fn pull(cx: &Context, args: PullArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let mut project = Project::clone(&*selected(&project, &args.services, args.include_deps)?);
    // What is built here is in no registry.
    project.services.retain(|_, service| {
        service.build.is_none() && service.pull_policy != Some(PullPolicy::Never)
    });
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let observed = engine.observe().await?;
    let policy = if args.policy == "missing" { PullPolicy::Missing } else { PullPolicy::Always };
    let options = ReconcileOptions { pull: Some(policy), ..ReconcileOptions::default() };
    let plan = images_only(&desired(&project), &observed, &options).map_err(Problem::Conflicts)?;
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if plan.is_empty() {
        cx.note("all images are there");
        return Ok(ExitStatus::Success);
    }
    run(cx, &engine, &plan, None, &mut interrupts).await?;
    Ok(ExitStatus::Success)
}
