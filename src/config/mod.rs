//! From text to [`crate::project::Project`]. Pure: files and environment come in as values.
//!
//! The text layer ends in one [`node::Node`] for the whole stack, see [`load`]:
//!
//! ```text
//! files -> parse -> interpolate -> include, extends -> merge -> presets -> Node
//! ```
//!
//! Everything that it produces still knows which text it came from.

pub mod diagnostic;
pub mod findings;
pub mod holes;
pub mod node;

pub mod core_schema;
mod limits;
pub mod parse;
mod place;
pub mod suggest;
mod syntax_error;

pub mod dotenv;
pub mod environment;
pub mod interpolate;
mod template;

pub mod merge;

mod assemble;
mod expand;
mod extend;
mod include;
mod layer;
pub mod paths;
pub mod preset;
mod rebase;

pub mod discover;
pub mod load;
pub mod origin;
pub mod reader;

pub mod canonical;
pub mod decode;
pub mod explain;
pub mod lock;
pub mod percent;
pub mod redact;
pub mod schema;
pub mod select;
pub mod uses;
pub mod written;
