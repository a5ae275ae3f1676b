//! Walks a plan's graph.

mod launch;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assumed::{Begun, ImageChecks};
use super::failure::{ExecuteError, HalfMade, StepError, StepFailure};
use super::job::{Done, Notice, Shared};
use super::lives::Lives;
use super::stopping;
use super::wait::{self, Reached, Waiting};
use crate::engine::Engine;
use crate::event::{Action, Event, Subject};
use crate::plan::{ContainerRef, Operation, Plan, Step, StepId, Vanguard};
use crate::state::{ContainerId, ContainerState};

/// Bounds of a run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls that change the engine at the same time; waiting does not count.
    pub parallel: usize,
    /// Longest wait for one container, over its own setting.
    pub wait: Option<Duration>,
}

/// So long nobody has put anything of their own into a volume that this run has made.
const UNTOUCHED: Duration = Duration::from_secs(30);

/// Calls at the same time when the user sets no bound: more only queue inside the engine.
const PARALLEL: usize = 16;

impl Default for Limits {
    fn default() -> Self {
        Self { parallel: PARALLEL, wait: None }
    }
}

/// What the containers that were waited for do now, by their names.
pub type Arrived = HashMap<String, ContainerState>;

/// Carries out a plan, and tells what has become of the containers that it waited for.
///
/// On a failure, and when `cancel` is triggered, no further step begins; calls that change the
/// engine run to their end, pulls, builds and waits end at once.
///
/// # Errors
/// The steps that failed, or that it was cancelled.
pub async fn execute<E: Engine>(
    engine: Arc<E>,
    plan: &Plan,
    limits: Limits,
    events: mpsc::Sender<Event>,
    cancel: CancellationToken,
) -> Result<Arrived, ExecuteError> {
    // A closed channel only means that nobody watches.
    let _ = events
        .send(Event::Planned {
            steps: plan
                .steps
                .iter()
                .map(|step| (step.subject.clone(), step.operation.action()))
                .collect(),
            after: plan
                .steps
                .iter()
                .map(|step| step.after.iter().map(|needed| needed.0).collect())
                .collect(),
            unchanged: plan.unchanged.clone(),
        })
        .await;
    for warning in &plan.warnings {
        let _ = events.send(Event::Warning(warning.clone())).await;
    }
    let lives = match subscribe(&engine, plan).await {
        Ok(lives) => lives,
        Err(failure) => {
            let (failures, half_made) = (vec![failure], HalfMade::default());
            return Err(ExecuteError { failures, cancelled: false, half_made });
        }
    };
    let (notices, heard) = mpsc::channel(64);
    let run = Run {
        shared: Arc::new(Shared {
            engine,
            limits,
            events,
            lives,
            images: ImageChecks::default(),
            slots: Semaphore::new(limits.parallel.max(1)),
            port_ranges: Mutex::new(()),
            notices,
            deaf: Mutex::default(),
            begun: Instant::now(),
            stopped_within: plan.stopped_within,
            abort: cancel.child_token(),
        }),
        order: plan.by_urgency(),
        vanguard: plan.vanguard(),
        plan,
        cancel,
        state: vec![StepState::Pending; plan.steps.len()],
        created: HashMap::new(),
        ready: HashMap::new(),
        arrived: Arrived::new(),
        process_ended: HashSet::new(),
        failures: Vec::new(),
        probe_states: HashMap::new(),
        told: HashMap::new(),
    };
    run.finish(heard).await
}

/// Listens to the engine before anything is started, so that no death is missed.
async fn subscribe<E: Engine>(engine: &Arc<E>, plan: &Plan) -> Result<Lives, StepFailure> {
    let Some(first) =
        plan.steps.iter().find(|step| matches!(step.operation, Operation::AwaitContainer { .. }))
    else {
        return Ok(Lives::listen(futures_util::stream::pending().boxed()));
    };
    let events = engine.container_events().await.map_err(|error| StepFailure {
        subject: first.subject.clone(),
        action: first.operation.action(),
        error: error.into(),
    })?;
    Ok(Lives::listen(events))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepState {
    Pending,
    Running,
    Done,
}

struct Run<'a, E> {
    shared: Arc<Shared<E>>,
    plan: &'a Plan,
    /// In which order steps begin that can begin at the same time.
    order: Vec<StepId>,
    vanguard: Option<Vanguard>,
    cancel: CancellationToken,
    state: Vec<StepState>,
    created: HashMap<StepId, ContainerId>,
    /// Waits that found their container ready, and how often it had ended by then.
    ready: HashMap<StepId, u32>,
    arrived: Arrived,
    /// Stops that are not done, but whose container's process has ended.
    process_ended: HashSet<StepId>,
    failures: Vec<StepFailure>,
    /// What each running wait found last.
    probe_states: HashMap<StepId, String>,
    /// The reason for waiting that was last told of each step.
    told: HashMap<StepId, String>,
}

struct Outcome {
    step: StepId,
    result: Result<Done, StepError>,
    elapsed: Duration,
}

