//! Where the time of a command went, as a chart of bars for a terminal: a row for each container,
//! the critical path in colour, and a line of advice.

use std::fmt::Write as _;
use std::time::Duration;

use indexmap::IndexMap;

use super::colour::{Paint, Tone};
use super::label::Labels;
use super::wording;
use crate::event::{Action, Subject};
use crate::project::ServiceName;
use crate::timing::{Advice, Recording, Span, What, advice, spans};

/// Names beyond this many columns are cut.
const LONGEST_LABEL: usize = 20;

/// Bars have at most so many columns: more do not say more.
const WIDEST: usize = 72;

/// And at least so many, even where lines then wrap.
const NARROWEST: usize = 16;

/// Words beside the bars get at most this many hundredths of a line.
const WORDS: usize = 40;

/// Columns between two marks of the scale.
const TICK: usize = 12;

/// Steps shorter than this part of the whole are drawn but not named.
const WORTH_A_WORD: u32 = 50;

/// Draws a command that took `total` for a terminal of that many columns.
#[must_use]
pub fn gantt(recording: &Recording, total: Duration, columns: usize, colour: bool) -> String {
    let paint = Paint::new(colour);
    let spans = spans(recording);
    let end = spans.iter().map(|span| span.ended).max().unwrap_or_default().max(total);
    let labels = Labels::of(spans.iter().map(|span| &span.subject));
    let mut rows: IndexMap<String, Vec<&Span>> = IndexMap::new();
    for span in &spans {
        rows.entry(row_of(&span.subject, &labels)).or_default().push(span);
    }
    let words: Vec<String> = rows.values().map(|spans| words(spans, end)).collect();
    let label = rows.keys().map(|name| columns_of(name)).max().unwrap_or(0).min(LONGEST_LABEL);
    let text = words.iter().map(|words| columns_of(words)).max().unwrap_or(0);
    let text = text.min(columns * WORDS / 100);
    let bars = columns.saturating_sub(label + text + 4).clamp(NARROWEST, WIDEST);
    let scale = Scale { end, columns: bars };
    let mut out = String::new();
    let indent = label + 2;
    let _ = writeln!(out, "{:indent$}{}", "", paint.apply(Tone::Faint, &scale.marks()));
    for ((name, spans), words) in rows.iter().zip(&words) {
        let name = wording::shortened(name, label);
        let gap = label - columns_of(&name);
        let name = paint.apply(Tone::Strong, &name);
        let bar = bar(spans, scale, paint);
        let words = wording::shortened(words, text);
        let line = format!("{name}{:gap$}  {bar}  {words}", "");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "{}", legend(&spans, paint));
    if let Some(advice) = advice(recording) {
        let text = said(&advice, &labels);
        let _ = writeln!(out, "{} {text}", paint.apply(Tone::Good, "where the time went:"));
    }
    out
}

/// Says in a line what made a command slow.
#[must_use]
pub fn advice_line(recording: &Recording) -> Option<String> {
    let labels = Labels::of(recording.steps().iter().map(|step| &step.subject));
    advice(recording).map(|advice| said(&advice, &labels))
}

fn said(advice: &Advice, labels: &Labels) -> String {
    let name = |subject: &Subject| row_of(subject, labels);
    let time = |took: &Duration| wording::duration(*took);
    match advice {
        Advice::Waited { waiting, waited, awaited, boot } => {
            let (waiting, awaited) = (name(waiting), name(awaited));
            let (waited, boot) = (time(waited), time(boot));
            format!("{waiting} waited {waited} for {awaited}; {awaited}'s own boot was {boot}")
        }
        Advice::Boot { subject, boot } => {
            format!("{} was ready last; its own boot was {}", name(subject), time(boot))
        }
        Advice::Hook { subject, took } => {
            format!("a hook before the start of {} took {}", name(subject), time(took))
        }
        Advice::Pull { subject, took } => {
            format!("the image of {} took {} to pull", name(subject), time(took))
        }
        Advice::Build { subject, took, slowest } => {
            let mut text = format!("the image of {} took {} to build", name(subject), time(took));
            if let Some((step, took)) = slowest {
                let _ = write!(text, ", {} of it {}", time(took), wording::one_line(step));
            }
            text
        }
        Advice::Stop { subject, took } => {
            format!("{} took {} to stop", name(subject), time(took))
        }
    }
}

