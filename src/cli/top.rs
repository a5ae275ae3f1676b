//! `devstack top`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use crate::plan::lifecycle;
use crate::report::{Cell, Column, Table, Tone};

/// Arguments of `top`.
#[derive(Debug, clap::Args)]
pub(super) struct TopArgs {
    /// Services to look into, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(super) async fn top(cx: &Context, args: TopArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let mut containers = lifecycle::selected(&scope.name, &observed, &services);
    containers.retain(|container| container.state.is_running());
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    if containers.is_empty() {
        cx.note("nothing runs");
        return Ok(ExitStatus::Success);
    }
    let asked = containers.iter().map(|container| engine.processes(&container.id));
    let answers = futures_util::future::join_all(asked).await;
    let mut sections = Vec::new();
    for (container, processes) in containers.iter().zip(answers) {
        let processes = match processes {
            Ok(processes) => processes,
            // It has ended in between.
            Err(error) if error.is_unreachable() => return Err(error.into()),
            Err(error) => {
                cx.note(&error.to_string());
                continue;
            }
        };
        let last = processes.titles.len().saturating_sub(1);
        // The command is the last column, and the longest.
        let columns = processes.titles.iter().enumerate().map(|(index, title)| {
            let column = Column::new(title.as_str());
            if index == last { column.gives_way(1) } else { column }
        });
        let mut table = Table::new(columns.collect());
        for row in processes.rows {
            // Arguments may hold what must not be seen.
            let cells = row.iter().map(|field| Cell::new(cx.redactor().apply(field), Tone::Normal));
            table.push(cells.collect());
        }
        let rendered = table.render(cx.table_width(), cx.stdout_colour());
        sections.push(format!("{}\n{rendered}", container.name));
    }
    cx.print(&sections.join("\n"))?;
    Ok(ExitStatus::Success)
}
