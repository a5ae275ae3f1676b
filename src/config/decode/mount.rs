//! `volumes` of a service.

use std::path::PathBuf;

use super::context::{Cx, Field, Fields, Placed};
use super::pairs::values;
use super::scalar::{boolean, matching, mode, parsed, text, word};
use super::service::written_image;
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::{BindOptions, ImageOptions, Mount, TmpfsOptions, VolumeKey, VolumeOptions};

const PROPAGATIONS: &[&str] = &["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// Reads a list of short and long mounts.
pub(super) fn mounts<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Vec<Placed<'n, Mount>>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut mounts = Vec::new();
    for item in items {
        let read = match &item.node.value {
            Value::Mapping(_) => long(cx, &item),
            _ => short(cx, &item),
        };
        if let Some(value) = read.filter(|mount| has_absolute_target(cx, &item, mount.target())) {
            mounts.push(Placed { value, span: item.span() });
        }
    }
    Some(mounts)
}

/// Whether the place in the container is an absolute path; if not, that is reported.
pub(super) fn has_absolute_target(cx: &mut Cx<'_>, field: &Field<'_>, target: &str) -> bool {
    if target.starts_with('/') && !target.trim_end_matches('/').is_empty() {
        return true;
    }
    let diagnostic = if target.starts_with('/') {
        Diagnostic::error(format!("`{}` would hide all of the container", field.path), field.span())
            .help("mount a folder below `/`")
    } else if target.is_empty() {
        Diagnostic::error(format!("`{}` is empty", field.path), field.span())
            .help("write `[SOURCE:]TARGET[:OPTIONS]`")
    } else {
        Diagnostic::error(format!("`{target}` is not an absolute path"), field.span())
            .help("a path in a container begins with `/`")
    };
    cx.push(diagnostic);
    false
}

/// A short mount in its parts.
#[derive(Debug, PartialEq, Eq)]
struct Short<'t> {
    source: Option<&'t str>,
    target: &'t str,
    options: Option<&'t str>,
}

fn split(text: &str) -> Option<Short<'_>> {
    let drive = drive_len(text);
    let (source, rest) = match text[drive..].split_once(':') {
        Some((source, rest)) => (&text[..drive + source.len()], rest),
        None => return Some(Short { source: None, target: text, options: None }),
    };
    let (target, options) = match rest.split_once(':') {
        Some((target, options)) => (target, Some(options)),
        // `/data:ro` names no source: it is an anonymous volume with an option.
        None if source.starts_with('/') && !rest.starts_with('/') && is_options(rest) => {
            return Some(Short { source: None, target: source, options: Some(rest) });
        }
        None => (rest, None),
    };
    let complete = !source.is_empty() && !target.is_empty();
    complete.then_some(Short { source: Some(source), target, options })
}

/// Length of a Windows drive (`C:`) at the beginning. `c:/data` alone is a volume `c`: only a
/// backslash, or a second path after the first, makes it a drive.
fn drive_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_letter =
        bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
    let is_path = match bytes.get(2) {
        Some(b'\\') => true,
        Some(b'/') => text[2..].split_once(':').is_some_and(|(_, rest)| rest.starts_with('/')),
        _ => false,
    };
    if is_letter && is_path { 2 } else { 0 }
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || drive_len(source) > 0 || source.starts_with("\\\\")
}

fn is_options(text: &str) -> bool {
    text.split(',').all(|option| {
        matches!(option, "ro" | "rw" | "z" | "Z" | "nocopy" | "cached" | "delegated" | "consistent")
            || PROPAGATIONS.contains(&option)
    })
}

