//! A build as plain lines: its steps as they end, cached ones counted, and of a failed one what
//! it printed last. Pure.

use std::collections::{BTreeMap, VecDeque};
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
    output: VecDeque<String>,
}

/// So much of a failed step's output is shown.
const LAST_LINES: usize = 30;
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
            lines.extend(step.output.iter().map(|line| format!("  | {line}")));
        }
        lines
    }

    /// Takes in a line that a step printed.
    pub(crate) fn output(&mut self, number: usize, line: &str) {
        let output = &mut self.steps.entry(number).or_default().output;
        if output.len() == LAST_LINES {
            output.pop_front();
        }
        // Of a line that redraws itself, the last picture counts.
        let line = line.trim_end_matches(['\r', '\n']);
        let line = line.rsplit('\r').next().unwrap_or(line);
        let stripped = console::strip_ansi_codes(line);
        output.push_back(stripped.replace('\t', "    ").replace(char::is_control, ""));
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
        use BuildStepState::{Cached, Done, Running};
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
        lines.extend(build.finish());
        assert_eq!(
            lines,
            [
                "build: 2 steps cached",
                "[dev 2/4] WORKDIR /app (60ms)",
                "[deps 3/3] RUN npm ci",
                "[deps 3/3] RUN npm ci (4.9s)",
                "build: 1 step cached",
            ]
        );
    }

    #[test]
    fn only_a_failed_step_shows_its_output_and_only_the_end_of_it() {
        let mut build = BuildLines::default();
        build.step(1, "[1/1] RUN make", BuildStepState::Running, ms(0));
        for n in 1..=100 {
            build.output(1, &format!("\u{1b}[32mline\u{1b}[0m {n}\n"));
        }
        build.output(1, "10%\r50%\r\tdone\r\n");
        let lines = build.step(1, "", BuildStepState::Failed, ms(50));
        assert_eq!(lines.len(), 31);
        assert_eq!(lines[0], "[1/1] RUN make failed");
        assert_eq!(lines[1], "  | line 72");
        assert_eq!(lines[30], "  |     done");
    }
}
