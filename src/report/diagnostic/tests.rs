use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::load::{FileReader, LoadRequest, Presets, load};

struct Files(HashMap<PathBuf, String>);

impl FileReader for Files {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// What loading these files of `/shop` reports.
fn findings(files: &[(&str, &str)]) -> String {
    let all = files
        .iter()
        .map(|(name, text)| (Path::new("/shop").join(name), (*text).to_owned()))
        .collect();
    let request = LoadRequest {
        files: files
            .iter()
            .filter(|(name, _)| name.starts_with("devstack"))
            .map(|(name, _)| PathBuf::from(name))
            .collect(),
        working_dir: PathBuf::from("/shop"),
        process_environment: vec![("DATABASE_URL".to_owned(), "db".to_owned())],
        ..LoadRequest::default()
    };
    let preset = |name: &str, _: &str| {
        (name == "postgres").then(|| {
            Arc::new(Source {
                name: "preset postgres".to_owned(),
                text: "service: {image: 'postgres:17'}\n".to_owned(),
            })
        })
    };
    let presets = Presets { names: &["postgres", "redis"], source: &preset };
    let found = match load(&request, presets, &mut Files(all)) {
        Ok(loaded) => loaded.warnings,
        Err(found) => found,
    };
    render(&found, false, 100)
}

#[test]
fn nothing_is_drawn_for_no_findings() {
    assert_eq!(findings(&[("devstack.yaml", "services: {}\n")]), "");
}

#[test]
fn duplicate_keys_are_shown_at_both_places() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "services:\n  api:\n    image: a\n  db:\n    image: b\n  api:\n    image: c\n",
    )]), @r"
    error: the key `api` is given twice
     --> devstack.yaml:6:3
      |
    2 |   api:
      |   --- first
    ...
    6 |   api:
      |   ^^^ second
      |
      = help: keep one of the two
    ");
}

#[test]
fn a_tab_is_shown_where_it_stands() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "services:\n  api:\n\t  image: a\n",
    )]), @r"
    error: a tab cannot indent YAML
     --> devstack.yaml:3:1
      |
    3 |       image: a
      | ^ tab
      |
      = help: indent with spaces
    ");
}

#[test]
fn a_misplaced_colon_says_what_to_do() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "services:\n  api:\n    command: echo a: b\n",
    )]), @r"
    error: a `:` does not belong here
     --> devstack.yaml:3:20
      |
    3 |     command: echo a: b
      |                    ^
      |
      = help: line the key up with its neighbours
      = help: put quotes around a value that contains `: `
    ");
}

#[test]
fn variables_are_shown_at_their_very_characters() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "services:\n  api:\n    image: \"api:${TAG}\"\n    environment:\n      A: ${DATABASE_ULR:?set it}\n      B: x ${b.c} y\n      C: ${D\n",
    )]), @r#"
    warning: variable `TAG` is not set
     --> devstack.yaml:3:17
      |
    3 |     image: "api:${TAG}"
      |                 ^^^^^^ empty text is used
      |
      = help: set it, give a default with `${TAG:-default}`, or write `$$` for a literal `$`

    error: required variable `DATABASE_ULR` is not set: set it
     --> devstack.yaml:5:10
      |
    5 |       A: ${DATABASE_ULR:?set it}
      |          ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: set `DATABASE_ULR` in the environment or in `.env`
      = help: did you mean `DATABASE_URL`?

    error: `${b.c}` is no variable
     --> devstack.yaml:6:12
      |
    6 |       B: x ${b.c} y
      |            ^^^^^^
      |
      = note: a variable is `${NAME}`; after the name may follow `:-default`, `:+alternative` or `:?message`
      = help: write `$$` for a literal `$`

    error: this `${` has no `}`
     --> devstack.yaml:7:10
      |
    7 |       C: ${D
      |          ^^^
      |
      = help: close it, or write `$$` for a literal `$`
    "#);
}

