//! Earlier runs of a project, and what has become slower. A history is lines of JSON, one for each
//! run, the latest last.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::recording::Recording;
use crate::event::{Action, Subject};

/// Runs that are kept.
const KEPT: usize = 50;

/// So many earlier runs of the same kind make a median that can be trusted.
const ENOUGH: usize = 3;

/// Slower by this much at least: machines are not that even.
const NOTICEABLE: Duration = Duration::from_millis(500);

/// One command that started containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it began, in seconds since 1970.
    pub at: i64,
    /// The verb, such as `up`.
    pub command: String,
    /// How long it took, in milliseconds.
    pub total_ms: u64,
    /// The containers' boots, the slowest of each service.
    pub services: IndexMap<String, Boot>,
}

/// How a service came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// From its own start until it was ready, in milliseconds.
    pub ms: u64,
    /// What it began with: boots of different kinds are not compared.
    pub from: From,
}

/// What a boot began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// A new container, and the project got new volumes.
    Nothing,
    /// A new container with the data that was there.
    Data,
    /// A container that had been stopped.
    Container,
}

/// Earlier runs, the latest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The runs.
    pub runs: Vec<Run>,
}

/// A service that took longer than it usually does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slower {
    /// Which.
    pub service: String,
    /// How long it took.
    pub took: Duration,
    /// Its median over earlier boots of the same kind.
    pub median: Duration,
    /// How many those were.
    pub runs: usize,
}

/// How long a service usually takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    /// Which.
    pub service: String,
    /// Its latest boot.
    pub last: Boot,
    /// The median of all boots of that kind, the latest included, in milliseconds.
    pub median_ms: u64,
    /// The quickest of them, in milliseconds.
    pub least_ms: u64,
    /// The slowest of them, in milliseconds.
    pub most_ms: u64,
    /// How many those are.
    pub runs: usize,
}

impl Run {
    /// Sums a recording up; `None` when no container was waited for, or when not all went well.
    #[must_use]
    pub fn of(recording: &Recording, command: &str, at: i64, total: Duration) -> Option<Self> {
        if !recording.is_complete() {
            return None;
        }
        let steps = recording.steps();
        let makes = |action, wanted: &dyn Fn(&Subject) -> bool| {
            steps.iter().any(|step| step.action == action && wanted(&step.subject))
        };
        let fresh = makes(Action::Create, &|subject| matches!(subject, Subject::Volume(_)));
        let mut services: IndexMap<String, Boot> = IndexMap::new();
        for step in steps.iter().filter(|step| step.action == Action::Await) {
            let Subject::Container { service, .. } = &step.subject else { continue };
            let starts = [Action::Start, Action::Restart];
            if !starts.iter().any(|action| makes(*action, &|subject| *subject == step.subject)) {
                // It ran already: how long it still took says nothing.
                continue;
            }
            let Some(took) = recording.boot(step) else { continue };
            let from = match makes(Action::Create, &|subject| *subject == step.subject) {
                true if fresh => From::Nothing,
                true => From::Data,
                false => From::Container,
            };
            let ms = millis(took);
            let boot = services.entry(service.to_string()).or_insert(Boot { ms, from });
            boot.ms = boot.ms.max(ms);
        }
        let command = command.to_owned();
        (!services.is_empty()).then(|| Self { at, command, total_ms: millis(total), services })
    }
}

impl History {
    /// Reads lines; those that make no sense are left out: an older or newer devstack wrote them.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { runs: text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() }
    }

    /// Adds a run; the oldest one goes when there are too many.
    pub fn push(&mut self, run: Run) {
        self.runs.push(run);
        self.runs.drain(..self.runs.len().saturating_sub(KEPT));
    }

    /// Writes lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.runs.iter().filter_map(|run| serde_json::to_string(run).ok());
        lines.map(|line| line + "\n").collect()
    }

    /// How long each service usually takes to come up as it last did, in the order of the runs,
    /// the latest first.
    #[must_use]
    pub fn usual(&self) -> Vec<Usual> {
        let mut latest: IndexMap<&str, Boot> = IndexMap::new();
        for run in self.runs.iter().rev() {
            for (service, boot) in &run.services {
                latest.entry(service).or_insert(*boot);
            }
        }
        latest
            .into_iter()
            .filter_map(|(service, last)| {
                let all = sorted(boots(&self.runs, service, last.from));
                Some(Usual {
                    service: service.to_owned(),
                    last,
                    median_ms: median(&all)?,
                    least_ms: *all.first()?,
                    most_ms: *all.last()?,
                    runs: all.len(),
                })
            })
            .collect()
    }

    /// The services that took noticeably longer in the latest run than in those before it.
    #[must_use]
    pub fn slower(&self) -> Vec<Slower> {
        let Some((last, earlier)) = self.runs.split_last() else { return Vec::new() };
        last.services
            .iter()
            .filter_map(|(service, boot)| {
                let before = sorted(boots(earlier, service, boot.from));
                let (took, median) =
                    (Duration::from_millis(boot.ms), Duration::from_millis(median(&before)?));
                let slower = before.len() >= ENOUGH
                    && took > median * 3 / 2
                    && took.saturating_sub(median) >= NOTICEABLE;
                slower.then(|| Slower {
                    service: service.clone(),
                    took,
                    median,
                    runs: before.len(),
                })
            })
            .collect()
    }
}

