//! Waits until a container is what others need.
//!
//! The engine's events only wake the wait; the truth is always read from the container itself, so
//! that a late, repeated or missing event does no harm. What this run has just started is known to
//! run until an event says otherwise.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::assumed::{self, Begun, ImageChecks};
use super::attempts;
use super::failure::{FailedHook, StepError, WaitFailure, WaitFailureReason};
use super::lives::Life;
use super::probing::{Asked, Finding, Found, Probing};
use crate::engine::{ContainerFacts, Engine, EngineError, LogLines};
use crate::plan::AwaitFor;
use crate::project::RestartPolicy;
use crate::state::{ContainerId, ContainerSpec, ContainerState, Health, SeenRunning};

/// Longest wait when neither the service nor the user sets one.
const LIMIT: Duration = Duration::from_mins(3);

/// After so many restarts by the engine a service counts as failing, not as starting.
const MOST_RESTARTS: u64 = 3;

/// A container that ran before may be called unhealthy because of what is over, such as a pause:
/// so long it is asked itself before that counts.
const SECOND_OPINION: Duration = Duration::from_secs(2);

/// Lines of the log that a failure keeps.
const LOG_LINES: usize = 80;

/// A service without any check counts as ready when it has not ended after this time: one that
/// cannot even begin ends sooner.
const SETTLED: Duration = Duration::from_millis(100);

/// Longest time between two looks at the container, should an event be missed.
const LOOK: Duration = Duration::from_secs(30);

/// The same when the engine announces nothing any more.
const LOOK_UNHEARD: Duration = Duration::from_secs(1);

/// What to wait for.
pub(super) struct Waiting<'a, E> {
    pub(super) engine: &'a E,
    pub(super) id: &'a ContainerId,
    pub(super) spec: &'a ContainerSpec,
    pub(super) condition: AwaitFor,
    pub(super) limit: Option<Duration>,
    pub(super) begun: Begun,
    /// How the snapshot saw it, when nothing was done to it.
    pub(super) seen: Option<&'a SeenRunning>,
    pub(super) images: &'a ImageChecks,
}

/// How a wait ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// It runs and is ready; by then its process had ended so often since the run began.
    Ready {
        /// Ends that were announced.
        deaths: u32,
    },
    /// It has done its work.
    Finished,
}

/// Resolves when the condition holds; fails as soon as it cannot hold any more.
pub(super) async fn wait<E: Engine>(
    waiting: Waiting<'_, E>,
    mut life: watch::Receiver<Life>,
    tell: impl Fn(Finding),
) -> Result<Reached, StepError> {
    let own = waiting.spec.service.ready.as_ref().and_then(|ready| ready.timeout);
    let limit = waiting.limit.or(own.map(|timeout| timeout.0)).unwrap_or(LIMIT);
    let mut probing = Probing::new(waiting.engine, waiting.id, waiting.spec, &tell);
    let is_new = waiting.begun == Begun::Made;
    let given_up = attempts::given_up(waiting.engine, waiting.id, waiting.spec, is_new, &tell);
    tokio::pin!(given_up);
    let settled = Instant::now() + SETTLED;
    let patience = tokio::time::sleep(limit);
    tokio::pin!(patience);
    let first = *life.borrow_and_update();
    let mut assumed = waiting.assumed(first).await;
    loop {
        let seen = *life.borrow_and_update();
        let look = if seen.unheard { LOOK_UNHEARD } else { LOOK };
        let (facts, is_assumed) = match assumed.take().filter(|_| seen.is_only_started()) {
            Some(facts) => (facts, true),
            None => (waiting.look().await?, false),
        };
        match judge(&facts, waiting.condition, waiting.spec.service.restart) {
            Verdict::Satisfied => return Ok(Reached::Finished),
            Verdict::Failed(reason) => {
                let asked = Asked {
                    facts: &facts,
                    is_assumed,
                    whole_log: false,
                    deaths: seen.deaths,
                    look: SECOND_OPINION,
                };
                if matches!(reason, WaitFailureReason::Unhealthy { .. })
                    && waiting.begun == Begun::Before
                    && matches!(probing.run(&asked).await?, Found::Ready)
                {
                    return Ok(Reached::Ready { deaths: seen.deaths });
                }
                return Err(waiting.failure(reason, probing.last()).await);
            }
            Verdict::Wait => {
                if facts.state == ContainerState::Restarting {
                    probing.told("restarting".to_owned());
                }
            }
            Verdict::Probe => {
                let asked = Asked {
                    facts: &facts,
                    is_assumed,
                    whole_log: waiting.begun == Begun::Made && seen.deaths == 0,
                    deaths: seen.deaths,
                    look,
                };
                let unchecked = asked.is_unchecked(waiting.spec);
                let found = tokio::select! {
                    biased;
                    () = changed(&mut life, seen, true) => continue,
                    () = &mut patience => {
                        let reason = WaitFailureReason::TimedOut { after: limit };
                        return Err(waiting.failure(reason, probing.last()).await);
                    }
                    problem = &mut given_up => {
                        let reason = WaitFailureReason::NotStarted { problem };
                        return Err(waiting.failure(reason, None).await);
                    }
                    found = async {
                        let found = probing.run(&asked).await;
                        if unchecked && waiting.begun != Begun::Before {
                            tokio::time::sleep_until(settled).await;
                        }
                        found
                    } => found?,
                };
                match found {
                    Found::Ready => return Ok(Reached::Ready { deaths: seen.deaths }),
                    Found::LookAgain => continue,
                    Found::Never => {
                        let reason = WaitFailureReason::Refused;
                        return Err(waiting.failure(reason, probing.last()).await);
                    }
                }
            }
        }
        tokio::select! {
            biased;
            () = changed(&mut life, seen, facts.state == ContainerState::Running) => {}
            () = &mut patience => {
                let reason = WaitFailureReason::TimedOut { after: limit };
                return Err(waiting.failure(reason, probing.last()).await);
            }
            () = tokio::time::sleep(look) => {}
        }
    }
}

