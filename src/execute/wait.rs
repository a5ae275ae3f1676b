//! Waits until a container is what others need.
//!
//! The engine's events only wake the wait; the truth is always read from the container itself, so
//! that a late, repeated or missing event does no harm.

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::failure::{StepError, WaitFailure, WaitFailureReason};
use super::probing::{Finding, Found, Probing};
use crate::engine::{ContainerEvent, ContainerEventKind, ContainerFacts, Engine, LogLines};
use crate::plan::AwaitFor;
use crate::project::RestartPolicy;
use crate::state::{ContainerId, ContainerSpec, ContainerState, Health};

/// Longest wait when neither the service nor the user sets one.
const LIMIT: Duration = Duration::from_mins(3);

/// After so many restarts by the engine a service counts as failing, not as starting.
const MOST_RESTARTS: u64 = 3;

/// Lines of the log that a failure keeps.
const LOG_LINES: usize = 20;

/// Longest time between two looks at the container, should an event be missed.
pub(super) const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// What to wait for.
pub(super) struct Waiting<'a, E> {
    pub(super) engine: &'a E,
    pub(super) id: &'a ContainerId,
    pub(super) spec: &'a ContainerSpec,
    pub(super) condition: AwaitFor,
    pub(super) limit: Option<Duration>,
}

/// Resolves when the condition holds; fails as soon as it cannot hold any more.
pub(super) async fn wait<E: Engine>(
    waiting: Waiting<'_, E>,
    mut events: broadcast::Receiver<ContainerEvent>,
    tell: impl Fn(Finding),
) -> Result<(), StepError> {
    let own = waiting.spec.service.ready.as_ref().and_then(|ready| ready.timeout);
    let limit = waiting.limit.or(own.map(|timeout| timeout.0)).unwrap_or(LIMIT);
    let mut probing = Probing::new(waiting.engine, waiting.id, waiting.spec, tell);
    let patience = tokio::time::sleep(limit);
    tokio::pin!(patience);
    loop {
        let facts = match waiting.engine.inspect_container(waiting.id).await {
            Ok(facts) => facts,
            Err(error) if error.is_not_found() => {
                return Err(waiting.failure(WaitFailureReason::Removed, None).await);
            }
            Err(error) => return Err(error.into()),
        };
        match judge(&facts, waiting.condition, waiting.spec.service.restart) {
            Verdict::Satisfied => return Ok(()),
            Verdict::Failed(reason) => return Err(waiting.failure(reason, probing.last()).await),
            Verdict::Wait => {
                if facts.state == ContainerState::Restarting {
                    probing.told("restarting".to_owned());
                }
            }
            Verdict::Probe => {
                let found = tokio::select! {
                    biased;
                    () = heard(&mut events, waiting.id, true) => continue,
                    () = &mut patience => {
                        let reason = WaitFailureReason::TimedOut { after: limit };
                        return Err(waiting.failure(reason, probing.last()).await);
                    }
                    found = probing.run(&facts) => found?,
                };
                match found {
                    Found::Ready => return Ok(()),
                    Found::LookAgain => continue,
                }
            }
        }
        tokio::select! {
            biased;
            () = heard(&mut events, waiting.id, facts.state == ContainerState::Running) => {}
            () = &mut patience => {
                let reason = WaitFailureReason::TimedOut { after: limit };
                return Err(waiting.failure(reason, probing.last()).await);
            }
            () = tokio::time::sleep_until(Instant::now() + LONGEST_SLEEP) => {}
        }
    }
}

impl<E: Engine> Waiting<'_, E> {
    async fn failure(&self, reason: WaitFailureReason, last_probe: Option<String>) -> StepError {
        // Without its log the failure is still worth telling.
        let log =
            self.engine.log_lines(self.id, LogLines::Last(LOG_LINES)).await.unwrap_or_default();
        StepError::Wait(Box::new(WaitFailure {
            service: self.spec.service.name.clone(),
            container: self.spec.name.clone(),
            reason,
            last_probe,
            log: log.into_iter().map(|(_, line)| line).collect(),
        }))
    }
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

/// Resolves when something was heard of the container that may change what is known of it.
async fn heard(events: &mut broadcast::Receiver<ContainerEvent>, id: &ContainerId, runs: bool) {
    loop {
        match events.recv().await {
            // The late news of a start that was seen already; another one follows a death.
            Ok(event) if event.id == *id && runs && event.kind == ContainerEventKind::Started => {}
            Ok(event) if event.id == *id => return,
            Ok(_) => {}
            // Missed some: one of them may have been ours.
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            // The engine's stream ended; the regular looks go on.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
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
