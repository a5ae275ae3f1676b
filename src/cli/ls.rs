//! `devstack ls`: the projects of the engine.

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::{Format, lines};
use crate::report::{Column, Table};
use crate::state::{Observed, labels};

/// Arguments of `ls`.
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// Show projects of which nothing runs, too
    #[arg(short, long)]
    all: bool,
    /// Print only names
    #[arg(short, long)]
    quiet: bool,
    /// `table`, or `json`: one list with Compose's field names
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// `name=TEXT`: only projects whose name contains it; may be repeated
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    filter: Vec<String>,
}

/// One project, in the words of `docker compose ls --format json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    name: String,
    status: String,
    config_files: String,
}

fn filter(text: &str) -> Result<String, String> {
    text.strip_prefix("name=")
        .map(str::to_owned)
        .ok_or_else(|| "expected `name=TEXT`, such as `name=shop`".to_owned())
}

pub(super) async fn ls(cx: &Context, args: LsArgs) -> Result<ExitStatus, CliError> {
    let observed = cx.connect().await?.observe_containers().await?;
    let rows = rows(&observed, args.all, &args.filter);
    if args.quiet {
        return lines(cx, rows.into_iter().map(|row| row.name));
    }
    if args.format == Format::Json {
        cx.print(&serde_json::to_string(&rows).expect("a row has only text keys"))?;
        return Ok(ExitStatus::Success);
    }
    let mut table = Table::new(vec![
        Column::new("NAME"),
        Column::new("STATUS"),
        Column::new("CONFIG FILES").gives_way(1),
    ]);
    for row in rows {
        table.push(vec![row.name.into(), row.status.into(), row.config_files.into()]);
    }
    cx.print_table(&table)?;
    Ok(ExitStatus::Success)
}

fn rows(observed: &Observed, all: bool, filter: &[String]) -> Vec<Row> {
    let mut projects: BTreeMap<&str, (BTreeMap<&'static str, u32>, Vec<&str>)> = BTreeMap::new();
    for container in &observed.containers {
        let Some(project) = container.labels.get(labels::PROJECT) else { continue };
        let (states, files) = projects.entry(project).or_default();
        *states.entry(container.state.as_str()).or_default() += 1;
        let listed = container.labels.get(labels::CONFIG_FILES).map_or("", String::as_str);
        for file in listed.split(',').filter(|file| !file.is_empty()) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    projects
        .into_iter()
        .filter(|(_, (states, _))| all || states.contains_key("running"))
        .filter(|(name, _)| filter.is_empty() || filter.iter().any(|text| name.contains(text)))
        .map(|(name, (states, files))| Row {
            name: name.to_owned(),
            status: states
                .iter()
                .map(|(state, count)| format!("{state}({count})"))
                .collect::<Vec<_>>()
                .join(", "),
            config_files: if files.is_empty() { "N/A".to_owned() } else { files.join(",") },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::state::{ContainerId, ContainerState, ObservedContainer};

    fn container(project: Option<&str>, state: ContainerState, files: &str) -> ObservedContainer {
        let mut labels = IndexMap::new();
        if let Some(project) = project {
            labels.insert(labels::PROJECT.to_owned(), project.to_owned());
            labels.insert(labels::CONFIG_FILES.to_owned(), files.to_owned());
        }
        ObservedContainer {
            id: ContainerId(String::new()),
            name: String::new(),
            state,
            health: None,
            image: String::new(),
            image_id: String::new(),
            labels,
            ports: Vec::new(),
            networks: IndexMap::new(),
            mounts: Vec::new(),
            created: 0,
            command: String::new(),
            status: String::new(),
        }
    }

    fn shown(all: bool, filter: &[&str]) -> String {
        let exited = ContainerState::Exited { code: 1 };
        let observed = Observed {
            containers: vec![
                container(Some("shop"), ContainerState::Running, "/a/devstack.yaml,/a/more.yaml"),
                container(Some("shop"), ContainerState::Running, "/a/devstack.yaml"),
                container(Some("shop"), exited, "/b/devstack.yaml"),
                container(Some("old"), exited, ""),
                container(None, ContainerState::Running, ""),
            ],
            ..Observed::default()
        };
        let filter: Vec<String> = filter.iter().map(ToString::to_string).collect();
        let rows = rows(&observed, all, &filter);
        let line = |row: Row| format!("{} | {} | {}", row.name, row.status, row.config_files);
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn projects_are_put_together_from_their_containers() {
        let shop = "shop | exited(1), running(2) | /a/devstack.yaml,/a/more.yaml,/b/devstack.yaml";
        assert_eq!(shown(false, &[]), shop);
        assert_eq!(shown(true, &[]), format!("old | exited(1) | N/A\n{shop}"));
        assert_eq!(shown(true, &["ol"]), "old | exited(1) | N/A");
        assert_eq!(shown(true, &["x", "sho"]), shop);
        assert_eq!(shown(false, &["old"]), "");
    }
}
