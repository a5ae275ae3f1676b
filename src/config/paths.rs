//! Paths as text: absolute, without `.` and `..`, and short enough to show.

use std::path::{Component, Path, PathBuf};

/// `path` seen from `dir`, without `.` and `..`. Links are not followed.
pub(crate) fn absolute(dir: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in dir.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            _ => clean.push(component),
        }
    }
    clean
}

/// The folder that holds a file.
pub(crate) fn folder(file: &Path) -> PathBuf {
    file.parent().map(Path::to_owned).unwrap_or_default()
}

/// How to call a file: relative to the working folder where that is shorter.
#[must_use]
pub fn display(path: &Path, working_dir: &Path) -> String {
    let common = path
        .components()
        .zip(working_dir.components())
        .take_while(|(left, right)| left == right)
        .count();
    let ups = working_dir.components().count() - common;
    let below: PathBuf = path.components().skip(common).collect();
    let relative = "../".repeat(ups) + &below.to_string_lossy();
    let relative = relative.trim_end_matches('/');
    let full = path.to_string_lossy();
    if relative.len() < full.len() { relative.to_owned() } else { full.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_and_clean() {
        for (dir, path, expected) in [
            ("/p", "a.yaml", "/p/a.yaml"),
            ("/p", "./a/../b.yaml", "/p/b.yaml"),
            ("/p", "../q/c.yaml", "/q/c.yaml"),
            ("/p", "/x/../y", "/y"),
            ("/", "../../a", "/a"),
        ] {
            assert_eq!(absolute(Path::new(dir), Path::new(path)), Path::new(expected));
        }
    }

    #[test]
    fn the_shorter_name_is_shown() {
        for (path, expected) in [
            ("/home/me/shop/compose.yaml", "compose.yaml"),
            ("/home/me/shop/db/x.yaml", "db/x.yaml"),
            ("/home/me/base.yaml", "../base.yaml"),
            ("/home/me", ".."),
            ("/home", "/home"),
            ("/etc/x", "/etc/x"),
        ] {
            assert_eq!(display(Path::new(path), Path::new("/home/me/shop")), expected);
        }
    }
}
