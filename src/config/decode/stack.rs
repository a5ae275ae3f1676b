//! The top level of the file.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::check;
use super::context::{Cx, Field, Fields, Placed};
use super::network::{Joined, network};
use super::object::{Kind, object, volume};
use super::port::publish;
use super::scalar::text;
use super::service::{Draft, service};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::{Node, Value};
use crate::project::{
    FileObject, FileSource, InvalidName, Network, NetworkAttachment, NetworkKey, Project,
    ProjectName, Volume, VolumeKey,
};

/// Names under the top-level sections, right or wrong: what a reference may mean.
pub(super) struct Declared<'n> {
    pub(super) services: IndexSet<&'n str>,
    pub(super) networks: IndexSet<&'n str>,
    pub(super) volumes: IndexSet<&'n str>,
    pub(super) secrets: IndexSet<&'n str>,
    pub(super) configs: IndexSet<&'n str>,
}

/// Reads and checks the whole stack. `None` only together with an error.
pub(super) fn stack(cx: &mut Cx<'_>, root: &Node) -> Option<Project> {
    if !matches!(root.value, Value::Mapping(_)) {
        let message = format!("the file must be a mapping, not {}", root.kind());
        cx.push(Diagnostic::error(message, &root.span).help("begin with `services:` and name one"));
        return None;
    }
    let field = Field { path: String::new(), key: &root.span, node: root };
    let mut fields = Fields::open(cx, &field)?;
    let name = project_name(cx, &mut fields);
    if let Some(version) = fields.take("version") {
        cx.push(
            Diagnostic::warning("`version` has no meaning any more", version.key)
                .help("remove the line"),
        );
    }
    // Applied when the files were merged.
    fields.take("include");
    let mut extension =
        fields.take("x-devstack").and_then(|extension| Fields::open(cx, &extension));
    let publish_at = fields
        .take("publish")
        .or_else(|| extension.as_mut().and_then(|extension| extension.take("publish")));
    cx.publish = publish_at.and_then(|field| publish(cx, &field)).unwrap_or_default();
    if let Some(extension) = extension {
        extension.finish(cx);
    }

    let sections = ["networks", "volumes", "secrets", "configs"].map(|key| fields.take(key));
    let [networks_at, volumes_at, secrets_at, configs_at] = &sections;
    let services_at = fields.take("services");
    let declared = Declared {
        services: names(services_at.as_ref()),
        networks: names(networks_at.as_ref()),
        volumes: names(volumes_at.as_ref()),
        secrets: names(secrets_at.as_ref()),
        configs: names(configs_at.as_ref()),
    };
    let mut drafts = services(cx, services_at.as_ref(), &name, &declared.services);
    without_left_out(&mut drafts, &declared);
    join_default(&mut drafts);
    check::check(cx, &drafts, &declared);

    let networks = networks(cx, networks_at.as_ref(), &name, &drafts);
    let volumes = volumes(cx, volumes_at.as_ref(), &name);
    let secrets = objects(cx, secrets_at.as_ref(), Kind::Secret, &name, &drafts);
    let configs = objects(cx, configs_at.as_ref(), Kind::Config, &name, &drafts);
    files_keep_their_owner(cx, &drafts, &secrets, &configs);
    fields.not_supported(cx, &["models"]);
    fields.finish(cx);
    // What `config` prints when no profile selects anything: nothing was forgotten there.
    let is_none_meant = services_at.as_ref().is_some_and(|section| section.entries().is_some());
    // A misspelt `services` says it better.
    let may_have_services = is_none_meant || cx.request.holes.files;
    if declared.services.is_empty() && !may_have_services && !cx.has_errors() {
        let place = services_at.as_ref().map_or(&root.span, |section| section.key);
        cx.push(
            Diagnostic::error("the file has no services", place)
                .help("add one under `services:`, such as `db: {preset: postgres}`"),
        );
    }

    let (active, disabled): (Vec<Draft<'_>>, Vec<Draft<'_>>) =
        drafts.into_iter().partition(|draft| draft.active);
    let finish = |drafts: Vec<Draft<'_>>| {
        drafts
            .into_iter()
            .map(Draft::finish)
            .map(|service| (service.name.clone(), service))
            .collect::<IndexMap<_, _>>()
    };
    Some(Project {
        name,
        working_dir: cx.request.project_dir.clone(),
        config_files: cx.request.config_files.clone(),
        environment_files: cx.request.environment_files.clone(),
        services: finish(active),
        disabled_services: finish(disabled),
        networks,
        volumes,
        secrets,
        configs,
        carried: cx.carried_below(""),
    })
}

/// Edges to services that a finding has left out lead nowhere.
fn without_left_out(drafts: &mut [Draft<'_>], declared: &Declared<'_>) {
    let read: HashSet<String> = drafts.iter().map(|draft| draft.service.name.to_string()).collect();
    for draft in drafts {
        draft.dependencies.retain(|edge| {
            let name = edge.value.service.as_str();
            read.contains(name) || !declared.services.contains(name)
        });
    }
}

fn names<'n>(section: Option<&Field<'n>>) -> IndexSet<&'n str> {
    section.and_then(Field::entries).into_iter().flatten().map(|(name, _)| name).collect()
}

