//! What `up` does after everything is ready and it was not told to leave: it follows the logs
//! until the stack ends, the user ends it, or the end of one container is said to end it.

mod abort;
mod lines;

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::pending;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::following::{Following, GAP, Wish};
use super::logs::print;
use super::notice::Notices;
use super::printer::Printer;
use super::run::run;
use super::scope::desired;
use super::urls;
use super::watch::{self, Progress, WatchWish};
use crate::engine::{ContainerEvent, ContainerEventKind, DockerEngine, Engine as _, LogsRequest};
use crate::execute::HalfMade;
use crate::logs::{Options, Resume, Style as LineStyle};
use crate::os::signal::Interrupts;
use crate::plan::{lifecycle, weave};
use crate::project::{Duration, Project, ProjectName, Service, ServiceName};
use crate::report::ProgressMode;
use crate::state::{Desired, Observed, ObservedContainer};

pub(super) use abort::{Abort, AbortArgs, End};
pub(super) use lines::{Lines, LinesArgs};

/// Time between two attempts to reach an engine that went away.
const RETRY: std::time::Duration = std::time::Duration::from_millis(500);

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) prefix: bool,
    pub(super) timestamps: bool,
    pub(super) colour: bool,
}

/// What to follow.
pub(super) struct Attached<'a> {
    pub(super) project: &'a ProjectName,
    /// What was brought up, and runs as long as this lasts.
    pub(super) desired: Desired,
    /// Whose logs are shown.
    pub(super) lines: Lines,
    /// Services of which none are.
    pub(super) quiet: Vec<ServiceName>,
    /// Whether the end of a container ends it all.
    pub(super) abort: Option<Abort>,
    /// Whether everything is ready, so that its URLs can be shown.
    pub(super) ready: bool,
    /// Only lines from here on.
    pub(super) begun: OffsetDateTime,
    pub(super) style: Style,
    /// Grace period over the containers' own.
    pub(super) grace: Option<Duration>,
    /// Services with a health check.
    pub(super) checked: Vec<ServiceName>,
}

impl Attached<'_> {
    /// Takes in that the files say something else now. What they said before still runs.
    fn take_up(&mut self, project: &Project) {
        let mut desired = desired(project);
        for service in std::mem::take(&mut self.desired.selected_services) {
            if !desired.selected_services.contains(&service) {
                desired.selected_services.push(service);
            }
        }
        self.desired = desired;
        self.quiet = self.lines.quiet(project);
        self.checked = checked(project);
    }

    /// All services that were brought up.
    fn services(&self) -> &[ServiceName] {
        &self.desired.selected_services
    }

    fn containers<'o>(&self, observed: &'o Observed) -> Vec<&'o ObservedContainer> {
        lifecycle::selected(self.project, observed, self.services())
    }

    fn wish(&self) -> Wish {
        let request = LogsRequest {
            follow: true,
            since: Some(self.begun.unix_timestamp()),
            ..LogsRequest::default()
        };
        Wish {
            project: self.project.clone(),
            services: self.services().to_vec(),
            quiet: self.quiet.clone(),
            request,
            resume: Resume::default(),
        }
    }

    /// The end of a container that ends it all, if it has come already.
    fn is_aborted(&self, observed: &Observed) -> Option<End> {
        self.abort.as_ref()?.met_among(&self.containers(observed), &self.desired)
    }

    /// Whether such an end came while everything was still being brought up.
    pub(super) async fn has_aborted(&self, engine: &DockerEngine) -> bool {
        self.abort.is_some()
            && engine.observe_containers().await.is_ok_and(|it| self.is_aborted(&it).is_some())
    }

    /// Whether the end of a container ends it all.
    fn aborts(&self, end: &End) -> bool {
        self.abort.as_ref().is_some_and(|abort| abort.is_met_by(end, &self.desired))
    }
}

/// The services with a health check.
pub(super) fn checked(project: &Project) -> Vec<ServiceName> {
    let services = project.services.values().filter(|service| service.healthcheck.is_some());
    services.map(|service| service.name.clone()).collect()
}

