//! How a service is reached and what it reaches.

use serde_json::json;

use super::check;
use crate::config::decode::tests::service;

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