/// `-p`, else `name:`, else the folder's name made fit.
fn project_name(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> ProjectName {
    let from_file = fields.read(cx, "name", |cx, field| {
        let text = text(cx, field)?;
        let error: InvalidName = match text.parse::<ProjectName>() {
            Ok(name) => return Some(name),
            Err(error) => error,
        };
        // Made fit, as Compose does.
        let name = ProjectName::normalize(&text);
        cx.push(match &name {
            Some(name) => {
                let message = format!("`{text}` is not a valid project name and becomes `{name}`");
                Diagnostic::warning(message, field.span()).help(format!("write `{name}`"))
            }
            None => Diagnostic::error(error.to_string(), field.span()),
        });
        name
    });
    if let Some(given) = &cx.request.project_name {
        match given.parse() {
            Ok(name) => return name,
            Err(error) => {
                let error: InvalidName = error;
                let help = "it comes from `--project-name` or `COMPOSE_PROJECT_NAME`";
                cx.push(Diagnostic::new(Severity::Error, error.to_string(), None).help(help));
            }
        }
    }
    from_file.unwrap_or_else(|| ProjectName::of_folder(&cx.request.project_dir))
}

fn services<'n>(
    cx: &mut Cx<'_>,
    section: Option<&Field<'n>>,
    project: &ProjectName,
    names: &IndexSet<&str>,
) -> Vec<Draft<'n>> {
    entries(cx, section)
        .into_iter()
        .filter_map(|(key, field)| service(cx, key, &field, project, names))
        .collect()
}

/// A service that says nothing about networks joins the one called `default`.
fn join_default(drafts: &mut [Draft<'_>]) {
    for draft in drafts {
        if draft.network_mode().is_none() && draft.networks.as_ref().is_none_or(Vec::is_empty) {
            let key = "default".parse().expect("`default` is a network key");
            let value = Joined { key, attachment: NetworkAttachment::default() };
            draft.networks = Some(vec![Placed { value, span: draft.key }]);
        }
    }
}

/// The networks that a service joins, selected or not.
fn networks(
    cx: &mut Cx<'_>,
    section: Option<&Field<'_>>,
    project: &ProjectName,
    drafts: &[Draft<'_>],
) -> IndexMap<NetworkKey, Network> {
    let joined: HashSet<&NetworkKey> = drafts
        .iter()
        .flat_map(|draft| draft.networks.iter().flatten())
        .map(|joined| &joined.value.key)
        .collect();
    let mut networks = IndexMap::new();
    for (key, field) in entries(cx, section) {
        let network = network(cx, &field, key, format!("{project}_{key}"));
        let key: Option<NetworkKey> = named(cx, key, &field);
        if let (Some(key), Some(network)) = (key, network)
            && joined.contains(&key)
        {
            networks.insert(key, network);
        }
    }
    if let Some(key) = joined.into_iter().find(|key| key.as_str() == "default")
        && !networks.contains_key(key)
    {
        let network = Network { name: format!("{project}_default"), ..Network::default() };
        networks.insert(key.clone(), network);
    }
    networks
}

fn volumes(
    cx: &mut Cx<'_>,
    section: Option<&Field<'_>>,
    project: &ProjectName,
) -> IndexMap<VolumeKey, Volume> {
    let mut volumes = IndexMap::new();
    for (key, field) in entries(cx, section) {
        let volume = volume(cx, &field, key, format!("{project}_{key}"));
        if let (Some(key), Some(volume)) = (named(cx, key, &field), volume) {
            volumes.insert(key, volume);
        }
    }
    volumes
}

fn objects(
    cx: &mut Cx<'_>,
    section: Option<&Field<'_>>,
    kind: Kind,
    project: &ProjectName,
    drafts: &[Draft<'_>],
) -> IndexMap<String, FileObject> {
    let is_used = |key: &str| {
        drafts.iter().filter(|draft| draft.active).any(|draft| {
            let grants = match kind {
                Kind::Secret => &draft.secrets,
                Kind::Config => &draft.configs,
            };
            let builds = draft.service.build.iter().flat_map(|build| &build.secrets);
            grants.iter().any(|grant| grant.value.source == key)
                || (kind == Kind::Secret && builds.into_iter().any(|secret| secret.source == key))
        })
    };
    let mut objects = IndexMap::new();
    for (key, field) in entries(cx, section) {
        if let Some(object) = object(cx, &field, kind, format!("{project}_{key}"), is_used(key)) {
            objects.insert(key.to_owned(), object);
        }
    }
    objects
}

/// A file of the host is mounted as it is, so that it can change: who may read it is decided there.
fn files_keep_their_owner(
    cx: &mut Cx<'_>,
    drafts: &[Draft<'_>],
    secrets: &IndexMap<String, FileObject>,
    configs: &IndexMap<String, FileObject>,
) {
    for draft in drafts {
        let secrets = draft.secrets.iter().map(|grant| (grant, secrets));
        let configs = draft.configs.iter().map(|grant| (grant, configs));
        for (Placed { value: grant, span }, objects) in secrets.chain(configs) {
            let source = objects.get(&grant.source).map(|object| &object.source);
            let asks = grant.uid.is_some() || grant.gid.is_some() || grant.mode.is_some();
            if let (Some(FileSource::File(path)), true) = (source, asks) {
                let message = "`uid`, `gid` and `mode` are ignored: a file of this machine is mounted as it is";
                cx.push(
                    Diagnostic::warning(message, span)
                        .help(format!("change the owner or mode of `{}`", path.display())),
                );
            }
        }
    }
}

/// The entries of a section that may be missing; what is no mapping is reported.
fn entries<'n>(cx: &mut Cx<'_>, section: Option<&Field<'n>>) -> Vec<(&'n str, Field<'n>)> {
    let Some(section) = section else { return Vec::new() };
    section.entries().or_else(|| cx.wrong(section, "a mapping")).unwrap_or_default()
}

fn named<T: std::str::FromStr<Err = InvalidName>>(
    cx: &mut Cx<'_>,
    key: &str,
    field: &Field<'_>,
) -> Option<T> {
    match key.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            cx.push(Diagnostic::error(error.to_string(), field.key));
            None
        }
    }
}
