//! `devstack diff`: how what runs is not as the files say.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use futures_util::future::try_join_all;
use serde::Serialize;

use super::context::Context;
use super::differences::{Field, redactor_of};
use super::error::{CliError, ExitStatus};
use super::inputs::with_build_inputs;
use super::ps::Format;
use super::redact::Redactor;
use super::scope::{Scope, desired, selected};
use super::up::choose_ports;
use crate::engine::{DockerEngine, Engine as _, EngineError};
use crate::plan::Recreate;
use crate::project::{Project, ServiceName};
use crate::report::{Paint, Tone};
use crate::state::drift::{
    Drift, DriftKind, Origin, Presence, Running, drift, redefined_networks, redefined_volumes,
};
use crate::state::facets::{Difference, Facets};
use crate::state::{ContainerId, Desired, Observed, ObservedContainer};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What was changed on the engine (`docker update`, `docker network connect`, \
    `docker rename`) is told\napart from what was changed in the files; secrets are hidden.\n\n\
    Exit codes: 0 nothing differs, 1 something is wrong, 2 something differs, as `plan`.\n\n\
    Examples:\n  devstack diff              what runs -> what the files say\n  \
    devstack diff -q || devstack up -d"
)]
pub(super) struct DiffArgs {
    /// Services to compare, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Print nothing: the exit code tells
    #[arg(short, long)]
    quiet: bool,
    /// `table`, or `json`: one list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// One thing that is not as the files say.
#[derive(Debug, Serialize)]
struct Entry {
    /// `image`, `network`, `volume` or `container`.
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// `missing`, `surplus` or `differs`.
    difference: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

pub(super) async fn diff(cx: &Context, args: DiffArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let engine = cx.connect().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let wanted = scope.services(&args.services)?;
    let observed = engine.observe().await?;
    let project = compared(&project, &wanted, &observed);
    let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let project = selected(&project, &names, false)?;
    let mut desired = with_build_inputs(cx, &project, &desired(&project)).await;
    choose_ports(cx, &engine, &mut desired, &observed, Recreate::Changed);
    let running = look(&engine, &desired, &observed).await?;
    let mut drifts = drift(&desired, &observed, &running);
    drifts.retain(|drift| {
        wanted.is_empty() || drift.service.as_ref().is_none_or(|service| wanted.contains(service))
    });
    let redactor = redactor(cx, &running);
    let entries: Vec<Entry> = drifts.iter().map(|drift| entry(drift, &redactor)).collect();
    match args.format {
        _ if args.quiet => {}
        Format::Json => {
            cx.print(&serde_json::to_string_pretty(&entries).expect("only text keys"))?;
        }
        Format::Table if entries.is_empty() => cx.print("nothing differs")?,
        Format::Table => {
            cx.print(&text(&entries, Paint::new(cx.stdout_colour())))?;
            if let Some(note) = remedy(&drifts) {
                cx.note(&note);
            }
        }
    }
    Ok(if entries.is_empty() { ExitStatus::Success } else { ExitStatus::Child(2) })
}

/// The project with those services of inactive profiles that run, or were named.
fn compared(project: &Project, wanted: &[ServiceName], observed: &Observed) -> Project {
    let mut project = project.clone();
    let there: BTreeSet<ServiceName> =
        observed.containers_of(&project.name).filter_map(ObservedContainer::service).collect();
    let active: Vec<ServiceName> = project
        .disabled_services
        .keys()
        .filter(|name| wanted.contains(name) || there.contains(*name))
        .cloned()
        .collect();
    for name in active {
        if let Some(service) = project.disabled_services.shift_remove(&name) {
            project.services.insert(name, service);
        }
    }
    project
}

/// Asks for what no list shows.
async fn look(
    engine: &DockerEngine,
    desired: &Desired,
    observed: &Observed,
) -> Result<Running, CliError> {
    let containers = observed
        .containers_of(&desired.project)
        .filter(|container| {
            container.service().is_some_and(|it| desired.selected_services.contains(&it))
        })
        .map(async |container| match engine.facets_of(container).await {
            Ok(facets) => Ok(Some((container.id.clone(), facets))),
            // It has gone since the list was made.
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        });
    let networks = redefined_networks(desired, observed).map(async |spec| {
        let name = spec.network.name.clone();
        Ok::<_, EngineError>((name.clone(), engine.facets_of_network(&name).await?))
    });
    let volumes = redefined_volumes(desired, observed).map(async |spec| {
        let name = spec.volume.name.clone();
        Ok::<_, EngineError>((name.clone(), engine.facets_of_volume(&name).await?))
    });
    let (containers, networks, volumes) =
        tokio::try_join!(try_join_all(containers), try_join_all(networks), try_join_all(volumes))?;
    let containers: HashMap<ContainerId, Facets> = containers.into_iter().flatten().collect();
    Ok(Running {
        containers,
        networks: networks.into_iter().collect(),
        volumes: volumes.into_iter().collect(),
    })
}

fn redactor(cx: &Context, running: &Running) -> Redactor {
    let made = running.containers.values();
    made.fold(cx.redactor(), |redactor, made| redactor.and(redactor_of(made)))
}

fn entry(drift: &Drift, redactor: &Redactor) -> Entry {
    let fields = drift.fields.iter().map(|field| Field {
        changed_in: Some(match field.origin {
            Origin::Files => "files",
            Origin::Engine => "engine",
        }),
        ..Field::new(field.difference.clone(), redactor)
    });
    Entry {
        kind: match drift.kind {
            DriftKind::Image => "image",
            DriftKind::Network => "network",
            DriftKind::Volume => "volume",
            DriftKind::Container => "container",
        },
        name: drift.name.clone(),
        service: drift.service.as_ref().map(ToString::to_string),
        difference: match drift.presence {
            Presence::Missing => "missing",
            Presence::Surplus => "surplus",
            Presence::Both => "differs",
        },
        fields: fields.collect(),
    }
}

fn text(entries: &[Entry], paint: Paint) -> String {
    let mut text = String::new();
    for entry in entries {
        let Entry { kind, name, difference, fields, .. } = entry;
        let (tone, sign, words) = match *difference {
            "missing" => (Tone::Good, '+', "  (not there)"),
            "surplus" => (Tone::Bad, '-', "  (not in the files)"),
            _ => (Tone::Caution, '~', ""),
        };
        let headline = paint.apply(tone, &format!("{sign} {kind} {name}"));
        let _ = writeln!(text, "{headline}{words}");
        for field in fields {
            field.write_line(&mut text);
        }
    }
    text
}

/// What makes the engine as the files say.
fn remedy(drifts: &[Drift]) -> Option<String> {
    // What stands still is as it was otherwise.
    let paused: Vec<&str> =
        drifts.iter().filter(|drift| is_only_paused(drift)).filter_map(service_of).collect();
    if !paused.is_empty() && paused.len() == drifts.len() {
        return Some(format!("`devstack unpause {}` lets it go on", paused.join(" ")));
    }
    // What `up` sees is mended by it; the rest only goes with the container.
    let unseen = |drift: &&Drift| {
        drift.kind == DriftKind::Container
            && !drift.fields.iter().any(|field| field.origin == Origin::Files)
            && drift.fields.iter().any(|field| stays(&field.difference))
    };
    let stubborn: BTreeSet<&str> = drifts.iter().filter(unseen).filter_map(service_of).collect();
    let surplus = drifts.iter().any(|drift| drift.presence == Presence::Surplus);
    let orphans = if surplus { " --remove-orphans" } else { "" };
    if stubborn.is_empty() {
        return (!drifts.is_empty())
            .then(|| format!("`devstack up -d{orphans}` makes it as the files say"));
    }
    let services: Vec<&str> = stubborn.into_iter().collect();
    Some(format!(
        "`devstack up -d{orphans}` leaves alone what was changed on the engine; `devstack up -d \
         --force-recreate --no-deps {}` undoes it",
        services.join(" ")
    ))
}

fn service_of(drift: &Drift) -> Option<&str> {
    drift.service.as_ref().map(ServiceName::as_str)
}

fn is_only_paused(drift: &Drift) -> bool {
    let [field] = drift.fields.as_slice() else { return false };
    field.difference.path == "state" && field.difference.old.as_deref() == Some("paused")
}

/// Whether `up` leaves a field of a container as somebody made it.
fn stays(difference: &Difference) -> bool {
    let Difference { path, old, .. } = difference;
    match path.as_str() {
        "state" => old.as_deref() == Some("paused"),
        "container_name" | "image" => false,
        // It sees a network that is missing, not one too many.
        "networks" => old.is_some(),
        _ => true,
    }
}
