//! What is wrong, in all files at once.

use std::io;
use std::path::{Path, PathBuf};

use super::{asking_for, load_with, loaded, messages, process};
use crate::config::load::{FileReader, LoadRequest, Presets, load};

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

/// A folder with a stack that somebody else owns.
struct Closed;

impl FileReader for Closed {
    fn read(&mut self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn exists(&self, path: &Path) -> bool {
        path == Path::new("/work/shop/compose.yaml")
    }
}

#[test]
fn a_file_is_blamed_on_who_named_it() {
    let said = |request: LoadRequest| {
        let request = LoadRequest { working_dir: PathBuf::from("/work/shop"), ..request };
        let presets = Presets { names: &[], source: &|_, _| None };
        let found = load(&request, presets, &mut Closed).expect_err("it may not be read");
        let last = found.0.into_iter().next_back().expect("a finding");
        format!("{}; {}", last.message, last.help.join("; "))
    };
    let rights = "change its rights or its owner, see `ls -l`";
    assert_eq!(
        said(LoadRequest::default()),
        format!("`compose.yaml` cannot be read: permission denied; {rights}")
    );
    assert_eq!(
        said(asking_for(&["./x/../compose.yaml"])),
        format!(
            "`./x/../compose.yaml` cannot be read: permission denied; it is named by `--file`; {rights}"
        )
    );
    for variable in ["DEVSTACK_FILE", "COMPOSE_FILE"] {
        let said = said(process(&[(variable, "a.yaml")]));
        assert!(said.contains(&format!("it is named by `{variable}`")), "{said}");
    }
    let said = said(LoadRequest {
        env_files: vec![PathBuf::from("../x.env")],
        ..process(&[("COMPOSE_FILE", "/dev/null")])
    });
    assert!(said.contains("`COMPOSE_FILE`"), "{said}");
}

#[test]
fn a_folder_without_a_usable_letter_makes_a_name_of_its_own() {
    let working_dir = PathBuf::from("/work/日本");
    let files = [("/work/日本/compose.yaml", "services: {a: {image: x}}")];
    let request = LoadRequest { working_dir, ..LoadRequest::default() };
    let named = loaded(&files, request.clone());
    let name = named.project_name.expect("a name").to_string();
    assert!(name.starts_with("stack-"), "{name}");
    assert_eq!(
        messages(&named.warnings),
        ["the name of the folder `/work/日本` makes no project name"]
    );
    let named = loaded(&files, LoadRequest { project_name: Some("shop".to_owned()), ..request });
    assert_eq!(messages(&named.warnings), Vec::<&str>::new());
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
