//! Real folders, real events. Each scenario ends with a marker file, so that a test knows when
//! all that came before has been seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{Change, Method, Source, Started, Told};
use crate::project::Dockerignore;
use crate::watch::{ChangeKind, Scope};

const MARKER: &str = "src/marker";

/// A folder under watch.
struct Bench {
    folder: tempfile::TempDir,
    source: Option<(Source, UnboundedReceiver<Told>)>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let bench = Self { folder, source: None, runtime: runtime.expect("a runtime") };
        bench.write("src/a", "1");
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).expect("both are in the folder");
    }

    fn remove(&self, path: &str) {
        let path = self.at(path);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.expect("it is there");
    }

    fn watch(&mut self, scopes: Vec<Scope>, method: Method) -> Started {
        let (source, started, told) = Source::start(scopes, method);
        self.source = Some((source, told));
        started
    }

    /// Watches `src`.
    fn watch_src(&mut self, method: Method) -> Started {
        let scope = Scope {
            ignore: Dockerignore::of(["*.log", "skipped"]).expect("valid patterns"),
            ..Scope::whole(self.at("src"))
        };
        self.watch(vec![scope], method)
    }

    /// All changes up to a marker: path and whether it is gone at last.
    fn changes(&mut self) -> BTreeMap<String, bool> {
        self.write(MARKER, &format!("{:?}", std::time::Instant::now()));
        let marker = self.at(MARKER);
        let folder = self.folder.path().to_owned();
        let (_, told) = self.source.as_mut().expect("it is watched");
        let mut seen = BTreeMap::new();
        loop {
            let limit = Duration::from_secs(20);
            let next = async { tokio::time::timeout(limit, told.recv()).await };
            let Ok(Some(next)) = self.runtime.block_on(next) else {
                panic!("the marker never came; seen so far: {seen:?}");
            };
            let Told::Changed(batch) = next else { continue };
            let mut ended = false;
            for Change { path, kind, .. } in batch.changes {
                ended |= path == marker;
                seen.insert(relative(&folder, &path), kind == ChangeKind::Removed);
            }
            if ended {
                seen.remove(MARKER);
                return seen;
            }
        }
    }
}

fn relative(folder: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(folder).expect("below the folder");
    inside.to_str().expect("names are text").to_owned()
}

fn changed(paths: &[&str]) -> BTreeMap<String, bool> {
    paths.iter().map(|path| ((*path).to_owned(), false)).collect()
}

fn gone(paths: &[&str]) -> BTreeMap<String, bool> {
    paths.iter().map(|path| ((*path).to_owned(), true)).collect()
}

type Scenario = (&'static str, fn(&Bench), fn(&Bench), BTreeMap<String, bool>);

/// What is there before, what is done, what is seen.
fn scenarios() -> Vec<Scenario> {
    let mut scenarios = of_files();
    scenarios.extend(of_folders());
    scenarios
}

fn nothing(_: &Bench) {}

fn old(bench: &Bench) {
    for file in ["src/deep/b", "src/deep/er/c", "src/skipped/x"] {
        bench.write(file, "1");
    }
}

fn of_files() -> Vec<Scenario> {
    vec![
        ("a save in place", nothing, |bench| bench.write("src/a", "2"), changed(&["src/a"])),
        (
            "a save by renaming a new file over the old one",
            nothing,
            |bench| {
                bench.write("src/.a.tmp", "2");
                bench.rename("src/.a.tmp", "src/a");
            },
            changed(&["src/a"]),
        ),
        (
            "vim: a probe, a backup, a new file, the backup deleted",
            nothing,
            |bench| {
                bench.write("src/4913", "");
                bench.remove("src/4913");
                bench.rename("src/a", "src/a~");
                bench.write("src/a", "2");
                bench.remove("src/a~");
            },
            changed(&["src/a"]),
        ),
        (
            "what does not count",
            old,
            |bench| {
                bench.write("src/x.log", "1");
                bench.write("src/skipped/x", "2");
                bench.write("src/node_modules/p/index.js", "1");
                bench.write("src/.git/index", "1");
                bench.write("other/x", "1");
            },
            changed(&[]),
        ),
    ]
}

fn of_folders() -> Vec<Scenario> {
    vec![
        (
            "new folders with files",
            nothing,
            |bench| {
                bench.write("src/new/one", "1");
                bench.write("src/new/er/two", "1");
                bench.write("src/new/er/est/three", "1");
            },
            changed(&["src/new/one", "src/new/er/two", "src/new/er/est/three"]),
        ),
        (
            "a folder moved in",
            |bench| bench.write("other/sub/x", "1"),
            |bench| bench.rename("other", "src/moved"),
            changed(&["src/moved/sub/x"]),
        ),
        (
            "a folder moved within",
            old,
            |bench| {
                bench.rename("src/deep", "src/moved");
                bench.write("src/moved/er/c", "2");
            },
            [gone(&["src/deep/b", "src/deep/er/c"]), changed(&["src/moved/b", "src/moved/er/c"])]
                .into_iter()
                .flatten()
                .collect(),
        ),
        (
            "a folder deleted",
            old,
            |bench| bench.remove("src/deep"),
            gone(&["src/deep/b", "src/deep/er/c"]),
        ),
        (
            "a folder deleted and made again",
            old,
            |bench| {
                bench.remove("src/deep");
                bench.write("src/deep/b", "2");
                bench.write("src/deep/d", "1");
            },
            [gone(&["src/deep/er/c"]), changed(&["src/deep/b", "src/deep/d"])]
                .into_iter()
                .flatten()
                .collect(),
        ),
        (
            "the root deleted and made again",
            old,
            |bench| {
                bench.remove("src");
                bench.write("src/a", "2");
                bench.write("src/sub/x", "1");
            },
            [gone(&["src/deep/b", "src/deep/er/c"]), changed(&["src/a", "src/sub/x"])]
                .into_iter()
                .flatten()
                .collect(),
        ),
        (
            "the root exchanged by renames",
            |bench| bench.write("next/a", "2"),
            |bench| {
                bench.rename("src", "before");
                bench.rename("next", "src");
                bench.write("before/a", "3");
            },
            changed(&["src/a"]),
        ),
        (
            "a file becomes a folder",
            nothing,
            |bench| {
                bench.remove("src/a");
                bench.write("src/a/x", "1");
            },
            [gone(&["src/a"]), changed(&["src/a/x"])].into_iter().flatten().collect(),
        ),
    ]
}

/// Waits until the contents of old files are known: until then each save is reported.
fn settle(bench: &mut Bench) {
    let old = std::time::SystemTime::now() - Duration::from_mins(1);
    let mut folders = vec![bench.at("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let file = fs::File::options().append(true).open(entry.path()).expect("writable");
                file.set_modified(old).expect("ours");
            }
        }
    }
}

