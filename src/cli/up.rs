//! `devstack up`.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::attached::{self, AbortArgs, Attached, LinesArgs, Style};
use super::checkout::{ToCreate, seen_or_observed};
use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::foreign_flags::accepted;
use super::inputs::{check_builds, with_build_inputs};
use super::run::{dry_run, run};
use super::scope::{desired, selected};
use super::timing::TimingArgs;
use super::watch::{self, WatchWish};
use super::{ci, ports, urls};
use crate::config::suggest::closest;
use crate::engine::{DockerEngine, Engine as _};
use crate::execute::Arrived;
use crate::os::{files, signal::Interrupts};
use crate::plan::{self, Plan, ReconcileOptions, Recreate, reconcile};
use crate::project::{Duration as Period, Project, PullPolicy, ServiceName};
use crate::state::{Desired, Health, Observed, ObservedContainer};

/// Arguments of `up`.
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  devstack up -d              start everything, return when ready\n  \
    devstack up -d --build api  rebuild and restart one service with what it needs"
)]
#[command(args(accepted(&[("yes", Some('y')), ("quiet-pull", None), ("quiet-build", None)])))]
pub(super) struct UpArgs {
    /// Services to start, by name or alias, with what they need; all when none is named
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,
    /// Return when everything is ready instead of following the logs
    #[arg(short, long)]
    pub(super) detach: bool,
    /// Build all images; without it only those that are missing or out of date
    #[arg(long)]
    pub(super) build: bool,
    /// Build nothing: fail when an image is missing, leave it when it is out of date
    #[arg(long, conflicts_with = "build")]
    pub(super) no_build: bool,
    /// Wait until everything is ready, then return (`-d` does so by itself)
    #[arg(long)]
    pub(super) wait: bool,
    /// Do not wait for services that no other one waits for
    #[arg(long, conflicts_with = "wait")]
    pub(super) no_wait: bool,
    /// Longest wait for one service, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = super::number::seconds)]
    pub(super) wait_timeout: Option<u64>,
    /// Make containers again even if nothing changed
    #[arg(long)]
    pub(super) force_recreate: bool,
    /// Keep containers even if their definition changed
    #[arg(long, conflicts_with = "force_recreate")]
    pub(super) no_recreate: bool,
    /// Leave out what the named services need
    #[arg(long)]
    pub(super) no_deps: bool,
    /// Make containers but do not start them
    #[arg(long)]
    pub(super) no_start: bool,
    /// Remove containers of services that are not in the files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true)]
    pub(super) remove_orphans: bool,
    /// Make anonymous volumes anew instead of keeping their data
    #[arg(short = 'V', long)]
    pub(super) renew_anon_volumes: bool,
    /// When to pull images, over the files' own policies; those that are built are not pulled, and
    /// `devstack build --pull` takes newer base images
    #[arg(long, value_name = "POLICY", value_enum)]
    pub(super) pull: Option<PullArg>,
    /// Number of containers of a service; may be repeated
    #[arg(long, value_name = "SERVICE=N", value_parser = scale)]
    pub(super) scale: Vec<(String, u32)>,
    /// Grace period in seconds when containers are stopped
    #[arg(short, long, value_name = "SECONDS", value_parser = super::number::seconds)]
    pub(super) timeout: Option<u64>,
    /// Watch files and take their changes into the stack: by itself beside the logs; with `-d`
    /// after the start and without them, and Ctrl-C leaves the stack running
    #[arg(short, long, conflicts_with = "no_start")]
    pub(super) watch: bool,
    /// Do not watch files
    #[arg(long, conflicts_with = "watch")]
    pub(super) no_watch: bool,
    /// Do not prefix log lines with the container's name
    #[arg(long)]
    pub(super) no_log_prefix: bool,
    /// Show the time of each log line
    #[arg(long)]
    pub(super) timestamps: bool,
    /// No colours in the logs
    #[arg(long)]
    pub(super) no_color: bool,
    #[command(flatten)]
    pub(super) lines: LinesArgs,
    #[command(flatten)]
    pub(super) abort: AbortArgs,
    #[command(flatten)]
    pub(super) timing: TimingArgs,
}

/// When to pull images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PullArg {
    // On every run
    Always,
    // When it is not there
    Missing,
    // Never
    Never,
}

pub(super) fn scale(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text.split_once('=').ok_or("expected SERVICE=N, such as `worker=3`")?;
    let count = count.parse().map_err(|_| format!("`{count}` is not a number of containers"))?;
    Ok((service.to_owned(), count))
}

impl From<PullArg> for PullPolicy {
    fn from(arg: PullArg) -> Self {
        match arg {
            PullArg::Always => Self::Always,
            PullArg::Missing => Self::Missing,
            PullArg::Never => Self::Never,
        }
    }
}

impl UpArgs {
    /// Whether everything is waited for, and not only what others wait for. Whoever wants to know
    /// of the first end does not want to wait for what may come after it.
    const fn waits(&self) -> bool {
        !self.no_wait && !self.abort.is_given()
    }

