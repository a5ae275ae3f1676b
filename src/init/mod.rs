//! What `devstack init` writes: a stack for the application that is there, or what a Compose file
//! says in devstack's own words. Pure: what was found comes in as values, text goes out.

mod convert;
mod installer;
mod readiness;
mod write;

pub use convert::{Convertible, convert};
pub use installer::Installer;
pub use readiness::native_readiness;
pub use write::{Application, Written, write};

/// The first line of a written file, by which an editor finds the schema, a file beside it.
pub const SCHEMA_FILE: &str = "devstack.schema.json";

fn modeline() -> String {
    format!("# yaml-language-server: $schema={SCHEMA_FILE}\n")
}
