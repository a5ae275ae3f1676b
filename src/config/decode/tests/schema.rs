//! The keys that the readers take are those of the JSON schema, mapping by mapping.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::decode::{context, stack};
use crate::config::diagnostic::Span;
use crate::config::node::{Entry, Node, Value as Yaml};
use crate::config::{extend, include};

/// Opens every mapping that there is.
const EVERYTHING: &str = "
services:
  a:
    build: {}
    healthcheck: {}
    pre_start: [{}]
    post_start: [{}]
    pre_stop: [{}]
    depends_on: {b: {}}
    ports: [{x-devstack: {}}, {}]
    volumes: [{bind: {}, volume: {}, tmpfs: {}}]
    secrets: [{}]
    configs: [{}]
    env_file: [{path: app.env}]
    networks: {n: {}}
    develop: {watch: [{exec: {}}]}
    reload: {}
    deploy: {resources: {limits: {}, reservations: {}}, restart_policy: {}}
    logging: {}
    ulimits: {nofile: {soft: 1, hard: 1}}
    devices: [{}]
    ready: {postgres: {}, redis: {}, amqp: {}, http: {}, tcp: {}, log: {}}
  b: {x-devstack: {}}
networks: {n: {ipam: {config: [{}]}, external: {}}}
volumes: {v: {external: {}}}
secrets: {s: {}}
configs: {c: {}}
";

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(crate::config::schema::TEXT).expect("it is JSON");
    let source = Arc::new(Source { name: "f".to_owned(), text: EVERYTHING.to_owned() });
    let root = parse(&source).expect("it is YAML").pop().expect("it has a document");
    let request = request();
    let mut files = read;
    let mut cx = context::Cx::new(&request, &mut files);
    stack::stack(&mut cx, &root);
    assert!(cx.known.len() > 30, "{:?}", cx.known);
    // Those that the text layer reads.
    cx.known.push(("include[0]".to_owned(), include::KEYS.to_vec()));
    cx.known.push(("services.a.extends".to_owned(), extend::KEYS.to_vec()));
    let mut differences = Vec::new();
    for (path, known) in &cx.known {
        let found = mappings(&schema, &schema, path);
        assert!(!found.is_empty(), "templates/schema/devstack.json has no mapping at `{path}`");
        let keys: BTreeSet<&str> =
            found.iter().flat_map(|mapping| mapping.keys()).map(String::as_str).collect();
        let known: BTreeSet<&str> = known.iter().copied().collect();
        if keys != known {
            let missing: Vec<_> = known.difference(&keys).collect();
            let unread: Vec<_> = keys.difference(&known).collect();
            differences.push(format!("`{path}`: without {missing:?}, and nobody reads {unread:?}"));
        }
    }
    assert!(differences.is_empty(), "templates/schema/devstack.json, {}", differences.join("\n"));
}

#[test]
fn a_slip_of_the_pen_is_told_in_every_mapping() {
    let source = Arc::new(Source { name: "f".to_owned(), text: EVERYTHING.to_owned() });
    let root = parse(&source).expect("it is YAML").pop().expect("it has a document");
    let request = request();
    let mut files = read;
    let mut cx = context::Cx::new(&request, &mut files);
    stack::stack(&mut cx, &root);
    let mut silent = Vec::new();
    for (path, known) in &cx.known {
        let own = known.iter().filter(|key| !key.starts_with("x-"));
        let meant = own.max_by_key(|key| key.len()).expect("each mapping has keys");
        let typo = format!("{}x", &meant[..meant.len() - 1]);
        let mut wrong = root.clone();
        let mapping = mapping_at(&mut wrong, path).unwrap_or_else(|| panic!("no `{path}`"));
        let key_span = Span { source: source.clone(), start: 0, end: 1 };
        let node = Node { value: Yaml::Bool(true), span: key_span.clone(), tag: None };
        mapping.insert(typo.clone(), Entry { key_span, node });
        let mut cx = context::Cx::new(&request, &mut files);
        stack::stack(&mut cx, &wrong);
        let told = cx.into_findings().0.iter().any(|finding| {
            finding.severity == Severity::Error
                && finding.message.contains(&format!("unknown key `{typo}`"))
                && finding.help.iter().any(|help| help.contains("did you mean `"))
        });
        if !told {
            silent.push(format!("`{typo}` in `{path}`"));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// The entries of the mapping at a path; of one that is not written out, none.
fn mapping_at<'n>(
    node: &'n mut Node,
    path: &str,
) -> Option<&'n mut indexmap::IndexMap<String, Entry>> {
    if path.is_empty() {
        let Yaml::Mapping(entries) = &mut node.value else { return None };
        return Some(entries);
    }
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        let Yaml::Sequence(items) = &mut node.value else { return None };
        let item = items.get_mut(index.parse::<usize>().ok()?)?;
        return mapping_at(item, rest.trim_start_matches('.'));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let Yaml::Mapping(entries) = &mut node.value else { return None };
    let entry = entries.get_mut(&path[..end])?;
    mapping_at(&mut entry.node, path[end..].trim_start_matches('.'))
}

type Properties = serde_json::Map<String, Value>;

/// The `properties` of all mappings that a path may lead to.
fn mappings<'s>(root: &'s Value, schema: &'s Value, path: &str) -> Vec<&'s Properties> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).expect("references lead somewhere");
        return mappings(root, target, path);
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return forms.iter().flat_map(|form| mappings(root, form, path)).collect();
    }
    if let Some(rest) = path.strip_prefix('[') {
        let rest = rest.split_once(']').map_or("", |(_, rest)| rest.trim_start_matches('.'));
        return if schema["items"].is_null() {
            Vec::new()
        } else {
            mappings(root, &schema["items"], rest)
        };
    }
    if path.is_empty() {
        return schema["properties"].as_object().into_iter().collect();
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (key, rest) = (&path[..end], path[end..].trim_start_matches('.'));
    let below = match &schema["properties"][key] {
        Value::Null => &schema["additionalProperties"],
        below => below,
    };
    mappings(root, below, rest)
}
