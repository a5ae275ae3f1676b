//! What a person sees of a run, and how tables and colours look. Takes in [`crate::event::Event`]s
//! and data; never asks the engine, the clock or the environment for anything.
//!
//! ```text
//! Event --> tty    board (fold) -> rows -> canvas (columns, colours) -> terminal
//!       --> plain  one line for each change of state
//!       --> json   one object for each event
//! ```
//!
//! All of it goes to stderr: stdout is for data.

mod reporter;

mod tty;
mod board;
mod row;
mod resources;
mod pull;
mod build;
mod canvas;

mod plain;
mod said;
mod build_lines;

mod json;

mod colour;
mod label;
mod table;
mod wording;

pub use colour::{Palette, Tone};
pub use reporter::{ProgressMode, Reporter, TerminalFacts, reporter};
pub use table::{Cell, Column, Table};
