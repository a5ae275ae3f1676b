//! `devstack config` and what it tells of the files beside the stack itself.

use insta::assert_snapshot;

use crate::cli::{Place, stdout};

/// A stack with every way in which a value comes into it.
fn layered() -> Place {
    Place::with(
        "name: p
include: [included.yaml]
services:
  base:
    image: base
    environment: [PORT=1, A=b]
    labels: {com.example.a: x}
  db: {preset: postgres, ports: ['6000:5432']}
  api:
    extends: base
    image: ${IMAGE:-api:${TAG:-1}}
    env_file: api.env
    environment:
      PORT: ${API_PORT:-4000}
      DATABASE_URL: postgres://u:${PW}@db:5432/x
      PASS:
    ports: ['${API_PORT:-4000}:80']
  web:
    extends: {file: other.yaml, service: site}
    profiles: [web]
    command: serve --token ${WEB_TOKEN:-t0ken} ${VERBOSE:+-v}
",
    )
    .file(
        "devstack.override.yaml",
        "services:\n  api:\n    environment:\n      PORT: $MY_PORT\n    ports: ['81:81']\n",
    )
    .file("included.yaml", "services: {in: {image: in, environment: {Q: '${Q?is needed}'}}}\n")
    .file("other.yaml", "services:\n  site:\n    image: site\n    environment: {Z: '$PW'}\n")
    .file("api.env", "# what the api needs\nFROM_FILE=x$MY_PORT\nPORT=9\n")
    .file(".env", "MY_PORT=5555\nPW=hunter2\nQ=q\nVERBOSE=1\n")
    .set("PASS", "secret")
}

#[test]
fn a_value_is_explained_with_each_layer_it_came_through() {
    let place = layered();
    let paths = [
        "services.api.environment.PORT",
        "services.api.environment.FROM_FILE",
        "services.api.environment.DATABASE_URL",
        "services.api.environment.PASS",
        "services.api.environment",
        "services.api.image",
        "services.api.ports",
        "services.api.ports[0]",
        "services.api.labels.com.example.a",
        "services.api.networks",
        "services.db.ports",
        "services.db.environment.POSTGRES_PASSWORD",
        "services.db.ready.postgres.user",
        "services.in.environment.Q",
        "services.web.environment.Z",
        "services.web.command",
        "volumes.db-data.name",
        "name",
    ];
    let said: Vec<String> =
        paths.iter().map(|path| place.run(&["config", "--explain", path])).collect();
    assert_snapshot!(said.join("\n"));
    let shown = place.output(&["config", "--show-secrets", "--explain", paths[2]]);
    assert!(stdout(&shown).contains("PW is hunter2, from .env:2:1"), "{}", stdout(&shown));
}

#[test]
fn a_value_is_explained_to_programs() {
    let place = layered();
    let arguments = ["config", "--format", "json", "--explain", "services.api.environment.PORT"];
    assert_snapshot!(place.run(&arguments));
}

#[test]
fn a_path_to_nothing_is_told() {
    let place = layered();
    let paths =
        ["services.api.enviroment.PORT", "services.api.ports[7]", "nothing", "", "..a", "["];
    let said: Vec<String> =
        paths.iter().map(|path| place.run(&["config", "--explain", path])).collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn variables_are_listed_as_docker_compose_lists_them() {
    let place = layered();
    assert_snapshot!(place.run(&["config", "--variables"]));
    let json = place.output(&["config", "--variables", "--format", "json", "--show-secrets"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let expected = serde_json::json!({
        "Name": "WEB_TOKEN", "Required": false, "DefaultValue": "t0ken", "PresenceValue": "",
    });
    assert_eq!(json["WEB_TOKEN"], expected);
}

#[test]
fn without_interpolation_the_files_are_merged_and_variables_stay() {
    let place = layered();
    assert_snapshot!(place.run(&["config", "--no-interpolate"]));
    // Filled in later it is the same stack.
    let whole = place.output(&["--profile", "*", "config", "--show-secrets"]);
    let written = place.output(&["config", "--no-interpolate", "--show-secrets"]);
    let place = place.file("written.yaml", stdout(&written));
    let again = place.output(&["-f", "written.yaml", "--profile", "*", "config", "--show-secrets"]);
    assert_eq!(stdout(&again), stdout(&whole));
}

#[test]
fn nothing_to_print_is_read_again() {
    let place = Place::with("name: p\nservices:\n  a: {image: a, profiles: [x]}\n");
    let printed = place.output(&["config"]);
    assert_eq!(stdout(&printed), "name: p\nservices: {}\n");
    let place = place.file("again.yaml", stdout(&printed));
    assert_eq!(
        place.run(&["-f", "again.yaml", "config"]),
        "out: name: p\nout: services: {}\nexit code 0\n"
    );
}

#[test]
fn a_lock_names_the_images_of_services_hooks_and_mounts() {
    let digest = format!("sha256:{}", "9f86d081".repeat(8));
    let place = Place::with(&format!(
        "name: p
services:
  web:
    image: web@{digest}
    pre_start:
      - {{image: tools@{digest}, command: [migrate, '$$HOME'], environment: {{A: b}}}}
      - {{command: [chown, '1000', /data]}}
    volumes: ['./src:/src', {{type: image, source: site@{digest}, target: /site}}]
  built:
    build: .
    pre_start: [{{image: tools@{digest}, environment: {{API_KEY: k}}}}]
"
    ));
    assert_snapshot!(place.run(&["config", "--lock-image-digests"]));
    assert_snapshot!(place.run(&["config", "--lock-image-digests", "--format", "json"]));
    // Merged over the file it changes nothing else.
    let lock = place.output(&["config", "--lock-image-digests"]);
    let whole = place.output(&["config"]);
    let place = place.file("lock.yaml", stdout(&lock));
    let merged = place.output(&["-f", "devstack.yaml", "-f", "lock.yaml", "config"]);
    assert_eq!(stdout(&merged), stdout(&whole));
}

#[test]
fn digests_need_an_engine_only_for_images_of_a_registry() {
    let place = Place::with(
        "services:
  built: {build: .}
  pinned: {image: 'a@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'}
",
    );
    assert_snapshot!(place.run(&["-p", "p", "config", "--lock-image-digests"]));
    assert_eq!(
        Place::with("services: {a: {image: a}}").code(&["config", "--resolve-image-digests"]),
        3
    );
}
