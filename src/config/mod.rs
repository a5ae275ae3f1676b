//! From text to [`crate::project::Project`]. Pure: files and environment come in as values.

pub mod diagnostic;
pub mod node;
