//! What the engine does not settle by itself when several runs, or a run and its killed
//! predecessor, ask it for the same thing.

use bollard::errors::Error as BollardError;
use bollard::query_parameters::ListNetworksOptions;

use super::DockerEngine;
use super::calls::already;
use super::error::{EngineError, EngineErrorKind};
use crate::engine::Engine as _;
use crate::state::{ContainerId, NetworkSpec, is_anonymous, labels};

impl DockerEngine {
    /// Whether this project's network is there as it should be.
    pub(super) async fn has_network(&self, spec: &NetworkSpec) -> bool {
        let options = None::<bollard::query_parameters::InspectNetworkOptions>;
        let found = self.docker.inspect_network(&spec.network.name, options).await;
        found.is_ok_and(|found| is_network(spec, found.labels.as_ref()))
    }

    /// Older engines make as many networks of one name as they are asked for, and no container can
    /// be connected to such a name any more. Of two runs at the same time the later one withdraws.
    pub(super) async fn keep_one_network(
        &self,
        spec: &NetworkSpec,
        own: &str,
    ) -> Result<(), EngineError> {
        let name = &spec.network.name;
        let failed = |error: &BollardError| self.error("create network", name, error);
        let listed = self.docker.list_networks(None::<ListNetworksOptions>).await;
        let mut same_name = listed.map_err(|error| failed(&error))?;
        same_name.retain(|network| network.name.as_ref() == Some(name));
        same_name.sort_by(|one, other| {
            one.created.cmp(&other.created).then_with(|| one.id.cmp(&other.id))
        });
        let Some(first) = same_name.first().filter(|first| first.id.as_deref() != Some(own)) else {
            return Ok(());
        };
        let removed = self.docker.remove_network(own).await;
        already(removed, &[404]).map_err(|error| failed(&error))?;
        if is_network(spec, first.labels.as_ref()) {
            return Ok(());
        }
        let kind = EngineErrorKind::Conflict(format!("network with name {name} already exists"));
        Err(EngineError::new("create network", name, kind))
    }

    /// Whether a container has this name.
    pub(super) async fn is_named(&self, id: &ContainerId, name: &str) -> bool {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let found = self.docker.inspect_container(&id.0, options).await;
        found.is_ok_and(|found| found.name.is_some_and(|it| it.trim_start_matches('/') == name))
    }

    /// A container's volumes without a name of their own. One that a container inherited counts
    /// as named for the engine, which would leave it behind.
    pub(super) async fn anonymous_volumes(&self, id: &ContainerId) -> Vec<String> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let Ok(answer) = self.docker.inspect_container(&id.0, options).await else {
            return Vec::new();
        };
        let names = answer.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.name);
        names.filter(|name| is_anonymous(name)).collect()
    }

    /// Somebody else is removing it already: done when it is gone.
    pub(super) async fn await_removal(&self, id: &ContainerId) -> Result<(), EngineError> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            match self.inspect_container(id).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
                Ok(_) if tokio::time::Instant::now() > deadline => {
                    return Err(EngineError::new(
                        "remove container",
                        id.short(),
                        EngineErrorKind::TimedOut,
                    ));
                }
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }
}

/// Whether a network's labels are those of this project's network as it should be.
fn is_network(
    spec: &NetworkSpec,
    found: Option<&std::collections::HashMap<String, String>>,
) -> bool {
    [labels::PROJECT, labels::CONFIG_HASH]
        .iter()
        .all(|label| found.and_then(|found| found.get(*label)) == spec.labels.get(*label))
}
