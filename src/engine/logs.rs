//! Container logs.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::error::EngineError;
use super::{DockerEngine, LogLines};
use crate::state::ContainerId;

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
        let (request, since) = match lines {
            LogLines::Last(count) => {
                let tail = Some(u64::try_from(count).unwrap_or(u64::MAX));
                (LogsRequest { tail, ..LogsRequest::default() }, String::new())
            }
            LogLines::Since(since) => {
                let seconds = time::OffsetDateTime::parse(
                    &since,
                    &time::format_description::well_known::Rfc3339,
                )
                .ok()
                .map(time::OffsetDateTime::unix_timestamp);
                (LogsRequest { since: seconds, ..LogsRequest::default() }, since)
            }
        };
        let mut chunks = self.logs(id, &request);
        let mut lines = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            for line in String::from_utf8_lossy(&chunk.bytes).lines() {
                // `2026-01-02T03:04:05.123456789Z text`: times of one engine sort as text.
                let (timestamp, text) = line.split_once(' ').unwrap_or(("", line));
                if *timestamp >= *since {
                    lines.push((chunk.origin == LogOrigin::Stderr, text.to_owned()));
                }
            }
        }
        Ok(lines)
    }
}
