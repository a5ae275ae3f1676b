//! YAML and changed files in, what follows out.

use std::fmt::Write as _;

use super::*;
use crate::config::decode::{DecodeRequest, decode};
use crate::config::diagnostic::Source;
use crate::config::parse::parse;
use crate::project::Build;

/// Rules without files.
struct Given(Option<Dockerignore>);

impl IgnoreReader for Given {
    fn of_build(&mut self, _: &Build, _: &mut Vec<String>) -> Option<Dockerignore> {
        self.0.clone()
    }

    fn files<'s>(&self, _: impl Iterator<Item = &'s Scope>) -> Vec<PathBuf> {
        vec![PathBuf::from("/p/.dockerignore")]
    }
}

fn project(yaml: &str) -> Project {
    let source = Source { name: "devstack.yaml".to_owned(), text: yaml.to_owned() };
    let root = parse(&source.into()).expect("valid YAML").pop().expect("a document");
    let request = DecodeRequest { project_dir: PathBuf::from("/p"), ..DecodeRequest::default() };
    let (project, _) = decode(&root, &request, &mut |_| Err(std::io::ErrorKind::NotFound.into()))
        .expect("a valid stack");
    project
}

fn changed(scopes: &[Rule], path: &str, kind: ChangeKind) -> Change {
    let mut all =
        crate::watch::scope::Scopes::new(scopes.iter().map(|rule| rule.scope.clone()).collect());
    let path = PathBuf::from(path);
    let scopes = all.covering(&path);
    let gone = (kind == ChangeKind::Removed).then(|| path.clone());
    Change { path, kind, gone, scopes }
}

/// What follows from the changes of a stack, as text.
fn follows(yaml: &str, changes: &[(&str, ChangeKind)]) -> String {
    let project = project(yaml);
    let services: Vec<_> = project.services.keys().cloned().collect();
    let files = [PathBuf::from("/p/devstack.yaml")];
    let (rules, warnings) = rules(&project, &services, &files, &mut Given(None));
    let changes: Vec<Change> =
        changes.iter().map(|(path, kind)| changed(&rules, path, *kind)).collect();
    let decision = decide(&rules, &changes);
    let mut text = String::new();
    for warning in warnings {
        writeln!(text, "warning: {warning}").expect("memory");
    }
    if !decision.stack.is_empty() {
        writeln!(text, "stack: {:?}", decision.stack).expect("memory");
    }
    if decision.ignores {
        writeln!(text, "ignores").expect("memory");
    }
    for (service, work) in decision.work {
        write!(text, "{service}:").expect("memory");
        if work.rebuild {
            text.push_str(" rebuild");
        }
        for (to, from) in &work.copies {
            match from {
                Some(from) => write!(text, " {} -> {to}", from.display()).expect("memory"),
                None => write!(text, " delete {to}").expect("memory"),
            }
        }
        if work.restart {
            text.push_str(" restart");
        }
        for (path, kind) in &work.tell {
            write!(text, " tell {path} {kind:?}").expect("memory");
        }
        if let Some(signal) = work.signal {
            write!(text, " {signal}").expect("memory");
        }
        if work.reload {
            text.push_str(" reload");
        }
        for exec in &work.execs {
            write!(text, " exec {:?}", exec.command).expect("memory");
        }
        writeln!(text, " because of {:?}", work.causes).expect("memory");
    }
    text
}

use ChangeKind::{Created, Modified, Removed};

#[test]
fn each_action_has_its_meaning() {
    let yaml = "
services:
  app:
    image: x
    build: .
    volumes: ['./bound:/app/bound', 'data:/data', './other:/app/other']
    tmpfs: /run
    develop:
      watch:
      - {path: src, action: sync, target: /app/src, ignore: ['*.md']}
      - {path: package.json, action: rebuild}
      - {path: conf, action: sync+restart, target: /etc/app/}
      - {path: app.toml, action: sync+restart, target: /etc/app/}
      - {path: one.txt, action: sync, target: /srv/two.txt}
      - {path: gen, action: sync+exec, target: /app/gen, exec: {command: make}}
      - {path: bound/deep, action: sync+restart, target: /app/bound/deep}
      - {path: stuff, action: sync, target: /data/stuff}
      - {path: wrong, action: sync, target: /app/other/x}
      - {path: memory, action: sync, target: /run/x}
volumes: {data: }
";
    let cases: [&[(&str, ChangeKind)]; 9] = [
        &[("/p/src/a.ts", Modified), ("/p/src/deep/b.ts", Removed), ("/p/src/x.md", Created)],
        &[("/p/package.json", Modified), ("/p/src/a.ts", Created)],
        &[("/p/conf/a", Modified)],
        &[("/p/app.toml", Modified)],
        &[("/p/one.txt", Modified)],
        &[("/p/gen/a", Modified), ("/p/gen/b", Modified)],
        &[("/p/bound/deep/a", Modified)],
        &[("/p/stuff/a", Modified), ("/p/wrong/a", Modified)],
        &[("/p/devstack.yaml", Modified), ("/p/.dockerignore", Modified)],
    ];
    let text: Vec<String> = cases.iter().map(|changes| follows(yaml, changes)).collect();
    insta::assert_snapshot!(text.join("---\n"));
}

