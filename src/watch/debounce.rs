//! When a burst of file events is over: a pure fold of `(state, event, now)`.
//!
//! A save is several events, a checkout thousands. The first one opens a batch at once; it closes
//! when nothing has come for a moment, and at the latest after a fixed time, so that a file that
//! is written without pause cannot keep it open.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// The pause after which a burst counts as over.
const QUIET: Duration = Duration::from_millis(18);
/// The longest time from a batch's first event to its end.
const LONGEST: Duration = Duration::from_millis(300);

/// Collects paths until their batch closes. Times are counted from any one moment.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    paths: BTreeSet<PathBuf>,
    /// Times of the first and the latest event of the open batch.
    open: Option<(Duration, Duration)>,
}

impl Debounce {
    /// Notes that something happened to a path.
    pub(super) fn note(&mut self, path: PathBuf, now: Duration) {
        self.paths.insert(path);
        let first = self.open.map_or(now, |(first, _)| first);
        self.open = Some((first, now));
    }

    /// When the open batch closes, should nothing more come.
    pub(super) fn due(&self) -> Option<Duration> {
        self.open.map(|(first, latest)| (latest + QUIET).min(first + LONGEST))
    }

    /// Takes the batch if it has closed by now: its paths in order, and when it was opened.
    pub(super) fn take(&mut self, now: Duration) -> Option<(BTreeSet<PathBuf>, Duration)> {
        let (first, _) = self.open.filter(|_| self.due().is_some_and(|due| due <= now))?;
        self.open = None;
        Some((std::mem::take(&mut self.paths), first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What it is, events by their time in milliseconds, batches by the time of their end.
    type Case = (&'static str, Vec<(u64, String)>, Vec<(u64, Vec<String>)>);

    /// Plays events `(at, path)` and looks exactly when a batch is due; returns `(at, paths)`.
    fn play(events: &[(u64, String)]) -> Vec<(u64, Vec<String>)> {
        let mut debounce = Debounce::default();
        let mut batches = Vec::new();
        let mut close = |debounce: &mut Debounce, until: Duration| {
            while let Some(due) = debounce.due().filter(|due| *due <= until) {
                let (paths, _) = debounce.take(due).expect("it is due");
                let paths = paths.iter().map(|path| path.display().to_string()).collect();
                batches.push((u64::try_from(due.as_millis()).expect("small"), paths));
            }
        };
        for (at, path) in events {
            let now = Duration::from_millis(*at);
            close(&mut debounce, now);
            debounce.note(PathBuf::from(path), now);
        }
        close(&mut debounce, Duration::MAX);
        batches
    }

    #[test]
    fn a_batch_closes_after_a_pause_and_never_stays_open_for_long() {
        let events = |times: &[u64]| -> Vec<(u64, String)> {
            times.iter().enumerate().map(|(index, at)| (*at, format!("{}", index % 2))).collect()
        };
        let both = || vec!["0".to_owned(), "1".to_owned()];
        let cases: [Case; 4] = [
            ("one event", events(&[5]), vec![(23, vec!["0".to_owned()])]),
            ("a burst", events(&[0, 10, 20]), vec![(38, both())]),
            (
                "two bursts",
                events(&[0, 100]),
                vec![(18, vec!["0".to_owned()]), (118, vec!["1".to_owned()])],
            ),
            (
                "a writer without a pause",
                events(&(0..60).map(|n| n * 10).collect::<Vec<_>>()),
                vec![(300, both()), (600, both())],
            ),
        ];
        for (name, events, expected) in cases {
            assert_eq!(play(&events), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_late_or_early(
            steps in prop::collection::vec((0_u64..400, 0_u8..5), 1..80),
        ) {
            let mut at = 0;
            let events: Vec<(u64, String)> = steps
                .iter()
                .map(|(pause, path)| { at += pause; (at, path.to_string()) })
                .collect();
            let batches = play(&events);
            let mut rest = events.as_slice();
            for (closed, paths) in &batches {
                let count = rest.iter().take_while(|(at, _)| at < closed).count();
                let (batch, later) = rest.split_at(count);
                prop_assert!(!batch.is_empty());
                let expected: BTreeSet<&String> = batch.iter().map(|(_, path)| path).collect();
                prop_assert_eq!(&paths.iter().collect::<BTreeSet<_>>(), &expected);
                let (first, last) = (batch[0].0, batch[count - 1].0);
                prop_assert!(*closed == (last + 18).min(first + 300));
                rest = later;
            }
            prop_assert!(rest.is_empty());
        }
    }
}
