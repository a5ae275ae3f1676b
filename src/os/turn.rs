//! One at a time: processes of one user that would change the same thing.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// The right to be the one who does something, until it is dropped or the process ends, however
/// that comes about.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

/// Who has the turn, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process, where it has written it down already.
    pub process: Option<u32>,
}

impl Turn {
    /// Takes the turn that a file stands for, or tells who has it. The file stays: who removed it
    /// would let two in.
    ///
    /// # Errors
    /// When the file cannot be made or locked at all.
    pub fn try_take(path: &Path) -> io::Result<Result<Self, Holder>> {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // Only whoever waits reads it.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                Ok(Ok(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
                Ok(Err(Holder { process: text.trim().parse().ok() }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_turn_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop");
        let turn = Turn::try_take(&path).unwrap().unwrap();
        let holder = Turn::try_take(&path).unwrap().unwrap_err();
        assert_eq!(holder, Holder { process: Some(std::process::id()) });
        assert!(Turn::try_take(&folder.path().join("other")).unwrap().is_ok());
        drop(turn);
        assert!(Turn::try_take(&path).unwrap().is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Turn::try_take(&folder.path().join("missing/shop")).is_err());
    }
}
