//! What a container is made of, as texts that people can compare: the same of what the files say
//! and of what runs.

mod container;
mod resource;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::project::{Bytes, Duration};

pub use container::facets;
pub use resource::{network_facets, volume_facets};

/// The fields of a container, a network or a volume, by Compose's names.
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

/// One difference between what is there and what should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, with the name of the value where it has several: `environment.PORT`.
    pub path: String,
    /// What is there; nothing where it is new.
    pub old: Option<String>,
    /// What it becomes; nothing where it goes, or becomes what the image says.
    pub new: Option<String>,
}

/// The differences of fields of which digests say that they changed, each of them once.
#[must_use]
pub fn all_changed<'a>(
    fields: impl IntoIterator<Item = &'a str>,
    old: &Facets,
    new: &Facets,
) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    for difference in fields.into_iter().flat_map(|field| changed(field, old, new)) {
        if !all.contains(&difference) {
            all.push(difference);
        }
    }
    all
}

/// The differences of a field of which a digest says that it changed: what no value shows is told
/// by the field's name.
#[must_use]
pub fn changed(field: &str, old: &Facets, new: &Facets) -> Vec<Difference> {
    // Further names are part of how a container joins its networks.
    let parts: &[&str] = if field == "networks" { &["networks", "aliases"] } else { &[field] };
    let found: Vec<Difference> =
        parts.iter().flat_map(|part| differences(part, old.get(*part), new.get(*part))).collect();
    if !found.is_empty() {
        return found;
    }
    let path = match field {
        "volumes" | "secrets" | "configs" => format!("{field} (the content of a file)"),
        field if new.contains_key(field) => format!("{field} (how it is written)"),
        field => field.to_owned(),
    };
    vec![Difference { path, old: None, new: None }]
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

/// Whether a limit of memory and swap together was asked for: twice the memory is what the engine
/// makes of a memory limit alone, -1 where the kernel does not count swap.
#[must_use]
pub const fn swap_is_set(memory_and_swap: i64, memory: i64) -> bool {
    memory_and_swap > 0 && memory_and_swap != memory.saturating_mul(2)
}

/// `127.0.0.1:8080:80/tcp`; an address of IPv6 in brackets.
#[must_use]
pub fn port_text(host_ip: &str, published: &str, target: u16, protocol: &str) -> String {
    let host_ip = if host_ip.contains(':') { format!("[{host_ip}]") } else { host_ip.to_owned() };
    format!("{host_ip}:{published}:{target}/{protocol}")
}

/// A health check, part by part.
#[must_use]
pub fn healthcheck_facet(
    test: Option<&[String]>,
    times: &[(&str, Option<Duration>)],
    retries: Option<i64>,
) -> Option<Facet> {
    let mut parts = BTreeMap::new();
    if let Some(test) = test.filter(|test| !test.is_empty()) {
        // As it is typed: `CMD` and `CMD-SHELL` only say who takes it apart.
        let typed = match test.split_first() {
            Some((kind, [line])) if kind == "CMD-SHELL" => line.clone(),
            Some((kind, words)) if kind == "CMD" => shell_words::join(words),
            _ => test.join(" "),
        };
        parts.insert("test".to_owned(), typed);
    }
    for (name, time) in times {
        if let Some(time) = time.filter(|time| !time.0.is_zero()) {
            parts.insert((*name).to_owned(), time.to_string());
        }
    }
    if let Some(retries) = retries.filter(|retries| *retries > 0) {
        parts.insert("retries".to_owned(), retries.to_string());
    }
    (!parts.is_empty()).then_some(Facet::Named(parts))
}

/// `SOURCE:TARGET`, with `:ro` where the container may not write.
#[must_use]
pub fn mount_text(source: &str, target: &str, read_only: bool) -> String {
    format!("{source}:{target}{}", if read_only { ":ro" } else { "" })
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
    fn what_two_fields_tell_is_told_once() {
        let facets = |names: &str| {
            let aliases = [("p_default".to_owned(), names.to_owned())];
            Facets::from([("aliases", Facet::Named(aliases.into()))])
        };
        let (old, new) = (facets("web"), facets("web, www"));
        let found = all_changed(["aliases", "networks"], &old, &new);
        let paths: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["aliases.p_default"]);
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
