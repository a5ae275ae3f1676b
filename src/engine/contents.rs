//! Files inside containers: what the archive calls of the API can do. None of this needs a
//! program in the image.

use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::build::ChannelWriter;
use super::error::{EngineError, EngineErrorKind};
use super::{DockerEngine, ExecOutcome, ExecRequest};
use crate::state::ContainerId;

/// A folder above this size is not sent anew for the sake of a file that has to go.
const LARGEST_FOLDER: usize = 64 * 1024 * 1024;

/// What copying into a container has to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// `USER[:GROUP]` that its processes run as; root when empty.
    pub user: String,
    /// Its working directory; `/` when empty.
    pub working_dir: String,
    /// Targets of volumes and bind mounts.
    pub mounts: Vec<String>,
    /// Targets of mounts in memory, which the archive calls do not see.
    pub tmpfs: Vec<String>,
}

/// A file or folder to copy in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyIn {
    /// Absolute path in the container.
    pub path: String,
    /// What to put there.
    pub source: CopySource,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What to put at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopySource {
    /// A file, or link, of this machine. One that is gone meanwhile is left out.
    Host(PathBuf),
    /// An empty folder.
    Folder,
}

impl DockerEngine {
    /// Asks how a container is laid out.
    ///
    /// # Errors
    /// When it is gone or the engine does not answer.
    pub async fn layout(&self, id: &ContainerId) -> Result<Layout, EngineError> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let answer = self
            .docker
            .inspect_container(&id.0, options)
            .await
            .map_err(|error| self.error("inspect container", id.short(), &error))?;
        let config = answer.config.unwrap_or_default();
        let in_memory = answer.host_config.and_then(|host| host.tmpfs).unwrap_or_default();
        let mut layout = Layout {
            user: config.user.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            mounts: Vec::new(),
            tmpfs: in_memory.into_keys().collect(),
        };
        for mount in answer.mounts.unwrap_or_default() {
            let Some(target) = mount.destination else { continue };
            if mount.typ.as_deref() == Some("tmpfs") {
                layout.tmpfs.push(target);
            } else {
                layout.mounts.push(target);
            }
        }
        Ok(layout)
    }

    /// Copies files into a container, in one call. `base` is the folder of the container below
    /// which all of them lie.
    ///
    /// # Errors
    /// What the engine answers, such as that the file system cannot be written.
    pub async fn copy_in(
        &self,
        id: &ContainerId,
        base: &str,
        entries: Vec<CopyIn>,
    ) -> Result<(), EngineError> {
        let (sender, receiver) = mpsc::channel(16);
        let root = base.to_owned();
        let packing = tokio::task::spawn_blocking(move || {
            let failed = sender.clone();
            let packed = pack(sender, &root, &entries);
            if let Err(error) = &packed {
                // Ends the request with an error too, so that nothing is taken for complete.
                let error = io::Error::new(error.kind(), error.to_string());
                if failed.blocking_send(Err(error)).is_err() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            packed
        });
        let body = bollard::body_try_stream(futures_util::stream::unfold(
            receiver,
            |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) },
        ));
        let options = UploadToContainerOptionsBuilder::default().path(base).build();
        let sent = self
            .docker
            .upload_to_container(&id.0, Some(options), body)
            .await
            .map_err(|error| self.error("copy files into", format!("container {id}"), &error));
        match packing.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(refused("copy files into", id, &error.to_string()))
            }
            _ => sent,
        }
    }

    /// The content of a file; `None` when there is none at the path.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn read_file(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(archive) = self.download_whole(id, path).await? else { return Ok(None) };
        let unpack = || -> io::Result<Option<Vec<u8>>> {
            let mut archive = tar::Archive::new(archive.as_slice());
            let Some(entry) = archive.entries()?.next() else { return Ok(None) };
            let mut content = Vec::new();
            entry?.read_to_end(&mut content)?;
            Ok(Some(content))
        };
        unpack().map_err(|error| refused("read a file of", id, &error.to_string()))
    }

    /// Deletes paths with the image's own `rm`, as root. `None` when the image has none.
    ///
    /// # Errors
    /// When the container does not run or the engine does not answer.
    pub async fn remove_paths(
        &self,
        id: &ContainerId,
        paths: &[String],
    ) -> Result<Option<ExecOutcome>, EngineError> {
        let mut command: Vec<String> = ["rm", "-rf", "--"].map(str::to_owned).into();
        command.extend(paths.iter().cloned());
        let request = ExecRequest { command, user: Some("0".to_owned()), ..ExecRequest::default() };
        match self.exec_to_end(id, &request).await {
            // 126 and 127: the program cannot be run, or is not there.
            Ok(outcome) if matches!(outcome.code, 126 | 127) => Ok(None),
            Ok(outcome) => Ok(Some(outcome)),
            Err(error) if error.kind.is_missing_program() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes entries of a folder without any program: the folder is read, and sent back
    /// without them. An entry of another type makes the engine throw away what stood there.
    /// The folder is away for a moment; `false` when it is too large for that.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn resend_folder_without(
        &self,
        id: &ContainerId,
        folder: &str,
        names: &[String],
    ) -> Result<bool, EngineError> {
        let Some(archive) = self.download_whole(id, folder).await? else { return Ok(true) };
        if archive.len() > LARGEST_FOLDER {
            return Ok(false);
        }
        let names = names.to_vec();
        let parent = match folder.rsplit_once('/') {
            Some(("", _)) | None => "/",
            Some((parent, _)) => parent,
        };
        let packed = tokio::task::spawn_blocking(move || without(&archive, &names)).await;
        let archive = match packed {
            Ok(Ok(archive)) => archive,
            Ok(Err(error)) => return Err(refused("delete files of", id, &error.to_string())),
            Err(error) => return Err(refused("delete files of", id, &error.to_string())),
        };
        let options = UploadToContainerOptionsBuilder::default().path(parent).build();
        self.docker
            .upload_to_container(&id.0, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(|error| self.error("delete files of", format!("container {id}"), &error))?;
        Ok(true)
    }

    /// A file or folder as a tar archive; `None` when nothing is there. Reading ends above the
    /// size of the largest folder.
    async fn download_whole(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let mut chunks = self.download(id, path);
        let mut archive = Vec::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => archive.extend_from_slice(&chunk),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            }
            if archive.len() > LARGEST_FOLDER {
                break;
            }
        }
        Ok(Some(archive))
    }
}

