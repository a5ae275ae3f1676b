//! Names, sections and what only the whole stack can tell.

use super::super::findings;

fn check(cases: &[(&str, &[&str])]) {
    for (yaml, expected) in cases {
        assert_eq!(findings(yaml), *expected, "{yaml}");
    }
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
            "services: {web: {imge: x}}",
            &[
                "1:18 `imge` error: unknown key `imge` in `services.web`; help: did you mean `image`?",
            ],
        ),
        (
            "services: {web: {image: x, reload: foo}}",
            &[
                "1:36 `foo` error: `services.web.reload` cannot be `foo`; help: use one of `node`, `restart`, `false`; help: or say more: `{signal: SIGHUP}`, `{command: [PROGRAM]}`",
            ],
        ),
        (
            "services: {web: {image: x, ready: {http: {port: abc}, timeout: 5s}}}",
            &[
                "1:49 `abc` error: `services.web.ready.http.port` must be a port number from 1 to 65535, not `abc`",
            ],
        ),
        (
            "services: {web: {image: x, ports: ['-1:80', 'auto:x:80']}}",
            &[
                "1:37 `-1` error: `-1` is not a port number: write 1 to 65535; help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`",
                "1:51 `x` error: `x` is not a port number: write 1 to 65535; help: write `auto:CONTAINER_PORT` or `auto:HOST_PORT:CONTAINER_PORT`",
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
            "services: {web: {image: x}}\nnetworks: {a: {driver: 3, ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.1.1, ip_range: 'fd00::/64'}]}}}",
            &[
                "2:24 `3` error: `networks.a.driver` must be a name, not a number",
                "2:74 `10.0.1.1` error: `networks.a.ipam.config[0].gateway` is outside of the subnet `10.0.0.0/24`; help: write an address of the subnet",
                "2:94 `'fd00::/64'` error: `networks.a.ipam.config[0].ip_range` is outside of the subnet `10.0.0.0/24`; help: write an address of the subnet",
            ],
        ),
        (
            "services: {web: {image: x}}\nnetworks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.9, ip_range: 10.0.0.128/25, aux_addresses: {h: x}}]}}}",
            &[
                "2:117 `x` error: `h` in `networks.a.ipam.config[0].aux_addresses` has no IP address; help: write `h: ADDRESS`",
            ],
        ),
        (
            "services: {web: {image: x}}\nvolumes: {a: {name: 'a b'}, b: {name: 'a b', driver: other}, c: {driver: 3}}",
            &[
                "2:21 `'a b'` error: `volumes.a.name` must be a name of two or more letters, digits, `.`, `-` and `_`, not `a b`",
                "2:74 `3` error: `volumes.c.driver` must be a name, not a number",
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
