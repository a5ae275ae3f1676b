//! What runs in a container, and on what.

use serde_json::json;

use super::check;

#[test]
fn environment_has_two_forms_and_passes_values_through() {
    check(
        "environment",
        &json!({ "A": "1", "B": "x=y", "E": "", "SET": "from outside", "GONE": null }),
        &[
            "environment: [A=1, 'B=x=y', E=, SET, GONE]",
            "environment: {A: 1, B: x=y, E: '', SET: , GONE: }",
        ],
    );
    check(
        "environment",
        &json!({ "T": "true", "F": "1.50", "O": "010" }),
        &["environment: {T: true, F: 1.50, O: 010}"],
    );
    check("environment", &json!({ "D": "a$b" }), &["environment: {D: a$$b}"]);
}

#[test]
fn env_files_come_below_the_environment() {
    check(
        "environment",
        &json!({ "A": "file", "B": "file", "C": "$X" }),
        &[
            "env_file: app.env",
            "env_file: [./app.env]",
            "env_file: [{path: app.env}]",
            "env_file: {path: app.env}",
            "env_file: [{path: none.env, required: false}, app.env]",
        ],
    );
    check(
        "environment",
        &json!({ "A": "mine", "B": "later", "C": "$X", "D": "from outside" }),
        &["env_file: [app.env, later.env]\nenvironment: {A: mine}"],
    );
    check("environment", &json!({ "A": "'$X'" }), &["env_file: [{path: raw.env, format: raw}]"]);
}

#[test]
fn labels_have_two_forms_and_files() {
    check(
        "labels",
        &json!({ "a": "1", "b": "" }),
        &["labels: [a=1, b]", "labels: {a: 1, b: }", "deploy: {labels: {a: 1, b: ''}}"],
    );
    check(
        "labels",
        &json!({ "a": "mine", "b": "file" }),
        &["label_file: labels\nlabels: {a: mine}", "label_file: [labels]\nlabels: [a=mine]"],
    );
}

#[test]
fn other_pairs_have_two_forms() {
    check(
        "extra_hosts",
        &json!(["a=10.0.0.1", "b=::1", "c=host-gateway"]),
        &[
            "extra_hosts: ['a:10.0.0.1', 'b:[::1]', 'c:host-gateway']",
            "extra_hosts: ['a=10.0.0.1', 'b=::1', c=host-gateway]",
            "extra_hosts: {a: 10.0.0.1, b: '::1', c: host-gateway}",
            "extra_hosts: {a: [10.0.0.1], b: ['[::1]'], c: host-gateway}",
        ],
    );
    check(
        "sysctls",
        &json!({ "net.core.somaxconn": "1024" }),
        &["sysctls: [net.core.somaxconn=1024]", "sysctls: {net.core.somaxconn: 1024}"],
    );
    check("dns", &json!(["1.1.1.1"]), &["dns: 1.1.1.1", "dns: [1.1.1.1]"]);
    check("dns_search", &json!(["a.b"]), &["dns_search: a.b", "dns_search: [a.b]"]);
}

#[test]
fn commands_are_split_as_a_shell_would() {
    for key in ["command", "entrypoint"] {
        let cases = [
            ("npm run start", json!(["npm", "run", "start"])),
            ("[npm, run, start]", json!(["npm", "run", "start"])),
            ("sh -c \"echo 'a b' $$X\"", json!(["sh", "-c", "echo 'a b' $X"])),
            ("[sleep, 5]", json!(["sleep", "5"])),
            ("''", json!([])),
            ("[]", json!([])),
            ("5", json!(["5"])),
        ];
        for (form, expected) in cases {
            check(key, &expected, &[&format!("{key}: {form}")]);
        }
    }
}

