//! What was shown of each container's log, so that a log which is taken up again goes on where it
//! ended: nothing twice, and nothing left out.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::line::LogLine;

/// What was shown, by container and stream. A container's two outputs are stamped apart, but each
/// of them is in order.
#[derive(Debug, Default)]
pub struct Resume {
    shown: HashMap<String, [Option<Shown>; 3]>,
    resumed: HashMap<String, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    /// Which reading of the log the latest line is from.
    resumed: u32,
    latest: OffsetDateTime,
    /// The latest line of earlier readings.
    before: Option<OffsetDateTime>,
}

impl Resume {
    /// Notes a line; whether it has not been shown before.
    pub fn is_new(&mut self, line: &LogLine) -> bool {
        let this = Shown { resumed: line.source.resumed, latest: line.timestamp, before: None };
        let label = line.source.label.as_str();
        if !self.shown.contains_key(label) {
            self.shown.insert(label.to_owned(), [None; 3]);
        }
        let Some(streams) = self.shown.get_mut(label) else { return true };
        let Some(known) = &mut streams[line.stream as usize] else {
            streams[line.stream as usize] = Some(this);
            return true;
        };
        if this.resumed < known.resumed {
            // The end of the earlier reading, held back until now; the later one has it as well.
            let is_new = this.latest > known.latest;
            known.before = known.before.max(Some(this.latest));
            return is_new;
        }
        if this.resumed > known.resumed {
            known.before = known.before.max(Some(known.latest));
            known.resumed = this.resumed;
        }
        known.latest = known.latest.max(this.latest);
        known.before.is_none_or(|before| this.latest > before)
    }

    /// Begins another reading of a container's log: its number, and from when on to read; `None`
    /// when nothing of it was shown.
    pub fn resume(&mut self, label: &str) -> (u32, Option<OffsetDateTime>) {
        let resumed = self.resumed.entry(label.to_owned()).or_default();
        *resumed += 1;
        let latest = self.shown.get(label).into_iter().flatten().flatten();
        // Of two outputs, one may have more to say since the earlier of the two.
        (*resumed, latest.map(|shown| shown.latest).min())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::{line, source};
    use super::*;
    use crate::logs::{FrameStream, Source};

    fn at(second: i64, resumed: u32, stream: FrameStream) -> LogLine {
        let source = Arc::new(Source { resumed, ..source("api-1") });
        LogLine { source, stream, ..line("api-1", second, "x") }
    }

    #[test]
    fn only_what_an_earlier_reading_showed_is_left_out() {
        use FrameStream::{Stderr, Stdout};
        let mut resume = Resume::default();
        // Reading, stream, second, whether it is shown.
        let cases = [
            (0, Stdout, 1, true),
            (0, Stdout, 3, true),
            // The other output is stamped apart, and later lines may have the same time.
            (0, Stderr, 2, true),
            (0, Stdout, 3, true),
            (1, Stdout, 1, false),
            (1, Stdout, 3, false),
            (1, Stderr, 2, false),
            (1, Stderr, 3, true),
            (1, Stdout, 4, true),
            // What was held back of the first reading.
            (0, Stdout, 5, true),
            (1, Stdout, 5, false),
            // Both readings go on at the same time.
            (0, Stdout, 5, false),
            (1, Stdout, 6, true),
            (1, Stdout, 6, true),
            (2, Stdout, 6, false),
            (2, Stdout, 7, true),
        ];
        for (resumed, stream, second, shown) in cases {
            let line = at(second, resumed, stream);
            assert_eq!(resume.is_new(&line), shown, "{resumed} {stream:?} {second}");
        }
    }

    #[test]
    fn a_log_is_read_again_from_the_output_that_is_behind() {
        let mut resume = Resume::default();
        assert_eq!(resume.resume("api-1"), (1, None));
        resume.is_new(&at(9, 1, FrameStream::Stdout));
        resume.is_new(&at(4, 1, FrameStream::Stderr));
        let behind = OffsetDateTime::from_unix_timestamp(4).unwrap();
        assert_eq!(resume.resume("api-1"), (2, Some(behind)));
    }
}
