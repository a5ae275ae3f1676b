use std::sync::Arc;

use super::super::diagnostic::Source;
use super::super::parse::parse;
use super::*;

const COMPOSE: MergeOptions = MergeOptions { ports_replace_by_target: false };
const DEVSTACK: MergeOptions = MergeOptions { ports_replace_by_target: true };

fn read(name: &str, text: &str) -> Node {
    let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
    match parse(&source) {
        Ok(mut documents) => documents.remove(0),
        Err(found) => panic!("{text}: {found:?}"),
    }
}

/// Flow style, so that one case is one line.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, entry)| format!("{key}: {}", show(&entry.node)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => node.scalar_text().map_or_else(String::new, str::to_owned),
    }
}

fn merged(base: &str, over: &str, options: MergeOptions) -> (String, Diagnostics) {
    let mut found = Diagnostics::default();
    let mut root = merge(read("base", base), read("over", over), options, &mut found);
    settle(&mut root);
    (show(&root), found)
}

/// Each case is a key of one service: below, above, merged.
fn check_service(options: MergeOptions, cases: &[(&str, &str, &str)]) {
    for (base, over, expected) in cases {
        let wrap = |text: &str| format!("{{services: {{web: {{{text}}}}}}}");
        let (result, found) = merged(&wrap(base), &wrap(over), options);
        assert_eq!(result, wrap(expected), "{base} <- {over}");
        assert_eq!(found.0.len(), 0, "{base} <- {over}: {found:?}");
    }
}

#[test]
fn mappings_merge_scalars_replace_and_lists_append() {
    for (base, over, expected) in [
        ("{a: 1}", "{b: 2}", "{a: 1, b: 2}"),
        ("{a: 1, b: 1}", "{a: 2}", "{a: 2, b: 1}"),
        ("{a: {x: 1}}", "{a: {y: 2}}", "{a: {x: 1, y: 2}}"),
        ("{x-a: [1]}", "{x-a: [2]}", "{x-a: [1, 2]}"),
        ("{a: 1}", "{a: {x: 1}}", "{a: {x: 1}}"),
        ("{a: {x: 1}}", "{a: 1}", "{a: 1}"),
        ("{a: 1}", "{a: ~}", "{a: 1}"),
        ("{a: {x: 1}}", "{a: ~}", "{a: {x: 1}}"),
        ("{a: ~}", "{a: {x: 1}}", "{a: {x: 1}}"),
        ("{name: one}", "{name: two}", "{name: two}"),
        (
            "{services: {a: {image: x}}}",
            "{services: {b: {image: y}}}",
            "{services: {a: {image: x}, b: {image: y}}}",
        ),
        ("{services: {a: {image: x}}}", "{services: {a: ~}}", "{services: {a: {image: x}}}"),
        ("{volumes: {v: ~}}", "{volumes: {v: {name: n}}}", "{volumes: {v: {name: n}}}"),
        (
            "{networks: {n: {labels: [a=1]}}}",
            "{networks: {n: {labels: {b: 2}}}}",
            "{networks: {n: {labels: {a: 1, b: 2}}}}",
        ),
        (
            "{networks: {n: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}}",
            "{networks: {n: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}, {subnet: 10.1.0.0/24}]}}}}",
            "{networks: {n: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}, {subnet: 10.1.0.0/24}]}}}}",
        ),
    ] {
        let (result, found) = merged(base, over, COMPOSE);
        assert_eq!(result, expected, "{base} <- {over}");
        assert_eq!(found.0.len(), 0, "{base} <- {over}");
    }
}

