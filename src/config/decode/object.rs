//! Volumes, secrets and configs of the project, and the grants of secrets and configs.

use super::context::{Cx, Field, Fields, Placed};
use super::network::{External, external};
use super::pairs::{options, values};
use super::scalar::{integer, matching, mode, name, text};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::Value;
use crate::project::{ContainerName, FileGrant, FileObject, FileSource, Secret, Volume};

/// Secrets and configs are written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Secret,
    Config,
}

impl Kind {
    /// The top-level key.
    pub(super) const fn section(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::Config => "configs",
        }
    }

    /// Where a relative target lies.
    const fn folder(self) -> &'static str {
        match self {
            Self::Secret => "/run/secrets/",
            Self::Config => "/",
        }
    }
}

/// Reads a volume of the project; `default_name` is its name when the file gives none.
pub(super) fn volume(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    key: &str,
    default_name: String,
) -> Option<Volume> {
    let mut fields = Fields::open(cx, field)?;
    let External { external, name } =
        external(cx, &mut fields, &["driver", "driver_opts", "labels"]);
    let fallback = if external { key.to_owned() } else { default_name };
    let is_local =
        fields.take("driver").is_none_or(|driver| driver.node.scalar_text() == Some("local"));
    if let (true, Some(place)) = (is_local && !external, fields.take("name")) {
        // The engine's own driver makes a folder of it, by the rule of containers.
        let is_name = |name: &str| name.is_empty() || name.parse::<ContainerName>().is_ok();
        matching(cx, &place, "a name of two or more letters, digits, `.`, `-` and `_`", is_name);
    }
    let volume = Volume {
        name: name.unwrap_or(fallback),
        driver: fields.read(cx, "driver", self::name),
        driver_opts: fields.read(cx, "driver_opts", options).unwrap_or_default(),
        external,
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
    };
    fields.finish(cx);
    Some(volume)
}

/// Reads a secret or config of the project. A variable that is not set is an error only when an
/// active service has `used` it.
pub(super) fn object(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    kind: Kind,
    default_name: String,
    used: bool,
) -> Option<FileObject> {
    let mut fields = Fields::open(cx, field)?;
    let name = fields.read(cx, "name", text).unwrap_or(default_name);
    let file = fields.take("file");
    let environment = fields.take("environment");
    let content = if kind == Kind::Config { fields.take("content") } else { None };
    fields.refuse(
        cx,
        "external",
        "Swarm's secrets and configs do not exist on a single engine: use `file` or `environment`",
    );
    fields.not_supported(cx, &["driver", "driver_opts", "labels", "template_driver"]);
    let is_external = field.node.get("external").is_some();
    fields.finish(cx);

    let given: Vec<&Field<'_>> = [&file, &environment, &content].into_iter().flatten().collect();
    if let [first, .., last] = given.as_slice() {
        let message = format!("`{}` has more than one source", field.path);
        cx.push(
            Diagnostic::error(message, last.key)
                .also(first.key, "the other one")
                .help("keep one of them"),
        );
        return None;
    }
    let source = match (file, environment, content) {
        (Some(file), ..) => {
            let path = matching(cx, &file, "the path of a file", |path| !path.is_empty())?;
            FileSource::File(cx.absolute(&path))
        }
        (_, Some(environment), _) => {
            let variable = text(cx, &environment)?;
            let Some(value) = cx.request.environment.get(&variable) else {
                let severity = if used { Severity::Error } else { Severity::Warning };
                let message = format!("the variable `{variable}` is not set");
                cx.push(
                    Diagnostic::new(severity, message, Some(environment.span()))
                        .help(format!("set `{variable}` in `.env` or in the environment")),
                );
                return None;
            };
            FileSource::Environment { value: Secret::new(value), variable }
        }
        (.., Some(content)) => FileSource::Content(Secret::new(text(cx, &content)?)),
        _ if is_external => return None,
        _ => {
            let message = format!("`{}` has no source", field.path);
            let sources = match kind {
                Kind::Secret => "add `file:` or `environment:`",
                Kind::Config => "add `file:`, `environment:` or `content:`",
            };
            cx.push(Diagnostic::error(message, field.key).help(sources));
            return None;
        }
    };
    Some(FileObject { name, source })
}

/// Reads the secrets or configs that a service may read.
pub(super) fn grants<'n>(
    cx: &mut Cx<'_>,
    field: &Field<'n>,
    kind: Kind,
) -> Option<Vec<Placed<'n, FileGrant>>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut grants = Vec::new();
    for item in items {
        let grant = match &item.node.value {
            Value::Mapping(_) => long_grant(cx, &item, kind),
            _ => text(cx, &item).map(|source| FileGrant {
                target: format!("{}{source}", kind.folder()),
                source,
                uid: None,
                gid: None,
                mode: None,
            }),
        };
        grants.extend(grant.map(|value| Placed { value, span: item.span() }));
    }
    Some(grants)
}

fn long_grant(cx: &mut Cx<'_>, field: &Field<'_>, kind: Kind) -> Option<FileGrant> {
    let mut fields = Fields::open(cx, field)?;
    let source = fields.read(cx, "source", text);
    // An empty one, such as that of a variable, is none.
    let target = fields.read(cx, "target", text).filter(|target| !target.is_empty());
    let uid = fields.read(cx, "uid", integer);
    let gid = fields.read(cx, "gid", integer);
    let mode = fields.read(cx, "mode", mode);
    fields.finish(cx);
    let Some(source) = source else {
        let message = format!("`{}` has no `source`", field.path);
        let help = format!("add `source:`, a name under the top-level `{}:`", kind.section());
        cx.push(Diagnostic::error(message, field.span()).help(help));
        return None;
    };
    let target = target.unwrap_or_else(|| source.clone());
    let target =
        if target.starts_with('/') { target } else { format!("{}{target}", kind.folder()) };
    Some(FileGrant { source, target, uid, gid, mode })
}
