//! What a person sees of a run, and how tables and colours look. Takes in [`crate::event::Event`]s
//! and data; never asks the engine, the clock or the environment for anything.
//!
//! ```text
//! Event --> tty    board (fold) -> rows -> canvas (columns, colours) -> terminal
//!       --> plain  one line for each change of state
//!       --> json   one object for each event
//! ```
//!
//! What a run was like afterwards is drawn by `gantt` and written by `trace`.
//!
//! All of it goes to stderr: stdout is for data.

pub mod diagnostic;
pub mod diagnostic_json;
mod reporter;

mod board;
mod build;
mod canvas;
mod pull;
mod resources;
mod row;
mod screen;
mod tty;

mod build_lines;
mod plain;
mod said;

mod json;

mod gantt;
mod trace;

mod colour;
mod graph;
mod label;
mod table;
mod watch;
mod wording;

#[cfg(test)]
mod fixture;

pub use colour::{Paint, Palette, Tone};
pub use gantt::{advice_line, gantt};
pub use graph::{GraphFormat, graph};
pub use json::timings_object;
pub use reporter::{ProgressMode, Reporter, TerminalFacts, reporter};
pub use table::{Cell, Column, Table, rows_on_terminal};
pub use trace::trace;
pub use watch::{watch_json, watch_text};
pub use wording::{duration, quoted};
