//! What is known of a container without asking the engine: of one that this run has just started,
//! and of one that the run's snapshot saw running.
//!
//! The start's answer says that it runs, the specification says where it is reached and how it is
//! checked; should it end, the engine announces it. Only what neither of them says is asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::engine::{ContainerFacts, Engine};
use crate::project::Probe;
use crate::state::{ContainerId, ContainerSpec, ContainerState, ObservedPort, SeenRunning};

/// What this run did to a container before it waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// Nothing: it ran already.
    Before,
    /// It was stopped and started.
    Restarted,
    /// It was started.
    Started,
    /// It was made and started: all of its log is of this one start.
    Made,
}

/// The test of a health check, as `exec` runs it.
type Test = Option<Vec<String>>;

/// The health checks of images, each asked for once in a run.
#[derive(Debug, Default)]
pub(super) struct ImageChecks(Mutex<HashMap<String, Arc<OnceCell<Test>>>>);

impl ImageChecks {
    /// The test of an image's health check, read from any container that has no other one.
    async fn of<E: Engine>(&self, engine: &E, id: &ContainerId, image: String) -> Option<Test> {
        let cell = {
            let mut images = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(images.entry(image).or_default())
        };
        let check = cell.get_or_try_init(|| async {
            engine.inspect_container(id).await.map(|facts| facts.health_command)
        });
        check.await.ok().cloned()
    }
}

/// The facts of a container that was started a moment ago, or that the snapshot saw running;
/// `None` when its probes need more than can be known without a look at it.
pub(super) async fn facts<E: Engine>(
    engine: &E,
    id: &ContainerId,
    spec: &ContainerSpec,
    begun: Begun,
    seen: Option<&SeenRunning>,
    images: &ImageChecks,
) -> Option<ContainerFacts> {
    let seen = match begun {
        Begun::Started | Begun::Made => None,
        Begun::Before => Some(seen?),
        Begun::Restarted => return None,
    };
    let check = spec.service.healthcheck.as_ref();
    let own = check.filter(|check| !check.disable).and_then(|check| check.test.as_ref());
    let disabled = check.is_some_and(|check| check.disable);
    let (health_command, ports) = match &spec.service.ready {
        Some(ready) => {
            let ports = seen.map_or_else(|| fixed_ports(spec), |seen| seen.ports.clone());
            let known = |probe: &Probe| match probe {
                Probe::Log { .. } => begun == Begun::Made,
                Probe::Exec { .. } => true,
                Probe::Healthcheck => own.is_some(),
                // The snapshot knows whatever a look would say of ways to it.
                _ if seen.is_some() => true,
                // Behind the published port stands the engine's proxy, which accepts before the
                // service does. Only a protocol can tell them apart.
                Probe::Tcp { .. } => false,
                Probe::Postgres { port, .. }
                | Probe::Redis { port, .. }
                | Probe::Amqp { port, .. }
                | Probe::Http { port, .. } => {
                    engine.is_local() && ports.iter().any(|open| open.target == *port)
                }
            };
            if !ready.probes.iter().all(known) {
                return None;
            }
            (own.map(crate::project::HealthcheckTest::to_exec), ports)
        }
        None if disabled => (None, Vec::new()),
        None => match own {
            Some(test) => (Some(test.to_exec()), Vec::new()),
            None => (images.of(engine, id, spec.service.image.familiar()).await?, Vec::new()),
        },
    };
    Some(ContainerFacts {
        state: ContainerState::Running,
        exit_code: 0,
        oom_killed: false,
        error: String::new(),
        health: seen.and_then(|seen| seen.health),
        health_output: String::new(),
        health_command,
        addresses: seen.map(|seen| seen.addresses.clone()).unwrap_or_default(),
        ports,
        started_at: String::new(),
        restarts: 0,
        init: false,
    })
}

/// The ports that are published where the file says.
fn fixed_ports(spec: &ContainerSpec) -> Vec<ObservedPort> {
    let ports = spec.service.ports.iter().filter_map(|port| {
        let published = Some((port.host_ip, port.fixed()?));
        Some(ObservedPort { target: port.target, published, protocol: port.protocol })
    });
    ports.collect()
}
