//! What follows from a change, carried out for one service.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::command::{Failure, Reloaded, reload};
use crate::cli::error::{CliError, Problem};
use crate::cli::inputs::check_builds;
use crate::cli::scope::{desired, selected};
use crate::engine::{DockerEngine, Engine as _, ExecRequest};
use crate::event::{Event, WatchEvent};
use crate::execute::{ExecuteError, Limits, execute};
use crate::plan::{Plan, ReconcileOptions, images_only, lifecycle, reconcile, weave};
use crate::project::{Hook, Project, PullPolicy, Reload, ServiceName};
use crate::state::{ContainerId, ContainerState, Observed, ObservedContainer, labels};
use crate::watch::{Process, Replica, SyncError, Work};

/// Events of a plan that wait for a slow terminal.
const EVENTS: usize = 1024;

/// What the tasks of a session share.
pub(super) struct Shared {
    pub(super) engine: Arc<DockerEngine>,
    pub(super) project: Arc<Project>,
    pub(super) limits: Limits,
    /// Where what happens is shown.
    pub(super) say: mpsc::UnboundedSender<Say>,
    /// Containers that have got files.
    pub(super) replicas: Mutex<HashMap<ContainerId, Arc<Mutex<Replica>>>>,
    /// One plan at a time: each is decided from what the one before left.
    pub(super) plans: Mutex<()>,
}

/// Something to show.
pub(super) enum Say {
    Watch(WatchEvent),
    /// An application's newest version runs.
    Live,
    /// A plan goes on; `None` when it has ended.
    Run(Option<Event>),
    /// Something could not be done.
    Failed {
        /// The service.
        label: String,
        /// What, such as `rebuild`.
        what: &'static str,
        /// Why, with all that is known of it.
        error: CliError,
    },
}

/// How the work for a service ended.
pub(super) struct Ended {
    pub(super) service: ServiceName,
    pub(super) outcome: Outcome,
}

/// What became of it.
pub(super) enum Outcome {
    /// It was done; these containers have all files.
    Done(Vec<ContainerId>),
    /// Newer changes were in the way: it has to be done with them.
    Again(Work),
    /// It failed.
    Failed {
        /// What it was about.
        work: Work,
        /// Whether it was for want of an engine.
        unreachable: bool,
    },
}

/// Does the work for one service.
pub(super) async fn act(
    shared: Arc<Shared>,
    service: ServiceName,
    work: Work,
    opened: Instant,
    cancel: CancellationToken,
) -> Ended {
    let mut action = Action { shared: &shared, service: &service, parts: Vec::new() };
    action.part("watch", opened);
    let outcome = match action.carry_out(&work, opened, &cancel).await {
        Ok(containers) => Outcome::Done(containers),
        Err(Wrong::Cancelled) => Outcome::Again(work),
        Err(Wrong::Failed { what, error }) => {
            let unreachable = error.is_unreachable();
            // Nobody listens any more when the session has ended.
            let _ = shared.say.send(Say::Failed { label: service.to_string(), what, error });
            Outcome::Failed { work, unreachable }
        }
    };
    Ended { service, outcome }
}

