//! `devstack status`: the stack as a person wants to know it.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::ps::{Format, tone};
use super::scope::{Scope, desired};
use super::urls;
use crate::config::redact::{is_secret_name, redact_url};
use crate::engine::{DockerEngine, Engine as _};
use crate::execute::probe_once;
use crate::project::{Project, Service};
use crate::report::{Cell, Column, Table, Tone};
use crate::state::{
    ContainerSpec, ContainerState, Desired, Health, Observed, ObservedContainer, labels,
};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Services to show, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// `table` or `json`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show passwords in URLs, and the keys that a service has in its environment
    #[arg(long)]
    show_secrets: bool,
}

/// One service.
#[derive(Debug, Serialize)]
struct ServiceStatus {
    service: String,
    aliases: Vec<String>,
    state: &'static str,
    /// What the engine's own health check says.
    health: Option<&'static str>,
    /// Whether the service answers as `ready` asks, tried just now.
    ready: Option<bool>,
    reason: Option<String>,
    containers: Vec<ContainerStatus>,
    urls: Vec<Url>,
    /// What one needs besides the URLs to use the service; only when asked for.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    credentials: IndexMap<String, String>,
    image: String,
    /// Whether the file says how to build the image.
    built: bool,
    image_origin: Option<String>,
    stand_in: Option<String>,
    changed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ContainerStatus {
    name: String,
    id: String,
    state: &'static str,
    status: String,
}

#[derive(Debug, Serialize)]
struct Url {
    name: String,
    url: String,
}

pub(super) async fn status(cx: &Context, args: StatusArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let wanted = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe().await?;
    let desired = desired(&project);
    let shown = project
        .services
        .values()
        .chain(project.disabled_services.values().filter(|service| {
            // A service of an inactive profile is of interest while it runs.
            wanted.contains(&service.name) || !containers(&project, service, &observed).is_empty()
        }))
        .filter(|service| wanted.is_empty() || wanted.contains(&service.name));
    let mut statuses = futures_util::future::join_all(shown.map(|service| {
        service_status(&engine, &project, service, &observed, &desired, args.show_secrets)
    }))
    .await;
    if !args.show_secrets {
        for reason in statuses.iter_mut().filter_map(|status| status.reason.as_mut()) {
            *reason = cx.redactor().apply(reason);
        }
    }
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&statuses).expect("only text keys");
            cx.print(&json)?;
        }
        Format::Table => {
            cx.print(&table(&statuses).render(cx.table_width(), cx.stdout_colour()))?;
            print_notes(cx, &statuses);
        }
    }
    Ok(ExitStatus::Success)
}

fn containers<'a>(
    project: &Project,
    service: &Service,
    observed: &'a Observed,
) -> Vec<&'a ObservedContainer> {
    let mut containers: Vec<&ObservedContainer> = observed
        .containers_of(&project.name)
        .filter(|container| container.service().as_ref() == Some(&service.name))
        .collect();
    containers.sort_by_key(|container| container.number());
    containers
}

async fn service_status(
    engine: &DockerEngine,
    project: &Project,
    service: &Service,
    observed: &Observed,
    desired: &Desired,
    show_secrets: bool,
) -> ServiceStatus {
    let containers = containers(project, service, observed);
    // The worst container speaks for the service.
    let speaker = containers.iter().copied().max_by_key(|container| match tone(container) {
        Tone::Bad => 2,
        Tone::Caution => 1,
        _ => 0,
    });
    let spec = desired.containers.iter().find(|spec| spec.service.name == service.name);
    let answer = match (speaker, spec) {
        (Some(container), Some(spec)) if container.state == ContainerState::Running => {
            // A container that has gone in between has no answer.
            probe_once(engine, &container.id, spec).await.ok().flatten()
        }
        _ => None,
    };
    let image = speaker
        .and_then(|container| observed.images.iter().find(|image| image.id == container.image_id))
        .or_else(|| observed.image(&service.image.familiar()));
    let urls: Vec<Url> = urls::of(service, containers.first().copied())
        .into_iter()
        .map(|(name, url)| Url { name, url: if show_secrets { url } else { redact_url(&url) } })
        .collect();
    let credentials = if show_secrets { credentials(service, &urls) } else { IndexMap::default() };
    let label = |name: &str| image.and_then(|image| image.labels.get(name)).cloned();
    ServiceStatus {
        service: service.name.to_string(),
        aliases: service.aliases.clone(),
        state: speaker.map_or("missing", |container| container.state.as_str()),
        health: speaker.and_then(|container| container.health).map(Health::as_str),
        ready: answer.as_ref().map(Result::is_ok),
        reason: match (speaker, answer) {
            (_, Some(Err(state))) => Some(state),
            (Some(container), None) => reason(engine, container).await,
            _ => None,
        },
        containers: containers
            .iter()
            .map(|container| ContainerStatus {
                name: container.name.clone(),
                id: container.id.short().to_owned(),
                state: container.state.as_str(),
                status: container.status.clone(),
            })
            .collect(),
        urls,
        credentials,
        image: service.image.to_string(),
        built: service.build.is_some(),
        image_origin: label(labels::IMAGE_ORIGIN),
        stand_in: label(labels::IMAGE_STAND_IN),
        changed: changed(service, spec, &containers, observed),
    }
}

