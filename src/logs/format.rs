//! Writes log lines: prefix, timestamp, and the line as it was, byte for byte; or as it is
//! understood, for a person or as JSON.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, UtcOffset};

use super::level::Level;
use super::line::{FrameStream, LogLine, Source};
use super::reading::{Reading, read};
use crate::project::ServiceName;

/// What is written beside the lines themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `db-1  | ` in front of each line.
    pub prefix: bool,
    /// The engine's timestamp.
    pub timestamps: bool,
    /// Whether prefixes and levels are painted.
    pub colour: bool,
    /// How the line itself is written.
    pub style: Style,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// As it was, byte for byte.
    #[default]
    AsWritten,
    /// Level, speaker and message in columns, whatever the program's own form is.
    Pretty,
    /// One JSON object, with prefix and timestamp among its fields.
    Json,
}

/// A part of a line that is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The word for how serious it is.
    Level(Level),
    /// What part of the program speaks.
    Context,
    /// Further fields.
    Data,
}

/// Gives colours to what is written.
pub struct Painters {
    /// Paints a text in a service's colour.
    pub service: PaintText<ServiceName>,
    /// Paints a part of a line.
    pub part: PaintText<Part>,
}

/// Paints a text as what it belongs to.
type PaintText<T> = Box<dyn Fn(&T, &str) -> String + Send>;

/// How lines are written.
pub struct Format {
    options: Options,
    painters: Painters,
    width: usize,
    /// Prefixes, by label, as long as the width is what it was.
    prefixes: HashMap<String, String>,
    buffer: Vec<u8>,
}

/// A line on the JSON wire.
#[derive(Serialize)]
struct JsonLine<'a> {
    timestamp: String,
    service: &'a str,
    container: &'a str,
    stream: &'static str,
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    data: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a str>,
    /// Whether it belongs to the entry of a line before it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

impl Format {
    /// Returns a format with prefixes as wide as the longest of `sources`.
    #[must_use]
    pub fn new(options: Options, sources: &[Source], painters: Painters) -> Self {
        let width = sources.iter().map(|source| source.label.len()).max().unwrap_or(0);
        Self { options, painters, width, prefixes: HashMap::new(), buffer: Vec::new() }
    }

    /// Writes a line, in one piece.
    ///
    /// # Errors
    ///
    /// When `out` does not take it.
    pub fn write(&mut self, out: &mut impl Write, line: &LogLine) -> io::Result<()> {
        self.buffer.clear();
        match self.options.style {
            Style::AsWritten => self.push_as_written(line),
            Style::Pretty => self.push_pretty(line),
            Style::Json => self.push_json(line)?,
        }
        out.write_all(&self.buffer)
    }

    fn push_as_written(&mut self, line: &LogLine) {
        self.push_front(line);
        self.buffer.extend_from_slice(&line.bytes);
        // A colour that the program left on would run into the next prefix.
        if self.options.colour && self.options.prefix && line.bytes.contains(&b'\x1b') {
            self.buffer.extend_from_slice(b"\x1b[0m");
        }
        self.buffer.push(b'\n');
    }

