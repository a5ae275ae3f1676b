//! The live display on a terminal. Decides when to draw; what to draw is [`super::board`]'s and
//! [`super::canvas`]'s.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::board::Board;
use super::canvas::Canvas;
use super::colour::Paint;
use super::reporter::{Reporter, warning};
use crate::event::Event;

/// Draws on `T`, and asks it for its size every time.
#[derive(Debug)]
pub(crate) struct Tty<T> {
    term: T,
    /// All rows are the message of one bar, so that they reach the screen in one piece. There is
    /// none as long as nothing was drawn.
    bar: Option<ProgressBar>,
    board: Board,
    canvas: Canvas,
    paint: Paint,
    began: Option<Duration>,
    drawn: Duration,
}

/// What ends sooner than this is not worth a picture on the way.
const PATIENCE: Duration = Duration::from_millis(100);
/// Eyes cannot follow more than about 20 pictures in a second.
const BETWEEN_PICTURES: Duration = Duration::from_millis(50);

impl<T: TermLike + Clone + 'static> Tty<T> {
    /// Returns a display on `term` that shows nothing yet.
    pub(crate) fn new(term: T, paint: Paint) -> Self {
        Self {
            term,
            bar: None,
            board: Board::default(),
            canvas: Canvas::new(paint),
            paint,
            began: None,
            drawn: Duration::ZERO,
        }
    }

    fn draw(&mut self, now: Duration) {
        let early = self.began.is_none_or(|began| now.saturating_sub(began) < PATIENCE);
        let recent = self.bar.is_some() && now.saturating_sub(self.drawn) < BETWEEN_PICTURES;
        if early || recent {
            return;
        }
        let rows = self.board.rows(now, self.height());
        if rows.is_empty() {
            return;
        }
        let lines = self.canvas.draw(&rows, now, self.width());
        let term = &self.term;
        let bar = self.bar.get_or_insert_with(|| bar(term.clone()));
        let picture = lines.join("\n");
        if bar.message() != picture {
            bar.set_message(picture);
        }
        self.drawn = now;
    }

    /// Replaces the live lines by those that stay.
    fn settle(&mut self, now: Duration) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let rows = self.board.final_rows(self.height());
        for line in self.canvas.draw(&rows, now, self.width()) {
            let _ = self.term.write_line(&line);
        }
        let _ = self.term.flush();
        self.board = Board::default();
    }

    /// The rows that there is room for; the last line of the screen is left free.
    fn height(&self) -> usize {
        usize::from(self.term.height()).saturating_sub(1).max(1)
    }

    fn width(&self) -> usize {
        usize::from(self.term.width())
    }
}

impl<T: TermLike + Clone + 'static> Reporter for Tty<T> {
    fn report(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Planned { .. } => {
                self.settle(now);
                self.began = Some(now);
            }
            Event::Warning(text) => {
                let line = warning(self.paint, text);
                let term = self.term.clone();
                self.suspend(&mut || {
                    let _ = term.write_line(&line).and_then(|()| term.flush());
                });
            }
            _ => {}
        }
        self.board.apply(event, now);
        self.draw(now);
    }

    fn tick(&mut self, now: Duration) {
        self.draw(now);
    }

    fn suspend(&mut self, write: &mut dyn FnMut()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn finish(mut self: Box<Self>, now: Duration) {
        self.settle(now);
    }
}

fn bar<T: TermLike + 'static>(term: T) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("the template has one known key");
    let target = ProgressDrawTarget::term_like(Box::new(term));
    ProgressBar::with_draw_target(None, target).with_style(style)
}

#[cfg(test)]
mod tests;