#[test]
fn each_kind_of_change_is_seen_once_and_nothing_else() {
    let interval = Duration::from_millis(50);
    for method in [Method::Events, Method::Polling { interval }] {
        for (name, before, change, expected) in scenarios() {
            let mut bench = Bench::new();
            before(&bench);
            settle(&mut bench);
            bench.watch_src(method);
            change(&bench);
            assert_eq!(bench.changes(), expected, "{name} ({method:?})");
        }
    }
}

#[test]
fn a_save_that_changes_nothing_is_none() {
    let mut bench = Bench::new();
    settle(&mut bench);
    bench.watch_src(Method::Events);
    // The first marker is seen after all old files have been read.
    assert_eq!(bench.changes(), changed(&[]));
    bench.write("src/a", "1");
    assert_eq!(bench.changes(), changed(&[]));
    bench.write("src/a", "2");
    assert_eq!(bench.changes(), changed(&["src/a"]));
    bench.write("src/a", "2");
    assert_eq!(bench.changes(), changed(&[]));
}

#[test]
fn a_root_that_is_not_there_yet_is_waited_for() {
    let mut bench = Bench::new();
    let scopes = vec![Scope::whole(bench.at("src")), Scope::whole(bench.at("far/off/root"))];
    let started = bench.watch(scopes, Method::Events);
    assert_eq!((started.files, started.polling), (1, None));
    bench.write("far/off/other", "1");
    bench.write("far/off/root/x", "1");
    assert_eq!(bench.changes(), changed(&["far/off/root/x"]));
    bench.remove("far");
    assert_eq!(bench.changes(), gone(&["far/off/root/x"]));
    bench.write("far/off/root/y", "1");
    assert_eq!(bench.changes(), changed(&["far/off/root/y"]));
}

#[test]
fn a_file_may_be_a_root() {
    let mut bench = Bench::new();
    bench.write("package.json", "1");
    let scopes = vec![Scope::whole(bench.at("src")), Scope::whole(bench.at("package.json"))];
    bench.watch(scopes, Method::Events);
    bench.write("package.json.tmp", "2");
    bench.rename("package.json.tmp", "package.json");
    assert_eq!(bench.changes(), changed(&["package.json"]));
    bench.remove("package.json");
    assert_eq!(bench.changes(), gone(&["package.json"]));
    bench.write("package.json", "3");
    assert_eq!(bench.changes(), changed(&["package.json"]));
}

#[cfg(unix)]
#[test]
fn links_are_links_and_a_linked_root_is_a_folder() {
    use std::os::unix::fs::symlink;

    let mut bench = Bench::new();
    bench.write("real/x", "1");
    bench.write("elsewhere/y", "1");
    symlink(bench.at("real"), bench.at("linked")).expect("writable");
    let scopes = vec![Scope::whole(bench.at("src")), Scope::whole(bench.at("linked"))];
    let started = bench.watch(scopes, Method::Events);
    assert_eq!(started.files, 2);
    bench.write("real/x", "2");
    assert_eq!(bench.changes(), changed(&["linked/x"]));
    symlink(bench.at("elsewhere"), bench.at("src/out")).expect("writable");
    bench.write("elsewhere/y", "2");
    assert_eq!(bench.changes(), changed(&["src/out"]));
}

#[test]
fn a_checkout_of_a_thousand_files_is_seen_whole() {
    let mut bench = Bench::new();
    bench.watch_src(Method::Events);
    let names: Vec<String> = (0..1000).map(|n| format!("src/d{}/f{n}", n % 40)).collect();
    for name in &names {
        bench.write(name, "1");
    }
    let expected: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(bench.changes(), changed(&expected));
    for name in &names {
        bench.remove(name);
    }
    assert_eq!(bench.changes(), gone(&expected));
}