impl<E: Engine> Run<'_, E> {
    async fn finish(
        mut self,
        mut heard: mpsc::Receiver<(StepId, Notice)>,
    ) -> Result<Arrived, ExecuteError> {
        let mut tasks: JoinSet<Outcome> = JoinSet::new();
        let mut cancelling = false;
        loop {
            if !self.shared.abort.is_cancelled() {
                self.launch(&mut tasks).await;
            }
            if tasks.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if !cancelling => {
                    cancelling = true;
                    self.tell(Event::Cancelling).await;
                }
                Some(outcome) = tasks.join_next() => {
                    match outcome {
                        Ok(outcome) => self.ended(outcome).await,
                        Err(error) => std::panic::resume_unwind(error.into_panic()),
                    }
                }
                Some((step, notice)) = heard.recv() => match notice {
                    Notice::Probed(state) => {
                        self.probe_states.insert(step, state);
                    }
                    Notice::ProcessEnded => {
                        self.process_ended.insert(step);
                    }
                },
            }
        }
        self.clear_away().await;
        let deaf = std::mem::take(&mut *self.shared.deaf.lock().await);
        for warning in stopping::warnings(&deaf) {
            self.tell(Event::Warning(warning)).await;
        }
        let unfinished = self.state.iter().any(|state| *state != StepState::Done);
        if self.failures.is_empty() && !unfinished {
            self.look_back().await;
        }
        if self.failures.is_empty() && !unfinished {
            return Ok(self.arrived);
        }
        let cancelled = self.cancel.is_cancelled();
        let half_made = self.half_made();
        Err(ExecuteError { failures: self.failures, cancelled, half_made })
    }

    /// What is not whole yet.
    fn half_made(&self) -> HalfMade {
        let mut half_made = HalfMade::default();
        if self.shared.begun.elapsed() > UNTOUCHED {
            return half_made;
        }
        for (step, state) in self.plan.steps.iter().zip(&self.state) {
            match &step.operation {
                Operation::CreateVolume(spec) if *state == StepState::Done => {
                    half_made.volumes.push(spec.volume.name.clone());
                }
                Operation::AwaitContainer { .. } if *state != StepState::Done => {
                    half_made.unready.extend(self.container_of(&step.operation));
                }
                _ => {}
            }
        }
        half_made
    }

    /// Ends and removes what the plan has made for its own use, where it did not get as far: nobody
    /// would look for it.
    async fn clear_away(&self) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let Operation::RemoveContainer {
                container: ContainerRef::CreatedBy(_),
                anonymous_volumes,
            } = &step.operation
            else {
                continue;
            };
            let Some(id) = self.container_of(&step.operation) else { continue };
            if self.state[index] == StepState::Done {
                continue;
            }
            let engine = &self.shared.engine;
            // What fails here is found and removed by the next run.
            let _ = engine.stop_container(&id, None).await;
            let _ = engine.remove_container(&id, *anonymous_volumes).await;
        }
    }

    /// Looks at those that have ended after they were ready: what is told at the end must be so.
    async fn look_back(&mut self) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let Operation::AwaitContainer { spec, condition, .. } = &step.operation else {
                continue;
            };
            let Some(deaths) = self.ready.get(&StepId(index)) else { continue };
            let Some(id) = self.container_of(&step.operation) else { continue };
            if self.shared.lives.of(&id).borrow().deaths == *deaths {
                continue;
            }
            let waiting = Waiting {
                engine: &*self.shared.engine,
                id: &id,
                spec,
                condition: *condition,
                limit: None,
                begun: Begun::Before,
                seen: None,
                images: &self.shared.images,
            };
            if let Some(error) = wait::look_back(waiting).await {
                self.failed(step, error).await;
            }
        }
    }

    fn arrive(&mut self, subject: &Subject, state: ContainerState) {
        if let Subject::Container { name, .. } = subject {
            self.arrived.insert(name.clone(), state);
        }
    }

    async fn ended(&mut self, outcome: Outcome) {
        let step = &self.plan.steps[outcome.step.0];
        let (subject, action) = (step.subject.clone(), step.operation.action());
        self.probe_states.remove(&outcome.step);
        match outcome.result {
            Ok(done) => {
                self.state[outcome.step.0] = StepState::Done;
                let mut action = action;
                match done {
                    Done::Nothing => {}
                    Done::Created(id) => {
                        self.created.insert(outcome.step, id);
                    }
                    Done::Reached(Reached::Ready { deaths }) => {
                        self.ready.insert(outcome.step, deaths);
                        self.arrive(&subject, ContainerState::Running);
                    }
                    // Whatever was waited for: it has done its work.
                    Done::Reached(Reached::Finished) => {
                        action = Action::Complete;
                        self.arrive(&subject, ContainerState::Exited { code: 0 });
                    }
                }
                self.tell(Event::Finished { subject, action, elapsed: outcome.elapsed }).await;
            }
            // What was interrupted because of another failure is not a failure of its own.
            Err(StepError::Cancelled) => {}
            Err(error) => self.failed(step, error).await,
        }
    }

    async fn failed(&mut self, step: &Step, mut error: StepError) {
        let (subject, action) = (step.subject.clone(), step.operation.action());
        // The engine goes by ids, a person by names.
        if let StepError::Engine(error) = &mut error
            && let Subject::Container { name, .. } | Subject::Hook { name, .. } = &subject
            && let Some(id) = self.container_of(&step.operation)
            && error.subject == id.short()
        {
            error.subject.clone_from(name);
        }
        let reason = error.short();
        self.failures.push(StepFailure { subject: subject.clone(), action, error });
        self.shared.abort.cancel();
        self.tell(Event::Failed { subject, action, reason }).await;
    }

    async fn tell(&self, event: Event) {
        // A closed channel only means that nobody watches.
        let _ = self.shared.events.send(event).await;
    }
}
