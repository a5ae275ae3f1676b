//! Stops a container, and says so when it took no notice.

use tokio::time::Instant;

use crate::engine::{Engine, EngineError};
use crate::event::Subject;
use crate::project::Duration;
use crate::state::{ContainerId, DEFAULT_STOP_GRACE};

/// The exit code of what was killed.
const KILLED: i64 = 137;

pub(super) struct Stopping<'a, E> {
    pub(super) engine: &'a E,
    pub(super) id: &'a ContainerId,
    pub(super) subject: &'a Subject,
    /// Time to stop; the container's own setting when absent.
    pub(super) grace: Option<Duration>,
}

impl<E: Engine> Stopping<'_, E> {
    /// Stops it; returns what a person should know of how that went. Those who wait for no more
    /// than the end of its process are told of it.
    pub(super) async fn stop(
        self,
        ended: Option<impl AsyncFnOnce()>,
    ) -> Result<Option<String>, EngineError> {
        let begun = Instant::now();
        let mut stop = std::pin::pin!(self.engine.stop_container(self.id, self.grace));
        // Without that knowledge they wait for the whole stop.
        match ended {
            Some(ended) if let Ok(process) = self.engine.process_end(self.id).await => {
                tokio::select! {
                    stopped = &mut stop => stopped?,
                    true = process => {
                        ended().await;
                        stop.await?;
                    }
                }
            }
            _ => stop.await?,
        }
        let took = begun.elapsed();
        let grace = self.grace.unwrap_or(DEFAULT_STOP_GRACE).0;
        if grace.is_zero() || took < grace {
            return Ok(None);
        }
        // It may be gone by now; then nobody knows how it ended.
        let Ok(facts) = self.engine.inspect_container(self.id).await else { return Ok(None) };
        if facts.exit_code != KILLED || facts.oom_killed {
            return Ok(None);
        }
        let Subject::Container { service, name } = self.subject else { return Ok(None) };
        let seconds = took.as_secs();
        let remedy = if facts.init {
            "its program does not end on the signal to stop; let it, or set `stop_signal`"
                .to_owned()
        } else {
            format!(
                "a process 1 ignores signals that it has no handler for; `init: true` on service \
                 `{service}` gives it one that passes them on"
            )
        };
        Ok(Some(format!(
            "{name} took no notice of the signal to stop and was killed after {seconds} s: {remedy}"
        )))
    }
}
