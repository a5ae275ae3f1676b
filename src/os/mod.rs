//! The operating system: files, environment, signals, terminal facts. The only module (beside the
//! build context of [`crate::engine`]) that looks at the machine itself.

pub mod archive;
pub mod browser;
pub mod cache;
pub mod files;
pub mod ports;
pub mod raw_terminal;
pub mod signal;
pub mod terminal;

pub use files::docker_config;
