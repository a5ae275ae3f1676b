//! What a container may have, and single values.

use serde_json::json;

use super::check;
use crate::config::decode::tests::{project, service_findings};

#[test]
fn limits_may_stand_under_deploy() {
    let cases = [
        ("mem_limit", json!("536870912"), "mem_limit: 512m", "limits: {memory: 512M}"),
        ("cpus", json!(1.5), "cpus: '1.5'", "limits: {cpus: 1.5}"),
        ("pids_limit", json!(100), "pids_limit: 100", "limits: {pids: '100'}"),
        (
            "mem_reservation",
            json!("8388608"),
            "mem_reservation: 8192k",
            "reservations: {memory: 8mb}",
        ),
    ];
    for (key, expected, own, deploy) in cases {
        let deploy = format!("deploy: {{resources: {{{deploy}}}}}");
        let both = format!("{own}\n{deploy}");
        check(key, &expected, &[own, &deploy, &both]);
    }
    check(
        "scale",
        &json!(3),
        &["scale: 3", "deploy: {replicas: 3}", "scale: 3\ndeploy: {replicas: '3'}"],
    );
    check("scale", &json!(0), &["scale: 0", "deploy: {replicas: 0}"]);
}

#[test]
fn restart_has_its_own_key_and_a_policy() {
    let cases = [
        ("restart: always", json!("always")),
        ("restart: unless-stopped", json!("unless-stopped")),
        ("restart: on-failure", json!("on-failure")),
        ("restart: on-failure:3", json!("on-failure:3")),
        ("restart: no", json!(null)),
        ("restart: 'no'", json!(null)),
        ("restart: false", json!(null)),
        ("deploy: {restart_policy: {condition: any}}", json!("always")),
        ("deploy: {restart_policy: {}}", json!("always")),
        ("deploy: {restart_policy: {condition: none}}", json!(null)),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 5}}",
            json!("on-failure:5"),
        ),
    ];
    for (form, expected) in cases {
        check("restart", &expected, &[form]);
    }
}

#[test]
fn single_values_take_the_notation_of_their_type() {
    let cases = [
        ("pull_policy", json!("missing"), "pull_policy: if_not_present"),
        ("pull_policy", json!("always"), "pull_policy: always"),
        ("pull_policy", json!("build"), "pull_policy: build"),
        ("platform", json!("linux/amd64"), "platform: linux/amd64"),
        ("user", json!("1000"), "user: 1000"),
        ("user", json!("1000:1000"), "user: '1000:1000'"),
        ("working_dir", json!("/app"), "working_dir: /app"),
        ("group_add", json!(["docker", "999"]), "group_add: [docker, 999]"),
        ("init", json!(true), "init: 'true'"),
        ("tty", json!(true), "tty: yes"),
        ("stdin_open", json!(true), "stdin_open: true"),
        ("hostname", json!("h"), "hostname: h"),
        ("domainname", json!("d"), "domainname: d"),
        ("stop_signal", json!("SIGINT"), "stop_signal: SIGINT"),
        ("stop_grace_period", json!("1m30s"), "stop_grace_period: 90s"),
        ("container_name", json!("my.name"), "container_name: my.name"),
        ("shm_size", json!("134217728"), "shm_size: 128mb"),
        ("memswap_limit", json!(-1), "memswap_limit: -1"),
        ("memswap_limit", json!("1073741824"), "mem_limit: 1g\nmemswap_limit: 1g"),
        ("cpu_shares", json!(512), "cpu_shares: 512"),
        ("cpuset", json!("0-1"), "cpuset: 0-1"),
        ("oom_score_adj", json!(-500), "oom_score_adj: -500"),
        ("privileged", json!(true), "privileged: true"),
        ("read_only", json!(true), "read_only: true"),
        ("cap_add", json!(["NET_ADMIN"]), "cap_add: [NET_ADMIN]"),
        ("cap_drop", json!(["ALL"]), "cap_drop: [ALL]"),
        ("security_opt", json!(["no-new-privileges"]), "security_opt: [no-new-privileges]"),
        (
            "security_opt",
            json!(["seccomp:unconfined", "label=disable"]),
            "security_opt: ['seccomp:unconfined', label=disable]",
        ),
        ("pid", json!("host"), "pid: host"),
        ("ipc", json!("shareable"), "ipc: shareable"),
        ("runtime", json!("runsc"), "runtime: runsc"),
        ("dns_opt", json!(["ndots:1"]), "dns_opt: ['ndots:1']"),
        (
            "logging",
            json!({ "driver": "local", "options": { "max-size": "10m" } }),
            "logging: {driver: local, options: {max-size: 10m}}",
        ),
        (
            "ulimits",
            json!({ "nofile": { "soft": 1, "hard": 2 }, "nproc": 9 }),
            "ulimits: {nofile: {soft: 1, hard: 2}, nproc: 9}",
        ),
        (
            "devices",
            json!([
                { "source": "/dev/a", "target": "/dev/a", "permissions": "rwm" },
                { "source": "/dev/a", "target": "/dev/b", "permissions": "r" },
                { "source": "/dev/a", "target": "/dev/c", "permissions": "rw" },
            ]),
            "devices: ['/dev/a', '/dev/a:/dev/b:r', {source: /dev/a, target: /dev/c, permissions: rw}]",
        ),
        ("x-anything", json!([1, { "a": "b" }]), "x-anything: [1, {a: b}]"),
    ];
    for (key, expected, form) in cases {
        check(key, &expected, &[form]);
    }
}

#[test]
fn a_seccomp_profile_is_read_from_its_file() {
    let yaml = "services: {web: {image: x, security_opt: ['seccomp:./profile.json']}}";
    let project = project(yaml);
    let web = &project.services[0];
    // The file says its name, the engine gets its text.
    assert_eq!(web.security_opt, ["seccomp:./profile.json"]);
    assert_eq!(web.host.seccomp_profile.as_deref(), Some(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#));
    assert_eq!(
        service_findings("security_opt: [seccomp=app.env]"),
        [
            "1:43 `seccomp=app.env` error: the seccomp profile `app.env` is not JSON: expected value at line 1 column 1; help: name a file, or `unconfined`"
        ]
    );
    assert_eq!(
        service_findings("security_opt: ['seccomp:gone.json']"),
        [
            "1:43 `'seccomp:gone.json'` error: the seccomp profile `gone.json` cannot be read: entity not found; help: name a file, or `unconfined`"
        ]
    );
    assert_eq!(
        service_findings("ports: [{target: 80, host_ip: 1.2.3.4, publish: all}]"),
        [
            "1:67 `publish` error: `publish` and `host_ip` exclude each other; 1:49 the other one; help: keep one of them"
        ]
    );
}
