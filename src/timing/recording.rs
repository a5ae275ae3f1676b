//! The steps of a command with their times, folded from its events.

use std::time::Duration;

use crate::event::{Action, BuildStepState, Event, Progress, Subject};

/// What a command did and when. All times are since the command began.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    steps: Vec<Step>,
    /// Where the steps of the latest plan begin: a command may carry out several, one after the
    /// other.
    plan: usize,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// About what.
    pub subject: Subject,
    /// What was done.
    pub action: Action,
    /// Why, in a few words.
    pub cause: String,
    /// The steps that had to end well before, by their places in the recording.
    pub after: Vec<usize>,
    /// When it began, if it did.
    pub begun: Option<Duration>,
    /// When it ended, well or not.
    pub ended: Option<Duration>,
    /// Whether it failed.
    pub failed: bool,
    /// What it consisted of, in no order.
    pub parts: Vec<Part>,
    /// What became visible of a container while it was waited for, in no order.
    pub marks: Vec<(Mark, Duration)>,
}

/// A part of a pull or a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which part.
    pub kind: PartKind,
    /// When it began.
    pub begun: Duration,
    /// When it ended, or was last heard of.
    pub ended: Duration,
}

/// Which part of a pull or a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// Layers come over the network.
    Download,
    /// Layers are unpacked.
    Unpack,
    /// A step of the Dockerfile.
    BuildStep {
        /// BuildKit's number for it.
        number: usize,
        /// Its name, such as `[dev 3/5] RUN npm ci`.
        name: String,
    },
}

/// Something that becomes visible of a booting container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Its first line in the log.
    FirstLine,
    /// It answers on its port.
    PortOpen,
}

impl Recording {
    /// Takes in an event that came at `now`.
    pub fn record(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Planned { steps, after, .. } => self.planned(steps, after),
            Event::Started { subject, action, cause } => {
                let next = self.steps[self.plan..].iter_mut().find(|step| {
                    step.begun.is_none() && step.subject == *subject && step.action == *action
                });
                if let Some(step) = next {
                    step.begun = Some(now);
                    step.cause.clone_from(cause);
                }
            }
            Event::Progress { subject, action, progress } => {
                if let Some(step) = self.open(subject, *action) {
                    step.progress(progress, now);
                }
            }
            Event::Finished { subject, action, .. } => {
                if let Some(step) = self.open(subject, *action) {
                    step.ended = Some(now);
                }
            }
            Event::Failed { subject, action, .. } => {
                if let Some(step) = self.open(subject, *action) {
                    step.ended = Some(now);
                    step.failed = true;
                }
            }
            Event::Blocked { .. } | Event::Warning(_) | Event::Cancelling => {}
        }
    }

    /// Ends what never ended: the command was interrupted, or another step failed.
    pub fn cut(&mut self, now: Duration) {
        for step in &mut self.steps {
            if step.begun.is_some() && step.ended.is_none() {
                step.ended = Some(now);
                step.failed = true;
            }
        }
    }

    /// Notes the first line of a container's log, `later` after its start: the line's own time is by
    /// the engine's clock, of which only the distance means anything here.
    pub fn first_line(&mut self, container: &str, later: Duration) {
        let named = |step: &&mut Step| matches!(&step.subject, Subject::Container { name, .. } if name == container);
        let mut steps: Vec<&mut Step> = self.steps.iter_mut().filter(named).collect();
        let is_start = |action| matches!(action, Action::Start | Action::Restart);
        let started = steps.iter().rfind(|step| is_start(step.action)).and_then(|step| step.ended);
        if let Some(started) = started
            && let Some(wait) = steps.iter_mut().rfind(|step| step.is_wait())
        {
            wait.marks.push((Mark::FirstLine, started + later));
        }
    }

    /// The steps, in the order of the plans.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.begun.is_none())
    }

    /// Whether all that was planned was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| step.ended.is_some() && !step.failed)
    }

    /// How long a wait's container took by itself: since the latest of its own steps that the wait
    /// needed began.
    #[must_use]
    pub fn boot(&self, wait: &Step) -> Option<Duration> {
        let own = wait.after.iter().map(|place| &self.steps[*place]);
        let begun =
            own.filter(|step| step.subject == wait.subject).filter_map(|step| step.begun).max();
        Some(wait.ended?.saturating_sub(begun.or(wait.begun)?))
    }

    fn planned(&mut self, steps: &[(Subject, Action)], after: &[Vec<usize>]) {
        let before = self.plan..self.steps.len();
        self.plan = self.steps.len();
        for (place, (subject, action)) in steps.iter().enumerate() {
            let mut needed: Vec<usize> =
                after.get(place).into_iter().flatten().map(|it| it + self.plan).collect();
            if needed.is_empty() {
                // Whatever needs nothing else of its plan still had to wait for the plan before.
                needed.extend(before.clone());
            }
            self.steps.push(Step {
                subject: subject.clone(),
                action: *action,
                cause: String::new(),
                after: needed,
                begun: None,
                ended: None,
                failed: false,
                parts: Vec::new(),
                marks: Vec::new(),
            });
        }
    }

    /// The step under way that does this.
    fn open(&mut self, subject: &Subject, action: Action) -> Option<&mut Step> {
        self.steps[self.plan..].iter_mut().find(|step| {
            step.begun.is_some()
                && step.ended.is_none()
                && step.action == action
                && step.subject == *subject
        })
    }
}

