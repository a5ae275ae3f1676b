//! Who may know whom: read from the sources, so that a shortcut is noticed when it is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Libraries that belong to one place.
const LIBRARIES: [(&str, &[&str]); 10] = [
    ("bollard", &["engine"]),
    ("indicatif", &["report"]),
    ("annotate_snippets", &["report"]),
    ("console", &["report", "os/terminal.rs"]),
    ("crossterm", &["os"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("saphyr_parser", &["config"]),
    ("notify", &["watch"]),
    ("ignore", &["watch"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                let name = path.strip_prefix(root()).expect("found below it");
                sources.insert(name.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    assert!(sources.len() > 50, "found only {} files", sources.len());
    sources
}

/// The modules and what they may import, by the table in the documentation of the crate.
fn table(sources: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let rows = sources["lib.rs"].lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let rows: Vec<(&str, &str)> = rows
        .filter_map(|row| {
            let name = row.split('`').next()?;
            Some((name, row.trim_end().strip_suffix('|')?.rsplit('|').next()?))
        })
        .collect();
    assert!(rows.len() > 10, "the table has {} rows", rows.len());
    let names = || rows.iter().map(|(name, _)| *name);
    rows.iter()
        .map(|(name, cell)| {
            let allowed = if cell.trim_start().starts_with("everything") {
                names().collect()
            } else {
                names().filter(|other| cell.contains(&format!("`{other}`"))).collect()
            };
            (*name, allowed)
        })
        .collect()
}

fn module(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Lines of code, with their numbers: comments are left out, documentation may link anywhere.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The identifiers that follow a path's beginning, such as `state` in `crate::state::Desired`, and
/// all of `use crate::{state, plan::Plan}`.
fn after<'a>(line: &'a str, beginning: &str) -> Vec<&'a str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (index, _) in line.match_indices(beginning) {
        if line[..index].chars().next_back().is_some_and(|c| is_word(c) || c == ':') {
            continue;
        }
        let rest = &line[index + beginning.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(rest.split(|c| !is_word(c)).next().unwrap_or_default());
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive([',', '{', '}']) {
            let name = part.trim_start().split(|c| !is_word(c)).next().unwrap_or_default();
            if depth == 0 && !name.is_empty() {
                found.push(name);
            }
            match part.chars().next_back() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

#[test]
fn modules_import_only_what_they_may() {
    let sources = sources();
    let table = table(&sources);
    let mut wrong = Vec::new();
    for (file, text) in &sources {
        if file == "lib.rs" || file == "main.rs" {
            continue;
        }
        let own = module(file);
        let Some(allowed) = table.get(own) else {
            wrong.push(format!("src/{file}: `{own}` is not in the table"));
            continue;
        };
        // What a unit test begins with may be written in the language of the files.
        let may_read_files = file.ends_with("/tests.rs");
        for (line, code) in code(text) {
            for other in after(code, "crate::") {
                if other == "config" && may_read_files {
                    continue;
                }
                if other != own && !allowed.contains(other) {
                    wrong.push(format!("src/{file}:{line}: `{own}` must not know `{other}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_edge_that_nobody_uses() {
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    let sources = sources();
    for (file, text) in &sources {
        for (_, code) in code(text) {
            for other in after(code, "crate::") {
                used.insert((module(file).to_owned(), other.to_owned()));
            }
        }
    }
    // `cli` may know everything and need not.
    for (module, allowed) in table(&sources).into_iter().filter(|(module, _)| *module != "cli") {
        for other in allowed {
            assert!(
                used.contains(&(module.to_owned(), other.to_owned())),
                "`{module}` does not use `{other}`: take it from the table"
            );
        }
    }
}

#[test]
fn the_table_has_no_cycle() {
    // Each module may import only those that can be removed before it.
    let sources = sources();
    let mut left = table(&sources);
    for (module, allowed) in &mut left {
        allowed.remove(module);
    }
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, allowed)| allowed.iter().all(|other| !left.contains_key(*other)))
            .map(|(module, _)| *module)
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module, _| !free.contains(module));
    }
    assert!(left.is_empty(), "these know each other: {left:?}");
}

#[test]
fn libraries_stay_in_their_place() {
    let mut wrong = Vec::new();
    for (file, text) in &sources() {
        for (line, code) in code(text) {
            for (library, places) in LIBRARIES {
                if file.starts_with("main.rs") || places.iter().any(|place| file.starts_with(place))
                {
                    continue;
                }
                if !after(code, &format!("{library}::")).is_empty() {
                    wrong.push(format!("src/{file}:{line}: {library} belongs to {places:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_all_forms() {
    let cases: [(&str, &[&str]); 6] = [
        ("use crate::plan::Plan;", &["plan"]),
        ("let x: crate::state::Observed = crate::plan::y();", &["state", "plan"]),
        ("use crate::{state, plan::{Plan, Step}, os::files};", &["state", "plan", "os"]),
        ("pub(in crate::plan) fn x();", &["plan"]),
        ("use bollard::crate::x;", &[]),
        ("use super::plan;", &[]),
    ];
    for (line, expected) in cases {
        assert_eq!(after(line, "crate::"), expected, "{line}");
    }
}
