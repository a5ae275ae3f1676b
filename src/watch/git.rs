//! Folders that git ignores. Only folders: a single ignored file may well be one that a service
//! reads, such as a local setting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The `.gitignore` files met so far, and what they say.
#[derive(Debug, Default)]
pub(super) struct Git {
    /// By folder: its own rules, when it has any.
    rules: HashMap<PathBuf, Option<Gitignore>>,
    /// By folder: whether it is at the top of a working tree.
    tops: HashMap<PathBuf, bool>,
    /// By folder: whether git ignores it itself, not one above it.
    ignored: HashMap<PathBuf, bool>,
}

impl Git {
    /// Whether the folder, or one on the way to it from the root (itself left out), is ignored.
    pub(super) fn ignores_between(&mut self, root: &Path, folder: &Path) -> bool {
        let mut current = folder;
        while current != root && current.starts_with(root) {
            if self.ignores(current) {
                return true;
            }
            let Some(parent) = current.parent() else { break };
            current = parent;
        }
        false
    }

    fn ignores(&mut self, folder: &Path) -> bool {
        if let Some(known) = self.ignored.get(folder) {
            return *known;
        }
        let mut verdict = false;
        for above in folder.ancestors().skip(1) {
            match self.rules_of(above).map(|rules| rules.matched(folder, true)) {
                Some(Match::Ignore(_)) => {
                    verdict = true;
                    break;
                }
                Some(Match::Whitelist(_)) => break,
                Some(Match::None) | None => {}
            }
            if self.is_top(above) {
                break;
            }
        }
        self.ignored.insert(folder.to_owned(), verdict);
        verdict
    }

    fn rules_of(&mut self, folder: &Path) -> Option<&Gitignore> {
        let read = || {
            let file = folder.join(".gitignore");
            if !file.is_file() {
                return None;
            }
            let mut builder = GitignoreBuilder::new(folder);
            // What git cannot read either has no effect.
            builder.add(file);
            builder.build().ok()
        };
        self.rules.entry(folder.to_owned()).or_insert_with(read).as_ref()
    }

    fn is_top(&mut self, folder: &Path) -> bool {
        *self.tops.entry(folder.to_owned()).or_insert_with(|| folder.join(".git").exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_all_folders_up_to_the_top_count() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("repo/app/src/generated")).expect("writable");
        std::fs::create_dir_all(at("repo/.git")).expect("writable");
        std::fs::write(at(".gitignore"), "src/\n").expect("writable");
        std::fs::write(at("repo/.gitignore"), "coverage/\n/app/out\n*.d\n").expect("writable");
        std::fs::write(at("repo/app/.gitignore"), "!kept.d\ngenerated\n").expect("writable");
        let mut git = Git::default();
        let cases = [
            ("repo/app/coverage", true),
            ("repo/app/coverage/deep", true),
            ("repo/app/out", true),
            ("repo/app/src/out", false),
            ("repo/app/x.d", true),
            ("repo/app/kept.d", false),
            ("repo/app/src/generated", true),
            // The rule stands above the working tree.
            ("repo/app/src", false),
        ];
        for (path, expected) in cases {
            assert_eq!(git.ignores_between(&at("repo"), &at(path)), expected, "{path}");
        }
        assert!(!git.ignores_between(&at("repo/app/coverage"), &at("repo/app/coverage")));
    }
}
