//! Which step of an image build to show: builds run several at once. Pure.

use std::time::Duration;

use super::wording;
use crate::event::BuildStepState;

/// The running steps of one build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    running: Vec<Step>,
    last: Option<Step>,
}

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    number: usize,
    internal: bool,
    /// Its name, such as `[dev 3/5] RUN npm ci`.
    pub(crate) name: String,
    /// When it began.
    pub(crate) since: Duration,
}

impl Build {
    /// Takes in what became of a step.
    pub(crate) fn update(
        &mut self,
        number: usize,
        name: &str,
        state: BuildStepState,
        now: Duration,
    ) {
        if state == BuildStepState::Running {
            if self.running.iter().all(|step| step.number != number) {
                let internal = is_internal(name);
                let name = wording::one_line(name.trim_start_matches(INTERNAL)).into_owned();
                self.running.push(Step { number, name, internal, since: now });
            }
        } else {
            self.running.retain(|step| step.number != number);
        }
        // The last one stays until another runs: a gap of some milliseconds is not worth a word.
        self.last = self.current().cloned();
    }

    /// The step to show: the oldest that runs, so that the line changes as rarely as can be.
    pub(crate) fn current(&self) -> Option<&Step> {
        let telling = self.running.iter().find(|step| !step.internal);
        telling.or(self.running.first()).or(self.last.as_ref())
    }
}

const INTERNAL: &str = "[internal] ";

/// Whether a step is BuildKit's own housekeeping, such as reading the Dockerfile.
pub(crate) fn is_internal(name: &str) -> bool {
    name.starts_with(INTERNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_running_step_of_the_dockerfile_is_shown() {
        let mut build = Build::default();
        assert_eq!(build.current(), None);
        let (running, done) = (BuildStepState::Running, BuildStepState::Done(Duration::ZERO));
        let script = [
            (1, "[internal] load build definition", running, 0, "load build definition", 0),
            (2, "[deps 2/4] COPY package.json .", running, 1, "[deps 2/4] COPY package.json .", 1),
            (3, "[dev 2/5] WORKDIR /app", running, 2, "[deps 2/4] COPY package.json .", 1),
            (2, "[deps 2/4] COPY package.json .", done, 3, "[dev 2/5] WORKDIR /app", 2),
            (1, "[internal] load build definition", done, 3, "[dev 2/5] WORKDIR /app", 2),
            (3, "[dev 2/5] WORKDIR /app", done, 4, "[dev 2/5] WORKDIR /app", 2),
            (4, "[dev 3/5] RUN npm ci", running, 5, "[dev 3/5] RUN npm ci", 5),
        ];
        for (number, name, state, now, shown, since) in script {
            build.update(number, name, state, Duration::from_secs(now));
            let current = build.current().map(|step| (step.name.as_str(), step.since.as_secs()));
            assert_eq!(current, Some((shown, since)), "after {name}");
        }
    }
}
