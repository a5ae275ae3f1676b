//! `devstack create` and `scale`: parts of `up` under Compose's names.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::foreign_flags::accepted;
use super::up::{PullArg, UpArgs, scale as parse_scale, up};

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
#[command(args(accepted(&[("yes", Some('y')), ("quiet-pull", None)])))]
pub(super) struct CreateArgs {
    /// Services whose containers to make, with what they need; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Build images first
    #[arg(long)]
    build: bool,
    /// Fail rather than build a missing image
    #[arg(long, conflicts_with = "build")]
    no_build: bool,
    /// Make containers again even if nothing changed
    #[arg(long)]
    force_recreate: bool,
    /// Keep containers even if their definition changed
    #[arg(long, conflicts_with = "force_recreate")]
    no_recreate: bool,
    /// When to pull images, over the files' own policies; those that are built are not pulled
    #[arg(long, value_name = "POLICY", value_enum)]
    pull: Option<PullArg>,
    /// Remove containers of services that are not in the files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true)]
    remove_orphans: bool,
    /// Number of containers of a service; may be repeated
    #[arg(long, value_name = "SERVICE=N", value_parser = parse_scale)]
    scale: Vec<(String, u32)>,
}

/// Arguments of `scale`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack scale worker=3")]
pub(super) struct ScaleArgs {
    /// Services and their numbers of containers
    #[arg(value_name = "SERVICE=N", required = true, value_parser = parse_scale)]
    scale: Vec<(String, u32)>,
    /// Leave out what the services need
    #[arg(long)]
    no_deps: bool,
}

pub(super) async fn create(cx: &Context, args: CreateArgs) -> Result<ExitStatus, CliError> {
    let args = UpArgs {
        services: args.services,
        build: args.build,
        no_build: args.no_build,
        force_recreate: args.force_recreate,
        no_recreate: args.no_recreate,
        pull: args.pull,
        remove_orphans: args.remove_orphans,
        scale: args.scale,
        no_start: true,
        ..UpArgs::default()
    };
    up(cx, args).await
}

pub(super) async fn scale(cx: &Context, args: ScaleArgs) -> Result<ExitStatus, CliError> {
    let args = UpArgs {
        services: args.scale.iter().map(|(service, _)| service.clone()).collect(),
        scale: args.scale,
        no_deps: args.no_deps,
        detach: true,
        ..UpArgs::default()
    };
    up(cx, args).await
}