/// Why the work was not done.
enum Wrong {
    Cancelled,
    Failed { what: &'static str, error: CliError },
}

fn failed(what: &'static str) -> impl Fn(CliError) -> Wrong {
    move |error| Wrong::Failed { what, error }
}

struct Action<'a> {
    shared: &'a Shared,
    service: &'a ServiceName,
    parts: Vec<(&'static str, Duration)>,
}

impl Action<'_> {
    async fn carry_out(
        &mut self,
        work: &Work,
        opened: Instant,
        cancel: &CancellationToken,
    ) -> Result<Vec<ContainerId>, Wrong> {
        let files = self.shared.relative(&work.causes);
        if work.rebuild {
            self.shared.say(WatchEvent::Begun {
                service: self.service.clone(),
                doing: "rebuilding",
                files: files.clone(),
            });
            self.rebuild(cancel).await?;
        }
        let observed = self.shared.engine.observe_containers().await.map_err(CliError::from);
        let observed = observed.map_err(failed("sync"))?;
        let running = self.running(&observed, work.restart);
        if running.is_empty() {
            if !work.copies.is_empty() || work.restart || work.reload || work.signal.is_some() {
                self.shared.say(WatchEvent::Note {
                    label: Some(self.service.to_string()),
                    text: "does not run; what changed follows when it starts".to_owned(),
                });
            }
            return Ok(Vec::new());
        }
        if !work.copies.is_empty() {
            let begun = Instant::now();
            let syncs = running.iter().map(|container| self.sync(container, work));
            for synced in join_all(syncs).await {
                synced.map_err(|error| sync_failed(&error)).map_err(failed("sync"))?;
            }
            self.part("copy", begun);
        }
        // A new container was started with all of it.
        if work.restart && !work.rebuild {
            let begun = Instant::now();
            self.restart(&observed).await.map_err(failed("restart"))?;
            self.part("restart", begun);
        }
        let is_begun_anew = work.rebuild || work.restart;
        if let Some(signal) = work.signal.filter(|_| !is_begun_anew) {
            let begun = Instant::now();
            for container in &running {
                let sent = self.shared.engine.kill_container(&container.id, signal).await;
                sent.map_err(CliError::from).map_err(failed("signal"))?;
            }
            self.part("signal", begun);
        }
        let ids = running.iter().map(|container| container.id.clone()).collect();
        if work.reload && !is_begun_anew && !self.reload(&running, cancel).await? {
            return Ok(ids);
        }
        if !work.execs.is_empty() {
            let begun = Instant::now();
            for hook in &work.execs {
                let runs = running.iter().map(|container| self.exec(container, hook));
                for ran in join_all(runs).await {
                    ran.map_err(failed("exec"))?;
                }
            }
            self.part("exec", begun);
        }
        self.shared.say(WatchEvent::Done {
            label: self.service.to_string(),
            what: word(work),
            elapsed: opened.elapsed(),
            parts: std::mem::take(&mut self.parts),
            files,
        });
        Ok(ids)
    }

    /// Has the runners start their commands again. Whether all of them run the newest version;
    /// where one does not, that has been told.
    async fn reload(
        &mut self,
        running: &[&ObservedContainer],
        cancel: &CancellationToken,
    ) -> Result<bool, Wrong> {
        let shared = self.shared;
        let wish = shared.project.services.get(self.service).and_then(|it| it.reload.as_ref());
        let compiles = matches!(wish, Some(Reload::Command(runner)) if !runner.compile.is_empty());
        let reloads = running.iter().map(|container| reload(shared, container, compiles, cancel));
        let mut all_live = true;
        for (container, reloaded) in running.iter().zip(join_all(reloads).await) {
            match reloaded.map_err(failed("reload"))? {
                // Those of several containers go side by side: the last one stands for all.
                Reloaded::Live(parts) if container.id == running[running.len() - 1].id => {
                    self.parts.extend(parts);
                }
                Reloaded::Live(_) => {}
                Reloaded::Cancelled => return Err(Wrong::Cancelled),
                Reloaded::Failed(Failure { what, reason, output, serving }) => {
                    all_live = false;
                    shared.say(WatchEvent::Failed {
                        label: shared.label(self.service, container.number()),
                        what,
                        reason,
                        frame: (!output.is_empty()).then(|| output.join("\n")),
                        serving: Some(serving),
                    });
                }
            }
        }
        Ok(all_live)
    }

    fn part(&mut self, name: &'static str, begun: Instant) {
        self.parts.push((name, begun.elapsed()));
    }