#[test]
fn commands_are_replaced() {
    check_service(
        COMPOSE,
        &[
            ("command: [a, b]", "command: [c]", "command: [c]"),
            ("command: a b", "command: [c]", "command: [c]"),
            ("entrypoint: [a]", "entrypoint: b", "entrypoint: b"),
            ("command: [a]", "command: []", "command: []"),
            ("command: [a]", "command: ~", "command: [a]"),
            (
                "healthcheck: {test: [CMD, a], retries: 3}",
                "healthcheck: {test: [CMD, b]}",
                "healthcheck: {test: [CMD, b], retries: 3}",
            ),
            ("ready: {tcp: 80}", "ready: {http: /up}", "ready: {http: /up}"),
            ("ready: {tcp: 80}", "ready: {timeout: 9s}", "ready: {tcp: 80, timeout: 9s}"),
            ("ready: {tcp: 80, timeout: 9s}", "ready: healthcheck", "ready: healthcheck"),
            (
                "post_start: [{command: a}]",
                "post_start: [{command: b}]",
                "post_start: [{command: a}, {command: b}]",
            ),
            (
                "pre_start: [{command: a, image: i}]",
                "pre_start: [{command: b}]",
                "pre_start: [{command: a, image: i}, {command: b}]",
            ),
        ],
    );
}

#[test]
fn keys_and_values_merge_per_key_in_whichever_form() {
    check_service(
        COMPOSE,
        &[
            ("environment: {A: 1}", "environment: {A: 2, B: 3}", "environment: {A: 2, B: 3}"),
            ("environment: [A=1, B=1]", "environment: [A=2]", "environment: {A: 2, B: 1}"),
            ("environment: [A=1]", "environment: {B: 2}", "environment: {A: 1, B: 2}"),
            ("environment: {A: 1}", "environment: [B=2]", "environment: {A: 1, B: 2}"),
            ("environment: {A: 1}", "environment: [A]", "environment: {A: ~}"),
            ("environment: {A: 1}", "environment: {A: ~}", "environment: {A: ~}"),
            ("environment: [A]", "environment: [A=x=y]", "environment: {A: x=y}"),
            ("environment: [A=1]", "environment: [A=]", "environment: {A: }"),
            ("environment: [A=1]", "environment: ~", "environment: [A=1]"),
            ("labels: [a.b=1]", "labels: {a.b: 2}", "labels: {a.b: 2}"),
            ("sysctls: {a: 1}", "sysctls: [b=2]", "sysctls: {a: 1, b: 2}"),
            ("annotations: [a=1]", "annotations: [b=2]", "annotations: {a: 1, b: 2}"),
            ("deploy: {labels: [a=1]}", "deploy: {labels: {a: 2}}", "deploy: {labels: {a: 2}}"),
            ("build: {args: [A=1]}", "build: {args: {B: 2}}", "build: {args: {A: 1, B: 2}}"),
            ("build: {labels: [A=1]}", "build: {labels: [A=2]}", "build: {labels: {A: 2}}"),
            ("extra_hosts: ['a:1.1.1.1']", "extra_hosts: [a=2.2.2.2]", "extra_hosts: {a: 2.2.2.2}"),
            (
                "extra_hosts: ['a:1', 'a:2']",
                "extra_hosts: ['b:::1']",
                "extra_hosts: {a: [1, 2], b: ::1}",
            ),
            ("extra_hosts: {a: 1}", "extra_hosts: ['a:2', 'a:3']", "extra_hosts: {a: [2, 3]}"),
        ],
    );
}

#[test]
fn lists_of_names_become_mappings() {
    check_service(
        COMPOSE,
        &[
            (
                "depends_on: [a]",
                "depends_on: [b]",
                "depends_on: {a: {condition: service_started, required: true}, b: {condition: service_started, required: true}}",
            ),
            (
                "depends_on: [a]",
                "depends_on: {a: {condition: service_healthy}}",
                "depends_on: {a: {condition: service_healthy, required: true}}",
            ),
            (
                "depends_on: {a: {condition: service_healthy, restart: true}}",
                "depends_on: [a]",
                "depends_on: {a: {condition: service_started, restart: true, required: true}}",
            ),
            ("networks: [a]", "networks: [b]", "networks: {a: ~, b: ~}"),
            ("networks: [a]", "networks: {a: {aliases: [x]}}", "networks: {a: {aliases: [x]}}"),
            ("networks: {a: {aliases: [x]}}", "networks: [a]", "networks: {a: {aliases: [x]}}"),
            (
                "networks: {a: {aliases: [x, y]}}",
                "networks: {a: {aliases: [y, z]}}",
                "networks: {a: {aliases: [x, y, z]}}",
            ),
            ("models: [m]", "models: {m: {endpoint_var: U}}", "models: {m: {endpoint_var: U}}"),
        ],
    );
}

