//! From a stack file through the executor, on an engine in memory that refuses in the real one's
//! words, to the line that is pointed at.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insta::assert_snapshot;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::decode::{DecodeRequest, decode};
use crate::config::load::{FileReader, LoadRequest, Presets, load};
use crate::config::preset;
use crate::engine::fake::{Behaviour, FakeEngine};
use crate::execute::{Limits, execute};
use crate::plan::{ReconcileOptions, reconcile, weave};
use crate::project::Project;
use crate::report::diagnostic::render;
use crate::state::{ContentDigests, Observed, lower};

mod build;
mod refused;

struct InMemory(BTreeMap<PathBuf, String>);

impl FileReader for InMemory {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// What `up` of a file tells on an engine that refuses a call with these words.
fn refused(yaml: &str, env: &str, method: &str, words: &str) -> Diagnostics {
    failed(yaml, env, |engine| engine.refuse(method, words))
}

/// What `up` of a file tells on an engine that something is wrong with.
fn failed(yaml: &str, env: &str, spoil: impl FnOnce(&FakeEngine)) -> Diagnostics {
    let (project, origins) = read(yaml, env);
    let desired = lower(&project, &ContentDigests::new());
    let plan = reconcile(&desired, &Observed::default(), &ReconcileOptions::default());
    let plan = plan.expect("nothing is in the way on an empty engine");
    let plan = weave(plan, &desired, &Observed::default());
    let engine = Arc::new(FakeEngine::new());
    spoil(&engine);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = runtime.block_on(async {
        let (sender, mut events) = mpsc::channel(16);
        let limits = Limits { parallel: 1, wait: None };
        let run = execute(engine, &plan, limits, sender, CancellationToken::new());
        let (outcome, ()) = tokio::join!(run, async { while events.recv().await.is_some() {} });
        outcome.expect_err("the engine refuses")
    });
    account(&Problem::Run(error), Some(&origins), None, Path::new("/p"))
}

/// The stack of a file in `/p`, and where its settings were written.
fn read(yaml: &str, env: &str) -> (Project, Origins) {
    let texts = [("/p/devstack.yaml", yaml), ("/p/.env", env)];
    let mut files =
        InMemory(texts.map(|(name, text)| (PathBuf::from(name), text.to_owned())).into());
    let request = LoadRequest { working_dir: PathBuf::from("/p"), ..LoadRequest::default() };
    let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
    let loaded = load(&request, presets, &mut files).expect("a stack that loads");
    let request = DecodeRequest {
        project_dir: loaded.project_dir,
        environment: loaded.environment,
        project_name: Some("p".to_owned()),
        ..DecodeRequest::default()
    };
    let decoded = decode(&loaded.root, &request, &mut |path| files.read(path));
    let (project, _) =
        decoded.unwrap_or_else(|findings| panic!("{}", render(&findings, false, 100)));
    (project, Origins::new(loaded.root.into(), request.environment))
}

fn drawn(yaml: &str, env: &str, method: &str, words: &str) -> String {
    render(&refused(yaml, env, method, words), false, 120)
}

/// The text that the carets stand under.
fn text_at(findings: &Diagnostics) -> &str {
    let [finding] = &findings.0[..] else { panic!("{findings:?}") };
    let place = finding.primary.as_ref().map(|label| &label.span);
    place.map_or("", |span| &span.source.text[span.start..span.end])
}

/// What precedes the reason that a process does not start: `RUNC` in the words below.
const RUNC: &str = "failed to create task for container: failed to create shim task: OCI runtime \
                    create failed: runc create failed: unable to start container process: ";

#[test]
fn a_refusal_is_drawn_as_a_mistake_in_the_file_is() {
    let yaml = "services:\n  web:\n    image: web\n    ports:\n      - '${PORT}:80'\n";
    let words = "driver failed programming external connectivity on endpoint p-web-1 (45): Bind \
                 for 127.0.0.1:22001 failed: port is already allocated";
    assert_snapshot!(drawn(yaml, "PORT=22001\n", "start", words), @"
    error: cannot start p-web-1: driver failed programming external connectivity on endpoint p-web-1 (45): Bind for 127.0.0.1:22001 failed: port is already allocated
     --> devstack.yaml:5:9
      |
    5 |       - '${PORT}:80'
      |         ^^^^^^^^^^^^ asked for here
      |
      = note: `PORT` is set in `.env`, line 1
      = note: another container or program has 127.0.0.1:22001
      = help: `devstack doctor` says who; stop it, or publish another host port
    ");
    let yaml = "services:\n  db:\n    preset: postgres\n";
    let words = "Bind for 127.0.0.1:5432 failed: port is already allocated";
    assert_snapshot!(drawn(yaml, "DB_PORT=5432\n", "start", words), @"
    error: cannot start p-db-1: Bind for 127.0.0.1:5432 failed: port is already allocated
      --> devstack.yaml:3:13
       |
     3 |     preset: postgres
       |             ^^^^^^^^ this preset asks for it
       |
      ::: <preset postgres>:17:7
       |
    17 |     - 127.0.0.1:${POSTGRES_PORT:-auto:5432}:5432
       |       ------------------------------------------ here
       |
       = note: what the service says beside `preset:` wins over the preset
       = note: another container or program has 127.0.0.1:5432
       = help: `devstack doctor` says who; stop it, or publish another host port
    ");
}

#[test]
fn an_engine_that_is_in_trouble_is_nobodys_line() {
    let yaml = "services:\n  web:\n    image: web\n";
    assert_snapshot!(drawn(yaml, "", "create", "write /x: no space left on device"), @"
    error: cannot create p-web-1: write /x: no space left on device
     |
     = note: the engine's disk is full
     = help: `docker system df` shows where the space went, `docker builder prune` frees the build cache
    ");
}

#[test]
fn a_hook_that_fails_before_the_start_is_pointed_at() {
    let yaml = "services:\n  web:\n    image: web\n    pre_start:\n      - command: [prepare]\n      \
                - {image: migrate, command: migrate --all}\n";
    let findings = failed(yaml, "", |engine| {
        engine.behave("p-web-1-pre_start-2", Behaviour::Exits(3));
        engine.print("web", &["applying 0042", "relation exists already"]);
    });
    assert_snapshot!(render(&findings, false, 120), @"
    error: `pre_start` hook 2 (`migrate --all`) of service `web` exited with code 3
     --> devstack.yaml:6:35
      |
    6 |       - {image: migrate, command: migrate --all}
      |                                   ^^^^^^^^^^^^^ asked for here
      |
      = note: last lines of p-web-1-pre_start-2:
              | applying 0042
              | relation exists already
      = help: `web` was not started; once the hook is mended, `devstack up` goes on
    ");
    let words = format!("{RUNC}exec: \"prepare\": executable file not found in $PATH: unknown");
    assert_snapshot!(drawn(yaml, "", "start", &words), @r#"
    error: cannot start p-web-1-pre_start-1: exec: "prepare": executable file not found in $PATH
     --> devstack.yaml:5:18
      |
    5 |       - command: [prepare]
      |                  ^^^^^^^^^ asked for here
      |
      = note: there is no program `prepare` in the image
      = help: correct `command:` or `entrypoint:` of `web`, then `devstack up -d`
    "#);
    let findings = failed(yaml, "", |engine| engine.offer(&["web:latest"]));
    assert_snapshot!(render(&findings, false, 120), @"
    error: cannot pull migrate:latest: its registry has no such image
     --> devstack.yaml:6:17
      |
    6 |       - {image: migrate, command: migrate --all}
      |                 ^^^^^^^ asked for here
      |
      = help: check the image's name and tag in the file; a private image needs `docker login`
    ");
}
