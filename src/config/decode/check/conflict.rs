//! Settings that contradict each other, within a service or between two.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::config::decode::context::{Cx, Placed};
use crate::config::decode::service::Draft;
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::limits;
use crate::config::preset;
use crate::project::{Mount, NetworkMode, Port, Protocol, Reload};

/// Reports contradictions.
pub(super) fn check(cx: &mut Cx<'_>, drafts: &[Draft<'_>]) {
    for draft in drafts {
        several_containers(cx, draft);
        network_mode(cx, draft);
        reload(cx, draft);
        targets(cx, draft);
    }
    containers(cx, drafts);
    ports(cx, drafts);
    names(cx, drafts);
}

/// Two containers cannot have one name or one port.
fn several_containers(cx: &mut Cx<'_>, draft: &Draft<'_>) {
    let service = &draft.service;
    if service.scale < 2 {
        return;
    }
    let scale = draft.places.scale.unwrap_or(draft.key);
    if let Some(place) = draft.places.container_name {
        let message = format!(
            "a `container_name` is for one container, and `{}` has {}",
            service.name, service.scale
        );
        cx.push(
            Diagnostic::error(message, place)
                .also(scale, "as many containers")
                .help("remove `container_name`, or run one container"),
        );
    }
    for port in draft.ports.iter().filter(|port| port.value.fixed().is_some()) {
        let message = format!(
            "the port {} cannot be published by {} containers",
            shown(&port.value),
            service.scale
        );
        let target = port.value.target;
        cx.push(
            Diagnostic::error(message, port.span)
                .also(scale, "as many containers")
                .help(format!("write `{target}` to let the engine choose, or a range of ports")),
        );
    }
}

/// A runner runs the application, so that a command of the service would have no effect; and what
/// follows from changes needs something that can change.
fn reload(cx: &mut Cx<'_>, draft: &Draft<'_>) {
    let (Some(reload), Some(place)) = (&draft.service.reload, draft.places.reload) else { return };
    let name = &draft.service.name;
    if let Some(command) = draft.places.command.filter(|_| reload.has_runner()) {
        let message = format!("`{name}` has a command and a reload runner");
        let help = match reload {
            Reload::Command(_) => "keep that of `reload`",
            _ => "name the file to run with `reload: {entry: FILE}`, or write `reload: false`",
        };
        cx.push(
            Diagnostic::error(message, command)
                .also(place, "the runner starts the application")
                .help(help),
        );
    }
    let is_mounted = draft.mounts.iter().any(|mount| matches!(mount.value, Mount::Bind { .. }));
    let is_copied = reload.files().is_none_or(|files| !files.sync.is_empty());
    if !draft.is_incomplete && !is_copied && !is_mounted {
        let message = format!("no file of this machine that changes reaches `{name}`");
        cx.push(Diagnostic::warning(message, place).help(
            "mount its folder, `volumes: ['./src:/app/src']`, or copy it, `sync: './src:/app/src'`",
        ));
    }
}

/// So many containers that no engine runs them are a slip of the pen.
fn containers(cx: &mut Cx<'_>, drafts: &[Draft<'_>]) {
    let mut containers = 0_u32;
    for draft in drafts {
        containers = containers.saturating_add(draft.service.scale);
        if containers > limits::CONTAINERS {
            let message = format!("more than {} containers are asked for", limits::CONTAINERS);
            let place = draft.places.scale.unwrap_or(draft.key);
            cx.push(Diagnostic::error(message, place).help("run fewer of them"));
            return;
        }
    }
}

fn network_mode(cx: &mut Cx<'_>, draft: &Draft<'_>) {
    let (Some(mode), Some(place)) = (draft.network_mode(), draft.places.network_mode) else {
        return;
    };
    if let Some(networks) = draft.places.networks {
        cx.push(
            Diagnostic::error("`network_mode` and `networks` exclude each other", place)
                .also(networks, "the networks")
                .help("keep one of them"),
        );
    }
    let Some(port) = draft.ports.first() else { return };
    let diagnostic = match mode {
        NetworkMode::Service(other) => Diagnostic::error(
            format!("a service in the network of `{other}` cannot publish ports"),
            port.span,
        )
        .help(format!("publish them at `{other}`")),
        NetworkMode::Container(other) => Diagnostic::error(
            format!("a service in the network of the container `{other}` cannot publish ports"),
            port.span,
        )
        .help("remove `ports`"),
        NetworkMode::Host => Diagnostic::warning(
            "in the host's network ports are not published: each is open as it is",
            port.span,
        )
        .help("remove `ports`"),
        NetworkMode::None => {
            Diagnostic::warning("without a network no port can be reached", port.span)
                .help("remove `ports`")
        }
        NetworkMode::Bridge | NetworkMode::Network(_) => return,
    };
    cx.push(diagnostic.also(place, "the network"));
}