#[test]
fn health_checks_have_three_forms() {
    check(
        "healthcheck",
        &json!({ "test": ["CMD-SHELL", "curl -f x || exit 1"] }),
        &[
            "healthcheck: {test: curl -f x || exit 1}",
            "healthcheck: {test: [CMD-SHELL, curl -f x || exit 1]}",
        ],
    );
    check(
        "healthcheck",
        &json!({
            "test": ["CMD", "true"], "interval": "1m30s", "timeout": "5s", "retries": 3,
            "start_period": "10s", "start_interval": "500ms",
        }),
        &[
            "healthcheck: {test: [CMD, 'true'], interval: 1m30s, timeout: 5s, retries: '3', start_period: 10s, start_interval: 0.5s}",
        ],
    );
    check(
        "healthcheck",
        &json!({ "disable": true }),
        &["healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"],
    );
    // What a variable holds is text, even if it could be a boolean.
    let test = json!({ "test": ["CMD-SHELL", "true"] });
    check("healthcheck", &test, &["healthcheck:\n  test: ${EMPTY:-true}"]);
}

#[test]
fn builds_have_a_short_and_a_long_form() {
    check(
        "build",
        &json!({ "context": "/p/app", "dockerfile": "Dockerfile" }),
        &["build: app", "build: ./app", "build: {context: app/}"],
    );
    check(
        "build",
        &json!({ "context": "/p", "dockerfile": "Dockerfile", "target": "dev" }),
        &["build: {target: dev}"],
    );
    check(
        "build",
        &json!({
            "context": "/p", "dockerfile": "D", "args": { "A": "1", "SET": "from outside" },
            "target": "dev", "tags": ["a:1"], "labels": { "a": "b" }, "cache_from": ["c"],
            "extra_hosts": ["h=10.0.0.1"], "network": "host", "platforms": ["linux/arm64"],
            "shm_size": "67108864", "pull": true, "no_cache": true,
        }),
        &[
            "build: {context: ., dockerfile: D, args: [A=1, SET, GONE], target: dev, tags: ['a:1'], labels: [a=b], cache_from: [c], extra_hosts: ['h:10.0.0.1'], network: host, platforms: [linux/arm64], shm_size: 64m, pull: true, no_cache: 'true'}",
        ],
    );
    check(
        "build",
        &json!({ "context": "/p", "dockerfile_inline": "FROM x\n" }),
        &["build: {context: ., dockerfile_inline: \"FROM x\\n\"}"],
    );
}

#[test]
fn watch_rules_are_read_whole() {
    let rules = json!({ "watch": [
        {
            "path": "/p/src", "action": "sync", "target": "/app/src",
            "ignore": ["node_modules/", "*.log"], "include": ["**/*.ts"], "initial_sync": true,
        },
        { "path": "/abs", "action": "restart" },
        {
            "path": "/p", "action": "sync+exec", "target": "/app",
            "exec": {
                "command": ["make", "all"], "user": "root", "privileged": true,
                "working_dir": "/app", "environment": { "A": "1" },
            },
        },
    ]});
    check(
        "develop",
        &rules,
        &["develop:\n  watch:\n  - {path: ./src, action: sync, target: /app/src, \
           ignore: [node_modules/, '*.log'], include: '**/*.ts', initial_sync: true}\n  \
           - {path: /abs, action: restart}\n  \
           - {path: ., action: sync+exec, target: /app, exec: {command: make all, user: root, \
           privileged: true, working_dir: /app, environment: [A=1]}}"],
    );
}

#[test]
fn hooks_before_the_start_have_one_form() {
    check(
        "pre_start",
        &json!([{ "command": ["migrate", "--all"] }]),
        &[
            "pre_start: [{command: migrate --all}]",
            "pre_start: [{command: [migrate, --all], privileged: false, per_replica: false}]",
        ],
    );
    check(
        "pre_start",
        &json!([{
            "command": ["chown", "1000", "/data"], "user": "root", "privileged": true,
            "working_dir": "/", "environment": { "A": "1" }, "image": "busybox", "per_replica": true,
        }]),
        &[
            "pre_start: [{image: busybox, command: chown 1000 /data, user: root, privileged: true, working_dir: /, environment: {A: 1}, per_replica: true}]",
        ],
    );
    check("pre_start", &json!([{ "image": "seed" }]), &["pre_start: [{image: seed}]"]);
}