    /// The containers that run; where they are begun anew, all of which that is true.
    fn running<'o>(&self, observed: &'o Observed, anew: bool) -> Vec<&'o ObservedContainer> {
        let services = std::slice::from_ref(self.service);
        let mut containers = lifecycle::selected(&self.shared.project.name, observed, services);
        containers.retain(|container| {
            if anew {
                container.state.is_begun_anew()
            } else {
                container.state == ContainerState::Running
            }
        });
        containers
    }

    async fn sync(&self, container: &ObservedContainer, work: &Work) -> Result<(), SyncError> {
        let engine = &self.shared.engine;
        let known = self.shared.replicas.lock().await.get(&container.id).cloned();
        let replica = if let Some(replica) = known {
            replica
        } else {
            let opened = Arc::new(Mutex::new(Replica::open(engine, &container.id).await?));
            let mut replicas = self.shared.replicas.lock().await;
            Arc::clone(replicas.entry(container.id.clone()).or_insert(opened))
        };
        let process = match container.state {
            ContainerState::Running if work.restart => Process::IsRestarted,
            ContainerState::Running => Process::GoesOn,
            _ => Process::Ended,
        };
        replica.lock().await.sync(engine, &work.copies, process).await
    }

    /// Builds the image, then makes the containers anew if it is another one.
    async fn rebuild(&mut self, cancel: &CancellationToken) -> Result<(), Wrong> {
        let shared = self.shared;
        let fail = failed("rebuild");
        let one = [self.service.to_string()];
        let project = selected(&shared.project, &one, false).map_err(&fail)?;
        let _turn = shared.plans.lock().await;
        let begun = Instant::now();
        let before = shared.observe().await.map_err(&fail)?;
        let options = ReconcileOptions {
            build: true,
            pull: Some(PullPolicy::Never),
            ..ReconcileOptions::default()
        };
        let images = images_only(&desired(&project), &before, &options)
            .map_err(|conflicts| fail(Problem::Conflicts(conflicts).into()))?;
        check_builds(&images).map_err(&fail)?;
        if let Err(error) = shared.run(&images, cancel.clone(), true).await {
            let cancelled = error.cancelled && cancel.is_cancelled();
            return Err(if cancelled {
                Wrong::Cancelled
            } else {
                fail(Problem::Run(error).into())
            });
        }
        self.part("build", begun);
        let begun = Instant::now();
        // Who runs keeps running: services that a person stopped are left alone.
        let mut names: Vec<String> = before
            .containers_of(&shared.project.name)
            .filter(|container| container.state.is_running())
            .filter_map(|container| Some(container.service()?.to_string()))
            .filter(|name| shared.project.services.keys().any(|known| known.as_str() == name))
            .collect();
        names.push(one[0].clone());
        names.sort();
        names.dedup();
        let project = selected(&shared.project, &names, false).map_err(&fail)?;
        let after = shared.observe().await.map_err(&fail)?;
        let options = ReconcileOptions { no_build: true, ..options };
        let options = ReconcileOptions { build: false, ..options };
        let desired = desired(&project);
        let plan = reconcile(&desired, &after, &options)
            .map_err(|conflicts| fail(Problem::Conflicts(conflicts).into()))?;
        let plan = weave(plan, &desired, &after);
        shared
            .run(&plan, CancellationToken::new(), true)
            .await
            .map_err(|error| fail(Problem::Run(error).into()))?;
        self.part("start", begun);
        self.prune(&before).await.map_err(fail)
    }

    /// Removes the image that the build replaced, when it is ours and nobody has a name for it.
    async fn prune(&self, before: &Observed) -> Result<(), CliError> {
        let shared = self.shared;
        let Some(service) = shared.project.services.get(self.service) else { return Ok(()) };
        let reference = service.image.familiar();
        let Some(old) = before.image(&reference) else { return Ok(()) };
        let now = shared.observe().await?;
        let replaced = now.images.iter().find(|image| {
            image.id == old.id
                && image.references.is_empty()
                && image.labels.get(labels::PROJECT).map(String::as_str)
                    == Some(shared.project.name.as_str())
        });
        if let Some(image) = replaced {
            shared.engine.remove_image(&image.id).await?;
        }
        Ok(())
    }

    /// Restarts the service, also where it has failed, and those that say so of it.
    async fn restart(&self, observed: &Observed) -> Result<(), CliError> {
        let shared = self.shared;
        let services = with_dependants(&shared.project, self.service);
        let containers: Vec<&ObservedContainer> =
            lifecycle::selected(&shared.project.name, observed, &services)
                .into_iter()
                .filter(|container| {
                    let is_its_own = container.service().as_ref() == Some(self.service);
                    let state = container.state;
                    if is_its_own { state.is_begun_anew() } else { state.is_running() }
                })
                .collect();
        let _turn = shared.plans.lock().await;
        let desired = desired(&shared.project);
        let plan = lifecycle::restart(&containers, &desired, None, true);
        let plan = weave(plan, &desired, observed);
        let run = shared.run(&plan, CancellationToken::new(), false).await;
        run.map_err(|error| Problem::Run(error).into())
    }

    async fn exec(&self, container: &ObservedContainer, hook: &Hook) -> Result<(), CliError> {
        let engine = &self.shared.engine;
        let environment = hook.environment.iter();
        let request = ExecRequest {
            command: hook.command.clone(),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            environment: environment
                .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)))
                .collect(),
            privileged: hook.privileged,
            ..ExecRequest::default()
        };
        let Some(mut streams) = engine.exec(&container.id, &request).await? else { return Ok(()) };
        let label = self.shared.label(self.service, container.number());
        let mut rest = String::new();
        while let Some(chunk) = streams.output.next().await {
            rest.push_str(&String::from_utf8_lossy(&chunk?.1));
            while let Some((line, later)) = rest.split_once('\n') {
                let line = line.trim_end().to_owned();
                self.shared.say(WatchEvent::Output { label: label.clone(), line });
                rest = later.to_owned();
            }
        }
        if !rest.trim().is_empty() {
            self.shared.say(WatchEvent::Output { label, line: rest });
        }
        match engine.exec_exit_code(&streams.id).await? {
            0 => Ok(()),
            code => Err(Problem::Other {
                message: format!("`{}` ended with exit code {code}", hook.command.join(" ")),
                hint: None,
            }
            .into()),
        }
    }
}