fn boots<'a>(runs: &'a [Run], service: &'a str, from: From) -> impl Iterator<Item = u64> + 'a {
    let boots = runs.iter().filter_map(move |run| run.services.get(service));
    boots.filter(move |boot| boot.from == from).map(|boot| boot.ms)
}

fn sorted(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

fn median(sorted: &[u64]) -> Option<u64> {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted.get(middle).copied(),
        _ => Some(u64::midpoint(*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?)),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;

    fn run(boots: &[(&str, u64, From)]) -> Run {
        let services = boots
            .iter()
            .map(|(service, ms, from)| ((*service).to_owned(), Boot { ms: *ms, from: *from }))
            .collect();
        Run { at: 1_800_000_000, command: "up".to_owned(), total_ms: 6000, services }
    }

    fn history(db: &[u64]) -> History {
        History { runs: db.iter().map(|ms| run(&[("db", *ms, From::Nothing)])).collect() }
    }

    #[test]
    fn a_recording_is_summed_up_as_one_line() {
        let run = Run::of(&stack(), "up", 1_800_000_000, ms(5600)).unwrap();
        let history = History { runs: vec![run] };
        insta::assert_snapshot!(history.to_text(), @r#"{"at":1800000000,"command":"up","total_ms":5600,"services":{"db":{"ms":960,"from":"data"},"mq":{"ms":3800,"from":"data"},"api":{"ms":1600,"from":"data"}}}"#);
        assert_eq!(History::parse(&history.to_text()), history);
    }

    #[test]
    fn what_failed_or_started_nothing_is_no_run_to_compare_with() {
        let mut cut = stack();
        let db = container("db");
        record(
            &mut cut,
            &[(9000, planned(&[(&db, Action::Stop, &[])])), (9000, started(&db, Action::Stop))],
        );
        assert_eq!(Run::of(&cut, "up", 0, ms(0)), None);
        let mut stopped = Recording::default();
        record(
            &mut stopped,
            &[
                (0, planned(&[(&db, Action::Stop, &[])])),
                (0, started(&db, Action::Stop)),
                (10, finished(&db, Action::Stop)),
            ],
        );
        assert_eq!(Run::of(&stopped, "stop", 0, ms(10)), None);
    }

    #[test]
    fn lines_that_make_no_sense_are_left_out() {
        let text = format!("{{\"at\": 1}}\nnonsense\n\n{}", history(&[5]).to_text());
        assert_eq!(History::parse(&text), history(&[5]));
        assert_eq!(History::parse(""), History::default());
    }

    #[test]
    fn old_runs_make_room() {
        let mut full = history(&[1]);
        for ms in 2..60 {
            full.push(run(&[("db", ms, From::Nothing)]));
        }
        assert_eq!(full.runs.len(), KEPT);
        assert_eq!(full.runs[0].services["db"].ms, 10);
        assert_eq!(full.runs[KEPT - 1].services["db"].ms, 59);
    }

    #[test]
    fn slower_is_half_as_much_again_and_to_be_felt() {
        // Earlier boots and the latest one; the median it is slower than.
        let cases: [(&[u64], Option<u64>); 7] = [
            (&[1000, 1100, 1050, 1900], Some(1050)),
            (&[1000, 1100, 1050, 1200, 1900], Some(1075)),
            (&[1000, 1100, 1050, 1500], None),
            (&[10, 11, 12, 60], None),
            (&[4000, 4000, 4000, 5500], None),
            (&[1000, 1000, 9000], None),
            (&[9000], None),
        ];
        for (boots, median) in cases {
            let found = history(boots).slower();
            assert_eq!(found.first().map(|it| millis(it.median)), median, "{boots:?}");
        }
        assert_eq!(History::default().slower(), []);
    }

    #[test]
    fn only_boots_of_the_same_kind_are_compared() {
        let mut mixed = history(&[1000, 1000, 1000, 1000]);
        mixed.push(run(&[("db", 9000, From::Container), ("api", 9000, From::Nothing)]));
        assert_eq!(mixed.slower(), []);
        let usual = mixed.usual();
        assert_eq!(usual.len(), 2);
        assert_eq!((usual[0].service.as_str(), usual[0].median_ms, usual[0].runs), ("db", 9000, 1));
    }

    #[test]
    fn a_median_of_two_is_between_them() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3]), Some(3));
        assert_eq!(median(&[3, 5]), Some(4));
        assert_eq!(median(&[3, 5, 9]), Some(5));
    }
}
