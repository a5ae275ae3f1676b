//! `devstack timings`: the last runs, and what has become slower.

use std::time::Duration;

use time::OffsetDateTime;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::Format;
use super::scope::Scope;
use super::timing::{cache, history_file};
use crate::report::{Cell, Column, Table, Tone, duration};
use crate::timing::{From, History, Run};

/// Arguments of `timings`.
#[derive(Debug, clap::Args)]
pub(super) struct TimingsArgs {
    /// Only the last runs
    #[arg(short = 'n', long, value_name = "RUNS", default_value_t = 10, value_parser = super::number::positive::<usize>)]
    tail: usize,
    /// `table`, or `json`: one object per run, times in milliseconds
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn timings(cx: &Context, args: &TimingsArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let text = cache(cx).and_then(|cache| cache.read(&history_file(&scope.name)).ok());
    let history = History::parse(&text.unwrap_or_default());
    if history.runs.is_empty() {
        cx.note(&format!("no runs of project {} are known yet", scope.name));
        return Ok(ExitStatus::Success);
    }
    let shown = &history.runs[history.runs.len().saturating_sub(args.tail)..];
    match args.format {
        Format::Json => cx.print(&History { runs: shown.to_vec() }.to_text())?,
        Format::Table => {
            let (width, colour) = (cx.table_width(), cx.stdout_colour());
            let runs = runs(shown).render(width, colour);
            let services = services(&history).render(width, colour);
            cx.print(&format!("{runs}\n{services}"))?;
        }
    }
    for slower in history.slower() {
        cx.note(&format!(
            "warning: {} got slower: {}, its median over {} earlier runs is {}",
            slower.service,
            duration(slower.took),
            slower.runs,
            duration(slower.median)
        ));
    }
    Ok(ExitStatus::Success)
}

fn runs(runs: &[Run]) -> Table {
    let columns = ["BEGAN (UTC)", "COMMAND", "TOOK", "SLOWEST"].map(Column::new);
    let mut table = Table::new(columns.into());
    for run in runs {
        let slowest = run.services.iter().max_by_key(|(_, boot)| boot.ms);
        table.push(vec![
            began(run.at).into(),
            run.command.as_str().into(),
            took(run.total_ms).into(),
            slowest
                .map(|(service, boot)| format!("{service} {}", took(boot.ms)))
                .unwrap_or_default()
                .into(),
        ]);
    }
    table
}

fn services(history: &History) -> Table {
    let slower = history.slower();
    let columns =
        ["SERVICE", "LAST", "MEDIAN", "LEAST", "MOST", "RUNS", "BEGAN WITH"].map(Column::new);
    let mut table = Table::new(columns.into());
    for usual in history.usual() {
        let is_slower = slower.iter().any(|it| it.service == usual.service);
        let tone = if is_slower { Tone::Caution } else { Tone::Normal };
        table.push(vec![
            usual.service.as_str().into(),
            Cell::new(took(usual.last.ms), tone),
            took(usual.median_ms).into(),
            took(usual.least_ms).into(),
            took(usual.most_ms).into(),
            usual.runs.to_string().into(),
            from(usual.last.from).into(),
        ]);
    }
    table
}

/// What a boot began with, in words.
const fn from(from: From) -> &'static str {
    match from {
        From::Nothing => "nothing",
        From::Data => "kept data",
        From::Container => "a stopped container",
    }
}

fn took(millis: u64) -> String {
    duration(Duration::from_millis(millis))
}

fn began(at: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    let (hour, minute, second) = at.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}", at.date())
}
