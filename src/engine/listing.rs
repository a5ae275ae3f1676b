//! What only lists show: details of images and volumes that no decision needs.

use std::collections::HashMap;

use bollard::query_parameters::ListVolumesOptionsBuilder;
use indexmap::IndexMap;

use super::DockerEngine;
use super::error::EngineError;
use crate::project::ProjectName;
use crate::state::labels;

/// An image, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDetails {
    /// Its id.
    pub id: String,
    /// Its tags, as the engine writes them.
    pub tags: Vec<String>,
    /// `linux/amd64`.
    pub platform: String,
    /// Its size in bytes, layers shared with others included.
    pub size: i64,
    /// When it was made (RFC 3339); absent when it does not say.
    pub created: Option<String>,
}

/// A volume, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeDetails {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Where it is on the engine's machine.
    pub mountpoint: String,
    /// `local` or `global`.
    pub scope: String,
    /// All labels.
    pub labels: IndexMap<String, String>,
}

impl DockerEngine {
    /// Looks at an image by id or reference.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn image_details(&self, image: &str) -> Result<ImageDetails, EngineError> {
        let answer = self
            .docker
            .inspect_image(image)
            .await
            .map_err(|error| self.error("inspect image", image, &error))?;
        let (os, architecture) = (answer.os.unwrap_or_default(), answer.architecture);
        let variant = answer.variant.filter(|it| !it.is_empty()).map(|it| format!("/{it}"));
        let created = answer.created.map(|at| {
            at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
        });
        Ok(ImageDetails {
            id: answer.id.unwrap_or_default(),
            tags: answer.repo_tags.unwrap_or_default(),
            platform: format!(
                "{os}/{}{}",
                architecture.unwrap_or_default(),
                variant.unwrap_or_default()
            ),
            size: answer.size.unwrap_or_default(),
            created,
        })
    }

    /// The project's volumes, by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn volumes_of(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<VolumeDetails>, EngineError> {
        let label = format!("{}={project}", labels::PROJECT);
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let answer = self
            .docker
            .list_volumes(Some(options))
            .await
            .map_err(|error| self.error("list the volumes of", project.as_str(), &error))?;
        let mut volumes: Vec<VolumeDetails> = answer
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| {
                let mut labels: IndexMap<String, String> = volume.labels.into_iter().collect();
                labels.sort_keys();
                VolumeDetails {
                    name: volume.name,
                    driver: volume.driver,
                    mountpoint: volume.mountpoint,
                    scope: volume.scope.map_or_else(String::new, |scope| scope.to_string()),
                    labels,
                }
            })
            .collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }
}
