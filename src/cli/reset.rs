//! `devstack reset`: a clean slate.

use std::sync::Arc;
use std::time::Duration;

use super::checkout::{ToCreate, seen_or_observed};
use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::inputs::{check_builds, with_build_inputs};
use super::run::{dry_run, run};
use super::scope::{Scope, desired, selected};
use super::timing::TimingArgs;
use super::{up, urls};
use crate::engine::DockerEngine;
use crate::event::Subject;
use crate::os::signal::Interrupts;
use crate::plan::teardown::{TeardownOptions, teardown};
use crate::plan::{
    Plan, ReconcileOptions, Recreate, images_only, needs_images_first, reset, weave,
};
use crate::project::Project;
use crate::state::Desired;

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
    #[arg(long, value_name = "SECONDS", value_parser = super::number::seconds)]
    wait_timeout: Option<u64>,
    #[command(flatten)]
    timing: TimingArgs,
}

pub(super) async fn reset(cx: &Context, args: ResetArgs) -> Result<ExitStatus, CliError> {
    let ToCreate { project, seen, turn } = cx.load_to_create().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let services = scope.services(&args.services)?;
    args.timing.prepare(cx)?;
    let engine = cx.connect().await?;
    let observed = seen_or_observed(&engine, seen).await?;
    let options = TeardownOptions {
        services: (!services.is_empty()).then_some(services),
        known_services: scope.known_services(),
        volumes: true,
        keep_networks: true,
        ..TeardownOptions::default()
    };
    let removal = teardown(&project.name, &observed, &options);
    // The whole stack comes back, since dependants of a reset service may have been disturbed.
    let project: Arc<Project> = selected(&project, &[], true)?;
    let mut desired = with_build_inputs(cx, &project, &desired(&project)).await;
    up::choose_ports(cx, &engine, &mut desired, &observed, Recreate::Force);
    let creation = ReconcileOptions::default();
    let remains = reset::remains(&observed, &removal);
    // Whether containers that stay must follow a new image is known only once that is there.
    let images_first = needs_images_first(&desired, &remains, &creation);
    let plan = if images_first {
        let images = images_only(&desired, &remains, &creation).map_err(Problem::Conflicts)?;
        check_builds(&images)?;
        removal.clone()
    } else {
        reset::reset(&desired, &observed, &options, &creation).map_err(Problem::Conflicts)?
    };
    check_builds(&plan)?;
    let plan = weave(plan, &desired, &observed);
    up::check_sources(&engine, &project)?;
    up::check_ports(&engine, &desired, &plan, &observed)?;
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if !removal.is_empty() && !args.yes {
        cx.note(&losses(&removal));
        match cx.confirm("Reset?") {
            Some(true) => {}
            Some(false) => {
                cx.note("nothing was changed");
                return Ok(ExitStatus::Failure);
            }
            None => {
                return Err(CliError::other(
                    "cannot ask whether to throw the data away: standard input is not a terminal",
                    "`--yes` resets without asking",
                ));
            }
        }
    }
    // The time that a person took to answer is not the command's.
    cx.clock.restart();
    let wait = args.wait_timeout.map(Duration::from_secs);
    let then_up = images_first.then_some((&*project, &desired));
    let outcome = begin_afresh(cx, &engine, &plan, wait, then_up).await;
    drop(turn);
    let concluded = args.timing.conclude(cx, &engine, &project.name, "reset").await;
    outcome?;
    concluded?;
    cx.print_table(&urls::table(&project, &engine.observe_containers().await?, true))?;
    Ok(ExitStatus::Success)
}

/// Throws away and makes again; `up` follows where containers that stay may have to follow an image.
async fn begin_afresh(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    plan: &Plan,
    wait: Option<Duration>,
    up: Option<(&Project, &Desired)>,
) -> Result<(), CliError> {
    // Not before the question: there, Ctrl-C simply ends the command.
    let mut interrupts = Interrupts::listen();
    run(cx, engine, plan, wait, &mut interrupts).await?;
    if let Some((project, desired)) = up {
        let options = ReconcileOptions::default();
        up::bring_up(cx, engine, None, project, desired, &options, wait, &mut interrupts, &|_| {})
            .await?;
    }
    Ok(())
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