/// One path cannot hold two mounts.
fn targets(cx: &mut Cx<'_>, draft: &Draft<'_>) {
    let mounts = draft.mounts.iter().map(|mount| (mount.value.target(), mount.span));
    let files = draft
        .secrets
        .iter()
        .chain(&draft.configs)
        .map(|grant| (grant.value.target.as_str(), grant.span));
    let tmpfs = draft.service.tmpfs.iter().map(|entry| {
        let path = entry.split_once(':').map_or(entry.as_str(), |(path, _)| path);
        (path, draft.places.tmpfs.unwrap_or(draft.key))
    });
    let mut seen: HashMap<&str, &Span> = HashMap::new();
    for (target, span) in mounts.chain(files).chain(tmpfs) {
        let target = if target.len() > 1 { target.trim_end_matches('/') } else { target };
        if let Some(first) = seen.insert(target, span) {
            let message = format!("two mounts have the target `{target}`");
            cx.push(
                Diagnostic::error(message, span)
                    .also(first, "the first one")
                    .help("remove one of them"),
            );
        }
    }
}

/// One address of the host cannot lead to two containers.
fn ports(cx: &mut Cx<'_>, drafts: &[Draft<'_>]) {
    type Publisher<'d, 'n> = (&'d Draft<'n>, &'d Placed<'n, Port>);
    let mut taken: HashMap<(Protocol, u16), Vec<Publisher<'_, '_>>> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.active) {
        let name = &draft.service.name;
        for placed in &draft.ports {
            let port = &placed.value;
            let Some(published) = port.fixed() else { continue };
            let others = taken.entry((port.protocol, published)).or_default();
            if let Some((other, earlier)) =
                others.iter().find(|(_, other)| overlap(port.host_ip, other.value.host_ip))
            {
                let message = if *name == other.service.name {
                    format!("the service `{name}` publishes {} twice", shown(port))
                } else {
                    let other = &other.service.name;
                    format!("the services `{other}` and `{name}` both publish {}", shown(port))
                };
                let target = port.target;
                cx.push(
                    Diagnostic::error(message, written(draft, placed))
                        .also(written(other, earlier), format!("already {}", shown(&earlier.value)))
                        .help(format!("give one of them another port: `ports: [PORT:{target}]`")),
                );
            } else {
                others.push((draft, placed));
            }
        }
    }
}

/// Where the user wrote a port: at the service when its preset brings the port.
fn written<'n>(draft: &Draft<'n>, port: &Placed<'n, Port>) -> &'n Span {
    if preset::owns(&port.span.source) { draft.key } else { port.span }
}

/// Whether two addresses cannot listen on the same port: "all addresses" meets each other one.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other
        || (one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified()))
}

fn shown(port: &Port) -> String {
    let published = port.published.map_or_else(String::new, |published| published.to_string());
    let protocol = port.protocol.as_str();
    match port.host_ip {
        IpAddr::V4(ip) => format!("`{ip}:{published}/{protocol}`"),
        IpAddr::V6(ip) => format!("`[{ip}]:{published}/{protocol}`"),
    }
}

/// A container's name and an alias mean one service.
fn names(cx: &mut Cx<'_>, drafts: &[Draft<'_>]) {
    let mut containers: HashMap<&str, &Span> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.active) {
        let (Some(name), Some(place)) =
            (&draft.service.container_name, draft.places.container_name)
        else {
            continue;
        };
        if let Some(first) = containers.insert(name.as_str(), place) {
            let message = format!("two services have the container name `{name}`");
            cx.push(
                Diagnostic::error(message, place)
                    .also(first, "the first one")
                    .help("choose another name for one of them"),
            );
        }
    }
    let mut meaning: HashMap<&str, &str> = drafts
        .iter()
        .map(|draft| (draft.service.name.as_str(), draft.service.name.as_str()))
        .collect();
    for draft in drafts {
        let name = draft.service.name.as_str();
        for alias in &draft.service.aliases {
            let other = meaning.insert(alias, name).filter(|other| *other != name);
            if let Some(other) = other {
                let message =
                    format!("the alias `{alias}` of `{name}` already means the service `{other}`");
                cx.push(
                    Diagnostic::error(message, draft.places.aliases.unwrap_or(draft.key))
                        .help("choose another alias"),
                );
            }
        }
    }
}
