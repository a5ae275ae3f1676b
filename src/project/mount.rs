//! What is mounted into a container.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::{Bytes, VolumeKey};

/// A mount (Compose Specification, "volumes", long form).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Mount {
    /// A file or folder of the host.
    Bind {
        /// Absolute path on the host.
        source: PathBuf,
        /// Absolute path in the container.
        target: String,
        /// Whether the container may not write to it.
        #[serde(skip_serializing_if = "is_false")]
        read_only: bool,
        /// The rarer settings.
        #[serde(skip_serializing_if = "BindOptions::is_default")]
        bind: BindOptions,
    },
    /// A volume of the engine.
    Volume {
        /// Key under `volumes:`; an anonymous volume when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<VolumeKey>,
        /// Absolute path in the container.
        target: String,
        /// Whether the container may not write to it.
        #[serde(skip_serializing_if = "is_false")]
        read_only: bool,
        /// The rarer settings.
        #[serde(skip_serializing_if = "VolumeOptions::is_default")]
        volume: VolumeOptions,
    },
    /// Memory that goes with the container.
    Tmpfs {
        /// Absolute path in the container.
        target: String,
        /// Its limits.
        #[serde(skip_serializing_if = "TmpfsOptions::is_default")]
        tmpfs: TmpfsOptions,
    },
    /// The files of an image, read-only (API 1.48).
    Image {
        /// The image.
        source: String,
        /// Absolute path in the container.
        target: String,
        /// The rarer settings.
        #[serde(skip_serializing_if = "ImageOptions::is_default")]
        image: ImageOptions,
    },
}

/// Settings of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BindOptions {
    /// `rprivate`, `rshared`, `rslave`, `private`, `shared` or `slave`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<String>,
    /// Whether a missing source is made as an empty folder. Never by default: devstack reports it.
    #[serde(skip_serializing_if = "is_false")]
    pub create_host_path: bool,
    /// `z` (shared) or `Z` (private) relabelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<String>,
    /// `enabled`, `disabled`, `writable` or `readonly`: what of the mounts below it (API 1.44).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursive: Option<String>,
}

/// Settings of a volume mount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VolumeOptions {
    /// Whether the image's files are *not* copied into a new volume.
    #[serde(skip_serializing_if = "is_false")]
    pub nocopy: bool,
    /// A folder inside the volume (API 1.45).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
    /// Labels of the volume, when the mount makes it.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
}

/// Settings of an image mount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImageOptions {
    /// A folder inside the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
}

/// Limits of a tmpfs mount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TmpfsOptions {
    /// Upper limit in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// File mode bits of its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

impl Mount {
    /// Absolute path in the container.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Bind { target, .. }
            | Self::Volume { target, .. }
            | Self::Tmpfs { target, .. }
            | Self::Image { target, .. } => target,
        }
    }
}

impl BindOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl VolumeOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl TmpfsOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl ImageOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}
