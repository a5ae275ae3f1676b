//! Scripted servers for the tests of the conversations.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

/// One act of a scripted server.
pub(super) enum Act {
    /// Reads exactly these bytes.
    Hear(Vec<u8>),
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Sends these bytes one by one, each in a read of its own.
    SaySlowly(Vec<u8>),
    /// Keeps the connection open and says nothing more.
    Stall,
}

/// Starts a server that performs these acts and then hangs up; returns the client's end and the
/// server, which panics when it hears something else.
pub(super) fn serve(acts: Vec<Act>) -> (DuplexStream, JoinHandle<()>) {
    let (client, mut server) = tokio::io::duplex(64 * 1024);
    let running = tokio::spawn(async move {
        for act in acts {
            match act {
                Act::Hear(expected) => {
                    let mut heard = vec![0; expected.len()];
                    server.read_exact(&mut heard).await.unwrap();
                    assert_eq!(heard, expected, "the server hears something else");
                }
                // A client that has seen enough may be gone.
                Act::Say(bytes) => drop(server.write_all(&bytes).await),
                Act::SaySlowly(bytes) => {
                    for byte in bytes {
                        drop(server.write_all(&[byte]).await);
                        tokio::task::yield_now().await;
                    }
                }
                Act::Stall => std::future::pending().await,
            }
        }
    });
    (client, running)
}
