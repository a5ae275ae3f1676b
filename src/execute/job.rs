//! One step under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assumed::{Begun, ImageChecks};
use super::creation;
use super::executor::Limits;
use super::failure::StepError;
use super::lives::Lives;
use super::probing::Finding;
use super::stopping::{Deaf, Stopping};
use super::wait::{self, Reached, Waiting};
use crate::engine::{Engine, EngineError, ProgressSink};
use crate::event::{Action, Event, Progress, Subject};
use crate::plan::{Operation, StepId};
use crate::project::Duration as GracePeriod;
use crate::state::{ContainerId, ContainerSpec, runner};

/// What even the last one of many is given to stop.
const LEAST_GRACE: Duration = Duration::from_secs(3);

/// What the steps' tasks share.
pub(super) struct Shared<E> {
    pub(super) engine: Arc<E>,
    pub(super) limits: Limits,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) lives: Lives,
    pub(super) images: ImageChecks,
    pub(super) slots: Semaphore,
    /// Two starts with host port ranges could be given the same port by the engine.
    pub(super) port_ranges: Mutex<()>,
    pub(super) notices: mpsc::Sender<(StepId, Notice)>,
    /// What took no notice of the signal to stop.
    pub(super) deaf: Mutex<Vec<Deaf>>,
    pub(super) begun: Instant,
    /// When everything should have stopped, from the begin.
    pub(super) stopped_within: Option<GracePeriod>,
    /// Ends pulls, builds and waits: after a cancellation or another step's failure.
    pub(super) abort: CancellationToken,
}

impl<E> Shared<E> {
    /// What is left of a grace period when others before have used up the time.
    fn remaining(&self, grace: GracePeriod) -> GracePeriod {
        let Some(within) = self.stopped_within else { return grace };
        let left = within.0.saturating_sub(self.begun.elapsed()).max(LEAST_GRACE);
        GracePeriod(grace.0.min(left))
    }
}

/// What a step tells while it is under way.
pub(super) enum Notice {
    /// What its probes find.
    Probed(String),
    /// The process that it stops has ended.
    ProcessEnded,
}

/// What a step leaves for later ones.
pub(super) enum Done {
    Nothing,
    Created(ContainerId),
    Reached(Reached),
}

/// A step and what it needs.
pub(super) struct Job {
    pub(super) id: StepId,
    pub(super) container: Option<ContainerId>,
    pub(super) spec: Option<Arc<ContainerSpec>>,
    pub(super) begun: Begun,
    /// Whether others wait for the end of the process that it stops.
    pub(super) watched: bool,
    pub(super) operation: Operation,
    pub(super) subject: Subject,
}

impl Job {
    pub(super) async fn run<E: Engine>(&self, shared: &Shared<E>) -> Result<Done, StepError> {
        if let Operation::AwaitContainer { condition, seen, .. } = &self.operation {
            let (Some(id), Some(spec)) = (&self.container, &self.spec) else {
                unreachable!("a wait has a container and its specification");
            };
            let waiting = Waiting {
                engine: &*shared.engine,
                id,
                spec,
                condition: *condition,
                limit: shared.limits.wait,
                begun: self.begun,
                seen: seen.as_deref(),
                images: &shared.images,
            };
            let tell = |finding: Finding| self.tell_finding(shared, finding);
            return tokio::select! {
                () = shared.abort.cancelled() => Err(StepError::Cancelled),
                result = wait::wait(waiting, shared.lives.of(id), tell) => {
                    result.map(Done::Reached)
                }
            };
        }
        let _slot = shared.slots.acquire().await.map_err(|_| StepError::Cancelled)?;
        match &self.operation {
            Operation::PullImage(image) => {
                let work = shared.engine.pull_image(image, self.sink(shared, Action::Pull));
                abortable(shared, work).await
            }
            Operation::BuildImage(image) => {
                let work = shared.engine.build_image(image, self.sink(shared, Action::Build));
                abortable(shared, work).await
            }
            Operation::CreateContainer { spec, name, inherit } => {
                Ok(Done::Created(creation::create(&*shared.engine, spec, name, inherit).await?))
            }
            _ => {
                self.change(shared).await?;
                Ok(Done::Nothing)
            }
        }
    }

