//! `ports` and `expose`.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use super::context::{Cx, Field, Fields, Placed};
use super::scalar::{boolean, integer, parsed_as, text, word};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::config::place::within;
use crate::project::{Port, Protocol, PublishedPort};

/// Where a port without an address is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Publish {
    /// On loopback: a service of the developer's own machine is nobody else's business.
    #[default]
    Loopback,
    /// On all addresses, as Compose does.
    All,
}

impl Publish {
    const fn address(self) -> IpAddr {
        match self {
            Self::Loopback => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::All => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }
}

/// Reads `publish`.
pub(super) fn publish(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Publish> {
    word(cx, field, &[("loopback", Publish::Loopback), ("all", Publish::All)])
}

const PROTOCOLS: &[(&str, Protocol)] =
    &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];

/// What is wrong with a short port.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidPort {
    #[error("the container's port is missing")]
    Missing,
    #[error("`{0}` is not a port number: write 1 to 65535")]
    Number(String),
    #[error("the range `{0}` ends before it begins")]
    Range(String),
    #[error("the host's range `{published}` and the container's range `{target}` differ in length")]
    Lengths { published: String, target: String },
    #[error("`auto` stands before one port, or as many as the container's, not before `{0}`")]
    Auto(String),
    #[error("`{0}` is not an IP address")]
    Address(String),
    #[error("`{0}` is not a protocol: write `tcp`, `udp` or `sctp`")]
    Protocol(String),
}

/// Reads a list of short and long ports.
pub(super) fn ports<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Vec<Placed<'n, Port>>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut ports = Vec::new();
    for item in items {
        let read = match &item.node.value {
            Value::Mapping(_) => long(cx, &item),
            _ => short(cx, &item),
        };
        let span = item.span();
        if !cx.more_ports(&item, read.as_ref().map_or(0, Vec::len)) {
            continue;
        }
        ports.extend(read.unwrap_or_default().into_iter().map(|value| Placed { value, span }));
    }
    Some(ports)
}

/// Reads `expose`: container ports, ranges and protocols, as text.
pub(super) fn expose(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut exposed = Vec::new();
    for item in items {
        let Some(text) = text(cx, &item) else { continue };
        match split_protocol(&text).and_then(|(ports, _)| range(ports)) {
            Ok(_) => exposed.push(text),
            Err(error) => cx.push(Diagnostic::error(error.to_string(), item.span())),
        }
    }
    Some(exposed)
}

fn short(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<Port>> {
    let Some(text) = field.node.scalar_text() else {
        return cx.wrong(field, "a port such as `8080:80` or a mapping");
    };
    match parse_short(text, cx.publish.address()) {
        Ok(ports) => Some(ports),
        Err(error) => {
            let place = within(field.span(), text, error.place(text));
            let diagnostic = Diagnostic::error(error.to_string(), &place);
            cx.push(match &error {
                InvalidPort::Address(address) if address == "localhost" => {
                    diagnostic.help(format!("write `{}`", text.replacen(address, "127.0.0.1", 1)))
                }
                InvalidPort::Protocol(_) | InvalidPort::Lengths { .. } => diagnostic,
                _ if text.contains("auto") => diagnostic
                    .help("write `auto:CONTAINER_PORT` or `auto:HOST_PORT:CONTAINER_PORT`"),
                _ => diagnostic.help("write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`"),
            });
            None
        }
    }
}

impl InvalidPort {
    /// The part of a port's text that is wrong; all of it when the part is not in it.
    fn place(&self, text: &str) -> Range<usize> {
        let part = match self {
            Self::Missing | Self::Lengths { .. } => "",
            Self::Number(part)
            | Self::Range(part)
            | Self::Auto(part)
            | Self::Address(part)
            | Self::Protocol(part) => part,
        };
        let is_edge = |c: Option<char>| c.is_none_or(|c| ":/-[]".contains(c));
        text.match_indices(part)
            .map(|(start, part)| start..start + part.len())
            .find(|part| {
                !part.is_empty()
                    && is_edge(text[..part.start].chars().next_back())
                    && is_edge(text[part.end..].chars().next())
            })
            .unwrap_or(0..text.len())
    }
}

/// Reads `[[ADDRESS:][auto:]PUBLISHED:]TARGET[/PROTOCOL]`; a range of targets becomes single ports.
fn parse_short(text: &str, default: IpAddr) -> Result<Vec<Port>, InvalidPort> {
    let (rest, protocol) = split_protocol(text)?;
    let (rest, target) = match rest.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, rest),
    };
    if target.is_empty() {
        return Err(InvalidPort::Missing);
    }
    let (rest, auto) = match rest.map(split_auto) {
        Some((rest, auto)) => (rest, auto),
        None => (None, None),
    };
    let (address, published) = match rest {
        None => (None, ""),
        Some(address) if auto.is_some() => (Some(address), ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((address, published)) => (Some(address), published),
            None if rest.contains('.') => (Some(rest), ""),
            None => (None, rest),
        },
    };
    let host_ip = match address {
        None | Some("") => default,
        Some(address) => {
            let bare = address.strip_prefix('[').and_then(|bare| bare.strip_suffix(']'));
            bare.unwrap_or(address).parse().map_err(|_| InvalidPort::Address(address.to_owned()))?
        }
    };
    match auto {
        // `auto:80` prefers the container's own number.
        Some("") => automatic(expand(host_ip, target, target, protocol)?, target),
        Some(published) => automatic(expand(host_ip, published, target, protocol)?, published),
        None => expand(host_ip, published, target, protocol),
    }
}

