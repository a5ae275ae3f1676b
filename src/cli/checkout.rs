//! Which checkout of the files this is: two of them never share anything on the engine.

use super::context::{Context, Files};
use super::error::CliError;
use crate::config::diagnostic::Diagnostics;
use crate::engine::{DockerEngine, Engine as _};
use crate::os::files::{real_path, same_folder};
use crate::plan::{Identity, IdentityReason, Place, identity};
use crate::project::{Project, ProjectName};

/// The stack under the name that it has on the engine.
pub(super) struct Checkout {
    pub(super) project: Project,
    pub(super) warnings: Diagnostics,
    /// How it came to its name; `None` when a person gave it.
    pub(super) reason: Option<IdentityReason>,
}

impl Context {
    /// Reads the stack's files and finds out under which name this checkout of them runs. A name
    /// that a person gave is never changed.
    pub(super) async fn load_checkout(&self) -> Result<Checkout, CliError> {
        let Files { project, warnings, name_given, .. } = self.load_files()?;
        let asked = |project, warnings, reason| Ok(Checkout { project, warnings, reason });
        if name_given {
            return asked(project, warnings, None);
        }
        // Whoever needs the engine says that it cannot be reached.
        let Ok(engine) = self.connect().await else {
            return asked(project, warnings, Some(IdentityReason::Asked));
        };
        let Identity { name, reason } = find(&engine, &project).await?;
        if name == project.name {
            return asked(project, warnings, Some(reason));
        }
        // Once more, so that whatever the files make of the name follows.
        let Files { mut project, warnings, .. } = self.load_files_as(Some(name.to_string()))?;
        if let IdentityReason::Own { asked, .. } = &reason {
            let suffix = name.as_str().strip_prefix(asked.as_str()).unwrap_or(name.as_str());
            project.separate_built_images(suffix);
        }
        Ok(Checkout { project, warnings, reason: Some(reason) })
    }

    /// Reads the stack's files for a command that makes something: says so when the checkout runs
    /// under another name than the files say.
    pub(super) async fn load_to_create(&self) -> Result<Project, CliError> {
        let Checkout { project, warnings, reason } = self.load_checkout().await?;
        self.print_diagnostics(&warnings);
        if let Some(note) = reason.and_then(|reason| note(&project.name, &reason)) {
            self.note(&note);
        }
        Ok(project)
    }
}

async fn find(engine: &DockerEngine, project: &Project) -> Result<Identity, CliError> {
    let here = real_path(&project.working_dir);
    // What a folder on another machine is cannot be told from here.
    let local = engine.endpoint().is_local();
    let place = |folder: &std::path::Path| match same_folder(&here, folder) {
        Some(true) => Place::Here,
        None if folder == project.working_dir => Place::Here,
        None if local => Place::Gone,
        Some(false) | None => Place::Elsewhere,
    };
    let containers = engine.observe_containers().await?;
    if let Some(found) = identity(&project.name, &here, &containers, &place) {
        return Ok(found);
    }
    // Nothing runs: what is left, such as volumes, tells.
    let all = engine.observe().await?;
    Ok(identity(&project.name, &here, &all, &place)
        .unwrap_or_else(|| Identity { name: project.name.clone(), reason: IdentityReason::Asked }))
}

/// What a person should know of the name.
pub(super) fn note(name: &ProjectName, reason: &IdentityReason) -> Option<String> {
    match reason {
        IdentityReason::Asked => None,
        IdentityReason::TakenOver { folder } => {
            Some(format!("project {name} was begun in {folder}, which is gone: it goes on here"))
        }
        IdentityReason::Own { asked, folder: Some(folder) } => {
            Some(format!("project {asked} belongs to {folder}; this checkout runs as {name}"))
        }
        IdentityReason::Own { folder: None, .. } => Some(format!("this checkout runs as {name}")),
    }
}
