//! Commands that run at a moment of a container's life.

use indexmap::IndexMap;
use serde::Serialize;

use super::mount::is_false;
use super::{ImageRef, Service};

/// A command to run in a container, after its start or before its stop (Compose Specification,
/// "post_start" and "pre_stop").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Hook {
    /// Program and arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// User instead of the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether it has all rights.
    #[serde(skip_serializing_if = "is_false")]
    pub privileged: bool,
    /// Working directory instead of the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Further variables.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, Option<String>>,
}

/// A command to run in a container of its own, before the service's is started (Compose
/// Specification, "pre_start").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PreStart {
    /// What to run; without a command the image says it.
    #[serde(flatten)]
    pub hook: Hook,
    /// Image instead of the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Whether it runs before each container of the service, not once before the first of them.
    #[serde(skip_serializing_if = "is_false")]
    pub per_replica: bool,
}

impl Service {
    /// The images of its hooks that have one of their own.
    pub fn hook_images(&self) -> impl Iterator<Item = &ImageRef> {
        self.pre_start.iter().filter_map(|pre_start| pre_start.image.as_ref())
    }

    /// Its hooks, whenever they run.
    pub fn hooks(&self) -> impl Iterator<Item = &Hook> {
        let before = self.pre_start.iter().map(|pre_start| &pre_start.hook);
        before.chain(&self.post_start).chain(&self.pre_stop)
    }
}
