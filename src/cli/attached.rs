//! What `up` does after everything is ready and it was not told to leave: it follows the logs
//! until the stack ends or the user ends it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::pending;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::following::{Following, Wish};
use super::logs::print;
use super::notice::Notices;
use super::printer::Printer;
use super::run::run;
use super::scope::desired;
use super::watch::{self, WatchWish};
use crate::engine::{DockerEngine, Engine as _, LogsRequest};
use crate::execute::HalfMade;
use crate::logs::{Options, Resume, Style as LineStyle};
use crate::os::signal::Interrupts;
use crate::plan::{lifecycle, weave};
use crate::project::{Duration, Project, ProjectName, Reload, Service, ServiceName};
use crate::state::{Desired, Observed};

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
    pub(super) desired: Desired,
    /// Whose logs are shown.
    pub(super) services: Vec<ServiceName>,
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
        for service in shown(project) {
            if !self.services.contains(&service) {
                self.services.push(service);
            }
        }
        self.checked = checked(project);
    }
}

/// The services whose logs are shown.
pub(super) fn shown(project: &Project) -> Vec<ServiceName> {
    let services = project.services.values().filter(|service| service.attach != Some(false));
    services.map(|service| service.name.clone()).collect()
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
    let containers = lifecycle::selected(attached.project, &observed, &attached.services);
    let mut printer = Printer::new(
        cx,
        attached.project,
        &containers,
        Options {
            prefix: attached.style.prefix,
            timestamps: attached.style.timestamps,
            colour: attached.style.colour,
            style: LineStyle::AsWritten,
        },
    );
    let request = LogsRequest {
        follow: true,
        since: Some(attached.begun.unix_timestamp()),
        ..LogsRequest::default()
    };
    let wish = Wish {
        project: attached.project.clone(),
        services: attached.services.clone(),
        request,
        resume: Resume::default(),
    };
    let mut following = Following::new(engine, wish, &containers).await?;
    let beside_logs = cx.beside_logs();
    // What happens is told beside the logs; where the engine's events end, it no longer is.
    let mut events = engine.container_events().await?.chain(pending());
    let mut notices =
        Notices::new(cx, attached.project, &attached.services, attached.checked.clone(), &observed);
    let heard = interrupts.answered();
    let end_of_watching = CancellationToken::new();
    let (announce, mut announced) = mpsc::unbounded_channel();
    let announce = |project: &Arc<Project>| {
        let _ = announce.send(Arc::clone(project));
    };
    let mut watching = Box::pin(async {
        match wish_to_watch {
            Some(wish) => {
                let project = Arc::clone(project);
                watch::follow(cx, engine, project, wish, &end_of_watching, &announce).await
            }
            None => Ok(false),
        }
    });
    let mut watches = wish_to_watch.is_some();
    let mut current = Arc::clone(project);
    // Whether it was said that the next save begins something anew.
    let mut is_told = false;
    // Whether the engine is.
    let mut away = false;
    loop {
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
            Some(project) = announced.recv() => {
                attached.take_up(&project);
                following.follow_also(&attached.services);
                notices.follow_also(&attached.services, &attached.checked);
                printer.renew(cx);
                current = project;
            }
            Some(event) = events.next() => notices.see(&event),
            () = tokio::time::sleep(RETRY), if away => {
                if following.resume().await.is_ok()
                    && let Ok(subscribed) = engine.container_events().await
                {
                    away = false;
                    events = subscribed.chain(pending());
                    if let Ok(observed) = engine.observe_containers().await {
                        notices.meet(&observed);
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
                    let services = &attached.services;
                    if watches && awaits_a_save(cx, engine, &current, services, &mut is_told).await? {
                        following.await_start();
                    } else {
                        return Ok(ExitStatus::Success);
                    }
                }
            },
        }
    }
    drop(following);
    if watches {
        // A second interrupt does not wait for what follows from a change.
        end_of_watching.cancel();
        tokio::select! {
            () = interrupts.at_least(heard + 2) => {}
            _ = &mut watching => {}
        }
    }
    drop((watching, notices, beside_logs));
    interrupts.answer();
    stop(cx, engine, &attached, &mut interrupts, &HalfMade::default()).await?;
    Ok(ExitStatus::Interrupted)
}

/// Whether a save begins something anew of what has failed; that is said once.
async fn awaits_a_save(
    cx: &Context,
    engine: &DockerEngine,
    project: &Project,
    services: &[ServiceName],
    is_told: &mut bool,
) -> Result<bool, CliError> {
    let observed = engine.observe_containers().await?;
    let services = begun_by_a_save(project, &observed, services);
    if !services.is_empty() && !std::mem::replace(is_told, true) {
        let services = services.join("` and `");
        cx.note(&format!("nothing runs any more; the next save starts `{services}` again"));
    }
    Ok(!services.is_empty())
}

/// The services that have failed and whose next change begins them anew. Pure.
fn begun_by_a_save<'p>(
    project: &'p Project,
    observed: &Observed,
    services: &[ServiceName],
) -> Vec<&'p str> {
    let failed = |service: &Service| {
        let mut containers = observed.containers_of(&project.name);
        services.contains(&service.name)
            && containers.any(|container| {
                container.service().as_ref() == Some(&service.name) && container.state.has_failed()
            })
    };
    let begins_anew = |service: &Service| {
        let develop = service.develop.as_ref();
        matches!(service.reload, Some(Reload::Restart(_)))
            || develop
                .is_some_and(|develop| develop.watch.iter().any(|rule| rule.action.begins_anew()))
    };
    let found = project.services.values().filter(|service| begins_anew(service) && failed(service));
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
    let containers =
        lifecycle::selected(attached.project, &observed, &attached.desired.selected_services);
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
            let services = &attached.desired.selected_services;
            let containers = lifecycle::selected(attached.project, &observed, services);
            let plan = lifecycle::kill(&containers, "SIGKILL");
            interrupts.answer();
            run(cx, engine, &plan, None, interrupts).await
        }
        result = run(cx, engine, &plan, None, &mut own) => result,
    };
    ended.map(drop)
}
