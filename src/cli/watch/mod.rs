//! `devstack watch`, and the watching of `devstack up`.

mod act;
mod command;
mod runner;
mod session;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::foreign_flags::accepted;
use super::scope::{desired, selected};
use super::turn;
use super::up::bring_up;
use crate::engine::{DockerEngine, Engine as _};
use crate::event::WatchEvent;
use crate::os::signal::Interrupts;
use crate::plan::{ReconcileOptions, lifecycle, reconcile};
use crate::project::{Project, ServiceName};
use crate::state::Observed;
use session::{Carried, End, Session};

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The stack must run; `devstack up` watches by itself, `devstack up -d --watch` brings it up\n\
    and then watches. Ctrl-C ends the watching, not the stack.\n\n\
    What a change means stands in the file:\n  \
    develop: {watch: [{path: ./src, action: sync, target: /app/src}]}\n  \
    reload: node                     (also: restart, {signal: SIGHUP}, {command: [...]})"
)]
#[command(args(accepted(&[("no-up", None)])))]
pub(super) struct WatchArgs {
    /// Services to watch for, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Whose files are watched, also after the files of the stack have changed.
pub(super) struct WatchWish {
    /// As a person named them; all when empty.
    pub(super) names: Vec<String>,
    /// Whether what they need is part of it.
    pub(super) dependencies: bool,
    /// Whether services that have no container are made when the stack's files change.
    pub(super) starts: bool,
    /// Number of containers over the files' own.
    pub(super) scale: Vec<(String, u32)>,
    /// Whether something could not be brought up for want of code that runs: as soon as some does,
    /// the rest follows.
    pub(super) unfinished: bool,
}

/// What a watch tells whoever follows the stack beside it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress<'a> {
    /// The files of the stack say something else, and it is about to be made so.
    TakesUp(&'a Arc<Project>),
    /// All of what the files say runs.
    IsComplete,
}

pub(super) async fn watch(cx: &Context, args: WatchArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let wish = WatchWish {
        names: args.services,
        dependencies: false,
        starts: false,
        scale: Vec::new(),
        unfinished: false,
    };
    let project = selected(&project, &wish.names, wish.dependencies)?;
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let services: Vec<_> = project.services.keys().cloned().collect();
    let runs = lifecycle::selected(&project.name, &observed, &services)
        .iter()
        .any(|container| container.state.is_running());
    if !runs {
        return Err(CliError::other(
            "nothing runs that could be watched for",
            "`devstack up -d` starts it",
        ));
    }
    if cx.global.dry_run {
        let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
        cx.print(&format!("watch the files of {}", names.join(", ")))?;
        return Ok(ExitStatus::Success);
    }
    alone(cx, &engine, project, &wish, &mut interrupts).await
}

/// Watches, with nothing else to see, until an interrupt. The stack is left running.
pub(super) async fn alone(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    project: Arc<Project>,
    wish: &WatchWish,
    interrupts: &mut Interrupts,
) -> Result<ExitStatus, CliError> {
    let stop = CancellationToken::new();
    let heard = interrupts.answered();
    let watching = follow(cx, engine, project, wish, &stop, &|_| {});
    tokio::pin!(watching);
    loop {
        let mut again = interrupts.clone();
        tokio::select! {
            biased;
            // The engine finishes what it was asked to do.
            () = again.at_least(heard + 2) => return Ok(ExitStatus::Interrupted),
            () = interrupts.at_least(heard + 1), if !stop.is_cancelled() => stop.cancel(),
            watched = &mut watching => {
                if !watched? {
                    return Err(CliError::other(
                        "no service says what to watch",
                        "add `develop: {watch: [...]}` or `reload:` to a service",
                    ));
                }
                return Ok(ExitStatus::Interrupted);
            }
        }
    }
}

/// Watches until it is told to stop. `false` when there is nothing to watch. Announces another
/// project, of changed files, before anything of it is made, and when what could not be brought up
/// before has been.
pub(super) async fn follow(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    project: Arc<Project>,
    wish: &WatchWish,
    stop: &CancellationToken,
    announce: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<bool, CliError> {
    let Some(mut session) = Session::begin(cx, engine, project, Carried::default()) else {
        return Ok(false);
    };
    session.copy_initially();
    let mut unfinished = wish.unfinished;
    loop {
        let next = match session.run(stop, unfinished).await? {
            End::Stopped => return Ok(true),
            End::Better => {
                let project = Arc::clone(session.project());
                let _turn = turn::take_again(cx, engine).await;
                match make_so(cx, engine, None, &project).await {
                    Ok(()) => {
                        unfinished = false;
                        announce(Progress::IsComplete);
                    }
                    Err(error) => error.print(cx),
                }
                continue;
            }
            End::Ignores => Arc::clone(session.project()),
            End::Stack(files) => {
                match take_up(cx, engine, session.project(), wish, &files, announce).await {
                    Ok(Some(project)) => project,
                    Ok(None) => continue,
                    Err(error) if error.is_unreachable() => {
                        session.put_off(files);
                        continue;
                    }
                    Err(error) => {
                        error.print(cx);
                        session.show(&WatchEvent::Note {
                            label: None,
                            text: "the stack is left as it is".to_owned(),
                        });
                        continue;
                    }
                }
            }
        };
        // The new watch stands before the old one ends: no change falls between them.
        let Some(new) = Session::begin(cx, engine, next, Carried::default()) else {
            session.show(&WatchEvent::Note {
                label: None,
                text: "no service says what to watch any more".to_owned(),
            });
            continue;
        };
        let old = std::mem::replace(&mut session, new);
        session.inherit(old.finish());
    }
}

/// Takes up changed files of the stack: what is other than they say is made so. `None` when they
/// say nothing else than before.
async fn take_up(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    before: &Arc<Project>,
    wish: &WatchWish,
    files: &BTreeSet<PathBuf>,
    announce: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Option<Arc<Project>>, CliError> {
    let _turn = turn::take_again(cx, engine).await;
    let mut project = cx.load_project().await?;
    super::up::apply_scale(&mut project, &wish.scale)?;
    let mut names = wish.names.clone();
    if !wish.starts {
        let observed = engine.observe_containers().await?;
        let known = selected(&project, &names, wish.dependencies)?;
        let services: Vec<_> = known.services.keys().cloned().collect();
        names = lifecycle::selected(&project.name, &observed, &services)
            .iter()
            .filter_map(|container| Some(container.service()?.to_string()))
            .collect();
    }
    let project = selected(&project, &names, wish.dependencies)?;
    if project == *before {
        return Ok(None);
    }
    announce(Progress::TakesUp(&project));
    let shown: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(&project.working_dir).unwrap_or(file).display().to_string())
        .collect();
    let note = |text: String| cx.show_watch(&WatchEvent::Note { label: None, text });
    let observed = engine.observe().await?;
    let desired = desired(&project);
    let options = ReconcileOptions::default();
    let plan = reconcile(&desired, &observed, &options).map_err(Problem::Conflicts)?;
    if plan.is_empty() {
        note(format!("{} changed: no container has to follow", shown.join(", ")));
    } else {
        note(format!("{} changed: the stack follows", shown.join(", ")));
        match make_so(cx, engine, Some(observed), &project).await {
            Ok(()) => {}
            Err(error) if error.is_unreachable() => return Err(error),
            // What is watched is what the files say, also where it does not run well.
            Err(error) => error.print(cx),
        }
    }
    Ok(Some(project))
}

/// Makes the stack what its files say. `observed` is the engine as it is, when the caller knows.
async fn make_so(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    observed: Option<Observed>,
    project: &Project,
) -> Result<(), CliError> {
    let (desired, options) = (desired(project), ReconcileOptions::default());
    let mut interrupts = Interrupts::listen();
    bring_up(cx, engine, observed, project, &desired, &options, None, &mut interrupts, &|_| {})
        .await
        .map(drop)
}
