//! Finds out before anything is created whether a host port is taken.

use crate::os::ports::{can_bind, port_owner};
use crate::plan::{PortConflict, PortOwner, WantedPort};

/// The wanted ports that a process of this machine has.
pub(super) fn taken(wanted: Vec<WantedPort>) -> Vec<PortConflict> {
    wanted
        .into_iter()
        // What cannot be tried (a privileged port, a foreign address) is left to the engine.
        .filter(|port| matches!(can_bind(port.host_ip, port.port, port.protocol), Ok(false)))
        .map(|port| {
            let owner = port_owner(port.port, port.protocol).map_or(PortOwner::Unknown, |owner| {
                PortOwner::Process { pid: owner.pid, name: owner.name }
            });
            PortConflict { wanted: port, owner }
        })
        .collect()
}
