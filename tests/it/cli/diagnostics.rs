//! What is said of mistakes in the files.

use insta::assert_snapshot;

use super::Place;

#[test]
fn broken_yaml_is_shown_at_its_place() {
    let place = Place::with("services:\n  web:\n    image: [web\n    command: run\n");
    assert_snapshot!(place.run(&["up"]), @r"
    err: error: a `:` does not belong here
    err:  --> devstack.yaml:4:12
    err:   |
    err: 4 |     command: run
    err:   |            ^
    err:   |
    err:   = help: line the key up with its neighbours
    err:   = help: put quotes around a value that contains `: `
    exit code 1
    ");
}

#[test]
fn an_unknown_key_is_shown_with_what_may_be_meant() {
    let place = Place::with("services:\n  web:\n    image: web\n    enviroment: {A: b}\n");
    assert_snapshot!(place.run(&["up"]), @r"
    err: error: unknown key `enviroment` in `services.web`
    err:  --> devstack.yaml:4:5
    err:   |
    err: 4 |     enviroment: {A: b}
    err:   |     ^^^^^^^^^^
    err:   |
    err:   = help: did you mean `environment`?
    exit code 1
    ");
}

#[test]
fn everything_wrong_is_shown_at_once() {
    let place = Place::with(
        "services:
  web:
    image: web
    depends_on: [dbb]
    ports: ['99999:80']
    networks: [front]
  db:
    image: db
    restart: sometimes
",
    );
    assert_snapshot!(place.run(&["up"]), @r"
    err: error: the service `web` depends on the undefined service `dbb`
    err:  --> devstack.yaml:4:18
    err:   |
    err: 4 |     depends_on: [dbb]
    err:   |                  ^^^
    err:   |
    err:   = help: did you mean `db`?
    err:
    err: error: `99999` is not a port number: write 1 to 65535
    err:  --> devstack.yaml:5:14
    err:   |
    err: 5 |     ports: ['99999:80']
    err:   |              ^^^^^
    err:   |
    err:   = help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`
    err:
    err: error: the service `web` uses the undefined network `front`
    err:  --> devstack.yaml:6:16
    err:   |
    err: 6 |     networks: [front]
    err:   |                ^^^^^
    err:   |
    err:   = help: add `front:` under the top-level `networks:`
    err:
    err: error: `services.db.restart` cannot be `sometimes`
    err:  --> devstack.yaml:9:14
    err:   |
    err: 9 |     restart: sometimes
    err:   |              ^^^^^^^^^
    err:   |
    err:   = help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`
    exit code 1
    ");
}

#[test]
fn a_cycle_is_shown_whole() {
    let place = Place::with(
        "services:
  a: {image: i, depends_on: [b]}
  b: {image: i, depends_on: [c]}
  c: {image: i, depends_on: [a]}
",
    );
    assert_snapshot!(place.run(&["up"]), @r"
    err: error: services depend on each other in a circle: `a -> b -> c -> a`
    err:  --> devstack.yaml:2:30
    err:   |
    err: 2 |   a: {image: i, depends_on: [b]}
    err:   |                              ^ `a` waits for `b`
    err: 3 |   b: {image: i, depends_on: [c]}
    err:   |                              - `b` waits for `c`
    err: 4 |   c: {image: i, depends_on: [a]}
    err:   |                              - `c` waits for `a`
    err:   |
    err:   = help: remove one of these dependencies
    exit code 1
    ");
}

#[test]
fn a_missing_variable_is_shown_where_it_is_used() {
    let place = Place::with("services:\n  web:\n    image: ${IMAGE:?say which}\n");
    assert_snapshot!(place.run(&["up"]), @r"
    err: error: required variable `IMAGE` is not set: say which
    err:  --> devstack.yaml:3:12
    err:   |
    err: 3 |     image: ${IMAGE:?say which}
    err:   |            ^^^^^^^^^^^^^^^^^^^
    err:   |
    err:   = help: set `IMAGE` in the environment or in `.env`
    exit code 1
    ");
}

#[test]
fn a_warning_stops_nothing() {
    let place = Place::with("services:\n  web:\n    image: web\n    environment: {TAG: $TAG}\n");
    assert_snapshot!(place.run(&["config", "--images"]), @r"
    out: web
    err: warning: variable `TAG` is not set
    err:  --> devstack.yaml:4:24
    err:   |
    err: 4 |     environment: {TAG: $TAG}
    err:   |                        ^^^^ empty text is used
    err:   |
    err:   = help: set it, give a default with `${TAG:-default}`, or write `$$` for a literal `$`
    exit code 0
    ");
}
