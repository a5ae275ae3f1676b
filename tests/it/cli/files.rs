//! Which files make up the stack, and which of its services are meant.

use insta::assert_snapshot;

use super::{Place, WEB, stdout};

#[test]
fn no_file_is_told() {
    assert_snapshot!(Place::empty().run(&["up"]), @r"
    err: error: no `devstack.yaml` or `compose.yaml` here or in a folder above
    err:  |
    err:  = help: go to the project's folder, or name a file with `--file`
    exit code 1
    ");
    assert_snapshot!(Place::empty().run(&["-f", "other.yaml", "up"]), @r"
    err: error: the file `other.yaml` does not exist
    err:  |
    err:  = help: it is named by `--file`
    exit code 1
    ");
}

#[test]
fn an_unknown_service_is_told_before_the_engine_is_asked() {
    assert_snapshot!(Place::with(WEB).run(&["up", "wbe"]), @"
    err: error: no service `wbe` in the files
    err:  |
    err:  = help: did you mean `web`?
    exit code 1
    ");
    assert_snapshot!(Place::with(WEB).run(&["logs", "database"]), @"
    err: error: no service `database` in the files
    err:  |
    err:  = help: `devstack config --services` lists them
    exit code 1
    ");
    for flags in [
        &["--scale", "wbe=2"],
        &["--exit-code-from", "wbe"],
        &["--attach", "wbe"],
        &["--no-attach", "wbe"],
    ] {
        let said = Place::with(WEB).run(&[&["up"], &flags[..]].concat());
        assert!(
            said.starts_with("err: error: no service `wbe` in the files\n"),
            "{flags:?} {said}"
        );
        assert!(said.ends_with("did you mean `web`?\nexit code 1\n"), "{flags:?} {said}");
    }
}

#[test]
fn a_file_is_found_in_a_folder_above() {
    let place = Place::with(WEB);
    let below = place.folder.path().join("deep/down");
    std::fs::create_dir_all(&below).expect("folders");
    let output = place.command(&["config", "--services"]).current_dir(below).output();
    assert_eq!(stdout(&output.expect("the program starts")), "web\n");
}

#[test]
fn files_and_names_come_from_flags_and_variables() {
    let place = Place::with(WEB).file("more.yaml", "services: {db: {image: db}}\n");
    let services =
        place.output(&["-f", "devstack.yaml", "-f", "more.yaml", "config", "--services"]);
    assert_eq!(stdout(&services), "web\ndb\n");
    let place = place.set("COMPOSE_FILE", "more.yaml").set("COMPOSE_PROJECT_NAME", "other");
    let config = place.output(&["config"]);
    assert!(stdout(&config).starts_with("name: other\nservices:\n  db:\n"), "{}", stdout(&config));
    // devstack's own twins win, and flags over both.
    let place = place
        .set("DEVSTACK_FILE", "devstack.yaml,more.yaml")
        .set("DEVSTACK_PATH_SEPARATOR", ",")
        .set("DEVSTACK_PROJECT_NAME", "own");
    let config = place.output(&["config", "--services"]);
    assert_eq!(stdout(&config), "web\ndb\n");
    let config = place.output(&["config"]);
    assert!(stdout(&config).starts_with("name: own\n"), "{}", stdout(&config));
    let config = place.output(&["-p", "flag", "config"]);
    assert!(stdout(&config).starts_with("name: flag\n"), "{}", stdout(&config));
}

#[test]
fn twins_of_composes_variables_win_in_the_environment_and_in_env_files() {
    let place = Place::empty()
        .file("a.yaml", "services: {a: {image: a}, b: {image: b, profiles: [p]}}\n")
        .file("b.yaml", "services: {other: {image: '${X}'}}\n")
        .file(".env", "DEVSTACK_FILE=a.yaml\nCOMPOSE_FILE=b.yaml\nDEVSTACK_PROFILES=p\n")
        .set("COMPOSE_PROFILES", "q");
    assert_eq!(stdout(&place.output(&["config", "--services"])), "a\nb\n");
    let place = place.set("DEVSTACK_DISABLE_ENV_FILE", "1").set("COMPOSE_FILE", "a.yaml");
    assert_eq!(stdout(&place.output(&["config", "--services"])), "a\n");
    let place = place
        .file("x.env", "X=set\n")
        .set("COMPOSE_ENV_FILES", "not-there.env")
        .set("DEVSTACK_ENV_FILES", "x.env")
        .set("COMPOSE_FILE", "b.yaml");
    assert_eq!(stdout(&place.output(&["config", "--images"])), "set\n");
    // Those that stand for a flag.
    let place = place.set("COMPOSE_ANSI", "never").set("DEVSTACK_ANSI", "sometimes");
    let output = place.output(&["config", "-q"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("invalid value 'sometimes' for 'DEVSTACK_ANSI'"), "{said}");
}
