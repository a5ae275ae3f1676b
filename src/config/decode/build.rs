//! `build` of a service.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::context::{Cx, Field, Fields};
use super::pairs::{hosts, passed_through, values};
use super::scalar::{boolean, parsed, text, texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::Build;

/// The file that is meant when none is named.
const DOCKERFILE: &str = "Dockerfile";

/// Reads the short form (the context) and the long one.
pub(super) fn build(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Build> {
    if !matches!(field.node.value, Value::Mapping(_)) {
        let Some(text) = field.node.scalar_text() else {
            return cx.wrong(field, "a folder or a mapping");
        };
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
            (Some(field), _) => text(cx, &field).map(PathBuf::from),
            (None, Some(_)) => None,
            (None, None) => Some(PathBuf::from(DOCKERFILE)),
        },
        dockerfile_inline: inline.and_then(|field| text(cx, &field)),
        args: fields.read(cx, "args", arguments).unwrap_or_default(),
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
    };
    fields.refuse(cx, "additional_contexts", "build with a `context` that holds all files");
    fields.refuse(cx, "secrets", "give the build what it needs by `args` or in its context");
    fields.refuse(cx, "ssh", "fetch what needs the key before the build, into its context");
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
