//! `build` of a service.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::address::hosts;
use super::context::{Cx, Field, Fields};
use super::pairs::{pairs, passed_through, values};
use super::scalar::{boolean, list, parsed, platform, text, texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::{Build, BuildSecret, ImageRef, InvalidName, NamedContext, SshAgent};

/// The file that is meant when none is named.
const DOCKERFILE: &str = "Dockerfile";

/// Reads the short form (the context) and the long one.
pub(super) fn build(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Build> {
    if !matches!(field.node.value, Value::Mapping(_)) {
        let text = field.node.scalar_text().filter(|_| !field.is_bare_scalar());
        let Some(text) = text else { return cx.wrong(field, "a folder or a mapping") };
        let context = context(cx, field, text)?;
        let dockerfile = Some(PathBuf::from(DOCKERFILE));
        return Some(Build { context, dockerfile, ..Build::default() });
    }
    let mut fields = Fields::open(cx, field)?;
    let dockerfile = fields.take("dockerfile");
    let inline = fields.take("dockerfile_inline");
    if let (Some(file), Some(inline)) = (&dockerfile, &inline) {
        cx.push(
            Diagnostic::error(
                "`dockerfile` and `dockerfile_inline` exclude each other",
                inline.key,
            )
            .also(file.key, "the other one")
            .help("keep one of them"),
        );
    }
    let context = fields.read(cx, "context", |cx, field| {
        let text = text(cx, field)?;
        context(cx, field, &text)
    });
    let build = Build {
        context: context.unwrap_or_else(|| cx.absolute(".")),
        dockerfile: match (dockerfile, &inline) {
            (Some(field), _) => text(cx, &field).map(|name| {
                // An empty one, such as that of a variable, is none.
                PathBuf::from(if name.is_empty() { DOCKERFILE } else { &name })
            }),
            (None, Some(_)) => None,
            (None, None) => Some(PathBuf::from(DOCKERFILE)),
        },
        dockerfile_inline: inline.and_then(|field| text(cx, &field)),
        args: fields.read(cx, "args", arguments).unwrap_or_default(),
        target: fields.read(cx, "target", text),
        additional_contexts: fields
            .read(cx, "additional_contexts", additional_contexts)
            .unwrap_or_default(),
        secrets: fields.read(cx, "secrets", secrets).unwrap_or_default(),
        ssh: fields.read(cx, "ssh", ssh).unwrap_or_default(),
        tags: fields.read(cx, "tags", list(tag)).unwrap_or_default(),
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
        cache_from: fields.read(cx, "cache_from", texts).unwrap_or_default(),
        extra_hosts: fields.read(cx, "extra_hosts", hosts).unwrap_or_default(),
        network: fields.read(cx, "network", text),
        platforms: fields.read(cx, "platforms", list(platform)).unwrap_or_default(),
        shm_size: fields.read(cx, "shm_size", parsed),
        pull: fields.read(cx, "pull", boolean).unwrap_or_default(),
        no_cache: fields.read(cx, "no_cache", boolean).unwrap_or_default(),
    };
    fields.not_supported(
        cx,
        &[
            "cache_to",
            "entitlements",
            "isolation",
            "no_cache_filter",
            "privileged",
            "provenance",
            "sbom",
            "ulimits",
        ],
    );
    fields.finish(cx);
    Some(build)
}

/// Arguments; one that has no value anywhere is left to the Dockerfile.
fn arguments(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, String>> {
    let arguments = passed_through(cx, field)?.into_iter();
    Some(arguments.filter_map(|(name, value)| Some((name, value?))).collect())
}

fn additional_contexts(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
) -> Option<IndexMap<String, NamedContext>> {
    let mut contexts = IndexMap::new();
    for (name, placed) in pairs(cx, field)? {
        let Some(text) = placed.value.filter(|text| !text.is_empty()) else {
            let message = format!("the build context `{name}` has no value");
            cx.push(Diagnostic::error(message, placed.span).help("write `NAME=FOLDER`"));
            continue;
        };
        let context = match text.split_once(':') {
            Some(("docker-image", image)) => {
                NamedContext::Image(image.trim_start_matches("//").to_owned())
            }
            Some(("service", service)) => match service.parse() {
                Ok(service) => NamedContext::Service(service),
                Err(error) => {
                    let error: InvalidName = error;
                    cx.push(Diagnostic::error(error.to_string(), placed.span));
                    continue;
                }
            },
            _ if is_remote(&text) || text.starts_with("oci-layout:") => {
                let message =
                    format!("the build context `{name}` is not on this machine: `{text}`");
                cx.push(
                    Diagnostic::error(message, placed.span)
                        .help("use a folder, `docker-image://IMAGE` or `service:NAME`"),
                );
                continue;
            }
            _ => NamedContext::Folder(cx.absolute(&text)),
        };
        contexts.insert(name, context);
    }
    Some(contexts)
}

/// A further name of the image.
fn tag(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    parsed::<ImageRef>(cx, field).map(|tag| tag.to_string())
}

fn secrets(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<BuildSecret>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut secrets = Vec::new();
    for item in items {
        let Value::Mapping(_) = item.node.value else {
            secrets.extend(text(cx, &item).map(|source| BuildSecret { source, target: None }));
            continue;
        };
        let Some(mut fields) = Fields::open(cx, &item) else { continue };
        let source = fields.read(cx, "source", text);
        let target = fields.read(cx, "target", text);
        // The Dockerfile says who may read it: `RUN --mount=type=secret,mode=...`.
        fields.not_supported(cx, &["uid", "gid", "mode"]);
        fields.finish(cx);
        if let Some(source) = source {
            secrets.push(BuildSecret { source, target });
        } else {
            let message = format!("`{}` has no `source`", item.path);
            cx.push(
                Diagnostic::error(message, item.span())
                    .help("add `source:`, a name under the top-level `secrets:`"),
            );
        }
    }
    Some(secrets)
}

fn ssh(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<SshAgent>> {
    if let Some(word) = field.node.scalar_text() {
        return Some(vec![SshAgent { id: word.to_owned(), socket: None }]);
    }
    let agents = pairs(cx, field)?.into_iter().map(|(id, placed)| SshAgent {
        socket: placed.value.filter(|path| !path.is_empty()).map(|path| cx.absolute(&path)),
        id,
    });
    Some(agents.collect())
}

fn is_remote(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/")
}

fn context(cx: &mut Cx<'_>, field: &Field<'_>, text: &str) -> Option<PathBuf> {
    if is_remote(text) {
        let message = format!("`{}` is not on this machine: `{text}`", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("remote build contexts are not supported yet: clone it and name the folder"),
        );
        return None;
    }
    Some(cx.absolute(text))
}
