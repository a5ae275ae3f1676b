//! Interrupts, counted: each press of Ctrl-C (or SIGTERM) is one message.

use tokio::sync::watch;

/// How often the user has asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupts {
    count: watch::Receiver<u32>,
    /// How many of them have been acted upon.
    answered: u32,
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
        Self { count, answered: 0 }
    }

    /// Resolves when the user has asked at least `times` times.
    pub async fn at_least(&mut self, times: u32) {
        if self.count.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How many interrupts have been acted upon. Whoever waits for the next one counts from here,
    /// so that none is lost that comes between two things that wait.
    #[must_use]
    pub const fn answered(&self) -> u32 {
        self.answered
    }

    /// All interrupts until now have been acted upon.
    pub fn answer(&mut self) {
        self.answered = *self.count.borrow();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interrupt_that_nobody_waited_for_is_there_for_the_next_who_does() {
        let (sender, count) = watch::channel(0);
        let mut interrupts = Interrupts { count, answered: 0 };
        sender.send_modify(|count| *count += 1);
        let heard = interrupts.answered();
        interrupts.at_least(heard + 1).await;
        interrupts.answer();
        sender.send_modify(|count| *count += 1);
        let heard = interrupts.answered();
        interrupts.at_least(heard + 1).await;
        let more = std::time::Duration::ZERO;
        assert!(tokio::time::timeout(more, interrupts.at_least(heard + 2)).await.is_err());
    }
}
