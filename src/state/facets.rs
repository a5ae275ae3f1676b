//! What a container is made of, as texts that people can compare: the same of what the files say
//! and of what runs.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::desired::ContainerSpec;
use crate::project::{Bytes, Mount, PublishedPort, RestartPolicy};

/// The fields of a container by Compose's names.
pub type Facets = IndexMap<&'static str, Facet>;

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// One value.
    One(String),
    /// Values whose order has no meaning.
    Many(BTreeSet<String>),
    /// Values by name.
    Named(BTreeMap<String, String>),
}

/// One difference between two containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, with the name of the value where it has several: `environment.PORT`.
    pub path: String,
    /// What is there; nothing where it is new.
    pub old: Option<String>,
    /// What it becomes; nothing where it goes, or becomes what the image says.
    pub new: Option<String>,
}

/// What a container should be.
#[must_use]
pub fn facets(spec: &ContainerSpec) -> Facets {
    let service = &*spec.service;
    let mut facets = Facets::new();
    let one = |value: &Option<String>| value.clone().map(Facet::One);
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().map(|words| Facet::One(shell_words::join(words)))
    };
    let flag = |value: bool| value.then(|| Facet::One("true".to_owned()));
    let many = |values: BTreeSet<String>| (!values.is_empty()).then_some(Facet::Many(values));
    let size = |value: Option<Bytes>| value.map(size_facet);
    let environment = service
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect::<BTreeMap<_, _>>();
    let labels: BTreeMap<String, String> =
        service.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let named =
        |values: BTreeMap<String, String>| (!values.is_empty()).then_some(Facet::Named(values));
    let all = [
        ("image", Some(Facet::One(service.image.familiar()))),
        ("command", words(&service.command)),
        ("entrypoint", words(&service.entrypoint)),
        ("environment", named(environment)),
        ("user", one(&service.user)),
        ("working_dir", one(&service.working_dir)),
        ("hostname", one(&service.hostname)),
        ("tty", flag(service.tty)),
        ("stdin_open", flag(service.stdin_open)),
        ("init", flag(service.init.unwrap_or(false))),
        ("ports", many(ports(spec))),
        ("networks", many(spec.networks.keys().cloned().collect())),
        ("volumes", many(mounts(spec))),
        ("labels", named(labels)),
        ("restart", restart(service.restart)),
        ("mem_limit", size(service.mem_limit)),
        ("mem_reservation", size(service.mem_reservation)),
        ("shm_size", size(service.shm_size)),
        ("cpus", service.cpus.map(|cpus| Facet::One(cpus.to_string()))),
        ("pids_limit", service.pids_limit.map(|limit| Facet::One(limit.to_string()))),
        ("stop_signal", one(&service.stop_signal)),
        ("privileged", flag(service.privileged)),
        ("read_only", flag(service.read_only)),
        ("cap_add", many(service.cap_add.iter().cloned().collect())),
        ("cap_drop", many(service.cap_drop.iter().cloned().collect())),
    ];
    facets.extend(all.into_iter().filter_map(|(field, facet)| Some((field, facet?))));
    facets
}

/// A size as people write it, in the largest unit that it is a whole number of.
#[must_use]
pub fn size_facet(bytes: Bytes) -> Facet {
    let units = [(1024 * 1024 * 1024, "g"), (1024 * 1024, "m"), (1024, "k")];
    let fits = units.into_iter().find(|(unit, _)| bytes.0 > 0 && bytes.0.is_multiple_of(*unit));
    Facet::One(match fits {
        Some((unit, letter)) => format!("{}{letter}", bytes.0 / unit),
        None => bytes.0.to_string(),
    })
}

/// The fields that [`facets`] knows.
pub const FIELDS: [&str; 25] = [
    "image",
    "command",
    "entrypoint",
    "environment",
    "user",
    "working_dir",
    "hostname",
    "tty",
    "stdin_open",
    "init",
    "ports",
    "networks",
    "volumes",
    "labels",
    "restart",
    "mem_limit",
    "mem_reservation",
    "shm_size",
    "cpus",
    "pids_limit",
    "stop_signal",
    "privileged",
    "read_only",
    "cap_add",
    "cap_drop",
];

fn ports(spec: &ContainerSpec) -> BTreeSet<String> {
    let ports = spec.service.ports.iter().enumerate();
    ports
        .map(|(index, port)| {
            let published = match (spec.host_port(index, port), port.published) {
                (Some(number), _) => number.to_string(),
                (None, Some(PublishedPort::Range(first, last))) => format!("{first}-{last}"),
                (None, _) => String::new(),
            };
            port_text(&port.host_ip.to_string(), &published, port.target, port.protocol.as_str())
        })
        .collect()
}

/// `127.0.0.1:8080:80/tcp`; an address of IPv6 in brackets.
#[must_use]
pub fn port_text(host_ip: &str, published: &str, target: u16, protocol: &str) -> String {
    let host_ip = if host_ip.contains(':') { format!("[{host_ip}]") } else { host_ip.to_owned() };
    format!("{host_ip}:{published}:{target}/{protocol}")
}

