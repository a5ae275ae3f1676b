//! The stack as its files write it, merged and with paths made absolute, variables as they are:
//! what `devstack config --no-interpolate` prints. Nothing is checked, and no default is filled in.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::canonical::{Format, Secrets, print};
use super::node::{Node, Value};
use super::rebase::rebase;
use super::redact::{REDACTED, is_secret_name, redact_arguments};
use super::template::{Operator, references};
use crate::project::ProjectName;

/// Keys of a service that docker compose does not know, and that it skips in an extension.
const OWN: [&str; 4] = ["aliases", "ready", "reload", "urls"];

/// Writes a tree that is not interpolated, with a final line break.
#[must_use]
pub fn written(
    mut root: Node,
    name: Option<&ProjectName>,
    project_dir: &Path,
    format: Format,
    secrets: Secrets,
) -> String {
    rebase(&mut root, project_dir);
    let mut tree = json(&root, "", secrets);
    if let Some(top) = tree.as_object_mut() {
        let written = top.shift_remove("name");
        if let Some(name) = written.or_else(|| Some(json!(name?.as_str()))) {
            top.shift_insert(0, "name".to_owned(), name);
        }
        into_extension(top, &["publish"]);
        for service in top.get_mut("services").and_then(Json::as_object_mut).into_iter().flatten() {
            if let Some(service) = service.1.as_object_mut() {
                // What it stands for is in its place already.
                service.shift_remove("preset");
                into_extension(service, &OWN);
            }
        }
    }
    print(&tree, format)
}

/// Moves devstack's own keys to where docker compose passes over them.
fn into_extension(fields: &mut Map<String, Json>, own: &[&str]) {
    let mut extension = match fields.shift_remove("x-devstack") {
        Some(Json::Object(extension)) => extension,
        _ => Map::new(),
    };
    extension.shift_remove("preset");
    for key in own {
        if let Some(value) = fields.shift_remove(*key) {
            extension.insert((*key).to_owned(), value);
        }
    }
    if !extension.is_empty() {
        fields.insert("x-devstack".to_owned(), Json::Object(extension));
    }
}

/// A value as JSON; `key` is what it is called.
pub(crate) fn json(node: &Node, key: &str, secrets: Secrets) -> Json {
    match &node.value {
        // `0440` and `0.50` would come out as other texts than they went in.
        Value::Int { value, text } if value.to_string() != *text => json!(text),
        Value::Float { text, .. } => match node.to_json() {
            number if number.to_string().as_str() == text => number,
            _ => json!(text),
        },
        Value::String { text, .. } if secrets == Secrets::Redacted => json!(redacted(key, text)),
        Value::Sequence(items) if secrets == Secrets::Redacted => Json::Array(shown_items(items)),
        Value::Sequence(items) => {
            Json::Array(items.iter().map(|item| json(item, "", secrets)).collect())
        }
        Value::Mapping(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, entry)| (key.clone(), json(&entry.node, key, secrets)))
                .collect(),
        ),
        Value::Int { .. } if secrets == Secrets::Redacted && is_secret_name(key) => json!(REDACTED),
        _ => node.to_json(),
    }
}

/// The items of a list without what `NAME=VALUE` and arguments of programs give away.
fn shown_items(items: &[Node]) -> Vec<Json> {
    let words: Vec<String> =
        items.iter().map(|item| item.scalar_text().unwrap_or_default().to_owned()).collect();
    let shown = |(item, hidden): (&Node, String)| {
        let Value::String { text, .. } = &item.value else {
            return json(item, "", Secrets::Redacted);
        };
        json!(match text.split_once('=') {
            Some((name, value)) if is_secret_name(name) => {
                format!("{name}={}", redacted(name, value))
            }
            // It follows `--password` or the like.
            _ if hidden == REDACTED => redacted("PASSWORD", text),
            _ => redacted("", text),
        })
    };
    items.iter().zip(redact_arguments(&words)).map(shown).collect()
}

/// A text as it may be shown: the name of a variable tells nothing, its default may.
pub(crate) fn redacted(key: &str, text: &str) -> String {
    let is_secret = is_secret_name(key) || key == "content";
    let shown = without_defaults(text, is_secret);
    if !is_secret {
        let words: Vec<String> = shown.split(' ').map(str::to_owned).collect();
        return redact_arguments(&words).join(" ");
    }
    match references(&shown).as_slice() {
        [only] if only.range == (0..shown.len()) => shown.into_owned(),
        _ if text.is_empty() => String::new(),
        _ => REDACTED.to_owned(),
    }
}

/// Hides what stands for secret variables that are not set, or for any in `all`.
fn without_defaults(text: &str, all: bool) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = 0;
    for reference in references(text) {
        let Some(operation) = reference.operation else { continue };
        let is_shown = operation.operator == Operator::Required
            || operation.operand.is_empty()
            || !(all || is_secret_name(reference.name));
        if is_shown {
            continue;
        }
        let operand = reference.range.end - 1 - operation.operand.len();
        shown.push_str(&text[rest..operand]);
        shown.push_str(REDACTED);
        rest = reference.range.end - 1;
    }
    if rest == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[rest..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;

    use super::super::diagnostic::Source;
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn texts_are_shown_by_their_name_and_their_variables() {
        for (key, text, expected) in [
            ("A", "x ${B:-c}", "x ${B:-c}"),
            ("A_PASSWORD", "hunter2", "***"),
            ("A_PASSWORD", "", ""),
            ("A_PASSWORD", "$PW", "$PW"),
            ("A_PASSWORD", "${PW}", "${PW}"),
            ("A_PASSWORD", "${PW:?say it}", "${PW:?say it}"),
            ("A_PASSWORD", "${A_PASSWORD:-app}", "${A_PASSWORD:-***}"),
            ("A_PASSWORD", "${A:-hunter2}", "${A:-***}"),
            ("A_PASSWORD", "x${PW}", "***"),
            ("URL", "a://${U:-u}:${U_PASSWORD:-p/w}@h:1/d", "a://${U:-u}:***@h:1/d"),
            ("URL", "a://${U:-u}@h:1/d", "a://${U:-u}@h:1/d"),
            ("x", "${MY_TOKEN-a}${B:-b}", "${MY_TOKEN-***}${B:-b}"),
            ("content", "key = 1", "***"),
            ("command", "run --password hunter2 x", "run --password *** x"),
        ] {
            assert_eq!(redacted(key, text), expected, "{key}: {text}");
        }
    }

    #[test]
    fn a_tree_is_written_as_it_stands() {
        let text = "\
services:
  db:
    preset: postgres
    image: ${IMAGE:-postgres:17}
    build: {context: ./db, args: [A_TOKEN=x, 'B=$B']}
    mode: 0440
    cpus: 0.50
    scale: 2
    environment: {POSTGRES_PASSWORD: '${POSTGRES_PASSWORD:-app}', PLAIN: , NUMBER_KEY: 12}
    command: [run, --password, hunter2, --password, $PW, '--token=$T', --token=t, 7]
    volumes: ['./data:/data', '${DIR}/x:/y']
    ready: {tcp: 1}
    x-devstack: {aliases: [pg]}
publish: all
";
        let source = Arc::new(Source { name: "f".to_owned(), text: text.to_owned() });
        let root = parse(&source).unwrap().remove(0);
        let name = "shop".parse().ok();
        let shown =
            |secrets| written(root.clone(), name.as_ref(), Path::new("/p"), Format::Yaml, secrets);
        assert_snapshot!(shown(Secrets::Redacted));
        assert!(shown(Secrets::Shown).contains("hunter2"));
    }
}
