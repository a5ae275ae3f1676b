//! The one seam between a run and what a person sees of it.

use std::io::Write;
use std::time::Duration;

use console::Term;
use time::OffsetDateTime;

use super::colour::{Paint, Tone};
use super::json::Json;
use super::plain::Plain;
use super::screen::Screen;
use super::tty::Tty;
use super::wording;
use crate::event::Event;

/// Shows a run as it happens. `now` is the time since the run began and never goes back.
///
/// Nothing here fails: a run goes on when nobody can watch it.
pub trait Reporter: Send {
    /// Takes in an event.
    fn report(&mut self, event: &Event, now: Duration);

    /// Brings what is shown up to date; to be called every 50 to 100 ms.
    fn tick(&mut self, now: Duration) {
        let _ = now;
    }

    /// Lets `write` use the terminal: live lines go away before and come back after.
    fn suspend(&mut self, write: &mut dyn FnMut()) {
        write();
    }

    /// Ends the display; what is worth keeping stays.
    fn finish(self: Box<Self>, now: Duration);
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// Live lines where they can be seen, plain ones elsewhere.
    Auto,
    /// Live lines.
    Tty,
    /// One line for each change.
    Plain,
    /// One JSON object for each event.
    Json,
    /// Warnings only.
    Quiet,
}

/// What the reporter needs to know of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalFacts {
    /// Whether live lines can be drawn on stderr.
    pub stderr_is_live: bool,
    /// Whether stderr shows colour.
    pub colour: bool,
}

/// Returns the reporter that shows a run on stderr. `started` is the wall clock's time at which
/// the run began.
#[must_use]
pub fn reporter(
    progress: ProgressMode,
    facts: TerminalFacts,
    started: OffsetDateTime,
) -> Box<dyn Reporter> {
    let paint = Paint::new(facts.colour);
    let live = match progress {
        ProgressMode::Auto => facts.stderr_is_live,
        ProgressMode::Tty => true,
        ProgressMode::Plain => false,
        ProgressMode::Json => return Box::new(Json::new(std::io::stderr(), started)),
        ProgressMode::Quiet => return Box::new(Quiet::new(std::io::stderr(), paint)),
    };
    if live {
        Box::new(Tty::new(Screen::new(Term::buffered_stderr()), paint))
    } else {
        Box::new(Plain::new(std::io::stderr(), paint))
    }
}

/// Formats a warning.
pub(crate) fn warning(paint: Paint, text: &str) -> String {
    format!("{} {}", paint.apply(Tone::Caution, "warning:"), wording::one_line(text))
}

/// Shows nothing but warnings.
struct Quiet<W> {
    out: W,
    paint: Paint,
}

impl<W: Write + Send> Quiet<W> {
    fn new(out: W, paint: Paint) -> Self {
        Self { out, paint }
    }
}

impl<W: Write + Send> Reporter for Quiet<W> {
    fn report(&mut self, event: &Event, _: Duration) {
        if let Event::Warning(text) = event {
            let _ = writeln!(self.out, "{}", warning(self.paint, text));
        }
    }

    fn finish(self: Box<Self>, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_still_warns() {
        let mut out = Vec::new();
        let mut quiet = Box::new(Quiet::new(&mut out, Paint::new(false)));
        let planned =
            Event::Planned { steps: Vec::new(), after: Vec::new(), unchanged: Vec::new() };
        quiet.report(&planned, Duration::ZERO);
        quiet.report(&Event::Warning("`version` is obsolete".to_owned()), Duration::ZERO);
        quiet.finish(Duration::ZERO);
        assert_eq!(String::from_utf8(out).unwrap(), "warning: `version` is obsolete\n");
    }
}
