//! Cuts the frames of one container's log stream into lines with the engine's timestamps.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::project::{ProjectName, ServiceName};

/// The container that lines come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Its service.
    pub service: ServiceName,
    /// What it is called in front of its lines, such as `db-1`.
    pub label: String,
    /// How often the container's log had been taken up before: what such a stream begins with may
    /// have been shown already.
    pub resumed: u32,
}

impl Source {
    /// Returns the source that is the container of that name: like Compose, the project's name in
    /// front of it goes unsaid.
    #[must_use]
    pub fn new(project: &ProjectName, service: ServiceName, container: &str) -> Self {
        let label = container
            .strip_prefix(project.as_str())
            .and_then(|rest| rest.strip_prefix(['-', '_']))
            .unwrap_or(container)
            .to_owned();
        Self { service, label, resumed: 0 }
    }
}

/// A piece of a log stream as the engine sends it, asked for with timestamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it was written to.
    pub stream: FrameStream,
    /// The timestamp, a space, and what was written: a line, or a part of one.
    pub bytes: Bytes,
}

/// What a container wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The container's terminal, which has one stream and no frames: pieces are cut anywhere.
    Console,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where it comes from.
    pub source: Arc<Source>,
    /// When the engine received it.
    pub timestamp: OffsetDateTime,
    /// When the entry began that it belongs to: its own time, except for the further lines of a
    /// stack trace and the like, which stay together for whoever merges by this time.
    pub entry: OffsetDateTime,
    /// Whether it belongs to the entry of a line before it.
    pub continues: bool,
    /// What it was written to.
    pub stream: FrameStream,
    /// The line without its end, as it was written: any bytes.
    pub bytes: Vec<u8>,
}

/// Cuts a container's frames into lines. An error of the engine is passed on and ends the stream,
/// after the line that it cut short.
pub fn lines<S, E>(source: Source, frames: S) -> impl Stream<Item = Result<LogLine, E>> + Unpin
where
    S: Stream<Item = Result<Frame, E>> + Unpin,
{
    Lines {
        frames: Some(frames),
        splitter: Splitter::new(source),
        ready: VecDeque::new(),
        error: None,
    }
}

struct Lines<S, E> {
    frames: Option<S>,
    splitter: Splitter,
    ready: VecDeque<LogLine>,
    error: Option<E>,
}

// Nothing in it is pinned in place: the frames are themselves `Unpin`.
impl<S: Unpin, E> Unpin for Lines<S, E> {}

impl<S, E> Stream for Lines<S, E>
where
    S: Stream<Item = Result<Frame, E>> + Unpin,
{
    type Item = Result<LogLine, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(line) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(line)));
            }
            if let Some(error) = this.error.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let Some(frames) = &mut this.frames else { return Poll::Ready(None) };
            match ready!(frames.poll_next_unpin(cx)) {
                Some(Ok(frame)) => this.splitter.push(&frame, &mut this.ready),
                end => {
                    this.frames = None;
                    this.error = end.and_then(Result::err);
                    this.splitter.finish(&mut this.ready);
                }
            }
        }
    }
}

/// A longer line is cut: a program that never ends its line must not fill the memory.
const LONGEST_LINE: usize = 1 << 20;

/// Holds what has come of lines that have not ended yet, one for each of a container's streams.
#[derive(Debug)]
struct Splitter {
    source: Arc<Source>,
    partial: [Partial; 3],
    entries: [Option<Entry>; 3],
    /// Stands in for a timestamp that the engine left out.
    latest: OffsetDateTime,
}

/// The entry that further lines may belong to.
#[derive(Debug, Clone, Copy)]
struct Entry {
    begun: OffsetDateTime,
    latest: OffsetDateTime,
    lines: usize,
}

#[derive(Debug, Default)]
struct Partial {
    timestamp: Option<OffsetDateTime>,
    bytes: Vec<u8>,
}