    fn push_pretty(&mut self, line: &LogLine) {
        let reading = read(&line.bytes);
        self.push_front(line);
        match reading.level {
            Some(level) => {
                let word = format!("{:<5}", level.as_str().to_uppercase());
                self.push_part(Part::Level(level), &word);
            }
            None => self.buffer.extend_from_slice(b"     "),
        }
        self.buffer.push(b' ');
        if let Some(context) = &reading.context {
            self.push_part(Part::Context, context);
            self.buffer.push(b' ');
        }
        let mut further = reading.message.split('\n');
        self.buffer.extend_from_slice(further.next().unwrap_or_default().as_bytes());
        for (key, value) in &reading.data {
            let text = match value {
                Value::String(text) => format!(" {key}={text}"),
                value => format!(" {key}={value}"),
            };
            self.push_part(Part::Data, &text);
        }
        self.buffer.push(b'\n');
        // A trace repeats the message in its first line.
        let stack = reading.stack.as_deref().unwrap_or_default().lines().skip(1);
        for text in further.chain(stack) {
            self.push_front(line);
            self.buffer.extend_from_slice(b"      ");
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'\n');
        }
    }

    fn push_json(&mut self, line: &LogLine) -> io::Result<()> {
        let reading: Reading<'_> = read(&line.bytes);
        let json = JsonLine {
            timestamp: rfc3339_nano(line.timestamp),
            service: line.source.service.as_str(),
            container: &line.source.label,
            stream: match line.stream {
                FrameStream::Stdout => "stdout",
                FrameStream::Stderr => "stderr",
                FrameStream::Console => "console",
            },
            level: reading.level.map(Level::as_str),
            context: reading.context.as_deref(),
            message: &reading.message,
            data: &reading.data,
            stack: reading.stack.as_deref(),
            continues: line.continues || reading.continues,
        };
        serde_json::to_writer(&mut self.buffer, &json)?;
        self.buffer.push(b'\n');
        Ok(())
    }

    fn push_front(&mut self, line: &LogLine) {
        if self.options.prefix {
            self.push_prefix(&line.source);
        }
        if self.options.timestamps {
            self.buffer.extend_from_slice(rfc3339_nano(line.timestamp).as_bytes());
            self.buffer.push(b' ');
        }
    }

    fn push_part(&mut self, part: Part, text: &str) {
        if self.options.colour {
            self.buffer.extend_from_slice((self.painters.part)(&part, text).as_bytes());
        } else {
            self.buffer.extend_from_slice(text.as_bytes());
        }
    }

    fn push_prefix(&mut self, source: &Source) {
        if source.label.len() > self.width {
            // A container that came later has a longer name.
            self.width = source.label.len();
            self.prefixes.clear();
        }
        if !self.prefixes.contains_key(&source.label) {
            let plain = format!("{:<width$}  | ", source.label, width = self.width);
            let prefix = if self.options.colour {
                (self.painters.service)(&source.service, &plain)
            } else {
                plain
            };
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
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{line, source};
    use super::*;

    fn written(options: Options, lines: &[LogLine]) -> Vec<u8> {
        let sources = [source("db-1"), source("search-1")];
        let painters = Painters {
            service: Box::new(|service, text| format!("<{service}>{text}</>")),
            part: Box::new(|part, text| format!("<{part:?}>{text}</>")),
        };
        let mut format = Format::new(options, &sources, painters);
        let mut out = Vec::new();
        for line in lines {
            format.write(&mut out, line).unwrap();
        }
        out
    }

    fn text(options: Options, lines: &[LogLine]) -> String {
        String::from_utf8(written(options, lines)).unwrap()
    }

    const PLAIN: Options =
        Options { prefix: true, timestamps: false, colour: false, style: Style::AsWritten };

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

    const LOG: [&str; 4] = [
        r#"{"level":50,"time":1732457394123,"pid":7,"hostname":"x","msg":"failed","userId":3,"err":{"type":"Error","message":"boom","stack":"Error: boom\n    at f (a.ts:1)\n    at g (b.ts:2)"}}"#,
        "1:M 24 Nov 2026 14:13:14.247 * Ready to accept connections tcp",
        "\u{1b}[2m2026-11-24T14:13:14.255734Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[2mactix_server::builder\u{1b}[0m\u{1b}[2m:\u{1b}[0m starting 1 workers",
        "server stopped",
    ];

    #[test]
    fn pretty_lines_have_level_speaker_message_and_what_else_there_is() {
        let lines = LOG.map(|text| line("db-1", 1, text));
        let pretty = Options { style: Style::Pretty, ..PLAIN };
        insta::assert_snapshot!(text(pretty, &lines), @r#"
        db-1      | ERROR failed userId=3 err={"type":"Error","message":"boom"}
        db-1      |           at f (a.ts:1)
        db-1      |           at g (b.ts:2)
        db-1      | INFO  Ready to accept connections tcp
        db-1      | INFO  actix_server::builder starting 1 workers
        db-1      |       server stopped
        "#);
        let colour = Options { colour: true, prefix: false, ..pretty };
        insta::assert_snapshot!(text(colour, &lines[2..3]), @"<Level(Info)>INFO </> <Context>actix_server::builder</> starting 1 workers");
    }

    #[test]
    fn json_has_one_object_for_each_line() {
        let mut lines = LOG.map(|text| line("db-1", 1, text));
        lines[3].continues = true;
        lines[3].stream = FrameStream::Stderr;
        let json = Options { style: Style::Json, ..PLAIN };
        insta::assert_snapshot!(text(json, &lines), @r#"
        {"timestamp":"1970-01-01T00:00:01.000000000Z","service":"db","container":"db-1","stream":"stdout","level":"error","message":"failed","data":{"userId":3,"err":{"type":"Error","message":"boom"}},"stack":"Error: boom\n    at f (a.ts:1)\n    at g (b.ts:2)"}
        {"timestamp":"1970-01-01T00:00:01.000000000Z","service":"db","container":"db-1","stream":"stdout","level":"info","message":"Ready to accept connections tcp"}
        {"timestamp":"1970-01-01T00:00:01.000000000Z","service":"db","container":"db-1","stream":"stdout","level":"info","context":"actix_server::builder","message":"starting 1 workers"}
        {"timestamp":"1970-01-01T00:00:01.000000000Z","service":"db","container":"db-1","stream":"stderr","level":null,"message":"server stopped","continues":true}
        "#);
    }
}
