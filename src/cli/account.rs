//! An account of what went wrong: each failure as a finding, at the line of the file that asked for
//! it where there is one, with its cause and what to do.

mod build;

use std::path::Path;

use super::error::Problem;
use super::hints::{conflict_hint, engine_hint, port_hint};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::config::origin::{Origins, Owner};
use crate::engine::{EngineError, EngineErrorKind};
use crate::event::{Action, Subject};
use crate::execute::{ExecuteError, StepError, StepFailure, WaitFailure, WaitFailureReason};
use crate::explain::{RefusalAbout, Symptoms, explain, refusals};
use crate::os::files::{MissingSource, SourceAsked};
use crate::plan::{Conflict, PortConflict};
use crate::project::ServiceName;
use crate::report::quoted;

/// Last lines of a container that a person is shown; more of them are read to find the cause.
const SHOWN_LINES: usize = 20;

/// Tells what went wrong. `origins` is the stack that it went wrong with, where its files have been
/// read. Where logs are shown, they are not quoted but for those of the services that are `quiet`.
/// Dockerfiles are named as seen from the working folder.
pub(super) fn account(
    problem: &Problem,
    origins: Option<&Origins>,
    quiet: Option<&[ServiceName]>,
    working_dir: &Path,
) -> Diagnostics {
    let findings = match problem {
        Problem::Config(findings) => return findings.clone(),
        Problem::Endpoint(error) => vec![
            plain(error.to_string())
                .help("list contexts with `docker context ls`, or unset DOCKER_CONTEXT"),
        ],
        Problem::Engine(error) => vec![engine(error, None, origins, working_dir)],
        Problem::Conflicts(conflicts) => conflicts.iter().map(|it| conflict(it, origins)).collect(),
        Problem::Ports(conflicts) => {
            let mut findings: Vec<_> = conflicts.iter().map(|it| port(it, origins)).collect();
            if let Some(last) = findings.last_mut() {
                last.notes.push("nothing was created".to_owned());
            }
            findings
        }
        Problem::Builds(broken) => {
            let mut findings: Vec<_> = broken.iter().map(|it| build::broken(it, origins)).collect();
            if let Some(last) = findings.last_mut() {
                last.notes.push("nothing was changed".to_owned());
            }
            findings
        }
        Problem::MissingSources(missing) => missing.iter().map(|it| source(it, origins)).collect(),
        Problem::Run(error) => run(error, origins, quiet, working_dir),
        Problem::UnknownService { name, suggestion } => {
            vec![plain(format!("no service `{name}` in the files")).help(match suggestion {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None => "`devstack config --services` lists them".to_owned(),
            })]
        }
        Problem::Output(error) => vec![plain(format!("cannot write the output: {error}"))],
        Problem::Other { message, hint } => {
            let finding = plain(message);
            vec![match hint {
                Some(hint) => finding.help(hint),
                None => finding,
            }]
        }
    };
    Diagnostics(findings)
}

fn plain(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Severity::Error, message, None)
}

const fn service(key: &str) -> Owner<'_> {
    Owner { section: "services", key }
}

/// Points at the key, or at the owner when it is not there.
fn placed(
    finding: Diagnostic,
    origins: Option<&Origins>,
    owner: Owner<'_>,
    keys: &[&str],
    parts: &[String],
) -> Diagnostic {
    let Some(origins) = origins else { return finding };
    match origins.find(owner, keys, parts).or_else(|| origins.find_owner(owner)) {
        Some(place) => origins.point(finding, owner, &place),
        None => finding,
    }
}

fn port(conflict: &PortConflict, origins: Option<&Origins>) -> Diagnostic {
    let wanted = &conflict.wanted;
    let finding = plain(conflict.to_string()).help(port_hint(conflict));
    placed(
        finding,
        origins,
        service(wanted.service.as_str()),
        &["ports"],
        &[wanted.port.to_string()],
    )
}

fn source(missing: &MissingSource, origins: Option<&Origins>) -> Diagnostic {
    let finding = plain(missing.to_string());
    match &missing.asked {
        SourceAsked::Mount(target) => {
            let finding = finding.help(
                "create the path, correct it in the file, or set `bind: {create_host_path: true}`",
            );
            let owner = service(missing.service.as_str());
            placed(finding, origins, owner, &["volumes"], std::slice::from_ref(target))
        }
        SourceAsked::Secret(key) => {
            let owner = Owner { section: "secrets", key };
            placed(finding.help(CREATE_FILE), origins, owner, &["file"], &[])
        }
        SourceAsked::Config(key) => {
            let owner = Owner { section: "configs", key };
            placed(finding.help(CREATE_FILE), origins, owner, &["file"], &[])
        }
    }
}

const CREATE_FILE: &str = "create the file, or correct its path";

