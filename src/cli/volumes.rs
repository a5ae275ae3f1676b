//! `devstack volumes`.

use std::collections::HashSet;

use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::{Format, lines};
use super::scope::Scope;
use crate::engine::VolumeDetails;
use crate::plan::lifecycle;
use crate::report::{Column, Table};

/// Arguments of `volumes`.
#[derive(Debug, clap::Args)]
pub(super) struct VolumesArgs {
    /// Only volumes that containers of these services mount
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Print only names
    #[arg(short, long)]
    quiet: bool,
    /// `table`, or `json`: one object per line with Docker's field names
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// One volume, in the words of `docker volume ls --format json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    availability: &'static str,
    driver: String,
    group: &'static str,
    labels: String,
    links: &'static str,
    mountpoint: String,
    name: String,
    scope: String,
    size: &'static str,
    status: &'static str,
}

pub(super) async fn volumes(cx: &Context, args: VolumesArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let mut volumes = engine.volumes_of(&scope.name).await?;
    if !services.is_empty() {
        let observed = engine.observe_containers().await?;
        let mounted: HashSet<&str> = lifecycle::selected(&scope.name, &observed, &services)
            .into_iter()
            .flat_map(|container| &container.mounts)
            .filter_map(|mount| mount.volume.as_deref())
            .collect();
        volumes.retain(|volume| mounted.contains(volume.name.as_str()));
    }
    if args.quiet {
        return lines(cx, volumes.into_iter().map(|volume| volume.name));
    }
    if args.format == Format::Json {
        let rows = volumes.into_iter().map(row);
        return lines(
            cx,
            rows.map(|row| serde_json::to_string(&row).expect("a row has only text keys")),
        );
    }
    let mut table = Table::new(vec![Column::new("DRIVER"), Column::new("VOLUME NAME")]);
    for volume in volumes {
        table.push(vec![volume.driver.into(), volume.name.into()]);
    }
    cx.print_table(&table)?;
    Ok(ExitStatus::Success)
}

fn row(volume: VolumeDetails) -> Row {
    let labels: Vec<String> =
        volume.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    // What the docker CLI itself only knows of cluster volumes, or does not ask for.
    let unknown = "N/A";
    Row {
        availability: unknown,
        driver: volume.driver,
        group: unknown,
        labels: labels.join(","),
        links: unknown,
        mountpoint: volume.mountpoint,
        name: volume.name,
        scope: volume.scope,
        size: unknown,
        status: unknown,
    }
}
