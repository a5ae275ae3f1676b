//! What a reload runner says of starts that fail. Its container runs on, whatever the application
//! does, so that only its log tells that nothing will come of a wait.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::probing::Finding;
use crate::engine::Engine;
use crate::project::Reload;
use crate::state::{ContainerId, ContainerSpec};

/// A start that goes well takes about as long: before, its log is not asked for.
const QUIET: Duration = Duration::from_secs(1);

/// What the log has already comes at once: the last word in it is the one that counts.
const SETTLED: Duration = Duration::from_millis(100);

/// After so many starts that failed it counts as failing, not as starting.
const MOST: u32 = 3;

/// How the words about a start that failed begin.
const FAILURES: [&str; 5] =
    ["does not compile", "does not start", "is not installed", "ended with", "the application "];

/// Resolves when nothing but a changed file will start the application, or it has failed several
/// times, with the reason. Tells of each failure. `whole_log` says that all of the log is of its
/// present start.
pub(super) async fn given_up<E: Engine>(
    engine: &E,
    id: &ContainerId,
    spec: &ContainerSpec,
    whole_log: bool,
    tell: impl Fn(Finding),
) -> String {
    if spec.service.reload.as_ref().is_some_and(Reload::has_runner) {
        tokio::time::sleep(QUIET).await;
        if let Some(reason) = follow(engine, id, whole_log, tell).await {
            return reason;
        }
    }
    // Whatever else there is to know, others see it.
    std::future::pending().await
}

/// Why the newest code of a service with a runner does not run, in the runner's words; `None` when it
/// does. Pure.
#[must_use]
pub fn complaint<'l>(log: impl IntoIterator<Item = &'l str>) -> Option<String> {
    let mut attempts = Attempts::default();
    log.into_iter().for_each(|line| attempts.hear(line));
    attempts.problem
}

async fn follow<E: Engine>(
    engine: &E,
    id: &ContainerId,
    whole_log: bool,
    tell: impl Fn(Finding),
) -> Option<String> {
    let since =
        if whole_log { None } else { Some(engine.inspect_container(id).await.ok()?.started_at) };
    let mut lines = engine.follow_log(id, since);
    let mut attempts = Attempts::default();
    let mut told = None;
    loop {
        let next = tokio::time::timeout(SETTLED, lines.next());
        let line = match next.await {
            Ok(line) => line,
            Err(_) if attempts.are_over() => return attempts.problem,
            Err(_) => {
                if let Some(problem) = &attempts.problem
                    && told != attempts.problem
                {
                    tell(Finding::State(problem.clone()));
                    told = Some(problem.clone());
                }
                lines.next().await
            }
        };
        attempts.hear(&line?.ok()?.1);
    }
}

/// The starts so far.
#[derive(Debug, Default)]
struct Attempts {
    /// How many have failed since one went well.
    failed: u32,
    /// Why the last one has.
    problem: Option<String>,
    /// Whether the next one needs a changed file.
    stuck: bool,
}

impl Attempts {
    fn are_over(&self) -> bool {
        self.problem.is_some() && (self.stuck || self.failed >= MOST)
    }

    fn hear(&mut self, line: &str) {
        let Some(word) = line.strip_prefix("devstack: ") else { return };
        let begins = |with: &[&str]| with.iter().any(|with| word.starts_with(with));
        if begins(&["started in", "reloaded in", "the error is gone"]) {
            *self = Self::default();
        } else if begins(&["starts", "reloading"]) {
            self.stuck = false;
        } else if begins(&FAILURES) {
            self.failed += 1;
            // The runner for any language adds what follows.
            let problem = word.split(": it starts again").next().unwrap_or(word);
            self.problem = Some(problem.to_owned());
        }
        self.stuck |= word.contains("it starts again when a file changes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_stands_until_newer_code_runs() {
        let fails = "devstack: does not compile: src/a.ts:1:2: Unexpected token";
        let cases: [(&[&str], Option<&str>); 4] = [
            (&["hello", "devstack: started in 20 ms (compile 5 ms, start 15 ms)"], None),
            (
                &[
                    "devstack: started in 20 ms",
                    fails,
                    "devstack: the version before goes on serving",
                ],
                Some("does not compile: src/a.ts:1:2: Unexpected token"),
            ),
            (&[fails, "devstack: reloaded in 9 ms (compile 4 ms, start 5 ms) src/a.ts"], None),
            (&[fails, "devstack: the error is gone; the running version is the current one"], None),
        ];
        for (log, expected) in cases {
            assert_eq!(complaint(log.iter().copied()).as_deref(), expected, "{log:?}");
        }
    }

    #[test]
    fn the_last_word_counts() {
        let cases: [(&[&str], Option<&str>); 9] = [
            (&["hello", "devstack: waits for db"], None),
            (
                &[
                    "devstack: does not compile: src/a.ts:1:2: Unexpected token",
                    "> 1 | oops",
                    "devstack: nothing serves: it starts again when a file changes",
                ],
                Some("does not compile: src/a.ts:1:2: Unexpected token"),
            ),
            (
                &[
                    "devstack: does not start: no database",
                    "devstack: nothing serves",
                    "devstack: it starts again in 0.5 s, or when a file changes",
                ],
                None,
            ),
            (
                &[
                    "devstack: does not start: one",
                    "devstack: does not start: two",
                    "devstack: does not start: three",
                ],
                Some("does not start: three"),
            ),
            (
                &["devstack: does not start: one", "devstack: it starts again when a file changes"],
                Some("does not start: one"),
            ),
            (
                &[
                    "devstack: does not start: one",
                    "devstack: it starts again when a file changes",
                    "devstack: started in 80 ms (compile 20, start 60)",
                ],
                None,
            ),
            (
                &["devstack: ended with exit code 1: it starts again when a file changes"],
                Some("ended with exit code 1"),
            ),
            (
                &[
                    "devstack: ended with exit code 1: it starts again when a file changes",
                    "devstack: a file changed",
                    "devstack: starts again",
                ],
                None,
            ),
            (
                &["it starts again when a file changes", "ended with exit code 1: says the app"],
                None,
            ),
        ];
        for (lines, expected) in cases {
            let mut attempts = Attempts::default();
            for line in lines {
                attempts.hear(line);
            }
            let reason = attempts.are_over().then_some(attempts.problem).flatten();
            assert_eq!(reason.as_deref(), expected, "{lines:#?}");
        }
    }
}
