//! How an image is built.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::Bytes;
use super::mount::is_false;

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