#[test]
fn a_reload_runner_is_told_of_what_is_mounted_and_the_rest_is_rebuilt() {
    let yaml = "
services:
  api:
    image: x
    build: {context: ./api, dockerfile: docker/dev}
    volumes: ['./api/src:/app/src:ro', './api/tsconfig.json:/app/tsconfig.json']
    reload: node
";
    let cases: [&[(&str, ChangeKind)]; 5] = [
        &[("/p/api/src/main.ts", Modified), ("/p/api/src/old.ts", Removed)],
        &[("/p/api/tsconfig.json", Modified)],
        &[("/p/api/package-lock.json", Modified)],
        &[("/p/api/docker/dev", Modified)],
        &[("/p/api/README.md", Modified)],
    ];
    let text: Vec<String> = cases.iter().map(|changes| follows(yaml, changes)).collect();
    insta::assert_snapshot!(text.join("---\n"));
}

#[test]
fn whatever_decides_about_packages_rebuilds_or_is_told() {
    let yaml = "
services:
  built:
    build: ./api
    volumes: ['./api/src:/app/src']
    reload: node
  mounted:
    build: ./web
    volumes: ['./web:/app']
    reload: node
";
    for file in PackageManager::files() {
        let [built, mounted] = ["api", "web"].map(|folder| format!("/p/{folder}/{file}"));
        assert_eq!(
            follows(yaml, &[(&built, Modified), (&mounted, Modified)]),
            format!(
                "built: rebuild because of [{built:?}]\n\
                 mounted: tell /app/{file} Modified because of [{mounted:?}]\n"
            )
        );
    }
}

#[test]
fn other_languages_restart_are_signalled_or_run_by_the_runner() {
    let yaml = "
services:
  restarts:
    image: x
    build: {context: ./py, dockerfile: docker/dev}
    volumes: ['./py:/app']
    reload: {restart, ignore: ['*.log']}
  signalled:
    image: x
    reload: {signal: hup, sync: ['./conf:/etc/app', './one.conf:/etc/one.conf', './x:/run/x'], include: ['*.conf']}
    tmpfs: /run
  commanded:
    image: x
    volumes: ['./py:/app']
    reload: {command: python main.py, ignore: '*.log'}
";
    let cases: [&[(&str, ChangeKind)]; 5] = [
        &[("/p/py/main.py", Modified), ("/p/py/__pycache__/main.pyc", Created)],
        &[("/p/py/a.log", Modified)],
        &[("/p/py/docker/dev", Modified)],
        &[("/p/conf/a.conf", Modified), ("/p/conf/b.conf", Removed), ("/p/conf/c", Modified)],
        &[("/p/one.conf", Modified)],
    ];
    let text: Vec<String> = cases.iter().map(|changes| follows(yaml, changes)).collect();
    insta::assert_snapshot!(text.join("---\n"));
}

#[test]
fn later_work_is_merged_and_wins() {
    let copy = |path: &str, from: Option<&str>| (path.to_owned(), from.map(PathBuf::from));
    let mut work = Work {
        causes: vec!["/p/a".into()],
        copies: [copy("/a", Some("/p/a")), copy("/b", None)].into(),
        restart: true,
        ..Work::default()
    };
    work.merge(Work {
        causes: vec!["/p/a".into(), "/p/c".into()],
        copies: [copy("/a", None), copy("/b", Some("/p/b"))].into(),
        rebuild: true,
        ..Work::default()
    });
    let expected = Work {
        causes: vec!["/p/a".into(), "/p/c".into()],
        copies: [copy("/a", None), copy("/b", Some("/p/b"))].into(),
        rebuild: true,
        restart: true,
        ..Work::default()
    };
    assert_eq!(work, expected);
}

#[test]
fn a_stack_without_rules_watches_nothing() {
    let project = project("services: {app: {image: x}}");
    let services: Vec<_> = project.services.keys().cloned().collect();
    let files = [PathBuf::from("/p/devstack.yaml")];
    let (rules, warnings) = rules(&project, &services, &files, &mut Given(None));
    assert!(rules.is_empty() && warnings.is_empty());
}
