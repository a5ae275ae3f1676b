//! Ports, networks, grants, dependencies, and devstack's own keys.

use super::check;

#[test]
fn wrong_ports_say_what_is_wrong() {
    check(&[
        (
            "ports: 80",
            &[
                "1:35 `80` error: `services.web.ports` must be a list, not a number; help: write `[80]`",
            ],
        ),
        (
            "ports: [[80]]",
            &[
                "1:36 `[80]` error: `services.web.ports[0]` must be a port such as `8080:80` or a mapping, not a list",
            ],
        ),
        (
            "ports: [abc]",
            &[
                "1:36 `abc` error: `abc` is not a port number: write 1 to 65535; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
            ],
        ),
        (
            "ports: ['80:0']",
            &[
                "1:40 `0` error: `0` is not a port number: write 1 to 65535; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
            ],
        ),
        (
            "ports: ['8000-8001:80-82']",
            &[
                "1:37 `8000-8001:80-82` error: the host's range `8000-8001` and the container's range `80-82` differ in length",
            ],
        ),
        (
            "ports: [{published: 80}]",
            &[
                "1:36 `{published: 80}` error: `services.web.ports[0]` has no `target`; help: add `target:`, the port inside the container",
            ],
        ),
        (
            "ports: [{target: http}]",
            &[
                "1:45 `http` error: `services.web.ports[0].target` must be a whole number, not `http`",
            ],
        ),
        (
            "ports: [{target: 70000}]",
            &["1:45 `70000` error: `services.web.ports[0].target` is out of range: `70000`"],
        ),
        (
            "ports: [{target: 80, published: x}]",
            &["1:60 `x` error: `x` is not a port number: write 1 to 65535"],
        ),
        (
            "ports: [{target: 80, host_ip: localhost}]",
            &[
                "1:58 `localhost` error: `services.web.ports[0].host_ip` must be an IP address, not `localhost`",
            ],
        ),
        (
            "ports: [{target: 80, protocol: tpc}]",
            &[
                "1:59 `tpc` error: `services.web.ports[0].protocol` cannot be `tpc`; help: did you mean `tcp`?; help: use one of `tcp`, `udp`, `sctp`",
            ],
        ),
        (
            "ports: [{target: 80, mode: swarm}]",
            &[
                "1:55 `swarm` error: `services.web.ports[0].mode` cannot be `swarm`; help: use one of `host`, `ingress`",
            ],
        ),
        (
            "ports: [{target: 80, hostip: 1.1.1.1}]",
            &[
                "1:49 `hostip` error: unknown key `hostip` in `services.web.ports[0]`; help: did you mean `host_ip`?",
            ],
        ),
        ("expose: [http]", &["1:37 `http` error: `http` is not a port number: write 1 to 65535"]),
    ]);
}

#[test]
fn wrong_networks_say_what_is_wrong() {
    check(&[
        (
            "networks: front",
            &["1:38 `front` error: `services.web.networks` must be a list or a mapping, not text"],
        ),
        (
            "networks: ['a b']",
            &[
                "1:39 `'a b'` error: `a b` is not a valid network name: letters, digits, `.`, `-` and `_`",
            ],
        ),
        (
            "networks: {front: {aliass: [a]}}",
            &[
                "1:47 `aliass` error: unknown key `aliass` in `services.web.networks.front`; help: did you mean `aliases`?",
            ],
        ),
        (
            "networks: {front: {ipv4_address: 10.0.0}}",
            &[
                "1:61 `10.0.0` error: `services.web.networks.front.ipv4_address` must be an IPv4 address, not `10.0.0`",
            ],
        ),
        (
            "network_mode: briged",
            &[
                "1:42 `briged` error: `services.web.network_mode` cannot be `briged`; help: did you mean `bridge`?; help: use one of `none`, `host`, `bridge`, `service:NAME`, `container:NAME`",
            ],
        ),
    ]);
}

