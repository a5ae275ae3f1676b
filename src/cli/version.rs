//! `devstack version`.

use serde_json::json;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::Format;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub(super) struct VersionArgs {
    /// Print only devstack's version
    #[arg(long)]
    short: bool,
    /// `table` or `json`
    #[arg(short = 'o', visible_short_alias = 'f', long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn version(cx: &Context, args: VersionArgs) -> Result<ExitStatus, CliError> {
    let own = env!("CARGO_PKG_VERSION");
    if args.short {
        cx.print(own)?;
        return Ok(ExitStatus::Success);
    }
    let endpoint = cx.endpoint()?;
    // Whoever asks for the version may be finding out why nothing works.
    let engine = cx.connect().await;
    let described = engine.as_ref().ok().map(|engine| engine.version());
    match args.format {
        Format::Table => {
            let engine = described.map_or_else(
                || "not reachable".to_owned(),
                |it| format!("{} (API {}, {})", it.engine, it.api, it.platform),
            );
            cx.print(&format!(
                "devstack  {own}\nengine    {engine}\nat        {} ({})\n",
                endpoint.url, endpoint.origin
            ))?;
        }
        Format::Json => {
            let engine = described.map(
                |it| json!({"version": it.engine, "apiVersion": it.api, "platform": it.platform}),
            );
            let json = json!({
                "version": own,
                "engine": engine,
                "endpoint": {"url": endpoint.url, "origin": endpoint.origin},
            });
            cx.print(&json.to_string())?;
        }
    }
    Ok(ExitStatus::Success)
}
