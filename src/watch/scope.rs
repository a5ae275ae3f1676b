//! What of the file system counts: which folders are entered and which files are looked at.
//!
//! A folder that nobody wants is never entered, so what is in it costs nothing.

use std::path::{Path, PathBuf};

use super::git::Git;
use crate::project::Dockerignore;

/// Folders that hold what tools made, never what a person saves. A scope may have one as its root.
const TOOL_FOLDERS: [&str; 7] =
    ["node_modules", ".git", ".hg", ".svn", ".idea", "dist", "__pycache__"];

/// One file or folder that is watched, with what of it does not count.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Absolute path. It need not exist.
    pub root: PathBuf,
    /// What does not count, below the root.
    pub ignore: Dockerignore,
    /// What alone counts, below the root; everything when absent.
    pub include: Option<Dockerignore>,
    /// A build context and its `.dockerignore`.
    pub context: Option<(PathBuf, Dockerignore)>,
}

/// All scopes of a run. What git ignores as a folder is not entered either.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    pub(super) all: Vec<Scope>,
    git: Git,
}

impl Scope {
    /// A file or folder of which everything counts.
    #[must_use]
    pub fn whole(root: PathBuf) -> Self {
        Self { root, ..Self::default() }
    }

    fn enters(&self, folder: &Path) -> bool {
        let Some(inside) = below(&self.root, folder) else { return false };
        if inside.is_empty() {
            return true;
        }
        let is_tools = inside.split('/').any(|part| TOOL_FOLDERS.contains(&part));
        !is_tools
            && may_hold(&self.ignore, &inside)
            && self.context_of(folder).is_none_or(|(rules, path)| may_hold(rules, &path))
    }

    fn covers(&self, file: &Path) -> bool {
        let Some(inside) = below(&self.root, file) else { return false };
        if inside.is_empty() {
            return true;
        }
        let name = inside.rsplit('/').next().unwrap_or(&inside);
        !is_ephemeral(name)
            && !self.ignore.excludes(&inside)
            && self.include.as_ref().is_none_or(|include| include.excludes(&inside))
            && self.context_of(file).is_none_or(|(rules, path)| !rules.excludes(&path))
    }

    /// The context's rules and the path as they see it. Who names an excluded folder as the root
    /// means what is in it.
    fn context_of(&self, path: &Path) -> Option<(&Dockerignore, String)> {
        let (context, rules) = self.context.as_ref()?;
        let inside = below(context, path)?;
        let root_is_excluded = below(context, &self.root).is_some_and(|root| rules.excludes(&root));
        (!root_is_excluded).then_some((rules, inside))
    }
}

impl Scopes {
    pub(super) fn new(all: Vec<Scope>) -> Self {
        Self { all, git: Git::default() }
    }

    /// Whether a folder is watched.
    pub(super) fn enters(&mut self, folder: &Path) -> bool {
        let git = &mut self.git;
        self.all
            .iter()
            .any(|scope| scope.enters(folder) && !git.ignores_between(&scope.root, folder))
    }

    /// The scopes that a file is part of, by their place.
    pub(super) fn covering(&mut self, file: &Path) -> Vec<usize> {
        let git = &mut self.git;
        let covers = |scope: &Scope| {
            let parent = file.parent().filter(|parent| parent.starts_with(&scope.root));
            scope.covers(file)
                && parent.is_none_or(|parent| {
                    scope.enters(parent) && !git.ignores_between(&scope.root, parent)
                })
        };
        positions(&self.all, covers)
    }

    /// The roots that are this path or lie below it.
    pub(super) fn roots_at_or_below(&self, path: &Path) -> Vec<PathBuf> {
        let roots = self.all.iter().map(|scope| &scope.root);
        roots.filter(|root| root.starts_with(path)).cloned().collect()
    }
}

fn positions(scopes: &[Scope], mut covers: impl FnMut(&Scope) -> bool) -> Vec<usize> {
    let scopes = scopes.iter().enumerate();
    scopes.filter(|(_, scope)| covers(scope)).map(|(index, _)| index).collect()
}

/// The path below a folder, with `/`; empty for the folder itself.
fn below(folder: &Path, path: &Path) -> Option<String> {
    let inside = path.strip_prefix(folder).ok()?;
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    Some(parts.join("/"))
}