/// Takes `auto` off what stands before the container's port: the address, and the port that is
/// preferred.
fn split_auto(text: &str) -> (Option<&str>, Option<&str>) {
    let before_auto = |text: &'_ str| text.strip_suffix("auto").map(str::len);
    let address = |text: &str, at: usize| match at {
        0 => Some(None),
        _ => text[..at].ends_with(':').then_some(Some(at - 1)),
    };
    let find = |text: &str| before_auto(text).and_then(|at| address(text, at));
    if let Some(end) = find(text) {
        return (end.map(|end| &text[..end]), Some(""));
    }
    if let Some((before, published)) = text.rsplit_once(':')
        && let Some(end) = find(before)
    {
        return (end.map(|end| &text[..end]), Some(published));
    }
    (Some(text), None)
}

/// Lets devstack choose where the preferred port is taken.
fn automatic(ports: Vec<Port>, published: &str) -> Result<Vec<Port>, InvalidPort> {
    ports
        .into_iter()
        .map(|port| match port.published {
            Some(PublishedPort::Fixed(usual)) => {
                Ok(Port { published: Some(PublishedPort::Auto(usual)), ..port })
            }
            _ => Err(InvalidPort::Auto(published.to_owned())),
        })
        .collect()
}

fn expand(
    host_ip: IpAddr,
    published: &str,
    target: &str,
    protocol: Protocol,
) -> Result<Vec<Port>, InvalidPort> {
    let (first, last) = range(target)?;
    let port = |target, published| Port {
        name: None,
        host_ip,
        target,
        published,
        protocol,
        app_protocol: None,
    };
    let (published_first, published_last) = match published {
        "" | "0" => return Ok((first..=last).map(|target| port(target, None)).collect()),
        _ => range(published)?,
    };
    if first == last && published_first != published_last {
        let published = PublishedPort::Range(published_first, published_last);
        return Ok(vec![port(first, Some(published))]);
    }
    if last - first != published_last - published_first {
        return Err(InvalidPort::Lengths {
            published: published.to_owned(),
            target: target.to_owned(),
        });
    }
    Ok((first..=last)
        .zip(published_first..=published_last)
        .map(|(target, published)| port(target, Some(PublishedPort::Fixed(published))))
        .collect())
}

fn split_protocol(text: &str) -> Result<(&str, Protocol), InvalidPort> {
    let Some((ports, protocol)) = text.split_once('/') else { return Ok((text, Protocol::Tcp)) };
    let lower = protocol.to_ascii_lowercase();
    match PROTOCOLS.iter().find(|(word, _)| *word == lower) {
        Some((_, protocol)) => Ok((ports, *protocol)),
        None => Err(InvalidPort::Protocol(protocol.to_owned())),
    }
}

