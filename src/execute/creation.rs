//! Makes a container, also when a run that was killed had asked for it already: the engine goes on
//! with what it was asked for, and may be done only after this run has looked.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Engine, EngineError, EngineErrorKind};
use crate::state::{ContainerId, ContainerSpec, ContainerState, ObservedContainer, labels};

/// Longest wait for a name that the engine has reserved and shows no container of.
const RESERVED: Duration = Duration::from_secs(10);

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes a container. Whatever of the same service has its name and never ran holds nothing and
/// gives way.
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
            Some(holder) if is_stillborn(spec, holder) => {
                engine.remove_container(&holder.id, true).await?;
            }
            Some(_) => return Err(error),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn is_stillborn(spec: &ContainerSpec, holder: &ObservedContainer) -> bool {
    holder.state == ContainerState::Created
        && [labels::PROJECT, labels::SERVICE, labels::CONTAINER_NUMBER]
            .iter()
            .all(|label| holder.labels.get(*label) == spec.labels.get(*label))
}
