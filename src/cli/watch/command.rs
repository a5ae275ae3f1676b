//! Has the reload runner for any language start its command again: by a signal, and by its lines in
//! the container's log, which say what becomes of it.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::act::Shared;
use crate::cli::error::{CliError, Problem};
use crate::cli::following::Told;
use crate::cli::log_reader::{Lines, stream};
use crate::cli::scope::desired;
use crate::engine::{Engine as _, LogsRequest};
use crate::execute::probe_once;
use crate::logs::LogLine;
use crate::state::{ContainerSpec, ObservedContainer};

/// The signal by which the runner is told.
const SIGNAL: &str = "SIGUSR2";

/// How long a runner may take to say that it has heard.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command without any check has started when it is still there after this time.
const SETTLED: Duration = Duration::from_millis(300);

/// Time between two questions whether it can be used.
const PACE: Duration = Duration::from_millis(25);

/// Longest time until it can be used, when the service says nothing.
const LIMIT: Duration = Duration::from_mins(1);

/// Lines of its output that a failure is told with.
const LINES: usize = 20;

/// What became of it.
pub(super) enum Reloaded {
    /// The newest version runs; what that took.
    Live(Vec<(&'static str, Duration)>),
    /// It does not.
    Failed(Failure),
    /// It is out of date already.
    Cancelled,
}

/// Why the newest version does not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What failed.
    pub(super) what: &'static str,
    /// Why.
    pub(super) reason: String,
    /// The last lines of its output.
    pub(super) output: Vec<String>,
    /// Whether the version before goes on.
    pub(super) serving: bool,
}

/// Tells the runner of a container, and waits for what becomes of it.
pub(super) async fn reload(
    shared: &Shared,
    container: &ObservedContainer,
    compiles: bool,
    cancel: &CancellationToken,
) -> Result<Reloaded, CliError> {
    let engine = &shared.engine;
    let told = Told::of(container);
    let read = |request| stream(engine, &container.id, told.source(&shared.project.name), &request);
    // What is in the log by now has nothing to do with it.
    let last = read(LogsRequest { tail: Some(1), ..LogsRequest::default() }).next().await;
    let last = last.transpose()?.map(|line| line.timestamp);
    engine.kill_container(&container.id, SIGNAL).await?;
    let since = last.map(OffsetDateTime::unix_timestamp);
    let mut lines = read(LogsRequest { follow: true, since, ..LogsRequest::default() });
    let mut hearing = Hearing { compiles, ..Hearing::default() };
    let patience = sleep_until(Instant::now() + PATIENCE);
    tokio::pin!(patience);
    loop {
        tokio::select! {
            // Whoever comes later can tell its own answer from this one's.
            () = cancel.cancelled(), if hearing.heard.is_some() => return Ok(Reloaded::Cancelled),
            () = &mut patience, if hearing.heard.is_none() => {
                return Err(CliError::other(
                    "its reload runner takes no notice",
                    "`devstack up --force-recreate` makes its container anew",
                ));
            }
            line = next(&mut lines, last) => match hearing.take_in(&line?) {
                None => {}
                Some(Word::Failed(failure)) => return Ok(Reloaded::Failed(failure)),
                Some(Word::Started) => break,
            },
        }
    }
    let began = Instant::now();
    let usable = usable(shared, container);
    tokio::pin!(usable);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Reloaded::Cancelled),
            line = next(&mut lines, last) => {
                if let Some(Word::Failed(failure)) = hearing.take_in(&line?) {
                    return Ok(Reloaded::Failed(failure));
                }
            }
            usable = &mut usable => {
                let mut parts = hearing.parts;
                parts.push(("start", began.elapsed()));
                return Ok(match usable? {
                    Ok(()) => Reloaded::Live(parts),
                    Err(reason) => Reloaded::Failed(hearing.output.failure("start", reason, false)),
                });
            }
        }
    }
}

/// The next line after a time. A log that ends is that of a container that has ended.
async fn next(lines: &mut Lines, after: Option<OffsetDateTime>) -> Result<LogLine, CliError> {
    while let Some(line) = lines.next().await {
        let line = line?;
        if after.is_none_or(|after| line.timestamp > after) {
            return Ok(line);
        }
    }
    Err(Problem::Other { message: "its container has ended".to_owned(), hint: None }.into())
}

/// Resolves when the service can be used as its file says, or with what it says instead.
async fn usable(
    shared: &Shared,
    container: &ObservedContainer,
) -> Result<Result<(), String>, CliError> {
    let desired = desired(&shared.project);
    let number = container.number();
    let spec = desired.containers.iter().find(|spec| {
        Some(&spec.service.name) == container.service().as_ref() && spec.number == number
    });
    let Some(spec) = spec.filter(|spec| has_probes(spec)) else {
        sleep(SETTLED).await;
        return Ok(Ok(()));
    };
    let own = spec.service.ready.as_ref().and_then(|ready| ready.timeout);
    let limit = own.map_or(LIMIT, |timeout| timeout.0);
    let end = Instant::now() + limit;
    loop {
        match probe_once(&*shared.engine, &container.id, spec).await? {
            None | Some(Ok(())) => return Ok(Ok(())),
            Some(Err(state)) if Instant::now() >= end => {
                return Ok(Err(format!("not ready after {} s: {state}", limit.as_secs())));
            }
            Some(Err(_)) => sleep(PACE).await,
        }
    }
}

fn has_probes(spec: &ContainerSpec) -> bool {
    spec.service.ready.as_ref().is_some_and(|ready| !ready.probes.is_empty())
}