/// What the row of a subject is called: an image is shown with the first service that runs it.
pub(super) fn row_of(subject: &Subject, labels: &Labels) -> String {
    match subject {
        Subject::Container { service, name: container }
        | Subject::Hook { service, container, .. } => labels.get(service, container).to_owned(),
        Subject::Image { reference, services } => {
            services.first().map_or(reference.as_str(), ServiceName::as_str).to_owned()
        }
        Subject::Network(_) | Subject::Volume(_) => "resources".to_owned(),
    }
}

/// The time axis.
#[derive(Debug, Clone, Copy)]
struct Scale {
    end: Duration,
    columns: usize,
}

impl Scale {
    /// The moment at which a column begins.
    fn at(self, column: usize) -> Duration {
        let part = u128::try_from(column).unwrap_or_default();
        let columns = u128::try_from(self.columns.max(1)).unwrap_or(1);
        let nanos = self.end.as_nanos() * part / columns;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Round moments, each where its column begins.
    fn marks(self) -> String {
        let step = self.step();
        let mut line = String::new();
        let mut mark = Duration::ZERO;
        let mut width = 0;
        for column in 0..self.columns {
            let next = self.at(column + 1);
            if mark < next && column >= width {
                let text = format!("|{}", moment(mark));
                width = column + text.len() + 1;
                let gap = column - line.len();
                let _ = write!(line, "{:gap$}{text}", "");
                while mark < next {
                    mark += step;
                }
            }
        }
        line
    }

    /// The least of 1, 2 and 5 with any number of noughts that leaves room between two marks.
    fn step(self) -> Duration {
        let room = self.at(TICK.min(self.columns));
        let mut step = Duration::from_millis(1);
        for factor in [2, 5].into_iter().cycle() {
            if step >= room {
                break;
            }
            // 1, 2, 5, 10: the last step of each turn is from 5 to 10, that is by 2 again.
            step = if factor == 2 { step * 2 } else { step / 2 * 5 };
            if factor == 5 && step < room {
                step *= 2;
            }
        }
        step.max(Duration::from_millis(1))
    }
}

/// A moment of the scale: `0`, `500ms`, `2s`, `1m30s`.
fn moment(at: Duration) -> String {
    let millis = at.as_millis();
    match millis {
        0 => "0".to_owned(),
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        _ if millis < 60_000 => format!("{}s", millis / 1000),
        _ => format!("{}m{:02}s", millis / 60_000, millis / 1000 % 60),
    }
}

/// How a column of a bar looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Nothing,
    Waiting,
    Busy,
    Critical,
    Failed,
}

impl Look {
    fn of(span: &Span) -> Self {
        match span.what {
            _ if span.failed => Self::Failed,
            What::Waiting => Self::Waiting,
            _ if span.critical => Self::Critical,
            _ => Self::Busy,
        }
    }

    const fn glyph(self) -> &'static str {
        match self {
            Self::Nothing => " ",
            Self::Waiting => "·",
            Self::Busy => "░",
            Self::Critical => "█",
            Self::Failed => "x",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Nothing | Self::Busy => Tone::Normal,
            Self::Waiting => Tone::Faint,
            Self::Critical => Tone::Caution,
            Self::Failed => Tone::Bad,
        }
    }
}

/// Draws a row: each column shows the most telling of what went on then.
fn bar(spans: &[&Span], scale: Scale, paint: Paint) -> String {
    let looks: Vec<Look> = (0..scale.columns)
        .map(|column| {
            let (from, to) = (scale.at(column), scale.at(column + 1));
            spans
                .iter()
                .filter(|span| span.begun < to && span.ended > from)
                .map(|span| Look::of(span))
                .max()
                .unwrap_or(Look::Nothing)
        })
        .collect();
    let mut out = String::new();
    for stretch in looks.chunk_by(|one, other| one == other) {
        let text = stretch[0].glyph().repeat(stretch.len());
        out += &paint.apply(stretch[0].tone(), &text);
    }
    out
}

