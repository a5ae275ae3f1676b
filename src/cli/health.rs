//! `devstack health`: one line per service and an exit code.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::inspection::{ServiceStatus, inspect, words};
use super::ps::Format;
use super::scope::{Scope, desired};
use crate::os::signal::Interrupts;
use crate::report::{Cell, Column, Table, Tone};

/// Time between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(500);

/// Arguments of `health`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 0 when every service is ready, or finished where that is its \
    purpose; else 1.\n\nExamples:\n  devstack health -q && npm test\n  \
    devstack health --wait --wait-timeout 30 api")]
pub(super) struct HealthArgs {
    /// Services to ask, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Print nothing: the exit code says it
    #[arg(short, long)]
    quiet: bool,
    /// Ask again until all is well
    #[arg(long)]
    wait: bool,
    /// Longest wait, in seconds; waits by itself
    #[arg(long, value_name = "SECONDS", value_parser = super::number::seconds)]
    wait_timeout: Option<u64>,
    /// `table` or `json`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// One service on the JSON wire.
#[derive(Serialize)]
struct ServiceHealth<'a> {
    service: &'a str,
    ok: bool,
    state: String,
    reason: Option<&'a str>,
    cause: Option<&'a str>,
    help: Option<&'a str>,
}

pub(super) async fn health(cx: &Context, args: HealthArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let wanted = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let desired = desired(&project);
    let wait = args.wait || args.wait_timeout.is_some();
    let deadline = Instant::now() + Duration::from_secs(args.wait_timeout.unwrap_or(60));
    let mut interrupts = Interrupts::listen();
    let statuses = loop {
        let statuses = inspect(cx, &engine, &project, &desired, &wanted, false).await?;
        let done = statuses.iter().all(|status| status.ok);
        if done || !wait || Instant::now() + PAUSE > deadline {
            break statuses;
        }
        tokio::select! {
            () = interrupts.at_least(1) => return Ok(ExitStatus::Interrupted),
            () = tokio::time::sleep(PAUSE) => {}
        }
    };
    if !args.quiet {
        match args.format {
            Format::Table => {
                cx.print_table(&table(&statuses))?;
                for status in &statuses {
                    if let (Some(cause), Some(help)) = (&status.cause, &status.help) {
                        cx.note(&format!("{}: {cause}\n  help: {help}", status.service));
                    }
                }
            }
            Format::Json => cx.print(&json(&statuses))?,
        }
    }
    let well = statuses.iter().all(|status| status.ok);
    Ok(if well { ExitStatus::Success } else { ExitStatus::Failure })
}

fn table(statuses: &[ServiceStatus]) -> Table {
    let mut table = Table::new(vec![
        Column::new("SERVICE"),
        Column::new("HEALTH"),
        Column::new("REASON").gives_way(1),
    ]);
    for status in statuses {
        let (words, tone) = words(status);
        let (mark, tone) = match (status.ok, status.is_stopped) {
            (true, _) => ("✔", tone),
            (false, true) => ("-", tone),
            // What runs but is not ready is no success here.
            (false, false) => ("✘", Tone::Bad),
        };
        table.push(vec![
            status.service.as_str().into(),
            Cell::new(format!("{mark} {words}"), tone),
            status.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

fn json(statuses: &[ServiceStatus]) -> String {
    let services: Vec<ServiceHealth<'_>> = statuses
        .iter()
        .map(|status| ServiceHealth {
            service: &status.service,
            ok: status.ok,
            state: words(status).0,
            reason: status.reason.as_deref(),
            cause: status.cause.as_deref(),
            help: status.help.as_deref(),
        })
        .collect();
    serde_json::to_string_pretty(&services).expect("only text keys")
}
