//! What is said about the whole stack, and what it becomes.

use serde_json::json;

use super::{decode_with, findings, project, request, shown};
use crate::config::canonical::{Secrets, value};
use crate::project::Project;

fn check(cases: &[(&str, &[&str])]) {
    for (yaml, expected) in cases {
        assert_eq!(findings(yaml), *expected, "{yaml}");
    }
}

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
        (None, "/", bare, Ok("default")),
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

#[test]
fn a_file_that_is_no_stack_is_refused() {
    check(&[
        (
            "[]",
            &[
                "1:1 `[]` error: the file must be a mapping, not a list; help: begin with `services:` and name one",
            ],
        ),
        (
            "text",
            &[
                "1:1 `text` error: the file must be a mapping, not text; help: begin with `services:` and name one",
            ],
        ),
        (
            "{}",
            &[
                "1:1 `{}` error: the file has no services; help: add one under `services:`, such as `db: {preset: postgres}`",
            ],
        ),
        (
            "services: ",
            &[
                "1:1 `services` error: the file has no services; help: add one under `services:`, such as `db: {preset: postgres}`",
            ],
        ),
        (
            "services: []",
            &[
                "1:11 `[]` error: `services` must be a mapping, not a list; help: write `NAME: value` lines, without a `-` before them",
            ],
        ),
        // Somebody wrote that there are none.
        ("services: {}", &[]),
        (
            "web: {image: x}",
            &["1:1 `web` error: unknown key `web`; help: move `web` under `services:`"],
        ),
        (
            "servces: {web: {image: x}}",
            &["1:1 `servces` error: unknown key `servces`; help: did you mean `services`?"],
        ),
        (
            "version: '3.8'\nservices: {web: {image: x}}",
            &["1:1 `version` warning: `version` has no meaning any more; help: remove the line"],
        ),
        (
            "name: My App\nservices: {web: {image: x}}",
            &[
                "1:7 `My App` warning: `My App` is not a valid project name and becomes `myapp`; help: write `myapp`",
            ],
        ),
    ]);
}

#[test]
fn wrong_services_say_what_is_wrong() {
    check(&[
        (
            "services: {web: }",
            &[
                "1:12 `web` error: the service `web` has neither `image` nor `build`; help: add `image:`, `build:` or `preset:`",
            ],
        ),
        (
            "services: {web: x}",
            &[
                "1:17 `x` error: `services.web` must be a mapping, not text; help: write `web: {image: x}`",
            ],
        ),
        (
            "services: {'my web': {image: x}}",
            &[
                "1:12 `'my web'` error: `my web` is not a valid service name: letters, digits, `.`, `-` and `_`",
            ],
        ),
        (
            "services: {web: {image: X}}",
            &[
                "1:25 `X` error: `X` is not a valid image reference: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]` with a lower-case name; help: write `x`",
            ],
        ),
        (
            "services: {web: {command: x}}",
            &[
                "1:12 `web` error: the service `web` has neither `image` nor `build`; help: add `image:`, `build:` or `preset:`",
            ],
        ),
    ]);
}