fn short(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Mount> {
    let Some(text) = field.node.scalar_text() else {
        return cx.wrong(field, "a mount such as `./src:/app/src` or a mapping");
    };
    let Some(Short { source, target, options }) = split(text) else {
        let message = format!("`{text}` is not a mount");
        cx.push(Diagnostic::error(message, field.span()).help("write `[SOURCE:]TARGET[:OPTIONS]`"));
        return None;
    };
    let mut read_only = false;
    let mut bind = BindOptions::default();
    let mut volume = VolumeOptions::default();
    let is_bind = source.is_some_and(is_path);
    let foreign = |cx: &mut Cx<'_>, option: &str| {
        let kind = if is_bind { "folder of the host" } else { "volume" };
        let message = format!("the option `{option}` is ignored for a {kind}");
        cx.push(Diagnostic::warning(message, field.span()).help("remove it"));
    };
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        match option {
            "ro" => read_only = true,
            "nocopy" if is_bind => foreign(cx, option),
            "z" | "Z" if !is_bind => foreign(cx, option),
            _ if PROPAGATIONS.contains(&option) && !is_bind => foreign(cx, option),
            "z" | "Z" => bind.selinux = Some(option.to_owned()),
            "nocopy" => volume.nocopy = true,
            // The three of Docker Desktop's old file sharing have no effect any more.
            "rw" | "cached" | "delegated" | "consistent" => {}
            _ if PROPAGATIONS.contains(&option) => bind.propagation = Some(option.to_owned()),
            _ => {
                let message = format!("`{option}` is not an option of a mount");
                let help = "known are `ro`, `rw`, `z`, `Z`, `nocopy` and the propagations";
                cx.push(Diagnostic::error(message, field.span()).help(help));
            }
        }
    }
    let target = target.to_owned();
    match source {
        Some(source) if is_path(source) => {
            Some(Mount::Bind { source: host_path(cx, source), target, read_only, bind })
        }
        Some(source) => {
            let source = Some(volume_key(cx, field, source)?);
            Some(Mount::Volume { source, target, read_only, volume })
        }
        None => Some(Mount::Volume { source: None, target, read_only, volume }),
    }
}

fn host_path(cx: &Cx<'_>, source: &str) -> PathBuf {
    if drive_len(source) > 0 || source.starts_with("\\\\") {
        PathBuf::from(source)
    } else {
        cx.absolute(source)
    }
}