#[test]
fn wrong_grants_say_what_is_wrong() {
    check(&[
        (
            "secrets: [{target: t}]",
            &[
                "1:38 `{target: t}` error: `services.web.secrets[0]` has no `source`; help: add `source:`, a name under the top-level `secrets:`",
            ],
        ),
        (
            "secrets: {token: }",
            &["1:37 `{token: }` error: `services.web.secrets` must be a list, not a mapping"],
        ),
        (
            "secrets: [{source: token, mode: 440}]",
            &[
                "1:60 `440` warning: `services.web.secrets[0].mode` is read as a decimal number: 0o670; help: write `0440` for the mode 440",
            ],
        ),
        (
            "secrets: [{source: token, mode: rw}]",
            &["1:60 `rw` error: `services.web.secrets[0].mode` must be a file mode such as `0440`"],
        ),
        (
            "secrets: [{source: token, uid: me}]",
            &["1:59 `me` error: `services.web.secrets[0].uid` must be a whole number, not `me`"],
        ),
        (
            "secrets: [{source: file, mode: 0400}]",
            &[
                "1:38 `{source: file, mode: 0400}` warning: `uid`, `gid` and `mode` are ignored: a file of this machine is mounted as it is; help: change the owner or mode of `/p/token`",
            ],
        ),
        ("secrets: [{source: token, mode: 0400}]", &[]),
    ]);
}

#[test]
fn undefined_names_are_suggested() {
    check(&[
        (
            "networks: [fornt]",
            &[
                "1:39 `fornt` error: the service `web` uses the undefined network `fornt`; help: did you mean `front`?; help: add `fornt:` under the top-level `networks:`",
            ],
        ),
        (
            "networks: [nowhere]",
            &[
                "1:39 `nowhere` error: the service `web` uses the undefined network `nowhere`; help: add `nowhere:` under the top-level `networks:`",
            ],
        ),
        (
            "volumes: ['dta:/data']",
            &[
                "1:38 `'dta:/data'` error: the service `web` uses the undefined volume `dta`; help: did you mean `data`?; help: add `dta:` under the top-level `volumes:`",
            ],
        ),
        (
            "secrets: [tokn]",
            &[
                "1:38 `tokn` error: the service `web` uses the undefined secret `tokn`; help: did you mean `token`?; help: add `tokn:` under the top-level `secrets:`",
            ],
        ),
        (
            "configs: [sites]",
            &[
                "1:38 `sites` error: the service `web` uses the undefined config `sites`; help: did you mean `site`?; help: add `sites:` under the top-level `configs:`",
            ],
        ),
    ]);
}

#[test]
fn wrong_dependencies_say_what_is_wrong() {
    check(&[
        (
            "depends_on: db",
            &["1:40 `db` error: `services.web.depends_on` must be a list or a mapping, not text"],
        ),
        (
            "depends_on: [db]",
            &[
                "1:41 `db` error: the service `web` depends on the undefined service `db`; help: add `db:` under `services:`",
            ],
        ),
        (
            "depends_on: [web]",
            &["1:41 `web` error: the service `web` depends on itself; help: remove it"],
        ),
        (
            "depends_on: [wbe]",
            &[
                "1:41 `wbe` error: the service `web` depends on the undefined service `wbe`; help: did you mean `web`?",
            ],
        ),
        (
            "depends_on: {wbe: {condition: healthy}}",
            &[
                "1:41 `wbe` error: the service `web` depends on the undefined service `wbe`; help: did you mean `web`?",
                "1:58 `healthy` error: `services.web.depends_on.wbe.condition` cannot be `healthy`; help: did you mean `service_healthy`?; help: use one of `service_started`, `service_healthy`, `service_completed_successfully`",
            ],
        ),
        (
            "depends_on: {'a b': {}}",
            &[
                "1:41 `'a b'` error: `a b` is not a valid service name: letters, digits, `.`, `-` and `_`",
            ],
        ),
        (
            "links: [cache]",
            &[
                "1:36 `cache` error: the service `web` depends on the undefined service `cache`; help: add `cache:` under `services:`",
            ],
        ),
    ]);
}

