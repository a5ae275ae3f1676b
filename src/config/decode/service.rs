//! One service: all of its keys, read into a draft that still knows the places.

use indexmap::{IndexMap, IndexSet};

use super::address::{alias, domains, host_name, hosts, servers};
use super::build::build;
use super::command::{arguments, healthcheck};
use super::context::{Cx, Field, Fields, Placed};
use super::dependency::{Edge, STARTED, depends_on, links};
use super::develop::develop;
use super::hook::{hooks, pre_start};
use super::host::{host_settings, namespace, security_option};
use super::kernel::{capabilities, cpuset, signal};
use super::mount::mounts;
use super::network::{Joined, joined, mode};
use super::object::{Kind, grants};
use super::pairs::options;
use super::port::{expose, ports};
use super::ready::{ready, urls};
use super::reload::{publish_inspector, reload};
use super::resource::{
    amounts, deploy, devices, join_labels, logging, memswap_limit, placed, pull_policy, restart,
    restart_policy, same, ulimits,
};
use super::scalar::{
    between, boolean, container_folder, duration, float, integer, list, name, parsed, platform,
    text, texts, user,
};
use super::tmpfs::tmpfs;
use super::variables::{environment, labels};
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::suggest::closest;
use crate::project::{
    ContainerName, Dependency, FileGrant, HostSettings, ImageRef, Mount, NetworkMode, Port,
    ProjectName, Service, ServiceName, VolumeOwner,
};

/// A service whose references are not checked yet.
pub(super) struct Draft<'n> {
    /// Everything but what the other fields hold.
    pub(super) service: Service,
    /// Place of the service's key.
    pub(super) key: &'n Span,
    pub(super) active: bool,
    /// Whether its preset or its base could not be read.
    pub(super) is_incomplete: bool,
    pub(super) ports: Vec<Placed<'n, Port>>,
    pub(super) mounts: Vec<Placed<'n, Mount>>,
    /// `None` when the file says nothing about networks.
    pub(super) networks: Option<Vec<Placed<'n, Joined>>>,
    pub(super) secrets: Vec<Placed<'n, FileGrant>>,
    pub(super) configs: Vec<Placed<'n, FileGrant>>,
    pub(super) dependencies: Vec<Placed<'n, Edge>>,
    /// Places of settings that may contradict each other.
    pub(super) places: Places<'n>,
}

/// Places of settings of a service.
#[derive(Default)]
pub(super) struct Places<'n> {
    pub(super) build: Option<&'n Span>,
    pub(super) scale: Option<&'n Span>,
    pub(super) container_name: Option<&'n Span>,
    pub(super) network_mode: Option<&'n Span>,
    pub(super) networks: Option<&'n Span>,
    pub(super) tmpfs: Option<&'n Span>,
    pub(super) aliases: Option<&'n Span>,
    pub(super) command: Option<&'n Span>,
    pub(super) reload: Option<&'n Span>,
}