fn range(text: &str) -> Result<(u16, u16), InvalidPort> {
    let number = |part: &str| match part.parse::<u16>() {
        Ok(number) if number > 0 => Ok(number),
        // Half of a range may be missing: then the whole is wrong.
        _ if part.is_empty() => Err(InvalidPort::Number(text.to_owned())),
        _ => Err(InvalidPort::Number(part.to_owned())),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last { Err(InvalidPort::Range(text.to_owned())) } else { Ok((first, last)) }
}

fn long(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<Port>> {
    let mut fields = Fields::open(cx, field)?;
    let target = fields.take("target");
    if target.is_none() {
        cx.push(
            Diagnostic::error(format!("`{}` has no `target`", field.path), field.span())
                .help("add `target:`, the port inside the container"),
        );
    }
    let target = target.and_then(|target| integer::<u16>(cx, &target).map(|port| (port, target)));
    let published_at = fields.take("published");
    let host_ip_at = fields.take("host_ip");
    let host_ip = host_ip_at.as_ref().and_then(|ip| parsed_as(cx, ip, "an IP address"));
    let protocol = fields.read(cx, "protocol", |cx, protocol| word(cx, protocol, PROTOCOLS));
    let name = fields.read(cx, "name", text);
    let app_protocol = fields.read(cx, "app_protocol", text);
    let mut auto = fields.read(cx, "auto", boolean);
    let mut publish_at = fields.take("publish");
    if let Some(mut extension) =
        fields.take("x-devstack").and_then(|field| Fields::open(cx, &field))
    {
        auto = auto.or(extension.read(cx, "auto", boolean));
        publish_at = publish_at.or(extension.take("publish"));
        extension.finish(cx);
    }
    let auto = auto.unwrap_or(false);
    let published_to = publish_at.as_ref().and_then(|field| match field.node.scalar_text() {
        Some(port) if port.starts_with(|c: char| c.is_ascii_digit()) => {
            let message = format!("`{}` says to which addresses, not which port", field.path);
            let help = format!("did you mean `published: {port}`?");
            cx.push(Diagnostic::error(message, field.key).help(help));
            None
        }
        _ => publish(cx, field),
    });
    if let (Some(publish), Some(host_ip)) = (&publish_at, &host_ip_at) {
        cx.push(
            Diagnostic::error("`publish` and `host_ip` exclude each other", publish.key)
                .also(host_ip.key, "the other one")
                .help("keep one of them"),
        );
    }
    let host_ip = host_ip.unwrap_or_else(|| published_to.unwrap_or(cx.publish).address());
    // Swarm's two ways of publishing are the same thing on one engine.
    fields.read(cx, "mode", |cx, mode| word(cx, mode, &[("host", ()), ("ingress", ())]));
    fields.finish(cx);

    let (target, target_at) = target?;
    let published = match &published_at {
        Some(published) => text(cx, published)?,
        None => String::new(),
    };
    let target = target.to_string();
    let usual = if auto && published.is_empty() { target.clone() } else { published };
    let ports = expand(host_ip, &usual, &target, protocol.unwrap_or(Protocol::Tcp));
    let ports = if auto { ports.and_then(|ports| automatic(ports, &usual)) } else { ports };
    match ports {
        Ok(ports) => Some(
            ports
                .into_iter()
                .map(|port| Port { name: name.clone(), app_protocol: app_protocol.clone(), ..port })
                .collect(),
        ),
        Err(error) => {
            let place = published_at.filter(|_| target != "0").unwrap_or(target_at);
            cx.push(Diagnostic::error(error.to_string(), place.span()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One port a line, in the long form's words.
    fn shown(text: &str) -> String {
        match parse_short(text, Publish::Loopback.address()) {
            Err(error) => format!("error: {error}"),
            Ok(ports) => ports
                .iter()
                .map(|port| {
                    let published = port.published.map_or("any".to_owned(), |p| p.to_string());
                    let protocol = port.protocol.as_str();
                    format!("{} {published} -> {}/{protocol}", port.host_ip, port.target)
                })
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    #[test]
    fn short_ports_follow_the_specification_but_listen_on_loopback() {
        let cases = [
            ("80", "127.0.0.1 any -> 80/tcp"),
            ("8080:80", "127.0.0.1 8080 -> 80/tcp"),
            ("8080:80/udp", "127.0.0.1 8080 -> 80/udp"),
            ("8080:80/UDP", "127.0.0.1 8080 -> 80/udp"),
            ("53:53/sctp", "127.0.0.1 53 -> 53/sctp"),
            ("0.0.0.0:8080:80", "0.0.0.0 8080 -> 80/tcp"),
            ("127.0.0.1::80", "127.0.0.1 any -> 80/tcp"),
            ("192.168.1.7:80", "192.168.1.7 any -> 80/tcp"),
            (":80", "127.0.0.1 any -> 80/tcp"),
            ("0:80", "127.0.0.1 any -> 80/tcp"),
            ("[::1]:8080:80", "::1 8080 -> 80/tcp"),
            ("[::]:8080:80/udp", ":: 8080 -> 80/udp"),
            ("::1:8080:80", "::1 8080 -> 80/tcp"),
            ("8000-8010:80", "127.0.0.1 8000-8010 -> 80/tcp"),
            ("9090-9091:8080-8081", "127.0.0.1 9090 -> 8080/tcp, 127.0.0.1 9091 -> 8081/tcp"),
            ("3000-3001", "127.0.0.1 any -> 3000/tcp, 127.0.0.1 any -> 3001/tcp"),
            (
                "0.0.0.0:5000-5001:5000-5001/udp",
                "0.0.0.0 5000 -> 5000/udp, 0.0.0.0 5001 -> 5001/udp",
            ),
            ("auto:80", "127.0.0.1 auto:80 -> 80/tcp"),
            ("auto:8080:80/udp", "127.0.0.1 auto:8080 -> 80/udp"),
            ("0.0.0.0:auto:80", "0.0.0.0 auto:80 -> 80/tcp"),
            ("127.0.0.1:auto:8080:80", "127.0.0.1 auto:8080 -> 80/tcp"),
            ("[::1]:auto:8080:80", "::1 auto:8080 -> 80/tcp"),
            (
                "auto:8080-8081:80-81",
                "127.0.0.1 auto:8080 -> 80/tcp, 127.0.0.1 auto:8081 -> 81/tcp",
            ),
            ("auto:80-81", "127.0.0.1 auto:80 -> 80/tcp, 127.0.0.1 auto:81 -> 81/tcp"),
            (
                "auto:8080-8090:80",
                "error: `auto` stands before one port, or as many as the container's, not before `8080-8090`",
            ),
            ("auto", "error: `auto` is not a port number: write 1 to 65535"),
            (
                "auto:0:80",
                "error: `auto` stands before one port, or as many as the container's, not before `0`",
            ),
            ("manual:8080:80", "error: `manual` is not an IP address"),
            ("", "error: the container's port is missing"),
            ("abc", "error: `abc` is not a port number: write 1 to 65535"),
            ("8080:", "error: the container's port is missing"),
            ("8080:0", "error: `0` is not a port number: write 1 to 65535"),
            ("8080:70000", "error: `70000` is not a port number: write 1 to 65535"),
            ("80a:80", "error: `80a` is not a port number: write 1 to 65535"),
            ("90-80:80", "error: the range `90-80` ends before it begins"),
            (
                "8000-8002:80-81",
                "error: the host's range `8000-8002` and the container's range `80-81` differ in length",
            ),
            (
                "8000:80-81",
                "error: the host's range `8000` and the container's range `80-81` differ in length",
            ),
            ("localhost:80:80", "error: `localhost` is not an IP address"),
            ("300.1.1.1:80:80", "error: `300.1.1.1` is not an IP address"),
            ("80:80/http", "error: `http` is not a protocol: write `tcp`, `udp` or `sctp`"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
