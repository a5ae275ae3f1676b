//! What to do, decided purely: [`reconcile()`] compares what should be with what is, [`teardown`]
//! and [`lifecycle`] plan the other verbs. The result is data: a DAG of single engine calls, each
//! with its cause. Nothing here waits, asks or prints.

mod auto_ports;
mod display;
mod graph;
mod hooks;
mod identity;
pub mod lifecycle;
mod ports;
mod reconcile;
pub mod reset;
mod step;
pub mod teardown;
mod urgency;

pub use auto_ports::{MovedPort, choose_ports};
pub use graph::topological;
pub use hooks::weave;
pub use identity::{Identity, IdentityReason, Place, identity};
pub use ports::{PortConflict, PortOwner, WantedPort, wanted_ports};
pub use reconcile::{
    Conflict, ReconcileOptions, Recreate, images_only, needs_images_first, reconcile,
};
pub use step::{AwaitFor, Cause, ContainerRef, Operation, Plan, Step, StepId};
pub(crate) use urgency::Vanguard;