    /// The short calls: they are never interrupted, since the engine would finish them anyway.
    async fn change<E: Engine>(&self, shared: &Shared<E>) -> Result<(), StepError> {
        let engine = &*shared.engine;
        let id = self.container.as_ref();
        match (&self.operation, id) {
            (Operation::RemoveImage(reference), _) => engine.remove_image(reference).await?,
            (Operation::CreateNetwork(spec), _) => engine.create_network(spec).await?,
            (Operation::RemoveNetwork { id }, _) => engine.remove_network(id).await?,
            (Operation::CreateVolume(spec), _) => engine.create_volume(spec).await?,
            (Operation::RemoveVolume(name), _) => engine.remove_volume(name).await?,
            (Operation::RenameContainer { name, .. }, Some(id)) => {
                engine.rename_container(id, name).await?;
            }
            (Operation::HoldContainer { spec, reason, .. }, Some(id)) => {
                engine.copy_files(id, spec, &[runner::closed_door(reason)]).await?;
            }
            (Operation::ReleaseContainer { spec, .. }, Some(id)) => {
                engine.copy_files(id, spec, &[runner::open_door()]).await?;
            }
            (Operation::StartContainer { .. }, Some(id)) => {
                let ranged = self.spec.as_ref().is_some_and(|spec| spec.has_port_range());
                let _turn = if ranged { Some(shared.port_ranges.lock().await) } else { None };
                engine.start_container(id).await?;
            }
            (Operation::RunHook { hook, .. }, Some(id)) => engine.run_hook(id, hook).await?,
            (Operation::StopContainer { grace, .. }, Some(id)) => {
                let grace = grace.map(|grace| shared.remaining(grace));
                let stopping = Stopping { engine, id, subject: &self.subject, grace };
                let tell = async || {
                    let _ = shared.notices.send((self.id, Notice::ProcessEnded)).await;
                };
                if let Some(deaf) = stopping.stop(self.watched.then_some(tell)).await? {
                    shared.deaf.lock().await.push(deaf);
                }
            }
            (Operation::UnpauseContainer { .. }, Some(id)) => engine.unpause_container(id).await?,
            (Operation::RestartContainer { grace, .. }, Some(id)) => {
                engine.restart_container(id, *grace).await?;
            }
            (Operation::KillContainer { signal, .. }, Some(id)) => {
                engine.kill_container(id, signal).await?;
            }
            (Operation::RemoveContainer { anonymous_volumes, .. }, Some(id)) => {
                engine.remove_container(id, *anonymous_volumes).await?;
            }
            _ => unreachable!("a step's container was made by a step before it"),
        }
        Ok(())
    }

    fn sink<E: Engine>(&self, shared: &Shared<E>, action: Action) -> ProgressSink {
        let (subject, events) = (self.subject.clone(), shared.events.clone());
        // Progress may be dropped when the terminal cannot keep up; changes of state may not.
        Arc::new(move |progress| {
            let _ = events.try_send(Event::Progress { subject: subject.clone(), action, progress });
        })
    }

    fn tell_finding<E: Engine>(&self, shared: &Shared<E>, finding: Finding) {
        let progress = match finding {
            Finding::Listening => Progress::Listening,
            Finding::State(state) => {
                let _ = shared.notices.try_send((self.id, Notice::Probed(state.clone())));
                Progress::Probe { state }
            }
        };
        let _ = shared.events.try_send(Event::Progress {
            subject: self.subject.clone(),
            action: self.operation.action(),
            progress,
        });
    }
}

async fn abortable<E: Engine>(
    shared: &Shared<E>,
    work: impl Future<Output = Result<(), EngineError>>,
) -> Result<Done, StepError> {
    tokio::select! {
        () = shared.abort.cancelled() => Err(StepError::Cancelled),
        result = work => { result?; Ok(Done::Nothing) }
    }
}
