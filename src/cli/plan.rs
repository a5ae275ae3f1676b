//! `devstack plan`: what `up` would do and why, field by field.

use std::fmt::Write as _;

use serde::Serialize;

use super::checkout::ToCreate;
use super::context::Context;
use super::differences::{Field, redactor_of};
use super::error::{CliError, ExitStatus, Problem};
use super::inputs::check_builds;
use super::ps::Format;
use super::redact::Redactor;
use super::scope::{desired, selected};
use super::up::{check_ports, prepare};
use crate::engine::DockerEngine;
use crate::event::{Action, Subject};
use crate::plan::{self, Cause, Operation, Plan, ReconcileOptions, Step, reconcile};
use crate::report::{Paint, Tone};
use crate::state::facets::{self, facets};
use crate::state::{ContainerSpec, Desired, Observed};

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing to do, 1 something is wrong, 2 something to do.\n\n\
    Examples:\n  devstack plan              what `devstack up` would do\n  \
    devstack plan || echo 'not as the files say'")]
pub(super) struct PlanArgs {
    /// Services to plan for, with what they need; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Leave out what the named services need
    #[arg(long)]
    no_deps: bool,
    /// Build images even if they are there
    #[arg(long)]
    build: bool,
    /// Make containers again even if nothing changed
    #[arg(long)]
    force_recreate: bool,
    /// Remove containers of services that are not in the files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true)]
    remove_orphans: bool,
    /// `table`, or `json`: one list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What happens to one thing.
#[derive(Debug, Serialize)]
struct Change {
    /// `recreate`, `create`, `start`, `remove`, for a hook `run`, and so on.
    action: &'static str,
    /// `container`, `hook`, `image`, `network` or `volume`.
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

pub(super) async fn plan(cx: &Context, args: PlanArgs) -> Result<ExitStatus, CliError> {
    let ToCreate { project, seen, .. } = cx.load_to_plan().await?;
    let project = selected(&project, &args.services, !args.no_deps)?;
    let engine = cx.connect().await?;
    let recreate =
        if args.force_recreate { plan::Recreate::Force } else { plan::Recreate::Changed };
    let (observed, desired) =
        prepare(cx, &engine, seen, &project, &desired(&project), recreate).await?;
    let options = ReconcileOptions {
        recreate,
        build: args.build,
        remove_orphans: args.remove_orphans,
        ..ReconcileOptions::default()
    };
    let plan = reconcile(&desired, &observed, &options).map_err(Problem::Conflicts)?;
    let plan = plan::weave(plan, &desired, &observed);
    let mut changes = changes(&plan);
    for change in &mut changes {
        let (fields, cause) =
            fields(&engine, &cx.redactor(), change, &plan, &desired, &observed).await?;
        change.fields = fields;
        if let Some(cause) = cause {
            change.reason = cause.to_string();
        }
    }
    for warning in &plan.warnings {
        cx.note(&format!("warning: {warning}"));
    }
    match args.format {
        Format::Json => {
            cx.print(&serde_json::to_string_pretty(&changes).expect("only text keys"))?;
        }
        Format::Table if changes.is_empty() => cx.print("nothing to do")?,
        Format::Table => cx.print(&text(&changes, Paint::new(cx.stdout_colour())))?,
    }
    if plan::needs_images_first(&desired, &observed, &options) {
        cx.note("containers follow when an image turns out to be another one");
    }
    check_builds(&plan)?;
    check_ports(&engine, &desired, &plan, &observed)?;
    Ok(if changes.is_empty() { ExitStatus::Success } else { ExitStatus::Child(2) })
}

/// The steps of a plan put together by what they are about.
fn changes(plan: &Plan) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for step in &plan.steps {
        let Some(action) = verb(step) else { continue };
        let (kind, name, service) = subject(&step.subject);
        match changes.iter_mut().find(|change| change.kind == kind && change.name == name) {
            Some(change) => change.action = together(change.action, action),
            None => changes.push(Change {
                action,
                kind,
                name,
                service,
                reason: step.cause.to_string(),
                fields: Vec::new(),
            }),
        }
    }
    changes
}

fn subject(subject: &Subject) -> (&'static str, String, Option<String>) {
    match subject {
        Subject::Container { service, name } => {
            ("container", name.clone(), Some(service.to_string()))
        }
        Subject::Hook { service, name, .. } => ("hook", name.clone(), Some(service.to_string())),
        Subject::Image { reference, services } => {
            ("image", reference.clone(), services.first().map(ToString::to_string))
        }
        Subject::Network(name) => ("network", name.clone(), None),
        Subject::Volume(name) => ("volume", name.clone(), None),
    }
}

/// What a step is in a person's eyes; nothing for what only follows from another one.
fn verb(step: &Step) -> Option<&'static str> {
    if matches!(step.cause, Cause::Replaces | Cause::NameFor(_)) {
        return None;
    }
    if let Subject::Hook { .. } = step.subject {
        return (step.operation.action() == Action::Start).then_some("run");
    }
    match step.operation.action() {
        Action::Pull => Some("pull"),
        Action::Build => Some("build"),
        Action::Create => Some("create"),
        Action::Start => Some("start"),
        Action::Restart => Some("restart"),
        Action::Stop => Some("stop"),
        Action::Remove => Some("remove"),
        Action::Rename => Some("rename"),
        _ => None,
    }
}

