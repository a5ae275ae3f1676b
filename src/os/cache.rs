//! The user's cache folder: what may be lost without harm.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::turn::{Holder, Turn};

/// A folder of small files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Returns the part `name` of devstack's folder in the user's cache folder, by the XDG Base
    /// Directory Specification: `XDG_CACHE_HOME` when it is an absolute path, else `~/.cache`.
    #[must_use]
    pub fn find(name: &str, xdg_cache_home: Option<&str>, home: Option<&Path>) -> Option<Self> {
        let base = xdg_cache_home
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home?.join(".cache")))?;
        Some(Self { folder: base.join("devstack").join(name) })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there, not readable or not UTF-8.
    pub fn read(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.folder.join(file))
    }

    /// Takes the turn of this name, or tells who has it.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn turn(&self, name: &str) -> io::Result<Result<Turn, Holder>> {
        fs::create_dir_all(&self.folder)?;
        Turn::try_take(&self.folder.join(name))
    }

    /// Writes a file anew, as a whole or not at all: whoever reads it at the same time sees the old
    /// content or the new one.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn replace(&self, file: &str, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // In the same folder, since a file can only be renamed within its file system; of a name
        // that no other process uses.
        let new = self.folder.join(format!(".{file}.{}", std::process::id()));
        let written = fs::File::create(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, self.folder.join(file)));
        if written.is_err() {
            // It may never have come to be.
            let _ = fs::remove_file(&new);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_where_the_specification_says() {
        let home = Path::new("/home/me");
        let cases = [
            (Some("/var/caches"), Some(home), Some("/var/caches/devstack/timings")),
            (Some("caches"), Some(home), Some("/home/me/.cache/devstack/timings")),
            (Some(""), Some(home), Some("/home/me/.cache/devstack/timings")),
            (None, Some(home), Some("/home/me/.cache/devstack/timings")),
            (None, None, None),
        ];
        for (variable, home, folder) in cases {
            let found = Cache::find("timings", variable, home);
            assert_eq!(found.map(|cache| cache.folder), folder.map(PathBuf::from), "{variable:?}");
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::find("timings", folder.path().to_str(), None).unwrap();
        assert_eq!(cache.read("shop.jsonl").unwrap_err().kind(), io::ErrorKind::NotFound);
        cache.replace("shop.jsonl", "one\n").unwrap();
        cache.replace("shop.jsonl", "two\n").unwrap();
        assert_eq!(cache.read("shop.jsonl").unwrap(), "two\n");
        let names: Vec<_> =
            fs::read_dir(&cache.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["shop.jsonl"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("devstack"), "a file").unwrap();
        let cache = Cache::find("timings", folder.path().to_str(), None).unwrap();
        assert!(cache.replace("shop.jsonl", "one\n").is_err());
    }
}
