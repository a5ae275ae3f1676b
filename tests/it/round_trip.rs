//! What `devstack config` prints is a stack again, and the same one.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use devstack::config::canonical::{Format, Secrets, canonical};
use devstack::project::{Mount, Project};
use proptest::prelude::*;

use crate::properties::stacks::stack;
use crate::support::{load_files, project};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// What each file of the corpus is read with: its `# args:` and what is merged over it.
fn cases() -> Vec<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(corpus())
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".over.yaml"))
        .collect();
    files.sort();
    let case = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("it can be read");
        let over = file.with_extension("over.yaml");
        let mut arguments = vec!["-f".to_owned(), file.display().to_string()];
        if over.is_file() {
            arguments.extend(["-f".to_owned(), over.display().to_string()]);
        }
        let head = text.lines().take_while(|line| line.starts_with('#'));
        for line in head.filter_map(|line| line.strip_prefix("# args: ")) {
            arguments.extend(line.split_whitespace().map(str::to_owned));
        }
        arguments
    };
    files.into_iter().map(case).collect()
}

fn config(dir: &Path, arguments: &[String]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_devstack"))
        .args(arguments)
        .args(["config", "--show-secrets"])
        .current_dir(dir)
        .env_clear()
        .envs([
            ("HOME", "/home/corpus"),
            ("CORPUS_SET", "value"),
            ("CORPUS_EMPTY", ""),
            ("CORPUS_TRUE", "true"),
            ("CORPUS_NUMBER", "5"),
            ("CORPUS_FLOAT", "0.5"),
            ("CORPUS_PORT", "8081"),
        ])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn what_config_prints_of_the_corpus_prints_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let again = folder.path().join("compose.yaml");
    let mut different = Vec::new();
    for arguments in cases() {
        let first = config(&corpus(), &arguments);
        fs::write(&again, &first.stdout).expect("a file in it");
        // Its profiles have been selected, and its paths are absolute.
        let second = config(folder.path(), &["--profile", "*"].map(str::to_owned));
        if first.stdout != second.stdout {
            different.push(format!(
                "{arguments:?}\n{}\n---\n{}",
                String::from_utf8_lossy(&first.stdout),
                String::from_utf8_lossy(&second.stdout)
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// A project without what says which texts it was read from, and without volumes that nobody
/// mounts, which docker compose does not print either.
fn bare(project: &Project) -> Project {
    let mut project = project.clone();
    project.config_files.clear();
    let mounts = || project.services.values().flat_map(|service| &service.mounts);
    let used: HashSet<String> = mounts()
        .filter_map(|mount| match mount {
            Mount::Volume { source: Some(key), .. } => Some(key.to_string()),
            _ => None,
        })
        .collect();
    project.volumes.retain(|key, _| used.contains(key.as_str()));
    for service in project.services.values_mut() {
        // Its parts are written out.
        service.preset = None;
    }
    project
}

fn reread(before: &Project) -> Project {
    let text = canonical(before, Format::Yaml, Secrets::Shown);
    let files = [("/p/compose.yaml", text.as_str())];
    load_files(&files, &["*"]).unwrap_or_else(|findings| panic!("{findings}\n{text}"))
}

#[test]
fn presets_are_written_out_without_loss() {
    let before = project(
        "
services:
  db: {preset: postgres}
  cache: {preset: redis, aliases: [redis]}
  search: {preset: meilisearch}
  mq: {preset: rabbitmq}
  kong: {preset: kong}
  api: {preset: nestjs, build: ., depends_on: [db, cache]}
",
    );
    assert_eq!(bare(&reread(&before)), bare(&before));
}

#[test]
fn no_services_are_no_services_again() {
    let before = project("name: p\nservices:\n  a: {image: a, profiles: [x]}\n");
    let after = reread(&before);
    assert!(after.services.is_empty() && after.disabled_services.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_project_is_written_without_loss(stack in stack()) {
        let before = project(&stack.yaml("p"));
        prop_assert_eq!(bare(&reread(&before)), bare(&before));
    }
}
