//! Short and long forms become the same canonical form.

use serde_json::json;

use super::{project, service, service_findings};

/// Compares one key of the service with what is expected, for each way to write it.
fn check(key: &str, expected: &serde_json::Value, forms: &[&str]) {
    for form in forms {
        assert_eq!(service(form)[key], *expected, "{form}");
    }
}

#[test]
fn ports_have_a_short_and_a_long_form() {
    let port = json!([{
        "host_ip": "127.0.0.1", "target": 80, "published": "8080", "protocol": "tcp",
    }]);
    check(
        "ports",
        &port,
        &[
            "ports: ['8080:80']",
            "ports: [8080:80/tcp]",
            "ports: ['127.0.0.1:8080:80']",
            "ports: [{target: 80, published: 8080}]",
            "ports: [{target: '80', published: '8080', protocol: tcp, mode: ingress}]",
        ],
    );
    let named = json!([{
        "name": "web", "host_ip": "0.0.0.0", "target": 80, "published": "8000-8010",
        "protocol": "udp", "app_protocol": "http",
    }]);
    check(
        "ports",
        &named,
        &[
            "ports:\n- name: web\n  target: 80\n  published: 8000-8010\n  host_ip: 0.0.0.0\n  protocol: udp\n  app_protocol: http",
        ],
    );
    let open = json!([{
        "host_ip": "0.0.0.0", "target": 80, "published": "8080", "protocol": "tcp",
    }]);
    check(
        "ports",
        &open,
        &[
            "ports: ['0.0.0.0:8080:80']",
            "ports: [{target: 80, published: 8080, publish: all}]",
            "ports: [{target: 80, published: 8080, x-devstack: {publish: all}}]",
        ],
    );
    check("ports", &port, &["ports: [{target: 80, published: 8080, publish: loopback}]"]);
    let free = json!([{ "host_ip": "127.0.0.1", "target": 3000, "protocol": "tcp" }]);
    check("ports", &free, &["ports: [3000]", "ports: ['3000']", "ports: [{target: 3000}]"]);
    check("expose", &json!(["3000", "8000-8010/udp"]), &["expose: [3000, 8000-8010/udp]"]);
}

#[test]
fn mounts_have_a_short_and_a_long_form() {
    let cases = [
        ("[/data]", json!({ "type": "volume", "target": "/data" })),
        ("['/data:ro']", json!({ "type": "volume", "target": "/data", "read_only": true })),
        ("['data:/data']", json!({ "type": "volume", "source": "data", "target": "/data" })),
        ("['v:/x']", json!({ "type": "volume", "source": "v", "target": "/x" })),
        (
            "['data:/d:nocopy']",
            json!({ "type": "volume", "source": "data", "target": "/d", "volume": { "nocopy": true } }),
        ),
        (
            "['./src:/app/src:ro']",
            json!({ "type": "bind", "source": "/p/src", "target": "/app/src", "read_only": true }),
        ),
        ("['../x/./y:/y']", json!({ "type": "bind", "source": "/x/y", "target": "/y" })),
        ("['.:/app']", json!({ "type": "bind", "source": "/p", "target": "/app" })),
        (
            "['~/.npmrc:/root/.npmrc']",
            json!({ "type": "bind", "source": "/home/me/.npmrc", "target": "/root/.npmrc" }),
        ),
        (
            "['/host:/x:rw,Z,rshared']",
            json!({ "type": "bind", "source": "/host", "target": "/x", "bind": { "propagation": "rshared", "selinux": "Z" } }),
        ),
        ("['/host:/x:cached']", json!({ "type": "bind", "source": "/host", "target": "/x" })),
        (
            "[{type: bind, source: ./a, target: /a, read_only: true, bind: {create_host_path: true, propagation: rslave, selinux: z}}]",
            json!({ "type": "bind", "source": "/p/a", "target": "/a", "read_only": true, "bind": { "propagation": "rslave", "create_host_path": true, "selinux": "z" } }),
        ),
        (
            "[{source: ./a, target: /a}]",
            json!({ "type": "bind", "source": "/p/a", "target": "/a" }),
        ),
        (
            "[{type: volume, source: data, target: /d, volume: {nocopy: true, subpath: x}, consistency: cached}]",
            json!({ "type": "volume", "source": "data", "target": "/d", "volume": { "nocopy": true, "subpath": "x" } }),
        ),
        ("[{type: volume, target: /d}]", json!({ "type": "volume", "target": "/d" })),
        (
            "[{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 0o1777}}]",
            json!({ "type": "tmpfs", "target": "/t", "tmpfs": { "size": "67108864", "mode": 1023 } }),
        ),
    ];
    for (form, expected) in cases {
        check("volumes", &json!([expected]), &[&format!("volumes: {form}")]);
    }
    check("tmpfs", &json!(["/run"]), &["tmpfs: /run", "tmpfs: [/run]"]);
    check("tmpfs", &json!(["/run:size=64m,mode=755"]), &["tmpfs: ['/run:size=64m,mode=755']"]);
}

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
fn networks_have_a_list_and_a_mapping() {
    check(
        "networks",
        &json!({ "front": null, "back": null }),
        &["networks: [front, back]", "networks: {front: , back: {}}"],
    );
    check(
        "networks",
        &json!({ "front": {
            "aliases": ["a"], "ipv4_address": "10.1.0.5", "ipv6_address": "fd00::5",
            "mac_address": "02:42:ac:11:00:02", "priority": 10,
        } }),
        &[
            "networks: {front: {aliases: [a], ipv4_address: 10.1.0.5, ipv6_address: 'fd00::5', mac_address: '02:42:ac:11:00:02', priority: 10}}",
        ],
    );
    check("networks", &json!({ "default": null }), &["networks: []", "networks: {}", "init: true"]);
    for mode in ["none", "host", "bridge", "container:abc"] {
        let form = format!("network_mode: {mode}");
        check("network_mode", &json!(mode), &[&form]);
        assert_eq!(service(&form).get("networks"), None, "{mode}");
    }
}

