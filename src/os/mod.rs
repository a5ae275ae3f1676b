//! The operating system: files, environment, signals, terminal facts. The only module (beside the
//! packing of build contexts in [`crate::engine`] and the files of [`crate::watch`]) that looks at
//! the machine itself.

pub mod archive;
pub mod browser;
pub mod build_context;
pub mod cache;
pub mod files;
pub mod filesystem;
pub mod known_files;
pub mod machine;
pub mod ports;
pub mod process;
pub mod raw_terminal;
pub mod signal;
pub mod socket;
pub mod terminal;
pub mod turn;

pub use files::{docker_config, ssh_agent};
