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
fn what_cannot_be_is_said_at_its_place() {
    let cases = [
        (
            "reload: deno",
            "1:36 `deno` error: `services.web.reload` cannot be `deno`; help: use `node`",
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
    ];
    for (part, expected) in cases {
        assert_eq!(service_findings(part), [expected], "{part}");
    }
}
