//! What is said about the whole stack, and what it becomes.

use serde_json::json;

use super::{decode_with, project, request, shown};
use crate::config::canonical::{Secrets, value};
use crate::project::Project;

fn names(project: &Project) -> (Vec<&str>, Vec<&str>) {
    let on = project.services.keys().map(AsRef::as_ref).collect();
    (on, project.disabled_services.keys().map(AsRef::as_ref).collect())
}

#[test]
fn the_name_comes_from_the_request_the_file_or_the_folder() {
    let file = "name: file\nservices: {web: {image: x}}";
    let bare = "services: {web: {image: x}}";
    let cases = [
        (Some("given"), "/p", file, Ok("given")),
        (None, "/p", file, Ok("file")),
        (None, "/a/My App", bare, Ok("myapp")),
        (None, "/a/日本", bare, Ok("stack-cf2abf0c")),
        (
            Some("My App"),
            "/p",
            bare,
            Err(
                "error: `My App` is not a valid project name: lower-case letters, digits, `-` and `_`, beginning with a letter or digit; help: it comes from `--project-name` or `COMPOSE_PROJECT_NAME`",
            ),
        ),
    ];
    for (given, dir, yaml, expected) in cases {
        let mut request = request();
        request.project_name = given.map(ToOwned::to_owned);
        request.project_dir = dir.into();
        let decoded = decode_with(yaml, &request)
            .map(|(project, _)| project.name.to_string())
            .map_err(|findings| shown(&findings).join("\n"));
        assert_eq!(decoded.as_deref().map_err(String::as_str), expected, "{given:?} {dir}");
    }
}

#[test]
fn resources_are_named_after_the_project_and_unused_networks_are_dropped() {
    let project = project(
        "name: p\n\
         services:\n  web: {image: x, networks: [a, ext], volumes: ['data:/d', 'mine:/m', 'ext:/e'], secrets: [s, e], configs: [c]}\n  API: {build: ./api}\n\
         networks: {a: {driver: bridge, internal: true, labels: [l=1]}, ext: {external: true}, b: }\n\
         volumes: {data: , mine: {name: my-data}, ext: {external: {name: other}}}\n\
         secrets: {s: {file: ./s}, e: {environment: SET}}\n\
         configs: {c: {content: hello, name: cc}}",
    );
    let value = value(&project, Secrets::Shown);
    assert_eq!(
        value,
        json!({
            "name": "p",
            "services": {
                "web": {
                    "image": "x",
                    "networks": { "a": null, "ext": null },
                    "volumes": [
                        { "type": "volume", "source": "data", "target": "/d" },
                        { "type": "volume", "source": "mine", "target": "/m" },
                        { "type": "volume", "source": "ext", "target": "/e" },
                    ],
                    "secrets": [
                        { "source": "s", "target": "/run/secrets/s" },
                        { "source": "e", "target": "/run/secrets/e" },
                    ],
                    "configs": [{ "source": "c", "target": "/c" }],
                },
                "API": {
                    "image": "p-api",
                    "build": { "context": "/p/api", "dockerfile": "Dockerfile" },
                    "networks": { "default": null },
                },
            },
            "networks": {
                "a": { "name": "p_a", "driver": "bridge", "internal": true, "labels": { "l": "1" } },
                "ext": { "name": "ext", "external": true },
                "default": { "name": "p_default" },
            },
            "volumes": {
                "data": { "name": "p_data" },
                "mine": { "name": "my-data" },
                "ext": { "name": "other", "external": true },
            },
            "secrets": {
                "s": { "name": "p_s", "file": "/p/s" },
                "e": { "name": "p_e", "environment": "SET" },
            },
            "configs": { "c": { "name": "cc", "content": "hello" } },
        })
    );
}

