//! Which checkout of the files this is: two of them never share anything on the engine.

use super::context::{Context, Files};
use super::error::CliError;
use super::turn;
use crate::config::diagnostic::Diagnostics;
use crate::engine::{DockerEngine, Engine as _, EngineError};
use crate::os::files::{real_path, same_folder};
use crate::os::turn::Turn;
use crate::plan::{Identity, IdentityReason, Place, identity};
use crate::project::{Project, ProjectName};
use crate::state::Observed;

/// The stack under the name that it has on the engine.
pub(super) struct Checkout {
    pub(super) project: Project,
    pub(super) warnings: Diagnostics,
    /// How it came to its name; `None` when a person gave it.
    pub(super) reason: Option<IdentityReason>,
    /// What was seen of the engine on the way, when that was all of it.
    seen: Option<Observed>,
    turn: Option<Turn>,
}

/// The stack for a command that makes something.
pub(super) struct ToCreate {
    pub(super) project: Project,
    /// The engine as it was a moment ago, where the project's name depended on it: the command's
    /// plan need not ask again.
    pub(super) seen: Option<Observed>,
    /// While it is held no other devstack changes the stack; `None` for who only looks.
    pub(super) turn: Option<Turn>,
}

/// What was seen of the engine a moment ago; looks at it when nothing was.
pub(super) async fn seen_or_observed(
    engine: &DockerEngine,
    seen: Option<Observed>,
) -> Result<Observed, EngineError> {
    match seen {
        Some(seen) => Ok(seen),
        None => engine.observe().await,
    }
}

/// How much of the engine is looked at to find a checkout's name.
#[derive(Clone, Copy)]
enum Look {
    /// Containers; the rest only where those do not tell.
    Containers,
    /// All: whoever asks needs it next.
    Everything,
    /// All, as soon as no other devstack is changing the stack.
    InTurn,
}

impl Context {
    /// Reads the stack's files and finds out under which name this checkout of them runs. A name
    /// that a person gave is never changed.
    pub(super) async fn load_checkout(&self) -> Result<Checkout, CliError> {
        self.checkout(Look::Containers).await
    }

    async fn checkout(&self, look: Look) -> Result<Checkout, CliError> {
        let Files { project, warnings, name_given, .. } = self.load_files()?;
        let asked = |project, warnings, reason, turn| {
            Ok(Checkout { project, warnings, reason, seen: None, turn })
        };
        if name_given && !matches!(look, Look::InTurn) {
            return asked(project, warnings, None, None);
        }
        // Whoever needs the engine says that it cannot be reached.
        let Ok(engine) = self.connect().await else {
            let reason = (!name_given).then_some(IdentityReason::Asked);
            return asked(project, warnings, reason, None);
        };
        // Before anything is looked at: two checkouts that begin at once would both see nobody.
        let turn = match look {
            Look::InTurn => turn::take(self, &engine, &project.name).await,
            Look::Containers | Look::Everything => None,
        };
        if name_given {
            return asked(project, warnings, None, turn);
        }
        let (Identity { name, reason }, seen) = find(&engine, &project, look).await?;
        if name == project.name {
            return Ok(Checkout { project, warnings, reason: Some(reason), seen, turn });
        }
        // Once more, so that whatever the files make of the name follows.
        let Files { mut project, warnings, .. } = self.load_files_as(Some(name.to_string()))?;
        if let IdentityReason::Own { asked, .. } = &reason {
            let suffix = name.as_str().strip_prefix(asked.as_str()).unwrap_or(name.as_str());
            project.separate_built_images(suffix);
        }
        Ok(Checkout { project, warnings, reason: Some(reason), seen, turn })
    }

    /// Reads the stack's files for a command that says what could be made: tells when the checkout
    /// runs under another name than the files say.
    pub(super) async fn load_to_plan(&self) -> Result<ToCreate, CliError> {
        self.load_and_tell(Look::Everything).await
    }

    /// The same for a command that makes something. Waits until no other devstack is at it.
    pub(super) async fn load_to_create(&self) -> Result<ToCreate, CliError> {
        let look = if self.global.dry_run { Look::Everything } else { Look::InTurn };
        self.load_and_tell(look).await
    }

    async fn load_and_tell(&self, look: Look) -> Result<ToCreate, CliError> {
        let Checkout { project, warnings, reason, seen, turn } = self.checkout(look).await?;
        self.print_diagnostics(&warnings);
        if let Some(note) = reason.and_then(|reason| note(&project.name, &reason)) {
            self.note(&note);
        }
        Ok(ToCreate { project, seen, turn })
    }
}

async fn find(
    engine: &DockerEngine,
    project: &Project,
    look: Look,
) -> Result<(Identity, Option<Observed>), CliError> {
    let here = real_path(&project.working_dir);
    // What a folder on another machine is cannot be told from here.
    let local = engine.endpoint().is_local();
    let place = |folder: &std::path::Path| match same_folder(&here, folder) {
        Some(true) => Place::Here,
        None if folder == project.working_dir => Place::Here,
        None if local => Place::Gone,
        Some(false) | None => Place::Elsewhere,
    };
    if let Look::Containers = look {
        let containers = engine.observe_containers().await?;
        if let Some(found) = identity(&project.name, &here, &containers, &place) {
            return Ok((found, None));
        }
    }
    // Where nothing runs, what is left, such as volumes, tells.
    let all = engine.observe().await?;
    let found = identity(&project.name, &here, &all, &place)
        .unwrap_or_else(|| Identity { name: project.name.clone(), reason: IdentityReason::Asked });
    Ok((found, Some(all)))
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