#[test]
fn a_build_context_merges_with_a_build_mapping() {
    check_service(
        COMPOSE,
        &[
            ("build: a", "build: b", "build: {context: b}"),
            ("build: a", "build: {target: dev}", "build: {context: a, target: dev}"),
            ("build: {context: a, target: x}", "build: b", "build: {context: b, target: x}"),
        ],
    );
}

#[test]
fn volumes_are_unique_by_target() {
    check_service(
        COMPOSE,
        &[
            ("volumes: ['a:/x']", "volumes: ['b:/x']", "volumes: [b:/x]"),
            ("volumes: ['a:/x', 'c:/z']", "volumes: ['b:/x:ro']", "volumes: [b:/x:ro, c:/z]"),
            ("volumes: ['a:/x']", "volumes: ['a:/y']", "volumes: [a:/x, a:/y]"),
            ("volumes: ['a:/x']", "volumes: [/x/]", "volumes: [/x/]"),
            (
                "volumes: ['a:/x']",
                "volumes: [{type: bind, source: ., target: /x}]",
                "volumes: [{type: bind, source: ., target: /x}]",
            ),
            ("volumes: ['v:/x']", "volumes: ['w:/x']", "volumes: [w:/x]"),
            ("volumes: ['C:\\a:/x']", "volumes: ['D:/b:/x:ro']", "volumes: [D:/b:/x:ro]"),
        ],
    );
}

#[test]
fn other_lists_are_unique_by_what_they_are_about() {
    check_service(
        COMPOSE,
        &[
            ("devices: ['/a:/x']", "devices: ['/b:/x:r']", "devices: [/b:/x:r]"),
            ("devices: [/x]", "devices: ['/b:/x']", "devices: [/b:/x]"),
            ("devices: ['/x:rwm']", "devices: [/x]", "devices: [/x]"),
            (
                "secrets: [s]",
                "secrets: [{source: s, mode: 0400}]",
                "secrets: [{source: s, mode: 0400}]",
            ),
            (
                "secrets: [s]",
                "secrets: [{source: t, target: /run/secrets/s}]",
                "secrets: [{source: t, target: /run/secrets/s}]",
            ),
            ("secrets: [s]", "secrets: [t]", "secrets: [s, t]"),
            (
                "configs: [c]",
                "configs: [{source: d, target: /c}]",
                "configs: [{source: d, target: /c}]",
            ),
            ("expose: [80]", "expose: [80/tcp, 80/udp]", "expose: [80/tcp, 80/udp]"),
            ("profiles: [a, b]", "profiles: [b, c]", "profiles: [a, b, c]"),
            ("cap_add: [A]", "cap_add: [A, B]", "cap_add: [A, B]"),
            ("dns: 1.1.1.1", "dns: [1.1.1.1, 8.8.8.8]", "dns: [1.1.1.1, 8.8.8.8]"),
            ("dns: 1.1.1.1", "dns: 8.8.8.8", "dns: [1.1.1.1, 8.8.8.8]"),
            ("tmpfs: /run", "tmpfs: ['/run:size=1m', /tmp]", "tmpfs: [/run:size=1m, /tmp]"),
            ("env_file: a.env", "env_file: [b.env]", "env_file: [a.env, b.env]"),
            (
                "env_file: [a.env, b.env]",
                "env_file: [{path: a.env, required: false}]",
                "env_file: [{path: a.env, required: false}, b.env]",
            ),
        ],
    );
}

