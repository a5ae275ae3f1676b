//! devstack: the stack on your own machine.

pub mod cli;
pub mod config;
pub mod engine;
pub mod event;
pub mod execute;
pub mod logs;
pub mod os;
pub mod plan;
pub mod project;
pub mod ready;
pub mod report;
pub mod state;
