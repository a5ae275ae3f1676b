//! Makes a container, also when another run has asked for the very same: one that was killed, and
//! the engine goes on with what it was asked for, or one that runs at the same time.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Engine, EngineError, EngineErrorKind};
use crate::state::{
    ContainerId, ContainerSpec, ContainerState, Observed, ObservedContainer, labels,
};

/// Longest wait for a name that the engine has reserved and shows no container of.
const RESERVED: Duration = Duration::from_secs(10);

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes a container, or takes the very same that has its name. Whatever else of the same service
/// has the name and never ran holds nothing and gives way.
pub(super) async fn create<E: Engine>(
    engine: &E,
    spec: &ContainerSpec,
    name: &str,
    inherit: &[(String, String)],
) -> Result<ContainerId, EngineError> {
    let deadline = Instant::now() + RESERVED;
    loop {
        let error = match engine.create_container(spec, name, inherit).await {
            Err(error) if matches!(error.kind, EngineErrorKind::Conflict(_)) => error,
            result => return result,
        };
        if Instant::now() > deadline {
            return Err(error);
        }
        let observed = engine.observe().await?;
        match observed.containers.iter().find(|container| container.name == name) {
            Some(holder) if is_same(spec, holder, &observed) => return Ok(holder.id.clone()),
            Some(holder) if is_stillborn(spec, holder) => {
                engine.remove_container(&holder.id, true).await?;
            }
            Some(_) => return Err(error),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Whether a container is what this run would make, whole: another run was quicker.
fn is_same(spec: &ContainerSpec, holder: &ObservedContainer, observed: &Observed) -> bool {
    let image = observed.image(&spec.service.image.familiar());
    let is_whole = match holder.state {
        // Whether its files were copied already cannot be seen.
        ContainerState::Created => spec.files.is_empty(),
        state => state.is_running(),
    };
    is_whole
        && has_labels(spec, holder, &[labels::CONFIG_HASH])
        && image.is_some_and(|image| image.id == holder.image_id)
        && spec.networks.keys().all(|network| holder.networks.contains_key(network))
}

fn is_stillborn(spec: &ContainerSpec, holder: &ObservedContainer) -> bool {
    holder.state == ContainerState::Created && has_labels(spec, holder, &[])
}

fn has_labels(spec: &ContainerSpec, holder: &ObservedContainer, more: &[&str]) -> bool {
    [labels::PROJECT, labels::SERVICE, labels::CONTAINER_NUMBER]
        .iter()
        .chain(more)
        .all(|label| holder.labels.get(*label) == spec.labels.get(*label))
}
