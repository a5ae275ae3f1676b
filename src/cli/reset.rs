//! `devstack reset`: a clean slate.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::run::{dry_run, run};
use super::scope::{Scope, desired, selected};
use super::timing::TimingArgs;
use super::{up, urls};
use crate::engine::{DockerEngine, Engine as _};
use crate::event::Subject;
use crate::os::signal::Interrupts;
use crate::plan::teardown::{TeardownOptions, teardown};
use crate::plan::{Plan, ReconcileOptions};
use crate::project::Project;

/// Arguments of `reset`.
#[derive(Debug, clap::Args)]
pub(super) struct ResetArgs {
    /// Services to reset; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Longest wait for one service, in seconds
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    #[command(flatten)]
    timing: TimingArgs,
}

pub(super) async fn reset(cx: &Context, args: ResetArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_to_create().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let services = scope.services(&args.services)?;
    args.timing.prepare(cx)?;
    let engine = cx.connect().await?;
    let observed = engine.observe().await?;
    let options = TeardownOptions {
        services: (!services.is_empty()).then_some(services),
        known_services: scope.known_services(),
        volumes: true,
        keep_networks: true,
        ..TeardownOptions::default()
    };
    let plan = teardown(&project.name, &observed, &options);
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if !plan.is_empty() && !args.yes {
        cx.note(&losses(&plan));
        match cx.confirm("Reset?") {
            Some(true) => {}
            Some(false) => {
                cx.note("nothing was changed");
                return Ok(ExitStatus::Failure);
            }
            None => {
                return Err(CliError::other(
                    "nobody can be asked whether to throw the data away",
                    "`--yes` resets without asking",
                ));
            }
        }
    }
    // The time that a person took to answer is not the command's.
    cx.clock.restart();
    let outcome = begin_afresh(cx, &engine, &project, &plan, args.wait_timeout).await;
    let concluded = args.timing.conclude(cx, &engine, &project.name, "reset").await;
    let project = outcome?;
    concluded?;
    cx.print(&urls::table(cx, &project, &engine.observe_containers().await?))?;
    Ok(ExitStatus::Success)
}

/// Throws away, and brings the stack up.
async fn begin_afresh(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    project: &Project,
    plan: &Plan,
    wait_timeout: Option<u64>,
) -> Result<Arc<Project>, CliError> {
    // Not before the question: there, Ctrl-C simply ends the command.
    let mut interrupts = Interrupts::listen();
    run(cx, engine, plan, None, &mut interrupts).await?;
    // The whole stack comes back, since dependants of a reset service may have been disturbed.
    let project: Arc<Project> = selected(project, &[], true)?;
    let desired = desired(&project);
    let wait = wait_timeout.map(Duration::from_secs);
    let options = ReconcileOptions::default();
    up::bring_up(cx, engine, &project, &desired, &options, wait, &mut interrupts).await?;
    Ok(project)
}

/// What will be gone, in words.
fn losses(plan: &Plan) -> String {
    let mut containers = Vec::new();
    let mut volumes = Vec::new();
    for step in &plan.steps {
        match &step.subject {
            Subject::Container { name, .. } if !containers.contains(&name.as_str()) => {
                containers.push(name.as_str());
            }
            Subject::Volume(name) => volumes.push(name.as_str()),
            _ => {}
        }
    }
    let mut text = String::from("This removes\n");
    if !containers.is_empty() {
        text += "  containers  ";
        text += &containers.join(", ");
        text += "\n";
    }
    if !volumes.is_empty() {
        text += "  volumes     ";
        text += &volumes.join(", ");
        text += "  (all data in them is lost)\n";
    }
    text
}
