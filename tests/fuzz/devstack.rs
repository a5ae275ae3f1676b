//! The part of devstack that turns text into a stack, compiled by itself: what it imports is held
//! down by the table in `src/lib.rs`, and without the engine's client the fuzzer builds in seconds.

#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/project/mod.rs"]
pub mod project;
#[path = "../../src/state/mod.rs"]
pub mod state;

/// Of the reports only the drawing of findings, which works on whatever text a finding is about.
#[path = "../../src/report"]
pub mod report {
    pub mod diagnostic;
}

pub mod exercise;

// The exercises name this crate from outside, as the ordinary tests do.
extern crate self as devstack;
