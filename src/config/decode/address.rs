//! Names of hosts and addresses: what is written about a container's name and its resolver.

use std::net::IpAddr;

use indexmap::IndexMap;

use super::context::{Cx, Field};
use super::pairs::pairs;
use super::scalar::{has_no_blank, matching, one_or_list, text, text_or_texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;

/// The longest name that Linux gives to a machine.
const LONGEST_NAME: usize = 64;

/// Reads a host's name. Compose's users write `_` in it, too, and letters of all languages. Linux
/// takes any other text as well, so that one is only warned of.
pub(super) fn host_name(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    if text.len() > LONGEST_NAME {
        let message = format!("`{}` is longer than {LONGEST_NAME} bytes: `{text}`", field.path);
        cx.push(Diagnostic::error(message, field.span()));
        return None;
    }
    if !text.is_empty() && !is_host_name(&text) {
        let message = format!("`{}` is no name of a host, and programs may refuse it", field.path);
        let better: String = text.split_whitespace().collect::<Vec<_>>().join("-");
        cx.push(Diagnostic::warning(message, field.span()).help(if is_host_name(&better) {
            format!("write `{better}`")
        } else {
            "write letters, digits, `-`, `_` and `.`".to_owned()
        }));
    }
    Some(text)
}

/// Whether a text can be the name of a host.
fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Reads a further name of a service in a network.
pub(super) fn alias(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    matching(cx, field, "a name without blanks", |text| !text.is_empty() && has_no_blank(text))
}

/// Reads an IP address; of IPv6 it may name the interface, as in `fe80::1%eth0`.
pub(super) fn address(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    if is_address(&text) {
        return Some(text);
    }
    let message = format!("`{}` must be an IP address, not `{text}`", field.path);
    cx.push(Diagnostic::error(message, field.span()).help("write an address such as `10.0.0.1`"));
    None
}

fn is_address(text: &str) -> bool {
    let (bare, zone) = text.split_once('%').unwrap_or((text, "eth0"));
    let is_scoped = bare.len() == text.len() || bare.contains(':');
    bare.parse::<IpAddr>().is_ok() && is_scoped && !zone.is_empty() && has_no_blank(zone)
}

/// Reads the servers that answer for names.
pub(super) fn servers(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    one_or_list(address)(cx, field)
}

/// Reads domains to look for names in; `.` stands for none. A text may hold several.
pub(super) fn domains(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let is_domain = |text: &str| text.split(' ').all(is_host_name);
    one_or_list(move |cx: &mut Cx<'_>, item: &Field<'_>| {
        matching(cx, item, "a domain such as `example.org`", is_domain)
    })(cx, field)
}

/// Reads names with an address each.
pub(super) fn addresses(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, String>> {
    let mut addresses = IndexMap::new();
    for (name, placed) in pairs(cx, field)? {
        if let Some(address) = placed.value.filter(|address| is_address(address)) {
            addresses.insert(name, address);
        } else {
            let message = format!("`{name}` in `{}` has no IP address", field.path);
            let help = format!("write `{name}: ADDRESS`");
            cx.push(Diagnostic::error(message, placed.span).help(help));
        }
    }
    Some(addresses)
}

/// `extra_hosts`: `NAME=ADDRESS` or `NAME:ADDRESS`, or a mapping to one address or several.
pub(super) fn hosts(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, Vec<String>>> {
    let mut lines: Vec<(String, Field<'_>, String)> = Vec::new();
    match &field.node.value {
        Value::Mapping(_) => {
            for (name, value) in field.entries().into_iter().flatten() {
                let addresses = text_or_texts(cx, &value).unwrap_or_default();
                lines.extend(
                    addresses.into_iter().map(|address| (name.to_owned(), value.clone(), address)),
                );
            }
        }
        Value::Sequence(_) => {
            for item in field.items().into_iter().flatten() {
                let Some(line) = text(cx, &item) else { continue };
                let Some((name, address)) = line.split_once('=').or_else(|| line.split_once(':'))
                else {
                    let message = format!("`{}` names no address: `{line}`", item.path);
                    cx.push(Diagnostic::error(message, item.span()).help("write `NAME=ADDRESS`"));
                    continue;
                };
                lines.push((name.to_owned(), item, address.to_owned()));
            }
        }
        _ => return cx.wrong(field, "a mapping or a list of `NAME=ADDRESS`"),
    }
    let mut hosts: IndexMap<String, Vec<String>> = IndexMap::new();
    for (name, place, address) in lines {
        // It stands in a file where blanks separate names.
        if !name.split(' ').all(is_host_name) {
            let message = format!("`{name}` in `{}` is not a name of a host", field.path);
            cx.push(Diagnostic::error(message, place.span()).help("write `NAME=ADDRESS`"));
            continue;
        }
        let bare =
            address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&address);
        if bare != "host-gateway" && !is_address(bare) {
            let message = format!("`{bare}` is not an IP address");
            cx.push(
                Diagnostic::error(message, place.span())
                    .help("write an address, or `host-gateway` for the host itself"),
            );
            continue;
        }
        hosts.entry(name).or_default().push(bare.to_owned());
    }
    Some(hosts)
}
