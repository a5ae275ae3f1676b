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
                if key.is_empty() {
                    let message = format!("a name in `{}` is empty", field.path);
                    cx.push(Diagnostic::error(message, value.key).help("write `NAME: value`"));
                    continue;
                }
                let span = value.span();
                let text = if value.is_null() { None } else { text(cx, &value) };
                if text.is_some() || value.is_null() {
                    pairs.insert(key.to_owned(), Placed { value: text, span });
                }
            }
        }
        Value::Sequence(_) => {
            for item in field.items().into_iter().flatten() {
                if item.is_bare_scalar() {
                    cx.wrong::<()>(&item, "`NAME=value`");
                    continue;
                }
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
                if let Some(value) = value.as_ref().filter(|_| key.ends_with(' ')) {
                    let message = format!("the name in `{}` ends with a blank", item.path);
                    let help = format!("write `{}={}`", key.trim_end(), value.trim_start());
                    cx.push(Diagnostic::warning(message, item.span()).help(help));
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

/// Both forms of options: in a list each has a value.
pub(super) fn options(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, String>> {
    let is_list = matches!(field.node.value, Value::Sequence(_));
    let mut options = IndexMap::new();
    for (name, placed) in pairs(cx, field)? {
        if is_list && placed.value.is_none() {
            let message = format!("the option `{name}` in `{}` has no value", field.path);
            let help = format!("write `{name}=VALUE`");
            cx.push(Diagnostic::error(message, placed.span).help(help));
            continue;
        }
        options.insert(name, placed.value.unwrap_or_default());
    }
    Some(options)
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
