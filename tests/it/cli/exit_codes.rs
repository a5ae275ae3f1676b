//! How commands end, above all where there is no engine.

use insta::assert_snapshot;

use super::{Place, WEB};

#[test]
fn done_is_0() {
    assert_eq!(Place::with(WEB).code(&["config", "--quiet"]), 0);
    assert_eq!(Place::empty().code(&["--version"]), 0);
}

#[test]
fn something_wrong_in_the_project_is_1() {
    assert_eq!(Place::empty().code(&["config"]), 1);
    assert_eq!(Place::with("services: 1\n").code(&["config"]), 1);
    assert_eq!(Place::with(WEB).code(&["config", "nobody"]), 1);
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["up", "--nonsense"],
        &["up", "--scale", "web"],
        &["--progress", "loud", "ps"],
        &["up", "-t", "x"],
        &["up", "-d", "--abort-on-container-exit"],
        &["up", "-d", "--exit-code-from", "web"],
        &["up", "-d", "--attach", "web"],
        &["up", "--wait", "--abort-on-container-failure"],
        &["up", "--abort-on-container-failure", "--abort-on-container-exit"],
        &["up", "--abort-on-container-failure", "--exit-code-from", "web"],
        &["up", "--attach", "web", "--attach-dependencies"],
        &["port", "web", "80/upd"],
        &["exec"],
    ] {
        assert_eq!(Place::with(WEB).code(arguments), 2, "{arguments:?}");
    }
}

#[test]
fn no_engine_is_3() {
    let place = Place::with("services: {web: {build: .}}\n");
    for arguments in [
        &["up", "-d"][..],
        &["down"],
        &["stop"],
        &["start"],
        &["restart"],
        &["kill"],
        &["rm", "-f"],
        &["reset", "-y"],
        &["ps"],
        &["status"],
        &["logs"],
        &["exec", "web", "true"],
        &["pull"],
        &["build"],
        &["up", "--dry-run"],
        &["down", "--dry-run"],
    ] {
        assert_eq!(place.code(arguments), 3, "{arguments:?}");
    }
}

#[test]
fn without_an_engine_the_message_says_what_to_do() {
    assert_snapshot!(Place::with(WEB).run(&["up", "-d"]), @"
    err: error: no Docker Engine answers at unix:///nonexistent/docker.sock: /nonexistent/docker.sock does not exist
    err:  |
    err:  = help: start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is named by DOCKER_HOST or `docker context use`
    exit code 3
    ");
    let place = Place::with(WEB).set("DOCKER_HOST", "tcp://127.0.0.1:1");
    assert_snapshot!(place.run(&["ps"]), @"
    err: error: no Docker Engine answers at tcp://127.0.0.1:1: connection refused
    err:  |
    err:  = help: check DOCKER_HOST and `docker context ls`
    exit code 3
    ");
    let place = Place::with(WEB).set("DOCKER_HOST", "carrier-pigeon://roof");
    assert_snapshot!(place.run(&["ps"]), @r"
    err: error: cannot use the Docker Engine: URI scheme is not supported: carrier-pigeon://roof
    exit code 1
    ");
}

#[test]
fn an_unknown_context_is_told() {
    let mut place = Place::with(WEB).set("DOCKER_CONTEXT", "elsewhere");
    place.environment.retain(|(name, _)| *name != "DOCKER_HOST");
    assert_snapshot!(place.run(&["ps"]), @"
    err: error: docker context `elsewhere` does not exist
    err:  |
    err:  = help: list contexts with `docker context ls`, or unset DOCKER_CONTEXT
    exit code 1
    ");
}

#[test]
fn a_dry_run_looks_at_the_engine_and_needs_it() {
    assert_snapshot!(Place::with(WEB).run(&["--dry-run", "up"]), @"
    err: error: no Docker Engine answers at unix:///nonexistent/docker.sock: /nonexistent/docker.sock does not exist
    err:  |
    err:  = help: start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is named by DOCKER_HOST or `docker context use`
    exit code 3
    ");
}

#[test]
fn the_version_is_told_without_an_engine_too() {
    assert_snapshot!(Place::empty().run(&["version"]), @r"
    out: devstack  0.1.0
    out: engine    not reachable
    out: at        unix:///nonexistent/docker.sock (DOCKER_HOST)
    exit code 0
    ");
}