#[test]
fn ports_add_up_in_compose_files() {
    check_service(
        COMPOSE,
        &[
            ("ports: ['8080:80']", "ports: ['8081:81']", "ports: [8080:80, 8081:81]"),
            ("ports: ['8080:80']", "ports: ['8080:80/tcp']", "ports: [8080:80/tcp]"),
            ("ports: ['8080:80']", "ports: ['8080:80/udp']", "ports: [8080:80, 8080:80/udp]"),
            (
                "ports: ['127.0.0.1:8080:80']",
                "ports: ['8080:80']",
                "ports: [127.0.0.1:8080:80, 8080:80]",
            ),
            (
                "ports: ['[::1]:8080:80']",
                "ports: [{target: 80, published: '8080', host_ip: '::1'}]",
                "ports: [{target: 80, published: 8080, host_ip: ::1}]",
            ),
            ("ports: [80]", "ports: ['80']", "ports: [80]"),
            (
                "ports: ['8080:80']",
                "ports: [{target: 80, published: 8080}]",
                "ports: [{target: 80, published: 8080}]",
            ),
        ],
    );
}

#[test]
fn a_port_that_an_override_of_a_compose_file_adds_to_itself_is_told() {
    let wrap = |ports: &str| format!("services: {{web: {{ports: {ports}}}}}");
    for (base, over, merged_ports, told) in [
        ("['8080:80']", "['8081:80']", "[8080:80, 8081:80]", true),
        ("[80]", "['8081:80']", "[80, 8081:80]", true),
        (
            "['8080:80', '90:90']",
            "[{target: 80, published: 1}]",
            "[8080:80, 90:90, {target: 80, published: 1}]",
            true,
        ),
        // Beside each other in one file they are meant.
        ("['8080:80', '8081:80']", "['90:90']", "[8080:80, 8081:80, 90:90]", false),
        ("['127.0.0.1:80:80']", "['[::1]:80:80']", "[127.0.0.1:80:80, [::1]:80:80]", false),
        ("['8080:80']", "['8080:80/udp']", "[8080:80, 8080:80/udp]", false),
        ("['8080:80']", "!override ['8081:80']", "[8081:80]", false),
    ] {
        let (result, found) = merged(&wrap(base), &wrap(over), COMPOSE);
        assert_eq!(result, format!("{{services: {{web: {{ports: {merged_ports}}}}}}}"));
        assert_eq!(found.0.len(), usize::from(told), "{base} <- {over}: {found:?}");
        for finding in &found.0 {
            let files = finding.primary.iter().chain(&finding.secondary);
            let files: Vec<_> = files.map(|label| label.span.source.name.as_str()).collect();
            assert_eq!(files, ["over", "base"], "both lines are named");
            assert_eq!(finding.severity, crate::config::diagnostic::Severity::Warning);
        }
        assert_eq!(merged(&wrap(base), &wrap(over), DEVSTACK).1.0.len(), 0, "{base} <- {over}");
    }
}

#[test]
fn ports_replace_by_target_in_devstack_files() {
    check_service(
        DEVSTACK,
        &[
            ("ports: ['8080:80']", "ports: ['8081:80']", "ports: [8081:80]"),
            ("ports: ['8080:80', '9000:90']", "ports: ['8081:80']", "ports: [9000:90, 8081:80]"),
            ("ports: ['8080:80']", "ports: ['8081:80', '8082:80']", "ports: [8081:80, 8082:80]"),
            ("ports: ['8080:80']", "ports: ['8081:80/udp']", "ports: [8080:80, 8081:80/udp]"),
            (
                "ports: [80]",
                "ports: [{target: 80, published: 1}]",
                "ports: [{target: 80, published: 1}]",
            ),
        ],
    );
}

#[test]
fn logging_options_hold_for_their_driver() {
    check_service(
        COMPOSE,
        &[
            (
                "logging: {driver: local, options: {a: 1}}",
                "logging: {driver: local, options: {b: 2}}",
                "logging: {driver: local, options: {a: 1, b: 2}}",
            ),
            (
                "logging: {driver: local, options: {a: 1}}",
                "logging: {options: {b: 2}}",
                "logging: {driver: local, options: {a: 1, b: 2}}",
            ),
            (
                "logging: {options: {a: 1}}",
                "logging: {driver: syslog}",
                "logging: {options: {a: 1}, driver: syslog}",
            ),
            (
                "logging: {driver: local, options: {a: 1}}",
                "logging: {driver: syslog}",
                "logging: {driver: syslog}",
            ),
        ],
    );
}

