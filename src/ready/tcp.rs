//! Any TCP service: a connection that stays open for a moment.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::Reason;

/// How long the connection must stay open. The engine's port proxy accepts before anything
/// listens in the container; it then fails to connect there, and hangs up, within milliseconds.
const STAYS_OPEN: Duration = Duration::from_millis(20);

/// Succeeds when the other side speaks first, or keeps the connection open.
pub(super) async fn ask<S: AsyncRead + Unpin>(mut stream: S) -> Result<(), Reason> {
    match timeout(STAYS_OPEN, stream.read_u8()).await {
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(Reason::from_io(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Act, serve};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_an_open_connection_is_ready() {
        let cases = [
            (vec![Act::Stall], Ok(())),
            (vec![Act::Say(b"220 hello\r\n".to_vec())], Ok(())),
            (vec![], Err(Reason::Closed)),
        ];
        for (acts, expected) in cases {
            let (client, server) = serve(acts);
            assert_eq!(ask(client).await, expected);
            server.abort();
        }
    }
}
