//! A terminal whose cursor rests at the end of the last line's text.
//!
//! indicatif fills every line with spaces up to the right edge. There the `^C` that a terminal
//! echoes would wrap, and the next picture would be drawn one line too low.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::TermLike;

/// Writes on `T`, with line breaks in place of indicatif's fillers.
#[derive(Debug, Clone)]
pub(crate) struct Screen<T> {
    term: T,
    /// A line was filled: whatever is written next belongs on the next one.
    filled: Arc<AtomicBool>,
}

impl<T> Screen<T> {
    /// Returns a screen on a terminal.
    pub(crate) fn new(term: T) -> Self {
        Self { term, filled: Arc::default() }
    }

    fn settled(&self) -> &T {
        self.filled.store(false, Ordering::Relaxed);
        &self.term
    }
}

impl<T: TermLike> TermLike for Screen<T> {
    fn width(&self) -> u16 {
        self.term.width()
    }

    fn height(&self) -> u16 {
        self.term.height()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.settled().move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.settled().move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.settled().move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.settled().move_cursor_left(n)
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.settled().write_line(s)
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        // No row consists of spaces alone, so this is a filler.
        if s.bytes().all(|byte| byte == b' ') {
            self.filled.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if self.filled.swap(false, Ordering::Relaxed) {
            self.term.write_line("")?;
        }
        self.term.write_str(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.settled().clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.settled().flush()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressBar, ProgressDrawTarget, ProgressStyle};

    use super::*;

    #[test]
    fn what_a_terminal_echoes_stays_on_the_last_line() {
        let term = InMemoryTerm::new(10, 20);
        let screen = Screen::new(term.clone());
        let style = ProgressStyle::with_template("{msg}").unwrap();
        let target = ProgressDrawTarget::term_like(Box::new(screen));
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        bar.set_message("db   starting\napi  waiting");
        assert_eq!(term.contents(), "db   starting\napi  waiting");
        term.write_str("^C").unwrap();
        assert_eq!(term.contents(), "db   starting\napi  waiting^C");
        bar.set_message("db   ready\napi  starting");
        assert_eq!(term.contents(), "db   ready\napi  starting");
        bar.finish_and_clear();
        assert_eq!(term.contents(), "");
    }
}
