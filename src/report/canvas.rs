//! Rows as text: signs, columns, bars and colours, cut to the width of the terminal by display
//! width. Pure; [`super::tty`] puts the result on the screen.

use std::fmt::Write as _;
use std::time::Duration;

use console::{measure_text_width, truncate_str};

use super::colour::{Paint, Tone};
use super::row::{Mark, RenderedRow};
use super::wording;

/// How rows are drawn. Columns move as rarely as can be, so that the display keeps still.
#[derive(Debug)]
pub(crate) struct Canvas {
    paint: Paint,
    label_width: usize,
    text_width: usize,
    /// When a text last needed all of `text_width`.
    needed: Duration,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// How long the spinner shows one of its pictures.
const FRAME: Duration = Duration::from_millis(100);
/// Beyond this width, eyes lose the line.
const WIDEST: usize = 100;
/// Short texts leave the clock where longer ones will put it.
const USUAL_TEXT: usize = 36;
/// For so long the clocks stay where a longer text has put them.
const HOLD: Duration = Duration::from_secs(2);
/// Amounts of usual pulls are no wider, such as `105.7/150.5MB`.
const USUAL_AMOUNT: usize = 13;
const LONGEST_LABEL: usize = 24;
const BAR: usize = 20;
/// The sign, the gaps between columns, and the clock.
const MARK: usize = 2;
const GAP: usize = 2;
const CLOCK: usize = 7;
/// From when on a clock is shown: what is quick needs none.
const CLOCK_FROM: Duration = Duration::from_secs(1);

impl Canvas {
    /// Returns a canvas that nothing has been drawn on.
    pub(crate) fn new(paint: Paint) -> Self {
        Self { paint, label_width: 0, text_width: USUAL_TEXT, needed: Duration::ZERO }
    }

    /// Draws the rows as they are at `now`, one line each.
    pub(crate) fn draw(
        &mut self,
        rows: &[RenderedRow],
        now: Duration,
        width: usize,
    ) -> Vec<String> {
        // The last column stays empty: a full line makes some terminals wrap.
        let width = width.saturating_sub(1).min(WIDEST);
        let label = rows.iter().map(|row| measure_text_width(&row.label)).max().unwrap_or(0);
        self.label_width = self.label_width.max(label).min(LONGEST_LABEL).min(width / 3);
        let room = width.saturating_sub(MARK + self.label_width + GAP + GAP + CLOCK);
        let gauge = Gauge::of(rows, room);
        let texts: Vec<_> = rows.iter().map(|row| self.text(row, &gauge, room)).collect();
        let text = rows.iter().zip(&texts).filter(|(row, _)| clock(row).is_some()).map(
            // A row without a name begins where names do.
            |(row, (width, _))| {
                width.saturating_sub(if row.label.is_empty() { self.label_width + GAP } else { 0 })
            },
        );
        let needed = text.max().unwrap_or(0).max(USUAL_TEXT);
        if needed >= self.text_width {
            self.needed = now;
        }
        if needed > self.text_width || now.saturating_sub(self.needed) >= HOLD {
            self.text_width = needed;
        }
        self.text_width = self.text_width.min(room);
        let line = |(row, (text_width, text)): (&RenderedRow, (usize, String))| {
            self.line(row, text_width, &text, now, width)
        };
        rows.iter().zip(texts).map(line).collect()
    }

    /// The text of a row with its bar, and how wide it is.
    fn text(&self, row: &RenderedRow, gauge: &Gauge, room: usize) -> (usize, String) {
        let Some((percent, amount)) = &row.gauge else {
            // What has no clock may use its place.
            let room = if clock(row).is_some() { room } else { room + GAP + CLOCK };
            let room = if row.label.is_empty() { room + self.label_width + GAP } else { room };
            let text = truncate_str(&row.text, room, "…");
            let tone = match row.mark {
                Mark::Working | Mark::Done => Tone::Normal,
                Mark::Failed => Tone::Bad,
                Mark::Unchanged | Mark::Waiting | Mark::Skipped | Mark::More => Tone::Faint,
            };
            return (measure_text_width(&text), self.paint.apply(tone, &text));
        };
        let text = truncate_str(&row.text, gauge.text, "…");
        let mut line = pad(&text, gauge.text);
        let mut columns = gauge.text + 2 + 4;
        line.push_str("  ");
        if gauge.bar {
            let full = usize::from(*percent) * BAR / 100;
            line.push_str(&self.paint.apply(Tone::Busy, &"━".repeat(full)));
            line.push_str(&self.paint.apply(Tone::Faint, &"─".repeat(BAR - full)));
            line.push(' ');
            columns += BAR + 1;
        }
        let _ = write!(line, "{percent:>3}%");
        if gauge.amount > 0 {
            line.push_str("  ");
            line.push_str(&pad(amount, gauge.amount));
            columns += 2 + gauge.amount;
        }
        (columns, line)
    }

