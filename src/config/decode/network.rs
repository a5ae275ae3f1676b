//! `networks`, of a service and of the project, and `network_mode`.

use std::net::IpAddr;

use super::address::{address, addresses, alias};
use super::context::{Cx, Field, Fields, Placed};
use super::host::mac_address;
use super::pairs::{options, values};
use super::scalar::{boolean, integer, list, matching, name, parsed_as, text, unknown_word};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::config::suggest::closest;
use crate::project::{Ipam, IpamConfig, Network, NetworkAttachment, NetworkKey, NetworkMode};

/// A network that a service joins.
#[derive(Debug, Clone)]
pub(super) struct Joined {
    pub(super) key: NetworkKey,
    pub(super) attachment: NetworkAttachment,
}

/// Reads the list of names and the mapping.
pub(super) fn joined<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Vec<Placed<'n, Joined>>> {
    let mut networks = Vec::new();
    match &field.node.value {
        Value::Sequence(_) => {
            for item in field.items().into_iter().flatten() {
                let Some(key) = super::scalar::parsed(cx, &item) else { continue };
                let value = Joined { key, attachment: NetworkAttachment::default() };
                networks.push(Placed { value, span: item.span() });
            }
        }
        Value::Mapping(_) => {
            for (name, value) in field.entries().into_iter().flatten() {
                let attachment = attachment(cx, &value);
                let key = match name.parse() {
                    Ok(key) => key,
                    Err(error) => {
                        let error: crate::project::InvalidName = error;
                        cx.push(Diagnostic::error(error.to_string(), value.key));
                        continue;
                    }
                };
                if let Some(attachment) = attachment {
                    networks.push(Placed { value: Joined { key, attachment }, span: value.key });
                }
            }
        }
        _ => return cx.wrong(field, "a list or a mapping"),
    }
    Some(networks)
}