impl Shared {
    pub(super) fn say(&self, event: WatchEvent) {
        // Nobody listens any more when the session has ended.
        let _ = self.say.send(Say::Watch(event));
    }

    /// What a container is called: by its service where that has only one.
    pub(super) fn label(&self, service: &ServiceName, number: u32) -> String {
        match self.project.services.get(service) {
            Some(known) if known.scale > 1 => format!("{service}-{number}"),
            _ => service.to_string(),
        }
    }

    /// Paths as a person would write them.
    pub(super) fn relative(&self, paths: &[PathBuf]) -> Vec<String> {
        let shown = |path: &Path| {
            path.strip_prefix(&self.project.working_dir).unwrap_or(path).display().to_string()
        };
        paths.iter().map(|path| shown(path)).collect()
    }

    async fn observe(&self) -> Result<Observed, CliError> {
        Ok(self.engine.observe().await?)
    }

    async fn run(
        &self,
        plan: &Plan,
        cancel: CancellationToken,
        shown: bool,
    ) -> Result<(), ExecuteError> {
        if plan.is_empty() {
            return Ok(());
        }
        let (sender, mut events) = mpsc::channel(EVENTS);
        let say = self.say.clone();
        let showing = async move {
            while let Some(event) = events.recv().await {
                if shown {
                    let _ = say.send(Say::Run(Some(event)));
                }
            }
            if shown {
                let _ = say.send(Say::Run(None));
            }
        };
        let work = execute(Arc::clone(&self.engine), plan, self.limits, sender, cancel);
        let (outcome, ()) = tokio::join!(work, showing);
        outcome.map(drop)
    }
}

fn sync_failed(error: &SyncError) -> CliError {
    Problem::Other { message: error.to_string(), hint: None }.into()
}

/// The service and all that are to be restarted when it is.
fn with_dependants(project: &Project, service: &ServiceName) -> Vec<ServiceName> {
    let mut found = vec![service.clone()];
    let mut next = 0;
    while let Some(current) = found.get(next).cloned() {
        next += 1;
        for (name, other) in &project.services {
            let follows = other.depends_on.get(&current).is_some_and(|edge| edge.restart);
            if follows && !found.contains(name) {
                found.push(name.clone());
            }
        }
    }
    found
}

fn word(work: &Work) -> &'static str {
    let is_synced = !work.copies.is_empty();
    if work.rebuild {
        "rebuilt"
    } else if work.restart {
        if is_synced { "synced and restarted" } else { "restarted" }
    } else if work.reload {
        if is_synced { "synced and reloaded" } else { "reloaded" }
    } else if work.signal.is_some() {
        if is_synced { "synced and signalled" } else { "signalled" }
    } else if work.execs.is_empty() {
        "synced"
    } else if is_synced {
        "synced, its command run"
    } else {
        "its command run"
    }
}
