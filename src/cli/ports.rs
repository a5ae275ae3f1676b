//! Finds out before anything is created whether a host port is taken.

use std::net::IpAddr;

use crate::os::ports::{can_bind, port_owner};
use crate::plan::{MovedPort, PortConflict, PortOwner, WantedPort};
use crate::project::Protocol;

/// Whether nobody on this machine has a port, as far as that can be tried.
pub(super) fn is_free(host_ip: IpAddr, port: u16, protocol: Protocol) -> bool {
    // What cannot be tried (a privileged port, a foreign address) is left to the engine.
    !matches!(can_bind(host_ip, port, protocol), Ok(false))
}

/// What a person should know of a port that is not the usual one.
pub(super) fn moved(moved: MovedPort, local: bool) -> String {
    let MovedPort { wanted, chosen, owner } = moved;
    let owner = match owner {
        PortOwner::Unknown if local => process(&wanted),
        owner => owner,
    };
    let WantedPort { service, port, .. } = wanted;
    format!("{service}: port {port} is in use by {owner}; published at {chosen} instead")
}

fn process(wanted: &WantedPort) -> PortOwner {
    port_owner(wanted.port, wanted.protocol)
        .map_or(PortOwner::Unknown, |owner| PortOwner::Process { pid: owner.pid, name: owner.name })
}

/// The wanted ports that a process of this machine has.
pub(super) fn taken(wanted: Vec<WantedPort>) -> Vec<PortConflict> {
    wanted
        .into_iter()
        .filter(|port| !is_free(port.host_ip, port.port, port.protocol))
        .map(|wanted| PortConflict { owner: process(&wanted), wanted })
        .collect()
}