/// What two steps about one thing come to.
fn together(one: &'static str, other: &'static str) -> &'static str {
    match (one, other) {
        ("create" | "recreate", "stop" | "remove") | ("stop" | "remove", "create") => "recreate",
        ("stop", "remove") => "remove",
        ("stop", "start") => "restart",
        (one, _) => one,
    }
}

/// How the fields of a container change that is made again, and which of them that is in short.
async fn fields(
    engine: &DockerEngine,
    redactor: &Redactor,
    change: &Change,
    plan: &Plan,
    desired: &Desired,
    observed: &Observed,
) -> Result<(Vec<Field>, Option<Cause>), CliError> {
    let changed = plan.steps.iter().find_map(|step| match (&step.operation, &step.cause) {
        (Operation::CreateContainer { spec, .. }, Cause::ConfigChanged(fields))
            if spec.name == change.name =>
        {
            Some((spec, fields))
        }
        _ => None,
    });
    let old = |spec: &ContainerSpec| {
        observed.containers_of(&desired.project).find(|container| {
            container.service().as_ref() == Some(&spec.service.name)
                && container.number() == spec.number
        })
    };
    let Some((spec, changed)) = changed else { return Ok((Vec::new(), None)) };
    let Some(old) = old(spec) else { return Ok((Vec::new(), None)) };
    let (old, new) = (engine.facets_of(old).await?, facets(spec));
    let redactor = redactor.and(redactor_of(&old));
    let found = facets::all_changed(changed.iter().map(String::as_str), &old, &new);
    // A further name of a service is part of how it joins its networks: that is one change.
    let joins = found.iter().any(|difference| difference.path.starts_with("networks"));
    let is_told = |field: &&String| *field != "networks" || joins;
    let told: Vec<String> = changed.iter().filter(is_told).cloned().collect();
    let cause = (!told.is_empty()).then_some(Cause::ConfigChanged(told));
    Ok((found.into_iter().map(|difference| Field::new(difference, &redactor)).collect(), cause))
}

fn text(changes: &[Change], paint: Paint) -> String {
    let mut text = String::new();
    for change in changes {
        let tone = match change.action {
            "create" | "pull" | "build" | "start" | "run" => Tone::Good,
            "remove" | "stop" => Tone::Bad,
            _ => Tone::Caution,
        };
        let action = paint.apply(tone, change.action);
        let Change { kind, name, reason, .. } = change;
        let _ = writeln!(text, "{action} {kind} {name}  ({reason})");
        for field in &change.fields {
            field.write_line(&mut text);
        }
    }
    let count = |actions: &[&str]| {
        changes
            .iter()
            .filter(|change| change.kind == "container" && actions.contains(&change.action))
            .count()
    };
    let _ = writeln!(
        text,
        "containers: {} to create, {} to make again, {} to start or restart, {} to remove",
        count(&["create"]),
        count(&["recreate"]),
        count(&["start", "restart", "rename"]),
        count(&["remove", "stop"]),
    );
    text
}
