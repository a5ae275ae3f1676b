//! `devstack graph`.

use clap::ValueEnum;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::selected;
use crate::report::{GraphFormat, graph as draw};

/// Arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack graph\n  \
    devstack graph --format dot | dot -Tsvg > stack.svg")]
pub(super) struct GraphArgs {
    /// Services to show, by name or alias, with what they need; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// `text` is a tree, `dot` is for Graphviz, `mermaid` for Markdown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    // A tree
    Text,
    // Graphviz
    Dot,
    // Markdown
    Mermaid,
}

pub(super) fn graph(cx: &Context, args: &GraphArgs) -> Result<ExitStatus, CliError> {
    // Names on the engine play no part: the files say it all.
    let files = cx.load_files()?;
    cx.print_diagnostics(&files.warnings);
    let project = selected(&files.project, &args.services, true)?;
    cx.print(&draw(
        &project,
        match args.format {
            FormatArg::Text => GraphFormat::Text,
            FormatArg::Dot => GraphFormat::Dot,
            FormatArg::Mermaid => GraphFormat::Mermaid,
        },
    ))?;
    Ok(ExitStatus::Success)
}
