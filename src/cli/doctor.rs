//! `devstack doctor`: gathers the facts, all at the same time and none for long, and prints what
//! [`crate::doctor`] makes of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::hints::{conflict_hint, engine_hint, port_hint};
use super::inspection::inspect;
use super::ports;
use super::scope::desired;
use crate::config::redact::redact_url;
use crate::doctor::{
    EngineFacts, Facts, Finding, Neighbour, NetworkFacts, Registry, ServiceTrouble, StackFacts,
    Verdict, examine,
};
use crate::engine::{DockerEngine, Engine as _, EngineInfo};
use crate::os::{files, machine, socket};
use crate::plan::{self, ReconcileOptions, reconcile};
use crate::project::{ImageRef, PackageManager, Project, PullPolicy};
use crate::report::{Paint, Tone};
use crate::state::{Observed, labels};

/// Longest time that one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1 when something fails; warnings alone do not count.\n\
    Registries are only asked for images that are not here yet: their names are looked up and\n\
    connected to, nothing is sent.")]
pub(super) struct DoctorArgs {
    /// Do not ask any registry
    #[arg(long)]
    offline: bool,
    /// One JSON object with all findings
    #[arg(long)]
    json: bool,
}

pub(super) async fn doctor(cx: &Context, args: DoctorArgs) -> Result<ExitStatus, CliError> {
    let facts = gather(cx, &args).await;
    let findings: Vec<Finding> = examine(&facts)
        .into_iter()
        .map(|finding| Finding {
            message: cx.redactor().apply(&finding.message),
            help: finding.help.map(|help| cx.redactor().apply(&help)),
            ..finding
        })
        .collect();
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    if args.json {
        let json = serde_json::json!({"verdict": worst, "findings": findings});
        cx.print(&serde_json::to_string_pretty(&json).expect("only text keys"))?;
    } else {
        cx.print(&text(&findings, Paint::new(cx.stdout_colour()), cx.table_width()))?;
    }
    Ok(match (worst, &facts.engine) {
        (Verdict::Fail, Some(Err(_))) => ExitStatus::NoEngine,
        (Verdict::Fail, _) => ExitStatus::Failure,
        _ => ExitStatus::Success,
    })
}

fn text(findings: &[Finding], paint: Paint, columns: Option<usize>) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Finding { check, verdict, message, help } in findings {
        let (mark, tone) = match verdict {
            Verdict::Ok => ("✔", Tone::Good),
            Verdict::Warn => ("!", Tone::Caution),
            Verdict::Fail => ("✘", Tone::Bad),
        };
        let front = paint.apply(tone, &format!("{mark} {check:<width$}"));
        let margin = " ".repeat(width + 4);
        // Words go on below where they began.
        let folded = |text: &str, more: usize| {
            let room = columns.and_then(|columns| columns.checked_sub(margin.len() + more));
            folded(text, room.filter(|room| *room > 20)).join(&format!("\n{margin}"))
        };
        lines.push(format!("{front}  {}", folded(message, 0)));
        if let Some(help) = help {
            let word = paint.apply(Tone::Good, "help:");
            lines.push(format!("{margin}{word} {}", folded(help, "help: ".len())));
        }
    }
    lines.join("\n")
}

