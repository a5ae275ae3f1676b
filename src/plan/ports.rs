//! Which host ports a plan needs, and who is known to have them.

use std::collections::HashSet;
use std::net::IpAddr;

use super::step::{ContainerRef, Operation, Plan};
use crate::project::{ProjectName, Protocol, ServiceName};
use crate::state::{ContainerSpec, Observed, labels};

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
    let leaving: HashSet<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::StopContainer { id, .. } | Operation::RemoveContainer { id, .. } => Some(id),
            _ => None,
        })
        .collect();
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
            let holder = observed.containers.iter().find(|other| {
                other.ports.iter().any(|open| {
                    open.protocol == port.protocol
                        && open.published.is_some_and(|(ip, number)| {
                            number == port.port && overlaps(ip, port.host_ip)
                        })
                })
            });
            match holder {
                // Freed by this very plan before the start.
                Some(holder) if holder.belongs_to(project) && leaving.contains(&holder.id) => {}
                Some(holder) => conflicts.push(PortConflict {
                    wanted: port,
                    owner: PortOwner::Container {
                        name: holder.name.clone(),
                        project: holder.labels.get(labels::PROJECT).cloned(),
                    },
                }),
                None => wanted.push(port),
            }
        }
    }
    (wanted, conflicts)
}

fn overlaps(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}
