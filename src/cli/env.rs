//! `devstack env`: the variables by which programs on this machine reach the stack.

use clap::ValueEnum;
use serde::Serialize;

use super::connections::{Connection, connections};
use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use super::status::shell_quoted;
use crate::config::redact::redact_value;

/// Arguments of `env`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack env                      names, values, origins\n  \
    eval \"$(devstack env --format shell)\"\n  \
    devstack run-local -- npm test    a command with them, everything it needs started")]
pub(super) struct EnvArgs {
    /// Only what leads to these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// `text` with origins, `shell` and `dotenv` with the passwords, or `json`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
    /// Show passwords
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    // `NAME=VALUE  # where it comes from`
    Text,
    // `export NAME='VALUE'`
    Shell,
    // `NAME='VALUE'`, for a file of variables
    Dotenv,
    // One list
    Json,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    value: String,
    origin: String,
}

pub(super) async fn env(cx: &Context, args: EnvArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let wanted = scope.services(&args.services)?;
    let observed = cx.connect().await?.observe_containers().await?;
    let found =
        connections(&project, &observed, |service| wanted.is_empty() || wanted.contains(service));
    let shown = |name: &str, value: String| {
        if args.show_secrets { value } else { redact_value(name, &value) }
    };
    let lines = |line: &dyn Fn(String, Connection) -> String| {
        found.clone().into_iter().map(|(name, it)| line(name, it)).collect::<Vec<_>>().join("\n")
    };
    let text = match args.format {
        FormatArg::Text => lines(&|name, Connection { value, origin }| {
            let value = shown(&name, value);
            format!("{name}={value}  # {origin}")
        }),
        FormatArg::Shell => lines(&|name, it| format!("export {name}={}", shell_quoted(&it.value))),
        FormatArg::Dotenv => lines(&|name, it| format!("{name}={}", dotenv_quoted(&it.value))),
        FormatArg::Json => {
            let rows: Vec<Row> = found
                .into_iter()
                .map(|(name, Connection { value, origin })| {
                    let value = shown(&name, value);
                    Row { name, value, origin }
                })
                .collect();
            serde_json::to_string_pretty(&rows).expect("a row has only text keys")
        }
    };
    if text.is_empty() {
        cx.note("no service is published on this machine; `devstack up` starts the stack");
    }
    cx.print(&text)?;
    Ok(ExitStatus::Success)
}

/// A value that a file of variables gives back as it is.
fn dotenv_quoted(value: &str) -> String {
    // Single quotes keep everything but themselves.
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::dotenv_quoted;

    #[test]
    fn values_are_quoted_for_a_file_of_variables() {
        assert_eq!(dotenv_quoted("a $b"), "'a $b'");
        assert_eq!(dotenv_quoted(r#"it's "$b" \"#), r#""it's \"\$b\" \\""#);
    }
}