fn attachment(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<NetworkAttachment> {
    let mut fields = Fields::open(cx, field)?;
    let attachment = NetworkAttachment {
        aliases: fields.read(cx, "aliases", list(alias)).unwrap_or_default(),
        ipv4_address: fields
            .read(cx, "ipv4_address", |cx, ip| parsed_as(cx, ip, "an IPv4 address")),
        ipv6_address: fields
            .read(cx, "ipv6_address", |cx, ip| parsed_as(cx, ip, "an IPv6 address")),
        mac_address: fields.read(cx, "mac_address", mac_address),
        priority: fields.read(cx, "priority", integer),
        gw_priority: fields.read(cx, "gw_priority", integer),
        interface_name: fields.read(cx, "interface_name", interface),
        link_local_ips: fields.read(cx, "link_local_ips", list(address)).unwrap_or_default(),
        driver_opts: fields.read(cx, "driver_opts", options).unwrap_or_default(),
        links: Vec::new(),
    };
    fields.finish(cx);
    Some(attachment)
}

/// A name that Linux can give to an interface.
fn interface(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    matching(cx, field, "a name such as `eth0`, of at most 15 letters", |text| {
        let is_letter = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%');
        text.len() <= 15 && text.chars().all(is_letter)
    })
}

/// Reads `network_mode`.
pub(super) fn mode(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<NetworkMode> {
    let text = text(cx, field)?;
    match (text.as_str(), text.split_once(':')) {
        ("none", _) => Some(NetworkMode::None),
        ("host", _) => Some(NetworkMode::Host),
        ("bridge", _) => Some(NetworkMode::Bridge),
        (_, Some(("service", name))) => match name.parse() {
            Ok(name) => Some(NetworkMode::Service(name)),
            Err(error) => {
                let error: crate::project::InvalidName = error;
                cx.push(Diagnostic::error(error.to_string(), field.span()));
                None
            }
        },
        (_, Some(("container", name))) if !name.is_empty() => {
            Some(NetworkMode::Container(name.to_owned()))
        }
        // The specification has no such thing, but Compose hands it on, and engines take it. What
        // looks like one of the words above is none.
        (name, None) if is_network_name(name) => Some(NetworkMode::Network(text)),
        _ => {
            let words = MODES.into_iter().chain(["service:NAME", "container:NAME"]);
            cx.push(unknown_word(field, &text, words));
            None
        }
    }
}

const MODES: [&str; 3] = ["none", "host", "bridge"];

fn is_network_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !text.is_empty() && text.chars().all(is_letter) && closest(text, MODES).is_none()
}

/// Whether a resource exists outside of the project, and how it is called there.
pub(super) struct External {
    pub(super) external: bool,
    pub(super) name: Option<String>,
}

/// Takes `external` (a boolean, or the older mapping with a name) and `name`. An external
/// resource is not made by the project, so nothing else may describe it.
pub(super) fn external(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'_>,
    describing: &[&'static str],
) -> External {
    // An empty one, such as that of a variable, is none.
    let name = fields.read(cx, "name", text).filter(|name| !name.is_empty());
    let Some(field) = fields.take("external") else { return External { external: false, name } };
    let (external, older_name) = match &field.node.value {
        Value::Mapping(_) => match Fields::open(cx, &field) {
            Some(mut inner) => {
                let name = inner.read(cx, "name", text);
                inner.finish(cx);
                (true, name)
            }
            None => (true, None),
        },
        _ => (boolean(cx, &field).unwrap_or_default(), None),
    };
    if external {
        for key in describing {
            if let Some(extra) = fields.take(key) {
                let message = format!("`{}` has no effect on something external", extra.path);
                cx.push(
                    Diagnostic::error(message, extra.key)
                        .also(field.key, "made outside of this project")
                        .help("remove one of the two"),
                );
            }
        }
    }
    External { external, name: name.or(older_name) }
}

/// Reads a network of the project; `default_name` is its name when the file gives none.
pub(super) fn network(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    key: &str,
    default_name: String,
) -> Option<Network> {
    let mut fields = Fields::open(cx, field)?;
    let External { external, name } = external(
        cx,
        &mut fields,
        &[
            "driver",
            "driver_opts",
            "ipam",
            "internal",
            "attachable",
            "enable_ipv4",
            "enable_ipv6",
            "labels",
        ],
    );
    let fallback = if external { key.to_owned() } else { default_name };
    let network = Network {
        name: name.unwrap_or(fallback),
        driver: fields.read(cx, "driver", self::name),
        driver_opts: fields.read(cx, "driver_opts", options).unwrap_or_default(),
        ipam: fields.read(cx, "ipam", ipam).unwrap_or_default(),
        external,
        internal: fields.read(cx, "internal", boolean).unwrap_or_default(),
        attachable: fields.read(cx, "attachable", boolean).unwrap_or_default(),
        enable_ipv6: fields.read(cx, "enable_ipv6", boolean),
        enable_ipv4: fields.read(cx, "enable_ipv4", boolean),
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
    };
    fields.finish(cx);
    Some(network)
}

fn ipam(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Ipam> {
    let mut fields = Fields::open(cx, field)?;
    let ipam = Ipam {
        driver: fields.read(cx, "driver", name),
        config: fields
            .read(cx, "config", |cx, list| match list.items() {
                Some(items) => {
                    Some(items.iter().filter_map(|item| ipam_config(cx, item)).collect())
                }
                None => cx.wrong(list, "a list"),
            })
            .unwrap_or_default(),
        options: fields.read(cx, "options", options).unwrap_or_default(),
    };
    fields.finish(cx);
    Some(ipam)
}

fn ipam_config(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IpamConfig> {
    let mut fields = Fields::open(cx, field)?;
    let config = IpamConfig {
        subnet: fields.read(cx, "subnet", cidr),
        ip_range: fields.read(cx, "ip_range", cidr),
        gateway: fields
            .read(cx, "gateway", |cx, ip| parsed_as::<IpAddr>(cx, ip, "an IP address"))
            .map(|ip| ip.to_string()),
        aux_addresses: fields.read(cx, "aux_addresses", addresses).unwrap_or_default(),
    };
    let inside = [("gateway", &config.gateway), ("ip_range", &config.ip_range)];
    for (key, address) in inside {
        if let (Some(subnet), Some(address), Some(place)) =
            (&config.subnet, address, fields.take(key))
            && !holds(subnet, address.split('/').next().unwrap_or_default())
        {
            let message = format!("`{}` is outside of the subnet `{subnet}`", place.path);
            cx.push(
                Diagnostic::error(message, place.span()).help("write an address of the subnet"),
            );
        }
    }
    fields.finish(cx);
    Some(config)
}

/// Whether an address belongs to a range of addresses; both are valid.
fn holds(subnet: &str, address: &str) -> bool {
    let Some((first, bits)) = subnet.split_once('/') else { return false };
    let (Ok(first), Ok(address), Ok(bits)) = (first.parse(), address.parse(), bits.parse::<u32>())
    else {
        return false;
    };
    match (first, address) {
        (IpAddr::V4(first), IpAddr::V4(address)) => {
            let differing = u32::from(first) ^ u32::from(address);
            differing.leading_zeros() >= bits
        }
        (IpAddr::V6(first), IpAddr::V6(address)) => {
            let differing = u128::from(first) ^ u128::from(address);
            differing.leading_zeros() >= bits
        }
        _ => false,
    }
}

fn cidr(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    let is_valid = text.split_once('/').is_some_and(|(ip, bits)| {
        match (ip.parse::<IpAddr>(), bits.parse::<u8>()) {
            (Ok(ip), Ok(bits)) => bits <= if ip.is_ipv4() { 32 } else { 128 },
            _ => false,
        }
    });
    if is_valid {
        return Some(text);
    }
    let message = format!("`{text}` is not a range of addresses");
    cx.push(Diagnostic::error(message, field.span()).help("write it like `172.28.0.0/16`"));
    None
}