/// Reads a service. `None` when its name is no name or it is no mapping; findings say so.
pub(super) fn service<'n>(
    cx: &mut Cx<'_>,
    key: &str,
    field: &Field<'n>,
    project: &ProjectName,
    siblings: &IndexSet<&str>,
) -> Option<Draft<'n>> {
    let name: ServiceName = match key.parse() {
        Ok(name) => name,
        Err(error) => {
            let error: crate::project::InvalidName = error;
            cx.push(Diagnostic::error(error.to_string(), field.key));
            return None;
        }
    };
    if let Some(text) = field.node.scalar_text() {
        let message = format!("`{}` must be a mapping, not text", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help(format!("write `{key}: {{image: {text}}}`")),
        );
        return None;
    }
    let mut fields = Fields::open(cx, field)?;
    cx.is_incomplete = cx.request.holes.is_incomplete(key);
    let profiles = fields.read(cx, "profiles", texts).unwrap_or_default();
    let wanted = &cx.request.profiles;
    let active =
        profiles.is_empty() || wanted.iter().any(|one| one == "*" || profiles.contains(one));

    if let Some(provider) = fields.take("provider") {
        let message = format!("`{}` is not supported yet: `{name}` is left out", provider.path);
        cx.push(
            Diagnostic::warning(message, provider.key)
                .help("start what it provides by hand, or use an image"),
        );
        return None;
    }
    let build = fields.read(cx, "build", build);
    let develop = fields.read(cx, "develop", |cx, field| develop(cx, field, build.is_some()));
    let has_build = fields.take("build").is_some();
    let image = image(cx, &mut fields, field, &name, project, has_build, siblings)?;
    let mut draft = Draft {
        service: Service::new(name, image),
        key: field.key,
        active,
        is_incomplete: cx.is_incomplete,
        ports: fields.read(cx, "ports", ports).unwrap_or_default(),
        mounts: fields.read(cx, "volumes", mounts).unwrap_or_default(),
        networks: None,
        secrets: fields
            .read(cx, "secrets", |cx, field| grants(cx, field, Kind::Secret))
            .unwrap_or_default(),
        configs: fields
            .read(cx, "configs", |cx, field| grants(cx, field, Kind::Config))
            .unwrap_or_default(),
        dependencies: Vec::new(),
        places: Places::default(),
    };
    draft.places.build = fields.take("build").map(|field| field.key);
    draft.service.profiles = profiles;
    draft.service.build = build;
    draft.service.develop = develop;
    run(cx, &mut fields, &mut draft);
    connect(cx, &mut fields, &mut draft);
    limit(cx, &mut fields, &mut draft, field);
    depend(cx, &mut fields, &mut draft);
    own_keys(cx, &mut fields, &mut draft);
    unsupported(cx, &mut fields);
    fields.finish(cx);
    draft.service.carried = cx.carried_below(&field.path);
    Some(draft)
}

fn image(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'_>,
    field: &Field<'_>,
    name: &ServiceName,
    project: &ProjectName,
    has_build: bool,
    siblings: &IndexSet<&str>,
) -> Option<ImageRef> {
    let built = format!("{project}-{}", name.as_str().to_lowercase());
    if let Some(image) = fields.take("image") {
        // With a wrong image the rest of the service is still worth checking.
        return written_image(cx, &image).or_else(|| "invalid".parse().ok());
    }
    if !has_build {
        // What is only misspelt is told of as an unknown key.
        let own = ["image", "build", "preset"];
        let is_misspelt = field
            .entries()
            .into_iter()
            .flatten()
            .any(|(key, _)| !own.contains(&key) && closest(key, own).is_some());
        if is_misspelt {
            return "invalid".parse().ok();
        }
        let message = format!("the service `{name}` has neither `image` nor `build`");
        let help = match fields.take("preset") {
            Some(_) => "add `build:`: the preset says how it runs, not what",
            None => "add `image:`, `build:` or `preset:`",
        };
        let diagnostic = Diagnostic::error(message, field.key);
        let others = siblings.iter().copied().filter(|other| *other != name.as_str());
        let diagnostic = match closest(name.as_str(), others) {
            Some(meant) => diagnostic.help(format!("did you mean the service `{meant}`?")),
            None => diagnostic,
        };
        cx.push_absent(diagnostic.help(help));
        return "invalid".parse().ok();
    }
    match built.parse() {
        Ok(image) => Some(image),
        Err(error) => {
            let error: crate::project::InvalidName = error;
            cx.push(Diagnostic::error(error.to_string(), field.key).help("give it an `image:`"));
            None
        }
    }
}

