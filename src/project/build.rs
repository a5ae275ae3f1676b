//! How an image is built.

use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::mount::is_false;
use super::{Bytes, ServiceName};

/// The `build` section of a service (Compose Specification, "Build").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Build {
    /// Absolute path of the folder whose files the build may use.
    pub context: PathBuf,
    /// Path of the Dockerfile, absolute or relative to the context; absent with an inline one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<PathBuf>,
    /// The Dockerfile's text, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub args: IndexMap<String, String>,
    /// The stage to build; the last one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Folders, images and services that the Dockerfile may name like a stage.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub additional_contexts: IndexMap<String, NamedContext>,
    /// Secrets that `RUN --mount=type=secret` may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<BuildSecret>,
    /// SSH agents that `RUN --mount=type=ssh` may use, by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<SshAgent>,
    /// Further names for the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Labels of the image.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Images whose layers may be reused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// `HOST=IP` pairs for the build's hosts file.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub extra_hosts: IndexMap<String, Vec<String>>,
    /// Network of `RUN` steps: `default`, `none` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Platform such as `linux/arm64`; the engine's own when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Size of `/dev/shm` in `RUN` steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    /// Whether base images are always pulled.
    #[serde(skip_serializing_if = "is_false")]
    pub pull: bool,
    /// Whether the cache is not used.
    #[serde(skip_serializing_if = "is_false")]
    pub no_cache: bool,
}

/// What a Dockerfile may name like a stage (Compose Specification, "additional_contexts").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// A folder of the host, absolute.
    Folder(PathBuf),
    /// An image of a registry or of the engine.
    Image(String),
    /// The image of another service.
    Service(ServiceName),
}

/// A secret given to a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildSecret {
    /// Key under the top-level `secrets`.
    pub source: String,
    /// Its id in the Dockerfile; the source when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// An SSH agent given to a build: `ID` or `ID=SOCKET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAgent {
    /// Its id in the Dockerfile, `default` most often.
    pub id: String,
    /// The agent's socket, absolute; that of the user's own agent when absent.
    pub socket: Option<PathBuf>,
}

impl BuildSecret {
    /// Its id in the Dockerfile.
    #[must_use]
    pub fn id(&self) -> &str {
        self.target.as_deref().unwrap_or(&self.source)
    }
}

impl fmt::Display for NamedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Image(image) => write!(f, "docker-image://{image}"),
            Self::Service(service) => write!(f, "service:{service}"),
        }
    }
}

impl Serialize for NamedContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SshAgent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.socket {
            Some(socket) => {
                serializer.collect_str(&format_args!("{}={}", self.id, socket.display()))
            }
            None => serializer.serialize_str(&self.id),
        }
    }
}