#[test]
fn wrong_sections_say_what_is_wrong() {
    check(&[
        (
            "services: {web: {image: x}}\nmodels: {m: {model: ai/x}}",
            &["2:1 `models` warning: `models` is not supported yet and is ignored"],
        ),
        (
            "services: {web: {image: x}}\nnetworks: [a]",
            &[
                "2:11 `[a]` error: `networks` must be a mapping, not a list; help: write `NAME: value` lines, without a `-` before them",
            ],
        ),
        (
            "services: {web: {image: x}}\nnetworks: {'a b': }",
            &[
                "2:12 `'a b'` error: `a b` is not a valid network name: letters, digits, `.`, `-` and `_`",
            ],
        ),
        (
            "services: {web: {image: x}}\nnetworks: {a: {drvier: bridge}}",
            &[
                "2:16 `drvier` error: unknown key `drvier` in `networks.a`; help: did you mean `driver`?",
            ],
        ),
        (
            "services: {web: {image: x}}\nnetworks: {a: {external: true, driver: bridge}}",
            &[
                "2:32 `driver` error: `networks.a.driver` has no effect on something external; 2:16 made outside of this project; help: remove one of the two",
            ],
        ),
        (
            "services: {web: {image: x}}\nnetworks: {a: {ipam: {config: [{subnet: 10.0.0.0}]}}}",
            &[
                "2:41 `10.0.0.0` error: `10.0.0.0` is not a range of addresses; help: write it like `172.28.0.0/16`",
            ],
        ),
        (
            "services: {web: {image: x}}\nvolumes: {a: {external: true, driver_opts: {a: b}}}",
            &[
                "2:31 `driver_opts` error: `volumes.a.driver_opts` has no effect on something external; 2:15 made outside of this project; help: remove one of the two",
            ],
        ),
        (
            "services: {web: {image: x}}\nvolumes: {a: {labls: [x]}}",
            &[
                "2:15 `labls` error: unknown key `labls` in `volumes.a`; help: did you mean `labels`?",
            ],
        ),
        (
            "services: {web: {image: x}}\nsecrets: {a: }",
            &["2:11 `a` error: `secrets.a` has no source; help: add `file:` or `environment:`"],
        ),
        (
            "services: {web: {image: x}}\nsecrets: {a: {file: x, environment: SET}}",
            &[
                "2:24 `environment` error: `secrets.a` has more than one source; 2:15 the other one; help: keep one of them",
            ],
        ),
        (
            "services: {web: {image: x}}\nsecrets: {a: {external: true}}",
            &[
                "2:15 `external` error: `secrets.a.external` is not supported yet; help: Swarm's secrets and configs do not exist on a single engine: use `file` or `environment`",
            ],
        ),
        (
            "services: {web: {image: x}}\nsecrets: {a: {content: x}}",
            &[
                "2:11 `a` error: `secrets.a` has no source; help: add `file:` or `environment:`",
                "2:15 `content` error: unknown key `content` in `secrets.a`; help: known are `name`, `file`, `environment`, `external`, `driver`, `driver_opts`, `labels`, `template_driver`",
            ],
        ),
        (
            "services: {web: {image: x}}\nsecrets: {a: {environment: UNSET}}",
            &[
                "2:28 `UNSET` warning: the variable `UNSET` is not set; help: set `UNSET` in `.env` or in the environment",
            ],
        ),
        (
            "services: {web: {image: x, secrets: [a]}}\nsecrets: {a: {environment: UNSET}}",
            &[
                "2:28 `UNSET` error: the variable `UNSET` is not set; help: set `UNSET` in `.env` or in the environment",
            ],
        ),
        (
            "services: {web: {image: x}}\nconfigs: {a: {file: x, content: y}}",
            &[
                "2:24 `content` error: `configs.a` has more than one source; 2:15 the other one; help: keep one of them",
            ],
        ),
        (
            "services: {web: {image: x}}\nconfigs: {a: {}}",
            &[
                "2:11 `a` error: `configs.a` has no source; help: add `file:`, `environment:` or `content:`",
            ],
        ),
    ]);
}

#[test]
fn circles_are_shown_whole() {
    check(&[
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}",
            &[
                "2:30 `b` error: services depend on each other in a circle: `a -> b -> a`; 3:30 `b` waits for `a`; help: remove one of these dependencies",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: {b: {}, d: {}}}\n  d: {image: x, depends_on: [a]}",
            &[
                "2:30 `b` error: services depend on each other in a circle: `a -> b -> c -> d -> a`; 3:30 `b` waits for `c`; 4:37 `c` waits for `d`; 5:30 `d` waits for `a`; help: remove one of these dependencies",
                "3:30 `c` error: services depend on each other in a circle: `b -> c -> b`; 4:30 `c` waits for `b`; help: remove one of these dependencies",
            ],
        ),
        (
            "services:\n  a: {image: x, network_mode: 'service:b'}\n  b: {image: x, depends_on: [a]}",
            &[
                "2:31 `'service:b'` error: services depend on each other in a circle: `a -> b -> a`; 3:30 `b` waits for `a`; help: remove one of these dependencies",
            ],
        ),
    ]);
}

