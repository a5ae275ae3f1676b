//! `devstack schema`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use crate::config::schema;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "For an editor with a YAML language server:\n\
    devstack schema > devstack.schema.json\n\
    and `# yaml-language-server: $schema=devstack.schema.json` as the file's first line.")]
pub(super) struct SchemaArgs {}

pub(super) fn schema(cx: &Context) -> Result<ExitStatus, CliError> {
    cx.print(schema::TEXT)?;
    Ok(ExitStatus::Success)
}
