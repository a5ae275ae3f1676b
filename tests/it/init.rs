//! `devstack init`: what it writes for what it finds, and that what it writes is read without a
//! word.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use insta::{assert_snapshot, with_settings};

use crate::cli::{Place, stdout};

macro_rules! situations {
    ($($name:ident)*) => {
        const SITUATIONS: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*
    };
}

situations! {
    nest_with_everything nest_without_dockerfile nest_with_prisma nest_with_other_database
    nest_with_new_yarn nest_with_plug_and_play nest_with_bun nest_with_two_lock_files
    nest_production_only nest_elsewhere repository_of_applications dockerfile dockerfile_stages
    compose compose_extensions compose_override compose_credentials compose_windows
    broken_compose nothing
}

/// `init/NAME.txt` holds the files of a folder, each after a line `--- NAME`.
fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/init")
}

fn place(situation: &str) -> Place {
    let text = fs::read_to_string(folder().join(situation).with_extension("txt"));
    let text = text.expect("a situation's files");
    let mut place = Place::empty();
    for file in text.split("--- ").skip(1) {
        let (name, text) = file.split_once('\n').expect("a name and a text");
        place = place.file(name, &text.replace("\\r\n", "\r\n"));
    }
    place
}

fn check(situation: &str) {
    let place = place(situation);
    let mut said = place.run(&["init"]);
    for name in ["devstack.yaml", "devstack.override.yaml"] {
        let Some(text) = place.read(name) else { continue };
        write!(said, "--- {name}\n{}", text.replace('\r', "\\r")).expect("a string takes all");
        let first = text.lines().next().unwrap_or_default();
        assert_eq!(first, "# yaml-language-server: $schema=devstack.schema.json");
    }
    if said.contains("devstack.yaml written") {
        // What it writes is read without a word.
        let read = place.output(&["config", "--show-secrets"]);
        assert_eq!(String::from_utf8_lossy(&read.stderr), "", "{situation}");
        assert_eq!(read.status.code(), Some(0), "{situation}");
    }
    with_settings!({
        snapshot_path => folder(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        assert_snapshot!(situation, said);
    });
}

#[test]
fn every_situation_is_looked_at() {
    let mut found: Vec<String> = fs::read_dir(folder())
        .expect("the situations are there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut situations = SITUATIONS.to_vec();
    situations.sort_unstable();
    assert_eq!(found, situations);
}

#[test]
fn a_file_that_is_there_is_written_over_only_by_force() {
    let place = place("compose").file("devstack.yaml", "mine\n");
    assert_eq!(place.code(&["init"]), 1);
    assert_eq!(place.read("devstack.yaml").as_deref(), Some("mine\n"));
    let names = ["init", "--dry-run"];
    let printed = place.output(&names);
    assert_eq!(place.read("devstack.yaml").as_deref(), Some("mine\n"));
    assert_eq!(place.code(&["init", "--force"]), 0);
    assert_eq!(place.read("devstack.yaml").as_deref(), Some(stdout(&printed)));
    assert_eq!(stdout(&place.output(&["init", "-o", "-"])), stdout(&printed));
}

#[test]
fn two_files_are_printed_each_under_its_name_and_written_together_or_not_at_all() {
    let place = place("compose_override");
    let printed = place.output(&["init", "--dry-run"]);
    assert_snapshot!(stdout(&printed));
    // As one file of two documents it is the same stack.
    let place = place.file("devstack.both.yaml", stdout(&printed));
    let both = place.output(&["-p", "p", "-f", "devstack.both.yaml", "config"]);

    // A folder is where the second one would be.
    let place = place.file("devstack.override.yaml/x", "").file("devstack.yaml", "mine\n");
    assert_snapshot!(place.run(&["init"]));
    assert_snapshot!(place.run(&["init", "--force"]));
    assert_eq!(place.read("devstack.yaml").as_deref(), Some("mine\n"));
    let names = [
        "devstack.both.yaml",
        "devstack.override.yaml",
        "devstack.yaml",
        "docker-compose.override.yml",
        "docker-compose.yml",
    ];
    assert_eq!(place.names(), names);

    let place = self::place("compose_override");
    assert_eq!(place.code(&["init"]), 0);
    assert_eq!(stdout(&place.output(&["-p", "p", "config"])), stdout(&both));
}

#[test]
fn a_file_of_any_name_is_converted_where_it_lies() {
    let place = Place::empty().file("stack.yml", "services: {a: {image: a}}\n");
    assert_snapshot!(place.run(&["init", "--from", "stack.yml", "-o", "other/devstack.yaml"]), @"
    err: error: the paths of a Compose file mean something else in another folder
    err:  |
    err:  = help: write it beside FOLDER/stack.yml
    exit code 1
    ");
    assert_snapshot!(place.run(&["init", "--from", "nothing.yml"]), @"
    err: error: there is no file FOLDER/nothing.yml
    err:  |
    err:  = help: name a Compose file after `--from`
    exit code 1
    ");
    assert_eq!(place.code(&["init", "--from", "stack.yml"]), 0);
    assert_eq!(
        place.read("devstack.yaml").as_deref(),
        Some("# yaml-language-server: $schema=devstack.schema.json\nservices: {a: {image: a}}\n")
    );
}
