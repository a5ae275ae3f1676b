//! Everything that needs no Docker Engine: planning, execution and properties on the engine in
//! memory, the built binary, and the rules of the source tree itself.

mod broken;
mod cli;
mod config;
mod contract;
mod drift;
mod engine_contract;
mod executor;
mod graph;
mod hostile;
mod init;
mod language;
mod layering;
mod plan;
mod properties;
mod round_trip;
mod schema;
mod stopping;
mod support;
mod urgency;
mod waiting;
