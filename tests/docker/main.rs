//! devstack on a real engine, driven as a person drives it.
//!
//! `cargo test --test docker -- --ignored` runs these tests; without an engine they fail and say
//! how to start one. What became of a command is read from the engine's own API, not from what
//! devstack says about it. Each test has a project, a folder and ports of its own, so that they
//! run at the same time, and leaves nothing behind.

#![cfg(unix)]

mod container;
mod converge;
mod engine;
mod images;
mod interrupts;
mod neighbours;
mod notes_journey;
mod ports;
mod support;
mod waiting;
