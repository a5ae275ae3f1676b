//! devstack: the stack on your own machine.

pub mod event;
pub mod plan;
pub mod project;
pub mod state;
