//! Our own standard streams, connected with those of a process in a container.

use std::io::Write as _;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio_util::task::AbortOnDropHandle;

use super::error::{CliError, Problem};
use crate::engine::{DockerEngine, ExecStreams};
use crate::os::raw_terminal::{RawTerminal, resizes, size};

/// Why the streams of a process are no longer connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The process has no more output, or we were detached from it.
    Output,
    /// Whoever read our output has gone, as in `devstack exec db cat big | head`.
    NobodyReads,
}

/// Whose terminal ours stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terminal {
    /// Nobody's: the streams are plain.
    None,
    /// The one of a command in a container.
    Command,
    /// The one of a container's own process.
    Container,
}

/// Connects our standard streams with those of a process until it ends.
pub(super) async fn connect(
    engine: &DockerEngine,
    streams: ExecStreams,
    terminal: Terminal,
) -> Result<Ended, CliError> {
    let ExecStreams { id, mut output, mut input } = streams;
    let tty = terminal != Terminal::None;
    let resize = async |width, height| {
        // A process that has ended has no terminal any more.
        let _ = match terminal {
            Terminal::None => Ok(()),
            Terminal::Command => engine.resize_exec(&id, width, height).await,
            Terminal::Container => engine.resize_container(&id, width, height).await,
        };
    };
    let raw = if tty { RawTerminal::enter().ok() } else { None };
    let _typing = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        // A command that no longer reads is no reason to fail.
        let _ = tokio::io::copy(&mut stdin, &mut input).await;
        let _ = input.shutdown().await;
    }));
    let mut sizes = tty.then(resizes);
    if let (true, Some((width, height))) = (tty, size()) {
        resize(width, height).await;
    }
    loop {
        let resized = async {
            match &mut sizes {
                Some(sizes) => sizes.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            chunk = output.next() => match chunk {
                Some(chunk) => {
                    let (stderr, bytes) = chunk?;
                    let written = if stderr {
                        std::io::stderr().lock().write_all(&bytes)
                    } else {
                        let mut stdout = std::io::stdout().lock();
                        stdout.write_all(&bytes).and_then(|()| stdout.flush())
                    };
                    if let Err(error) = written {
                        if error.kind() == std::io::ErrorKind::BrokenPipe {
                            return Ok(Ended::NobodyReads);
                        }
                        return Err(Problem::Output(error).into());
                    }
                }
                None => break,
            },
            Some((width, height)) = resized => {
                resize(width, height).await;
            }
        }
    }
    drop(raw);
    Ok(Ended::Output)
}
