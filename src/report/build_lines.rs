//! A build as plain lines: its steps as they end, cached ones counted. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::build::is_internal;
use super::wording;
use crate::event::BuildStepState;

/// What is known of one build.
#[derive(Debug, Default)]
pub(crate) struct BuildLines {
    steps: BTreeMap<usize, Step>,
    /// Cached steps that no line has counted.
    cached: usize,
}

#[derive(Debug, Default)]
struct Step {
    name: String,
    /// Since when it runs, unless it was said that it does.
    unsaid: Option<Duration>,
}

/// Columns of a step's name; the Dockerfile has the rest.
const LONGEST_NAME: usize = 100;
/// A step that ends sooner has a line for its end only.
const SLOW: Duration = Duration::from_secs(1);

impl BuildLines {
    /// Takes in what became of a step, and returns the lines that say so.
    pub(crate) fn step(
        &mut self,
        number: usize,
        name: &str,
        state: BuildStepState,
        now: Duration,
    ) -> Vec<String> {
        let step = self.steps.entry(number).or_default();
        if !name.is_empty() {
            step.name = wording::shortened(&wording::one_line(name), LONGEST_NAME);
        }
        match state {
            BuildStepState::Running => {
                step.unsaid.get_or_insert(now);
                return Vec::new();
            }
            BuildStepState::Cached => {
                self.cached += usize::from(!is_internal(&step.name));
                self.steps.remove(&number);
                return Vec::new();
            }
            BuildStepState::Done(_) | BuildStepState::Failed => {}
        }
        let Some(step) = self.steps.remove(&number) else { return Vec::new() };
        let mut lines = Vec::new();
        if let BuildStepState::Done(elapsed) = state {
            if !is_internal(&step.name) {
                lines.extend(self.take_cached());
                lines.push(format!("{} ({})", step.name, wording::duration(elapsed)));
            }
        } else {
            lines.extend(self.take_cached());
            lines.push(format!("{} failed", step.name));
        }
        lines
    }

    /// Returns a line for each step that turns out to take its time.
    pub(crate) fn slow(&mut self, now: Duration) -> Vec<String> {
        let slow = |step: &mut Step| {
            let slow = |since: &mut Duration| now.saturating_sub(*since) >= SLOW;
            step.unsaid.take_if(slow).is_some() && !is_internal(&step.name)
        };
        let names: Vec<_> = self
            .steps
            .values_mut()
            .filter_map(|step| slow(step).then(|| step.name.clone()))
            .collect();
        if names.is_empty() { names } else { self.take_cached().into_iter().chain(names).collect() }
    }

    /// Returns what is left to say at the end.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.take_cached().into_iter().collect()
    }

    fn take_cached(&mut self) -> Option<String> {
        let cached = std::mem::take(&mut self.cached);
        (cached > 0).then(|| format!("build: {} cached", wording::count(cached, "step")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn steps_have_a_line_at_their_end_and_slow_ones_at_their_start() {
        use BuildStepState::{Cached, Done, Failed, Running};
        let mut build = BuildLines::default();
        let mut lines = Vec::new();
        let mut step = |at, number, name, state| {
            lines.extend(build.slow(ms(at)));
            lines.extend(build.step(number, name, state, ms(at)));
        };
        step(0, 1, "[internal] load build definition from Dockerfile", Running);
        step(10, 1, "[internal] load build definition from Dockerfile", Done(ms(10)));
        step(20, 2, "[deps 1/3] FROM node:24", Cached);
        step(20, 3, "[deps 2/3] COPY package.json ./", Cached);
        step(30, 4, "[deps 3/3] RUN npm ci", Running);
        step(30, 5, "[dev 2/4] WORKDIR /app", Running);
        step(90, 5, "[dev 2/4] WORKDIR /app", Done(ms(60)));
        step(5000, 4, "[deps 3/3] RUN npm ci", Done(ms(4970)));
        step(5010, 6, "[dev 4/4] COPY . .", Cached);
        step(5020, 7, "[test 1/1] RUN exit 1", Running);
        step(5030, 7, "", Failed);
        step(5040, 8, "[test 1/1] COPY . .", Cached);
        lines.extend(build.finish());
        assert_eq!(
            lines,
            [
                "build: 2 steps cached",
                "[dev 2/4] WORKDIR /app (60ms)",
                "[deps 3/3] RUN npm ci",
                "[deps 3/3] RUN npm ci (4.9s)",
                "build: 1 step cached",
                "[test 1/1] RUN exit 1 failed",
                "build: 1 step cached",
            ]
        );
    }
}