#[test]
fn grants_have_a_short_and_a_long_form() {
    check(
        "secrets",
        &json!([{ "source": "token", "target": "/run/secrets/token" }]),
        &["secrets: [token]", "secrets: [{source: token}]"],
    );
    check(
        "secrets",
        &json!([{ "source": "token", "target": "/run/secrets/t", "uid": "103", "gid": "104", "mode": "0440" }]),
        &[
            "secrets: [{source: token, target: t, uid: '103', gid: 104, mode: 0440}]",
            "secrets: [{source: token, target: /run/secrets/t, uid: '103', gid: 104, mode: 0o440}]",
            "secrets: [{source: token, target: t, uid: 103, gid: 104, mode: '0440'}]",
            "secrets: [{source: token, target: t, uid: 103, gid: 104, mode: 288}]",
        ],
    );
    check("configs", &json!([{ "source": "site", "target": "/site" }]), &["configs: [site]"]);
    check(
        "configs",
        &json!([{ "source": "site", "target": "/etc/x.conf" }]),
        &[
            "configs: [{source: site, target: /etc/x.conf}]",
            "configs: [{source: site, target: etc/x.conf}]",
        ],
    );
}

#[test]
fn limits_may_stand_under_deploy() {
    let cases = [
        ("mem_limit", json!("536870912"), "mem_limit: 512m", "limits: {memory: 512M}"),
        ("cpus", json!(1.5), "cpus: '1.5'", "limits: {cpus: 1.5}"),
        ("pids_limit", json!(100), "pids_limit: 100", "limits: {pids: '100'}"),
        ("mem_reservation", json!("1024"), "mem_reservation: 1k", "reservations: {memory: 1kb}"),
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
        ("memswap_limit", json!("1073741824"), "memswap_limit: 1g"),
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
fn ready_takes_probes_in_short_and_long_forms() {
    let environment = "environment: {POSTGRES_USER: u, POSTGRES_PASSWORD: p, RABBITMQ_DEFAULT_USER: r, PW: '', PORT: 3001}\n";
    let cases = [
        ("healthcheck", json!({ "healthcheck": true })),
        ("{healthcheck: true, timeout: 90s}", json!({ "healthcheck": true, "timeout": "1m30s" })),
        ("{tcp: 5672}", json!({ "tcp": { "port": 5672 } })),
        ("{tcp: {port: '{PORT}'}}", json!({ "tcp": { "port": 3001 } })),
        ("{http: 80}", json!({ "http": { "port": 80, "path": "/" } })),
        (
            "{http: {port: '{PORT}', path: '/{PORT}', status: 204, body: '{\"a\":1}'}}",
            json!({ "http": { "port": 3001, "path": "/3001", "status": 204, "body": "{\"a\":1}" } }),
        ),
        (
            "{postgres: true}",
            json!({ "postgres": { "port": 5432, "user": "u", "password": "p", "database": "u" } }),
        ),
        (
            "{postgres: {port: 1, user: a, password: b, database: '{PORT}'}}",
            json!({ "postgres": { "port": 1, "user": "a", "password": "b", "database": "3001" } }),
        ),
        ("{redis: 6380}", json!({ "redis": { "port": 6380 } })),
        ("{redis: {password: '{PW}'}}", json!({ "redis": { "port": 6379 } })),
        (
            "{redis: {username: u, password: p}}",
            json!({ "redis": { "port": 6379, "username": "u", "password": "p" } }),
        ),
        (
            "{amqp: {}}",
            json!({ "amqp": { "port": 5672, "user": "r", "password": "guest", "vhost": "/" } }),
        ),
        ("{log: up}", json!({ "log": { "pattern": "up", "stream": "any" } })),
        (
            "{log: {pattern: '{{up}}', stream: stderr}}",
            json!({ "log": { "pattern": "{{up}}", "stream": "stderr" } }),
        ),
        ("{exec: [a, '{PORT}']}", json!({ "exec": ["a", "3001"] })),
        ("{exec: test -f x}", json!({ "exec": ["/bin/sh", "-c", "test -f x"] })),
        (
            "{tcp: 1, log: up}",
            json!({ "tcp": { "port": 1 }, "log": { "pattern": "up", "stream": "any" } }),
        ),
    ];
    for (ready, expected) in cases {
        let own = service(&format!("{environment}ready: {ready}"));
        assert_eq!(own["x-devstack"]["ready"], expected, "{ready}");
        let under = service(&format!("{environment}x-devstack: {{ready: {ready}}}"));
        assert_eq!(under["x-devstack"]["ready"], expected, "x-devstack: {ready}");
    }
    let timed = service("healthcheck: {test: x}\nready: {timeout: 5s}");
    assert_eq!(timed["x-devstack"]["ready"], json!({ "healthcheck": true, "timeout": "5s" }));
}

#[test]
fn urls_are_filled_in_except_for_addresses() {
    let service = service(
        "environment: {U: a b, P: 'p@:/'}\nports: ['80']\naliases: [www]\n\
         urls: {app: 'http://{U}:{P}@{address:80}/', none: }",
    );
    assert_eq!(
        service["x-devstack"],
        json!({
            "aliases": ["www"],
            "urls": { "app": "http://a%20b:p%40%3A%2F@{address:80}/" },
        })
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
