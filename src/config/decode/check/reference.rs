//! Every name must mean something.

use std::collections::HashMap;

use crate::config::decode::context::Cx;
use crate::config::decode::service::Draft;
use crate::config::decode::stack::Declared;
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::suggest::closest;
use crate::project::{DependsOnCondition, Mount, NamedContext, ServiceName};

/// A name that a service uses.
struct Reference<'n> {
    kind: &'static str,
    name: String,
    span: &'n Span,
}

/// Checks networks, volumes, secrets and configs.
pub(super) fn check(cx: &mut Cx<'_>, drafts: &[Draft<'_>], declared: &Declared<'_>) {
    for draft in drafts {
        for reference in references(draft) {
            let (section, names) = match reference.kind {
                "network" => ("networks", &declared.networks),
                "volume" => ("volumes", &declared.volumes),
                "secret" => ("secrets", &declared.secrets),
                _ => ("configs", &declared.configs),
            };
            let is_default = section == "networks" && reference.name == "default";
            let is_known = is_default || names.contains(reference.name.as_str());
            if is_known || cx.request.holes.may_declare(&reference.name) {
                continue;
            }
            let Reference { kind, name, span } = reference;
            let message =
                format!("the service `{}` uses the undefined {kind} `{name}`", draft.service.name);
            let diagnostic = Diagnostic::error(message, span);
            let diagnostic = match closest(&name, names.iter().copied()) {
                Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                None => diagnostic,
            };
            cx.push(diagnostic.help(format!("add `{name}:` under the top-level `{section}:`")));
        }
    }
}

fn references<'n>(draft: &Draft<'n>) -> Vec<Reference<'n>> {
    let networks = draft.networks.iter().flatten().map(|joined| Reference {
        kind: "network",
        name: joined.value.key.to_string(),
        span: joined.span,
    });
    let volumes = draft.mounts.iter().filter_map(|mount| match &mount.value {
        Mount::Volume { source: Some(key), .. } => {
            Some(Reference { kind: "volume", name: key.to_string(), span: mount.span })
        }
        _ => None,
    });
    let secrets = draft.secrets.iter().map(|grant| Reference {
        kind: "secret",
        name: grant.value.source.clone(),
        span: grant.span,
    });
    let configs = draft.configs.iter().map(|grant| Reference {
        kind: "config",
        name: grant.value.source.clone(),
        span: grant.span,
    });
    // The place of a build's secret is that of the whole build: it is rare.
    let built =
        draft.service.build.iter().flat_map(|build| &build.secrets).map(|secret| Reference {
            kind: "secret",
            name: secret.source.clone(),
            span: draft.places.build.unwrap_or(draft.key),
        });
    networks.chain(volumes).chain(secrets).chain(configs).chain(built).collect()
}

/// Checks that each service depended on exists, is selected and can be what is waited for.
pub(super) fn check_services(cx: &mut Cx<'_>, drafts: &[Draft<'_>], declared: &Declared<'_>) {
    let by_name: HashMap<&str, &Draft<'_>> =
        drafts.iter().map(|draft| (draft.service.name.as_str(), draft)).collect();
    for draft in drafts {
        let name = &draft.service.name;
        for context in
            draft.service.build.iter().flat_map(|build| build.additional_contexts.values())
        {
            if let NamedContext::Service(other) = context
                && by_name
                    .get(other.as_str())
                    .map_or(!cx.request.holes.files, |target| target.lacks_build())
            {
                let message = format!(
                    "the build of `{name}` needs `{other}`, which is no service with a `build`"
                );
                cx.push(Diagnostic::error(message, draft.places.build.unwrap_or(draft.key)));
            }
        }
        for edge in &draft.dependencies {
            let other = &edge.value.service;
            let dependency = &edge.value.dependency;
            if other == name {
                let message = format!("the service `{name}` depends on itself");
                cx.push(Diagnostic::error(message, edge.span).help("remove it"));
                continue;
            }
            let Some(target) = by_name.get(other.as_str()) else {
                // One that could not be read has its own findings.
                let is_undefined = !declared.services.contains(other.as_str());
                if is_undefined && !cx.request.holes.files {
                    let message =
                        format!("the service `{name}` depends on the undefined service `{other}`");
                    let diagnostic = Diagnostic::error(message, edge.span);
                    cx.push(match meant(other.as_str(), drafts, declared) {
                        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                        None => diagnostic.help(format!("add `{other}:` under `services:`")),
                    });
                }
                continue;
            };
            if draft.active && !target.active && dependency.required {
                let message = format!(
                    "the service `{name}` depends on `{other}`, which no active profile selects"
                );
                let profile = target.service.profiles.first().map_or("", String::as_str);
                // An error only for a run that it is part of, see `select`.
                cx.push(
                    Diagnostic::warning(message, edge.span)
                        .also(target.key, "not selected")
                        .help(format!("add `--profile {profile}`, or write `required: false`")),
                );
            }
            if dependency.condition == DependsOnCondition::ServiceHealthy
                && !target.is_incomplete
                && !target.has_health()
            {
                cx.push(without_health(other, target, edge.span));
            }
        }
    }
}

/// The service that a wrong name means: one whose alias it is, or the nearest.
fn meant<'n>(name: &str, drafts: &'n [Draft<'_>], declared: &Declared<'n>) -> Option<&'n str> {
    drafts
        .iter()
        .find(|draft| draft.service.aliases.iter().any(|alias| alias == name))
        .map(|draft| draft.service.name.as_str())
        .or_else(|| closest(name, declared.services.iter().copied()))
}

/// A dependant waits until a service is healthy that does not say how to tell.
fn without_health(name: &ServiceName, target: &Draft<'_>, edge: &Span) -> Diagnostic {
    let (finding, label) = if target.health_is_off() {
        let message = format!("`{name}` can never be healthy: its health check is switched off");
        (Diagnostic::error(message, edge), "has no `ready`, and its `healthcheck` is off")
    } else {
        // An image may bring a health check of its own, as Compose files rely on.
        let message = format!(
            "whether `{name}` is healthy is up to its image: the file does not say how to tell"
        );
        let finding = Diagnostic::warning(message, edge)
            .note("without a health check in its image it counts as soon as it runs");
        (finding, "has neither `ready` nor `healthcheck`")
    };
    finding
        .also(target.key, label)
        .help(format!("add `ready:` to `{name}`, such as `ready: {{tcp: PORT}}`"))
}