/// An image as the file gives it.
pub(super) fn written_image(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<ImageRef> {
    let text = text(cx, field)?;
    let error: crate::project::InvalidName = match text.parse() {
        Ok(image) => return Some(image),
        Err(error) => error,
    };
    let better = text.trim_start_matches("https://").trim_start_matches("http://").to_lowercase();
    cx.push(if text.is_empty() {
        Diagnostic::error(format!("`{}` is empty", field.path), field.span())
            .help("name the image, as in `postgres:17`")
    } else if better.parse::<ImageRef>().is_ok() {
        Diagnostic::error(error.to_string(), field.span()).help(format!("write `{better}`"))
    } else {
        Diagnostic::error(error.to_string(), field.span())
    });
    None
}

/// What runs inside.
fn run<'n>(cx: &mut Cx<'_>, fields: &mut Fields<'n>, draft: &mut Draft<'n>) {
    let active = draft.active;
    let service = &mut draft.service;
    service.pull_policy = fields.read(cx, "pull_policy", pull_policy);
    service.platform = fields.read(cx, "platform", platform);
    draft.places.command =
        ["command", "entrypoint"].into_iter().find_map(|key| fields.take(key)).map(|at| at.key);
    service.command = fields.read(cx, "command", arguments);
    service.entrypoint = fields.read(cx, "entrypoint", arguments);
    service.environment = environment(cx, fields, active);
    service.working_dir = fields.read(cx, "working_dir", container_folder);
    service.user = fields.read(cx, "user", user);
    service.group_add = fields.read(cx, "group_add", list(user)).unwrap_or_default();
    service.init = fields.read(cx, "init", boolean);
    service.tty = fields.read(cx, "tty", boolean).unwrap_or_default();
    service.stdin_open = fields.read(cx, "stdin_open", boolean).unwrap_or_default();
    service.healthcheck = fields.read(cx, "healthcheck", healthcheck);
    service.stop_signal = fields.read(cx, "stop_signal", signal);
    service.stop_grace_period = fields.read(cx, "stop_grace_period", duration);
    service.labels = labels(cx, fields, active);
    service.logging = fields.read(cx, "logging", logging);
    service.runtime = fields.read(cx, "runtime", name);
    service.pre_start = fields.read(cx, "pre_start", pre_start).unwrap_or_default();
    service.post_start = fields.read(cx, "post_start", hooks).unwrap_or_default();
    service.pre_stop = fields.read(cx, "pre_stop", hooks).unwrap_or_default();
    service.attach = fields.read(cx, "attach", boolean);
    draft.places.tmpfs = fields.take("tmpfs").map(|field| field.span());
    service.tmpfs = fields.read(cx, "tmpfs", tmpfs).unwrap_or_default();
}

/// Networks and names.
fn connect<'n>(cx: &mut Cx<'_>, fields: &mut Fields<'n>, draft: &mut Draft<'n>) {
    let service = &mut draft.service;
    service.expose = fields.read(cx, "expose", expose).unwrap_or_default();
    service.hostname = fields.read(cx, "hostname", host_name);
    service.domainname = fields.read(cx, "domainname", host_name);
    service.extra_hosts = fields.read(cx, "extra_hosts", hosts).unwrap_or_default();
    service.dns = fields.read(cx, "dns", servers).unwrap_or_default();
    service.dns_search = fields.read(cx, "dns_search", domains).unwrap_or_default();
    service.dns_opt = fields.read(cx, "dns_opt", texts).unwrap_or_default();
    draft.places.networks = fields.take("networks").map(|field| field.key);
    draft.networks = fields.read(cx, "networks", joined);
    draft.places.network_mode = fields.take("network_mode").map(|field| field.span());
    service.network_mode = fields.read(cx, "network_mode", mode);
    draft.places.container_name = fields.take("container_name").map(|field| field.span());
    service.container_name = fields.read(cx, "container_name", parsed::<ContainerName>);
    service.pid = fields.read(cx, "pid", |cx, field| namespace(cx, field, &["host"]));
    service.ipc = fields.read(cx, "ipc", |cx, field| {
        namespace(cx, field, &["host", "none", "private", "shareable"])
    });
}

