//! Whether a service can really be used, asked in the service's own protocol.
//!
//! [`check`] makes one attempt over the network and returns a typed [`ProbeState`]. There is no
//! loop here: [`crate::execute`] decides when to ask again (at the [`Pace`]) and stops at
//! once when the container dies. Probes that need the engine (log, exec, health check) are not
//! known here.
//!
//! Each protocol is a pure codec and a short conversation over any byte stream. No secret ever
//! reaches a state, an error or a log line.

mod amqp;
mod http;
mod pace;
mod postgres;
mod probe;
mod redis;
#[cfg(test)]
mod script;
mod state;
mod target;
mod tcp;
mod wire;

pub use pace::{Pace, delay};
pub use probe::{NeedsEngine, NetworkProbe, check};
pub use state::{ProbeState, Reason};
pub use target::{Target, connect};
