//! What the machine has: disks, memory, limits of watching files, authorities that it trusts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::doctor::{Inotify, MachineFacts, Space, Wsl};

/// Looks at this machine; `here` is the project's folder, `engine_data` that of an engine that
/// runs here.
#[must_use]
pub fn look(here: &Path, engine_data: Option<&Path>) -> MachineFacts {
    let proc = Path::new("/proc");
    MachineFacts {
        system: std::env::consts::OS.to_owned(),
        wsl: wsl(&read(&proc.join("sys/kernel/osrelease")), here),
        memory_available: memory_available(&read(&proc.join("meminfo"))),
        space_here: space(here),
        space_engine: engine_data.and_then(space),
        inotify: inotify(&proc.join("sys/fs/inotify")),
    }
}

/// Files of certificate authorities beyond those that the system brings: those that variables
/// name, and those that were added to the system. `env` looks up a variable.
pub fn authorities(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let named = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
        .iter()
        .filter_map(|name| env(name))
        .filter(|path| !path.is_empty() && path != SYSTEM_BUNDLE)
        .map(PathBuf::from);
    let added = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "crt" || it == "pem"));
    let mut authorities: Vec<PathBuf> = named.chain(added).collect();
    authorities.sort();
    authorities.dedup();
    authorities
}

/// What variables often name although it is what programs use anyway.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn memory_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn inotify(folder: &Path) -> Option<Inotify> {
    let limit = |name: &str| read(&folder.join(name)).trim().parse().ok();
    Some(Inotify { watches: limit("max_user_watches")?, instances: limit("max_user_instances")? })
}

fn wsl(kernel: &str, here: &Path) -> Option<Wsl> {
    // `4.4.0-19041-Microsoft` is WSL 1, `5.15.90.1-microsoft-standard-WSL2` is WSL 2.
    if !kernel.to_ascii_lowercase().contains("microsoft") {
        return None;
    }
    let version =
        if kernel.contains("microsoft-standard") || kernel.contains("WSL2") { 2 } else { 1 };
    let mut parts = here.components().skip(1).map(|part| part.as_os_str().to_string_lossy());
    let on_windows_disk = parts.next().is_some_and(|part| part == "mnt")
        && parts.next().is_some_and(|disk| disk.len() == 1);
    Some(Wsl { version, on_windows_disk })
}

#[cfg(unix)]
fn space(path: &Path) -> Option<Space> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(Space {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
        // Some file systems make room for files as they need it, and say 0.
        free_files: (disk.f_files > 0).then_some(disk.f_favail),
    })
}

#[cfg(not(unix))]
fn space(_: &Path) -> Option<Space> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsl_is_known_by_its_kernel_and_windows_disks_by_their_place() {
        let cases = [
            ("6.1.0-18-amd64", "/mnt/c/x", None),
            ("4.4.0-19041-Microsoft", "/home/kim", Some((1, false))),
            ("5.15.90.1-microsoft-standard-WSL2", "/home/kim", Some((2, false))),
            ("5.15.90.1-microsoft-standard-WSL2", "/mnt/c/Users/kim", Some((2, true))),
            ("5.15.90.1-microsoft-standard-WSL2", "/mnt/data/kim", Some((2, false))),
        ];
        for (kernel, here, expected) in cases {
            let found = wsl(kernel, Path::new(here)).map(|it| (it.version, it.on_windows_disk));
            assert_eq!(found, expected, "{kernel} {here}");
        }
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let meminfo = "MemTotal:       4031000 kB\nMemAvailable:      2048 kB\n";
        assert_eq!(memory_available(meminfo), Some(2 << 20));
        assert_eq!(memory_available(""), None);
        assert_eq!(memory_available("MemAvailable: many kB"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_a_disk_and_limits() {
        let machine = look(Path::new("/"), Some(Path::new("/nonexistent")));
        let space = machine.space_here.unwrap();
        assert!(space.total >= space.free && space.total > 0);
        assert!(machine.space_engine.is_none());
        assert!(machine.inotify.unwrap().watches > 0);
    }

    #[test]
    fn authorities_that_variables_name_are_found_once() {
        let named = authorities(&|name| match name {
            "NODE_EXTRA_CA_CERTS" | "REQUESTS_CA_BUNDLE" => Some("/home/kim/ca.pem".to_owned()),
            "SSL_CERT_FILE" => Some(SYSTEM_BUNDLE.to_owned()),
            _ => None,
        });
        let found = named.iter().filter(|path| path.ends_with("ca.pem")).count();
        assert_eq!(found, 1);
        assert!(!named.iter().any(|path| path == Path::new(SYSTEM_BUNDLE)));
    }
}
