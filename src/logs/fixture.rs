//! Lines and streams of them, for tests.

use std::sync::Arc;

use futures_util::{Stream, stream};
use time::OffsetDateTime;
use tokio::sync::mpsc::Receiver;

use super::line::{FrameStream, LogLine, Source};

pub(crate) fn source(label: &str) -> Source {
    let service = label.trim_end_matches("-1").parse().unwrap();
    Source { service, label: label.to_owned(), resumed: 0 }
}

pub(crate) fn line(label: &str, second: i64, text: &str) -> LogLine {
    let timestamp = OffsetDateTime::from_unix_timestamp(second).unwrap();
    LogLine {
        source: Arc::new(source(label)),
        timestamp,
        entry: timestamp,
        continues: false,
        stream: FrameStream::Stdout,
        bytes: text.as_bytes().to_owned(),
    }
}

pub(crate) fn text(line: &LogLine) -> String {
    format!("{} {}", line.source.label, String::from_utf8_lossy(&line.bytes))
}

pub(crate) type Item = Result<LogLine, String>;

pub(crate) fn receiver(lines: Receiver<Item>) -> impl Stream<Item = Item> + Unpin {
    Box::pin(stream::unfold(lines, async |mut lines| Some((lines.recv().await?, lines))))
}
