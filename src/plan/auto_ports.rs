//! Chooses the host ports of `auto` ports: the usual one when it is free, else one that follows from
//! folder and service. What was chosen for a container is kept as long as nobody else takes it, and
//! until a person has it made anew.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Recreate;
use super::ports::{PortOwner, WantedPort, holder, overlaps, owner};
use crate::project::{Port, ProjectName, Protocol, ServiceName};
use crate::state::desired::remembered_as;
use crate::state::hash::digest_bytes;
use crate::state::{ContainerSpec, Desired, Observed, ObservedContainer, labels};

/// Where ports are chosen from: below those that the kernel gives to outgoing connections (Linux:
/// 32768 and above), above those that services commonly have.
const CHOSEN: Range<u16> = 20_000..32_000;

/// Ports that are tried for one port before the engine is left to choose.
const ATTEMPTS: u16 = 256;

/// An `auto` port that is published elsewhere than usual, for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedPort {
    /// The usual port.
    pub wanted: WantedPort,
    /// What was chosen.
    pub chosen: u16,
    /// Who has the usual one; [`PortOwner::Unknown`] when it is no container.
    pub owner: PortOwner,
}

/// Chooses a host port for every `auto` port of the containers. Where all of them are made anew, the
/// usual port comes before the one that a container has. `is_free` tells whether nobody outside of
/// the engine has a port.
#[must_use]
pub fn choose_ports(
    desired: &mut Desired,
    observed: &Observed,
    recreate: Recreate,
    is_free: &dyn Fn(IpAddr, u16, Protocol) -> bool,
) -> Vec<MovedPort> {
    let given = desired.containers.iter().flat_map(|spec| {
        let fixed = spec.service.ports.iter();
        fixed.filter_map(|port| Some(Given::new(spec, port, port.fixed()?)))
    });
    let mut choice = Choice {
        project: &desired.project,
        observed,
        recreate,
        is_free,
        given: given.collect(),
        moved: Vec::new(),
    };
    for spec in &mut desired.containers {
        if spec.service.ports.iter().all(|port| port.auto().is_none()) {
            continue;
        }
        let chosen = choice.ports(spec);
        Arc::make_mut(spec).choose_ports(chosen);
    }
    choice.moved
}

struct Choice<'a> {
    project: &'a ProjectName,
    observed: &'a Observed,
    recreate: Recreate,
    is_free: &'a dyn Fn(IpAddr, u16, Protocol) -> bool,
    /// Ports that this very stack has asked for or been given.
    given: Vec<Given>,
    moved: Vec<MovedPort>,
}

/// A port that a service of the stack has.
struct Given {
    service: ServiceName,
    host_ip: IpAddr,
    number: u16,
    protocol: Protocol,
}

impl Given {
    fn new(spec: &ContainerSpec, port: &Port, number: u16) -> Self {
        let service = spec.service.name.clone();
        Self { service, host_ip: port.host_ip, number, protocol: port.protocol }
    }
}

impl Choice<'_> {
    fn ports(&mut self, spec: &ContainerSpec) -> IndexMap<usize, u16> {
        let own = self.observed.containers_of(self.project).find(|container| {
            container.service().as_ref() == Some(&spec.service.name)
                && container.number() == spec.number
        });
        let mut chosen = IndexMap::new();
        for (index, port) in spec.service.ports.iter().enumerate() {
            let Some(usual) = port.auto() else { continue };
            let key = remembered_as(port);
            let remembered = own.and_then(|own| {
                own.remembered_ports().find(|(known, _)| *known == key).map(|(_, number)| number)
            });
            let kept = remembered.filter(|_| self.recreate != Recreate::Force);
            let candidates =
                kept.into_iter().chain([usual]).chain(remembered).chain(derived(spec, port)).find(
                    |number| {
                        self.given(port, *number).is_none() && self.is_available(port, *number, own)
                    },
                );
            // The engine chooses where all of them are taken.
            let Some(number) = candidates else { continue };
            if number != usual && remembered != Some(number) {
                self.note_move(spec, port, usual, number, own);
            }
            self.given.push(Given::new(spec, port, number));
            chosen.insert(index, number);
        }
        chosen
    }

    fn given(&self, port: &Port, number: u16) -> Option<&Given> {
        self.given.iter().find(|given| {
            given.number == number
                && given.protocol == port.protocol
                && overlaps(given.host_ip, port.host_ip)
        })
    }

    /// Whether a port is this container's already, or nobody's.
    fn is_available(&self, port: &Port, number: u16, own: Option<&ObservedContainer>) -> bool {
        match self.container_with(port, number, own) {
            Some(container) if own.is_some_and(|own| own.id == container.id) => true,
            Some(_) => false,
            None => (self.is_free)(port.host_ip, number, port.protocol),
        }
    }

    /// The container that has a port, or that will want it again when it is started.
    fn container_with(
        &self,
        port: &Port,
        number: u16,
        own: Option<&ObservedContainer>,
    ) -> Option<&ObservedContainer> {
        holder(self.observed, port.host_ip, number, port.protocol).or_else(|| {
            let protocol = format!("/{}", port.protocol.as_str());
            self.observed.containers.iter().find(|container| {
                own.is_none_or(|own| own.id != container.id)
                    && container
                        .remembered_ports()
                        .any(|(key, remembered)| remembered == number && key.ends_with(&protocol))
            })
        })
    }

    fn note_move(
        &mut self,
        spec: &ContainerSpec,
        port: &Port,
        usual: u16,
        chosen: u16,
        own: Option<&ObservedContainer>,
    ) {
        let wanted = WantedPort {
            service: spec.service.name.clone(),
            host_ip: port.host_ip,
            port: usual,
            target: port.target,
            protocol: port.protocol,
        };
        let owner = match (self.given(port, usual), self.container_with(port, usual, own)) {
            (Some(given), _) => PortOwner::Service(given.service.clone()),
            (None, Some(container)) => owner(self.project, &wanted.service, container),
            (None, None) => PortOwner::Unknown,
        };
        self.moved.push(MovedPort { wanted, chosen, owner });
    }
}

/// The ports to try for one port of one container: always the same for the same folder.
fn derived(spec: &ContainerSpec, port: &Port) -> impl Iterator<Item = u16> + use<> {
    let folder = spec.labels.get(labels::WORKING_DIR).map_or("", String::as_str);
    let (service, number, target) = (&spec.service.name, spec.number, port.target);
    let digest = digest_bytes(format!("{folder}\n{service}\n{number}\n{target}").as_bytes());
    let start = u32::from_str_radix(&digest[..8], 16).expect("a digest is hexadecimal");
    let count = u32::from(CHOSEN.end - CHOSEN.start);
    (0..u32::from(ATTEMPTS)).filter_map(move |attempt| {
        let offset = (start % count + attempt) % count;
        Some(CHOSEN.start + u16::try_from(offset).ok()?)
    })
}