/// What took its time, in the order of the row.
fn words(spans: &[&Span], end: Duration) -> String {
    let mut words: IndexMap<&str, Duration> = IndexMap::new();
    for span in spans {
        let took = span.ended.saturating_sub(span.begun);
        let word = match &span.what {
            What::Waiting => "waited",
            What::Step(Action::Await) => "boot",
            What::Step(Action::Complete) => "run",
            What::Step(action) => wording::verb(*action),
            What::Part(_) | What::Boot(_) => continue,
        };
        if took * WORTH_A_WORD >= end {
            // Several volumes, or several images of one service, are made side by side.
            let longest = words.entry(word).or_default();
            *longest = took.max(*longest);
        }
    }
    wording::list(
        words.into_iter().map(|(word, took)| format!("{word} {}", wording::duration(took))),
    )
}

fn legend(spans: &[Span], paint: Paint) -> String {
    let texts = [
        (Look::Critical, "critical path"),
        (Look::Busy, "beside it"),
        (Look::Waiting, "waiting for other services"),
        (Look::Failed, "failed or cut short"),
    ];
    let shown = texts.iter().filter(|(look, _)| spans.iter().any(|span| Look::of(span) == *look));
    let parts: Vec<String> = shown
        .map(|(look, text)| format!("{} {text}", paint.apply(look.tone(), look.glyph())))
        .collect();
    parts.join("  ")
}

fn columns_of(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::timing::fixture::*;

    #[test]
    fn a_start_is_drawn_with_its_critical_path_and_advice() {
        insta::assert_snapshot!(gantt(&stack(), ms(5600), 100, false), @"
                   |0                     |2s                    |4s
        resources  ██
        db          ░░░░░░░░░░░░                                                      boot 860ms
        mq          █████████████████████████████████████████████                     boot 3.7s
        api         ░···········································████████████████████  waited 3.7s, boot 1.5s
        █ critical path  ░ beside it  · waiting for other services
        where the time went: api waited 3.7s for mq; mq's own boot was 3.8s
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_short_bars() {
        insta::assert_snapshot!(gantt(&stack(), ms(5600), 60, false), @"
                   |0                    |5s
        resources  █
        db         ░░░░░                      boot 860ms
        mq         ██████████████████         boot 3.7s
        api        ░················████████  waited 3.7s, boot 1.5s
        █ critical path  ░ beside it  · waiting for other services
        where the time went: api waited 3.7s for mq; mq's own boot was 3.8s
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let plain = gantt(&stack(), ms(5600), 100, false);
        let painted = gantt(&stack(), ms(5600), 100, true);
        assert!(painted.contains("\u{1b}[33m█"));
        assert_eq!(console::strip_ansi_codes(&painted), plain);
    }

    #[test]
    fn a_failure_shows_without_colour() {
        let db = container("db");
        let mut recording = Recording::default();
        let events: [(u64, Event); 6] = [
            (0, planned(&[(&db, Action::Start, &[]), (&db, Action::Await, &[0])])),
            (0, started(&db, Action::Start)),
            (50, finished(&db, Action::Start)),
            (50, started(&db, Action::Await)),
            (100, listening(&db)),
            (2050, failed(&db, Action::Await)),
        ];
        record(&mut recording, &events);
        insta::assert_snapshot!(gantt(&recording, ms(2060), 80, false), @"
            |0          |500ms       |1s          |1500ms      |2s
        db  █xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  start 50ms, boot 2.0s
        █ critical path  x failed or cut short
        ");
    }

    #[test]
    fn marks_of_the_scale_are_round() {
        let marks = |millis: u64| Scale { end: ms(millis), columns: 48 }.marks();
        insta::assert_snapshot!(
            [0, 30, 250, 1000, 5600, 40_000, 200_000].map(marks).join("\n"),
            @"
        |0              |10ms           |20ms
        |0                 |100ms             |200ms
        |0                      |500ms
        |0               |2s              |4s
        |0          |10s        |20s        |30s
        |0          |50s        |1m40s      |2m30s
        "
        );
    }
}