#[test]
fn errors_of_all_files_are_shown_together() {
    insta::assert_snapshot!(findings(&[
        ("devstack.yaml", "services:\n  api: {image: a, image: b}\n"),
        ("devstack.override.yaml", "services:\n  api: [\n"),
        (".env", "A B=1\nC=\"x\n"),
    ]), @r#"
    error: `A B` is not a name of a variable
     --> .env:1:1
      |
    1 | A B=*
      | ^^^
      |
      = help: write `NAME=value`, and quotes around a value of several lines

    error: this quoted value has no end
     --> .env:2:3
      |
    2 | C="*
      |   ^ opened here
      |
      = help: close it with `"`, or write `\"` inside it

    error: the key `image` is given twice
     --> devstack.yaml:2:19
      |
    2 |   api: {image: a, image: b}
      |         -----     ^^^^^ second
      |         |
      |         first
      |
      = help: keep one of the two

    error: expected a value here
     --> devstack.override.yaml:2:9
      |
    2 |   api: [
      |         ^
      |
      = help: close every `[` and `{`, and put quotes around text that begins with one
    "#);
}

#[test]
fn a_merge_conflict_is_shown_in_both_files() {
    insta::assert_snapshot!(findings(&[
        ("devstack.yaml", "services:\n  api:\n    volumes:\n      data: /data\n"),
        ("devstack.override.yaml", "services:\n  api:\n    volumes:\n      - data:/data\n"),
    ]), @r"
    error: `volumes` is a list here and a mapping below
     --> devstack.override.yaml:4:7
      |
    4 |       - data:/data
      |       ^^^^^^^^^^^^
      |
     ::: devstack.yaml:4:7
      |
    4 |       data: /data
      |       ----------- merged over this
      |
      = help: write both the same way, or put `!override` before this one to replace the other
    ");
}

#[test]
fn an_unknown_preset_is_corrected() {
    insta::assert_snapshot!(findings(&[("devstack.yaml", "services:\n  db:\n    preset: postgers\n")]), @r"
    error: there is no preset `postgers`
     --> devstack.yaml:3:13
      |
    3 |     preset: postgers
      |             ^^^^^^^^
      |
      = help: did you mean `postgres`?
      = help: presets are `postgres`, `redis`
    ");
}

#[test]
fn circles_are_shown_with_their_chain() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "services:\n  a:\n    extends: b\n  b:\n    extends:\n      service: c\n  c:\n    extends: {service: a}\n",
    )]), @r"
    error: services extend each other in a circle
     --> devstack.yaml:8:24
      |
    3 |     extends: b
      |              - `a` extends this
    ...
    6 |       service: c
      |                - `b` extends this
    7 |   c:
    8 |     extends: {service: a}
      |                        ^ leads back to `a`
      |
      = note: `a` -> `b` -> `c` -> `a`
    ");
}

#[test]
fn files_that_are_missing_are_named_where_they_are_asked_for() {
    insta::assert_snapshot!(findings(&[(
        "devstack.yaml",
        "include:\n  - db/compose.yaml\nservices:\n  a:\n    extends: {file: ../base.yaml, service: x}\n",
    )]), @r"
    error: the file `db/compose.yaml` does not exist
     --> devstack.yaml:2:5
      |
    2 |   - db/compose.yaml
      |     ^^^^^^^^^^^^^^^

    error: the file `/base.yaml` does not exist
     --> devstack.yaml:5:21
      |
    5 |     extends: {file: ../base.yaml, service: x}
      |                     ^^^^^^^^^^^^
    ");
}

#[test]
fn a_stack_without_files_says_how_to_begin() {
    insta::assert_snapshot!(findings(&[]), @r"
    error: no `devstack.yaml` or `compose.yaml` here or in a folder above
     |
     = help: go to the project's folder, or name a file with `--file`
    ");
}

#[test]
fn colour_does_not_change_the_words() {
    let source = Arc::new(Source { name: "f.yaml".to_owned(), text: "a: ü\n".to_owned() });
    let span = Span { source, start: 3, end: 5 };
    let found = Diagnostics(vec![Diagnostic::error("no", &span).label("here").help("do")]);
    let coloured = render(&found, true, 80);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    let mut escaped = false;
    for character in coloured.chars() {
        match character {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => plain.push(character),
        }
    }
    assert_eq!(plain, render(&found, false, 80));
}
