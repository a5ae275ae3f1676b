//! What was read of files before, so that a large folder is read once and afterwards only looked
//! at.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::cache::Cache;

/// Changes within this time of each other may leave the same times on a file: the coarsest clock
/// of a file system in use (FAT) has two seconds.
const COARSEST: Duration = Duration::from_secs(2);

/// Digests of a folder's files, kept in the user's cache folder.
#[derive(Debug)]
pub struct KnownFiles {
    kept: Option<(Cache, String)>,
    before: HashMap<String, Known>,
    now: IndexMap<String, Known>,
    has_news: bool,
    begun: SystemTime,
}

/// A file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    digest: String,
}

/// What changes with every change of a file. The time of the last change of its state (`ctime`)
/// cannot be set, so that also a tool that keeps the time of modification is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    /// Nanoseconds since 1970; 0 where there is no such time.
    changed: u64,
    inode: u64,
}

impl KnownFiles {
    /// What is known of the folder that `name` stands for; nothing without a cache.
    #[must_use]
    pub fn recall(cache: Option<Cache>, name: &str) -> Self {
        let kept = cache.map(|cache| (cache, format!("{name}.json")));
        // Unreadable is as good as not there: everything is read.
        let text = kept.as_ref().and_then(|(cache, file)| cache.read(file).ok());
        let before = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { kept, before, now: IndexMap::new(), has_news: false, begun: SystemTime::now() }
    }

    /// The digest of a file's content: the known one while the file is the same, else what `read`
    /// returns.
    ///
    /// # Errors
    /// That of `read`.
    pub fn digest(
        &mut self,
        name: &str,
        metadata: &Metadata,
        read: impl FnOnce() -> io::Result<String>,
    ) -> io::Result<String> {
        let stamp = Stamp::of(metadata);
        let known = self.before.remove(name).filter(|known| Some(known.stamp) == stamp);
        let known = match (known, stamp) {
            (Some(known), _) => known,
            (None, Some(stamp)) => {
                let digest = read()?;
                if !stamp.is_settled(self.begun) {
                    return Ok(digest);
                }
                self.has_news = true;
                Known { stamp, digest }
            }
            (None, None) => return read(),
        };
        let digest = known.digest.clone();
        self.now.insert(name.to_owned(), known);
        Ok(digest)
    }

    /// Keeps what is known now.
    pub fn keep(self) {
        let Some((cache, file)) = self.kept else { return };
        if self.has_news || !self.before.is_empty() {
            // What cannot be kept is read again next time.
            if let Ok(text) = serde_json::to_string(&self.now) {
                let _ = cache.replace(&file, &text);
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Option<Self> {
        let (changed, inode) = of_unix(metadata);
        let modified = nanoseconds(metadata.modified().ok()?)?;
        Some(Self { size: metadata.len(), modified, changed, inode })
    }

    /// Whether a change from now on would leave another stamp.
    fn is_settled(&self, now: SystemTime) -> bool {
        let latest = nanoseconds(now - COARSEST).unwrap_or_default();
        self.modified.max(self.changed) <= latest
    }
}

/// Since 1970.
fn nanoseconds(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos().try_into().ok()
}

#[cfg(unix)]
fn of_unix(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let more = u64::try_from(metadata.ctime_nsec()).unwrap_or_default();
    (seconds * 1_000_000_000 + more, metadata.ino())
}

#[cfg(not(unix))]
fn of_unix(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::{self, File, FileTimes};
    use std::path::Path;

    use super::*;

    /// A folder whose files are read through what is known of them.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        /// Reads the files, `later` than now, and returns the names of those that were opened.
        fn opened(&self, names: &[&str], later: Duration) -> String {
            let cache = Cache::find("contexts", self.0.path().to_str(), None);
            let mut known = KnownFiles::recall(cache, "folder");
            known.begun += later;
            let mut opened = Vec::new();
            for name in names {
                let read = Cell::new(false);
                let path = self.path(name);
                let metadata = fs::symlink_metadata(&path).unwrap();
                let digest = known.digest(name, &metadata, || {
                    read.set(true);
                    fs::read_to_string(&path)
                });
                assert_eq!(digest.unwrap(), fs::read_to_string(&path).unwrap(), "{name}");
                if read.get() {
                    opened.push(*name);
                }
            }
            known.keep();
            opened.join(" ")
        }
    }

    const LATER: Duration = Duration::from_secs(10);

    fn set_modified(path: &Path, time: SystemTime) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    #[test]
    fn a_file_is_read_again_only_when_it_may_have_changed() {
        let folder = Folder::new();
        for name in ["a", "b"] {
            fs::write(folder.path(name), "one").unwrap();
        }
        assert_eq!(folder.opened(&["a", "b"], LATER), "a b");
        assert_eq!(folder.opened(&["a", "b"], LATER), "");
        fs::write(folder.path("b"), "more").unwrap();
        assert_eq!(folder.opened(&["a", "b"], LATER), "b");
        // Another file in its place.
        fs::write(folder.path("c"), "two").unwrap();
        fs::rename(folder.path("c"), folder.path("a")).unwrap();
        assert_eq!(folder.opened(&["a", "b"], LATER), "a");
        assert_eq!(folder.opened(&["a", "b"], LATER), "");
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_known_yet() {
        let folder = Folder::new();
        fs::write(folder.path("a"), "one").unwrap();
        assert_eq!(folder.opened(&["a"], Duration::ZERO), "a");
        assert_eq!(folder.opened(&["a"], Duration::ZERO), "a");
    }

    #[cfg(unix)]
    #[test]
    fn a_change_that_keeps_size_and_time_is_noticed() {
        let folder = Folder::new();
        let path = folder.path("a");
        fs::write(&path, "one").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        folder.opened(&["a"], LATER);
        fs::write(&path, "two").unwrap();
        set_modified(&path, modified);
        assert_eq!(folder.opened(&["a"], LATER), "a");
    }

    #[test]
    fn what_is_gone_is_forgotten_and_what_cannot_be_kept_is_read() {
        let folder = Folder::new();
        for name in ["a", "b"] {
            fs::write(folder.path(name), name).unwrap();
        }
        folder.opened(&["a", "b"], LATER);
        folder.opened(&["a"], LATER);
        assert_eq!(folder.opened(&["a", "b"], LATER), "b");
        fs::write(folder.path("devstack/contexts/folder.json"), "{").unwrap();
        assert_eq!(folder.opened(&["a", "b"], LATER), "a b");
        let mut without = KnownFiles::recall(None, "folder");
        let metadata = fs::metadata(folder.path("a")).unwrap();
        assert_eq!(without.digest("a", &metadata, || Ok("read".to_owned())).unwrap(), "read");
        without.keep();
    }
}