    fn line(
        &self,
        row: &RenderedRow,
        text_width: usize,
        text: &str,
        now: Duration,
        width: usize,
    ) -> String {
        let mut line = self.sign(row.mark, now);
        line.push(' ');
        let mut text_column = self.text_width;
        if row.label.is_empty() {
            text_column += self.label_width + GAP;
        } else {
            let label = truncate_str(&row.label, self.label_width, "…");
            let tone = match row.mark {
                Mark::Unchanged | Mark::Waiting | Mark::Skipped => Tone::Faint,
                _ => Tone::Strong,
            };
            let gap = self.label_width + GAP - measure_text_width(&label);
            line.push_str(&self.paint.apply(tone, &label));
            line.push_str(&" ".repeat(gap));
        }
        line.push_str(text);
        if let Some(elapsed) = clock(row) {
            let gap = text_column.saturating_sub(text_width) + GAP;
            let clock = format!("{:>CLOCK$}", wording::running(elapsed));
            line.push_str(&" ".repeat(gap));
            line.push_str(&self.paint.apply(Tone::Faint, &clock));
        }
        // Only a terminal too narrow for its columns still has something to lose here.
        truncate_str(line.trim_end(), width, "…").into_owned()
    }

    fn sign(&self, mark: Mark, now: Duration) -> String {
        let (tone, sign) = match mark {
            Mark::Working => {
                let frame = now.as_millis() / FRAME.as_millis() % SPINNER.len() as u128;
                (Tone::Busy, SPINNER[usize::try_from(frame).unwrap_or(0)])
            }
            Mark::Waiting => (Tone::Faint, "·"),
            Mark::Done => (Tone::Good, "✔"),
            Mark::Unchanged => (Tone::Faint, "✔"),
            Mark::Skipped => (Tone::Faint, "-"),
            Mark::Failed => (Tone::Bad, "✘"),
            Mark::More => (Tone::Normal, " "),
        };
        self.paint.apply(tone, sign)
    }
}

/// Which parts of a pull's line there is room for, the same for all of them.
struct Gauge {
    text: usize,
    bar: bool,
    amount: usize,
}

impl Gauge {
    fn of(rows: &[RenderedRow], room: usize) -> Self {
        let gauges = || rows.iter().filter_map(|row| Some((row, row.gauge.as_ref()?)));
        let text = gauges().map(|(row, _)| measure_text_width(&row.text)).max().unwrap_or(0);
        let amount = gauges().map(|(_, (_, amount))| amount.len()).max().unwrap_or(0);
        let percent = 2 + 4;
        let room = room.saturating_sub(percent);
        let usual = amount.max(USUAL_AMOUNT);
        if text + BAR + 1 + 2 + usual <= room {
            Self { text, bar: true, amount: usual }
        } else if text + BAR + 1 + 2 + amount <= room {
            Self { text, bar: true, amount }
        } else if text + 2 + amount <= room {
            Self { text, bar: false, amount }
        } else if amount + 2 + 12 <= room {
            Self { text: room - amount - 2, bar: false, amount }
        } else {
            Self { text: text.min(room), bar: false, amount: 0 }
        }
    }
}

fn clock(row: &RenderedRow) -> Option<Duration> {
    row.elapsed.filter(|elapsed| *elapsed >= CLOCK_FROM)
}

fn pad(text: &str, width: usize) -> String {
    let gap = width.saturating_sub(measure_text_width(text));
    format!("{text}{}", " ".repeat(gap))
}
