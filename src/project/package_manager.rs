//! Who installs the packages of a Node project.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// A package manager of Node.js, as the table beside the reload runner has it: what devstack
/// watches and what the runner installs from are the same files.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct PackageManager {
    /// What tells it from all others.
    pub name: String,
    /// The program to run, the same for old and new Yarn.
    pub program: String,
    /// The package that npm installs the program from; nothing for npm itself.
    #[serde(default)]
    pub package: Option<String>,
    /// What npm needs to be told for that: images of Node may have an old Yarn in the place of
    /// another, and npm runs no script of a package unless told so.
    #[serde(default)]
    pub global: Vec<String>,
    /// The first major version of the program that is meant, where another row has the older.
    #[serde(default)]
    since: u32,
    /// Names of its lock file, the one that counts first.
    pub locks: Vec<String>,
    /// A text that tells its lock file from another manager's of the same name.
    #[serde(default)]
    lock_has: Option<String>,
    /// Further files beside a `package.json` that decide what it installs.
    pub settings: Vec<String>,
    /// Arguments that install exactly what the lock file says.
    pub frozen: Vec<String>,
    /// Arguments that install what the `package.json` says.
    pub loose: Vec<String>,
}

static ALL: LazyLock<Vec<PackageManager>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../templates/runner/managers.json"))
        .expect("a test reads the table")
});

/// Who installs the packages of a project, and out of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Who.
    pub manager: &'static PackageManager,
    /// The version that the `package.json` asks for.
    pub version: Option<String>,
    /// The name of the lock file; without one anything may be installed.
    pub lock: Option<&'static str>,
}

impl PackageManager {
    /// All that are known, in the order in which lock files count that lie side by side.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The names of all files that decide what is installed, each once.
    pub fn files() -> impl Iterator<Item = &'static str> {
        let names = ALL.iter().flat_map(|manager| manager.locks.iter().chain(&manager.settings));
        let mut files = vec!["package.json"];
        for name in names {
            if !files.contains(&name.as_str()) {
                files.push(name);
            }
        }
        files.into_iter()
    }
}

impl Installation {
    /// By the text of a `package.json` and the texts of the files beside it: a single lock file
    /// decides, of several the one that the `package.json` speaks for.
    pub fn of(package: &str, text: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let said = said(package);
        let mut found: Vec<(&'static PackageManager, &'static str)> = Vec::new();
        for manager in PackageManager::all() {
            let lock = manager.locks.iter().find_map(|name| Some((name, text(name)?)));
            let Some((name, content)) = lock else { continue };
            let is_taken = found.iter().any(|(_, other)| other == name);
            let mark = manager.lock_has.as_deref().unwrap_or_default();
            if !is_taken && content.contains(mark) {
                found.push((manager, name));
            }
        }
        let wanted = said.as_ref().and_then(|(name, version)| {
            let is_old = |since| major(version.as_deref()).is_some_and(|it| it < since);
            let mut all = PackageManager::all().iter();
            all.find(|manager| manager.program == *name && !is_old(manager.since))
        });
        let spoken_for = |program: &str| wanted.is_some_and(|wanted| wanted.program == program);
        let chosen = found.iter().find(|(it, _)| spoken_for(&it.program)).or(found.first());
        let (manager, lock) = match chosen {
            Some((manager, lock)) => (*manager, Some(*lock)),
            None => (wanted?, None),
        };
        let version = said.filter(|(name, _)| *name == manager.program);
        Some(Self { manager, version: version.and_then(|(_, version)| version), lock })
    }
}

/// What a `package.json` says of its manager: `"packageManager": "yarn@4.1.0+sha224.ab"`.
fn said(package: &str) -> Option<(String, Option<String>)> {
    let package: Value = serde_json::from_str(package).ok()?;
    let said = package.get("packageManager")?.as_str()?;
    let said = said.split('+').next()?;
    let (name, version) = said.split_once('@').unwrap_or((said, ""));
    Some((name.to_owned(), (!version.is_empty()).then(|| version.to_owned())))
}

fn major(version: Option<&str>) -> Option<u32> {
    version?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Manager, version and lock file for a `package.json` and files beside it.
    fn found(package: &str, files: &[(&str, &str)]) -> String {
        let text = |name: &str| {
            files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned())
        };
        let Some(Installation { manager, version, lock }) = Installation::of(package, text) else {
            return "nobody".to_owned();
        };
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        format!("{}{version} from {}", manager.name, lock.unwrap_or("package.json"))
    }

    const CLASSIC: (&str, &str) = ("yarn.lock", "# yarn lockfile v1\n");
    const BERRY: (&str, &str) = ("yarn.lock", "# This file\n\n__metadata:\n  version: 8\n");
    const NPM: (&str, &str) = ("package-lock.json", "{}");

    #[test]
    fn a_lock_file_tells_who_installs() {
        let cases: [(&[(&str, &str)], &str); 9] = [
            (&[], "nobody"),
            (&[NPM], "npm from package-lock.json"),
            (&[NPM, ("npm-shrinkwrap.json", "{}")], "npm from npm-shrinkwrap.json"),
            (&[("pnpm-lock.yaml", "")], "pnpm from pnpm-lock.yaml"),
            (&[CLASSIC], "yarn from yarn.lock"),
            (&[BERRY], "yarn-berry from yarn.lock"),
            (&[("bun.lock", "{}")], "bun from bun.lock"),
            (&[("bun.lockb", "\0")], "bun from bun.lockb"),
            (&[NPM, CLASSIC], "npm from package-lock.json"),
        ];
        for (files, expected) in cases {
            assert_eq!(found("{}", files), expected);
        }
    }

    #[test]
    fn package_json_decides_between_several_lock_files_and_without_any() {
        let yarn = |version: &str| format!(r#"{{"packageManager": "yarn@{version}+sha224.ab"}}"#);
        assert_eq!(found(&yarn("1.22.22"), &[NPM, CLASSIC]), "yarn 1.22.22 from yarn.lock");
        assert_eq!(found(&yarn("4.1.0"), &[NPM, BERRY]), "yarn-berry 4.1.0 from yarn.lock");
        assert_eq!(found(&yarn("4.1.0"), &[NPM]), "npm from package-lock.json");
        assert_eq!(found(&yarn("4.1.0"), &[]), "yarn-berry 4.1.0 from package.json");
        assert_eq!(found(&yarn("1.22.22"), &[]), "yarn 1.22.22 from package.json");
        assert_eq!(found(r#"{"packageManager": "cnpm@1"}"#, &[CLASSIC]), "yarn from yarn.lock");
        assert_eq!(found("{", &[]), "nobody");
    }

    #[test]
    fn every_file_that_decides_is_known_once() {
        let files: Vec<&str> = PackageManager::files().collect();
        let expected = [
            "package.json",
            "npm-shrinkwrap.json",
            "package-lock.json",
            "pnpm-lock.yaml",
            "pnpm-workspace.yaml",
            "yarn.lock",
            ".yarnrc.yml",
            "bun.lock",
            "bun.lockb",
        ];
        assert_eq!(files, expected);
    }
}