/// A text in lines of at most so many characters, longer words apart.
fn folded(text: &str, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is one from the beginning");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > columns {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}

async fn gather(cx: &Context, args: &DoctorArgs) -> Facts {
    let (engine, info) = match ask_engine(cx).await {
        Ok((engine, info, ahead)) => {
            let facts = engine_facts(&engine, &info, ahead);
            (Some(engine), Some(Ok((facts, info))))
        }
        Err(reason) => (None, Some(Err(reason))),
    };
    let project = load(cx, engine.is_some()).await;
    let here = match &project {
        Ok(project) => project.working_dir.clone(),
        Err(_) => std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    };
    let root = match &info {
        Some(Ok((facts, info))) if facts.is_local => Some(PathBuf::from(&info.root_dir)),
        _ => None,
    };
    let observed = match &engine {
        Some(engine) => timeout(PATIENCE, engine.observe()).await.ok().and_then(Result::ok),
        None => None,
    };
    let (network, stack) = tokio::join!(
        network(cx, args, project.as_ref().ok(), observed.as_ref()),
        stack(cx, engine.as_deref(), &project, observed.as_ref()),
    );
    let path = cx.endpoint().ok().and_then(|it| it.url.strip_prefix("unix://").map(PathBuf::from));
    Facts {
        socket: path.and_then(|path| socket::look(&path)),
        engine: info.map(|info| info.map(|(facts, _)| facts)),
        machine: machine::look(&here, root.as_deref()),
        network,
        stack,
    }
}

type Asked = (std::sync::Arc<DockerEngine>, EngineInfo, Option<i64>);

/// The engine and how far its clock is ahead, or why it cannot be used and what to do.
async fn ask_engine(cx: &Context) -> Result<Asked, (String, String)> {
    let late = || {
        let reason = format!("the Docker Engine did not answer within {} s", PATIENCE.as_secs());
        (reason, "see whether it is busy, or restart it".to_owned())
    };
    let connected = timeout(PATIENCE, cx.connect()).await.map_err(|_| late())?;
    let engine = connected.map_err(|error| error.reason_and_hint())?;
    let before = OffsetDateTime::now_utc();
    let info = timeout(PATIENCE, engine.info()).await.map_err(|_| late())?;
    let after = OffsetDateTime::now_utc();
    let info = info.map_err(|error| {
        let hint = engine_hint(&error.kind).unwrap_or("see the engine's own log");
        (error.to_string(), hint.to_owned())
    })?;
    // Its clock was read at some time between the two.
    let ahead: Option<time::Duration> =
        info.time.map(|time| time - (before + (after - before) / 2));
    let ahead = ahead.and_then(|ahead| i64::try_from(ahead.whole_milliseconds()).ok());
    Ok((engine, info, ahead))
}

fn engine_facts(engine: &DockerEngine, info: &EngineInfo, ahead: Option<i64>) -> EngineFacts {
    EngineFacts {
        version: engine.version().engine.clone(),
        api: engine.version().api.clone(),
        endpoint: engine.endpoint().url.clone(),
        is_local: engine.endpoint().is_local(),
        operating_system: info.operating_system.clone(),
        cores: info.cores,
        memory: info.memory,
        clock_ahead_ms: ahead,
        storage_driver: info.storage_driver.clone(),
        cgroup_version: info.cgroup_version.clone(),
        is_rootless: info.is_rootless,
        limits_memory: info.limits_memory,
        https_proxy: info.https_proxy.as_deref().map(redact_url),
    }
}

async fn load(cx: &Context, with_engine: bool) -> Result<Project, String> {
    let loaded = if with_engine {
        cx.load_checkout().await.map(|checkout| checkout.project)
    } else {
        cx.load_files().map(|files| files.project)
    };
    loaded.map_err(|error| error.reason_and_hint().0)
}

async fn network(
    cx: &Context,
    args: &DoctorArgs,
    project: Option<&Project>,
    observed: Option<&Observed>,
) -> NetworkFacts {
    let variable = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let value = cx.variable(name).or_else(|| cx.variable(&lower));
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let proxy = variable("HTTPS_PROXY").or_else(|| variable("HTTP_PROXY"));
    let wanted = match (project, observed) {
        (Some(project), Some(observed)) => registries(project, observed),
        _ => Vec::new(),
    };
    // Behind a proxy, names of others need not be known here.
    let ask = !args.offline && proxy.is_none();
    let registries = futures_util::future::join_all(
        wanted.into_iter().map(async |registry| if ask { reach(registry).await } else { registry }),
    )
    .await;
    let proxy_answers = match &proxy {
        Some(proxy) if !args.offline => Some(connects(&authority(proxy, 80)).await.is_ok()),
        _ => None,
    };
    NetworkFacts {
        registries,
        proxy: proxy.as_deref().map(redact_url),
        proxy_answers,
        no_proxy: variable("NO_PROXY"),
        authorities: machine::authorities(&|name| cx.variable(name).map(str::to_owned)),
    }
}

/// The registries of images that are neither here nor built here.
fn registries(project: &Project, observed: &Observed) -> Vec<Registry> {
    let mut registries: Vec<Registry> = Vec::new();
    let services = || project.services.values();
    let is_built = |image: &ImageRef| {
        let mut built = services().filter(|service| service.build.is_some());
        built.any(|service| service.image == *image)
    };
    let wanted = services()
        .filter(|service| service.pull_policy != Some(PullPolicy::Never))
        .flat_map(|service| std::iter::once(&service.image).chain(service.hook_images()));
    for reference in wanted {
        let image = reference.familiar();
        let is_known = registries.iter().any(|registry| registry.images.contains(&image));
        if is_built(reference) || observed.image(&image).is_some() || is_known {
            continue;
        }
        let host = match reference.registry() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        match registries.iter_mut().find(|registry| registry.host == host) {
            Some(registry) => registry.images.push(image),
            None => registries.push(Registry {
                host: host.to_owned(),
                images: vec![image],
                resolves: None,
                answers: None,
            }),
        }
    }
    registries
}

async fn reach(registry: Registry) -> Registry {
    let address = authority(&registry.host, 443);
    let resolves = match timeout(PATIENCE, lookup_host(&address)).await {
        Ok(Ok(mut addresses)) => addresses.next().map(|_| ()).ok_or_else(|| "none".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    let answers = if resolves.is_ok() { Some(connects(&address).await) } else { None };
    Registry { resolves: Some(resolves), answers, ..registry }
}

async fn connects(address: &str) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// `HOST:PORT` of a URL or host.
fn authority(url: &str, usual_port: u16) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{usual_port}") }
}

async fn stack(
    cx: &Context,
    engine: Option<&DockerEngine>,
    project: &Result<Project, String>,
    observed: Option<&Observed>,
) -> Option<Result<StackFacts, String>> {
    let project = match project {
        Ok(project) => project,
        Err(reason) => return Some(Err(reason.clone())),
    };
    let mut facts = StackFacts {
        project: project.name.to_string(),
        memory_limits: limits(project, |service| service.mem_limit.map(|limit| limit.0)),
        cpu_limits: project
            .services
            .values()
            .filter_map(|service| Some((service.name.to_string(), service.cpus?)))
            .collect(),
        ports: project.services.values().map(|service| service.ports.len()).sum(),
        builds: project.services.values().any(|service| service.build.is_some()),
        builds_with_npm: builds_with_npm(project),
        ..StackFacts::default()
    };
    let (Some(engine), Some(observed)) = (engine, observed) else { return Some(Ok(facts)) };
    let desired = desired(project);
    match reconcile(&desired, observed, &ReconcileOptions::default()) {
        Ok(plan) => {
            let (wanted, mut taken) =
                plan::wanted_ports(&project.name, &plan, observed, &desired.containers);
            if engine.endpoint().is_local() {
                taken.extend(ports::taken(wanted));
            }
            let told = |taken: &plan::PortConflict| (taken.to_string(), port_hint(taken));
            facts.taken_ports = taken.iter().map(told).collect();
        }
        Err(conflicts) => {
            let told = |conflict: &plan::Conflict| {
                (conflict.to_string(), conflict_hint(conflict).to_owned())
            };
            facts.conflicts = conflicts.iter().map(told).collect();
        }
    }
    let asked = inspect(cx, engine, project, &desired, &[], false);
    let statuses = timeout(PATIENCE * 2, asked).await.ok().and_then(Result::ok).unwrap_or_default();
    for status in statuses.into_iter().filter(|status| !status.containers.is_empty()) {
        if status.ok {
            facts.well += 1;
            continue;
        }
        facts.troubles.push(ServiceTrouble {
            state: if status.state == "running" { "not ready" } else { status.state }.to_owned(),
            service: status.service,
            reason: status.reason,
            cause: status.cause,
            help: status.help,
        });
    }
    facts.leftovers = leftovers(project, observed);
    facts.dead_projects = dead_projects(project, engine, observed);
    Some(Ok(facts))
}

fn limits(
    project: &Project,
    limit: impl Fn(&crate::project::Service) -> Option<u64>,
) -> Vec<(String, u64)> {
    let services = project.services.values();
    services
        .filter_map(|service| {
            Some((service.name.to_string(), limit(service)?.saturating_mul(service.scale.into())))
        })
        .collect()
}

/// Whether a Dockerfile speaks of a package manager of Node.js.
fn builds_with_npm(project: &Project) -> bool {
    let programs: Vec<&str> =
        PackageManager::all().iter().map(|manager| manager.program.as_str()).collect();
    project.services.values().filter_map(|service| service.build.as_ref()).any(|build| {
        let text = build.dockerfile_inline.clone().or_else(|| {
            let file = build.dockerfile.as_deref().unwrap_or(Path::new("Dockerfile"));
            files::read_text(&build.context.join(file)).ok()
        });
        let is_called = |text: &str| text.split_whitespace().any(|word| programs.contains(&word));
        text.is_some_and(|text| is_called(&text))
    })
}

/// What carries the project's label and is not in its files.
fn leftovers(project: &Project, observed: &Observed) -> Vec<String> {
    let is_known = |name: &str| {
        project.services.contains_key(name) || project.disabled_services.contains_key(name)
    };
    let of_project = |found: &indexmap::IndexMap<String, String>| {
        found.get(labels::PROJECT).is_some_and(|name| name == project.name.as_str())
    };
    let containers = observed
        .containers_of(&project.name)
        .filter(|container| container.service().is_some_and(|name| !is_known(name.as_str())))
        .map(|container| format!("container {}", container.name));
    let volumes = observed
        .volumes
        .iter()
        .filter(|volume| of_project(&volume.labels))
        .filter(|volume| !project.volumes.values().any(|known| known.name == volume.name))
        .map(|volume| format!("volume {}", volume.name));
    containers.chain(volumes).collect()
}

/// Other projects of devstack's making whose folders are gone.
fn dead_projects(project: &Project, engine: &DockerEngine, observed: &Observed) -> Vec<Neighbour> {
    // The folders of another machine's projects cannot be seen from here.
    if !engine.endpoint().is_local() {
        return Vec::new();
    }
    let mut dead: Vec<Neighbour> = Vec::new();
    for container in &observed.containers {
        let label = |name: &str| container.labels.get(name);
        let (Some(name), Some(folder), Some(_)) =
            (label(labels::PROJECT), label(labels::WORKING_DIR), label(labels::DIGESTS))
        else {
            continue;
        };
        if name == project.name.as_str() || Path::new(folder).exists() {
            continue;
        }
        match dead.iter_mut().find(|known| known.project == *name) {
            Some(known) => known.containers += 1,
            None => dead.push(Neighbour {
                project: name.clone(),
                folder: folder.clone(),
                containers: 1,
            }),
        }
    }
    dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_from_urls() {
        for (url, expected) in [
            ("registry-1.docker.io", "registry-1.docker.io:443"),
            ("localhost:5000", "localhost:5000"),
            ("http://kim:pw@proxy:3128/", "proxy:3128"),
            ("http://proxy", "proxy:443"),
        ] {
            assert_eq!(authority(url, 443), expected);
        }
    }

    #[test]
    fn texts_are_folded_between_words() {
        let shown = |text: &str, columns| folded(text, columns).join("|");
        assert_eq!(shown("one two three", None), "one two three");
        assert_eq!(shown("one two three", Some(7)), "one two|three");
        assert_eq!(shown("one twothreefour five", Some(8)), "one|twothreefour|five");
        assert_eq!(shown("", Some(8)), "");
    }

    #[test]
    fn findings_are_lines_with_marks() {
        let finding = |check, verdict, help: Option<&str>| Finding {
            check,
            verdict,
            message: "what is so".to_owned(),
            help: help.map(str::to_owned),
        };
        let findings = [
            finding("engine", Verdict::Ok, None),
            finding("disk here", Verdict::Warn, Some("make room")),
            finding("ports", Verdict::Fail, Some("stop it")),
        ];
        insta::assert_snapshot!(text(&findings, Paint::new(false), None), @"
        ✔ engine     what is so
        ! disk here  what is so
                     help: make room
        ✘ ports      what is so
                     help: stop it
        ");
    }
}
