//! What the tree of a stack was merged from, for those who ask where a value comes from.

use super::environment::Environment;
use super::node::Node;

/// A text that became part of the stack.
#[derive(Debug, Clone)]
pub struct Layer {
    /// How it came into the stack.
    pub origin: LayerOrigin,
    /// Where in the stack it was put: nothing for a whole file, else the keys on the way.
    pub at: Vec<String>,
    /// Its content, interpolated.
    pub node: Node,
    /// The variables that it could use.
    pub environment: Environment,
}

/// How a text came into the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerOrigin {
    /// One of the stack's own files.
    File,
    /// By `include` of this file.
    Include {
        /// The including file.
        by: String,
    },
    /// By `extends`.
    Extends {
        /// The service that is extended.
        service: String,
    },
    /// By `preset`.
    Preset {
        /// Its name.
        name: String,
    },
}
