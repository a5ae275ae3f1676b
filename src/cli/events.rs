//! `devstack events`.

use futures_util::StreamExt as _;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::instant::instant;
use super::scope::Scope;
use crate::engine::Announcement;
use crate::os::signal::Interrupts;

/// Arguments of `events`.
#[derive(Debug, clap::Args)]
pub(super) struct EventsArgs {
    /// Services to follow, by name or alias; networks and volumes too when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// One JSON object per line, with Compose's fields
    #[arg(long)]
    json: bool,
    /// Also what has happened since then: `10m`, `2026-01-02` (UTC), `2026-01-02T03:04:05Z` or Unix
    /// seconds
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<OffsetDateTime>,
    /// Only up to then; a time that has passed ends the command at once
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<OffsetDateTime>,
    /// Also the commands that health checks and `exec` run, and who looked with `top`
    #[arg(short, long)]
    all: bool,
}

/// One event, in the words of `docker compose events --json`.
#[derive(Serialize)]
struct Event<'a> {
    time: String,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    id: &'a str,
    action: &'a str,
    attributes: &'a indexmap::IndexMap<String, String>,
}

pub(super) async fn events(cx: &Context, args: EventsArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let since = args.since.map(OffsetDateTime::unix_timestamp);
    // The engine counts in seconds; what happened in the last one belongs to it.
    let until = args.until.map(|until| until.unix_timestamp().saturating_add(1));
    let mut announced = engine.announcements(&scope.name, since, until);
    let mut interrupts = Interrupts::listen();
    loop {
        let announcement = tokio::select! {
            biased;
            () = interrupts.at_least(1) => return Ok(ExitStatus::Interrupted),
            announcement = announced.next() => announcement,
        };
        let Some(announcement) = announcement else { return Ok(ExitStatus::Success) };
        let announcement = announcement?;
        let concerned = services.is_empty()
            || announcement
                .service
                .as_deref()
                .is_some_and(|name| services.iter().any(|service| service.as_str() == name));
        let is_inside = announcement.action.starts_with("exec_") || announcement.action == "top";
        if !concerned || (!args.all && is_inside) {
            continue;
        }
        // A command that `exec` runs is part of the action.
        let line = if args.json { json(&announcement) } else { text(&announcement) };
        if !cx.print_line(&cx.redactor().apply(&line))? {
            return Ok(ExitStatus::Success);
        }
    }
}

fn json(announcement: &Announcement) -> String {
    let event = Event {
        time: announcement.at.format(&Rfc3339).unwrap_or_default(),
        kind: &announcement.kind,
        service: announcement.service.as_deref(),
        id: &announcement.id,
        action: &announcement.action,
        attributes: &announcement.attributes,
    };
    serde_json::to_string(&event).expect("an event has only text keys")
}

/// `2026-01-02T03:04:05Z container start db-1 (image=postgres:17)`
fn text(announcement: &Announcement) -> String {
    let attributes = &announcement.attributes;
    let name = attributes.get("name").map_or(announcement.id.as_str(), String::as_str);
    let further: Vec<String> = attributes
        .iter()
        .filter(|(key, value)| *key != "name" && !value.is_empty())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let further =
        if further.is_empty() { String::new() } else { format!(" ({})", further.join(", ")) };
    let at = announcement.at.replace_millisecond(announcement.at.millisecond());
    let at = at.unwrap_or(announcement.at).format(&Rfc3339).unwrap_or_default();
    format!("{at} {} {} {name}{further}", announcement.kind, announcement.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_or_an_object() {
        let attributes = [("exitCode", "137"), ("image", "postgres:17"), ("name", "shop-db-1")];
        let announcement = Announcement {
            at: OffsetDateTime::from_unix_timestamp_nanos(1_767_323_045_120_000_000).unwrap(),
            kind: "container".to_owned(),
            action: "die".to_owned(),
            id: "abc".to_owned(),
            service: Some("db".to_owned()),
            attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        assert_eq!(
            text(&announcement),
            "2026-01-02T03:04:05.12Z container die shop-db-1 (exitCode=137, image=postgres:17)"
        );
        insta::assert_snapshot!(json(&announcement), @r#"{"time":"2026-01-02T03:04:05.12Z","type":"container","service":"db","id":"abc","action":"die","attributes":{"exitCode":"137","image":"postgres:17","name":"shop-db-1"}}"#);
    }
}