/// Secrets of the service's environment that stand in none of its URLs, such as a master key.
fn credentials(service: &Service, urls: &[Url]) -> IndexMap<String, String> {
    service
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .filter(|(name, value)| is_secret_name(name) && !value.is_empty())
        .filter(|(_, value)| !urls.iter().any(|url| url.url.contains(value)))
        .map(|(name, value)| (name.clone(), value.to_owned()))
        .collect()
}

/// Why a container is not well, in a few words.
async fn reason(engine: &DockerEngine, container: &ObservedContainer) -> Option<String> {
    let unwell = container.health == Some(Health::Unhealthy)
        || matches!(container.state, ContainerState::Exited { code } if code != 0)
        || container.state == ContainerState::Restarting;
    if !unwell {
        return None;
    }
    let facts = engine.inspect_container(&container.id).await.ok()?;
    if facts.oom_killed {
        return Some("out of memory".to_owned());
    }
    if !facts.error.is_empty() {
        return Some(facts.error);
    }
    if container.health == Some(Health::Unhealthy) {
        return facts.health_output.lines().last().map(|line| line.trim().to_owned());
    }
    match container.state {
        ContainerState::Exited { code } => Some(format!("exit code {code}")),
        ContainerState::Restarting => Some(format!("restarted {} times", facts.restarts)),
        _ => None,
    }
}

/// Fields of the file that the running containers do not have yet.
fn changed(
    service: &Service,
    spec: Option<&Arc<ContainerSpec>>,
    containers: &[&ObservedContainer],
    observed: &Observed,
) -> Vec<String> {
    let Some(container) = containers.first() else { return Vec::new() };
    let mut changed =
        spec.map(|spec| spec.digests.changed_since(&container.digests())).unwrap_or_default();
    let newer = observed
        .image(&service.image.familiar())
        .is_some_and(|image| image.id != container.image_id);
    if newer && !changed.contains(&"image".to_owned()) {
        changed.push("image".to_owned());
    }
    changed
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

fn words(status: &ServiceStatus) -> (String, Tone) {
    let running = status.containers.iter().filter(|container| container.state == "running").count();
    let count = match status.containers.len() {
        0 | 1 => String::new(),
        all => format!(" {running}/{all}"),
    };
    match (status.state, status.health) {
        ("running", _) if status.ready == Some(true) => (format!("ready{count}"), Tone::Good),
        ("running", _) if status.ready == Some(false) => {
            (format!("not ready{count}"), Tone::Caution)
        }
        ("running", Some("unhealthy")) => (format!("unhealthy{count}"), Tone::Bad),
        ("running", Some("starting")) => (format!("starting{count}"), Tone::Caution),
        ("running", Some(_)) => (format!("healthy{count}"), Tone::Good),
        ("running", None) => (format!("running{count}"), Tone::Good),
        ("missing", _) => ("not created".to_owned(), Tone::Faint),
        (state, _) => (format!("{state}{count}"), Tone::Bad),
    }
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
        if !status.changed.is_empty() {
            let fields = status.changed.join(", ");
            cx.note(&format!(
                "{service}: {fields} changed since it was started; `devstack up -d` applies it"
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
