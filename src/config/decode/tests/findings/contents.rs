//! Keys, mounts, variables, commands, builds.

use super::check;

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
            "publish: all",
            &[
                "1:28 `publish` error: unknown key `publish` in `services.web`; help: `publish: all` stands at the top of the file; one port is published so by its address, as in `0.0.0.0:8080:80`",
            ],
        ),
        (
            "restart_policy: always",
            &[
                "1:28 `restart_policy` error: unknown key `restart_policy` in `services.web`; help: a key of your own begins with `x-`",
            ],
        ),
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
    ]);
}

#[test]
fn wrong_long_mounts_say_what_is_wrong() {
    check(&[
        (
            "volumes: [{type: bnd, target: /a}]",
            &[
                "1:45 `bnd` error: `services.web.volumes[0].type` cannot be `bnd`; help: did you mean `bind`?; help: use one of `bind`, `volume`, `tmpfs`, `image`",
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
                "1:52 `source` warning: `services.web.volumes[0].source` has no effect on this type of mount; help: remove it",
            ],
        ),
        (
            "volumes: [{type: npipe, source: x, target: /t}]",
            &[
                "1:45 `npipe` error: `services.web.volumes[0]` is of a type that is not supported yet; help: use `bind`, `volume`, `tmpfs` or `image`",
            ],
        ),
        (
            "volumes: [{type: bind, source: ., target: /a, bind: {propagation: shard}}]",
            &[
                "1:94 `shard` error: `services.web.volumes[0].bind.propagation` cannot be `shard`; help: did you mean `shared`?; help: use one of `rprivate`, `private`, `rshared`, `shared`, `rslave`, `slave`",
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
                "1:36 `run` error: `run` is not an absolute path; help: a path in a container begins with `/`",
            ],
        ),
        (
            "volumes: ['data:/d:z']",
            &[
                "1:38 `'data:/d:z'` warning: the option `z` is ignored for a volume; help: remove it",
            ],
        ),
        (
            "volumes: ['data:/d:rslave']",
            &[
                "1:38 `'data:/d:rslave'` warning: the option `rslave` is ignored for a volume; help: remove it",
            ],
        ),
        (
            "volumes: ['./a:/d:nocopy']",
            &[
                "1:38 `'./a:/d:nocopy'` warning: the option `nocopy` is ignored for a folder of the host; help: remove it",
            ],
        ),
        (
            "volumes: [{type: bind, source: ., target: /a, volume: {nocopy: true}}]",
            &[
                "1:74 `volume` warning: `services.web.volumes[0].volume` has no effect on this type of mount; help: remove it",
            ],
        ),
        (
            "volumes: [{type: volume, target: /a, bind: {selinux: z}}]",
            &[
                "1:65 `bind` warning: `services.web.volumes[0].bind` has no effect on this type of mount; help: remove it",
            ],
        ),
        (
            "volumes: [{type: tmpfs, target: /a, read_only: true}]",
            &[
                "1:64 `read_only` warning: `services.web.volumes[0].read_only` has no effect on this type of mount; help: remove it",
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
            "build: {context: ., cache_to: [x], sbom: true}",
            &[
                "1:48 `cache_to` warning: `services.web.build.cache_to` is not supported yet and is ignored",
                "1:63 `sbom` warning: `services.web.build.sbom` is not supported yet and is ignored",
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
