//! The steps of a build as BuildKit tells of them.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use regex::Regex;

use crate::engine::ProgressSink;
use crate::engine::error::{BuildFailure, EngineErrorKind, classify_message};
use crate::event::{BuildStepState, Progress};

/// Lines of a failed step that an error keeps.
const OUTPUT_LINES: usize = 30;

/// BuildKit's vertexes, numbered as they appear.
#[derive(Debug, Default)]
pub(super) struct Steps {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    states: Vec<Option<BuildStepState>>,
    output: Vec<Vec<String>>,
    errors: Vec<Option<String>>,
}

impl Steps {
    /// Takes in what BuildKit tells, and hands it on.
    pub(super) fn follow(&mut self, status: &StatusResponse, progress: &ProgressSink) {
        for vertex in &status.vertexes {
            let number = self.number(&vertex.digest, &vertex.name);
            if !vertex.error.is_empty() {
                self.errors[number - 1] = Some(vertex.error.clone());
            }
            let Some(state) = state(vertex) else { continue };
            if self.states[number - 1] == Some(state) || is_internal(&vertex.name) {
                continue;
            }
            self.states[number - 1] = Some(state);
            progress(Progress::BuildStep { number, name: vertex.name.clone(), state });
        }
        for log in &status.logs {
            let Some(&number) = self.numbers.get(&log.vertex) else { continue };
            for line in String::from_utf8_lossy(&log.msg).lines() {
                let kept = &mut self.output[number - 1];
                if kept.len() == OUTPUT_LINES {
                    kept.remove(0);
                }
                kept.push(line.to_owned());
                progress(Progress::BuildOutput { number, line: line.to_owned() });
            }
        }
    }

    fn number(&mut self, digest: &str, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(digest) {
            return number;
        }
        self.names.push(name.to_owned());
        self.states.push(None);
        self.output.push(Vec::new());
        self.errors.push(None);
        self.numbers.insert(digest.to_owned(), self.names.len());
        self.names.len()
    }

    /// What a build failed with, of which the engine says this.
    pub(super) fn failure(&self, message: &str) -> EngineErrorKind {
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let kind @ EngineErrorKind::NoSpace(_) = classify_message(None, &message) {
            return kind;
        }
        let message = message.strip_prefix("failed to solve: ").unwrap_or(&message);
        let failed = self.failed(message);
        let (message, meant) = plain(message);
        EngineErrorKind::Build(Box::new(BuildFailure {
            step: failed.map(|index| self.names[index].clone()),
            output: failed.map(|index| self.output[index].clone()).unwrap_or_default(),
            message,
            meant,
            instruction: None,
        }))
    }

    /// The step that failed, of all that ended with an error: those that ran beside it were
    /// cancelled.
    fn failed(&self, message: &str) -> Option<usize> {
        // The message has the words of a step on one line.
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let message = squeezed(message);
        let error = |index: &usize| self.errors[*index].as_deref();
        let told = |index: &usize| error(index).is_some_and(|it| message.contains(&squeezed(it)));
        let own = |index: &usize| error(index).is_some_and(|error| !is_cancelled(error));
        let mut steps = 0..self.errors.len();
        steps.clone().find(told).or_else(|| steps.find(own))
    }
}

/// BuildKit's words without what it calls things in its own store, nor the whole of a command: the
/// step's name has that. Apart, what it takes for meant.
fn plain(message: &str) -> (String, Option<String>) {
    static WORDS: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
        let regex = |text| Regex::new(text).expect("a pattern without variable parts");
        [
            // Engine 20.10 names its own parts before the cause.
            (
                regex(
                    r"^failed to solve with frontend \S+: (?:failed to create LLB definition: |failed to solve with frontend \S+: |failed to build LLB: )*",
                ),
                "",
            ),
            (
                regex(
                    r#"^(?:process ".*" did not complete successfully|executor failed running \[.*\]): exit code: (\d+)"#,
                ),
                "exit code $1",
            ),
            (regex(r"\bUnknown (flag|instruction): "), "unknown $1: "),
            (
                regex(r#"^failed to compute cache key: ("\S+") not found: not found"#),
                "$1: not found",
            ),
            (regex(r"^failed to compute cache key: failed to calculate checksum of ref \S+: "), ""),
            (
                regex(
                    r"^(?:failed to compute cache key: )?lstat \S*/buildkit-mount\d+(\S*): no such file or directory",
                ),
                "\"$1\": not found",
            ),
        ]
    });
    static MEANT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r" \(did you mean ([^?]+)\?\)$").expect("a pattern without variable parts")
    });
    let meant = MEANT.captures(message).map(|captures| captures[1].to_owned());
    let mut words = MEANT.replace(message, "").into_owned();
    for (pattern, short) in WORDS.iter() {
        words = pattern.replace(&words, *short).into_owned();
    }
    (words, meant)
}

