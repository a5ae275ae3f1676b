//! Reads containers' logs on a thread of its own.
//!
//! The client hands a log over in pieces of a line or so. On the threads of everything else each of
//! them would wake another thread, which costs more than all that is done with the line; here the
//! whole way from the socket to a batch of lines is on one.

use std::thread;

use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::error::CliError;
use crate::engine::{DockerEngine, EngineError, LogOrigin, LogsRequest};
use crate::logs::{Frame, FrameStream, LogLine, Source, batches, lines};
use crate::state::ContainerId;

/// Batches of one container that wait to be taken: what is read ahead is bounded.
const AHEAD: usize = 2;

/// Lines of a container, in the engine's order.
pub(super) type Lines = BoxStream<'static, Result<LogLine, EngineError>>;

/// One container's log as lines, read where it is awaited: for a few of them.
pub(super) fn stream(
    engine: &DockerEngine,
    id: &ContainerId,
    source: Source,
    request: &LogsRequest,
) -> Lines {
    let frames = engine.logs(id, request).map(|chunk| {
        chunk.map(|chunk| Frame {
            stream: match chunk.origin {
                LogOrigin::Stdout => FrameStream::Stdout,
                LogOrigin::Stderr => FrameStream::Stderr,
                LogOrigin::Console => FrameStream::Console,
            },
            bytes: chunk.bytes,
        })
    });
    lines(source, frames).boxed()
}

/// The thread, which ends with this.
pub(super) struct LogReader {
    /// With connections of its own.
    engine: DockerEngine,
    handle: Handle,
    _end: DropGuard,
}

impl LogReader {
    pub(super) fn start(engine: &DockerEngine) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| {
            CliError::other(
                format!("cannot read logs: {error}"),
                "the machine has no thread left: end some programs",
            )
        };
        let engine = engine.apart()?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let end = CancellationToken::new();
        let ended = end.clone();
        let run = move || {
            runtime.block_on(ended.cancelled());
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("logs".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { engine, handle, _end: end.drop_guard() })
    }

    /// One container's log as lines, read by the thread.
    pub(super) fn lines(&self, id: &ContainerId, source: Source, request: &LogsRequest) -> Lines {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut batches = batches(stream(&self.engine, id, source, request));
        self.handle.spawn(async move {
            loop {
                let batch = tokio::select! {
                    biased;
                    () = sender.closed() => break,
                    batch = batches.next() => batch,
                };
                let Some(batch) = batch else { break };
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        let batches = futures_util::stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        });
        batches.flat_map(futures_util::stream::iter).boxed()
    }
}