impl Splitter {
    fn new(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            partial: Default::default(),
            entries: [None; 3],
            latest: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn push(&mut self, frame: &Frame, lines: &mut VecDeque<LogLine>) {
        let mut rest = &frame.bytes[..];
        // The engine cuts long lines itself, and each of the parts has a timestamp: inside a line
        // it is not part of the text. A terminal's pieces are no such parts.
        if frame.stream != FrameStream::Console && !self.partial(frame.stream).is_empty() {
            rest = split_timestamp(rest).map_or(rest, |(_, text)| text);
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(frame.stream, &rest[..end], lines);
            self.end_line(frame.stream, lines);
            rest = &rest[end + 1..];
        }
        self.extend(frame.stream, rest, lines);
    }

    /// Ends the lines that nothing more will come of.
    fn finish(&mut self, lines: &mut VecDeque<LogLine>) {
        for stream in [FrameStream::Stdout, FrameStream::Stderr, FrameStream::Console] {
            if !self.partial(stream).is_empty() {
                self.end_line(stream, lines);
            }
        }
    }

    fn partial(&mut self, stream: FrameStream) -> &mut Partial {
        &mut self.partial[stream as usize]
    }

    fn extend(&mut self, stream: FrameStream, mut text: &[u8], lines: &mut VecDeque<LogLine>) {
        loop {
            let partial = self.partial(stream);
            let room = LONGEST_LINE - partial.bytes.len();
            if text.len() <= room {
                partial.bytes.extend_from_slice(text);
                return;
            }
            partial.bytes.extend_from_slice(&text[..room]);
            text = &text[room..];
            partial.take_timestamp();
            let timestamp = partial.timestamp;
            self.emit(stream, lines);
            // The next part of the line has come at the same time.
            self.partial(stream).timestamp = timestamp;
        }
    }

    fn end_line(&mut self, stream: FrameStream, lines: &mut VecDeque<LogLine>) {
        let partial = self.partial(stream);
        partial.take_timestamp();
        if partial.bytes.last() == Some(&b'\r') {
            partial.bytes.pop();
        }
        self.emit(stream, lines);
    }

    fn emit(&mut self, stream: FrameStream, lines: &mut VecDeque<LogLine>) {
        let partial = std::mem::take(self.partial(stream));
        self.latest = partial.timestamp.unwrap_or(self.latest);
        let open = &mut self.entries[stream as usize];
        let (entry, continues) = match open {
            Some(entry) if entry.takes(self.latest, &partial.bytes) => {
                entry.latest = self.latest;
                entry.lines += 1;
                (entry.begun, true)
            }
            _ => {
                *open = Some(Entry { begun: self.latest, latest: self.latest, lines: 1 });
                (self.latest, false)
            }
        };
        lines.push_back(LogLine {
            source: Arc::clone(&self.source),
            timestamp: self.latest,
            entry,
            continues,
            stream,
            bytes: partial.bytes,
        });
    }
}

/// Lines of one entry follow each other within this time.
const SAME_ENTRY: time::Duration = time::Duration::milliseconds(250);
/// A program that indents everything writes no endless entry.
const LONGEST_ENTRY: usize = 256;

impl Entry {
    fn takes(&self, timestamp: OffsetDateTime, line: &[u8]) -> bool {
        self.lines < LONGEST_ENTRY && timestamp - self.latest <= SAME_ENTRY && goes_on(line)
    }
}

/// Whether a line is indented, as those of stack traces and printed objects are, or says what
/// caused the one before it.
fn goes_on(line: &[u8]) -> bool {
    let indented = matches!(line, [b' ' | b'\t', rest @ ..] if !rest.trim_ascii().is_empty());
    indented || matches!(line, b"}" | b"]" | b")") || line.starts_with(b"Caused by: ")
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.timestamp.is_none()
    }

    /// Takes the timestamp off the front of a line. It is looked for only when the line is whole,
    /// because a terminal's pieces may cut through it.
    fn take_timestamp(&mut self) {
        if self.timestamp.is_some() {
            return;
        }
        if let Some((timestamp, text)) = split_timestamp(&self.bytes) {
            self.timestamp = Some(timestamp);
            let length = self.bytes.len() - text.len();
            self.bytes.drain(..length);
        }
    }
}

/// Splits `2026-01-02T03:04:05.678901234Z text` at the space.
fn split_timestamp(bytes: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    // The longest form has nine decimals and a numeric offset.
    const LONGEST: usize = "2026-01-02T03:04:05.678901234+00:00".len();
    let end = bytes.iter().take(LONGEST + 1).position(|byte| *byte == b' ')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let timestamp = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some((timestamp, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests;
