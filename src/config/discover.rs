//! Which files make up the stack when none is named.

use std::path::{Path, PathBuf};

/// Names of a stack's file, the first that exists wins, and of the override beside it.
const NAMES: &[(&str, &[&str])] = &[
    ("devstack.yaml", DEVSTACK_OVERRIDES),
    ("devstack.yml", DEVSTACK_OVERRIDES),
    ("compose.yaml", COMPOSE_OVERRIDES),
    ("compose.yml", COMPOSE_OVERRIDES),
    ("docker-compose.yml", COMPOSE_OVERRIDES),
    ("docker-compose.yaml", COMPOSE_OVERRIDES),
];

const DEVSTACK_OVERRIDES: &[&str] = &["devstack.override.yaml", "devstack.override.yml"];
/// Compose takes either name beside either name.
const COMPOSE_OVERRIDES: &[&str] = &[
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Finds the stack's file in a folder or the nearest one above, with its override file.
///
/// `start` is an absolute folder.
#[must_use]
pub fn discover(start: &Path, exists: &dyn Fn(&Path) -> bool) -> Option<Vec<PathBuf>> {
    start.ancestors().find_map(|dir| {
        let (file, overrides) = NAMES
            .iter()
            .map(|(name, overrides)| (dir.join(name), overrides))
            .find(|(file, _)| exists(file))?;
        let above = overrides.iter().map(|name| dir.join(name)).find(|file| exists(file));
        Some(std::iter::once(file).chain(above).collect())
    })
}

/// Whether a file is devstack's own, which has rules that Compose's files do not have.
pub(crate) fn is_devstack_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("devstack."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_and_the_first_name_win() {
        for (files, expected) in [
            (vec![], None),
            (vec!["/a/b/devstack.yaml"], Some(vec!["/a/b/devstack.yaml"])),
            (vec!["/a/b/devstack.yaml", "/a/b/compose.yaml"], Some(vec!["/a/b/devstack.yaml"])),
            (
                vec!["/a/devstack.yaml", "/a/b/docker-compose.yml"],
                Some(vec!["/a/b/docker-compose.yml"]),
            ),
            (vec!["/compose.yml"], Some(vec!["/compose.yml"])),
            (
                vec!["/a/b/docker-compose.yml", "/a/b/docker-compose.yaml"],
                Some(vec!["/a/b/docker-compose.yml"]),
            ),
            (
                vec![
                    "/a/b/devstack.yml",
                    "/a/b/devstack.override.yaml",
                    "/a/b/compose.override.yaml",
                ],
                Some(vec!["/a/b/devstack.yml", "/a/b/devstack.override.yaml"]),
            ),
            (
                vec!["/a/b/compose.yaml", "/a/b/docker-compose.override.yml"],
                Some(vec!["/a/b/compose.yaml", "/a/b/docker-compose.override.yml"]),
            ),
            (vec!["/a/compose.yaml", "/a/b/compose.override.yaml"], Some(vec!["/a/compose.yaml"])),
        ] {
            let found = discover(Path::new("/a/b"), &|path| {
                files.iter().any(|file| path == Path::new(file))
            });
            let expected: Option<Vec<PathBuf>> =
                expected.map(|paths| paths.into_iter().map(PathBuf::from).collect());
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
