//! Interrupts, counted: each press of Ctrl-C (or SIGTERM) is one message.

use tokio::sync::watch;

/// How often the user has asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupts {
    count: watch::Receiver<u32>,
}

impl Interrupts {
    /// Listens from now on. Without the right to listen nothing is ever received.
    #[must_use]
    pub fn listen() -> Self {
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                if wait_for_one().await.is_err() {
                    // Keep the channel open: a closed one would look like a signal.
                    std::future::pending::<()>().await;
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Self { count }
    }

    /// Resolves when the user has asked at least `times` times.
    pub async fn at_least(&mut self, times: u32) {
        if self.count.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How often the user has asked so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        *self.count.borrow()
    }
}

#[cfg(unix)]
async fn wait_for_one() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_one() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
