//! Files in and out of containers, as tar archives.

use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};

use super::DockerEngine;
use super::error::{EngineError, EngineErrorKind};
use crate::state::ContainerId;

/// What is at a path inside a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPath {
    /// What kind of thing.
    pub kind: PathKind,
    /// Where a symbolic link leads; empty otherwise.
    pub link_target: String,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A file, or anything else.
    File,
}

impl DockerEngine {
    /// Looks at a path inside a container; `None` when nothing is there.
    ///
    /// # Errors
    /// When the container is gone.
    pub async fn container_path(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> Result<Option<ContainerPath>, EngineError> {
        // The bits of Go's `os.FileMode`.
        const DIRECTORY: u32 = 1 << 31;
        const SYMBOLIC_LINK: u32 = 1 << 27;
        let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
        let told = self.docker.get_container_archive_info(&id.0, Some(options)).await;
        match told.map_err(|error| self.error("look at", format!("{path} in {id}"), &error)) {
            Ok(told) => Ok(Some(ContainerPath {
                kind: if told.file_mode & DIRECTORY != 0 {
                    PathKind::Folder
                } else if told.file_mode & SYMBOLIC_LINK != 0 {
                    PathKind::Link
                } else {
                    PathKind::File
                },
                link_target: told.link_target,
            })),
            Err(EngineError { kind: EngineErrorKind::NotFound(_), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is at a path inside a container as a tar archive, whose one root is the path's last
    /// part.
    #[must_use]
    pub fn download(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let (docker, engine) = (self.docker.clone(), self.clone());
        let (id, subject) = (id.0.clone(), format!("{path} from {id}"));
        let chunks = docker.download_from_container(&id, Some(options));
        chunks
            .map(move |chunk| chunk.map_err(|error| engine.error("copy", subject.clone(), &error)))
            .boxed()
    }

    /// Unpacks a tar archive into a folder of a container.
    ///
    /// # Errors
    /// When the folder is not there, its file system is read-only, or a file would replace a
    /// folder or the other way round.
    pub async fn upload(
        &self,
        id: &ContainerId,
        folder: &str,
        archive: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            .no_overwrite_dir_non_dir("true")
            .build();
        self.docker
            .upload_to_container(&id.0, Some(options), bollard::body_stream(archive))
            .await
            .map_err(|error| self.error("copy files into", format!("{folder} of {id}"), &error))
    }
}
