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
    /// Stops it; tells whether it took notice. Those who wait for no more than the end of its
    /// process are told of it.
    pub(super) async fn stop(
        self,
        ended: Option<impl AsyncFnOnce()>,
    ) -> Result<Option<Deaf>, EngineError> {
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
        Ok(Some(Deaf {
            service: service.to_string(),
            container: name.clone(),
            took,
            has_init: facts.init,
        }))
    }
}

/// A container that took no notice of the signal to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deaf {
    service: String,
    container: String,
    took: std::time::Duration,
    /// Whether its process 1 is one that passes signals on.
    has_init: bool,
}

/// What a person should know of them: a sentence for each remedy. Pure.
pub(super) fn warnings(deaf: &[Deaf]) -> Vec<String> {
    let mut warnings = Vec::new();
    for has_init in [false, true] {
        let mut deaf: Vec<&Deaf> = deaf.iter().filter(|it| it.has_init == has_init).collect();
        deaf.sort_by(|a, b| a.container.cmp(&b.container));
        let Some(seconds) = deaf.iter().map(|it| it.took.as_secs()).max() else { continue };
        let names = listed(deaf.iter().map(|it| it.container.clone()));
        let were = if deaf.len() == 1 { "was" } else { "were" };
        let remedy = if has_init {
            let whose = if deaf.len() == 1 { "its program does" } else { "their programs do" };
            format!("{whose} not end on the signal to stop; let it, or set `stop_signal`")
        } else {
            let mut services: Vec<String> =
                deaf.iter().map(|it| format!("`{}`", it.service)).collect();
            services.dedup();
            let noun = if services.len() == 1 { "service" } else { "services" };
            format!(
                "the first process of a container gets no signals but those that it handles; \
                 `init: true` on {noun} {} runs a process before it that passes them on",
                listed(services.into_iter())
            )
        };
        warnings.push(format!(
            "{names} took no notice of the signal to stop and {were} killed after {seconds} s: {remedy}"
        ));
    }
    warnings
}

/// `a, b and c`.
fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
