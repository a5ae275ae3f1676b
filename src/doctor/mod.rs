//! What may keep a stack from running on this machine: checks over facts, each with a verdict and
//! what to do. Pure: the facts come in as values, gathered by whoever asks.

mod engine;
mod facts;
mod machine;
mod network;
mod socket;
mod stack;

use serde::Serialize;

pub use facts::{
    EngineFacts, Facts, Inotify, MachineFacts, Neighbour, NetworkFacts, Registry, ServiceTrouble,
    SocketFacts, Space, StackFacts, Wsl,
};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check, such as `disk`.
    pub check: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is so.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but may not for long, or not well.
    Warn,
    /// It does not work.
    Fail,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, message: message.into(), help: None }
    }

    fn warn(check: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), Some(help.into()));
        Self { check, verdict: Verdict::Warn, message, help }
    }

    fn fail(check: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, message, help) }
    }
}

/// Examines everything that is known, in the order in which one would look for a fault.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = engine::examine(facts);
    findings.extend(socket::examine(facts));
    findings.extend(machine::examine(facts));
    findings.extend(network::examine(facts));
    findings.extend(stack::examine(facts));
    findings
}

/// A size for a person: `1.5 GiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn size(bytes: u64) -> String {
    const MEBI: f64 = 1024.0 * 1024.0;
    let mebibytes = bytes as f64 / MEBI;
    if mebibytes < 1024.0 {
        format!("{mebibytes:.0} MiB")
    } else {
        format!("{:.1} GiB", mebibytes / 1024.0)
    }
}

#[cfg(test)]
mod tests;