/// Follows the logs. The first interrupt stops the services, the second one kills them.
pub(super) async fn follow(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    mut attached: Attached<'_>,
    project: &Arc<Project>,
    wish_to_watch: Option<&WatchWish>,
    mut interrupts: Interrupts,
) -> Result<ExitStatus, CliError> {
    let observed = engine.observe_containers().await?;
    if attached.ready {
        show_urls(cx, project, &observed);
    }
    let mut printer = printer(cx, &attached, &observed);
    let containers = attached.containers(&observed);
    let mut following = Following::new(engine, attached.wish(), &containers).await?;
    let beside_logs = cx.beside_logs(&attached.quiet);
    // What happens is told beside the logs; where the engine's events end, it no longer is.
    let mut events = engine.container_events().await?.chain(pending());
    let checked = attached.checked.clone();
    let mut notices = Notices::new(cx, attached.project, attached.services(), checked, &observed);
    let heard = interrupts.answered();
    let end_of_watching = CancellationToken::new();
    let (announce, mut announced) = mpsc::unbounded_channel();
    let announce = |progress: Progress<'_>| {
        let _ = announce.send(match progress {
            Progress::TakesUp(project) => Some(Arc::clone(project)),
            Progress::IsComplete => None,
        });
    };
    let mut watching =
        Box::pin(watch_beside(cx, engine, project, wish_to_watch, &end_of_watching, &announce));
    let mut watches = wish_to_watch.is_some();
    let mut current = Arc::clone(project);
    // Whether it was said that the next save begins something anew.
    let mut is_told = false;
    // Whether the engine is.
    let mut away = false;
    let mut abort = attached.is_aborted(&observed);
    while abort.is_none() {
        tokio::select! {
            biased;
            () = interrupts.at_least(heard + 1) => break,
            ended = &mut watching, if watches => {
                watches = false;
                // The logs are worth following all the same.
                if let Err(error) = ended {
                    error.print(cx);
                }
            }
            // Before the events of what it brings up.
            Some(announced) = announced.recv() => match announced {
                Some(project) => {
                    attached.take_up(&project);
                    following.follow_also(attached.services(), &attached.quiet);
                    notices.follow_also(attached.services(), &attached.checked);
                    beside_logs.leave_out(&attached.quiet);
                    printer.renew(cx);
                    current = project;
                }
                None if !attached.ready => {
                    attached.ready = true;
                    show_urls(cx, &current, &engine.observe_containers().await?);
                }
                None => {}
            },
            Some(event) = events.next() => {
                let restarts = is_started_again(engine, &event).await;
                abort = notices.see(&event, restarts).filter(|end| attached.aborts(end));
            }
            () = notices.due() => {
                abort = notices.tell_gone(false).into_iter().find(|end| attached.aborts(end));
            }
            () = tokio::time::sleep(RETRY), if away => {
                if following.resume().await.is_ok()
                    && let Ok(subscribed) = engine.container_events().await
                {
                    away = false;
                    events = subscribed.chain(pending());
                    if let Ok(observed) = engine.observe_containers().await {
                        notices.meet(&observed);
                        abort = attached.is_aborted(&observed);
                    }
                    if !watches {
                        cx.note("the engine is back");
                    }
                }
            }
            line = following.next(), if !away => match line {
                Some(Err(error)) if error.is_unreachable() => {
                    away = true;
                    // Whoever watches says so as well.
                    if !watches {
                        cx.note("the engine went away; waiting for it");
                    }
                }
                Some(line) => {
                    is_told = false;
                    let line = Some(line?);
                    if !print(cx, &mut printer, &mut following, line, |_| true)? {
                        break;
                    }
                }
                None => {
                    let ends = notices.tell_gone(true);
                    abort = ends.into_iter().find(|end| attached.aborts(end));
                    if abort.is_some() {
                        break;
                    }
                    let current = watches.then_some(&*current);
                    if !awaits_a_save(cx, engine, &attached, current, &mut is_told).await? {
                        return Ok(ExitStatus::Success);
                    }
                    following.await_start();
                }
            },
        }
    }
    if watches {
        // A second interrupt does not wait for what follows from a change.
        end_of_watching.cancel();
        tokio::select! {
            () = interrupts.at_least(heard + 2) => {}
            _ = &mut watching => {}
        }
    }
    drop((watching, notices));
    if let Some(end) = abort {
        return abort_all(cx, engine, &attached, &end, &mut printer, following, interrupts).await;
    }
    drop((following, beside_logs));
    interrupts.answer();
    stop(cx, engine, &attached, &mut interrupts, &HalfMade::default()).await?;
    Ok(ExitStatus::Interrupted)
}

fn printer(cx: &Context, attached: &Attached<'_>, observed: &Observed) -> Printer {
    let mut shown = attached.containers(observed);
    shown.retain(|it| it.service().is_none_or(|service| !attached.quiet.contains(&service)));
    let options = Options {
        prefix: attached.style.prefix,
        timestamps: attached.style.timestamps,
        colour: attached.style.colour,
        style: LineStyle::AsWritten,
    };
    Printer::new(cx, attached.project, &shown, options)
}

/// Whether a save begins something anew of what has failed in the project that is watched. What is
/// awaited, or how everything has ended, is said, the first of them once.
async fn awaits_a_save(
    cx: &Context,
    engine: &DockerEngine,
    attached: &Attached<'_>,
    watched: Option<&Project>,
    is_told: &mut bool,
) -> Result<bool, CliError> {
    let observed = engine.observe_containers().await?;
    let services = watched
        .map(|project| begun_by_a_save(project, &observed, attached.services()))
        .unwrap_or_default();
    if services.is_empty() {
        cx.note(if attached.containers(&observed).is_empty() {
            "the stack was taken down: there is nothing left to follow"
        } else {
            "nothing runs any more"
        });
    } else if !std::mem::replace(is_told, true) {
        let services = services.join("` and `");
        cx.note(&format!("nothing runs any more; the next save starts `{services}` again"));
    }
    Ok(!services.is_empty())
}

