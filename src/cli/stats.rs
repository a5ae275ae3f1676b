//! `devstack stats`.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::SelectAll;
use serde::Serialize;
use tokio::time::{Duration, MissedTickBehavior};

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::foreign_flags::accepted;
use super::ps::Format;
use super::scope::Scope;
use crate::engine::{DockerEngine, Usage};
use crate::os::signal::Interrupts;
use crate::plan::lifecycle;
use crate::report::{Cell, Column, Table, Tone, rows_on_terminal};
use crate::state::{ContainerId, ObservedContainer};

/// Time between two pictures; the engine takes a sample about every second.
const TICK: Duration = Duration::from_secs(1);

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
#[command(args(accepted(&[("no-trunc", None)])))]
pub(super) struct StatsArgs {
    /// Services to measure, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Measure once and end
    #[arg(long)]
    no_stream: bool,
    /// `table`, or `json`: one object per container and measurement, with the docker CLI's fields
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// One measurement, in the words of `docker stats --format json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    #[serde(rename = "BlockIO")]
    block_io: String,
    #[serde(rename = "CPUPerc")]
    cpu_percent: String,
    container: &'a str,
    #[serde(rename = "ID")]
    id: &'a str,
    mem_perc: String,
    mem_usage: String,
    name: &'a str,
    #[serde(rename = "NetIO")]
    net_io: String,
    #[serde(rename = "PIDs")]
    pids: String,
    service: &'a str,
}

/// What was measured last of each container, by its name.
type Measured = BTreeMap<String, (ContainerId, String, Usage)>;

pub(super) async fn stats(cx: &Context, args: StatsArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let mut containers = lifecycle::selected(&scope.name, &observed, &services);
    containers.retain(|container| container.state.is_running());
    if containers.is_empty() {
        cx.note("nothing runs");
        return Ok(ExitStatus::Success);
    }
    let follow = !args.no_stream;
    let mut samples: SelectAll<_> =
        containers.iter().map(|container| samples(&engine, container, follow)).collect();
    let mut measured = Measured::new();
    let mut picture = Picture { shown: String::new(), live: follow && cx.stdout_is_live() };
    let mut interrupts = Interrupts::listen();
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = interrupts.at_least(1) => return Ok(ExitStatus::Interrupted),
            sample = samples.next() => match sample {
                Some((name, id, service, Ok(Some(usage)))) => {
                    if args.format == Format::Json
                        && !cx.print_line(&json(&name, &id, &service, &usage))?
                    {
                        return Ok(ExitStatus::Success);
                    }
                    let is_first = !measured.contains_key(&name);
                    measured.insert(name, (id, service, usage));
                    // The first picture comes as soon as it is complete.
                    if is_first && measured.len() == containers.len() {
                        ticks.reset_immediately();
                    }
                }
                // It has ended.
                Some((name, _, _, Ok(None))) => {
                    if follow {
                        measured.remove(&name);
                    }
                }
                Some((_, _, _, Err(error))) if error.is_unreachable() => return Err(error.into()),
                Some((_, _, _, Err(error))) => cx.note(&error.to_string()),
                None => break,
            },
            _ = ticks.tick(), if follow && args.format == Format::Table && !measured.is_empty() => {
                if !picture.show(cx, &measured)? {
                    return Ok(ExitStatus::Success);
                }
            }
        }
    }
    if args.format == Format::Table && !follow {
        cx.print_table(&table(&measured))?;
    }
    Ok(ExitStatus::Success)
}

type Sample = (String, ContainerId, String, Result<Option<Usage>, crate::engine::EngineError>);

/// A container's samples, and its end.
fn samples(
    engine: &DockerEngine,
    container: &ObservedContainer,
    follow: bool,
) -> futures_util::stream::BoxStream<'static, Sample> {
    let name = container.name.clone();
    let id = container.id.clone();
    let service = container.service().map(|service| service.to_string()).unwrap_or_default();
    let end = futures_util::stream::once(std::future::ready(Ok(None)));
    engine
        .usage(&container.id, follow)
        .map(|usage| usage.map(Some))
        .chain(end)
        .map(move |usage| (name.clone(), id.clone(), service.clone(), usage))
        .boxed()
}

/// A table that is drawn again and again in its place.
struct Picture {
    /// What is on the screen now.
    shown: String,
    /// Whether the terminal can go back.
    live: bool,
}

