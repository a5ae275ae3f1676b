//! How each service is, asked of the engine and of the service itself.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use super::connections::credentials;
use super::context::Context;
use super::ps::tone;
use super::{ports, urls};
use crate::config::redact::redact_url;
use crate::engine::{DockerEngine, Engine as _};
use crate::execute::{complaint, last_lines, probe_once};
use crate::explain::{Symptoms, explain};
use crate::project::{DependsOnCondition, Project, Reload, RestartPolicy, Service, ServiceName};
use crate::report::Tone;
use crate::state::{
    ContainerSpec, ContainerState, Desired, Health, Observed, ObservedContainer, labels,
};

/// Lines of a log that are looked through for a known failure.
const LOG_LINES: usize = 80;

/// The same, of what a reload runner has said: an application that goes on with older code has its
/// say, too.
const RUNNER_LINES: usize = 500;

/// One service.
#[derive(Debug, Serialize)]
pub(super) struct ServiceStatus {
    pub(super) service: String,
    pub(super) aliases: Vec<String>,
    pub(super) state: &'static str,
    /// What the engine's own health check says.
    pub(super) health: Option<&'static str>,
    /// Whether the service answers as `ready` asks, tried just now.
    pub(super) ready: Option<bool>,
    /// Whether it is as it should be: ready, or finished where that is its purpose.
    pub(super) ok: bool,
    /// Why it is not, in a few words; or what is wrong with its newest code while older code serves.
    pub(super) reason: Option<String>,
    /// What that means, where the failure is a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
    /// Whether it does not run because somebody wants it so.
    #[serde(skip)]
    pub(super) is_stopped: bool,
    pub(super) containers: Vec<ContainerStatus>,
    pub(super) urls: Vec<Url>,
    /// What one needs besides the URLs to use the service; only when asked for.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(super) credentials: IndexMap<String, String>,
    pub(super) image: String,
    /// Whether the file says how to build the image.
    pub(super) built: bool,
    pub(super) image_origin: Option<String>,
    pub(super) stand_in: Option<String>,
    pub(super) changed: Vec<String>,
    /// Usual ports that somebody had when the container was made, and that are free now; with the
    /// ones that it has instead.
    #[serde(skip)]
    pub(super) free_again: Vec<(u16, u16)>,
}

#[derive(Debug, Serialize)]
pub(super) struct ContainerStatus {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) status: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Url {
    pub(super) name: String,
    pub(super) url: String,
}

/// How every wanted service is; all when none is wanted.
pub(super) async fn inspect(
    cx: &Context,
    engine: &DockerEngine,
    project: &Project,
    desired: &Desired,
    wanted: &[ServiceName],
    show_secrets: bool,
) -> Result<Vec<ServiceStatus>, super::error::CliError> {
    let observed = engine.observe().await?;
    let shown = project
        .services
        .values()
        .chain(project.disabled_services.values().filter(|service| {
            // A service of an inactive profile is of interest while it runs.
            wanted.contains(&service.name) || !containers(project, service, &observed).is_empty()
        }))
        .filter(|service| wanted.is_empty() || wanted.contains(&service.name));
    let mut statuses =
        futures_util::future::join_all(shown.map(|service| {
            service_status(engine, project, service, &observed, desired, show_secrets)
        }))
        .await;
    if !show_secrets {
        let redactor = cx.redactor();
        for status in &mut statuses {
            let texts = [&mut status.reason, &mut status.cause, &mut status.help];
            for text in texts.into_iter().flatten() {
                *text = redactor.apply(text);
            }
        }
    }
    Ok(statuses)
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
        Tone::Bad => 3,
        Tone::Caution => 2,
        Tone::Faint => 1,
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
    let urls = urls::of(service, containers.first().copied());
    let credentials = if show_secrets {
        let found = credentials(service, &urls);
        found.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    } else {
        IndexMap::default()
    };
    let urls: Vec<Url> = urls
        .into_iter()
        .map(|(name, url)| Url { name, url: if show_secrets { url } else { redact_url(&url) } })
        .collect();
    let ok = is_ok(&containers, answer.as_ref(), ending(project, service));
    let trouble = match (speaker, &answer) {
        (Some(container), _) if !ok => trouble(engine, service, container, answer.as_ref()).await,
        (Some(container), _) => Trouble {
            reason: runner_complaint(engine, service, container)
                .await
                .map(|complaint| format!("{complaint}; the version before serves")),
            ..Trouble::default()
        },
        _ => Trouble::default(),
    };
    let label = |name: &str| image.and_then(|image| image.labels.get(name)).cloned();
    ServiceStatus {
        service: service.name.to_string(),
        aliases: service.aliases.clone(),
        state: speaker.map_or("missing", |container| container.state.as_str()),
        health: speaker.and_then(|container| container.health).map(Health::as_str),
        ready: answer.as_ref().map(Result::is_ok),
        ok,
        reason: trouble.reason,
        cause: trouble.cause,
        help: trouble.help,
        is_stopped: trouble.is_stopped,
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
        free_again: free_again(engine, service, &containers),
    }
}

