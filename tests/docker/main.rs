//! devstack on a real engine, driven as a person drives it.
//!
//! `cargo test --test docker -- --ignored` runs these tests; without an engine they fail and say
//! how to start one. What became of a command is read from the engine's own API, not from what
//! devstack says about it. Each test has a project, a folder and ports of its own, so that they
//! run at the same time, and leaves nothing behind.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test's output is for a person")]

mod application;
mod attached;
mod before_start;
mod build_errors;
mod calls;
mod checkouts;
mod container;
mod contract;
mod converge;
mod differential;
mod digests;
mod engine;
#[path = "../it/engine_contract.rs"]
mod engine_contract;
mod following;
mod gate;
mod images;
mod import;
mod interrupts;
mod language;
mod neighbours;
mod notes_journey;
mod packages;
mod ports;
mod refusals;
mod reload;
mod reload_alone;
mod reload_starts;
mod runner_any;
mod seeing;
mod settings;
mod support;
mod timings;
mod traps;
mod verbs;
mod waiting;
mod watch_limits;
mod watching;