#[test]
fn reset_removes_and_override_replaces() {
    check_service(
        COMPOSE,
        &[
            ("image: a, ports: ['1:1']", "ports: !reset []", "image: a"),
            ("image: a", "ports: !reset ['1:1']", "image: a"),
            ("image: a, ports: !reset []", "user: u", "image: a, user: u"),
            ("ports: ['1:1']", "ports: !override ['2:2']", "ports: [2:2]"),
            ("ports: !override ['1:1']", "ports: ['2:2']", "ports: [1:1, 2:2]"),
            ("environment: {A: 1, B: 2}", "environment: {A: !reset ~}", "environment: {B: 2}"),
            ("environment: [A=1, B=2]", "environment: {A: !reset ~}", "environment: {B: 2}"),
            ("environment: {A: 1}", "environment: !override {B: 2}", "environment: {B: 2}"),
            ("build: {context: a, args: {X: 1}}", "build: !override b", "build: b"),
            (
                "depends_on: {a: {condition: service_healthy}}",
                "depends_on: {a: !reset ~}",
                "depends_on: {}",
            ),
            (
                "healthcheck: {test: a, retries: 1}",
                "healthcheck: !override {disable: true}",
                "healthcheck: {disable: true}",
            ),
        ],
    );
    let (result, _) =
        merged("{services: {a: {image: x}, b: {image: y}}}", "{services: {a: !reset ~}}", COMPOSE);
    assert_eq!(result, "{services: {b: {image: y}}}");
}

#[test]
fn merging_in_steps_keeps_resets_for_what_lies_below() {
    // preset <- base <- override: the base's tags hold for the preset, whatever the override adds.
    for (preset, base, over, expected) in [
        ("{ports: ['1:1']}", "{ports: !reset []}", "{ports: ['2:2']}", "{ports: [2:2]}"),
        (
            "{ports: ['1:1']}",
            "{ports: !override ['2:2']}",
            "{ports: ['3:3']}",
            "{ports: [2:2, 3:3]}",
        ),
        ("{ports: ['1:1'], image: a}", "{ports: !reset []}", "{user: u}", "{image: a, user: u}"),
    ] {
        let mut found = Diagnostics::default();
        let upper = merge_service(read("base", base), read("over", over), COMPOSE, &mut found);
        let mut all = merge_service(read("preset", preset), upper, COMPOSE, &mut found);
        settle(&mut all);
        assert_eq!(show(&all), expected, "{preset} <- {base} <- {over}");
    }
}

#[test]
fn a_merged_value_points_at_the_text_that_won() {
    let mut found = Diagnostics::default();
    let root = merge(
        read("base", "{services: {web: {image: a, environment: [A=1, B=2]}}}"),
        read("over", "{services: {web: {image: b, environment: [B=3]}}}"),
        COMPOSE,
        &mut found,
    );
    let web = root.get("services").and_then(|services| services.node.get("web")).expect("merged");
    let place = |entry: &Entry| {
        let span = &entry.node.span;
        format!("{}:{}", span.source.name, &span.source.text[span.start..span.end])
    };
    let environment = &web.node.get("environment").expect("merged").node;
    assert_eq!(
        [
            web.node.get("image").map(place),
            environment.get("A").map(place),
            environment.get("B").map(place),
        ],
        [Some("over:b".to_owned()), Some("base:1".to_owned()), Some("over:3".to_owned())]
    );
}

#[test]
fn a_list_over_a_mapping_is_an_error_at_both_places() {
    let (_, found) = merged(
        "{services: {web: {volumes: {a: b}}}}",
        "{services: {web: {volumes: [a]}}}",
        COMPOSE,
    );
    assert_eq!(found.0.len(), 1);
    assert_eq!(found.0[0].message, "`volumes` is a list here and a mapping below");
    assert_eq!(found.0[0].secondary.len(), 1);
}