    fn options(&self) -> ReconcileOptions {
        ReconcileOptions {
            recreate: if self.force_recreate {
                Recreate::Force
            } else if self.no_recreate {
                Recreate::Never
            } else {
                Recreate::Changed
            },
            build: self.build,
            no_build: self.no_build,
            pull: self.pull.map(PullPolicy::from),
            start: !self.no_start,
            wait: self.waits(),
            remove_orphans: self.remove_orphans,
            renew_anonymous_volumes: self.renew_anon_volumes,
            grace: self.timeout.map(Period::from_secs),
        }
    }
}

pub(super) async fn up(cx: &Context, args: UpArgs) -> Result<ExitStatus, CliError> {
    let ToCreate { mut project, seen, turn } = cx.load_to_create().await?;
    apply_scale(&mut project, &args.scale)?;
    let project = selected(&project, &args.services, !args.no_deps)?;
    let wish = WatchWish {
        names: args.services.clone(),
        dependencies: !args.no_deps,
        starts: true,
        scale: args.scale.clone(),
        unfinished: false,
    };
    let abort = args.abort.resolve(&project)?;
    let lines = args.lines.resolve(&project, &args.services)?;
    args.timing.prepare(cx)?;
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let desired = desired(&project);
    let begun = time::OffsetDateTime::now_utc();
    let wait = args.wait_timeout.map(Duration::from_secs);
    let options = args.options();
    let outcome =
        bring_up(cx, &engine, seen, &project, &desired, &options, wait, &mut interrupts, &|_| {})
            .await;
    // What comes now may last, and changes nothing.
    drop(turn);
    let concluded = args.timing.conclude(cx, &engine, &project.name, "up").await;
    if let (Err(error), true) = (&outcome, cx.is_ci()) {
        ci::print_logs(cx, &engine, &project.name, error).await;
    }
    // Where both fail, the run is what matters.
    let outcome = outcome.and_then(|known| concluded.map(|()| known));
    let colour = cx.stdout_colour() && !args.no_color;
    if args.detach || args.wait || args.no_start || cx.global.dry_run {
        let known = outcome?;
        if !args.no_start && !cx.global.dry_run {
            let observed = match known {
                Some(observed) => observed,
                None => engine.observe_containers().await?,
            };
            cx.print_table(&urls::table(&project, &observed, args.waits()))?;
        }
        if args.watch && !cx.global.dry_run {
            return watch::alone(cx, &engine, project, &wish, &mut interrupts).await;
        }
        return Ok(ExitStatus::Success);
    }
    let attached = Attached {
        project: &project.name,
        desired,
        quiet: lines.quiet(&project),
        lines,
        abort,
        ready: outcome.is_ok() && args.waits(),
        begun,
        style: Style { prefix: !args.no_log_prefix, timestamps: args.timestamps, colour },
        grace: args.timeout.map(Period::from_secs),
        checked: attached::checked(&project),
    };
    // Whose end ends it all is not worked on meanwhile, unless somebody says so.
    let watches = args.watch || !args.no_watch && !args.abort.is_given();
    match outcome {
        Ok(_) => {
            let wish = watches.then_some(&wish);
            Box::pin(attached::follow(cx, &engine, attached, &project, wish, interrupts)).await
        }
        // Whoever works on the code sees what is wrong with it, and goes on when it is mended.
        Err(error) if error.is_mended_by_a_save() && watches && !cx.is_ci() => {
            let _beside_logs = cx.beside_logs(&attached.quiet);
            error.print(cx);
            let wish = WatchWish { unfinished: true, ..wish };
            Box::pin(attached::follow(cx, &engine, attached, &project, Some(&wish), interrupts))
                .await
        }
        // Whoever stays attached expects that nothing runs on after Ctrl-C.
        Err(error) if error.status() == ExitStatus::Interrupted => {
            let half_made = error.half_made();
            attached::stop(cx, &engine, &attached, &mut interrupts, &half_made).await?;
            Ok(ExitStatus::Interrupted)
        }
        // What others wait for has ended instead.
        Err(error) if attached.has_aborted(&engine).await => {
            let _beside_logs = cx.beside_logs(&attached.quiet);
            error.print(cx);
            Box::pin(attached::follow(cx, &engine, attached, &project, None, interrupts)).await
        }
        Err(error) => Err(error),
    }
}