fn refused(action: &'static str, id: &ContainerId, reason: &str) -> EngineError {
    let kind = EngineErrorKind::Refused(reason.to_owned());
    EngineError::new(action, format!("container {id}"), kind)
}

fn pack(sender: mpsc::Sender<io::Result<Bytes>>, base: &str, entries: &[CopyIn]) -> io::Result<()> {
    let writer = io::BufWriter::with_capacity(64 * 1024, ChannelWriter { sender });
    let mut archive = tar::Builder::new(writer);
    entries.iter().try_for_each(|entry| append(&mut archive, base, entry))?;
    archive.finish()
}

/// Appends one entry, with the owner's numbers: names mean nothing outside the image.
fn append<W: Write>(archive: &mut tar::Builder<W>, base: &str, entry: &CopyIn) -> io::Result<()> {
    let name = entry.path.strip_prefix(base).unwrap_or(&entry.path).trim_start_matches('/');
    let mut header = tar::Header::new_gnu();
    let CopySource::Host(source) = &entry.source else {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        header.set_mtime(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs());
        own(&mut header, entry);
        return archive.append_data(&mut header, format!("{name}/"), io::empty());
    };
    let facts = match std::fs::symlink_metadata(source) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(about(source, &error)),
    };
    header.set_metadata(&facts);
    own(&mut header, entry);
    if facts.is_symlink() {
        header.set_size(0);
        return archive.append_link(&mut header, name, std::fs::read_link(source)?);
    }
    if !facts.is_file() {
        return Ok(());
    }
    // Whole, so that the size in the header is that of what follows.
    let content = match std::fs::read(source) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(about(source, &error)),
    };
    header.set_size(u64::try_from(content.len()).unwrap_or_default());
    archive.append_data(&mut header, name, content.as_slice())
}

fn own(header: &mut tar::Header, entry: &CopyIn) {
    header.set_uid(u64::from(entry.uid));
    header.set_gid(u64::from(entry.gid));
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The archive of a folder, with the folder thrown away first and without some of its entries.
fn without(archive: &[u8], names: &[String]) -> io::Result<Vec<u8>> {
    let mut kept = tar::Builder::new(Vec::new());
    let mut archive = tar::Archive::new(archive);
    for (index, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut header = entry.header().clone();
        if index == 0 {
            let mut file = tar::Header::new_gnu();
            file.set_size(0);
            file.set_mode(0o600);
            file.set_uid(0);
            file.set_gid(0);
            // With a slash at its end it would be a folder.
            let bare: PathBuf = path.components().collect();
            kept.append_data(&mut file, bare, io::empty())?;
        }
        let name = path.iter().nth(1).map(|name| name.to_string_lossy());
        if name.is_some_and(|name| names.iter().any(|gone| *gone == name)) {
            continue;
        }
        if let Some(link) = entry.link_name()?.map(std::borrow::Cow::into_owned) {
            kept.append_link(&mut header, &path, link)?;
        } else {
            kept.append_data(&mut header, &path, &mut entry)?;
        }
    }
    kept.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o640);
            header.set_uid(1000);
            if path.ends_with('/') {
                header.set_entry_type(tar::EntryType::Directory);
            }
            builder.append_data(&mut header, path, content.as_bytes()).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    fn listed(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().expect("an archive").map(|entry| {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let kind = if entry.header().entry_type().is_dir() { "d" } else { "f" };
            let uid = entry.header().uid().expect("a number");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            format!("{kind} {path} {uid} {content}")
        });
        entries.collect()
    }

    #[test]
    fn a_folder_is_sent_back_without_what_has_to_go() {
        let before = archive(&[
            ("src/", ""),
            ("src/a", "1"),
            ("src/gone", "2"),
            ("src/goner", "3"),
            ("src/sub/", ""),
            ("src/sub/gone", "4"),
            ("src/old/", ""),
            ("src/old/x", "5"),
        ]);
        let after = without(&before, &["gone".to_owned(), "old".to_owned()]).expect("an archive");
        assert_eq!(
            listed(&after),
            [
                "f src 0 ",
                "d src/ 1000 ",
                "f src/a 1000 1",
                "f src/goner 1000 3",
                "d src/sub/ 1000 ",
                "f src/sub/gone 1000 4",
            ]
        );
    }

    #[test]
    fn entries_have_numbers_for_owners_and_paths_below_the_base() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a");
        std::fs::write(&file, "1").expect("writable");
        let entry = |path: &str, source| CopyIn { path: path.to_owned(), source, uid: 7, gid: 8 };
        let mut builder = tar::Builder::new(Vec::new());
        let entries = [
            entry("/data/new", CopySource::Folder),
            entry("/data/new/a", CopySource::Host(file)),
            entry("/data/gone", CopySource::Host(folder.path().join("gone"))),
        ];
        for entry in &entries {
            append(&mut builder, "/data", entry).expect("memory");
        }
        let archive = builder.into_inner().expect("memory");
        assert_eq!(listed(&archive), ["d new/ 7 ", "f new/a 7 1"]);
    }
}
