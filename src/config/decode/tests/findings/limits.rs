//! Limits, restart, contradictions, and what is not supported.

use super::check;

#[test]
fn settings_that_contradict_each_other_are_shown_together() {
    check(&[
        (
            "ports: ['1.2.3:80:80']",
            &[
                "1:37 `1.2.3` error: `1.2.3` is not an IP address; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
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
                "1:45 `'0.0.0.0:80:81'` error: the service `web` publishes `0.0.0.0:80/tcp` twice; 1:36 already `127.0.0.1:80/tcp`; help: give one of them another port: `ports: [PORT:81]`",
            ],
        ),
        ("ports: ['80:80', '80:81/udp']", &[]),
    ]);
}

#[test]
fn what_is_not_supported_is_named() {
    check(&[
        (
            "credential_spec: {file: a}",
            &[
                "1:28 `credential_spec` warning: `services.web.credential_spec` is not supported yet and is ignored",
            ],
        ),
        ("pre_start: [{command: x}]", &[]),
        ("pre_start: [{image: x}]", &[]),
        (
            "credential_spec: {file: x}",
            &[
                "1:28 `credential_spec` warning: `services.web.credential_spec` is not supported yet and is ignored",
            ],
        ),
        (
            "post_start: [{user: x}]",
            &[
                "1:41 `{user: x}` error: `services.web.post_start[0]` has no `command`; help: add `command:`, what to run in the container",
            ],
        ),
        (
            "pre_start: [{user: x}]",
            &[
                "1:40 `{user: x}` error: `services.web.pre_start[0]` has neither `command` nor `image`; help: add `command:`, what has to be done before the service starts",
            ],
        ),
        (
            "models: [m]",
            &["1:28 `models` warning: `services.web.models` is not supported yet and is ignored"],
        ),
    ]);
}

#[test]
fn wrong_policies_say_what_is_wrong() {
    check(&[
        (
            "restart: allways",
            &[
                "1:37 `allways` error: `services.web.restart` cannot be `allways`; help: did you mean `always`?; help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`",
            ],
        ),
        (
            "restart: on-failure:x",
            &[
                "1:37 `on-failure:x` error: `services.web.restart` cannot be `on-failure:x`; help: did you mean `on-failure:3`?; help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`",
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
            "deploy: {resources: {limit: {}}}",
            &[
                "1:49 `limit` error: unknown key `limit` in `services.web.deploy.resources`; help: did you mean `limits`?",
            ],
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

#[test]
fn wrong_resources_say_what_is_wrong() {
    check(&[
        (
            "cpus: many",
            &["1:34 `many` error: `services.web.cpus` must be a number such as `0.5`, not `many`"],
        ),
        (
            "cpus: -1",
            &["1:34 `-1` error: `services.web.cpus` must be a number such as `0.5`, not `-1`"],
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
            &[
                "1:37 `[nofile]` error: `services.web.ulimits` must be a mapping, not a list; help: write `NAME: value` lines, without a `-` before them",
            ],
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
    ]);
}