#[test]
fn edges_need_something_at_the_other_end() {
    check(&[
        (
            "services:\n  a: {image: x, pid: 'service:c', ipc: 'service:b'}\n  b: {image: x}",
            &[
                "2:22 `'service:c'` error: the service `a` depends on the undefined service `c`; help: add `c:` under `services:`",
            ],
        ),
        (
            "services:\n  a: {image: x, network_mode: 'service:b', ports: ['80:80']}\n  b: {image: x}",
            &[
                "2:52 `'80:80'` error: a service in the network of `b` cannot publish ports; 2:31 the network; help: publish them at `b`",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n  b: {image: x}",
            &[
                "2:30 `b` warning: whether `b` is healthy is up to its image: the file does not say how to tell; 3:3 has neither `ready` nor `healthcheck`; help: add `ready:` to `b`, such as `ready: {tcp: PORT}`",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n  b: {image: x, healthcheck: {disable: true}}",
            &[
                "2:30 `b` error: `b` can never be healthy: its health check is switched off; 3:3 has no `ready`, and its `healthcheck` is off; help: add `ready:` to `b`, such as `ready: {tcp: PORT}`",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: [postgres]}\n  db: {image: x, aliases: [postgres]}",
            &[
                "2:30 `postgres` error: the service `a` depends on the undefined service `postgres`; help: did you mean `db`?",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, profiles: [dev]}",
            &[
                "2:30 `b` warning: the service `a` depends on `b`, which no active profile selects; 3:3 not selected; help: add `--profile dev`, or write `required: false`",
            ],
        ),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: 5",
            &[
                "3:6 `5` error: `services.b` must be a mapping, not text; help: write `b: {image: 5}`",
            ],
        ),
    ]);
}

#[test]
fn services_do_not_take_each_others_ports_and_names() {
    check(&[
        (
            "services:\n  a: {image: x, ports: ['8080:80']}\n  b: {image: x, ports: ['8080:90']}",
            &[
                "3:25 `'8080:90'` error: the services `a` and `b` both publish `127.0.0.1:8080/tcp`; 2:25 already `127.0.0.1:8080/tcp`; help: give one of them another port: `ports: [PORT:90]`",
            ],
        ),
        (
            "services:\n  a: {image: x, ports: ['8080:80']}\n  b: {image: x, ports: ['0.0.0.0:8080:90']}",
            &[
                "3:25 `'0.0.0.0:8080:90'` error: the services `a` and `b` both publish `0.0.0.0:8080/tcp`; 2:25 already `127.0.0.1:8080/tcp`; help: give one of them another port: `ports: [PORT:90]`",
            ],
        ),
        (
            "services:\n  a: {image: x, ports: ['[::1]:8080:80']}\n  b: {image: x, ports: ['[::]:8080:80', '127.0.0.2:8080:80']}",
            &[
                "3:25 `'[::]:8080:80'` error: the services `a` and `b` both publish `[::]:8080/tcp`; 2:25 already `[::1]:8080/tcp`; help: give one of them another port: `ports: [PORT:80]`",
            ],
        ),
        (
            "services:\n  a: {image: x, container_name: one}\n  b: {image: x, container_name: one}",
            &[
                "3:33 `one` error: two services have the container name `one`; 2:33 the first one; help: choose another name for one of them",
            ],
        ),
        (
            "services:\n  a: {image: x, aliases: [b]}\n  b: {image: x}",
            &[
                "2:26 `[b]` error: the alias `b` of `a` already means the service `b`; help: choose another alias",
            ],
        ),
        (
            "services:\n  a: {image: x, aliases: [c]}\n  b: {image: x, aliases: [c]}",
            &[
                "3:26 `[c]` error: the alias `c` of `b` already means the service `a`; help: choose another alias",
            ],
        ),
    ]);
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    check(&[
        (
            "services:\n  a: {image: x, env_file: none.env, profiles: [dev]}\n  b: {image: x}",
            &[
                "2:27 `none.env` warning: the file `none.env` does not exist; help: create it, or write `{path: FILE, required: false}`",
            ],
        ),
        (
            "services:\n  a: {image: X, ports: [x], volumes: [y], healthchek: {}, depends_on: [c]}\n  b: {command: z}\nfoo: bar",
            &[
                "2:14 `X` error: `X` is not a valid image reference: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]` with a lower-case name; help: write `x`",
                "2:25 `x` error: `x` is not a port number: write 1 to 65535; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
                "2:39 `y` error: `y` is not an absolute path; help: a path in a container begins with `/`",
                "2:43 `healthchek` error: unknown key `healthchek` in `services.a`; help: did you mean `healthcheck`?",
                "2:72 `c` error: the service `a` depends on the undefined service `c`; help: add `c:` under `services:`",
                "3:3 `b` error: the service `b` has neither `image` nor `build`; help: add `image:`, `build:` or `preset:`",
                "4:1 `foo` error: unknown key `foo`; help: a key of your own begins with `x-`",
            ],
        ),
    ]);
}
