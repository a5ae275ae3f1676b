//! `devstack ps`.

use clap::ValueEnum;
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use crate::engine::Engine as _;
use crate::report::{Cell, Column, Table, Tone};
use crate::state::{ContainerState, Health, ObservedContainer, ObservedPort, labels};

/// Arguments of `ps`.
#[derive(Debug, clap::Args)]
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

pub(super) async fn ps(cx: &Context, args: PsArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx)?;
    let services = scope.services(&args.services)?;
    let observed = cx.connect().await?.observe().await?;
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
    match args.format {
        Format::Table => {
            let width = if args.no_trunc { None } else { cx.table_width() };
            cx.print(&table(&containers).render(width, cx.stdout_colour()))?;
            Ok(ExitStatus::Success)
        }
        Format::Json => lines(
            cx,
            containers.iter().map(|container| {
                serde_json::to_string(&row(container)).expect("a row has only text keys")
            }),
        ),
    }
}

fn lines(cx: &Context, lines: impl Iterator<Item = String>) -> Result<ExitStatus, CliError> {
    cx.print(&lines.map(|line| line + "\n").collect::<String>())?;
    Ok(ExitStatus::Success)
}

fn table(containers: &[&ObservedContainer]) -> Table {
    let mut table = Table::new(vec![
        Column::new("NAME"),
        Column::new("IMAGE").gives_way(2),
        Column::new("SERVICE"),
        Column::new("STATUS"),
        Column::new("PORTS").gives_way(1),
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
        _ => Tone::Bad,
    }
}

fn row(container: &ObservedContainer) -> Row {
    let mut mounts: Vec<&str> =
        container.mounts.iter().filter_map(|mount| mount.volume.as_deref()).collect();
    mounts.sort_unstable();
    let labels: Vec<String> =
        container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
    Row {
        command: format!("\"{}\"", container.command),
        created_at: time::OffsetDateTime::from_unix_timestamp(container.created)
            .ok()
            .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
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
        running_for: container.status.clone(),
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
    let mut texts: Vec<(u16, String)> = ports
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
            (port.target, text)
        })
        .collect();
    texts.sort();
    texts.dedup();
    texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}
