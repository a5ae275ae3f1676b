//! What is wrong, in all files at once.

use std::path::PathBuf;

use super::{asking_for, load_with, loaded, messages};
use crate::config::load::LoadRequest;

#[test]
fn all_that_is_wrong_is_reported_together() {
    for (files, expected) in [
        (
            vec![
                ("devstack.yaml", "services: {a: {image: '${A', user: '${B:?}', user: x}}"),
                ("devstack.override.yaml", "- x"),
            ],
            vec!["the key `user` is given twice", "a stack file must be a mapping, not a list"],
        ),
        (
            vec![
                ("devstack.yaml", "services: {a: {image: '${A'}}"),
                ("devstack.override.yaml", "# nothing\n"),
                (".env", "A B\n"),
            ],
            vec![
                "`A B` is not a name of a variable",
                "this `${` has no `}`",
                "`devstack.override.yaml` is empty",
            ],
        ),
        (
            vec![(
                "devstack.yaml",
                "services: {a: {preset: mysql}, b: {preset: 5}, c: {preset: postgrse}}",
            )],
            vec![
                "there is no preset `mysql`",
                "`preset` must be text, not a number",
                "there is no preset `postgrse`",
            ],
        ),
        (
            vec![(
                "devstack.yaml",
                "services: {a: {extends: bb}, b: {extends: {}}, c: {extends: {file: x.yaml, service: y}}}",
            )],
            vec![
                "there is no service `bb` in `devstack.yaml` to extend",
                "`extends` names no service",
                "the file `x.yaml` does not exist",
            ],
        ),
        (
            vec![
                ("devstack.yaml", "services: {a: {extends: {file: x.yaml, service: y}}}"),
                ("x.yaml", "services: {y: {extends: {file: devstack.yaml, service: a}}}"),
            ],
            vec!["services extend each other in a circle"],
        ),
        (
            vec![("devstack.yaml", "services: {a: {extends: a}}")],
            vec!["services extend each other in a circle"],
        ),
        (
            vec![
                ("devstack.yaml", "include: [x.yaml]\n"),
                ("x.yaml", "include: [y.yaml]"),
                ("y.yaml", "include: [x.yaml]"),
            ],
            vec!["files include each other in a circle"],
        ),
        (
            vec![("devstack.yaml", "include: [{file: x.yaml}, [1], {path: y.yaml}]\n")],
            vec![
                "this `include` names no file",
                "unknown key `file` in `include`",
                "the file `1` does not exist",
                "the file `y.yaml` does not exist",
            ],
        ),
        (vec![], vec!["no `devstack.yaml` or `compose.yaml` here or in a folder above"]),
    ] {
        let found = load_with(&files, LoadRequest::default()).expect_err("it is wrong");
        assert_eq!(messages(&found), expected, "{files:?}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let request =
        LoadRequest { env_files: vec![PathBuf::from("x.env")], ..asking_for(&["a.yaml"]) };
    let found = load_with(&[], request).expect_err("nothing is there");
    assert_eq!(
        messages(&found),
        ["the file `x.env` does not exist", "the file `a.yaml` does not exist"]
    );
}

#[test]
fn an_unset_variable_is_a_warning_even_where_another_file_overrides_it() {
    let loaded = loaded(
        &[
            ("compose.yaml", "services: {a: {image: '$U'}}"),
            ("compose.override.yaml", "services: {a: {image: x, user: '$U$V'}}"),
        ],
        LoadRequest::default(),
    );
    assert_eq!(messages(&loaded.warnings), ["variable `U` is not set", "variable `V` is not set"]);
}