fn conflict(conflict: &Conflict, origins: Option<&Origins>) -> Diagnostic {
    let finding = plain(conflict.to_string()).help(conflict_hint(conflict));
    let Some(origins) = origins else { return finding };
    let named = |finding, section, name: &str| match origins.key_of(section, name) {
        Some(key) => placed(finding, Some(origins), Owner { section, key }, &["name"], &[]),
        None => finding,
    };
    match conflict {
        Conflict::ContainerName { name, .. } => match origins.service_of_container(name) {
            Some(key) => placed(finding, Some(origins), service(key), &["container_name"], &[]),
            None => finding,
        },
        Conflict::ForeignNetwork { name, .. } | Conflict::MissingExternalNetwork(name) => {
            named(finding, "networks", name)
        }
        Conflict::NetworkOfOrphan { network, .. } | Conflict::NetworkInUse { network, .. } => {
            named(finding, "networks", network)
        }
        Conflict::ForeignVolume { name, .. } | Conflict::MissingExternalVolume(name) => {
            named(finding, "volumes", name)
        }
        Conflict::MissingImage { service: name, image, .. } => {
            of_image(finding, origins, service(name.as_str()), image)
        }
    }
}

fn run(
    error: &ExecuteError,
    origins: Option<&Origins>,
    quiet: Option<&[ServiceName]>,
    working_dir: &Path,
) -> Vec<Diagnostic> {
    let findings = error.failures.iter().filter_map(|failure| match &failure.error {
        StepError::Engine(error) => Some(engine(error, Some(failure), origins, working_dir)),
        StepError::Wait(failure) => Some(wait(failure, origins, quiet)),
        StepError::Cancelled => None,
    });
    if error.cancelled && error.failures.is_empty() {
        return vec![
            plain("interrupted; what was begun stays as it is")
                .help("`devstack up` goes on from there, `devstack down` removes it"),
        ];
    }
    findings.collect()
}

fn engine(
    error: &EngineError,
    failure: Option<&StepFailure>,
    origins: Option<&Origins>,
    working_dir: &Path,
) -> Diagnostic {
    // Whoever cannot reach the engine does not care which call it was.
    let mut finding = if error.is_unreachable() {
        plain(error.kind.to_string())
    } else {
        plain(error.to_string())
    };
    let words = error.kind.to_string();
    let build = match &error.kind {
        EngineErrorKind::Build(failure) => Some(&**failure),
        _ => None,
    };
    let log = build.map_or(&[][..], |build| build.output.as_slice());
    if !log.is_empty() {
        finding.notes.push(quoted("it printed:", log));
    }
    let owner = failure.and_then(|failure| owner(failure, origins));
    let name = owner.map_or(error.subject.as_str(), |owner| owner.key);
    let symptoms = Symptoms { service: name, engine_error: &words, log, ..Symptoms::default() };
    let help;
    (finding, help) = match (build.and_then(build::at), failure.zip(owner)) {
        (Some(failed), _) => {
            let help = build::help(failed.0, failed.1);
            (build::at_instruction(finding, failed, origins.zip(owner), working_dir), help)
        }
        (None, Some((failure, owner))) => {
            let (place, help) = asked(finding, failure, owner, &error.kind, origins);
            (place, help.map(str::to_owned))
        }
        (None, None) => (finding, None),
    };
    if let Some(explanation) = explain(&symptoms) {
        finding.note(explanation.cause).help(explanation.help)
    } else if let Some(help) = help.or(engine_hint(&error.kind).map(str::to_owned)) {
        finding.help(help)
    } else {
        finding
    }
}

/// What of the files a step was for.
fn owner<'a>(failure: &'a StepFailure, origins: Option<&'a Origins>) -> Option<Owner<'a>> {
    let named = |section, name| Some(Owner { section, key: origins?.key_of(section, name)? });
    match &failure.subject {
        Subject::Container { service: name, .. } | Subject::Hook { service: name, .. } => {
            Some(service(name.as_str()))
        }
        Subject::Image { services, .. } => Some(service(services.first()?.as_str())),
        Subject::Network(name) => named("networks", name),
        Subject::Volume(name) => named("volumes", name),
    }
}

/// Points at the line that asked for what the engine refused.
fn asked(
    finding: Diagnostic,
    failure: &StepFailure,
    owner: Owner<'_>,
    kind: &EngineErrorKind,
    origins: Option<&Origins>,
) -> (Diagnostic, Option<&'static str>) {
    use EngineErrorKind as Kind;
    let Some(origins) = origins else { return (finding, None) };
    if let Subject::Hook { number, .. } = &failure.subject {
        return (before_start(finding, origins, owner, *number), None);
    }
    let about = match (failure.action, owner.section) {
        (Action::Build, _) => RefusalAbout::Build,
        (Action::Pull, _) => {
            let Subject::Image { reference, .. } = &failure.subject else { return (finding, None) };
            return (of_image(finding, origins, owner, reference), None);
        }
        (Action::Hook, _) => {
            return (placed(finding, Some(origins), owner, &["post_start", "pre_stop"], &[]), None);
        }
        (Action::Create, "networks") => RefusalAbout::Network,
        (Action::Create, "volumes") => RefusalAbout::Volume,
        (Action::Create | Action::Start | Action::Restart, _) => RefusalAbout::Service,
        _ => return (finding, None),
    };
    // The rest is about the engine, not about what it was asked for.
    let is_refusal = matches!(
        kind,
        Kind::NotFound(_)
            | Kind::Conflict(_)
            | Kind::ImageNotFound
            | Kind::RegistryUnreachable(_)
            | Kind::Unauthorized
            | Kind::PortTaken(_)
            | Kind::Build(_)
            | Kind::Refused(_)
    );
    if !is_refusal {
        return (finding, None);
    }
    for refusal in refusals(about, &kind.to_string()) {
        if let Some(place) = origins.find(owner, refusal.keys, &refusal.parts) {
            return (origins.point(finding, owner, &place), refusal.help);
        }
    }
    let rest: &[&str] = if about == RefusalAbout::Build { &["build"] } else { &[] };
    (placed(finding, Some(origins), owner, rest, &[]), None)
}

