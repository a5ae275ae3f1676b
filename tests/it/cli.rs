//! The built program: its words, its exit codes, its streams. Nothing here reaches an engine.

mod completion;
mod diagnostics;
mod exit_codes;
mod files;
mod help;
mod streams;
mod timings;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;
use tempfile::TempDir;

const WEB: &str = "
name: p
services:
  web: {image: web, aliases: [www]}
";

/// An empty folder in which the program runs, with an environment of nothing but what is set.
pub(crate) struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().display().to_string();
        let nobody = "unix:///nonexistent/docker.sock".to_owned();
        Self { folder, environment: vec![("HOME", home), ("DOCKER_HOST", nobody)] }
    }

    pub(crate) fn with(file: &str) -> Self {
        Self::empty().file("devstack.yaml", file)
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in it");
        std::fs::write(path, text).expect("a file in it");
        self
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// The names of what lies in the folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("a readable entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    pub(crate) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devstack"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// What the program says, and how it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let mut text = String::new();
        let folder = self.folder.path().display().to_string();
        for (name, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
            for line in String::from_utf8_lossy(bytes).lines() {
                let line = line.replace(&folder, "FOLDER");
                let line = format!("{name}: {line}");
                writeln!(text, "{}", line.trim_end()).expect("a string takes all");
            }
        }
        let code = output.status.code().expect("no signal ended it");
        writeln!(text, "exit code {code}").expect("a string takes all");
        text
    }

    pub(crate) fn code(&self, arguments: &[&str]) -> i32 {
        self.output(arguments).status.code().expect("no signal ended it")
    }
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn repository() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devstack"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_clear().stdin(Stdio::null());
    // The working copy's own `.env` is not part of the repository.
    command.env("COMPOSE_DISABLE_ENV_FILE", "1");
    command
}

#[test]
fn the_stack_of_the_repository_is_printed_without_its_secrets() {
    let output = repository().arg("config").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = stdout(&output).replace(env!("CARGO_MANIFEST_DIR"), "REPOSITORY");
    for secret in ["development-master-key", "postgres://app:app@", "amqp://app:app@"] {
        assert!(!text.contains(secret), "{secret} is shown");
    }
    assert_snapshot!("the_repositorys_stack", text);
    let shown = repository().args(["config", "--show-secrets"]).output();
    let shown = shown.expect("the program starts");
    assert!(stdout(&shown).contains("development-master-key"));
}

#[test]
fn the_stack_of_the_repository_is_listed() {
    let list = |flag: &str| {
        let output = repository().args(["config", flag]).output().expect("the program starts");
        stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list("--services"), "db redis search mq api kong");
    assert_eq!(list("--networks"), "edge data");
    assert_eq!(list("--volumes"), "db-data redis-data search-data mq-data");
    assert_eq!(list("--hash").split(' ').count(), 12);
}
