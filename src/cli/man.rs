//! `devstack man`: the manual pages, made from the grammar of the command line.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::args::Cli;
use super::context::Context;
use super::error::{CliError, ExitStatus};
use crate::os::files::write_text;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack man | man -l -\n  \
    devstack man ~/.local/share/man/man1      a page for each command, as `man devstack-up`")]
pub(super) struct ManArgs {
    /// Folder to write all pages to; without it the first one is printed
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(super) fn man(cx: &Context, args: &ManArgs) -> Result<ExitStatus, CliError> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.folder else {
        cx.print(&page(&command)?)?;
        return Ok(ExitStatus::Success);
    };
    if cx.global.dry_run {
        cx.print(&format!("write the manual pages to {}", folder.display()))?;
        return Ok(ExitStatus::Success);
    }
    let pages = pages(&command, folder)?;
    cx.note(&format!("{pages} pages written to {}", folder.display()));
    Ok(ExitStatus::Success)
}

/// Writes the pages of a command and of those below it; tells how many.
fn pages(command: &Command, folder: &Path) -> Result<usize, CliError> {
    // `devstack-up`, once the command is built.
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    write_text(&path, &page(command)?).map_err(|error| {
        CliError::other(
            format!("cannot write {}: {error}", path.display()),
            format!("make the folder with `mkdir -p {}`", folder.display()),
        )
    })?;
    let mut count = 1;
    let below = command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help");
    for subcommand in below {
        count += pages(subcommand, folder)?;
    }
    Ok(count)
}

fn page(command: &Command) -> Result<String, CliError> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text).map_err(super::error::Problem::Output)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
