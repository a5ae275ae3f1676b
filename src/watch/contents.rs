//! Whether a file is another one than before. An event says only that something happened; the
//! file itself is the truth. A save that changes nothing is no change.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files above this size are not read: each event counts as a change of them.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A file that was written so shortly before it was read may be written again within the same
/// tick of the file system's clock.
const RECENT: Duration = Duration::from_secs(2);

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It has another content.
    Modified,
    /// It is gone.
    Removed,
}

/// The files that are there.
#[derive(Debug, Default)]
pub(super) struct Contents {
    known: BTreeMap<PathBuf, Known>,
}

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Its digest.
    Digest(u64),
    /// Nothing yet; when it was found it was this one.
    Found(Stamp),
    /// Nothing.
    Nothing,
}

/// Which file stood at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    length: u64,
    /// The file system's number of it; 0 where there is none.
    inode: u64,
}

impl Contents {
    /// Notes that a file is there, without reading it.
    pub(super) fn add(&mut self, path: &Path) {
        let found = || stamp(path).map_or(Known::Nothing, Known::Found);
        self.known.entry(path.to_owned()).or_insert_with(found);
    }

    /// Reads a file that has not been read yet, so that a later save of the same is none. What
    /// was written after `begun` (or shortly before), or is another file than the one that was
    /// found, is left alone: it has to be reported.
    pub(super) fn learn(&mut self, path: &Path, begun: SystemTime) {
        let Some(known) = self.known.get_mut(path) else { return };
        let Known::Found(found) = *known else { return };
        *known = Known::Nothing;
        if found.modified + RECENT < begun
            && let Ok(Some(digest)) = read(path)
            && stamp(path) == Some(found)
        {
            *known = Known::Digest(digest);
        }
    }

    /// Looks at a path and says what has changed since the last look.
    pub(super) fn judge(&mut self, path: &Path) -> Option<ChangeKind> {
        match read(path) {
            Ok(digest) => {
                let now = digest.map_or(Known::Nothing, Known::Digest);
                match self.known.insert(path.to_owned(), now) {
                    None => Some(ChangeKind::Created),
                    Some(before) if before == now && now != Known::Nothing => None,
                    Some(_) => Some(ChangeKind::Modified),
                }
            }
            Err(error) if is_gone(&error) => self.known.remove(path).map(|_| ChangeKind::Removed),
            // It is there and cannot be read: whoever uses it has to say so.
            Err(_) => match self.known.insert(path.to_owned(), Known::Nothing) {
                None => Some(ChangeKind::Created),
                Some(_) => Some(ChangeKind::Modified),
            },
        }
    }

    /// The known files that are this path or lie below it.
    pub(super) fn at_or_below(&self, path: &Path) -> Vec<PathBuf> {
        self.known
            .range(path.to_owned()..)
            .map(|(known, _)| known)
            .take_while(|known| known.starts_with(path))
            .cloned()
            .collect()
    }
}

/// Which file stands at a path.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let facts = std::fs::symlink_metadata(path).ok()?;
    let modified = facts.modified().ok()?;
    Some(Stamp { modified, length: facts.len(), inode: inode(&facts) })
}

/// A folder in the place of a file is a file that is gone.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// A digest of what a copy of the file would be: content, or where a link leads, and mode bits.
/// `None` when it is too large to be read.
fn read(path: &Path) -> io::Result<Option<u64>> {
    let facts = std::fs::symlink_metadata(path)?;
    let mut hasher = DefaultHasher::new();
    if facts.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if facts.is_symlink() {
        hasher.write(b"link");
        hasher.write(std::fs::read_link(path)?.as_os_str().as_encoded_bytes());
        return Ok(Some(hasher.finish()));
    }
    // Reading a pipe or a device could take for ever.
    if !facts.is_file() || facts.len() > LARGEST {
        return Ok(None);
    }
    let mut text = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or_default());
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut text)?;
    hasher.write(&text);
    hasher.write_u32(mode(&facts));
    Ok(Some(hasher.finish()))
}

#[cfg(unix)]
fn mode(facts: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    facts.permissions().mode()
}

#[cfg(unix)]
fn inode(facts: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    facts.ino()
}

#[cfg(not(unix))]
const fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

#[cfg(not(unix))]
fn mode(facts: &std::fs::Metadata) -> u32 {
    u32::from(facts.permissions().readonly())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_content_is_a_change() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a");
        let mut contents = Contents::default();
        let write = |text: &str| std::fs::write(&file, text).expect("writable");
        assert_eq!(contents.judge(&file), None);
        write("1");
        assert_eq!(contents.judge(&file), Some(ChangeKind::Created));
        write("1");
        assert_eq!(contents.judge(&file), None);
        write("2");
        assert_eq!(contents.judge(&file), Some(ChangeKind::Modified));
        std::fs::remove_file(&file).expect("it is there");
        assert_eq!(contents.judge(&file), Some(ChangeKind::Removed));
        assert_eq!(contents.judge(&file), None);
        write("2");
        assert_eq!(contents.judge(&file), Some(ChangeKind::Created));
        std::fs::remove_file(&file).expect("it is there");
        std::fs::create_dir(&file).expect("writable");
        assert_eq!(contents.judge(&file), Some(ChangeKind::Removed));
    }

    #[test]
    fn what_was_written_lately_is_reported_even_if_it_looks_the_same() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a");
        std::fs::write(&file, "1").expect("writable");
        for (begun, expected) in [
            (SystemTime::now(), Some(ChangeKind::Modified)),
            (SystemTime::now() + Duration::from_mins(1), None),
        ] {
            let mut contents = Contents::default();
            contents.add(&file);
            contents.learn(&file, begun);
            assert_eq!(contents.judge(&file), expected);
        }
    }

    #[test]
    fn files_below_a_folder_are_found_by_whole_names() {
        let mut contents = Contents::default();
        for path in ["/a/b", "/a/b/c", "/a/b/d/e", "/a/bc", "/a/c"] {
            contents.add(Path::new(path));
        }
        let found = contents.at_or_below(Path::new("/a/b"));
        assert_eq!(found, ["/a/b", "/a/b/c", "/a/b/d/e"].map(PathBuf::from));
    }
}