#[test]
fn networks_take_addresses_and_options() {
    let project = project(
        "name: p\nservices: {web: {image: x}}\n\
         networks:\n  default:\n    name: n\n    driver: bridge\n    driver_opts: {a: 1}\n    attachable: true\n    enable_ipv6: true\n    \
         ipam: {driver: default, config: [{subnet: 10.1.0.0/16, ip_range: 10.1.1.0/24, gateway: 10.1.0.1, aux_addresses: {h: 10.1.0.5}}]}",
    );
    assert_eq!(
        value(&project, Secrets::Shown)["networks"]["default"],
        json!({
            "name": "n", "driver": "bridge", "driver_opts": { "a": "1" }, "attachable": true,
            "enable_ipv6": true,
            "ipam": { "driver": "default", "config": [{
                "subnet": "10.1.0.0/16", "ip_range": "10.1.1.0/24", "gateway": "10.1.0.1",
                "aux_addresses": { "h": "10.1.0.5" },
            }] },
        })
    );
}

#[test]
fn dependencies_have_a_list_a_mapping_and_what_namespaces_imply() {
    let others = "  b: {image: x, ready: {tcp: 1}}\n  c: {image: x}";
    let edge = |condition: &str, restart: bool, required: bool| {
        let mut edge = json!({ "condition": condition });
        if restart {
            edge["restart"] = json!(true);
        }
        edge["required"] = json!(required);
        edge
    };
    let started = edge("service_started", false, true);
    let implied = edge("service_started", true, true);
    let cases = [
        ("depends_on: [b, c]", json!({ "b": started, "c": started })),
        ("depends_on: {b: , c: {}}", json!({ "b": started, "c": started })),
        (
            "depends_on: {b: {condition: service_healthy, restart: true}, c: {condition: service_completed_successfully, required: false}}",
            json!({
                "b": edge("service_healthy", true, true),
                "c": edge("service_completed_successfully", false, false),
            }),
        ),
        ("links: [b]", json!({ "b": implied })),
        ("network_mode: 'service:b'", json!({ "b": implied })),
        ("pid: 'service:b', ipc: 'service:c'", json!({ "b": implied, "c": implied })),
        (
            "network_mode: 'service:b', depends_on: {b: {condition: service_healthy}}",
            json!({ "b": edge("service_healthy", false, true) }),
        ),
    ];
    for (part, expected) in cases {
        let project = project(&format!("services:\n  a: {{image: x, {part}}}\n{others}"));
        let value = value(&project, Secrets::Shown);
        assert_eq!(value["services"]["a"]["depends_on"], expected, "{part}");
    }
}

#[test]
fn profiles_select_services() {
    let yaml = "services:\n  a: {image: x}\n  b: {image: x, profiles: [dev]}\n  \
                c: {image: x, profiles: [test, dev]}\n  \
                d: {image: x, profiles: [x], depends_on: {b: {required: false}}}";
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (&[], &["a"], &["b", "c", "d"]),
        (&["dev"], &["a", "b", "c"], &["d"]),
        (&["x", "none"], &["a", "d"], &["b", "c"]),
        (&["*"], &["a", "b", "c", "d"], &[]),
    ];
    for (profiles, on, off) in cases {
        let mut request = request();
        request.profiles = profiles.iter().map(ToString::to_string).collect();
        let (project, warnings) = decode_with(yaml, &request).expect("it is valid");
        assert_eq!(shown(&warnings), Vec::<String>::new());
        assert_eq!(names(&project), (on.to_vec(), off.to_vec()), "{profiles:?}");
    }
}

#[test]
fn services_that_are_off_may_share_ports_and_names() {
    let project = project(
        "services:\n  a: {image: x, ports: ['80:80'], container_name: one}\n  \
         b: {image: x, ports: ['80:80'], container_name: one, profiles: [other]}",
    );
    assert_eq!(names(&project), (vec!["a"], vec!["b"]));
}

#[test]
fn one_port_may_have_two_addresses_or_protocols() {
    project(
        "services:\n  a: {image: x, ports: ['80:80', '80:80/udp']}\n  \
         b: {image: x, ports: ['127.0.0.2:80:80', '[::1]:80:80', '80']}",
    );
}

#[test]
fn a_long_chain_is_no_circle() {
    use std::fmt::Write as _;
    let mut yaml = "services:\n  s0: {image: x}\n".to_owned();
    for index in 1..2000 {
        let _ = writeln!(yaml, "  s{index}: {{image: x, depends_on: [s{}, s0]}}", index - 1);
    }
    assert_eq!(project(&yaml).services.len(), 2000);
}
