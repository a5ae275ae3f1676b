//! The whole stack.

use std::collections::HashSet;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::mount::is_false;
use super::{ImageRef, Network, NetworkKey, ProjectName, Secret, Service, ServiceName, VolumeKey};

/// A resolved project: everything that the files ask for, in the order of the files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Project {
    /// The name that labels every resource.
    pub name: ProjectName,
    /// Folder to which relative paths refer.
    #[serde(skip)]
    pub working_dir: PathBuf,
    /// The files read, in order.
    #[serde(skip)]
    pub config_files: Vec<PathBuf>,
    /// The `.env` files read, in order.
    #[serde(skip)]
    pub environment_files: Vec<PathBuf>,
    /// Services that the active profiles select.
    pub services: IndexMap<ServiceName, Service>,
    /// Services that exist in the files but that no active profile selects.
    #[serde(skip)]
    pub disabled_services: IndexMap<ServiceName, Service>,
    /// Networks that a service uses.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub networks: IndexMap<NetworkKey, Network>,
    /// Volumes that the files declare.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub volumes: IndexMap<VolumeKey, Volume>,
    /// Secrets that the files declare.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub secrets: IndexMap<String, FileObject>,
    /// Configs that the files declare.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub configs: IndexMap<String, FileObject>,
    /// What has no meaning on one engine and is only carried through to `devstack config`.
    #[serde(skip)]
    pub carried: serde_json::Map<String, serde_json::Value>,
}

/// A secret or config: a small file for containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileObject {
    /// The engine-side name, `PROJECT_KEY` unless the file names it.
    pub name: String,
    /// Where its content comes from.
    #[serde(flatten)]
    pub source: FileSource,
}

/// Where the content of a secret or config comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSource {
    /// A file of the host (absolute path).
    File(PathBuf),
    /// A variable of devstack's own environment, with the value that was found.
    Environment {
        /// Its name.
        variable: String,
        /// Its value.
        #[serde(skip)]
        value: Secret,
    },
    /// Text in the file itself (configs only).
    Content(Secret),
}

/// A volume of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Volume {
    /// The engine's name: `PROJECT_KEY` unless the file names it.
    pub name: String,
    /// The driver; the engine's default (`local`) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub driver_opts: IndexMap<String, String>,
    /// Whether it exists outside this project: used, never created or removed.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
    /// Labels of the user's.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
}

impl Project {
    /// Appends `suffix` to the tag of every image that is built here under a name of the user's
    /// choice, so that another checkout of the same files does not build over it.
    pub fn separate_built_images(&mut self, suffix: &str) {
        let suffix = suffix.trim_start_matches('-');
        let all = || self.services.values().chain(self.disabled_services.values());
        let own: HashSet<String> = all()
            .filter(|service| service.build.is_some())
            // A name that was made from the project's is another one already.
            .filter(|service| service.image.as_str() != format!("{}-{}", self.name, service.name))
            .map(|service| service.image.familiar())
            .collect();
        for service in self.services.values_mut().chain(self.disabled_services.values_mut()) {
            if own.contains(&service.image.familiar()) {
                service.image = service.image.with_tag_suffix(suffix);
            }
            let hooks = service.pre_start.iter_mut().filter_map(|hook| hook.image.as_mut());
            for image in hooks.filter(|image| own.contains(&image.familiar())) {
                *image = image.with_tag_suffix(suffix);
            }
            for tag in service.build.iter_mut().flat_map(|build| &mut build.tags) {
                if let Ok(reference) = tag.parse::<ImageRef>() {
                    *tag = reference.with_tag_suffix(suffix).to_string();
                }
            }
        }
    }

    /// Finds a service by its name or by one of its aliases, among the selected ones.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name).or_else(|| {
            self.services.values().find(|service| service.aliases.iter().any(|alias| alias == name))
        })
    }
}
