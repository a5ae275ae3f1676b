//! `devstack ps`.

use clap::ValueEnum;
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::foreign_flags::accepted;
use super::scope::Scope;
use crate::report::{Cell, Column, Table, Tone};
use crate::state::{ContainerState, Health, ObservedContainer, ObservedPort, labels};

/// Arguments of `ps`.
#[derive(Debug, clap::Args)]
#[command(args(accepted(&[("orphans", None)])))]
pub(super) struct PsArgs {
    /// Services to list; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// List stopped containers and those of `run` too
    #[arg(short, long)]
    all: bool,
    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
    /// Print only the services' names
    #[arg(long, name = "services-only", long = "services")]
    names: bool,
    /// Only containers in one of these states; may be repeated
    #[arg(long, value_name = "STATE")]
    status: Vec<String>,
    /// `status=STATE`, as Compose writes `--status`; may be repeated
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    filter: Vec<String>,
    /// `table`, or `json`: one object per line with Compose's field names
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Do not cut anything off
    #[arg(long)]
    no_trunc: bool,
}

/// How to print a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    // Columns for a person
    Table,
    // JSON
    Json,
}

/// One container, in the words of `docker compose ps --format json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    command: String,
    created_at: String,
    exit_code: i64,
    health: &'static str,
    #[serde(rename = "ID")]
    id: String,
    image: String,
    labels: String,
    local_volumes: String,
    mounts: String,
    name: String,
    names: String,
    networks: String,
    ports: String,
    project: String,
    publishers: Vec<Publisher>,
    running_for: String,
    service: String,
    size: String,
    state: &'static str,
    status: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher {
    #[serde(rename = "URL")]
    url: String,
    target_port: u16,
    published_port: u16,
    protocol: &'static str,
}

fn filter(text: &str) -> Result<String, String> {
    text.strip_prefix("status=")
        .map(str::to_owned)
        .ok_or_else(|| "expected `status=STATE`, such as `status=running`".to_owned())
}

pub(super) async fn ps(cx: &Context, mut args: PsArgs) -> Result<ExitStatus, CliError> {
    args.status.append(&mut args.filter);
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let observed = cx.connect().await?.observe_containers().await?;
    let mut containers: Vec<&ObservedContainer> = observed
        .containers
        .iter()
        .filter(|container| container.belongs_to(&scope.name))
        .filter(|container| args.all || !container.is_one_off())
        .filter(|container| args.all || !args.status.is_empty() || container.state.is_running())
        .filter(|container| {
            args.status.is_empty() || args.status.iter().any(|it| it == container.state.as_str())
        })
        .filter(|container| {
            services.is_empty() || container.service().is_some_and(|it| services.contains(&it))
        })
        .collect();
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    if args.quiet {
        return lines(cx, containers.iter().map(|container| container.id.0.clone()));
    }
    if args.names {
        let mut names: Vec<String> = containers
            .iter()
            .filter_map(|container| container.service())
            .map(|service| service.to_string())
            .collect();
        names.sort();
        names.dedup();
        return lines(cx, names.into_iter());
    }
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    match args.format {
        Format::Table => {
            let width = if args.no_trunc { None } else { cx.table_width() };
            cx.print(&table(&containers).render(width, cx.stdout_colour()))?;
            Ok(ExitStatus::Success)
        }
        Format::Json => lines(
            cx,
            containers.iter().map(|container| {
                serde_json::to_string(&row(container, now)).expect("a row has only text keys")
            }),
        ),
    }
}

pub(super) fn lines(
    cx: &Context,
    lines: impl Iterator<Item = String>,
) -> Result<ExitStatus, CliError> {
    cx.print(&lines.map(|line| line + "\n").collect::<String>())?;
    Ok(ExitStatus::Success)
}

fn table(containers: &[&ObservedContainer]) -> Table {
    let mut table = Table::new(vec![
        // The service says as much.
        Column::new("NAME").gives_way(2),
        Column::new("IMAGE").gives_way(4),
        Column::new("SERVICE"),
        Column::new("STATUS").gives_way(1),
        // `127.0.0.1:5432->5432/tcp`
        Column::new("PORTS").gives_way(3).keeps(24),
    ]);
    for container in containers {
        table.push(vec![
            container.name.as_str().into(),
            container.image.as_str().into(),
            container.service().map(|service| service.to_string()).unwrap_or_default().into(),
            Cell::new(container.status.as_str(), tone(container)),
            ports(&container.ports).into(),
        ]);
    }
    table
}

