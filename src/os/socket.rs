//! Who may use a socket of this machine.

use std::path::Path;

use crate::doctor::SocketFacts;

/// Looks at a socket; `None` where there is none, or it cannot be seen.
#[cfg(unix)]
#[must_use]
pub fn look(path: &Path) -> Option<SocketFacts> {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    let socket = fs::metadata(path).ok()?;
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (passwd, groups) = (read("/etc/passwd"), read("/etc/group"));
    let me = rustix::process::geteuid().as_raw();
    let own = rustix::process::getgroups().unwrap_or_default();
    let mut own = own.into_iter().chain([rustix::process::getegid()]);
    let user = name(&passwd, me);
    Some(SocketFacts {
        path: path.display().to_string(),
        owner: name(&passwd, socket.uid()),
        group: name(&groups, socket.gid()),
        mode: socket.mode(),
        is_root: me == 0,
        has_group: own.any(|group| group.as_raw() == socket.gid()),
        is_member: members(&groups, socket.gid()).any(|member| member == user),
        user,
    })
}

/// There are other rules.
#[cfg(not(unix))]
#[must_use]
pub const fn look(_: &Path) -> Option<SocketFacts> {
    None
}

/// The name of a number in `/etc/passwd` or `/etc/group`; the number where there is none.
#[cfg(unix)]
fn name(table: &str, id: u32) -> String {
    let id = id.to_string();
    let found = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    found.unwrap_or(id)
}

/// Whom `/etc/group` names as members of a group.
#[cfg(unix)]
fn members(groups: &str, id: u32) -> impl Iterator<Item = &str> {
    let id = id.to_string();
    let line = groups.lines().find(|line| line.split(':').nth(2) == Some(id.as_str()));
    line.and_then(|line| line.split(':').nth(3)).into_iter().flat_map(|names| names.split(','))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\ndocker:x:998:kim,lee\nempty:x:7:\n";

    #[test]
    fn numbers_have_names() {
        assert_eq!(name(GROUPS, 998), "docker");
        assert_eq!(name(GROUPS, 0), "root");
        assert_eq!(name(GROUPS, 5), "5");
        assert_eq!(name("broken\n", 5), "5");
        assert_eq!(members(GROUPS, 998).collect::<Vec<_>>(), ["kim", "lee"]);
        assert_eq!(members(GROUPS, 7).collect::<Vec<_>>(), [""]);
        assert_eq!(members(GROUPS, 5).count(), 0);
    }

    #[test]
    fn a_socket_is_looked_at() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let socket = look(&path).unwrap();
        assert_eq!(socket.mode & 0o7777, 0o640);
        assert_eq!(socket.owner, socket.user);
        assert_eq!(look(&folder.path().join("none")), None);
    }
}
