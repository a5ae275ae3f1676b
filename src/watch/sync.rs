//! Puts changed files into a container and takes deleted ones away, in as few calls as there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use indexmap::IndexMap;

use super::owner::{NoSuchName, Owner, owner};
use crate::engine::{CopyIn, CopySource, DockerEngine, EngineError, Layout};
use crate::state::ContainerId;

/// Paths for one `rm`: well below the longest command line.
const REMOVALS: usize = 500;

/// A container that gets files.
#[derive(Debug)]
pub struct Replica {
    id: ContainerId,
    layout: Layout,
    owner: Owner,
    /// Folders that are known to be there.
    folders: BTreeSet<String>,
    has_rm: bool,
}

/// What the main process of a container does about files that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It runs on.
    GoesOn,
    /// It is restarted when they are there.
    IsRestarted,
    /// It has ended, and is started when they are there.
    Ended,
}

/// Why a container did not get its files.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Nobody could own the files.
    #[error("cannot tell who owns the files: {0}")]
    Owner(String),
    /// `rm` failed, in its own words.
    #[error("cannot delete files in the container: {0}")]
    Rm(String),
    /// A file stays in the container.
    #[error(
        "`{path}` is deleted here and stays in the container: the image has no `rm`, and {why}"
    )]
    Stays {
        /// The file, or the first of them.
        path: String,
        /// Why it cannot be taken away in another way.
        why: &'static str,
    },
}

impl From<NoSuchName> for SyncError {
    fn from(error: NoSuchName) -> Self {
        Self::Owner(error.to_string())
    }
}

impl Replica {
    /// Asks what has to be known of a container.
    ///
    /// # Errors
    /// When the engine does not answer, or the container's user is not in its image.
    pub async fn open(engine: &DockerEngine, id: &ContainerId) -> Result<Self, SyncError> {
        let layout = engine.layout(id).await?;
        let read = async |path| -> Result<String, EngineError> {
            let file = engine.read_file(id, path).await?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&file).into_owned())
        };
        let owner = if layout.user.is_empty() {
            Owner::default()
        } else {
            owner(&layout.user, &read("/etc/passwd").await?, &read("/etc/group").await?)?
        };
        Ok(Self { id: id.clone(), layout, owner, folders: BTreeSet::new(), has_rm: true })
    }

    /// Copies and deletes: path in the container to the file of this machine, or to nothing.
    ///
    /// # Errors
    /// What the engine or the container answers.
    pub async fn sync(
        &mut self,
        engine: &DockerEngine,
        copies: &IndexMap<String, Option<PathBuf>>,
        process: Process,
    ) -> Result<(), SyncError> {
        let gone: Vec<String> = copies
            .iter()
            .filter(|(_, source)| source.is_none())
            .map(|(path, _)| path.clone())
            .collect();
        if !gone.is_empty() {
            self.remove(engine, &outermost(gone), process).await?;
        }
        let mut by_base: BTreeMap<String, Vec<CopyIn>> = BTreeMap::new();
        for (path, source) in copies {
            let Some(source) = source else { continue };
            for folder in self.missing_folders(engine, path).await? {
                let base = self.base(&folder);
                let folder = self.entry(folder, CopySource::Folder);
                by_base.entry(base).or_default().push(folder);
            }
            let file = self.entry(path.clone(), CopySource::Host(source.clone()));
            by_base.entry(self.base(path)).or_default().push(file);
        }
        for (base, entries) in by_base {
            engine.copy_in(&self.id, &base, entries).await?;
        }
        Ok(())
    }

    fn entry(&self, path: String, source: CopySource) -> CopyIn {
        CopyIn { path, source, uid: self.owner.uid, gid: self.owner.gid }
    }

    /// The innermost mount that a path lies in: only there may a container with a read-only root
    /// be written to.
    fn base(&self, path: &str) -> String {
        let mounts = self.layout.mounts.iter().filter(|mount| is_below(path, mount));
        mounts.max_by_key(|mount| mount.len()).cloned().unwrap_or_else(|| "/".to_owned())
    }

    /// Folders above a path that are not there yet, outermost first. They are made with the
    /// owner of the files: left to itself the engine would make them root's.
    async fn missing_folders(
        &mut self,
        engine: &DockerEngine,
        path: &str,
    ) -> Result<Vec<String>, EngineError> {
        let mut missing = Vec::new();
        let mut rest = path;
        while let Some((folder, _)) = rest.rsplit_once('/').filter(|(folder, _)| !folder.is_empty())
        {
            if self.folders.contains(folder) {
                break;
            }
            self.folders.insert(folder.to_owned());
            if engine.container_path(&self.id, folder).await?.is_some() {
                break;
            }
            missing.push(folder.to_owned());
            rest = folder;
        }
        missing.reverse();
        Ok(missing)
    }

    async fn remove(
        &mut self,
        engine: &DockerEngine,
        paths: &[String],
        process: Process,
    ) -> Result<(), SyncError> {
        self.folders.retain(|folder| !paths.iter().any(|path| is_at_or_below(folder, path)));
        let has_rm = |replica: &Self| replica.has_rm && process != Process::Ended;
        if has_rm(self) {
            for paths in paths.chunks(REMOVALS) {
                match engine.remove_paths(&self.id, paths).await? {
                    Some(outcome) if outcome.code == 0 => {}
                    Some(outcome) => return Err(SyncError::Rm(outcome.output)),
                    None => {
                        self.has_rm = false;
                        break;
                    }
                }
            }
        }
        if has_rm(self) {
            return Ok(());
        }
        let mut by_folder: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for path in paths {
            if let Some((folder, name)) = path.rsplit_once('/') {
                by_folder.entry(folder).or_default().push(name.to_owned());
            }
        }
        for (folder, names) in by_folder {
            let stays = |why| SyncError::Stays { path: format!("{folder}/{}", names[0]), why };
            if let Some(why) = self.must_stay(folder, process) {
                return Err(stays(why));
            }
            if !engine.resend_folder_without(&self.id, folder, &names).await? {
                return Err(stays("its folder is too large to be sent anew"));
            }
        }
        Ok(())
    }

    /// Why a folder cannot be exchanged as a whole.
    fn must_stay(&self, folder: &str, process: Process) -> Option<&'static str> {
        let layout = &self.layout;
        if folder.is_empty() {
            Some("it lies in the root folder")
        } else if layout.mounts.iter().chain(&layout.tmpfs).any(|it| is_at_or_below(it, folder)) {
            Some("something is mounted in its folder")
        } else if process == Process::GoesOn && is_at_or_below(&layout.working_dir, folder) {
            Some("its folder is the one that the process works in")
        } else {
            None
        }
    }
}

