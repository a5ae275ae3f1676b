use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::config::decode::{DecodeRequest, decode};
use crate::config::diagnostic::{Diagnostics, Source};
use crate::config::environment::Environment;
use crate::config::interpolate::interpolate;
use crate::config::parse::parse;

const EVERYTHING: &str = r#"
name: p
services:
  web:
    image: example.org/team/web:1
    build: {context: ., args: {TOKEN: t, B: }, extra_hosts: ['h=10.0.0.1']}
    command: [run, --password, pw, --key=k, 'a $$HOME']
    entrypoint: sh -c "echo $${X}"
    environment: {A: '1', B: , API_KEY: k, URL: 'redis://:pw@h/0', EMPTY_TOKEN: ''}
    ports: ['80:80', '9000-9001:9000-9001/udp', '7000-7010:70', '5000']
    volumes: ['data:/data:ro', './src:/src:z', '/anonymous', {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0644}}]
    tmpfs: /run
    networks: {front: , back: {aliases: [x], ipv4_address: 10.1.0.7}}
    extra_hosts: {h: [10.0.0.1, '::1']}
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, check, --token, t], interval: 1m30s}
    pre_start: [{command: [migrate, --password, pw], environment: {API_KEY: k}, image: tools, per_replica: true}]
    post_start: [{command: [seed], environment: {API_KEY: k}}]
    secrets: [{source: token, mode: 0440}]
    configs: [site]
    ulimits: {nofile: {soft: 1, hard: 2}}
    devices: [/dev/null]
    logging: {driver: local}
    restart: on-failure:3
    deploy: {resources: {limits: {cpus: '0.5', memory: 64m}}}
    aliases: [www]
    urls: {app: 'http://u:{API_KEY}@{address:80}/'}
    ready:
      http: {port: 80, path: '/{A}', body: '{{A}}'}
      postgres: {password: pw}
      redis: {password: pw}
      amqp: {}
      tcp: 81
      log: {pattern: '{"a":1}', stream: stderr}
      exec: [a, b]
      healthcheck: true
      timeout: 90s
  db: {image: db, ready: {tcp: 1}, network_mode: none, scale: 2}
networks:
  front:
  back: {internal: true, ipam: {config: [{subnet: 10.1.0.0/16}]}}
volumes: {data: {labels: {a: b}}}
secrets: {token: {environment: SECRET_VALUE}}
configs: {site: {content: "hello $${X}\n"}}
"#;

fn project(text: &str) -> Project {
    let source = Arc::new(Source { name: "devstack.yaml".to_owned(), text: text.to_owned() });
    let request = DecodeRequest {
        project_dir: PathBuf::from("/p"),
        environment: Environment::from_process([("SECRET_VALUE".to_owned(), "hush".to_owned())]),
        ..DecodeRequest::default()
    };
    let mut root = parse(&source).expect("it is YAML").pop().expect("it has a document");
    interpolate(&mut root, &request.environment, &mut Diagnostics::default());
    let decoded = decode(&root, &request, &mut |_| Err(io::ErrorKind::NotFound.into()));
    let (project, warnings) = decoded.expect("it is valid");
    assert_eq!(warnings.0.len(), 0, "{warnings:?}");
    project
}

#[test]
fn what_is_written_reads_as_the_same_project() {
    let original = project(EVERYTHING);
    for format in [Format::Yaml, Format::Json] {
        let text = canonical(&original, format, Secrets::Shown);
        assert_eq!(project(&text), original, "{text}");
    }
}

#[test]
fn the_canonical_form_is_composes() {
    insta::assert_snapshot!(canonical(&project(EVERYTHING), Format::Yaml, Secrets::Shown));
}

#[test]
fn secrets_are_hidden_unless_asked_for() {
    let value = value(&project(EVERYTHING), Secrets::Redacted);
    let web = &value["services"]["web"];
    assert_eq!(web["build"]["args"], json!({ "TOKEN": "***" }));
    assert_eq!(
        web["environment"],
        json!({ "A": "1", "B": null, "API_KEY": "***", "URL": "redis://:***@h/0", "EMPTY_TOKEN": "" })
    );
    assert_eq!(web["command"], json!(["run", "--password", "***", "--key=***", "a $HOME"]));
    assert_eq!(web["healthcheck"]["test"], json!(["CMD", "check", "--token", "***"]));
    assert_eq!(web["pre_start"][0]["command"], json!(["migrate", "--password", "***"]));
    for hooks in ["pre_start", "post_start"] {
        assert_eq!(web[hooks][0]["environment"], json!({ "API_KEY": "***" }));
    }
    let own = &web["x-devstack"];
    assert_eq!(own["urls"], json!({ "app": "http://u:***@{address:80}/" }));
    assert_eq!(own["ready"]["postgres"]["password"], json!("***"));
    assert_eq!(own["ready"]["redis"]["password"], json!("***"));
    assert_eq!(own["ready"]["amqp"]["password"], json!("***"));
    assert_eq!(
        value["secrets"]["token"],
        json!({ "name": "p_token", "environment": "SECRET_VALUE" })
    );
    assert_eq!(value["configs"]["site"], json!({ "name": "p_site", "content": "***" }));
}
