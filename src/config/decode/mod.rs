//! The typed layer: from the one merged and interpolated [`Node`] to a [`Project`].
//!
//! Short forms become long ones, defaults are filled in, names are resolved and everything is
//! checked. All findings are collected: a wrong value is reported at its place and reading goes
//! on. Nothing that the file says is silently dropped: what devstack does not act upon is a
//! warning that names the key, or an error where ignoring it would do harm.
//!
//! The readers are small functions over a `context::Field`: one file per section of the Compose
//! Specification. `service` and `stack` put them together, `check` looks at the whole.

mod address;
pub mod argument;
mod build;
mod check;
mod command;
mod context;
mod dependency;
mod develop;
mod hook;
mod host;
mod kernel;
mod mount;
mod network;
mod object;
mod pairs;
mod placeholder;
mod port;
mod ready;
mod reload;
mod resource;
mod scalar;
mod service;
mod stack;
mod tmpfs;
mod variables;

pub(super) use placeholder::escape as escape_placeholders;
pub(crate) use variables::env_file_lines;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostics;
use super::environment::Environment;
use super::holes::Holes;
use super::node::Node;
use crate::project::Project;

/// What a file does not say about itself.
#[derive(Debug, Clone, Default)]
pub struct DecodeRequest {
    /// Folder to which relative paths refer.
    pub project_dir: PathBuf,
    /// The files that were read, in order.
    pub config_files: Vec<PathBuf>,
    /// The `.env` files that were read, in order.
    pub environment_files: Vec<PathBuf>,
    /// Variables for entries without a value, `env_file` and secrets.
    pub environment: Environment,
    /// `--project-name` or its variable: wins over `name:` of the file.
    pub project_name: Option<String>,
    /// Active profiles; `*` stands for all.
    pub profiles: Vec<String>,
    /// The user's home folder, for `~`.
    pub home: Option<PathBuf>,
    /// What of the stack is missing because of errors that are known.
    pub holes: Holes,
}

/// Reads the whole stack. `files` returns the text of an `env_file` or `label_file`.
///
/// # Errors
///
/// Returns all findings, warnings included, when one of them is an error. Errors that may only
/// follow from [`DecodeRequest::holes`] are left out.
pub fn decode(
    root: &Node,
    request: &DecodeRequest,
    files: &mut dyn FnMut(&Path) -> io::Result<String>,
) -> Result<(Project, Diagnostics), Diagnostics> {
    let mut cx = context::Cx::new(request, files);
    let project = stack::stack(&mut cx, root);
    let findings = cx.into_findings();
    match project {
        Some(project) if !findings.has_errors() => Ok((project, findings)),
        _ => Err(findings),
    }
}