/// Points at who asked for an image: the service, or a hook of it that has its own.
fn of_image(finding: Diagnostic, origins: &Origins, owner: Owner<'_>, image: &str) -> Diagnostic {
    let named = [image.to_owned()];
    let is_own = origins.find(owner, &["image"], &named).is_some();
    match origins.find(owner, &["pre_start"], &named).filter(|_| !is_own) {
        Some(place) => origins.point(finding, owner, &place),
        None => placed(finding, Some(origins), owner, &["image", "build"], &[]),
    }
}

/// Points at a `pre_start` hook, from 1.
fn before_start(
    finding: Diagnostic,
    origins: &Origins,
    owner: Owner<'_>,
    number: usize,
) -> Diagnostic {
    let index = number.saturating_sub(1);
    match origins.find_item(owner, "pre_start", index, &["command", "image"]) {
        Some(place) => origins.point(finding, owner, &place),
        None => finding,
    }
}

fn wait(
    failure: &WaitFailure,
    origins: Option<&Origins>,
    quiet: Option<&[ServiceName]>,
) -> Diagnostic {
    let mut finding = plain(failure.to_string());
    if let WaitFailureReason::Unhealthy { output } = &failure.reason
        && !output.trim().is_empty()
    {
        let lines: Vec<_> = output.trim().lines().map(str::to_owned).collect();
        finding.notes.push(quoted("its health check printed:", &lines));
    }
    if let Some(state) = &failure.last_probe {
        finding.notes.push(format!("last seen: {state}"));
    }
    let shown = &failure.log[failure.log.len().saturating_sub(SHOWN_LINES)..];
    // A hook has a container of its own, whose log nobody follows.
    let is_followed =
        failure.hook.is_none() && quiet.is_some_and(|quiet| !quiet.contains(&failure.service));
    if !shown.is_empty() && !is_followed {
        finding.notes.push(quoted(&format!("last lines of {}:", failure.container), shown));
    }
    let name = &failure.service;
    if let (Some(origins), Some(hook)) = (origins, &failure.hook) {
        finding = before_start(finding, origins, service(name.as_str()), hook.number);
    } else if let (Some(origins), WaitFailureReason::Exited { error, .. }) =
        (origins, &failure.reason)
        && !error.is_empty()
    {
        let owner = service(name.as_str());
        let place = refusals(RefusalAbout::Service, error)
            .find_map(|refusal| origins.find(owner, refusal.keys, &refusal.parts));
        if let Some(place) = place {
            finding = origins.point(finding, owner, &place);
        }
    }
    if let Some(explanation) = explain(&symptoms(failure)) {
        return finding.note(explanation.cause).help(explanation.help);
    }
    finding.help(match &failure.reason {
        WaitFailureReason::TimedOut { .. } if failure.hook.is_some() => {
            "a longer wait is `--wait-timeout SECONDS`".to_owned()
        }
        _ if failure.hook.is_some() => {
            format!("`{name}` was not started; once the hook is mended, `devstack up` goes on")
        }
        WaitFailureReason::TimedOut { .. } => format!(
            "`devstack logs {name}` shows what it does; a longer wait is `--wait-timeout SECONDS`"
        ),
        WaitFailureReason::NotStarted { .. } => {
            "mend it and save: it is started again by itself, or by `devstack watch`".to_owned()
        }
        _ => format!("`devstack logs {name}` shows the whole log"),
    })
}

/// What is known of a container that did not become ready.
fn symptoms(failure: &WaitFailure) -> Symptoms<'_> {
    let mut symptoms = Symptoms {
        service: failure.service.as_str(),
        probe: failure.last_probe.as_deref(),
        log: &failure.log,
        ..Symptoms::default()
    };
    match &failure.reason {
        WaitFailureReason::Exited { code, oom_killed, error } => {
            symptoms.exit_code = Some(*code);
            symptoms.oom_killed = *oom_killed;
            symptoms.engine_error = error;
        }
        WaitFailureReason::Restarting { code, oom_killed, .. } => {
            symptoms.exit_code = Some(*code);
            symptoms.oom_killed = *oom_killed;
        }
        WaitFailureReason::Unhealthy { .. }
        | WaitFailureReason::TimedOut { .. }
        | WaitFailureReason::Refused
        | WaitFailureReason::NotStarted { .. }
        | WaitFailureReason::Removed => {}
    }
    symptoms
}

#[cfg(test)]
mod tests;