/// How good a container's state is.
pub(super) fn tone(container: &ObservedContainer) -> Tone {
    match (container.state, container.health) {
        (ContainerState::Running, Some(Health::Unhealthy)) => Tone::Bad,
        (ContainerState::Running, Some(Health::Starting)) => Tone::Caution,
        (ContainerState::Running | ContainerState::Exited { code: 0 }, _) => Tone::Good,
        (ContainerState::Created | ContainerState::Paused | ContainerState::Restarting, _) => {
            Tone::Caution
        }
        // Whoever stops or kills something need not be told of a failure.
        (state, _) if state.is_ended_by_signal() => Tone::Faint,
        _ => Tone::Bad,
    }
}

/// A time as the docker CLI writes it.
fn created_at(at: time::OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    let (hour, minute, second) = time.as_hms();
    format!("{date} {hour:02}:{minute:02}:{second:02} +0000 UTC")
}

/// A length of time in the docker CLI's words.
pub(super) fn length(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (..=0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 24 / 7),
        (_, _, ..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

fn row(container: &ObservedContainer, now: i64) -> Row {
    let mut mounts: Vec<&str> =
        container.mounts.iter().filter_map(|mount| mount.volume.as_deref()).collect();
    mounts.sort_unstable();
    let labels: Vec<String> =
        container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
    Row {
        command: format!("\"{}\"", container.command),
        created_at: time::OffsetDateTime::from_unix_timestamp(container.created)
            .map(created_at)
            .unwrap_or_default(),
        exit_code: match container.state {
            ContainerState::Exited { code } => code,
            _ => 0,
        },
        health: container.health.map_or("", Health::as_str),
        id: container.id.short().to_owned(),
        image: container.image.clone(),
        labels: labels.join(","),
        local_volumes: mounts.len().to_string(),
        mounts: mounts.join(","),
        name: container.name.clone(),
        names: container.name.clone(),
        networks: networks.join(","),
        ports: ports(&container.ports),
        project: container.labels.get(labels::PROJECT).cloned().unwrap_or_default(),
        publishers: container.ports.iter().map(publisher).collect(),
        running_for: format!("{} ago", length(now - container.created)),
        service: container.service().map(|service| service.to_string()).unwrap_or_default(),
        size: "0B".to_owned(),
        state: container.state.as_str(),
        status: container.status.clone(),
    }
}

fn publisher(port: &ObservedPort) -> Publisher {
    let (url, published_port) =
        port.published.map_or_else(|| (String::new(), 0), |(ip, number)| (ip.to_string(), number));
    Publisher { url, target_port: port.target, published_port, protocol: port.protocol.as_str() }
}

/// Ports as `docker ps` writes them.
fn ports(ports: &[ObservedPort]) -> String {
    // Those that can be reached come first: what does not fit is cut off.
    let mut texts: Vec<(bool, u16, String)> = ports
        .iter()
        .map(|port| {
            let protocol = port.protocol.as_str();
            let text = match port.published {
                Some((ip, number)) if ip.is_ipv6() => {
                    format!("[{ip}]:{number}->{}/{protocol}", port.target)
                }
                Some((ip, number)) => format!("{ip}:{number}->{}/{protocol}", port.target),
                None => format!("{}/{protocol}", port.target),
            };
            (port.published.is_none(), port.target, text)
        })
        .collect();
    texts.sort();
    texts.dedup();
    texts.into_iter().map(|(.., text)| text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_in_the_docker_cli() {
        let (minute, hour, day) = (60, 3600, 86_400);
        let cases = [
            (-1, "Less than a second"),
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (minute, "About a minute"),
            (2 * minute, "2 minutes"),
            (59 * minute, "59 minutes"),
            (hour, "About an hour"),
            (2 * hour, "2 hours"),
            (3 * day, "3 days"),
            (20 * day, "2 weeks"),
            (90 * day, "3 months"),
            (1000 * day, "2 years"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(length(seconds), expected);
        }
        let at = time::OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap();
        assert_eq!(created_at(at), "2026-01-02 03:04:05 +0000 UTC");
    }
}