/// Watches the files beside the logs, if that is wished for.
async fn watch_beside(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    project: &Arc<Project>,
    wish: Option<&WatchWish>,
    stop: &CancellationToken,
    announce: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<bool, CliError> {
    match wish {
        Some(wish) => watch::follow(cx, engine, Arc::clone(project), wish, stop, announce).await,
        None => Ok(false),
    }
}

/// Stops everything because a container has ended. The exit code is that of the whole.
async fn abort_all(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    attached: &Attached<'_>,
    end: &End,
    printer: &mut Printer,
    mut following: Following<'_>,
    mut interrupts: Interrupts,
) -> Result<ExitStatus, CliError> {
    let End { service, code } = end;
    cx.note(&format!("{service} exited with code {code}: everything is stopped"));
    let nothing = HalfMade::default();
    let stopping = stop(cx, engine, attached, &mut interrupts, &nothing);
    while_following(cx, stopping, printer, &mut following).await?;
    let mut observed = engine.observe_containers().await?;
    // A list may lag behind what has just ended.
    for container in &mut observed.containers {
        if container.belongs_to(attached.project)
            && let Ok(facts) = engine.inspect_container(&container.id).await
        {
            container.state = facts.state;
        }
    }
    let abort = attached.abort.as_ref();
    let code = abort.map_or(*code, |abort| abort.code(end, &attached.containers(&observed)));
    Ok(ExitStatus::of_container(code))
}

/// Shows the logs while something is done that ends them, and then what is left of them.
async fn while_following(
    cx: &Context,
    work: impl Future<Output = Result<(), CliError>>,
    printer: &mut Printer,
    following: &mut Following<'_>,
) -> Result<(), CliError> {
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut work => break outcome,
            line = following.last() => {
                let Some(Ok(line)) = line else { break work.await };
                // Whether anybody reads or not, the work is done.
                if !print(cx, printer, following, Some(line), |_| true).unwrap_or(false) {
                    break work.await;
                }
            }
        }
    };
    let rest = async {
        while let Some(Ok(line)) = following.last().await {
            if !print(cx, printer, following, Some(line), |_| true)? {
                break;
            }
        }
        Ok(())
    };
    // What could not be stopped would go on for ever.
    let rest = tokio::time::timeout(GAP, rest).await.unwrap_or(Ok(()));
    outcome.and(rest)
}

/// Whether a container whose end is told runs again, or is about to.
async fn is_started_again(engine: &DockerEngine, event: &ContainerEvent) -> bool {
    // One that cannot be looked at is gone.
    matches!(event.kind, ContainerEventKind::Died { .. })
        && engine.inspect_container(&event.id).await.is_ok_and(|facts| facts.state.is_running())
}

/// Shows where the stack is reached, beside the logs.
fn show_urls(cx: &Context, project: &Project, observed: &Observed) {
    if !matches!(cx.progress(), ProgressMode::Json | ProgressMode::Quiet) {
        cx.note_table(&urls::table(project, observed, true));
    }
}

/// The services that have failed and whose next change begins them anew. Pure.
fn begun_by_a_save<'p>(
    project: &'p Project,
    observed: &Observed,
    services: &[ServiceName],
) -> Vec<&'p str> {
    let has_one = |service: &Service| {
        let mut containers = observed.containers_of(&project.name);
        services.contains(&service.name)
            && containers.any(|container| {
                container.service().as_ref() == Some(&service.name)
                    && container.state.is_begun_anew()
            })
    };
    let found =
        project.services.values().filter(|service| service.begins_anew() && has_one(service));
    found.map(|service| service.name.as_str()).collect()
}

/// Stops what was followed; an interrupt meanwhile kills it. What is half made is thrown away.
pub(super) async fn stop(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    attached: &Attached<'_>,
    interrupts: &mut Interrupts,
    half_made: &HalfMade,
) -> Result<(), CliError> {
    cx.note("stopping; press Ctrl-C again to kill");
    let observed = engine.observe_containers().await?;
    let containers = attached.containers(&observed);
    let plan = lifecycle::stop_unfinished(
        &containers,
        attached.grace,
        &half_made.volumes,
        &half_made.unready,
    );
    let plan = weave(plan, &attached.desired, &observed);
    let heard = interrupts.answered();
    let mut second = interrupts.clone();
    let mut own = interrupts.clone();
    let ended = tokio::select! {
        biased;
        // Stops that are under way end as soon as their containers are killed.
        () = second.at_least(heard + 1) => {
            // Some have stopped by now: only of the others may it be said that they are killed.
            let observed = engine.observe_containers().await?;
            let plan = lifecycle::kill(&attached.containers(&observed), "SIGKILL");
            interrupts.answer();
            run(cx, engine, &plan, None, interrupts).await
        }
        result = run(cx, engine, &plan, None, &mut own) => result,
    };
    ended.map(drop)
}
