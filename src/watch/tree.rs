//! Folders under watch. Keeps up with what is made, moved, deleted and made again.
//!
//! One watch for each folder that is entered, so that ignored ones cost nothing. A folder is
//! watched before it is read: what appears in between is seen in one way or the other. The folder
//! above each root is watched too, since a root may be deleted and come back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::contents::{Contents, Stamp, stamp};
use super::scope::{Scope, Scopes};

/// Where one watch covers all that lies below, ignored folders cannot be left out.
const RECURSIVE: bool = cfg!(any(target_os = "macos", windows));

/// The files of a scope that are there.
#[must_use]
pub fn files_of(scope: &Scope) -> Vec<PathBuf> {
    let mut tree = Tree::new(Scopes::new(vec![scope.clone()]), None);
    let begun = tree.begin();
    debug_assert!(begun.is_ok(), "without a watcher nothing can be refused");
    tree.contents.at_or_below(Path::new(""))
}

/// The watched part of the file system.
pub(super) struct Tree {
    watcher: Option<RecommendedWatcher>,
    pub(super) scopes: Scopes,
    pub(super) contents: Contents,
    /// Each file as the last poll saw it; empty while there are events.
    polled: HashMap<PathBuf, Stamp>,
    /// Roots under another name, as the system reports them: that name, and ours.
    renamed: Vec<(PathBuf, PathBuf)>,
    folders: usize,
}

impl Tree {
    /// Without a watcher the tree has to be polled.
    pub(super) fn new(scopes: Scopes, watcher: Option<RecommendedWatcher>) -> Self {
        let renamed = scopes
            .all
            .iter()
            .filter_map(|scope| Some((scope.root.canonicalize().ok()?, scope.root.clone())))
            .filter(|(real, root)| real != root)
            .collect();
        Self {
            watcher,
            scopes,
            contents: Contents::default(),
            polled: HashMap::new(),
            renamed,
            folders: 0,
        }
    }

    pub(super) const fn folders(&self) -> usize {
        self.folders
    }

    /// Gives up on events, for want of watches.
    pub(super) fn give_up_events(&mut self) {
        self.watcher = None;
    }

