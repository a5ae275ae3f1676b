//! File systems that tell nobody about changes.

use std::path::Path;

/// Types whose files change without an event here: on another machine, or on the other side of a
/// virtual machine.
const SILENT: [&str; 15] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "drvfs",
    "fuse.grpcfuse",
    "fuse.osxfs",
    "fuse.portal",
    "fuse.sshfs",
    "fuse.vmhgfs-fuse",
    "nfs",
    "nfs4",
    "prl_fs",
    "smb3",
    "vboxsf",
];

/// The type of the file system on which a path lies, when it gives no events.
#[must_use]
pub fn without_events(path: &Path) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let path = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    silent_type(&mounts, &path)
}

/// Finds the innermost mount of a path in the text of `mountinfo` (proc(5)).
fn silent_type(mounts: &str, path: &Path) -> Option<String> {
    let mut found: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((front, back)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (front.split(' ').nth(4), back.split(' ').next()) else {
            continue;
        };
        let point = unescaped(point);
        let depth = Path::new(&point).components().count();
        // Of two mounts at one place the later one is seen.
        if path.starts_with(&point) && found.is_none_or(|(best, _)| depth >= best) {
            found = Some((depth, kind));
        }
    }
    let (_, kind) = found?;
    SILENT.contains(&kind).then(|| kind.to_owned())
}

/// Blanks are written as `\040`.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
                      40 22 0:35 / /mnt/my\\040share rw - nfs4 server:/x rw\n\
                      41 40 0:36 / /mnt/my\\040share/local rw - ext4 /dev/vdb rw\n\
                      42 22 0:37 / /c rw,noatime - 9p drvfs rw\n\
                      43 42 0:38 / /c rw,noatime - tmpfs none rw\n";
        let cases = [
            ("/home/me", None),
            ("/mnt/my share/src", Some("nfs4")),
            ("/mnt/my share/local/src", None),
            ("/mnt/my shares", None),
            ("/c/src", None),
        ];
        for (path, expected) in cases {
            assert_eq!(silent_type(mounts, Path::new(path)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn this_machines_own_folders_give_events() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(without_events(folder.path()), None);
    }
}
