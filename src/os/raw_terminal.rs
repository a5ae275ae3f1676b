//! The terminal in raw mode: every key goes to the program inside a container.

use std::io;

use futures_util::Stream;

/// Raw mode as long as it lives.
#[derive(Debug)]
pub struct RawTerminal(());

impl RawTerminal {
    /// Switches raw mode on.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn enter() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self(()))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // There is nothing left to do for a terminal that is gone.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Columns and rows of the terminal.
#[must_use]
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// The terminal's new size each time that it changes.
#[cfg(unix)]
#[must_use]
pub fn resizes() -> std::pin::Pin<Box<dyn Stream<Item = (u16, u16)> + Send>> {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(changes) = signal(SignalKind::window_change()) else {
        return Box::pin(futures_util::stream::pending());
    };
    Box::pin(futures_util::stream::unfold(changes, |mut changes| async {
        loop {
            changes.recv().await?;
            if let Some(size) = size() {
                return Some((size, changes));
            }
        }
    }))
}

/// The terminal's new size each time that it changes: not announced on this system.
#[cfg(not(unix))]
#[must_use]
pub fn resizes() -> std::pin::Pin<Box<dyn Stream<Item = (u16, u16)> + Send>> {
    Box::pin(futures_util::stream::pending())
}
