//! Which host ports a plan needs, and who is known to have them.

use std::net::IpAddr;

use super::step::{ContainerRef, Operation, Plan};
use crate::project::{ProjectName, Protocol, ServiceName};
use crate::state::{ContainerSpec, Observed, ObservedContainer, labels};

/// A fixed host port that a container of the plan is about to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPort {
    /// For whom.
    pub service: ServiceName,
    /// The host's address.
    pub host_ip: IpAddr,
    /// The host's port.
    pub port: u16,
    /// The port inside the container.
    pub target: u16,
    /// The transport.
    pub protocol: Protocol,
}

/// A wanted port that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("port {}:{} of service `{}` is already in use by {owner}", wanted.host_ip, wanted.port, wanted.service)]
pub struct PortConflict {
    /// The port.
    pub wanted: WantedPort,
    /// Who has it.
    pub owner: PortOwner,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortOwner {
    /// A container, and the project it belongs to.
    Container {
        /// Its name.
        name: String,
        /// Its project.
        project: Option<String>,
    },
    /// Another container of the very service: each would need a port of its own.
    Sibling {
        /// Its name.
        name: String,
    },
    /// Another service of the stack, whose ports say so.
    Service(ServiceName),
    /// A process of this machine.
    Process {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// Somebody whom this user may not see.
    Unknown,
}

impl std::fmt::Display for PortOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container { name, project: Some(project) } => {
                write!(f, "container `{name}` of project `{project}`")
            }
            Self::Container { name, project: None } => write!(f, "container `{name}`"),
            Self::Sibling { name } => write!(f, "its own container `{name}`"),
            Self::Service(name) => write!(f, "service `{name}`"),
            Self::Process { pid, name } => write!(f, "process `{name}` (pid {pid})"),
            Self::Unknown => f.write_str("another process"),
        }
    }
}

/// The fixed ports that the plan's starts need and that its own removals do not free, and those
/// among them that a running container has. Whether a process of the host has one of the others
/// is for the caller to try.
#[must_use]
pub fn wanted_ports(
    project: &ProjectName,
    plan: &Plan,
    observed: &Observed,
    specs: &[std::sync::Arc<ContainerSpec>],
) -> (Vec<WantedPort>, Vec<PortConflict>) {
    let leaving = plan.leaving();
    let mut wanted = Vec::new();
    let mut conflicts = Vec::new();
    for step in &plan.steps {
        let Operation::StartContainer { container } = &step.operation else { continue };
        let spec = match container {
            ContainerRef::CreatedBy(id) => match &plan.steps[id.0].operation {
                Operation::CreateContainer { spec, .. } => Some(spec),
                _ => None,
            },
            ContainerRef::Existing(id) => observed
                .containers
                .iter()
                .find(|container| container.id == *id)
                .and_then(|container| specs.iter().find(|spec| spec.name == container.name)),
        };
        let Some(spec) = spec else { continue };
        for port in &spec.service.ports {
            let Some(number) = port.fixed() else { continue };
            let port = WantedPort {
                service: spec.service.name.clone(),
                host_ip: port.host_ip,
                port: number,
                target: port.target,
                protocol: port.protocol,
            };
            match holder(observed, port.host_ip, port.port, port.protocol) {
                // Freed by this very plan before the start.
                Some(holder) if holder.belongs_to(project) && leaving.contains(&holder.id) => {}
                Some(holder) => {
                    let owner = owner(project, &port.service, holder);
                    conflicts.push(PortConflict { wanted: port, owner });
                }
                None => wanted.push(port),
            }
        }
    }
    (wanted, conflicts)
}

/// A container as the owner of a port that a service of this project wants.
pub(super) fn owner(
    project: &ProjectName,
    service: &ServiceName,
    holder: &ObservedContainer,
) -> PortOwner {
    let name = holder.name.clone();
    if holder.belongs_to(project) && holder.service().as_ref() == Some(service) {
        PortOwner::Sibling { name }
    } else {
        PortOwner::Container { name, project: holder.labels.get(labels::PROJECT).cloned() }
    }
}

/// The running container that has a port. After a crash the engine goes on listing the ports of
/// containers that ended with it; nobody holds those.
pub(super) fn holder(
    observed: &Observed,
    host_ip: IpAddr,
    port: u16,
    protocol: Protocol,
) -> Option<&ObservedContainer> {
    observed.containers.iter().filter(|container| container.state.is_running()).find(|container| {
        container.ports.iter().any(|open| {
            open.protocol == protocol
                && open
                    .published
                    .is_some_and(|(ip, number)| number == port && overlaps(ip, host_ip))
        })
    })
}

pub(super) fn overlaps(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use indexmap::IndexMap;

    use super::*;
    use crate::state::{ContainerId, ContainerState, ObservedPort};

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    fn published(state: ContainerState, ip: IpAddr, number: u16) -> Observed {
        let port =
            ObservedPort { target: 80, published: Some((ip, number)), protocol: Protocol::Tcp };
        let container = ObservedContainer {
            id: ContainerId("1".to_owned()),
            name: "shop-web-1".to_owned(),
            state,
            health: None,
            image: String::new(),
            image_id: String::new(),
            labels: IndexMap::new(),
            ports: vec![port],
            networks: IndexMap::new(),
            mounts: Vec::new(),
            created: 0,
            command: String::new(),
            status: String::new(),
        };
        Observed { containers: vec![container], ..Observed::default() }
    }

    #[test]
    fn only_what_runs_has_a_port() {
        let (running, ended) = (ContainerState::Running, ContainerState::Exited { code: 143 });
        let other: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        for (observed, held) in [
            (published(running, LOOPBACK, 8080), true),
            (published(running, ANY, 8080), true),
            (published(running, other, 8080), false),
            (published(running, LOOPBACK, 8081), false),
            (published(ended, LOOPBACK, 8080), false),
        ] {
            let holder = holder(&observed, LOOPBACK, 8080, Protocol::Tcp);
            assert_eq!(holder.is_some(), held, "{observed:?}");
        }
    }
}
