//! Which project, and which of its services, a command is about.

use std::sync::Arc;

use super::checkout::Checkout;
use super::context::Context;
use super::error::{CliError, Problem};
use crate::config::select::{SelectError, UnknownService, select};
use crate::plan::IdentityReason;
use crate::project::{Project, ProjectName, ServiceName};
use crate::state::{Desired, lower};

/// A project of which perhaps only the name is known: the files may be gone or broken while its
/// containers still run.
pub(super) struct Scope {
    /// Its name.
    pub(super) name: ProjectName,
    /// Its files' content, when they can be read.
    pub(super) project: Option<Project>,
}

/// A scope, and whether the names of its built images are this checkout's alone, whatever the files
/// call them.
pub(super) struct Whole {
    pub(super) scope: Scope,
    pub(super) owns_images: bool,
}

impl Scope {
    /// Reads the files; without them `-p` must name the project.
    pub(super) async fn find(cx: &Context) -> Result<Self, CliError> {
        Ok(Self::find_whole(cx).await?.scope)
    }

    /// The same, with whose the images are.
    pub(super) async fn find_whole(cx: &Context) -> Result<Whole, CliError> {
        match cx.load_checkout().await {
            Ok(Checkout { project, reason, .. }) => Ok(Whole {
                scope: Self { name: project.name.clone(), project: Some(project) },
                owns_images: matches!(reason, Some(IdentityReason::Own { .. })),
            }),
            Err(error) => match cx.global.project_name.as_deref().map(str::parse::<ProjectName>) {
                Some(Ok(name)) => {
                    Ok(Whole { scope: Self { name, project: None }, owns_images: false })
                }
                _ => Err(error),
            },
        }
    }

    /// Turns names and aliases into services; unknown ones are an error when the files say what
    /// there is.
    pub(super) fn services(&self, names: &[String]) -> Result<Vec<ServiceName>, CliError> {
        names.iter().map(|name| self.service(name)).collect()
    }

    /// Turns a name or alias into a service.
    pub(super) fn service(&self, name: &str) -> Result<ServiceName, CliError> {
        let Some(project) = &self.project else {
            return name.parse().map_err(|_| unknown(name, None));
        };
        let known = project.services.values().chain(project.disabled_services.values());
        for service in known.clone() {
            if service.name.as_str() == name || service.aliases.iter().any(|alias| alias == name) {
                return Ok(service.name.clone());
            }
        }
        let names = known.flat_map(|service| {
            std::iter::once(service.name.as_str()).chain(service.aliases.iter().map(String::as_str))
        });
        let suggestion = crate::config::suggest::closest(name, names).map(str::to_owned);
        Err(unknown(name, suggestion))
    }

    /// The services of the files, those of inactive profiles included.
    pub(super) fn known_services(&self) -> Option<Vec<ServiceName>> {
        let project = self.project.as_ref()?;
        Some(project.services.keys().chain(project.disabled_services.keys()).cloned().collect())
    }

    /// What the files ask for, all profiles included; nothing when they cannot be read.
    pub(super) fn desired(&self) -> Desired {
        match &self.project {
            Some(project) => {
                let mut all = project.clone();
                all.services.extend(project.disabled_services.clone());
                desired(&all)
            }
            None => Desired {
                project: self.name.clone(),
                networks: Vec::new(),
                volumes: Vec::new(),
                images: Vec::new(),
                containers: Vec::new(),
                selected_services: Vec::new(),
                known_services: Vec::new(),
            },
        }
    }
}

fn unknown(name: &str, suggestion: Option<String>) -> CliError {
    Problem::UnknownService { name: name.to_owned(), suggestion }.into()
}

/// Lowers a project with the contents of the files that it mounts.
pub(super) fn desired(project: &Project) -> Desired {
    lower(project, &crate::os::files::content_digests(project))
}

/// The project with only the named services (and what they need).
pub(super) fn selected(
    project: &Project,
    services: &[String],
    dependencies: bool,
) -> Result<Arc<Project>, CliError> {
    let selected = select(project, services, dependencies).map_err(|error| match error {
        SelectError::Unknown(UnknownService { name, suggestion }) => {
            Problem::UnknownService { name, suggestion }
        }
        SelectError::Disabled { ref profile, .. } => Problem::Other {
            hint: Some(format!(
                "add `--profile {profile}`, or write `required: false` at the dependency"
            )),
            message: error.to_string(),
        },
    })?;
    Ok(Arc::new(selected))
}
