//! Files of the host.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::project::{FileSource, Mount, Project, ServiceName};
use crate::state::ContentDigests;
use crate::state::hash::digest_bytes;

/// Files above this size are taken for data, whose changes need no new container.
const LARGEST_DIGESTED: u64 = 1024 * 1024;

/// A bind mount whose source is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service `{service}` mounts {}, which does not exist", path.display())]
pub struct MissingSource {
    /// Who mounts it.
    pub service: ServiceName,
    /// The path on the host.
    pub path: PathBuf,
    /// What in the file asks for it.
    pub asked: SourceAsked,
}

/// What asks for a file of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceAsked {
    /// A mount, by its place in the container.
    Mount(String),
    /// A secret, by its key.
    Secret(String),
    /// A config, by its key.
    Config(String),
}

/// The docker CLI's configuration file, when there is one.
#[must_use]
pub fn docker_config() -> Option<String> {
    let dir = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".docker")))?;
    fs::read_to_string(dir.join("config.json")).ok()
}

/// The socket of the user's SSH agent.
#[must_use]
pub fn ssh_agent() -> Option<PathBuf> {
    std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Digests the single files that the project mounts or injects, so that a changed content is seen.
#[must_use]
pub fn content_digests(project: &Project) -> ContentDigests {
    let mounted = project.services.values().flat_map(|service| &service.mounts).filter_map(
        |mount| match mount {
            Mount::Bind { source, .. } => Some(source),
            Mount::Volume { .. } | Mount::Tmpfs { .. } | Mount::Image { .. } => None,
        },
    );
    let injected =
        project.secrets.values().chain(project.configs.values()).filter_map(|object| match &object
            .source
        {
            FileSource::File(path) => Some(path),
            FileSource::Environment { .. } | FileSource::Content(_) => None,
        });
    mounted.chain(injected).filter_map(|path| Some((path.clone(), digest_of(path)?))).collect()
}

fn digest_of(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST_DIGESTED {
        return None;
    }
    Some(digest_bytes(&fs::read(path).ok()?))
}

/// The one path of a folder that all paths to it come to; the path itself when it is not there.
#[must_use]
pub fn real_path(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Whether two paths lead to the same folder; `None` when the second one leads to none. A folder
/// that may not be looked at is another one.
#[must_use]
pub fn same_folder(one: &Path, other: &Path) -> Option<bool> {
    match fs::metadata(other) {
        Ok(metadata) if !metadata.is_dir() => None,
        Ok(metadata) => Some(real_path(one) == real_path(other) || same_file(one, &metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => None,
        Err(_) => Some(one == other),
    }
}

/// A folder may be mounted a second time elsewhere.
#[cfg(unix)]
fn same_file(one: &Path, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(one).is_ok_and(|one| one.dev() == other.dev() && one.ino() == other.ino())
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &fs::Metadata) -> bool {
    false
}

/// Bind mounts whose source is not there and is not to be made.
#[must_use]
pub fn missing_sources(project: &Project) -> Vec<MissingSource> {
    let mut missing = Vec::new();
    for service in project.services.values() {
        for mount in &service.mounts {
            if let Mount::Bind { source, target, bind, .. } = mount
                && !bind.create_host_path
                && matches!(source.try_exists(), Ok(false))
            {
                missing.push(MissingSource {
                    service: service.name.clone(),
                    path: source.clone(),
                    asked: SourceAsked::Mount(target.clone()),
                });
            }
        }
        let secrets = service.secrets.iter().map(|grant| {
            (project.secrets.get(&grant.source), SourceAsked::Secret(grant.source.clone()))
        });
        let configs = service.configs.iter().map(|grant| {
            (project.configs.get(&grant.source), SourceAsked::Config(grant.source.clone()))
        });
        for (object, asked) in secrets.chain(configs) {
            if let Some(FileSource::File(path)) = object.map(|object| &object.source)
                && matches!(path.try_exists(), Ok(false))
            {
                let (service, path) = (service.name.clone(), path.clone());
                missing.push(MissingSource { service, path, asked });
            }
        }
    }
    missing
}

/// Writes a text file, over what was there.
///
/// # Errors
/// When it cannot be made or written to.
pub fn write_text(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)
}

/// A file that is about to be written.
struct Staged<'a> {
    path: &'a Path,
    /// Its new text.
    new: PathBuf,
    /// What was there, if anything.
    old: PathBuf,
}

/// Writes text files so that all of them are there as a whole or, if one fails, each is as it was
/// before.
///
/// # Errors
/// Which one cannot be made or written to, and why.
pub fn write_together(files: &[(&Path, &str)]) -> Result<(), (PathBuf, io::Error)> {
    let staged: Vec<Staged<'_>> = files
        .iter()
        .map(|(path, _)| Staged { path, new: beside(path, "new"), old: beside(path, "old") })
        .collect();
    let written = stage(files, &staged).and_then(|()| replace(&staged));
    for file in &staged {
        // What was renamed or never made is not there.
        let _ = fs::remove_file(&file.new);
        let _ = fs::remove_file(&file.old);
    }
    written
}

/// A hidden file of this process beside another one.
fn beside(path: &Path, part: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{part}", std::process::id()))
}

/// Writes the new texts, and copies of what is there, beside the files.
fn stage(files: &[(&Path, &str)], staged: &[Staged<'_>]) -> Result<(), (PathBuf, io::Error)> {
    for ((path, text), file) in files.iter().zip(staged) {
        let write = || {
            if path.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if path.exists() {
                fs::copy(path, &file.old)?;
            }
            fs::write(&file.new, text)
        };
        write().map_err(|error| (path.to_path_buf(), error))?;
    }
    Ok(())
}

/// Puts the new texts into their places; if one fails, what was there is put back.
fn replace(staged: &[Staged<'_>]) -> Result<(), (PathBuf, io::Error)> {
    for (index, file) in staged.iter().enumerate() {
        if let Err(error) = fs::rename(&file.new, file.path) {
            for before in &staged[..index] {
                // Nothing more can be done about one that fails, too.
                let _ = if before.old.exists() {
                    fs::rename(&before.old, before.path)
                } else {
                    fs::remove_file(before.path)
                };
            }
            return Err((file.path.to_path_buf(), error));
        }
    }
    Ok(())
}

/// The names of the folders in a folder, in order, without hidden ones and those of packages.
#[must_use]
pub fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut names: Vec<String> = entries
        .filter(is_folder)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "node_modules" && name != "dist")
        .collect();
    names.sort();
    names
}

/// At most so many of the files in a folder and below it.
#[must_use]
pub fn files_below(folder: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        open.extend(folders(&folder).into_iter().map(|name| folder.join(name)));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
        if found.len() >= most {
            found.truncate(most);
            break;
        }
    }
    found
}

/// The files that this process's own output goes to: who watches them watches itself.
#[must_use]
pub fn own_output() -> Vec<PathBuf> {
    // Where there is no such folder the output is not found out.
    let outputs = ["/proc/self/fd/1", "/proc/self/fd/2"].map(fs::read_link);
    outputs.into_iter().flatten().filter(|path| path.is_file()).collect()
}

/// Reads a text file; `-` is standard input.
///
/// # Errors
/// When it is not there, not readable or not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        return io::read_to_string(io::stdin());
    }
    fs::read_to_string(path)
}