/// Usual ports that are free again, with those that the running service has instead.
fn free_again(
    engine: &DockerEngine,
    service: &Service,
    containers: &[&ObservedContainer],
) -> Vec<(u16, u16)> {
    let Some(container) = containers.first().filter(|it| it.state.is_running()) else {
        return Vec::new();
    };
    let ports = service.ports.iter().filter(|_| engine.endpoint().is_local());
    let moved = ports.filter_map(|port| {
        let usual = port.auto()?;
        let (_, now) = urls::endpoint(service, Some(container), port.target)?;
        let is_free = now != usual && ports::is_free(port.host_ip, usual, port.protocol);
        is_free.then_some((usual, now))
    });
    moved.collect()
}

/// What the end of a service with exit code 0 means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Another service waits for it.
    Wanted,
    /// It may have done its work.
    Fine,
    /// It was stopped: others connect to it, or the engine starts it again.
    Stop,
}

fn ending(project: &Project, service: &Service) -> Ending {
    let is_wanted = project.services.values().any(|other| {
        other.depends_on.get(&service.name).is_some_and(|dependency| {
            dependency.condition == DependsOnCondition::ServiceCompletedSuccessfully
        })
    });
    let is_there_to_run = service.ready.is_some()
        || !service.ports.is_empty()
        || service.healthcheck.as_ref().is_some_and(|check| !check.disable)
        || matches!(service.restart, RestartPolicy::Always | RestartPolicy::UnlessStopped);
    match (is_wanted, is_there_to_run) {
        (true, _) => Ending::Wanted,
        (false, true) => Ending::Stop,
        (false, false) => Ending::Fine,
    }
}

/// Whether a service is as it should be.
fn is_ok(
    containers: &[&ObservedContainer],
    answer: Option<&Result<(), String>>,
    ending: Ending,
) -> bool {
    !containers.is_empty()
        && containers.iter().all(|container| match container.state {
            ContainerState::Exited { code } => code == 0 && ending != Ending::Stop,
            ContainerState::Running if ending == Ending::Wanted => false,
            ContainerState::Running => match answer {
                Some(answer) => answer.is_ok(),
                None => !matches!(container.health, Some(Health::Unhealthy | Health::Starting)),
            },
            _ => false,
        })
}

/// Why a container is not well, and what that means.
#[derive(Debug, Default)]
struct Trouble {
    reason: Option<String>,
    cause: Option<String>,
    help: Option<String>,
    is_stopped: bool,
}

/// What a service's reload runner says of code that does not run.
async fn runner_complaint(
    engine: &DockerEngine,
    service: &Service,
    container: &ObservedContainer,
) -> Option<String> {
    let has_runner = service.reload.as_ref().is_some_and(Reload::has_runner);
    if !has_runner || container.state != ContainerState::Running {
        return None;
    }
    let lines = last_lines(engine, &container.id, RUNNER_LINES).await.ok()?;
    complaint(lines.iter().map(|(_, line)| line.as_str()))
}

async fn trouble(
    engine: &DockerEngine,
    service: &Service,
    container: &ObservedContainer,
    answer: Option<&Result<(), String>>,
) -> Trouble {
    let Ok(facts) = engine.inspect_container(&container.id).await else {
        return Trouble::default();
    };
    // One that ended of a signal, or well where it was there to run, was stopped: that is no failure.
    if (container.state.is_ended_by_signal()
        || container.state == ContainerState::Exited { code: 0 })
        && !facts.oom_killed
        && facts.error.is_empty()
    {
        let is_killed = container.state == ContainerState::Exited { code: 137 };
        let reason = is_killed.then(|| "killed (SIGKILL)".to_owned());
        return Trouble { reason, is_stopped: true, ..Trouble::default() };
    }
    let probe = answer.and_then(|answer| answer.as_ref().err());
    let ended = !matches!(container.state, ContainerState::Running | ContainerState::Created);
    let reason = if facts.oom_killed {
        Some("out of memory".to_owned())
    } else if !facts.error.is_empty() {
        Some(facts.error.clone())
    } else if let Some(complaint) = runner_complaint(engine, service, container).await {
        Some(complaint)
    } else if let Some(probe) = probe {
        Some(probe.clone())
    } else if container.health == Some(Health::Unhealthy) {
        facts.health_output.lines().last().map(|line| line.trim().to_owned())
    } else {
        match container.state {
            ContainerState::Exited { code } => Some(format!("exit code {code}")),
            ContainerState::Restarting => {
                Some(format!("restarted {} times, exit code {}", facts.restarts, facts.exit_code))
            }
            _ => None,
        }
    };
    let lines = last_lines(engine, &container.id, LOG_LINES).await;
    let log: Vec<String> = lines.unwrap_or_default().into_iter().map(|(_, line)| line).collect();
    let explanation = explain(&Symptoms {
        service: service.name.as_str(),
        exit_code: ended.then_some(facts.exit_code),
        oom_killed: facts.oom_killed,
        engine_error: &facts.error,
        probe: probe.map(String::as_str),
        log: &log,
    });
    let (cause, help) = explanation.map(|it| (it.cause, it.help)).unzip();
    Trouble { reason, cause, help, is_stopped: false }
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

pub(super) fn words(status: &ServiceStatus) -> (String, Tone) {
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
        ("exited", _) if status.is_stopped => (format!("stopped{count}"), Tone::Faint),
        ("exited", _) if status.ok => ("finished".to_owned(), Tone::Good),
        (state, _) => (format!("{state}{count}"), Tone::Bad),
    }
}
