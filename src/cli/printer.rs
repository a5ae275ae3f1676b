//! Writes log lines to standard output: masked, filtered, in the style that was asked for.

use std::io::{self, Write as _};

use super::context::Context;
use super::error::{CliError, Problem};
use super::following::Told;
use super::redact::Redactor;
use crate::logs::{Filter, Format, Level, LogLine, Options, Painters, Part, Source, Wanted};
use crate::project::ProjectName;
use crate::report::{Paint, Palette, Tone};
use crate::state::ObservedContainer;

/// Writes lines to standard output.
pub(super) struct Printer {
    /// `None` when secrets are to be seen.
    redactor: Option<Redactor>,
    filter: Filter,
    format: Format,
    out: io::BufWriter<io::Stdout>,
    /// What one line brings forth, kept for the next one.
    wanted: Vec<LogLine>,
}

impl Printer {
    pub(super) fn new(
        cx: &Context,
        project: &ProjectName,
        containers: &[&ObservedContainer],
        options: Options,
    ) -> Self {
        let sources: Vec<Source> =
            containers.iter().map(|container| Told::of(container).source(project)).collect();
        let services = sources.iter().map(|source| source.service.clone());
        let palette = Palette::new(services, options.colour);
        let paint = Paint::new(options.colour);
        let painters = Painters {
            service: Box::new(move |service, text| palette.paint(service, text)),
            part: Box::new(move |part, text| paint.apply(tone(*part), text)),
        };
        Self {
            redactor: Some(cx.redactor()),
            filter: Filter::default(),
            format: Format::new(options, &sources, painters),
            out: io::BufWriter::with_capacity(64 * 1024, io::stdout()),
            wanted: Vec::new(),
        }
    }

    /// Lets through only what is wanted.
    pub(super) fn only(self, wanted: Wanted) -> Self {
        Self { filter: Filter::new(wanted), ..self }
    }

    /// Does not hide secrets.
    pub(super) fn show_secrets(self, show: bool) -> Self {
        Self { redactor: if show { None } else { self.redactor }, ..self }
    }

    /// Hides the secrets that the files have now, too.
    pub(super) fn renew(&mut self, cx: &Context) {
        if self.redactor.is_some() {
            self.redactor = Some(cx.redactor());
        }
    }

    fn mask(&self, line: LogLine) -> LogLine {
        match &self.redactor {
            Some(redactor) => LogLine { bytes: redactor.bytes(line.bytes), ..line },
            None => line,
        }
    }

    /// Masks a line and hands on what is wanted because of it.
    pub(super) fn sift(&mut self, line: LogLine) -> std::vec::Drain<'_, LogLine> {
        let line = self.mask(line);
        self.filter.push(line, &mut self.wanted);
        self.wanted.drain(..)
    }

    /// Writes a line, perhaps later together with others; whether anybody still reads.
    pub(super) fn hold(&mut self, line: LogLine) -> Result<bool, CliError> {
        if self.filter.is_open() {
            let line = self.mask(line);
            return self.write(&line);
        }
        let wanted: Vec<LogLine> = self.sift(line).collect();
        for line in wanted {
            if !self.write(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a line that has been sifted.
    pub(super) fn write(&mut self, line: &LogLine) -> Result<bool, CliError> {
        reading(self.format.write(&mut self.out, line))
    }

    /// Writes out what is held; whether anybody still reads.
    pub(super) fn flush(&mut self) -> Result<bool, CliError> {
        reading(self.out.flush())
    }
}

const fn tone(part: Part) -> Tone {
    match part {
        Part::Level(Level::Trace | Level::Debug) | Part::Data => Tone::Faint,
        Part::Level(Level::Info) => Tone::Good,
        Part::Level(Level::Warn) => Tone::Caution,
        Part::Level(Level::Error | Level::Fatal) => Tone::Bad,
        Part::Context => Tone::Busy,
    }
}

fn reading(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        // The reader has seen enough, as in `devstack logs | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Problem::Output(error).into()),
    }
}