impl Step {
    /// Whether it waits for a container.
    #[must_use]
    pub fn is_wait(&self) -> bool {
        matches!(self.action, Action::Await | Action::Complete)
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        match (self.begun, self.ended) {
            (Some(begun), Some(ended)) => ended.saturating_sub(begun),
            _ => Duration::ZERO,
        }
    }

    fn progress(&mut self, progress: &Progress, now: Duration) {
        match progress {
            Progress::Layer { status, .. } => {
                if let Some(kind) = layer_part(status) {
                    self.extend(kind, now);
                }
            }
            Progress::BuildStep { number, name, state } => {
                let kind = PartKind::BuildStep { number: *number, name: name.clone() };
                match state {
                    BuildStepState::Running | BuildStepState::Failed => self.extend(kind, now),
                    // It took no time.
                    BuildStepState::Cached => {}
                    BuildStepState::Done(elapsed) => {
                        self.extend(kind, now);
                        if let Some(part) = self.parts.last_mut().filter(|part| part.begun == now) {
                            part.begun = now.saturating_sub(*elapsed);
                        }
                    }
                }
            }
            Progress::Listening => self.marks.push((Mark::PortOpen, now)),
            Progress::BuildOutput { .. } | Progress::Probe { .. } => {}
        }
    }

    fn extend(&mut self, kind: PartKind, now: Duration) {
        match self.parts.iter_mut().find(|part| part.kind == kind) {
            Some(part) => part.ended = now,
            None => self.parts.push(Part { kind, begun: now, ended: now }),
        }
    }
}

/// What a layer's status, in the engine's words, is a part of.
fn layer_part(status: &str) -> Option<PartKind> {
    match status {
        "Downloading" | "Verifying Checksum" | "Download complete" => Some(PartKind::Download),
        "Extracting" | "Pull complete" => Some(PartKind::Unpack),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;

    #[test]
    fn steps_get_the_times_of_their_events() {
        let recording = stack();
        let wait = &recording.steps()[MQ_READY];
        assert_eq!((wait.begun, wait.ended), (Some(ms(250)), Some(ms(3950))));
        assert_eq!(wait.marks, [(Mark::PortOpen, ms(3600))]);
        assert_eq!(recording.boot(wait), Some(ms(3800)));
        assert!(recording.is_complete());
    }

    #[test]
    fn a_second_plan_follows_the_first() {
        let mut recording = stack();
        let first = recording.steps().len();
        let db = container("db");
        record(
            &mut recording,
            &[
                (9000, planned(&[(&db, Action::Stop, &[])])),
                (9000, started(&db, Action::Stop)),
                (9500, finished(&db, Action::Stop)),
            ],
        );
        let stop = &recording.steps()[first];
        assert_eq!((stop.begun, stop.ended), (Some(ms(9000)), Some(ms(9500))));
        assert_eq!(stop.after, (0..first).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_cut_short_is_no_success() {
        let mut recording = Recording::default();
        let db = container("db");
        let steps = [(&db, Action::Create, &[][..]), (&db, Action::Start, &[0])];
        record(&mut recording, &[(0, planned(&steps)), (10, started(&db, Action::Create))]);
        recording.cut(ms(30));
        let [create, start] = recording.steps() else { panic!("two steps") };
        assert_eq!((create.ended, create.failed), (Some(ms(30)), true));
        assert_eq!((start.begun, start.ended), (None, None));
        assert!(!recording.is_complete());
    }

    #[test]
    fn parts_of_a_pull_and_of_a_build_are_told_apart() {
        let mut recording = Recording::default();
        let db = image("postgres:17", "db");
        let api = image("api", "api");
        record(
            &mut recording,
            &[
                (0, planned(&[(&db, Action::Pull, &[]), (&api, Action::Build, &[])])),
                (0, started(&db, Action::Pull)),
                (0, started(&api, Action::Build)),
                (100, layer(&db, "Pulling fs layer")),
                (200, layer(&db, "Downloading")),
                (900, layer(&db, "Download complete")),
                (800, layer(&db, "Extracting")),
                (1500, layer(&db, "Pull complete")),
                (100, build_step(&api, 1, BuildStepState::Cached)),
                (200, build_step(&api, 2, BuildStepState::Running)),
                (700, build_step(&api, 2, BuildStepState::Done(ms(480)))),
                // Its beginning was not heard.
                (1000, build_step(&api, 3, BuildStepState::Done(ms(300)))),
            ],
        );
        let parts = |place: usize| -> Vec<(u128, u128)> {
            let parts = recording.steps()[place].parts.iter();
            parts.map(|part| (part.begun.as_millis(), part.ended.as_millis())).collect()
        };
        assert_eq!(parts(0), [(200, 900), (800, 1500)]);
        assert_eq!(parts(1), [(200, 700), (700, 1000)]);
    }

    #[test]
    fn a_first_line_is_told_by_its_distance_from_the_start() {
        let mut recording = stack();
        recording.first_line("shop-mq-1", ms(120));
        recording.first_line("shop-other-1", ms(1));
        let marks = &recording.steps()[MQ_READY].marks;
        assert_eq!(marks, &[(Mark::PortOpen, ms(3600)), (Mark::FirstLine, ms(370))]);
    }
}