/// Limits, rights and what `deploy` says about them.
fn limit<'n>(cx: &mut Cx<'_>, fields: &mut Fields<'n>, draft: &mut Draft<'n>, field: &Field<'n>) {
    let deploy = fields.read(cx, "deploy", deploy).unwrap_or_default();
    let scale = fields.read(cx, "scale", placed(integer::<u32>));
    draft.places.scale = scale.as_ref().or(deploy.replicas.as_ref()).map(|placed| placed.span);
    let service = &mut draft.service;
    service.scale = same(cx, "scale", scale, deploy.replicas).unwrap_or(1);
    let memory = fields.read(cx, "mem_limit", placed(parsed));
    service.mem_limit = same(cx, "mem_limit", memory, deploy.memory);
    let reservation = fields.read(cx, "mem_reservation", placed(parsed));
    service.mem_reservation = same(cx, "mem_reservation", reservation, deploy.memory_reservation);
    let cpus = fields.read(cx, "cpus", placed(float));
    service.cpus = same(cx, "cpus", cpus, deploy.cpus);
    let pids = fields.read(cx, "pids_limit", placed(integer));
    service.pids_limit = same(cx, "pids_limit", pids, deploy.pids);
    let restart = fields.read(cx, "restart", placed(restart));
    service.restart = restart_policy(cx, restart, deploy.restart);
    join_labels(cx, &mut service.labels, deploy.labels, field.key);

    service.memswap_limit = fields.read(cx, "memswap_limit", memswap_limit);
    service.cpu_shares = fields.read(cx, "cpu_shares", between(0, i64::MAX));
    service.cpuset = fields.read(cx, "cpuset", cpuset);
    service.shm_size = fields.read(cx, "shm_size", parsed);
    service.ulimits = fields.read(cx, "ulimits", ulimits).unwrap_or_default();
    service.oom_score_adj = fields.read(cx, "oom_score_adj", between(-1000, 1000));
    service.privileged = fields.read(cx, "privileged", boolean).unwrap_or_default();
    service.read_only = fields.read(cx, "read_only", boolean).unwrap_or_default();
    service.cap_add = fields.read(cx, "cap_add", capabilities).unwrap_or_default();
    service.cap_drop = fields.read(cx, "cap_drop", capabilities).unwrap_or_default();
    service.security_opt =
        fields.read(cx, "security_opt", list(security_option)).unwrap_or_default();
    service.sysctls = fields.read(cx, "sysctls", options).unwrap_or_default();
    service.devices = fields.read(cx, "devices", devices).unwrap_or_default();
    service.host = HostSettings { reserved: deploy.devices, ..host_settings(cx, fields) };
    amounts(cx, fields, service);
}

/// Edges to other services, those that a shared namespace implies included.
fn depend<'n>(cx: &mut Cx<'_>, fields: &mut Fields<'n>, draft: &mut Draft<'n>) {
    let mut edges = fields.read(cx, "depends_on", depends_on).unwrap_or_default();
    let (mut implied, given) = fields.read(cx, "links", links).unwrap_or_default();
    draft.service.host.links = given;
    implied.extend(volume_owners(cx, fields, &draft.service.host));
    for key in ["network_mode", "pid", "ipc"] {
        let Some(field) = fields.take(key) else { continue };
        let service = field.node.scalar_text().and_then(|text| text.strip_prefix("service:"));
        // A name that is none has been reported by the key's own reader, or is below.
        match service.map(str::parse::<ServiceName>) {
            Some(Ok(service)) => {
                let dependency = Dependency { restart: true, ..STARTED };
                implied.push(Placed { value: Edge { service, dependency }, span: field.span() });
            }
            Some(Err(error)) if key != "network_mode" => {
                cx.push(Diagnostic::error(error.to_string(), field.span()));
            }
            _ => {}
        }
    }
    for edge in implied {
        // What the file says itself wins over what is only implied.
        if edges.iter().all(|known| known.value.service != edge.value.service) {
            edges.push(edge);
        }
    }
    draft.dependencies = edges;
}

/// The services whose mounts this one takes over: they must exist first.
fn volume_owners<'n>(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'n>,
    host: &HostSettings,
) -> Vec<Placed<'n, Edge>> {
    let Some(field) = fields.take("volumes_from") else { return Vec::new() };
    let spans: Vec<&Span> = field.items().into_iter().flatten().map(|item| item.span()).collect();
    let mut edges = Vec::new();
    for ((owner, _), span) in host.volume_owners().zip(spans) {
        let VolumeOwner::Service(name) = owner else { continue };
        match name.parse() {
            Ok(service) => {
                let value = Edge { service, dependency: STARTED };
                edges.push(Placed { value, span });
            }
            Err(error) => {
                let error: crate::project::InvalidName = error;
                cx.push(Diagnostic::error(error.to_string(), span));
            }
        }
    }
    edges
}