fn state(vertex: &Vertex) -> Option<BuildStepState> {
    match (&vertex.started, &vertex.completed) {
        _ if is_cancelled(&vertex.error) => None,
        _ if !vertex.error.is_empty() => Some(BuildStepState::Failed),
        _ if vertex.cached => Some(BuildStepState::Cached),
        (Some(started), Some(completed)) => {
            let nanoseconds =
                |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            let elapsed = nanoseconds(completed.seconds, completed.nanos)
                - nanoseconds(started.seconds, started.nanos);
            let elapsed = u64::try_from(elapsed).unwrap_or_default();
            Some(BuildStepState::Done(Duration::from_nanos(elapsed)))
        }
        (Some(_), None) => Some(BuildStepState::Running),
        (None, _) => None,
    }
}

/// Whether a step was given up because another one failed.
fn is_cancelled(error: &str) -> bool {
    error.ends_with("context canceled")
}

/// Steps that BuildKit takes for itself and that tell a person nothing.
fn is_internal(name: &str) -> bool {
    name.starts_with("[internal]") || name == "copy /context /"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bollard::moby::buildkit::v1::VertexLog;

    use super::*;

    fn vertex(digest: &str, name: &str, error: &str) -> Vertex {
        Vertex {
            digest: digest.to_owned(),
            name: name.to_owned(),
            error: error.to_owned(),
            ..Vertex::default()
        }
    }

    #[test]
    fn the_step_that_failed_is_told_and_not_one_that_was_cancelled() {
        let mut steps = Steps::default();
        let error = "process \"/bin/sh -c make\" did not complete successfully: exit code: 2";
        let log = |vertex: &str, text: &str| VertexLog {
            vertex: vertex.to_owned(),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        };
        let status = StatusResponse {
            vertexes: vec![
                vertex("a", "[deps 2/2] RUN sleep 9", "context canceled"),
                vertex("b", "[dev 2/2] RUN make", error),
            ],
            logs: vec![log("a", "asleep\n"), log("b", "make: no rule\nmake: stop\n")],
            ..StatusResponse::default()
        };
        let progress: ProgressSink = Arc::new(|_| {});
        steps.follow(&status, &progress);
        let EngineErrorKind::Build(failure) = steps.failure(&format!("failed to solve: {error}"))
        else {
            panic!("it is a failed build");
        };
        assert_eq!(failure.step.as_deref(), Some("[dev 2/2] RUN make"));
        assert_eq!(failure.output, ["make: no rule", "make: stop"]);
        assert_eq!(failure.message, "exit code 2");
    }

    #[test]
    fn words_are_told_without_the_builders_own_names() {
        for (words, message, meant) in [
            (
                "failed to compute cache key: failed to calculate checksum of ref 5-a::b: \"/x\": not found",
                "\"/x\": not found",
                None,
            ),
            (
                "lstat /var/lib/docker/tmp/buildkit-mount175/a/x: no such file or directory",
                "\"/a/x\": not found",
                None,
            ),
            (
                "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: Unknown flag: chmood",
                "dockerfile parse error line 2: unknown flag: chmood",
                None,
            ),
            (
                "executor failed running [/bin/sh -c make && exit 6]: exit code: 6",
                "exit code 6",
                None,
            ),
            (
                "failed to compute cache key: \"/gone.txt\" not found: not found",
                "\"/gone.txt\": not found",
                None,
            ),
            (
                "dockerfile parse error on line 3: unknown instruction: COPPY (did you mean COPY?)",
                "dockerfile parse error on line 3: unknown instruction: COPPY",
                Some("COPY"),
            ),
        ] {
            let EngineErrorKind::Build(failure) = Steps::default().failure(words) else {
                panic!("it is a failed build");
            };
            assert_eq!((failure.message.as_str(), failure.meant.as_deref()), (message, meant));
        }
        let full = Steps::default().failure("write /x: no space left on device");
        assert!(matches!(full, EngineErrorKind::NoSpace(_)), "{full}");
    }
}