#[test]
fn wrong_probes_say_what_is_wrong() {
    check(&[
        (
            "ready: yes",
            &[
                "1:35 `yes` error: `services.web.ready` cannot be `yes`; help: write `healthcheck`, or a probe as in `ready: {tcp: 5672}`",
            ],
        ),
        ("ready: {}", &[]),
        (
            "ready: {tpc: 80}",
            &[
                "1:36 `tpc` error: unknown key `tpc` in `services.web.ready`; help: did you mean `tcp`?",
            ],
        ),
        (
            "ready: {tcp: 0x}",
            &[
                "1:41 `0x` error: `services.web.ready.tcp` must be a port number from 1 to 65535, not `0x`",
            ],
        ),
        (
            "ready: {http: {path: /}}",
            &[
                "1:36 `http` error: `services.web.ready.http` has no `port`; help: add `port:`, the port inside the container",
            ],
        ),
        (
            "ready: {http: {port: 80, path: health}}",
            &["1:59 `health` error: `services.web.ready.http.path` must begin with `/`"],
        ),
        (
            "ready: {http: {port: '{PORT}'}}",
            &[
                "1:50 `{PORT}` error: the service has no environment variable `PORT`; help: set it under `environment:`, or write `{{PORT}}` for the text",
            ],
        ),
        (
            "ready: {http: {port: 80, body: '{address:80}'}}",
            &[
                "1:60 `{address:80}` error: `{address:…}` has a meaning in `urls` only; help: a probe needs only the port inside the container",
            ],
        ),
        (
            "ready: {http: {port: 80, status: ok}}",
            &[
                "1:61 `ok` error: `services.web.ready.http.status` must be an HTTP status such as `200`, not `ok`",
            ],
        ),
        (
            "ready: {log: {stream: stdout}}",
            &[
                "1:36 `log` error: `services.web.ready.log` has no `pattern`; help: add `pattern:`, a text that the line contains",
            ],
        ),
        (
            "ready: {log: {pattern: x, stream: both}}",
            &[
                "1:62 `both` error: `services.web.ready.log.stream` cannot be `both`; help: use one of `any`, `stdout`, `stderr`",
            ],
        ),
        ("ready: {exec: []}", &["1:42 `[]` error: `services.web.ready.exec` names no program"]),
        (
            "ready: {tcp: 80, timeout: soon}",
            &[
                "1:54 `soon` error: `soon` is not a duration: numbers with units such as `1m30s`, `500ms` or `2h`",
            ],
        ),
    ]);
}

#[test]
fn wrong_own_keys_say_what_is_wrong() {
    check(&[
        (
            "environment: {PORT: 80}, ready: {tcp: '{PRT}'}",
            &[
                "1:67 `{PRT}` error: the service has no environment variable `PRT`; help: set it under `environment:`, or write `{{PRT}}` for the text; help: did you mean `{PORT}`?",
            ],
        ),
        ("urls: http", &["1:34 `http` error: `services.web.urls` must be a mapping, not text"]),
        (
            "urls: {a: 'http://{address:80}'}",
            &[
                "1:46 `{address:80}` error: the service does not publish its port `80`; help: add `80` to `ports:`",
            ],
        ),
        (
            "ports: [8080, 9090], urls: {a: 'http://{address:80}'}",
            &[
                "1:67 `{address:80}` error: the service does not publish its port `80`; help: published are `8080`, `9090`",
            ],
        ),
        (
            "environment: {NAME: x}, urls: {a: 'http://{NAM}/'}",
            &[
                "1:70 `{NAM}` error: the service has no environment variable `NAM`; help: set it under `environment:`, or write `{{NAM}}` for the text; help: did you mean `{NAME}`?",
            ],
        ),
        (
            "aliases: web2",
            &[
                "1:37 `web2` error: `services.web.aliases` must be a list, not text; help: write `[web2]`",
            ],
        ),
        ("aliases: [web]", &[]),
        ("preset: [a]", &["1:36 `[a]` error: `services.web.preset` must be text, not a list"]),
        (
            "x-devstack: {redy: {}}",
            &[
                "1:41 `redy` error: unknown key `redy` in `services.web.x-devstack`; help: did you mean `ready`?",
            ],
        ),
    ]);
}
