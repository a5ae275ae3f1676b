//! Writes log lines: prefix, timestamp, and the line as it was, byte for byte.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use time::{OffsetDateTime, UtcOffset};

use super::line::{LogLine, Source};
use crate::project::ServiceName;

/// What is written beside the lines themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `db-1  | ` in front of each line.
    pub prefix: bool,
    /// The engine's timestamp.
    pub timestamps: bool,
    /// Whether prefixes are painted.
    pub colour: bool,
}

/// How lines are written.
pub struct Format {
    options: Options,
    paint: Paint,
    width: usize,
    /// Prefixes, by label, as long as the width is what it was.
    prefixes: HashMap<String, String>,
    buffer: Vec<u8>,
}

type Paint = Box<dyn Fn(&ServiceName, &str) -> String + Send>;

impl Format {
    /// Returns a format with prefixes as wide as the longest of `sources`; `paint` paints a text
    /// in a service's colour.
    pub fn new(
        options: Options,
        sources: &[Source],
        paint: impl Fn(&ServiceName, &str) -> String + Send + 'static,
    ) -> Self {
        let width = sources.iter().map(|source| source.label.len()).max().unwrap_or(0);
        let (prefixes, buffer) = (HashMap::new(), Vec::new());
        Self { options, paint: Box::new(paint), width, prefixes, buffer }
    }

    /// Writes a line, in one piece.
    ///
    /// # Errors
    ///
    /// When `out` does not take it.
    pub fn write(&mut self, out: &mut impl Write, line: &LogLine) -> io::Result<()> {
        self.buffer.clear();
        if self.options.prefix {
            self.push_prefix(&line.source);
        }
        if self.options.timestamps {
            self.buffer.extend_from_slice(rfc3339_nano(line.timestamp).as_bytes());
        }
        self.buffer.extend_from_slice(&line.bytes);
        // A colour that the program left on would run into the next prefix.
        if self.options.colour && self.options.prefix && line.bytes.contains(&b'\x1b') {
            self.buffer.extend_from_slice(b"\x1b[0m");
        }
        self.buffer.push(b'\n');
        out.write_all(&self.buffer)
    }

    fn push_prefix(&mut self, source: &Source) {
        if source.label.len() > self.width {
            // A container that came later has a longer name.
            self.width = source.label.len();
            self.prefixes.clear();
        }
        if !self.prefixes.contains_key(&source.label) {
            let plain = format!("{:<width$}  | ", source.label, width = self.width);
            let prefix =
                if self.options.colour { (self.paint)(&source.service, &plain) } else { plain };
            self.prefixes.insert(source.label.clone(), prefix);
        }
        if let Some(prefix) = self.prefixes.get(&source.label) {
            self.buffer.extend_from_slice(prefix.as_bytes());
        }
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format").field("options", &self.options).finish_non_exhaustive()
    }
}

/// As the engine writes it: always nine decimals, so that columns line up.
fn rfc3339_nano(timestamp: OffsetDateTime) -> String {
    let utc = timestamp.to_offset(UtcOffset::UTC);
    let (hour, minute, second, nano) = utc.to_hms_nano();
    let (year, month, day) = utc.to_calendar_date();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z ")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{line, source};
    use super::*;

    fn written(options: Options, lines: &[LogLine]) -> Vec<u8> {
        let sources = [source("db-1"), source("search-1")];
        let mut format =
            Format::new(options, &sources, |service, text| format!("<{service}>{text}</>"));
        let mut out = Vec::new();
        for line in lines {
            format.write(&mut out, line).unwrap();
        }
        out
    }

    fn text(options: Options, lines: &[LogLine]) -> String {
        String::from_utf8(written(options, lines)).unwrap()
    }

    const PLAIN: Options = Options { prefix: true, timestamps: false, colour: false };

    #[test]
    fn prefixes_are_as_wide_as_the_longest() {
        let lines = [
            line("db-1", 1, "ready"),
            line("search-1", 2, ""),
            line("longer-than-all-1", 3, "late"),
            line("db-1", 4, "  indented"),
        ];
        insta::assert_snapshot!(text(PLAIN, &lines), @"
        db-1      | ready
        search-1  | 
        longer-than-all-1  | late
        db-1               |   indented
        ");
    }

    #[test]
    fn prefix_and_timestamp_can_be_had_and_left_out() {
        let lines = [line("db-1", 1, "ready")];
        let timestamps = Options { timestamps: true, ..PLAIN };
        insta::assert_snapshot!(text(timestamps, &lines), @"db-1      | 1970-01-01T00:00:01.000000000Z ready");
        let bare = Options { prefix: false, ..PLAIN };
        insta::assert_snapshot!(text(bare, &lines), @"ready");
        let stamped = Options { prefix: false, ..timestamps };
        insta::assert_snapshot!(text(stamped, &lines), @"1970-01-01T00:00:01.000000000Z ready");
    }

    #[test]
    fn colour_is_the_services_and_does_not_leak() {
        let colour = Options { colour: true, ..PLAIN };
        let lines = [line("db-1", 1, "plain"), line("db-1", 1, "\u{1b}[31mred")];
        assert_eq!(
            text(colour, &lines),
            "<db>db-1      | </>plain\n<db>db-1      | </>\u{1b}[31mred\u{1b}[0m\n"
        );
    }

    #[test]
    fn any_bytes_pass() {
        let mut any = line("db-1", 1, "");
        any.bytes = b"\xff\x00\x1b[31m\r\t".to_vec();
        let bare = Options { prefix: false, ..PLAIN };
        assert_eq!(written(bare, &[any]), b"\xff\x00\x1b[31m\r\t\n");
    }
}
