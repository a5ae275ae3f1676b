//! `build` of a service.

use std::path::PathBuf;

use super::context::{Cx, Field, Fields, Placed};
use super::pairs::{hosts, passed_through, values};
use super::scalar::{boolean, parsed, text, texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::{Build, BuildSecret};

/// A build and the places of the secrets that it names.
pub(super) struct PlacedBuild<'n> {
    pub(super) build: Build,
    pub(super) secrets: Vec<Placed<'n, String>>,
}

/// Reads the short form (the context) and the long one.
pub(super) fn build<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<PlacedBuild<'n>> {
    if !matches!(field.node.value, Value::Mapping(_)) {
        let Some(text) = field.node.scalar_text() else {
            return cx.wrong(field, "a folder or a mapping");
        };
        let context = context(cx, field, text)?;
        return Some(PlacedBuild {
            build: Build { context, ..Build::default() },
            secrets: Vec::new(),
        });
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
    let secrets = fields.read(cx, "secrets", secrets).unwrap_or_default();
    let build = Build {
        context: context.unwrap_or_else(|| cx.absolute(".")),
        dockerfile: dockerfile.and_then(|field| text(cx, &field)).map(PathBuf::from),
        dockerfile_inline: inline.and_then(|field| text(cx, &field)),
        args: fields.read(cx, "args", passed_through).unwrap_or_default(),
        target: fields.read(cx, "target", text),
        tags: fields.read(cx, "tags", texts).unwrap_or_default(),
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
        cache_from: fields.read(cx, "cache_from", texts).unwrap_or_default(),
        extra_hosts: fields.read(cx, "extra_hosts", hosts).unwrap_or_default(),
        network: fields.read(cx, "network", text),
        platforms: fields.read(cx, "platforms", texts).unwrap_or_default(),
        shm_size: fields.read(cx, "shm_size", parsed),
        pull: fields.read(cx, "pull", boolean).unwrap_or_default(),
        no_cache: fields.read(cx, "no_cache", boolean).unwrap_or_default(),
        secrets: secrets.iter().map(|secret| secret.value.clone()).collect(),
    };
    fields.refuse(cx, "additional_contexts", "build with a `context` that holds all files");
    fields.refuse(cx, "ssh", "give the build a token through `secrets`");
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
    let secrets = secrets
        .into_iter()
        .map(|secret| Placed { value: secret.value.source, span: secret.span })
        .collect();
    Some(PlacedBuild { build, secrets })
}

fn context(cx: &mut Cx<'_>, field: &Field<'_>, text: &str) -> Option<PathBuf> {
    if text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/") {
        let message = format!("`{}` is not on this machine: `{text}`", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("remote build contexts are not supported yet: clone it and name the folder"),
        );
        return None;
    }
    Some(cx.absolute(text))
}

fn secrets<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Vec<Placed<'n, BuildSecret>>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut secrets = Vec::new();
    for item in items {
        let (source, target) = match &item.node.value {
            Value::Mapping(_) => {
                let Some(mut fields) = Fields::open(cx, &item) else { continue };
                let source = fields.read(cx, "source", text);
                let target = fields.read(cx, "target", text);
                // BuildKit itself decides who may read a secret during a step.
                fields.not_supported(cx, &["uid", "gid", "mode"]);
                fields.finish(cx);
                if source.is_none() {
                    let message = format!("`{}` has no `source`", item.path);
                    cx.push(
                        Diagnostic::error(message, item.span())
                            .help("add `source:`, a name under the top-level `secrets:`"),
                    );
                }
                (source, target)
            }
            _ => (text(cx, &item), None),
        };
        let Some(source) = source else { continue };
        let target = target.unwrap_or_else(|| source.clone());
        secrets.push(Placed { value: BuildSecret { source, target }, span: item.span() });
    }
    Some(secrets)
}
