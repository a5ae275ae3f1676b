//! Each mistake has its message, its place and its help.

use super::service_findings;

/// The service is `services: {web: {image: x, PART}}`, in line 1.
fn check(cases: &[(&str, &[&str])]) {
    for (part, expected) in cases {
        assert_eq!(service_findings(part), *expected, "{part}");
    }
}

#[test]
fn unknown_keys_point_at_the_key_and_suggest_one() {
    check(&[
        (
            "imge: y",
            &[
                "1:28 `imge` error: unknown key `imge` in `services.web`; help: did you mean `image`?",
            ],
        ),
        (
            "enviroment: {A: 1}",
            &[
                "1:28 `enviroment` error: unknown key `enviroment` in `services.web`; help: did you mean `environment`?",
            ],
        ),
        (
            "restart_policy: always",
            &["1:28 `restart_policy` error: unknown key `restart_policy` in `services.web`"],
        ),
    ]);
}

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
                "1:36 `'80:0'` error: `0` is not a port number: write 1 to 65535; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
            ],
        ),
        (
            "ports: ['8000-8001:80-82']",
            &[
                "1:36 `'8000-8001:80-82'` error: the host's range `8000-8001` and the container's range `80-82` differ in length; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
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
                "1:59 `tpc` error: `services.web.ports[0].protocol` cannot be `tpc`; help: use one of `tcp`, `udp`, `sctp`; help: did you mean `tcp`?",
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
fn wrong_mounts_say_what_is_wrong() {
    check(&[
        (
            "volumes: x",
            &["1:37 `x` error: `services.web.volumes` must be a list, not text; help: write `[x]`"],
        ),
        (
            "volumes: ['data:x']",
            &[
                "1:38 `'data:x'` error: `x` is not an absolute path; help: a path in a container begins with `/`",
            ],
        ),
        (
            "volumes: ['x']",
            &[
                "1:38 `'x'` error: `x` is not an absolute path; help: a path in a container begins with `/`",
            ],
        ),
        (
            "volumes: ['data:']",
            &[
                "1:38 `'data:'` error: `data:` is not a mount; help: write `[SOURCE:]TARGET[:OPTIONS]`",
            ],
        ),
        (
            "volumes: ['src/app:/app']",
            &[
                "1:38 `'src/app:/app'` error: `src/app` is not a valid volume name: letters, digits, `.`, `-` and `_`; help: write `./src/app` to mount a folder",
            ],
        ),
        (
            "volumes: ['./a:/a:or']",
            &[
                "1:38 `'./a:/a:or'` error: `or` is not an option of a mount; help: known are `ro`, `rw`, `z`, `Z`, `nocopy` and the propagations",
            ],
        ),
        (
            "volumes: [{type: bnd, target: /a}]",
            &[
                "1:45 `bnd` error: `services.web.volumes[0].type` cannot be `bnd`; help: use one of `bind`, `volume`, `tmpfs`; help: did you mean `bind`?",
            ],
        ),
        (
            "volumes: [{type: bind, target: /a}]",
            &[
                "1:38 `{type: bind, target: /a}` error: `services.web.volumes[0]` has no `source`; help: add `source:`, a path of the host",
            ],
        ),
        (
            "volumes: [{type: volume, source: data}]",
            &[
                "1:38 `{type: volume, source: data}` error: `services.web.volumes[0]` has no `target`; help: add `target:`, the path inside the container",
            ],
        ),
        (
            "volumes: [{type: tmpfs, source: data, target: /t}]",
            &[
                "1:52 `source` error: `services.web.volumes[0].source` has no meaning for a tmpfs; help: remove it",
            ],
        ),
        (
            "volumes: [{type: image, source: x, target: /t}]",
            &[
                "1:45 `image` error: `services.web.volumes[0]` is of a type that is not supported yet; help: use `bind`, `volume` or `tmpfs`",
            ],
        ),
        (
            "volumes: [{type: bind, source: ., target: /a, bind: {propagation: shard}}]",
            &[
                "1:94 `shard` error: `services.web.volumes[0].bind.propagation` cannot be `shard`; help: use one of `rprivate`, `private`, `rshared`, `shared`, `rslave`, `slave`; help: did you mean `shared`?",
            ],
        ),
        (
            "volumes: [{type: bind, source: ., target: /a, bind: {recursive: disabled}}]",
            &[
                "1:81 `recursive` warning: `services.web.volumes[0].bind.recursive` is not supported yet and is ignored",
            ],
        ),
        (
            "volumes: [{type: volume, target: /a, volume: {labels: {a: b}}}]",
            &[
                "1:74 `labels` warning: `services.web.volumes[0].volume.labels` is not supported yet and is ignored",
            ],
        ),
        (
            "volumes: [{type: tmpfs, target: /a, tmpfs: {size: 1x}}]",
            &[
                "1:78 `1x` error: `1x` is not a size: a number with an optional unit such as `512m`, `1.5gb` or `64k`",
            ],
        ),
        (
            "tmpfs: [run]",
            &[
                "1:35 `[run]` error: `run` is not an absolute path; help: a path in a container begins with `/`",
            ],
        ),
    ]);
}

#[test]
fn wrong_variables_say_what_is_wrong() {
    check(&[
        (
            "environment: text",
            &[
                "1:41 `text` error: `services.web.environment` must be a mapping or a list of `NAME=value`, not text",
            ],
        ),
        (
            "environment: {A: [1]}",
            &["1:45 `[1]` error: `services.web.environment.A` must be text, not a list"],
        ),
        (
            "environment: ['=x']",
            &[
                "1:42 `'=x'` error: `services.web.environment[0]` has no name before the `=`; help: write `NAME=value`",
            ],
        ),
        (
            "env_file: none.env",
            &[
                "1:38 `none.env` error: the file `none.env` does not exist; help: create it, or write `{path: FILE, required: false}`",
            ],
        ),
        (
            "env_file: [{path: none.env, require: false}]",
            &[
                "1:46 `none.env` error: the file `none.env` does not exist; help: create it, or write `{path: FILE, required: false}`",
                "1:56 `require` error: unknown key `require` in `services.web.env_file[0]`; help: did you mean `required`?",
            ],
        ),
        (
            "env_file: [{required: false}]",
            &[
                "1:39 `{required: false}` error: `services.web.env_file[0]` has no `path`; help: add `path:`, the file to read",
            ],
        ),
        (
            "env_file: [{path: app.env, format: toml}]",
            &[
                "1:63 `toml` error: `services.web.env_file[0].format` cannot be `toml`; help: use `raw`",
            ],
        ),
        (
            "env_file: wrong.env",
            &[
                "2:3 `'` error: this quoted value has no end; help: close it with `'`, or write `\\'` inside it",
            ],
        ),
        (
            "label_file: none",
            &[
                "1:40 `none` error: the file `none` does not exist; help: create it, or write `{path: FILE, required: false}`",
            ],
        ),
        (
            "labels: 5",
            &[
                "1:36 `5` error: `services.web.labels` must be a mapping or a list of `NAME=value`, not a number",
            ],
        ),
        (
            "extra_hosts: [a]",
            &[
                "1:42 `a` error: `services.web.extra_hosts[0]` names no address: `a`; help: write `NAME=ADDRESS`",
            ],
        ),
        (
            "extra_hosts: ['a:b']",
            &[
                "1:42 `'a:b'` error: `b` is not an IP address; help: write an address, or `host-gateway` for the host itself",
            ],
        ),
        (
            "extra_hosts: {a: b.c}",
            &[
                "1:45 `b.c` error: `b.c` is not an IP address; help: write an address, or `host-gateway` for the host itself",
            ],
        ),
        (
            "sysctls: x",
            &[
                "1:37 `x` error: `services.web.sysctls` must be a mapping or a list of `NAME=value`, not text",
            ],
        ),
    ]);
}

#[test]
fn wrong_commands_say_what_is_wrong() {
    check(&[
        (
            "command: {a: b}",
            &["1:37 `{a: b}` error: `services.web.command` must be text or a list, not a mapping"],
        ),
        (
            r#"command: "echo 'x""#,
            &[
                r#"1:37 `"echo 'x"` error: `services.web.command` has a quote that is not closed; help: close the quote, or write the command as a list"#,
            ],
        ),
        (
            "command: [a, [b]]",
            &["1:41 `[b]` error: `services.web.command[1]` must be text, not a list"],
        ),
        (
            "working_dir: app",
            &["1:41 `app` error: `services.web.working_dir` must be an absolute path, not `app`"],
        ),
        (
            "init: maybe",
            &["1:34 `maybe` error: `services.web.init` must be `true` or `false`, not `maybe`"],
        ),
        (
            "init: [true]",
            &["1:34 `[true]` error: `services.web.init` must be `true` or `false`, not a list"],
        ),
        (
            "healthcheck: true",
            &["1:41 `true` error: `services.web.healthcheck` must be a mapping, not a boolean"],
        ),
        (
            "healthcheck: {test: []}",
            &[
                "1:48 `[]` error: `services.web.healthcheck.test` must begin with `CMD`, `CMD-SHELL` or `NONE`; help: write `[CMD, program, argument]` or one text for the shell",
            ],
        ),
        (
            "healthcheck: {test: [curl, x]}",
            &[
                "1:48 `[curl, x]` error: `services.web.healthcheck.test` must begin with `CMD`, `CMD-SHELL` or `NONE`; help: write `[CMD, program, argument]` or one text for the shell",
            ],
        ),
        ("healthcheck: {test: [CMD]}", &["1:48 `[CMD]` error: `CMD` needs a program after it"]),
        (
            "healthcheck: {test: [CMD-SHELL, a, b]}",
            &["1:48 `[CMD-SHELL, a, b]` error: `CMD-SHELL` needs exactly one text after it"],
        ),
        ("healthcheck: {test: [NONE, a]}", &["1:48 `[NONE, a]` error: nothing may follow `NONE`"]),
        (
            "healthcheck: {test: x, interval: 10}",
            &[
                "1:61 `10` error: `10` is not a duration: numbers with units such as `1m30s`, `500ms` or `2h`; help: write `10s` for seconds",
            ],
        ),
        (
            "healthcheck: {test: x, intervall: 10s}",
            &[
                "1:51 `intervall` error: unknown key `intervall` in `services.web.healthcheck`; help: did you mean `interval`?",
            ],
        ),
        (
            "healthcheck: {test: x, retries: many}",
            &[
                "1:60 `many` error: `services.web.healthcheck.retries` must be a whole number, not `many`",
            ],
        ),
        (
            "healthcheck: {test: x, retries: -1}",
            &["1:60 `-1` error: `services.web.healthcheck.retries` is out of range: `-1`"],
        ),
        (
            "healthcheck: {test: x, start_interval: 1s}",
            &[
                "1:51 `start_interval` error: `services.web.healthcheck.start_interval` needs a `start_period`; help: add `start_period:`, the time in which the shorter interval holds",
            ],
        ),
    ]);
}

#[test]
fn wrong_builds_say_what_is_wrong() {
    check(&[
        (
            "build: [a]",
            &["1:35 `[a]` error: `services.web.build` must be a folder or a mapping, not a list"],
        ),
        (
            "build: https://example.org/a.git",
            &[
                "1:35 `https://example.org/a.git` error: `services.web.build` is not on this machine: `https://example.org/a.git`; help: remote build contexts are not supported yet: clone it and name the folder",
            ],
        ),
        (
            "build: {context: ., dockerfile: D, dockerfile_inline: FROM x}",
            &[
                "1:63 `dockerfile_inline` error: `dockerfile` and `dockerfile_inline` exclude each other; 1:48 the other one; help: keep one of them",
            ],
        ),
        (
            "build: {context: ., additional_contexts: {a: ./b}}",
            &[
                "1:48 `additional_contexts` error: `services.web.build.additional_contexts` is not supported yet; help: build with a `context` that holds all files",
            ],
        ),
        (
            "build: {context: ., ssh: [default]}",
            &[
                "1:48 `ssh` error: `services.web.build.ssh` is not supported yet; help: give the build a token through `secrets`",
            ],
        ),
        (
            "build: {context: ., cache_to: [x], sbom: true}",
            &[
                "1:48 `cache_to` warning: `services.web.build.cache_to` is not supported yet and is ignored",
                "1:63 `sbom` warning: `services.web.build.sbom` is not supported yet and is ignored",
            ],
        ),
        (
            "build: {context: ., secrets: [{target: t}]}",
            &[
                "1:58 `{target: t}` error: `services.web.build.secrets[0]` has no `source`; help: add `source:`, a name under the top-level `secrets:`",
            ],
        ),
        (
            "build: {contxt: .}",
            &[
                "1:36 `contxt` error: unknown key `contxt` in `services.web.build`; help: did you mean `context`?",
            ],
        ),
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
            "networks: {front: {interface_name: eth7}}",
            &[
                "1:47 `interface_name` warning: `services.web.networks.front.interface_name` is not supported yet and is ignored",
            ],
        ),
        (
            "network_mode: briged",
            &[
                "1:42 `briged` error: `services.web.network_mode` cannot be `briged`; help: use one of `none`, `host`, `bridge`, `service:NAME`, `container:NAME`; help: did you mean `bridge`?",
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
    ]);
}

#[test]
fn undefined_names_are_suggested() {
    check(&[
        (
            "build: {context: ., secrets: [tken]}",
            &[
                "1:58 `tken` error: the service `web` uses the undefined secret `tken`; help: add `tken:` under the top-level `secrets:`; help: did you mean `token`?",
            ],
        ),
        (
            "networks: [fornt]",
            &[
                "1:39 `fornt` error: the service `web` uses the undefined network `fornt`; help: add `fornt:` under the top-level `networks:`; help: did you mean `front`?",
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
                "1:38 `'dta:/data'` error: the service `web` uses the undefined volume `dta`; help: add `dta:` under the top-level `volumes:`; help: did you mean `data`?",
            ],
        ),
        (
            "secrets: [tokn]",
            &[
                "1:38 `tokn` error: the service `web` uses the undefined secret `tokn`; help: add `tokn:` under the top-level `secrets:`; help: did you mean `token`?",
            ],
        ),
        (
            "configs: [sites]",
            &[
                "1:38 `sites` error: the service `web` uses the undefined config `sites`; help: add `sites:` under the top-level `configs:`; help: did you mean `site`?",
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
            &["1:41 `db` error: the service `web` depends on the undefined service `db`"],
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
                "1:58 `healthy` error: `services.web.depends_on.wbe.condition` cannot be `healthy`; help: use one of `service_started`, `service_healthy`, `service_completed_successfully`; help: did you mean `service_healthy`?",
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
            &["1:36 `cache` error: the service `web` depends on the undefined service `cache`"],
        ),
    ]);
}

#[test]
fn what_is_not_supported_is_named() {
    check(&[
        (
            "attach: false",
            &["1:28 `attach` warning: `services.web.attach` is not supported yet and is ignored"],
        ),
        (
            "develop: {watch: []}",
            &["1:28 `develop` warning: `services.web.develop` is not supported yet and is ignored"],
        ),
        (
            "gpus: all",
            &["1:28 `gpus` warning: `services.web.gpus` is not supported yet and is ignored"],
        ),
        (
            "post_start: [{command: x}]",
            &[
                "1:28 `post_start` warning: `services.web.post_start` is not supported yet and is ignored",
            ],
        ),
        (
            "pre_start: [{command: x}]",
            &[
                "1:28 `pre_start` error: `services.web.pre_start` is not supported yet; help: make it a service that others depend on with `service_completed_successfully`",
            ],
        ),
        (
            "volumes_from: [a]",
            &[
                "1:28 `volumes_from` error: `services.web.volumes_from` is not supported yet; help: name the volumes under `volumes:` of both services",
            ],
        ),
        (
            "provider: {type: x}",
            &[
                "1:28 `provider` error: `services.web.provider` is not supported yet; help: start what it provides by hand, or use an image",
            ],
        ),
        (
            "models: [m]",
            &["1:28 `models` warning: `services.web.models` is not supported yet and is ignored"],
        ),
        (
            "userns_mode: host",
            &[
                "1:28 `userns_mode` warning: `services.web.userns_mode` is not supported yet and is ignored",
            ],
        ),
    ]);
}

#[test]
fn settings_that_contradict_each_other_are_shown_together() {
    check(&[
        (
            "ports: ['1.2.3:80:80']",
            &[
                "1:36 `'1.2.3:80:80'` error: `1.2.3` is not an IP address; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
            ],
        ),
        (
            "network_mode: host, networks: [front]",
            &[
                "1:42 `host` error: `network_mode` and `networks` exclude each other; 1:48 the networks; help: keep one of them",
            ],
        ),
        (
            "network_mode: host, ports: ['80:80']",
            &[
                "1:56 `'80:80'` warning: in the host's network ports are not published: each is open as it is; 1:42 the network; help: remove `ports`",
            ],
        ),
        (
            "network_mode: 'container:c', ports: ['80:80']",
            &[
                "1:65 `'80:80'` error: a service in the network of the container `c` cannot publish ports; 1:42 the network; help: remove `ports`",
            ],
        ),
        (
            "restart: always, deploy: {restart_policy: {condition: none}}",
            &[
                "1:37 `always` warning: `deploy.restart_policy` overrides this `restart`; 1:70 the policy that holds; help: keep one of them",
            ],
        ),
        (
            "scale: 2, deploy: {replicas: 3}",
            &[
                "1:57 `3` error: `scale` and its twin under `deploy` have different values; 1:35 the other value; help: keep one of them",
            ],
        ),
        (
            "mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}",
            &[
                "1:81 `2g` error: `mem_limit` and its twin under `deploy` have different values; 1:39 the other value; help: keep one of them",
            ],
        ),
        (
            "scale: 2, container_name: web",
            &[
                "1:54 `web` error: a `container_name` is for one container, and `web` has 2; 1:35 as many containers; help: remove `container_name`, or run one container",
            ],
        ),
        (
            "scale: 2, ports: ['80:80']",
            &[
                "1:46 `'80:80'` error: the port `127.0.0.1:80/tcp` cannot be published by 2 containers; 1:35 as many containers; help: write `80` to let the engine choose, or a range of ports",
            ],
        ),
        (
            "deploy: {replicas: 2}, ports: ['80:80']",
            &[
                "1:59 `'80:80'` error: the port `127.0.0.1:80/tcp` cannot be published by 2 containers; 1:47 as many containers; help: write `80` to let the engine choose, or a range of ports",
            ],
        ),
        (
            "volumes: ['./a:/a', './b:/a/']",
            &[
                "1:48 `'./b:/a/'` error: two mounts have the target `/a`; 1:38 the first one; help: remove one of them",
            ],
        ),
        (
            "volumes: ['./a:/run/x'], tmpfs: /run/x",
            &[
                "1:60 `/run/x` error: two mounts have the target `/run/x`; 1:38 the first one; help: remove one of them",
            ],
        ),
        (
            "secrets: [token], volumes: ['./a:/run/secrets/token']",
            &[
                "1:38 `token` error: two mounts have the target `/run/secrets/token`; 1:56 the first one; help: remove one of them",
            ],
        ),
        (
            "ports: ['80:80', '0.0.0.0:80:81']",
            &[
                "1:45 `'0.0.0.0:80:81'` error: the service `web` publishes `0.0.0.0:80/tcp` twice; 1:36 already `127.0.0.1:80/tcp`; help: choose another port of the host for one of them",
            ],
        ),
        ("ports: ['80:80', '80:81/udp']", &[]),
    ]);
}

#[test]
fn wrong_own_keys_say_what_is_wrong() {
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
            &["1:41 `0x` error: `services.web.ready.tcp` must be a port number, not `0x`"],
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

#[test]
fn wrong_resources_say_what_is_wrong() {
    check(&[
        (
            "restart: allways",
            &[
                "1:37 `allways` error: `services.web.restart` cannot be `allways`; help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`; help: did you mean `always`?",
            ],
        ),
        (
            "restart: on-failure:x",
            &[
                "1:37 `on-failure:x` error: `services.web.restart` cannot be `on-failure:x`; help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`; help: did you mean `on-failure:3`?",
            ],
        ),
        (
            "deploy: {restart_policy: {condition: sometimes}}",
            &[
                "1:65 `sometimes` error: `services.web.deploy.restart_policy.condition` cannot be `sometimes`; help: use one of `none`, `on-failure`, `any`",
            ],
        ),
        (
            "deploy: {restart_policy: {delay: 5s}}",
            &[
                "1:54 `delay` warning: `services.web.deploy.restart_policy.delay` is not supported yet and is ignored",
            ],
        ),
        (
            "deploy: {mode: global, placement: {}}",
            &[
                "1:37 `mode` warning: `services.web.deploy.mode` is not supported yet and is ignored",
                "1:51 `placement` warning: `services.web.deploy.placement` is not supported yet and is ignored",
            ],
        ),
        (
            "deploy: {resources: {limits: {memory: 1x}}}",
            &[
                "1:66 `1x` error: `1x` is not a size: a number with an optional unit such as `512m`, `1.5gb` or `64k`",
            ],
        ),
        (
            "deploy: {resources: {reservations: {devices: []}}}",
            &[
                "1:64 `devices` warning: `services.web.deploy.resources.reservations.devices` is not supported yet and is ignored",
            ],
        ),
        (
            "deploy: {resources: {limit: {}}}",
            &[
                "1:49 `limit` error: unknown key `limit` in `services.web.deploy.resources`; help: did you mean `limits`?",
            ],
        ),
        (
            "cpus: many",
            &["1:34 `many` error: `services.web.cpus` must be a number such as `0.5`, not `many`"],
        ),
        (
            "cpus: -1",
            &["1:34 `-1` error: `services.web.cpus` must be a number such as `0.5`, not `-1`"],
        ),
        ("scale: -1", &["1:35 `-1` error: `services.web.scale` is out of range: `-1`"]),
        (
            "container_name: a",
            &[
                "1:44 `a` error: `a` is not a valid container name: at least two of letters, digits, `.`, `-` and `_`, beginning with a letter or digit",
            ],
        ),
        (
            "container_name: _a",
            &[
                "1:44 `_a` error: `_a` is not a valid container name: at least two of letters, digits, `.`, `-` and `_`, beginning with a letter or digit",
            ],
        ),
        (
            "pull_policy: sometimes",
            &[
                "1:41 `sometimes` error: `services.web.pull_policy` cannot be `sometimes`; help: use one of `always`, `never`, `missing`, `if_not_present`, `build`",
            ],
        ),
        (
            "pull_policy: daily",
            &[
                "1:41 `daily` warning: `services.web.pull_policy: daily` is not supported yet and means `missing`; help: run `devstack pull` when a newer image is wanted",
            ],
        ),
        (
            "pull_policy: every_12h",
            &[
                "1:41 `every_12h` warning: `services.web.pull_policy: every_12h` is not supported yet and means `missing`; help: run `devstack pull` when a newer image is wanted",
            ],
        ),
        (
            "pull_policy: every_x",
            &[
                "1:41 `every_x` error: `services.web.pull_policy` cannot be `every_x`; help: use one of `always`, `never`, `missing`, `if_not_present`, `build`",
            ],
        ),
        (
            "mem_limit: lots",
            &[
                "1:39 `lots` error: `lots` is not a size: a number with an optional unit such as `512m`, `1.5gb` or `64k`",
            ],
        ),
        (
            "stop_grace_period: 10",
            &[
                "1:47 `10` error: `10` is not a duration: numbers with units such as `1m30s`, `500ms` or `2h`; help: write `10s` for seconds",
            ],
        ),
        (
            "ulimits: {nofile: {soft: 1}}",
            &["1:38 `nofile` error: `services.web.ulimits.nofile` needs `soft` and `hard`"],
        ),
        (
            "ulimits: [nofile]",
            &["1:37 `[nofile]` error: `services.web.ulimits` must be a mapping, not a list"],
        ),
        (
            "devices: [nvidia.com/gpu=all]",
            &[
                "1:38 `nvidia.com/gpu=all` error: `services.web.devices[0]` names no device of the host; help: write `/dev/NAME`; names of the container device interface are not supported yet",
            ],
        ),
        (
            "devices: ['/dev/a:/dev/b:x']",
            &["1:38 `'/dev/a:/dev/b:x'` error: `x` is not one or more of `r`, `w` and `m`"],
        ),
        (
            "memswap_limit: x",
            &[
                "1:43 `x` error: `x` is not a size: a number with an optional unit such as `512m`, `1.5gb` or `64k`",
            ],
        ),
        (
            "logging: json-file",
            &["1:37 `json-file` error: `services.web.logging` must be a mapping, not text"],
        ),
        (
            "logging: {drvier: local}",
            &[
                "1:38 `drvier` error: unknown key `drvier` in `services.web.logging`; help: did you mean `driver`?",
            ],
        ),
        (
            "profiles: dev",
            &[
                "1:38 `dev` error: `services.web.profiles` must be a list, not text; help: write `[dev]`",
            ],
        ),
    ]);
}
