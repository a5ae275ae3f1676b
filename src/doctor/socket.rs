//! The engine's socket: whose it is, and whether this user may use it.

use super::Finding;
use super::facts::{Facts, SocketFacts};

pub(super) fn examine(facts: &Facts) -> Option<Finding> {
    facts.socket.as_ref().map(judge)
}

fn judge(socket: &SocketFacts) -> Finding {
    let SocketFacts { path, owner, group, mode, user, .. } = socket;
    let whose = format!("{path} belongs to {owner}:{group} ({:04o})", mode & 0o7777);
    let writes = |bits: u32| mode & bits != 0;
    let through = if writes(0o002) {
        // Whoever may use the engine may mount the machine's whole disk.
        return Finding::warn(
            "socket",
            format!("{whose}: whoever is on this machine has root's rights through it"),
            format!("`sudo chmod 660 {path}`"),
        );
    } else if socket.is_root {
        "root may use it".to_owned()
    } else if owner == user && writes(0o200) {
        format!("{user} may use it as its owner")
    } else if socket.has_group && writes(0o020) {
        format!("{user} may use it through group {group}")
    } else {
        return closed(socket, &whose);
    };
    Finding::ok("socket", format!("{whose}; {through}"))
}

fn closed(socket: &SocketFacts, whose: &str) -> Finding {
    let SocketFacts { path, group, user, .. } = socket;
    if socket.has_group {
        let message = format!("{whose}, and its group may not write");
        return Finding::fail("socket", message, format!("`sudo chmod g+rw {path}`"));
    }
    if socket.is_member {
        return Finding::fail(
            "socket",
            format!("{whose}; {user} joined group {group} after this login"),
            format!("log in again, or `newgrp {group}` in this shell"),
        );
    }
    let help = if group == "root" {
        // The engine gives its socket to the group `docker` where there is one.
        format!(
            "`sudo groupadd -f docker && sudo usermod -aG docker {user}`, restart the engine, then \
             log in again"
        )
    } else {
        format!("`sudo usermod -aG {group} {user}`, then log in again or `newgrp {group}`")
    };
    Finding::fail("socket", format!("{whose}; {user} is not in group {group}"), help)
}
