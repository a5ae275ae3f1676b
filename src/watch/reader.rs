//! The files that say what is ignored.

use std::path::{Path, PathBuf};

use super::scope::Scope;
use crate::project::{Build, Dockerignore};

/// Where ignore rules come from.
pub trait IgnoreReader {
    /// The rules of a build context; `None` when it has none.
    fn of_build(&mut self, build: &Build, warnings: &mut Vec<String>) -> Option<Dockerignore>;

    /// The files whose change changes what is ignored.
    fn files<'s>(&self, scopes: impl Iterator<Item = &'s Scope>) -> Vec<PathBuf>;
}

/// The rules on this machine.
#[derive(Debug, Default)]
pub struct DiskIgnores {
    read: Vec<PathBuf>,
}

impl IgnoreReader for DiskIgnores {
    fn of_build(&mut self, build: &Build, warnings: &mut Vec<String>) -> Option<Dockerignore> {
        let dockerfile =
            build.context.join(build.dockerfile.as_deref().unwrap_or(Path::new("Dockerfile")));
        // A Dockerfile may have rules of its own beside it.
        let own = PathBuf::from(format!("{}.dockerignore", dockerfile.display()));
        let common = build.context.join(".dockerignore");
        let file = if own.is_file() { own.clone() } else { common.clone() };
        for path in [own, common] {
            if !self.read.contains(&path) {
                self.read.push(path);
            }
        }
        let text = std::fs::read_to_string(&file).ok()?;
        match Dockerignore::parse(&text) {
            Ok(rules) => Some(rules),
            Err(error) => {
                warnings.push(format!("{}: {error}", file.display()));
                None
            }
        }
    }

    fn files<'s>(&self, scopes: impl Iterator<Item = &'s Scope>) -> Vec<PathBuf> {
        let mut files = self.read.clone();
        for scope in scopes {
            for folder in scope.root.ancestors() {
                let rules = folder.join(".gitignore");
                if rules.is_file() && !files.contains(&rules) {
                    files.push(rules);
                }
                if folder.join(".git").exists() {
                    break;
                }
            }
        }
        files
    }
}
