//! What makes two items of a list the same: a volume's target, a port's publication, a name.

use super::super::node::{Node, Value};

/// The identity of an item; `None` when the item cannot be read, which keeps it apart.
pub(super) type Identify = fn(&Node) -> Option<String>;

/// The whole text.
pub(super) fn text(item: &Node) -> Option<String> {
    item.scalar_text().map(str::to_owned)
}

/// `/run:size=64m` is `/run`.
pub(super) fn before_colon(item: &Node) -> Option<String> {
    let text = item.scalar_text()?;
    Some(text.split(':').next().unwrap_or(text).to_owned())
}

/// `a.env` or `{path: a.env}`.
pub(super) fn path(item: &Node) -> Option<String> {
    item.scalar_text().or_else(|| field(item, "path")).map(str::to_owned)
}

/// `80`, `80/tcp`.
pub(super) fn exposed(item: &Node) -> Option<String> {
    let text = item.scalar_text()?;
    Some(if text.contains('/') { text.to_owned() } else { format!("{text}/tcp") })
}

/// The place inside the container.
pub(super) fn volume(item: &Node) -> Option<String> {
    let target = match item.scalar_text() {
        Some(text) => short_volume_target(text),
        None => field(item, "target")?,
    };
    let trimmed = target.trim_end_matches('/');
    Some(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
}

/// The path inside the container: `HOST[:CONTAINER[:PERMISSIONS]]`.
pub(super) fn device(item: &Node) -> Option<String> {
    let Some(text) = item.scalar_text() else {
        return field(item, "target").or_else(|| field(item, "source")).map(str::to_owned);
    };
    let mut parts = text.split(':');
    let host = parts.next()?;
    Some(parts.next().filter(|part| part.starts_with('/')).unwrap_or(host).to_owned())
}

/// Where the secret is mounted.
pub(super) fn secret(item: &Node) -> Option<String> {
    let target = granted_target(item)?;
    Some(if target.starts_with('/') { target.to_owned() } else { format!("/run/secrets/{target}") })
}

/// Where the config is mounted.
pub(super) fn config(item: &Node) -> Option<String> {
    let target = granted_target(item)?;
    Some(if target.starts_with('/') { target.to_owned() } else { format!("/{target}") })
}

/// The subnet of an address pool.
pub(super) fn subnet(item: &Node) -> Option<String> {
    field(item, "subnet").map(str::to_owned)
}

/// Host address, published port, target and protocol.
pub(super) fn port(item: &Node) -> Option<String> {
    let port = Port::read(item)?;
    Some(format!("{}:{}:{}/{}", port.host, port.published, port.target, port.protocol))
}

/// Target and protocol.
pub(super) fn port_target(item: &Node) -> Option<String> {
    Port::read(item).map(|port| format!("{}/{}", port.target, port.protocol))
}

/// Whether a port publishes anew, besides the port below it, what that one publishes already.
pub(super) fn publishes_again(below: &Node, over: &Node) -> bool {
    let (Some(lower), Some(upper)) = (Port::read(below), Port::read(over)) else { return false };
    let same_target = lower.target == upper.target && lower.protocol == upper.protocol;
    // Once on each of two addresses is nobody's mistake.
    let other_address = lower.published == upper.published && lower.host != upper.host;
    let same = lower.published == upper.published && lower.host == upper.host;
    same_target && !same && !other_address
}

/// Whether a port, or a range of them, is published on this port of the host.
pub(in super::super) fn publishes(item: &Node, number: u16) -> bool {
    let range = Port::read(item).and_then(|port| {
        let (first, last) =
            port.published.split_once('-').unwrap_or((port.published, port.published));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    range.is_some_and(|range| range.contains(&number))
}

struct Port<'n> {
    host: &'n str,
    published: &'n str,
    target: &'n str,
    protocol: &'n str,
}

impl<'n> Port<'n> {
    fn read(item: &'n Node) -> Option<Self> {
        let Some(text) = item.scalar_text() else {
            return Some(Self {
                host: field(item, "host_ip").unwrap_or_default(),
                published: field(item, "published").unwrap_or_default(),
                target: field(item, "target")?,
                protocol: field(item, "protocol").unwrap_or("tcp"),
            });
        };
        let (address, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
        let (rest, target) = address.rsplit_once(':').unwrap_or(("", address));
        let (host, published) = rest.rsplit_once(':').unwrap_or(("", rest));
        // devstack's `[ADDRESS:]auto:[PUBLISHED:]TARGET` publishes the same port where it can.
        let (host, published) = match (host, published) {
            (host, "auto") => (host, target),
            ("auto", published) => ("", published),
            (host, published) => (host.strip_suffix(":auto").unwrap_or(host), published),
        };
        // `[::1]` and `::1` are the same address.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(Self { host, published, target, protocol })
    }
}

/// `[SOURCE:]TARGET[:MODE]`, where a Windows drive has a colon of its own.
fn short_volume_target(text: &str) -> &str {
    let bytes = text.as_bytes();
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        // `v:/x` is the volume `v`; `c:/x:/y` needs a path after its second colon.
        && (bytes[2] == b'\\' || (bytes[2] == b'/' && text[2..].contains(":/")));
    let source_end = if drive { text[2..].find(':').map(|at| at + 2) } else { text.find(':') };
    match source_end {
        Some(colon) => {
            let rest = &text[colon + 1..];
            rest.split(':').next().unwrap_or(rest)
        }
        None => text,
    }
}

fn granted_target(item: &Node) -> Option<&str> {
    item.scalar_text().or_else(|| field(item, "target")).or_else(|| field(item, "source"))
}

fn field<'n>(item: &'n Node, key: &str) -> Option<&'n str> {
    let entry = item.get(key)?;
    match entry.node.value {
        Value::Null => None,
        _ => entry.node.scalar_text(),
    }
}