/// Leaves out what lies below another one.
fn outermost(mut paths: Vec<String>) -> Vec<String> {
    paths.sort();
    let mut kept: Vec<String> = Vec::new();
    for path in paths {
        if !kept.iter().any(|above| is_below(&path, above)) {
            kept.push(path);
        }
    }
    kept
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path == folder || is_below(path, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(mounts: &[&str], working_dir: &str) -> Replica {
        Replica {
            id: ContainerId("c".to_owned()),
            layout: Layout {
                working_dir: working_dir.to_owned(),
                mounts: mounts.iter().map(ToString::to_string).collect(),
                ..Layout::default()
            },
            owner: Owner::default(),
            folders: BTreeSet::new(),
            has_rm: true,
        }
    }

    #[test]
    fn files_are_unpacked_in_the_innermost_mount() {
        let replica = replica(&["/data", "/data/deep", "/etc/conf"], "/app");
        let cases = [
            ("/app/a", "/"),
            ("/data/a", "/data"),
            ("/data/deep/a", "/data/deep"),
            ("/database", "/"),
            ("/etc/conf", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(replica.base(path), expected, "{path}");
        }
    }

    #[test]
    fn only_folders_that_nothing_holds_are_exchanged() {
        use Process::{Ended, GoesOn, IsRestarted};
        let replica = replica(&["/app/data"], "/srv/work");
        let cases = [
            ("/app/src", GoesOn, true),
            ("/app", GoesOn, false),
            ("/app/data", GoesOn, false),
            ("/srv/work", GoesOn, false),
            ("/srv", GoesOn, false),
            ("/srv/work", IsRestarted, true),
            ("/srv/work", Ended, true),
            ("/srv/work/src", GoesOn, true),
            ("", IsRestarted, false),
        ];
        for (folder, process, may) in cases {
            assert_eq!(replica.must_stay(folder, process).is_none(), may, "{folder} {process:?}");
        }
    }

    #[test]
    fn what_lies_in_a_deleted_folder_needs_no_word_of_its_own() {
        let paths = ["/a/b/c", "/a/b", "/a/bc", "/a/b/d/e"].map(str::to_owned).into();
        assert_eq!(outermost(paths), ["/a/b", "/a/bc"]);
    }
}
