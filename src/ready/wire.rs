//! One conversation with a server over a byte stream: say something, hear whole messages.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Reason;

/// No message that a probe waits for is longer, so a longer one is not from the server meant.
pub(super) const MESSAGE_LIMIT: usize = 64 * 1024;

/// A codec's finding that the bytes do not belong to its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign;

/// A byte stream with what was read from it and not understood yet.
pub(super) struct Wire<S> {
    stream: S,
    received: BytesMut,
    protocol: &'static str,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Begins a conversation. The protocol is named in the reason when the answers are foreign.
    pub(super) fn new(stream: S, protocol: &'static str) -> Self {
        Self { stream, received: BytesMut::new(), protocol }
    }

    /// Sends bytes.
    pub(super) async fn say(&mut self, bytes: &[u8]) {
        // A server that is full answers and hangs up before it is asked. The write then fails,
        // while the answer still waits to be read: the next `hear` tells what happened.
        if self.stream.write_all(bytes).await.is_ok() {
            let _ = self.stream.flush().await;
        }
    }

    /// Waits for the next whole message. `decode` takes it from the front of the bytes, or
    /// returns `None` while they are incomplete.
    pub(super) async fn hear<T>(
        &mut self,
        decode: impl Fn(&mut BytesMut) -> Result<Option<T>, Foreign>,
    ) -> Result<T, Reason> {
        loop {
            match decode(&mut self.received) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) if self.received.len() <= MESSAGE_LIMIT => {}
                Ok(None) | Err(Foreign) => return Err(self.foreign()),
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(Reason::Closed),
                Ok(_) => {}
                Err(error) => return Err(Reason::from_io(&error)),
            }
        }
    }

    /// The reason for a message that is well formed and has no place here.
    pub(super) fn foreign(&self) -> Reason {
        Reason::UnexpectedAnswer { protocol: self.protocol }
    }
}
