//! `reload`: its forms, and what does not go with it.

use serde_json::json;

use super::{service, service_findings};

#[test]
fn a_word_stands_for_all_defaults() {
    let expected = json!({
        "runner": "node", "watch": true, "preload": true, "types": true, "overlap": true,
        "early": true, "hold": "10s", "grace": "2s",
    });
    for form in [
        "reload: node",
        "reload: true",
        "reload: {}",
        "reload: {runner: node}",
        "x-devstack: {reload: node}",
    ] {
        let form = form.replace("{}", "{watch: true}");
        assert_eq!(service(&form)["x-devstack"]["reload"], expected, "{form}");
    }
    assert_eq!(service("reload: false").get("x-devstack"), None);
}

#[test]
fn every_setting_is_kept() {
    let part = "reload: {entry: ./src/api.ts, paths: [src, libs/], watch: no, preload: false, \
                types: false, overlap: false, early: false, inspect: 9229, hold: 1m, grace: 500ms}";
    let service = service(part);
    assert_eq!(
        service["x-devstack"]["reload"],
        json!({
            "runner": "node", "entry": "src/api.ts", "paths": ["src", "libs"], "watch": false,
            "preload": false, "types": false, "overlap": false, "early": false, "inspect": 9229,
            "hold": "1m0s", "grace": "500ms",
        })
    );
    // The debugger's port is of no use inside alone.
    assert_eq!(
        service["ports"],
        json!([{ "host_ip": "127.0.0.1", "target": 9229, "published": "9229", "protocol": "tcp" }])
    );
}

#[test]
fn a_published_inspector_is_left_as_it_is() {
    let service = service("reload: {inspect: 9229}\nports: ['9300:9229']");
    assert_eq!(service["ports"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["ports"][0]["published"], "9300");
}

#[test]
fn other_ways_are_chosen_by_their_key() {
    let cases = [
        ("reload: restart", json!({"restart": true})),
        ("reload: {restart}", json!({"restart": true})),
        ("reload: {restart: yes, ignore: a}", json!({"restart": true, "ignore": ["a"]})),
        ("reload: {signal: hup}", json!({"signal": "SIGHUP"})),
        (
            "reload: {signal: SIGUSR1, include: ['*.conf'], sync: 'conf:/etc/app'}",
            json!({"signal": "SIGUSR1", "sync": ["/p/conf:/etc/app"], "include": ["*.conf"]}),
        ),
        (
            "reload: {command: python -m app, sync: [./a:/a, /b:/b], grace: 500ms}",
            json!({
                "command": ["python", "-m", "app"], "grace": "500ms", "sync": ["/p/a:/a", "/b:/b"],
            }),
        ),
        (
            "reload: {command: [/tmp/app], compile: go build -o /tmp/app .}",
            json!({
                "command": ["/tmp/app"], "grace": "2s",
                "compile": ["go", "build", "-o", "/tmp/app", "."],
            }),
        ),
    ];
    for (part, expected) in cases {
        let service = service(&format!("volumes: ['./src:/app']\n{part}"));
        assert_eq!(service["x-devstack"]["reload"], expected, "{part}");
    }
}

#[test]
fn what_cannot_be_is_said_at_its_place() {
    let cases = [
        (
            "reload: deno",
            "1:36 `deno` error: `services.web.reload` cannot be `deno`; help: use one of `node`, `restart`, `false`; help: or say more: `{signal: SIGHUP}`, `{command: [PROGRAM]}`",
        ),
        (
            "reload: {entry: ../main.ts}",
            "1:44 `../main.ts` error: `services.web.reload.entry` must be a path below the working directory, not `../main.ts`; help: write it as in `src/main.ts`",
        ),
        (
            "reload: {paths: [/srv]}",
            "1:45 `/srv` error: `services.web.reload.paths[0]` must be a path below the working directory, not `/srv`; help: write it as in `src/main.ts`",
        ),
        (
            "reload: {inspect: 0}",
            "1:46 `0` error: `services.web.reload.inspect` must be a port number, not `0`; help: write `9229`",
        ),
        (
            "reload: {entri: a.ts}",
            "1:37 `entri` error: unknown key `entri` in `services.web.reload`; help: did you mean `entry`?",
        ),
        (
            "command: [node, a.js], reload: node",
            "1:28 `command` error: `web` has a command and a reload runner; 1:51 the runner starts the application; help: name the file to run with `reload: {entry: FILE}`, or write `reload: false`",
        ),
        (
            "reload: {restart, signal: SIGHUP}",
            "1:46 `signal` error: `services.web.reload` chooses both `restart` and `signal`; 1:37 the first one; help: keep one of them",
        ),
        (
            "reload: {signal: SIGHOP, sync: '.:/a'}",
            "1:45 `SIGHOP` error: `services.web.reload.signal` cannot be `SIGHOP`; help: did you mean `SIGHUP`?; help: use one of `SIGHUP`, `SIGINT`, `SIGQUIT`, `SIGTERM`, `SIGUSR1`, `SIGUSR2`, `SIGCONT`, `SIGWINCH`",
        ),
        (
            "reload: {signal, sync: '.:/a'}",
            "1:37 `signal` error: `services.web.reload.signal` must be a signal such as `SIGHUP`, not nothing",
        ),
        (
            "reload: {command: [], sync: '.:/a'}",
            "1:46 `[]` error: `services.web.reload.command` names no program; help: write it as in `[python, app.py]`",
        ),
        (
            "reload: {command: [''], sync: '.:/a'}",
            "1:46 `['']` error: `services.web.reload.command` names no program; help: write it as in `[python, app.py]`",
        ),
        (
            "reload: {restart, sync: ['.:/a', 'src:app']}",
            "1:61 `'src:app'` error: `services.web.reload.sync[1]` must be `PATH:TARGET`, not `src:app`; help: a path here and an absolute one in the container, as in `./src:/app/src`",
        ),
        (
            "reload: {restart, sync: '.:/a', entry: a.ts}",
            "1:60 `entry` error: `services.web.reload.entry` does not go with `restart`; help: remove one of them",
        ),
        (
            "reload: {entry: a.ts, sync: '.:/a'}",
            "1:50 `sync` error: `services.web.reload.sync` does not go with `node`; help: remove one of them",
        ),
        (
            "reload: {restart: false, sync: '.:/a'}",
            "1:36 `{restart: false, sync: '.:/a'}` error: `services.web.reload.restart` chooses a way and cannot be false; help: write `reload: false`",
        ),
        (
            "reload: {restart, sync: '.:/a', ignore: '[a'}",
            "1:68 `'[a'` error: `[a` is not a pattern: unclosed character class; missing ']'",
        ),
        (
            "reload: restart",
            "1:28 `reload` warning: no file of this machine that changes reaches `web`; help: mount its folder, `volumes: ['./src:/app/src']`, or copy it, `sync: './src:/app/src'`",
        ),
        (
            "command: a, reload: {command: b, sync: '.:/a'}",
            "1:28 `command` error: `web` has a command and a reload runner; 1:40 the runner starts the application; help: keep that of `reload`",
        ),
    ];
    for (part, expected) in cases {
        assert_eq!(service_findings(part), [expected], "{part}");
    }
}
