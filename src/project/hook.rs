//! Commands that run at a moment of a container's life.

use indexmap::IndexMap;
use serde::Serialize;

use super::mount::is_false;

/// A command to run in a container, after its start or before its stop (Compose Specification,
/// "post_start" and "pre_stop").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Hook {
    /// Program and arguments.
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