impl Picture {
    fn show(&mut self, cx: &Context, measured: &Measured) -> Result<bool, CliError> {
        // The terminal may have been made narrower since.
        let size = cx.table_size();
        let (rows, columns) = size.unwrap_or((usize::MAX, usize::MAX));
        let table = table(measured).render(size.map(|(_, columns)| columns), cx.stdout_colour());
        if !self.live {
            return cx.print_line(&table);
        }
        // More lines than the screen has could not be taken back.
        let most = rows.saturating_sub(1);
        let back = match rows_on_terminal(&self.shown, columns).min(most) {
            0 => String::new(),
            rows => format!("\u{1b}[{rows}A"),
        };
        self.shown = table.lines().take(most).collect::<Vec<_>>().join("\n");
        cx.print_line(&format!("{back}\r\u{1b}[J{}", self.shown))
    }
}

fn table(measured: &Measured) -> Table {
    let mut table = Table::new(vec![
        Column::new("NAME"),
        Column::new("CPU"),
        Column::new("MEMORY / LIMIT"),
        Column::new("MEM %"),
        Column::new("NET I/O").gives_way(1),
        Column::new("BLOCK I/O").gives_way(2),
        Column::new("PIDS"),
    ]);
    for (name, (_, _, usage)) in measured {
        let memory = memory_percent(usage);
        table.push(vec![
            name.as_str().into(),
            format!("{:.1}%", usage.cpu).into(),
            format!("{} / {}", binary(usage.memory), binary(usage.memory_limit)).into(),
            Cell::new(
                format!("{memory:.0}%"),
                if memory >= 90.0 { Tone::Bad } else { Tone::Normal },
            ),
            format!("{} / {}", decimal(usage.received), decimal(usage.sent)).into(),
            format!("{} / {}", decimal(usage.read), decimal(usage.written)).into(),
            usage.pids.to_string().into(),
        ]);
    }
    table
}

fn json(name: &str, id: &ContainerId, service: &str, usage: &Usage) -> String {
    let row = Row {
        block_io: format!("{} / {}", decimal(usage.read), decimal(usage.written)),
        cpu_percent: format!("{:.2}%", usage.cpu),
        container: id.short(),
        id: id.short(),
        mem_perc: format!("{:.2}%", memory_percent(usage)),
        mem_usage: format!("{} / {}", binary(usage.memory), binary(usage.memory_limit)),
        name,
        net_io: format!("{} / {}", decimal(usage.received), decimal(usage.sent)),
        pids: usage.pids.to_string(),
        service,
    };
    serde_json::to_string(&row).expect("a row has only text keys")
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more precision")]
fn memory_percent(usage: &Usage) -> f64 {
    match usage.memory_limit {
        0 => 0.0,
        limit => usage.memory as f64 / limit as f64 * 100.0,
    }
}

/// `1.5GiB`
fn binary(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// `1.5GB`
fn decimal(bytes: u64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"])
}

#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
fn scaled(bytes: u64, base: f64, units: &[&str]) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_in_the_docker_cli() {
        for (bytes, expected) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0KiB"),
            (512 << 20, "512MiB"),
            (3 << 29, "1.5GiB"),
        ] {
            assert_eq!(binary(bytes), expected);
        }
        assert_eq!(decimal(999), "999B");
        assert_eq!(decimal(1_500_000), "1.5MB");
        assert_eq!(decimal(u64::MAX), "18447PB");
    }

    #[test]
    fn a_measurement_is_a_row_and_an_object() {
        let usage = Usage {
            cpu: 12.345,
            memory: 95 << 20,
            memory_limit: 100 << 20,
            received: 1000,
            sent: 20,
            read: 0,
            written: 5_000_000,
            pids: 7,
        };
        let id = ContainerId("0123456789abcdef".to_owned());
        insta::assert_snapshot!(json("shop-db-1", &id, "db", &usage), @r#"{"BlockIO":"0B / 5.0MB","CPUPerc":"12.35%","Container":"0123456789ab","ID":"0123456789ab","MemPerc":"95.00%","MemUsage":"95.0MiB / 100MiB","Name":"shop-db-1","NetIO":"1.0kB / 20B","PIDs":"7","Service":"db"}"#);
        let measured = Measured::from([("shop-db-1".to_owned(), (id, "db".to_owned(), usage))]);
        insta::assert_snapshot!(table(&measured).render(None, false), @"
        NAME       CPU    MEMORY / LIMIT    MEM %  NET I/O      BLOCK I/O   PIDS
        shop-db-1  12.3%  95.0MiB / 100MiB  95%    1.0kB / 20B  0B / 5.0MB  7
        ");
    }
}