/// devstack's own keys. They may stand under `x-devstack`, too, so that the file stays valid for
/// docker compose.
fn own_keys<'n>(cx: &mut Cx<'_>, fields: &mut Fields<'n>, draft: &mut Draft<'n>) {
    let extension = fields.take("x-devstack");
    let mut extension = extension.and_then(|field| Fields::open(cx, &field));
    let mut take = |cx: &mut Cx<'_>, key| {
        if let Some(field) = fields.take(key) {
            not_composes(cx, key, &field);
            return Some(field);
        }
        extension.as_mut().and_then(|fields| fields.take(key))
    };
    let (aliases, ready_at) = (take(cx, "aliases"), take(cx, "ready"));
    let (urls_at, preset) = (take(cx, "urls"), take(cx, "preset"));
    let reload_at = take(cx, "reload");
    if let Some(place) = &reload_at {
        draft.service.reload = reload(cx, place);
        draft.places.reload = draft.service.reload.is_some().then_some(place.key);
        publish_inspector(draft.service.reload.as_ref(), place.key, &mut draft.ports);
    }
    let published: Vec<Port> = draft.ports.iter().map(|port| port.value.clone()).collect();
    draft.places.aliases = aliases.as_ref().map(Field::span);
    let service = &mut draft.service;
    service.preset = preset.and_then(|field| text(cx, &field));
    service.aliases = aliases.and_then(|field| list(alias)(cx, &field)).unwrap_or_default();
    // On every network already: the canonical form says so for docker compose, too.
    for joined in draft.networks.iter_mut().flatten() {
        joined.value.attachment.aliases.retain(|alias| !service.aliases.contains(alias));
    }
    // A `ready` that only sets the time means the health check that is there.
    let has_check = service.healthcheck.as_ref().is_some_and(|check| !check.disable);
    service.ready = ready_at.and_then(|field| ready(cx, &field, &service.environment, has_check));
    service.urls = urls_at
        .and_then(|field| urls(cx, &field, &service.environment, &published))
        .unwrap_or_else(IndexMap::new);
    if let Some(extension) = extension {
        extension.finish(cx);
    }
}

/// A file by Compose's name is read by docker compose too, which knows no keys of ours.
fn not_composes(cx: &mut Cx<'_>, key: &str, field: &Field<'_>) {
    let file = std::path::Path::new(&field.key.source.name).file_name();
    let is_composes = file.is_some_and(|file| {
        let file = file.to_string_lossy();
        ["compose.", "docker-compose."].iter().any(|name| file.starts_with(name))
    });
    if is_composes {
        let message = format!("`{key}` is a key of devstack: docker compose refuses this file");
        cx.push(
            Diagnostic::warning(message, field.key)
                .help("write it under `x-devstack:`, or name the file `devstack.yaml`"),
        );
    }
}

/// What Compose knows and the model does not.
fn unsupported(cx: &mut Cx<'_>, fields: &mut Fields<'_>) {
    // Applied when the files were merged.
    fields.take("extends");
    fields
        .not_supported(cx, &["credential_spec", "models", "pull_refresh_after", "use_api_socket"]);
}

impl Draft<'_> {
    /// Whether anything says when the service is usable.
    pub(super) fn has_health(&self) -> bool {
        self.service.ready.as_ref().is_some_and(|ready| !ready.probes.is_empty())
            || self.service.healthcheck.as_ref().is_some_and(|check| !check.disable)
    }

    /// Whether it is known that nothing builds its image.
    pub(super) const fn lacks_build(&self) -> bool {
        self.service.build.is_none() && !self.is_incomplete
    }

    /// Whether the file switches off whatever health check the image has.
    pub(super) fn health_is_off(&self) -> bool {
        self.service.healthcheck.as_ref().is_some_and(|check| check.disable)
    }

    /// The namespace that it has instead of networks.
    pub(super) const fn network_mode(&self) -> Option<&NetworkMode> {
        self.service.network_mode.as_ref()
    }

    /// The complete service.
    pub(super) fn finish(self) -> Service {
        fn bare<T>(placed: Vec<Placed<'_, T>>) -> Vec<T> {
            placed.into_iter().map(|placed| placed.value).collect()
        }
        let mut service = self.service;
        service.ports = bare(self.ports);
        service.mounts = bare(self.mounts);
        service.secrets = bare(self.secrets);
        service.configs = bare(self.configs);
        service.networks = bare(self.networks.unwrap_or_default())
            .into_iter()
            .map(|joined| (joined.key, joined.attachment))
            .collect();
        service.depends_on = bare(self.dependencies)
            .into_iter()
            .map(|edge| (edge.service, edge.dependency))
            .collect();
        service
    }
}
