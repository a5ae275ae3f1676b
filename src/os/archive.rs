//! Tar archives of files of this machine.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Builder, EntryType, Header};

/// Whose the copied files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whoever copies: the superuser in a container, this user here.
    Copier,
    /// The same numbers on both sides.
    Kept,
}

/// Packs a file or folder under another name; an empty name stands for the contents of a folder.
///
/// # Errors
/// When something cannot be read, or `archive` takes no more.
pub fn pack(
    source: &Path,
    name: &Path,
    follow_links: bool,
    owner: Owner,
    archive: impl Write,
) -> io::Result<()> {
    let mut builder = Builder::new(archive);
    // The path itself may be a link to what is meant, as with `cp -H`.
    let metadata = if follow_links { fs::metadata(source)? } else { fs::symlink_metadata(source)? };
    append(&mut builder, source, name, &metadata, owner)?;
    builder.into_inner()?.flush()
}

fn append<W: Write>(
    builder: &mut Builder<W>,
    path: &Path,
    name: &Path,
    metadata: &fs::Metadata,
    owner: Owner,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    if owner == Owner::Copier {
        header.set_uid(0);
        header.set_gid(0);
    }
    if metadata.is_dir() {
        if !name.as_os_str().is_empty() {
            builder.append_data(&mut header, name, io::empty())?;
        }
        let mut entries: Vec<fs::DirEntry> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = name.join(entry.file_name());
            append(builder, &entry.path(), &name, &entry.path().symlink_metadata()?, owner)?;
        }
        return Ok(());
    }
    if metadata.is_symlink() {
        header.set_size(0);
        return builder.append_link(&mut header, name, fs::read_link(path)?);
    }
    if metadata.is_file() {
        return builder.append_data(&mut header, name, fs::File::open(path)?);
    }
    // A socket, a pipe or a device has no content to copy.
    Ok(())
}

/// Unpacks an archive with one root. What is at the root becomes `target`; an archive of a folder
/// whose `target` is there is unpacked into it.
///
/// # Errors
/// When something cannot be written, or the archive wants to write outside of `target`.
pub fn unpack(archive: impl Read, target: &Path, owner: Owner) -> io::Result<()> {
    let mut archive = Archive::new(archive);
    archive.set_preserve_mtime(true);
    archive.set_preserve_ownerships(owner == Owner::Kept);
    // Folders get their modes last: a folder without the right to write still takes its files.
    let mut folders: Vec<(PathBuf, Header)> = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let place = place(&entry.path()?, target)?;
        refuse_links_on_the_way(&place, target)?;
        match entry.header().entry_type() {
            EntryType::Directory => {
                if !place.is_dir() {
                    fs::create_dir(&place)?;
                    folders.push((place, entry.header().clone()));
                }
            }
            EntryType::Link => {
                let linked = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?;
                let linked = self::place(&linked, target)?;
                refuse_links_on_the_way(&linked, target)?;
                fs::hard_link(linked, &place)?;
            }
            _ => {
                if place.symlink_metadata().is_ok_and(|it| it.is_symlink()) {
                    fs::remove_file(&place)?;
                }
                entry.unpack(&place)?;
            }
        }
    }
    for (folder, header) in folders.into_iter().rev() {
        set_mode(&folder, header.mode()?)?;
    }
    Ok(())
}

/// Where an entry goes: its first part is the root that `target` stands for.
fn place(name: &Path, target: &Path) -> io::Result<PathBuf> {
    let mut place = target.to_owned();
    let parts =
        name.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir));
    for part in parts.skip(1) {
        let Component::Normal(part) = part else {
            let message = format!("the archive leads out of its folder: {}", name.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        place.push(part);
    }
    Ok(place)
}

/// A link inside of the archive must not lead later entries elsewhere.
fn refuse_links_on_the_way(place: &Path, target: &Path) -> io::Result<()> {
    let on_the_way = place.ancestors().skip(1).take_while(|path| path.starts_with(target));
    for path in on_the_way.filter(|path| *path != target) {
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
            let message =
                format!("{} is a link, and files would be written behind it", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(source: &Path, name: &str, follow_links: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(source, Path::new(name), follow_links, Owner::Copier, &mut bytes).unwrap();
        bytes
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut archive = Archive::new(bytes);
        let entries = archive.entries().unwrap();
        entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    fn tree(root: &Path) -> PathBuf {
        let folder = root.join("folder");
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("inner/a.txt"), "a").unwrap();
        fs::write(folder.join("b.txt"), "b").unwrap();
        folder
    }

    #[test]
    fn a_folder_is_packed_under_the_name_it_shall_have() {
        let root = tempfile::tempdir().unwrap();
        let folder = tree(root.path());
        assert_eq!(
            names(&packed(&folder, "new", false)),
            ["new", "new/b.txt", "new/inner", "new/inner/a.txt"]
        );
        assert_eq!(names(&packed(&folder, "", false)), ["b.txt", "inner", "inner/a.txt"]);
        assert_eq!(names(&packed(&folder.join("b.txt"), "c", false)), ["c"]);
    }

    #[test]
    fn what_was_packed_is_unpacked_the_same() {
        let root = tempfile::tempdir().unwrap();
        let folder = tree(root.path());
        let bytes = packed(&folder, "folder", false);
        let copy = root.path().join("copy");
        unpack(&bytes[..], &copy, Owner::Copier).unwrap();
        assert_eq!(fs::read_to_string(copy.join("inner/a.txt")).unwrap(), "a");
        // Once more over what is there.
        fs::write(copy.join("b.txt"), "changed").unwrap();
        unpack(&bytes[..], &copy, Owner::Copier).unwrap();
        assert_eq!(fs::read_to_string(copy.join("b.txt")).unwrap(), "b");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_copied_as_links_unless_the_path_itself_is_to_be_followed() {
        let root = tempfile::tempdir().unwrap();
        let folder = tree(root.path());
        std::os::unix::fs::symlink(&folder, root.path().join("link")).unwrap();
        assert_eq!(names(&packed(&root.path().join("link"), "x", false)), ["x"]);
        assert_eq!(names(&packed(&root.path().join("link"), "x", true)).len(), 4);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_outside_of_the_target() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let entry = |name: &str, link: Option<&str>| {
            let mut builder = Builder::new(Vec::new());
            let mut header = Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(0);
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, "root", io::empty()).unwrap();
            if let Some(link) = link {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, "root/link", link).unwrap();
            }
            header.set_entry_type(EntryType::Regular);
            // The library refuses to write such a name itself.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_gnu_mut().unwrap().name[name.len()] = 0;
            header.set_cksum();
            builder.append(&header, io::empty()).unwrap();
            builder.into_inner().unwrap()
        };
        for bytes in [entry("root/../evil", None), entry("root/link/evil", Some("/tmp"))] {
            let error = unpack(&bytes[..], &target, Owner::Copier).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
        assert!(!root.path().join("evil").exists());
    }
}
