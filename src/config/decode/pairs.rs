//! What may be written as `KEY: value` mapping or as a list of `KEY=value`.

use indexmap::IndexMap;

use super::context::{Cx, Field, Placed};
use super::scalar::text;
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;

/// Names with values; `None` for a name alone. Later ones win.
pub(super) type Pairs<'n> = IndexMap<String, Placed<'n, Option<String>>>;

/// Reads both forms.
pub(super) fn pairs<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Pairs<'n>> {
    let mut pairs = Pairs::new();
    match &field.node.value {
        Value::Mapping(_) => {
            for (key, value) in field.entries().into_iter().flatten() {
                let span = value.span();
                let value = if value.is_null() { None } else { Some(text(cx, &value)?) };
                pairs.insert(key.to_owned(), Placed { value, span });
            }
        }
        Value::Sequence(_) => {
            for item in field.items().into_iter().flatten() {
                let Some(line) = text(cx, &item) else { continue };
                let (key, value) = match line.split_once('=') {
                    Some((key, value)) => (key, Some(value.to_owned())),
                    None => (line.as_str(), None),
                };
                if key.is_empty() {
                    let message = format!("`{}` has no name before the `=`", item.path);
                    cx.push(Diagnostic::error(message, item.span()).help("write `NAME=value`"));
                    continue;
                }
                if value.is_none()
                    && let Some((name, rest)) = key.split_once(": ")
                {
                    let message =
                        format!("`{}` is a name without a value: it has no `=`", item.path);
                    cx.push(
                        Diagnostic::warning(message, item.span())
                            .help(format!("write `{name}={}`", rest.trim_start())),
                    );
                }
                pairs.insert(key.to_owned(), Placed { value, span: item.span() });
            }
        }
        _ => return cx.wrong(field, "a mapping or a list of `NAME=value`"),
    }
    Some(pairs)
}

/// Both forms, where a name alone means an empty value: labels, options.
pub(super) fn values(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, String>> {
    let pairs = pairs(cx, field)?;
    Some(pairs.into_iter().map(|(key, pair)| (key, pair.value.unwrap_or_default())).collect())
}

/// Both forms, where a name alone takes the value of devstack's own environment.
pub(super) fn passed_through(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
) -> Option<IndexMap<String, Option<String>>> {
    let pairs = pairs(cx, field)?;
    let own = &cx.request.environment;
    Some(
        pairs
            .into_iter()
            .map(|(key, pair)| {
                let value = pair.value.or_else(|| own.get(&key).map(ToOwned::to_owned));
                (key, value)
            })
            .collect(),
    )
}

/// `extra_hosts`: `NAME=ADDRESS` or `NAME:ADDRESS`, or a mapping to one address or several.
pub(super) fn hosts(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, Vec<String>>> {
    let mut lines: Vec<(String, Field<'_>, String)> = Vec::new();
    match &field.node.value {
        Value::Mapping(_) => {
            for (name, value) in field.entries().into_iter().flatten() {
                let addresses = super::scalar::text_or_texts(cx, &value).unwrap_or_default();
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
        let bare =
            address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&address);
        if bare != "host-gateway" && bare.parse::<std::net::IpAddr>().is_err() {
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