/// What the lines of a runner say about one change.
#[derive(Debug, Default)]
struct Hearing {
    /// Whether something is compiled first.
    compiles: bool,
    /// When the runner heard of the change.
    heard: Option<OffsetDateTime>,
    /// When the code of the change was compiled.
    compiled: Option<OffsetDateTime>,
    /// When the newest version was begun.
    started: Option<OffsetDateTime>,
    parts: Vec<(&'static str, Duration)>,
    output: Output,
}

/// A word of the runner that decides something.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Started,
    Failed(Failure),
}

/// The last lines of a command.
#[derive(Debug, Default)]
struct Output(VecDeque<String>);

impl Hearing {
    fn take_in(&mut self, line: &LogLine) -> Option<Word> {
        self.hear(line.timestamp, String::from_utf8_lossy(&line.bytes).trim_end())
    }

    fn hear(&mut self, at: OffsetDateTime, line: &str) -> Option<Word> {
        let Some(word) = line.strip_prefix("devstack: ") else {
            self.output.push(line);
            return None;
        };
        if word == "a file changed" {
            self.heard.get_or_insert(at);
            self.output.0.clear();
            return None;
        }
        let heard = self.heard?;
        if word == "compiled" {
            self.parts = vec![("compile", between(heard, at))];
            self.compiled = Some(at);
            self.output.0.clear();
        } else if let Some(reason) = word.strip_prefix("does not compile (") {
            let serving = reason.ends_with("goes on running");
            let reason = reason.split(')').next().unwrap_or(reason).to_owned();
            return Some(Word::Failed(self.output.failure("compile", reason, serving)));
        } else if word == "starts again" && (!self.compiles || self.compiled.is_some()) {
            self.parts.push(("stop", between(self.compiled.unwrap_or(heard), at)));
            self.started = Some(at);
            self.output.0.clear();
            return Some(Word::Started);
        } else if let Some(rest) = word.strip_prefix("ended with exit code ")
            && self.started.is_some()
        {
            let code = rest.split(':').next().unwrap_or(rest);
            let reason = format!("it ended with exit code {code}");
            return Some(Word::Failed(self.output.failure("start", reason, false)));
        }
        None
    }
}

impl Output {
    fn push(&mut self, line: &str) {
        self.0.push_back(line.to_owned());
        if self.0.len() > LINES {
            self.0.pop_front();
        }
    }

    fn failure(&self, what: &'static str, reason: String, serving: bool) -> Failure {
        Failure { what, reason, output: self.0.iter().cloned().collect(), serving }
    }
}

fn between(earlier: OffsetDateTime, later: OffsetDateTime) -> Duration {
    (later - earlier).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard of lines that come 10 ms apart.
    fn heard(compiles: bool, lines: &[&str]) -> (Vec<Word>, Vec<(&'static str, u128)>) {
        let mut hearing = Hearing { compiles, ..Hearing::default() };
        let mut at = OffsetDateTime::UNIX_EPOCH;
        let words = lines.iter().filter_map(|line| {
            at += Duration::from_millis(10);
            hearing.hear(at, line)
        });
        let words = words.collect();
        let parts = hearing.parts.iter().map(|(part, took)| (*part, took.as_millis()));
        (words, parts.collect())
    }

    fn failure(what: &'static str, reason: &str, output: &[&str], serving: bool) -> Word {
        let output = output.iter().map(ToString::to_string).collect();
        Word::Failed(Failure { what, reason: reason.to_owned(), output, serving })
    }

    #[test]
    fn a_start_counts_only_after_the_runner_has_heard() {
        let lines = ["devstack: starts again", "devstack: a file changed", "bye"];
        assert_eq!(heard(false, &lines), (vec![], vec![]));
        let lines = [&lines[..], &["devstack: starts again", "hello"]].concat();
        assert_eq!(heard(false, &lines), (vec![Word::Started], vec![("stop", 20)]));
    }

    #[test]
    fn what_was_compiled_before_the_change_does_not_count() {
        let lines = [
            "devstack: compiled",
            "devstack: a file changed",
            "devstack: starts again",
            "devstack: compiled, before the last change",
            "devstack: starts again",
            "devstack: compiled",
            "devstack: starts again",
        ];
        let parts = vec![("compile", 40), ("stop", 10)];
        assert_eq!(heard(true, &lines), (vec![Word::Started], parts));
    }

    #[test]
    fn failures_come_with_what_was_printed_since() {
        let lines = [
            "old line",
            "devstack: a file changed",
            "main.go:3: undefined: x",
            "devstack: does not compile (exit code 1): the version before goes on running",
        ];
        let expected = failure("compile", "exit code 1", &["main.go:3: undefined: x"], true);
        assert_eq!(heard(true, &lines).0, [expected]);
        let lines = [
            "devstack: a file changed",
            "devstack: does not compile (exit code 2): it starts again when a file changes",
        ];
        assert_eq!(heard(true, &lines).0, [failure("compile", "exit code 2", &[], false)]);
        let lines = [
            "devstack: a file changed",
            "devstack: ended with exit code 7: it starts again in 1 s, or when a file changes",
            "devstack: starts again",
            "SyntaxError",
            "devstack: ended with exit code 1: it starts again when a file changes",
        ];
        let expected = failure("start", "it ended with exit code 1", &["SyntaxError"], false);
        assert_eq!(heard(false, &lines).0, [Word::Started, expected]);
    }
}
