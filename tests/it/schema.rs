//! The JSON schema takes what devstack takes, and refuses what nobody reads.

use std::path::Path;
use std::sync::Arc;

use devstack::config::diagnostic::Source;
use devstack::config::node::{Node, Value as Yaml};
use devstack::config::parse::parse;
use devstack::config::schema::TEXT;
use serde_json::{Number, Value};

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(TEXT).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
}

fn documents(name: &str, text: &str) -> Vec<Value> {
    let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
    let documents = parse(&source).unwrap_or_else(|found| panic!("{name}: {found:?}"));
    documents.iter().map(json).collect()
}

/// A document as an editor's language server sees it: not interpolated.
fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Int { value, .. } => (*value).into(),
        Yaml::Float { value, .. } => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Yaml::String { text, .. } => text.as_str().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            entries.iter().map(|(key, entry)| (key.clone(), json(&entry.node))).collect()
        }
    }
}

#[test]
fn good_files_are_valid() {
    let schema = schema();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = std::fs::read_dir(root.join("tests/corpus")).expect("the corpus is there");
    let corpus = corpus.map(|entry| entry.expect("a readable entry").path());
    let mut files: Vec<_> = corpus
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .chain([root.join("devstack.yaml"), root.join("tests/images/compose.yaml")])
        .collect();
    files.sort();
    assert!(files.len() > 50, "{} files", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file of the corpus");
        for document in documents(&file.display().to_string(), &text) {
            let errors: Vec<String> = schema
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {}", file.display(), errors.join("\n"));
        }
    }
}

#[test]
fn wrong_files_are_not() {
    let schema = schema();
    for text in [
        "servces: {}",
        "services: {a: {imgae: a}}",
        "services: {a: {build: {contxt: .}}}",
        "services: {a: {ports: [{publish: 80}]}}",
        "services: {a: {ports: 80}}",
        "services: {a: {volumes: [{typ: bind}]}}",
        "services: {a: {healthcheck: {command: a}}}",
        "services: {a: {ready: {tpc: 80}}}",
        "services: {a: {preset: postgress}}",
        "services: {a: {depends_on: {b: {condition: healthy}}}}",
        "services: {a: nginx}",
        "services: [a]",
        "networks: {a: {drivr: bridge}}",
        "volumes: {a: {drivr: local}}",
        "secrets: {a: {path: a}}",
        "configs: {a: {path: a}}",
    ] {
        for document in documents("wrong", text) {
            assert!(!schema.is_valid(&document), "{text}");
        }
    }
}
