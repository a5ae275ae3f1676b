//! Container logs.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::error::EngineError;
use super::{DockerEngine, LogLineStream, LogLines};
use crate::state::ContainerId;

/// Bytes after which a line without an end counts as one.
const LONGEST_LINE: usize = 64 * 1024;

/// What to read of a container's log.
#[derive(Debug, Clone, Default)]
pub struct LogsRequest {
    /// Whether to stay for what comes.
    pub follow: bool,
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// Only from this Unix time on, in seconds.
    pub since: Option<i64>,
    /// Only up to this Unix time, in seconds.
    pub until: Option<i64>,
}

/// Where a piece of a log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrigin {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A terminal, which mixes both and is cut anywhere.
    Console,
}

/// A piece of a log: each line begins with the engine's timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Where it came from.
    pub origin: LogOrigin,
    /// The bytes.
    pub bytes: Bytes,
}

impl DockerEngine {
    /// A container's log with timestamps.
    #[must_use]
    pub fn logs(
        &self,
        id: &ContainerId,
        request: &LogsRequest,
    ) -> BoxStream<'static, Result<LogChunk, EngineError>> {
        let seconds = |time: i64| i32::try_from(time).unwrap_or(i32::MAX);
        let mut options = LogsOptionsBuilder::default()
            .follow(request.follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true);
        if let Some(tail) = request.tail {
            options = options.tail(&tail.to_string());
        }
        if let Some(since) = request.since {
            options = options.since(seconds(since));
        }
        if let Some(until) = request.until {
            options = options.until(seconds(until));
        }
        let engine = self.clone();
        let id = id.clone();
        self.docker
            .logs(&id.0, Some(options.build()))
            .map(move |chunk| match chunk {
                Ok(output) => {
                    let (origin, bytes) = match output {
                        LogOutput::StdErr { message } => (LogOrigin::Stderr, message),
                        LogOutput::StdOut { message } | LogOutput::StdIn { message } => {
                            (LogOrigin::Stdout, message)
                        }
                        LogOutput::Console { message } => (LogOrigin::Console, message),
                    };
                    Ok(LogChunk { origin, bytes })
                }
                Err(error) => Err(engine.error("read the log of container", id.short(), &error)),
            })
            .boxed()
    }

    pub(super) async fn collect_log_lines(
        &self,
        id: &ContainerId,
        lines: LogLines,
    ) -> Result<Vec<(bool, String)>, EngineError> {
        let (tail, since) = match lines {
            LogLines::Last(count) => (Some(count), None),
            LogLines::Since(since) => (None, Some(since)),
            LogLines::LastSince(count, since) => (Some(count), Some(since)),
        };
        let tail = tail.map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        let request = LogsRequest { tail, ..LogsRequest::default() };
        self.log_line_stream(id, request, since).try_collect().await
    }

    /// The log's lines without their timestamps, from a time (RFC 3339) on.
    pub(super) fn log_line_stream(
        &self,
        id: &ContainerId,
        mut request: LogsRequest,
        since: Option<String>,
    ) -> LogLineStream {
        let since = since.unwrap_or_default();
        let seconds =
            time::OffsetDateTime::parse(&since, &time::format_description::well_known::Rfc3339);
        request.since = seconds.ok().map(time::OffsetDateTime::unix_timestamp);
        let mut parts: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
        let ends = self.logs(id, &request).map(Some).chain(futures_util::stream::iter([None]));
        let lines = ends.map(move |chunk| {
            let mut lines: Vec<(bool, String)> = Vec::new();
            let mut complete = |stderr: bool, line: &[u8]| {
                let line = String::from_utf8_lossy(line);
                let line = line.trim_end_matches(['\r', '\n']);
                // `2026-01-02T03:04:05.123456789Z text`: times of one engine sort as text.
                let (timestamp, text) = line.split_once(' ').unwrap_or(("", line));
                if *timestamp >= *since {
                    lines.push((stderr, text.to_owned()));
                }
            };
            match chunk {
                Some(Ok(LogChunk { origin, bytes })) => {
                    let stderr = origin == LogOrigin::Stderr;
                    let part = &mut parts[usize::from(stderr)];
                    // A terminal's log comes in pieces that are cut anywhere.
                    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                        part.extend_from_slice(piece);
                        if piece.ends_with(b"\n") || part.len() > LONGEST_LINE {
                            complete(stderr, part);
                            part.clear();
                        }
                    }
                }
                Some(Err(error)) => return vec![Err(error)],
                None => {
                    for (stderr, part) in [false, true].into_iter().zip(&parts) {
                        if !part.is_empty() {
                            complete(stderr, part);
                        }
                    }
                }
            }
            lines.into_iter().map(Ok).collect()
        });
        lines.flat_map(futures_util::stream::iter).boxed()
    }
}