fn may_hold(rules: &Dockerignore, folder: &str) -> bool {
    !rules.excludes(folder) || rules.may_include_below(folder)
}

/// What editors write beside the file that is saved, and take away again.
fn is_ephemeral(name: &str) -> bool {
    let swap = |name: &str| {
        name.rsplit_once('.').is_some_and(|(_, extension)| {
            matches!(extension, "swp" | "swx" | "swo" | "swn" | "kate-swp")
        })
    };
    name == "4913"
        || name == ".DS_Store"
        || name.ends_with('~')
        || name.starts_with(".#")
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".~lock.")
        || name.starts_with(".goutputstream-")
        || name.contains("___jb_tmp___")
        || name.contains("___jb_old___")
        || swap(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &[&str]) -> Dockerignore {
        Dockerignore::of(lines.iter().copied()).expect("valid patterns")
    }

    #[test]
    fn files_count_by_place_patterns_and_name() {
        let scope = Scope {
            root: PathBuf::from("/p/app"),
            ignore: rules(&["*.log", "tmp", "!tmp/keep.ts"]),
            include: Some(rules(&["**/*.ts", "**/*.log"])),
            context: Some((PathBuf::from("/p"), rules(&["**/*.spec.ts"]))),
        };
        let mut scopes = Scopes::new(vec![scope]);
        let cases = [
            ("/p/app/a.ts", true),
            ("/p/app/deep/a.ts", true),
            ("/p/app/a.js", false),
            ("/p/app/a.log", false),
            ("/p/app/deep/a.log", true),
            ("/p/app/tmp/x.ts", false),
            ("/p/app/tmp/keep.ts", true),
            ("/p/app/a.spec.ts", false),
            ("/p/app/node_modules/x/a.ts", false),
            ("/p/app/dist/a.ts", false),
            ("/p/other/a.ts", false),
            ("/p/app.ts", false),
        ];
        for (path, expected) in cases {
            assert_eq!(!scopes.covering(Path::new(path)).is_empty(), expected, "{path}");
        }
    }

    #[test]
    fn folders_are_entered_only_for_what_may_count() {
        let scope = Scope {
            root: PathBuf::from("/p"),
            ignore: rules(&["build", "out", "!out/keep"]),
            ..Scope::default()
        };
        let mut scopes = Scopes::new(vec![scope, Scope::whole(PathBuf::from("/p/dist"))]);
        let cases = [
            ("/p", true),
            ("/p/src", true),
            ("/p/build", false),
            ("/p/out", true),
            ("/p/out/keep", true),
            ("/p/out/other", false),
            ("/p/src/node_modules", false),
            ("/p/.git", false),
            // Named as a root.
            ("/p/dist", true),
            ("/p/dist/deep", true),
            ("/q", false),
        ];
        for (path, expected) in cases {
            assert_eq!(scopes.enters(Path::new(path)), expected, "{path}");
        }
        assert_eq!(scopes.covering(Path::new("/p/dist/a.js")), [1]);
    }

    #[test]
    fn an_excluded_root_is_watched_all_the_same() {
        let context = Some((PathBuf::from("/p"), rules(&["generated", "**/*.tmp"])));
        let scope = |root: &str| Scope {
            root: PathBuf::from(root),
            context: context.clone(),
            ..Scope::default()
        };
        let mut scopes = Scopes::new(vec![scope("/p"), scope("/p/generated")]);
        assert_eq!(scopes.covering(Path::new("/p/generated/a.ts")), [1]);
        assert_eq!(scopes.covering(Path::new("/p/a.tmp")), [] as [usize; 0]);
    }

    #[test]
    fn editors_own_files_do_not_count() {
        let names = [
            (".a.ts.swp", true),
            ("4913", true),
            ("a.ts~", true),
            (".#a.ts", true),
            ("#a.ts#", true),
            ("a.ts___jb_tmp___", true),
            (".goutputstream-X1", true),
            ("a.ts", false),
            (".env", false),
            ("#", false),
        ];
        for (name, expected) in names {
            assert_eq!(is_ephemeral(name), expected, "{name}");
        }
    }
}