fn mounts(spec: &ContainerSpec) -> BTreeSet<String> {
    let mounts = spec.service.mounts.iter().filter_map(|mount| match mount {
        Mount::Bind { source, target, read_only, .. } => {
            Some(mount_text(&source.display().to_string(), target, *read_only))
        }
        Mount::Volume { source, target, read_only, .. } => {
            // Without a name the engine gives it one that says nothing.
            let name = spec.volume_names.get(source.as_ref()?.as_str())?;
            Some(mount_text(name, target, *read_only))
        }
        Mount::Tmpfs { target, .. } => Some(mount_text("tmpfs", target, false)),
        Mount::Image { source, target, .. } => Some(mount_text(source, target, true)),
    });
    let files = spec
        .file_mounts
        .iter()
        .map(|(path, target)| mount_text(&path.display().to_string(), target, true));
    mounts.chain(files).collect()
}

/// `SOURCE:TARGET`, with `:ro` where the container may not write.
#[must_use]
pub fn mount_text(source: &str, target: &str, read_only: bool) -> String {
    format!("{source}:{target}{}", if read_only { ":ro" } else { "" })
}

fn restart(policy: RestartPolicy) -> Option<Facet> {
    let text = match policy {
        RestartPolicy::No => return None,
        RestartPolicy::Always => "always".to_owned(),
        RestartPolicy::UnlessStopped => "unless-stopped".to_owned(),
        RestartPolicy::OnFailure(None) => "on-failure".to_owned(),
        RestartPolicy::OnFailure(Some(most)) => format!("on-failure:{most}"),
    };
    Some(Facet::One(text))
}

/// The differences of one field, in the order of names.
#[must_use]
pub fn differences(field: &str, old: Option<&Facet>, new: Option<&Facet>) -> Vec<Difference> {
    let single = |path: String, old: Option<&String>, new: Option<&String>| {
        (old != new).then(|| Difference { path, old: old.cloned(), new: new.cloned() })
    };
    match (old, new) {
        (Some(Facet::Many(_)) | None, Some(Facet::Many(_)) | None) => {
            let values = |facet: Option<&Facet>| match facet {
                Some(Facet::Many(values)) => values.clone(),
                _ => BTreeSet::new(),
            };
            let (old, new) = (values(old), values(new));
            let gone = old.difference(&new).map(|value| (Some(value), None));
            let come = new.difference(&old).map(|value| (None, Some(value)));
            gone.chain(come).filter_map(|(old, new)| single(field.to_owned(), old, new)).collect()
        }
        (Some(Facet::Named(_)) | None, Some(Facet::Named(_)) | None) => {
            let values = |facet: Option<&Facet>| match facet {
                Some(Facet::Named(values)) => values.clone(),
                _ => BTreeMap::new(),
            };
            let (old, new) = (values(old), values(new));
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            names
                .into_iter()
                .filter_map(|name| single(format!("{field}.{name}"), old.get(name), new.get(name)))
                .collect()
        }
        (old, new) => {
            let value = |facet: Option<&Facet>| match facet {
                Some(Facet::One(value)) => Some(value.clone()),
                _ => None,
            };
            let (old, new) = (value(old), value(new));
            single(field.to_owned(), old.as_ref(), new.as_ref()).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the calls stay short")]
    fn shown(old: Option<Facet>, new: Option<Facet>) -> Vec<String> {
        differences("f", old.as_ref(), new.as_ref())
            .into_iter()
            .map(|it| {
                let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
                format!("{}: {} > {}", it.path, text(it.old), text(it.new))
            })
            .collect()
    }

    #[test]
    fn sizes_are_written_with_their_unit() {
        for (bytes, expected) in
            [(0, "0"), (1000, "1000"), (2048, "2k"), (64 << 20, "64m"), (3 << 30, "3g")]
        {
            assert_eq!(size_facet(Bytes(bytes)), Facet::One(expected.to_owned()));
        }
    }

    #[test]
    fn differences_are_told_by_what_they_are_about() {
        let one = |text: &str| Some(Facet::One(text.to_owned()));
        let many =
            |texts: &[&str]| Some(Facet::Many(texts.iter().map(ToString::to_string).collect()));
        let named = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Some(Facet::Named(pairs.collect()))
        };
        let none: [&str; 0] = [];
        assert_eq!(shown(one("a"), one("b")), ["f: a > b"]);
        assert_eq!(shown(one("a"), one("a")), none);
        assert_eq!(shown(None, one("b")), ["f: - > b"]);
        assert_eq!(shown(one("a"), None), ["f: a > -"]);
        assert_eq!(shown(many(&["a", "b"]), many(&["b", "c"])), ["f: a > -", "f: - > c"]);
        assert_eq!(shown(None, many(&["c"])), ["f: - > c"]);
        assert_eq!(
            shown(named(&[("A", "1"), ("B", "2")]), named(&[("A", "2"), ("C", "3")])),
            ["f.A: 1 > 2", "f.B: 2 > -", "f.C: - > 3"]
        );
        assert_eq!(shown(named(&[("A", "1")]), None), ["f.A: 1 > -"]);
    }
}