/// Checks, plans and carries out whatever the project needs; `adapt` has the last word about the
/// plan. `seen` is the engine as it is, when the caller knows. Returns the project's containers as far
/// as a person is told of them, when what was seen and done says it all: nobody has to look again.
#[expect(clippy::too_many_arguments, reason = "what a run needs, each of it once")]
pub(super) async fn bring_up(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    seen: Option<Observed>,
    project: &Project,
    desired: &Desired,
    options: &ReconcileOptions,
    wait: Option<Duration>,
    interrupts: &mut Interrupts,
    adapt: &(dyn Fn(&mut Plan) + Sync),
) -> Result<Option<Observed>, CliError> {
    let (mut observed, desired) =
        prepare(cx, engine, seen, project, desired, options.recreate).await?;
    let desired = &desired;
    let mut options = options.clone();
    if plan::needs_images_first(desired, &observed, &options) {
        // Whether containers must follow is only known once the new images are there.
        let images = plan::images_only(desired, &observed, &options).map_err(Problem::Conflicts)?;
        check_builds(&images)?;
        if cx.global.dry_run {
            dry_run(cx, &images)?;
        } else {
            run(cx, engine, &images, wait, interrupts).await?;
            observed = engine.observe().await?;
        }
        options.build = false;
        options.no_build = true;
        options.pull = Some(PullPolicy::Never);
    }
    let mut plan = reconcile(desired, &observed, &options).map_err(Problem::Conflicts)?;
    check_builds(&plan)?;
    // Who adapts it sees to what is left out.
    check_ports(engine, desired, &plan, &observed)?;
    adapt(&mut plan);
    let plan = plan::weave(plan, desired, &observed);
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(None);
    }
    let arrived = run(cx, engine, &plan, wait, interrupts).await?;
    // A verdict that was still to come may have come by now.
    let is_settled = || {
        let mut containers = observed.containers_of(&desired.project);
        containers.all(|it| it.health.is_none_or(|health| health == Health::Healthy))
    };
    if plan.is_empty() || plan.changes_nothing() && is_settled() {
        return Ok(Some(observed));
    }
    Ok(as_made(desired, &arrived))
}

/// The containers when all of them were waited for, and the engine had no port to choose.
fn as_made(desired: &Desired, arrived: &Arrived) -> Option<Observed> {
    let containers = desired.containers.iter().map(|spec| {
        let state = arrived.get(&spec.name).filter(|_| !spec.has_port_range())?;
        Some(ObservedContainer::made_from(spec, *state))
    });
    Some(Observed { containers: containers.collect::<Option<_>>()?, ..Observed::default() })
}

/// Checks what the machine must have, looks at the engine and at what images are built from, and
/// chooses ports: what is needed before anything can be planned.
pub(super) async fn prepare(
    cx: &Context,
    engine: &DockerEngine,
    seen: Option<Observed>,
    project: &Project,
    desired: &Desired,
    recreate: Recreate,
) -> Result<(Observed, Desired), CliError> {
    check_sources(engine, project)?;
    let (desired, observed) =
        tokio::join!(with_build_inputs(cx, project, desired), seen_or_observed(engine, seen));
    let (mut desired, observed) = (desired, observed?);
    choose_ports(cx, engine, &mut desired, &observed, recreate);
    Ok((observed, desired))
}

/// Settles which host ports the `auto` ones are, and tells of those that are not the usual ones.
pub(super) fn choose_ports(
    cx: &Context,
    engine: &DockerEngine,
    desired: &mut Desired,
    observed: &Observed,
    recreate: Recreate,
) {
    let local = engine.endpoint().is_local();
    let is_free = |ip, port, protocol| !local || ports::is_free(ip, port, protocol);
    for moved in plan::choose_ports(desired, observed, recreate, &is_free) {
        cx.note(&ports::moved(moved, local));
    }
}

/// Refuses to begin when a bind mount has no source.
pub(super) fn check_sources(engine: &DockerEngine, project: &Project) -> Result<(), CliError> {
    if engine.endpoint().is_local() {
        let missing = files::missing_sources(project);
        if !missing.is_empty() {
            return Err(Problem::MissingSources(missing).into());
        }
    }
    Ok(())
}

/// Refuses to begin when somebody else has a port that the plan needs.
pub(super) fn check_ports(
    engine: &DockerEngine,
    desired: &Desired,
    plan: &Plan,
    observed: &Observed,
) -> Result<(), CliError> {
    let (wanted, mut conflicts) =
        plan::wanted_ports(&desired.project, plan, observed, &desired.containers);
    if engine.endpoint().is_local() {
        conflicts.extend(ports::taken(wanted));
    }
    if conflicts.is_empty() { Ok(()) } else { Err(Problem::Ports(conflicts).into()) }
}

/// Sets the numbers of containers that a person asked for.
pub(super) fn apply_scale(project: &mut Project, scale: &[(String, u32)]) -> Result<(), CliError> {
    for (name, count) in scale {
        let Some(service) = project
            .services
            .values_mut()
            .find(|service| service.name.as_str() == name || service.aliases.contains(name))
        else {
            let names = project.services.keys().map(ServiceName::as_str);
            let suggestion = closest(name, names).map(str::to_owned);
            return Err(Problem::UnknownService { name: name.clone(), suggestion }.into());
        };
        if *count > 1 && service.container_name.is_some() {
            return Err(CliError::other(
                format!(
                    "service `{name}` has a `container_name` and cannot have {count} containers"
                ),
                "remove `container_name` from the file",
            ));
        }
        service.scale = *count;
    }
    Ok(())
}