fn volume_key(cx: &mut Cx<'_>, field: &Field<'_>, source: &str) -> Option<VolumeKey> {
    match source.parse() {
        Ok(key) => Some(key),
        Err(error) => {
            let mut diagnostic = Diagnostic::error(error.to_string(), field.span());
            if source.contains('/') {
                diagnostic = diagnostic.help(format!("write `./{source}` to mount a folder"));
            }
            cx.push(diagnostic);
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Bind,
    Volume,
    Tmpfs,
    Image,
}

const KINDS: &[(&str, Kind)] = &[
    ("bind", Kind::Bind),
    ("volume", Kind::Volume),
    ("tmpfs", Kind::Tmpfs),
    ("image", Kind::Image),
];

/// Compose's other types: Windows' pipes and Swarm's volumes.
const OTHER_KINDS: &[&str] = &["npipe", "cluster"];

fn long(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Mount> {
    let mut fields = Fields::open(cx, field)?;
    let kind_at = fields.take("type");
    let source_at = fields.take("source");
    let target_at = fields.take("target");
    let read_only_at = fields.take("read_only");
    let read_only = read_only_at.as_ref().and_then(|field| boolean(cx, field)).unwrap_or_default();
    // Docker Desktop's old file sharing: without effect any more.
    fields.read(cx, "consistency", text);
    let [bind_at, volume_at, tmpfs_at, image_at] =
        ["bind", "volume", "tmpfs", "image"].map(|key| fields.take(key));
    let bind = bind_at.as_ref().and_then(|field| bind_options(cx, field));
    let volume = volume_at.as_ref().and_then(|field| volume_options(cx, field));
    let tmpfs = tmpfs_at.as_ref().and_then(|field| tmpfs_options(cx, field));
    let image = image_at.as_ref().and_then(|field| image_options(cx, field));
    fields.finish(cx);

    let missing = |cx: &mut Cx<'_>, key: &str, help: &str| {
        let message = format!("`{}` has no `{key}`", field.path);
        cx.push(Diagnostic::error(message, field.span()).help(help));
    };
    let source = match &source_at {
        Some(source) => Some(text(cx, source)?),
        None => None,
    };
    let kind = match &kind_at {
        Some(kind) if kind.node.scalar_text().is_some_and(|text| OTHER_KINDS.contains(&text)) => {
            let message = format!("`{}` is of a type that is not supported yet", field.path);
            cx.push(
                Diagnostic::error(message, kind.span())
                    .help("use `bind`, `volume`, `tmpfs` or `image`"),
            );
            return None;
        }
        Some(kind) => word(cx, kind, KINDS)?,
        None if source.as_deref().is_some_and(is_path) => Kind::Bind,
        None => Kind::Volume,
    };
    let Some(target) = target_at else {
        missing(cx, "target", "add `target:`, the path inside the container");
        return None;
    };
    let target = text(cx, &target)?;
    let foreign = match kind {
        Kind::Bind => [volume_at, tmpfs_at, image_at],
        Kind::Volume => [bind_at, tmpfs_at, image_at],
        Kind::Tmpfs => [bind_at, volume_at, image_at],
        Kind::Image => [bind_at, volume_at, tmpfs_at],
    };
    let of_tmpfs = [source_at.clone(), read_only_at].map(|at| at.filter(|_| kind == Kind::Tmpfs));
    for extra in foreign.into_iter().chain(of_tmpfs).flatten() {
        let message = format!("`{}` has no effect on this type of mount", extra.path);
        cx.push(Diagnostic::warning(message, extra.key).help("remove it"));
    }
    match kind {
        Kind::Bind => {
            let Some(source) = source.filter(|source| !source.is_empty()) else {
                missing(cx, "source", "add `source:`, a path of the host");
                return None;
            };
            let bind = bind.unwrap_or_default();
            Some(Mount::Bind { source: host_path(cx, &source), target, read_only, bind })
        }
        Kind::Volume => {
            let source = match (source, &source_at) {
                (Some(source), Some(place)) => Some(volume_key(cx, place, &source)?),
                _ => None,
            };
            let volume = volume.unwrap_or_default();
            Some(Mount::Volume { source, target, read_only, volume })
        }
        Kind::Tmpfs => Some(Mount::Tmpfs { target, tmpfs: tmpfs.unwrap_or_default() }),
        Kind::Image => {
            if source.is_none() {
                missing(cx, "source", "add `source:`, an image");
                return None;
            }
            let source = source_at.and_then(|at| written_image(cx, &at))?.to_string();
            Some(Mount::Image { source, target, image: image.unwrap_or_default() })
        }
    }
}

/// A folder within what is mounted.
fn subpath(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    matching(cx, field, "a relative path without `..`", |text| {
        !text.starts_with('/') && text.split('/').all(|part| part != "..")
    })
}

fn image_options(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<ImageOptions> {
    let mut fields = Fields::open(cx, field)?;
    let options = ImageOptions { subpath: fields.read(cx, "subpath", subpath) };
    fields.finish(cx);
    Some(options)
}

fn bind_options(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<BindOptions> {
    let mut fields = Fields::open(cx, field)?;
    let recursions = ["enabled", "disabled", "writable", "readonly"].map(|word| (word, word));
    let words: Vec<_> = PROPAGATIONS.iter().map(|word| (*word, *word)).collect();
    let options = BindOptions {
        propagation: fields
            .read(cx, "propagation", |cx, field| word(cx, field, &words))
            .map(ToOwned::to_owned),
        create_host_path: fields.read(cx, "create_host_path", boolean).unwrap_or_default(),
        selinux: fields
            .read(cx, "selinux", |cx, field| word(cx, field, &[("z", "z"), ("Z", "Z")]))
            .map(ToOwned::to_owned),
        recursive: fields
            .read(cx, "recursive", |cx, field| word(cx, field, &recursions))
            .map(ToOwned::to_owned),
    };
    fields.finish(cx);
    Some(options)
}

fn volume_options(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<VolumeOptions> {
    let mut fields = Fields::open(cx, field)?;
    let options = VolumeOptions {
        nocopy: fields.read(cx, "nocopy", boolean).unwrap_or_default(),
        subpath: fields.read(cx, "subpath", subpath),
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
    };
    fields.finish(cx);
    Some(options)
}

fn tmpfs_options(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<TmpfsOptions> {
    let mut fields = Fields::open(cx, field)?;
    let options =
        TmpfsOptions { size: fields.read(cx, "size", parsed), mode: fields.read(cx, "mode", mode) };
    fields.finish(cx);
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_mounts_split_where_compose_splits_them() {
        let part = |source, target, options| Some(Short { source, target, options });
        let cases = [
            ("/data", part(None, "/data", None)),
            ("/data:ro", part(None, "/data", Some("ro"))),
            ("data:/data", part(Some("data"), "/data", None)),
            ("data:/data:ro", part(Some("data"), "/data", Some("ro"))),
            ("data:/data:ro,z", part(Some("data"), "/data", Some("ro,z"))),
            ("./src:/app/src:ro", part(Some("./src"), "/app/src", Some("ro"))),
            ("~/x:/x", part(Some("~/x"), "/x", None)),
            ("/host:/x", part(Some("/host"), "/x", None)),
            ("v:/x", part(Some("v"), "/x", None)),
            ("v:/x:ro", part(Some("v"), "/x", Some("ro"))),
            ("C:/src:/app", part(Some("C:/src"), "/app", None)),
            ("C:\\src:/app:ro", part(Some("C:\\src"), "/app", Some("ro"))),
            ("data:", None),
            (":/data", None),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