    /// Begins to watch all roots and finds the files that are there.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub(super) fn begin(&mut self) -> Result<(), notify::Error> {
        let mut found = Vec::new();
        for root in self.scopes.roots_at_or_below(Path::new("")) {
            self.arm(&root, &mut found)?;
        }
        for path in &found {
            self.contents.add(path);
        }
        if self.watcher.is_none() {
            self.polled = stamps(found);
        }
        Ok(())
    }

    /// Takes in an event; returns the paths to look at.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub(super) fn follow(&mut self, event: &Event) -> Result<Vec<PathBuf>, notify::Error> {
        let mut touched = Vec::new();
        if event.need_rescan() {
            return self.rescan();
        }
        let restructures = match event.kind {
            EventKind::Access(access) => {
                let closed = notify::event::AccessKind::Close(notify::event::AccessMode::Write);
                if access != closed {
                    return Ok(touched);
                }
                false
            }
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => false,
            _ => true,
        };
        for path in &event.paths {
            self.follow_path(&self.ours(path), restructures, &mut touched)?;
        }
        Ok(touched)
    }

    /// Looks at everything: events were lost, or there are none. Returns the paths to look at.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub(super) fn rescan(&mut self) -> Result<Vec<PathBuf>, notify::Error> {
        let mut touched = self.contents.at_or_below(Path::new(""));
        for root in self.scopes.roots_at_or_below(Path::new("")) {
            self.arm(&root, &mut touched)?;
        }
        Ok(touched)
    }

    /// Compares all files with those of the last poll; returns the paths that differ.
    pub(super) fn poll(&mut self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for root in self.scopes.roots_at_or_below(Path::new("")) {
            // Without a watcher nothing can be refused.
            let _ = self.arm(&root, &mut found);
        }
        let before = std::mem::replace(&mut self.polled, stamps(found));
        let differing =
            self.polled.iter().filter(|(path, stamp)| before.get(*path) != Some(*stamp));
        let gone = before.keys().filter(|path| !self.polled.contains_key(*path));
        differing.map(|(path, _)| path).chain(gone).cloned().collect()
    }

    fn follow_path(
        &mut self,
        path: &Path,
        restructures: bool,
        touched: &mut Vec<PathBuf>,
    ) -> Result<(), notify::Error> {
        if restructures {
            for root in self.scopes.roots_at_or_below(path) {
                touched.extend(self.contents.at_or_below(&root));
                self.arm(&root, touched)?;
            }
        }
        match std::fs::symlink_metadata(path) {
            Ok(facts) if facts.is_dir() => {
                if restructures && self.scopes.enters(path) {
                    // What stood under this name before may be gone or another one.
                    touched.extend(self.contents.at_or_below(path));
                    self.descend(path, touched)?;
                }
            }
            // A root that is a link to a folder stands for the folder.
            Ok(_) if path.is_dir() && !self.scopes.roots_at_or_below(path).is_empty() => {}
            Ok(_) => {
                if !self.scopes.covering(path).is_empty() {
                    touched.push(path.to_owned());
                }
            }
            Err(_) => touched.extend(self.contents.at_or_below(path)),
        }
        Ok(())
    }

    /// Watches a root and the nearest folder above it; notes the files that are there.
    fn arm(&mut self, root: &Path, touched: &mut Vec<PathBuf>) -> Result<(), notify::Error> {
        let nearest = || root.ancestors().skip(1).find(|folder| folder.is_dir());
        let mut above = nearest();
        while let Some(folder) = above {
            self.watch(folder, RecursiveMode::NonRecursive)?;
            // What was made meanwhile was made unseen.
            let now = nearest();
            if now == above {
                break;
            }
            above = now;
        }
        if root.is_dir() {
            if RECURSIVE {
                self.watch(root, RecursiveMode::Recursive)?;
            }
            return self.descend(root, touched);
        }
        if root.symlink_metadata().is_ok() {
            touched.push(root.to_owned());
        }
        Ok(())
    }

    /// Watches a folder with all below that is entered; notes the files that count.
    fn descend(&mut self, folder: &Path, touched: &mut Vec<PathBuf>) -> Result<(), notify::Error> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            if !self.scopes.enters(&folder) {
                continue;
            }
            if !RECURSIVE {
                self.watch(&folder, RecursiveMode::NonRecursive)?;
            }
            self.folders += 1;
            // It may be gone again.
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                // A link to a folder is a link: in a container it leads elsewhere.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if !self.scopes.covering(&path).is_empty() {
                    touched.push(path);
                }
            }
        }
        Ok(())
    }

    /// Watches a folder. One that is gone again, or not readable, is left out.
    fn watch(&mut self, folder: &Path, mode: RecursiveMode) -> Result<(), notify::Error> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        match watcher.watch(folder, mode) {
            Err(error) if is_limit(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn ours(&self, path: &Path) -> PathBuf {
        for (real, root) in &self.renamed {
            if let Ok(inside) = path.strip_prefix(real) {
                return if inside.as_os_str().is_empty() {
                    root.clone()
                } else {
                    root.join(inside)
                };
            }
        }
        path.to_owned()
    }
}

/// Which files stand at these paths.
fn stamps(paths: Vec<PathBuf>) -> HashMap<PathBuf, Stamp> {
    paths.into_iter().filter_map(|path| stamp(&path).map(|stamp| (path, stamp))).collect()
}

/// Whether the system refuses because a limit of its own is reached.
pub(super) fn is_limit(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        // 24: too many open files, which is what a limit of inotify instances looks like.
        notify::ErrorKind::Io(error) => error.raw_os_error() == Some(24),
        _ => false,
    }
}