/// Looks at a container that was ready and has ended since, while others were still being brought
/// up: why the run has failed all the same.
pub(super) async fn look_back<E: Engine>(waiting: Waiting<'_, E>) -> Option<StepError> {
    let facts = match waiting.look().await {
        Ok(facts) => facts,
        Err(error) => return Some(error),
    };
    match judge(&facts, waiting.condition, waiting.spec.service.restart) {
        Verdict::Failed(reason) => Some(waiting.failure(reason, None).await),
        Verdict::Satisfied | Verdict::Wait | Verdict::Probe => None,
    }
}

impl<E: Engine> Waiting<'_, E> {
    /// What needs no look, unless something happened already.
    async fn assumed(&self, life: Life) -> Option<ContainerFacts> {
        if !life.is_only_started() {
            return None;
        }
        assumed::facts(self.engine, self.id, self.spec, self.begun, self.seen, self.images).await
    }

    async fn look(&self) -> Result<ContainerFacts, StepError> {
        match self.engine.inspect_container(self.id).await {
            Ok(facts) => Ok(facts),
            Err(error) if error.is_not_found() => {
                Err(self.failure(WaitFailureReason::Removed, None).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn failure(&self, reason: WaitFailureReason, last_probe: Option<String>) -> StepError {
        // Without its log the failure is still worth telling.
        let log = match self.begun {
            // All of it is of its present start.
            Begun::Made => self.engine.log_lines(self.id, LogLines::Last(LOG_LINES)).await,
            _ => last_lines(self.engine, self.id, LOG_LINES).await,
        };
        let log = log.unwrap_or_default();
        StepError::Wait(Box::new(WaitFailure {
            service: self.spec.service.name.clone(),
            hook: self.spec.hook.map(|number| FailedHook { number, runs: self.spec.runs() }),
            container: self.spec.name.clone(),
            reason,
            last_probe,
            log: log.into_iter().map(|(_, line)| line).collect(),
        }))
    }
}

/// The last lines that a container has printed since it was started: what it said before belongs to
/// another run. Where the engine itself starts it again and again, each of its starts counts.
///
/// # Errors
/// When the engine does not answer.
pub async fn last_lines<E: Engine>(
    engine: &E,
    id: &ContainerId,
    count: usize,
) -> Result<Vec<(bool, String)>, EngineError> {
    let lines = match engine.inspect_container(id).await {
        Ok(facts) if facts.restarts == 0 && !facts.started_at.is_empty() => {
            LogLines::LastSince(count, facts.started_at)
        }
        _ => LogLines::Last(count),
    };
    engine.log_lines(id, lines).await
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Satisfied,
    Failed(WaitFailureReason),
    /// It runs: ask it.
    Probe,
    /// Nothing to ask until something changes.
    Wait,
}

/// What a look at the container means.
fn judge(facts: &ContainerFacts, condition: AwaitFor, restart: RestartPolicy) -> Verdict {
    match facts.state {
        ContainerState::Exited { code: 0 } if condition == AwaitFor::Completed => {
            Verdict::Satisfied
        }
        ContainerState::Exited { code: 0 }
            if condition == AwaitFor::ReadyOrFinished && !restarts(restart, 0) =>
        {
            Verdict::Satisfied
        }
        ContainerState::Exited { code } if !restarts(restart, code) || !facts.error.is_empty() => {
            Verdict::Failed(WaitFailureReason::Exited {
                code,
                oom_killed: facts.oom_killed,
                error: facts.error.clone(),
            })
        }
        ContainerState::Exited { code } if facts.restarts >= MOST_RESTARTS => {
            Verdict::Failed(WaitFailureReason::Restarting {
                times: facts.restarts,
                code,
                oom_killed: facts.oom_killed,
            })
        }
        ContainerState::Restarting if facts.restarts >= MOST_RESTARTS => {
            Verdict::Failed(WaitFailureReason::Restarting {
                times: facts.restarts,
                code: facts.exit_code,
                oom_killed: facts.oom_killed,
            })
        }
        ContainerState::Created if !facts.error.is_empty() => {
            Verdict::Failed(WaitFailureReason::Exited {
                code: 127,
                oom_killed: false,
                error: facts.error.clone(),
            })
        }
        ContainerState::Removing | ContainerState::Dead => {
            Verdict::Failed(WaitFailureReason::Removed)
        }
        ContainerState::Running if condition == AwaitFor::Completed => Verdict::Wait,
        ContainerState::Running if facts.health == Some(Health::Unhealthy) => {
            Verdict::Failed(WaitFailureReason::Unhealthy { output: facts.health_output.clone() })
        }
        ContainerState::Running => Verdict::Probe,
        ContainerState::Exited { .. }
        | ContainerState::Restarting
        | ContainerState::Created
        | ContainerState::Paused => Verdict::Wait,
    }
}

const fn restarts(policy: RestartPolicy, code: i64) -> bool {
    match policy {
        RestartPolicy::No => false,
        RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        RestartPolicy::OnFailure(_) => code != 0,
    }
}

/// Resolves when something was announced that may change what is known of a container.
async fn changed(life: &mut watch::Receiver<Life>, seen: Life, runs: bool) {
    let same = |now: &Life| {
        // The late news of a start that is known already; another one follows a death.
        let known = Life { starts: if runs { seen.starts } else { now.starts }, ..*now };
        known == seen
    };
    if life.wait_for(|now| !same(now)).await.is_err() {
        // Nobody listens any more; the regular looks go on.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn facts(state: ContainerState) -> ContainerFacts {
        ContainerFacts {
            state,
            exit_code: 0,
            oom_killed: false,
            error: String::new(),
            health: None,
            health_output: String::new(),
            health_command: None,
            addresses: IndexMap::new(),
            ports: Vec::new(),
            started_at: String::new(),
            restarts: 0,
            init: false,
        }
    }

    fn exited(code: i64) -> Verdict {
        Verdict::Failed(WaitFailureReason::Exited { code, oom_killed: false, error: String::new() })
    }

    #[test]
    fn an_ended_container_is_judged_by_what_is_waited_for() {
        let done = ContainerState::Exited { code: 0 };
        let failed = ContainerState::Exited { code: 3 };
        let (ready, or_finished, completed) =
            (AwaitFor::Ready, AwaitFor::ReadyOrFinished, AwaitFor::Completed);
        let cases = [
            (done, completed, RestartPolicy::No, Verdict::Satisfied),
            (done, or_finished, RestartPolicy::No, Verdict::Satisfied),
            (done, ready, RestartPolicy::No, exited(0)),
            (failed, completed, RestartPolicy::No, exited(3)),
            (failed, or_finished, RestartPolicy::No, exited(3)),
            (failed, ready, RestartPolicy::OnFailure(None), Verdict::Wait),
            (done, ready, RestartPolicy::OnFailure(None), exited(0)),
            (done, or_finished, RestartPolicy::OnFailure(None), Verdict::Satisfied),
            (done, or_finished, RestartPolicy::UnlessStopped, Verdict::Wait),
            (failed, ready, RestartPolicy::UnlessStopped, Verdict::Wait),
            (ContainerState::Running, completed, RestartPolicy::No, Verdict::Wait),
            (ContainerState::Running, ready, RestartPolicy::No, Verdict::Probe),
            (ContainerState::Paused, ready, RestartPolicy::No, Verdict::Wait),
            (
                ContainerState::Dead,
                ready,
                RestartPolicy::No,
                Verdict::Failed(WaitFailureReason::Removed),
            ),
        ];
        for (state, condition, policy, expected) in cases {
            assert_eq!(
                judge(&facts(state), condition, policy),
                expected,
                "{state:?} {condition:?} {policy:?}"
            );
        }
    }

    #[test]
    fn endless_restarts_and_failing_health_checks_end_the_wait() {
        let restarting =
            ContainerFacts { restarts: 3, exit_code: 7, ..facts(ContainerState::Restarting) };
        assert_eq!(
            judge(&restarting, AwaitFor::Ready, RestartPolicy::Always),
            Verdict::Failed(WaitFailureReason::Restarting { times: 3, code: 7, oom_killed: false })
        );
        let unhealthy = ContainerFacts {
            health: Some(Health::Unhealthy),
            health_output: "no".to_owned(),
            ..facts(ContainerState::Running)
        };
        assert_eq!(
            judge(&unhealthy, AwaitFor::Ready, RestartPolicy::No),
            Verdict::Failed(WaitFailureReason::Unhealthy { output: "no".to_owned() })
        );
    }
}
