//! devstack: the stack on your own machine.

pub mod engine;
pub mod event;
pub mod execute;
pub mod os;
pub mod plan;
pub mod project;
pub mod ready;
pub mod state;
