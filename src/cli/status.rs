//! `devstack status`: the stack as a person wants to know it.

use clap::ValueEnum;

use super::connections::connections;
use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::inspection::{ServiceStatus, inspect, words};
use super::scope::{Scope, desired};
use crate::project::ServiceName;
use crate::report::{Cell, Column, Table};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack status\n  \
    eval \"$(devstack status -o env)\"     the stack's URLs in the shell's environment\n  \
    devstack status -o json | jq '.[] | select(.ok | not)'")]
pub(super) struct StatusArgs {
    /// Services to show, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// `table`, `json`, `yaml`, or `env`: lines for a shell, which have the passwords in them
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Table,
          visible_alias = "output")]
    format: FormatArg,
    /// Show passwords in URLs, and the keys that a service has in its environment
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    // Columns for a person
    Table,
    // JSON
    Json,
    // YAML
    Yaml,
    // `export NAME='value'`
    Env,
}

pub(super) async fn status(cx: &Context, args: StatusArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let wanted = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    if args.format == FormatArg::Env {
        let observed = engine.observe_containers().await?;
        let is_wanted = |service: &ServiceName| wanted.is_empty() || wanted.contains(service);
        let lines = connections(&project, &observed, is_wanted)
            .into_iter()
            .map(|(name, value)| format!("export {name}={}\n", shell_quoted(&value.value)));
        cx.print(&lines.collect::<String>())?;
        return Ok(ExitStatus::Success);
    }
    let statuses =
        inspect(cx, &engine, &project, &desired(&project), &wanted, args.show_secrets).await?;
    match args.format {
        FormatArg::Json => {
            let json = serde_json::to_string_pretty(&statuses).expect("only text keys");
            cx.print(&json)?;
        }
        FormatArg::Yaml => {
            cx.print(&serde_yaml::to_string(&statuses).expect("only text keys"))?;
        }
        FormatArg::Table | FormatArg::Env => {
            cx.print_table(&table(&statuses))?;
            print_notes(cx, &statuses);
        }
    }
    Ok(ExitStatus::Success)
}

/// A text as one word of a POSIX shell.
pub(super) fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn table(statuses: &[ServiceStatus]) -> Table {
    let with_credentials = statuses.iter().any(|status| !status.credentials.is_empty());
    let mut table = Table::new(vec![
        Column::new("SERVICE"),
        Column::new("STATE"),
        Column::new("UPTIME"),
        Column::new("IMAGE").gives_way(2),
        Column::new(if with_credentials { "URL, CREDENTIALS" } else { "URL" }).gives_way(1),
    ]);
    for status in statuses {
        let (words, tone) = words(status);
        let uptime = status
            .containers
            .first()
            .map(|container| uptime(&container.status))
            .unwrap_or_default();
        let credentials = status.credentials.iter().map(|(name, value)| format!("{name}={value}"));
        let mut lines = status.urls.iter().map(|url| url.url.clone()).chain(credentials);
        table.push(vec![
            status.service.as_str().into(),
            Cell::new(words, tone),
            uptime.into(),
            status.image.as_str().into(),
            lines.next().unwrap_or_default().into(),
        ]);
        for line in lines {
            table.push(vec!["".into(), "".into(), "".into(), "".into(), line.into()]);
        }
    }
    table
}

/// `Up 3 minutes (healthy)` without what is said elsewhere.
fn uptime(status: &str) -> String {
    match status.strip_prefix("Up ") {
        Some(rest) => rest.split(" (").next().unwrap_or(rest).to_owned(),
        None => String::new(),
    }
}

/// What does not fit into a row.
fn print_notes(cx: &Context, statuses: &[ServiceStatus]) {
    for status in statuses {
        let service = &status.service;
        if let Some(reason) = &status.reason {
            cx.note(&format!("{service}: {reason}"));
        }
        if let (Some(cause), Some(help)) = (&status.cause, &status.help) {
            cx.note(&format!("  {cause}\n  help: {help}"));
        }
        if !status.changed.is_empty() {
            let fields = status.changed.join(", ");
            cx.note(&format!(
                "{service}: {fields} changed since it was started; `devstack up -d` applies it"
            ));
        }
    }
    for status in statuses {
        let service = &status.service;
        for (usual, now) in &status.free_again {
            cx.note(&format!(
                "{service}: published at {now}, since port {usual} was in use; that is free again, \
                 `devstack up -d --no-deps --force-recreate {service}` goes back to it"
            ));
        }
    }
    let local: Vec<&str> = statuses
        .iter()
        .filter(|status| !status.built && status.image_origin.as_deref() == Some("local-build"))
        .map(|status| status.service.as_str())
        .collect();
    if !local.is_empty() {
        cx.note(&format!(
            "images built on this machine in place of the official ones: {}",
            local.join(", ")
        ));
    }
    for status in statuses {
        if let (false, Some(stand_in)) = (status.built, &status.stand_in) {
            cx.note(&format!("{} is a stand-in: {stand_in}", status.service));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        assert_eq!(shell_quoted("postgres://a:b@c/d"), "'postgres://a:b@c/d'");
        assert_eq!(shell_quoted("it's $HOME `x` \\ \n"), "'it'\\''s $HOME `x` \\ \n'");
    }
}
