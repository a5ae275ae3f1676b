//! Log streams of containers, made into one: cut into lines, merged by the engine's timestamps,
//! understood, and written with a prefix. Pull-based throughout: a slow reader slows the engine
//! down, and nothing piles up or gets lost.
//!
//! ```text
//! frames of a container --line--> lines --batch--\
//! frames of a container --line--> lines --batch---+--merge (what is past) | follow (what comes)--> filter --> format
//! ```

mod batch;
mod line;

mod follow;
mod last;
mod merge;
mod resume;

mod escape;
mod level;
mod reading;

mod filter;
mod format;

pub use batch::batches;
pub use filter::{Filter, Wanted};
pub use follow::Follow;
pub use format::{Format, Options, Painters, Part, Style};
pub use last::Last;
pub use level::{Level, UnknownLevel};
pub use line::{Frame, FrameStream, LogLine, Source, lines};
pub use merge::merge;
pub use reading::{Reading, read};
pub use resume::Resume;

#[cfg(test)]
mod fixture;
