//! `devstack images`.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::{Format, length, lines};
use super::scope::Scope;
use crate::engine::ImageDetails;
use crate::plan::lifecycle;
use crate::report::{Column, Table};
use crate::state::ObservedContainer;

/// Arguments of `images`.
#[derive(Debug, clap::Args)]
pub(super) struct ImagesArgs {
    /// Services whose containers' images to show; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
    /// `table`, or `json`: one list with Compose's field names
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The image of one container, in the words of `docker compose images --format json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    container_name: String,
    repository: String,
    tag: String,
    platform: String,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

pub(super) async fn images(cx: &Context, args: ImagesArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let mut containers = lifecycle::selected(&scope.name, &observed, &services);
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    let mut ids: Vec<&str> =
        containers.iter().map(|container| container.image_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if args.quiet {
        let bare = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
        return lines(cx, ids.into_iter().map(bare));
    }
    let details = try_join_all(ids.iter().map(|id| engine.image_details(id))).await?;
    let details: HashMap<&str, ImageDetails> = ids.into_iter().zip(details).collect();
    let rows = containers
        .into_iter()
        .filter_map(|container| Some(row(container, details.get(container.image_id.as_str())?)));
    if args.format == Format::Json {
        let rows: Vec<Row> = rows.collect();
        cx.print(&serde_json::to_string(&rows).expect("a row has only text keys"))?;
        return Ok(ExitStatus::Success);
    }
    let mut table = Table::new(vec![
        Column::new("CONTAINER"),
        Column::new("REPOSITORY").gives_way(1),
        Column::new("TAG"),
        Column::new("PLATFORM"),
        Column::new("IMAGE ID"),
        Column::new("SIZE"),
        Column::new("CREATED").gives_way(2),
    ]);
    for row in rows {
        let id = row.id.strip_prefix("sha256:").unwrap_or(&row.id);
        table.push(vec![
            row.container_name.into(),
            row.repository.into(),
            row.tag.into(),
            row.platform.into(),
            id.get(..12).unwrap_or(id).into(),
            size(row.size).into(),
            row.created.as_deref().map_or_else(|| "N/A".to_owned(), age).into(),
        ]);
    }
    cx.print_table(&table)?;
    Ok(ExitStatus::Success)
}

fn row(container: &ObservedContainer, image: &ImageDetails) -> Row {
    // The tag that the container was made from may be another image's by now.
    let tag = image.tags.iter().find(|tag| **tag == container.image).or(image.tags.first());
    let (repository, tag) = tag
        .and_then(|tag| tag.rsplit_once(':'))
        .map_or(("<none>", "<none>"), |(repository, tag)| (repository, tag));
    Row {
        id: image.id.clone(),
        container_name: container.name.clone(),
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        platform: image.platform.clone(),
        size: image.size,
        created: image.created.clone(),
    }
}

fn age(created: &str) -> String {
    OffsetDateTime::parse(created, &Rfc3339).map_or_else(
        |_| "N/A".to_owned(),
        |at| format!("{} ago", length((OffsetDateTime::now_utc() - at).whole_seconds())),
    )
}

/// A size as the docker CLI writes it: three digits, decimal units.
fn size(bytes: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut amount = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if amount < 1000.0 {
            break;
        }
        amount /= 1000.0;
        unit = next;
    }
    let digits = if amount >= 100.0 || unit == "B" {
        0
    } else if amount >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{amount:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, expected) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (89_100_000, "89.1MB"),
            (100_000_000, "100MB"),
            (1_234_000_000, "1.23GB"),
            (342_800_000, "343MB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
