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
        let signals = Signals::listen();
        tokio::spawn(async move {
            let Ok(mut signals) = signals else {
                // Keep the channel open: a closed one would look like a signal.
                return std::future::pending::<()>().await;
            };
            loop {
                signals.next().await;
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
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    /// One registration for the whole run: nothing is lost between two signals.
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        kinds.into_iter().map(signal).collect::<Result<_, _>>().map(Self)
    }

    async fn next(&mut self) {
        let signals = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(signals).await;
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
