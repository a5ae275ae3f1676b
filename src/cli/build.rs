//! `devstack build`.

use super::checkout::{ToCreate, seen_or_observed};
use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::inputs::{check_builds, with_build_inputs};
use super::run::{dry_run, run};
use super::scope::{desired, selected};
use crate::os::signal::Interrupts;
use crate::plan::{ReconcileOptions, images_only};
use crate::project::{Project, PullPolicy};

/// Arguments of `build`.
#[derive(Debug, clap::Args)]
pub(super) struct BuildArgs {
    /// Services to build; all that have a `build` section when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not use the cache
    #[arg(long)]
    no_cache: bool,
    /// Always pull base images
    #[arg(long)]
    pull: bool,
    /// Set a build argument; may be repeated
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// Build what the named services depend on too
    #[arg(long)]
    with_dependencies: bool,
    /// Show nothing but warnings and errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

fn argument(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => std::env::var(text)
            .map(|value| (text.to_owned(), value))
            .map_err(|_| format!("`{text}` has no value and is not set in the environment")),
    }
}

pub(super) async fn build(cx: &Context, args: BuildArgs) -> Result<ExitStatus, CliError> {
    let ToCreate { project, seen, .. } = cx.load_to_plan().await?;
    let mut project = Project::clone(&*selected(&project, &args.services, args.with_dependencies)?);
    project.services.retain(|_, service| service.build.is_some());
    if project.services.is_empty() {
        cx.note("no service has a `build` section");
        return Ok(ExitStatus::Success);
    }
    for service in project.services.values_mut() {
        // Nothing is started: the images of what runs before a start are not needed.
        service.pre_start.clear();
    }
    for build in project.services.values_mut().filter_map(|service| service.build.as_mut()) {
        build.no_cache |= args.no_cache;
        build.pull |= args.pull;
        for (name, value) in &args.arguments {
            build.args.insert(name.clone(), value.clone());
        }
    }
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let desired = with_build_inputs(cx, &project, &desired(&project)).await;
    let observed = seen_or_observed(&engine, seen).await?;
    let options = ReconcileOptions {
        build: true,
        pull: Some(PullPolicy::Never),
        ..ReconcileOptions::default()
    };
    let plan = images_only(&desired, &observed, &options).map_err(Problem::Conflicts)?;
    check_builds(&plan)?;
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    run(cx, &engine, &plan, None, &mut interrupts).await?;
    Ok(ExitStatus::Success)
}
