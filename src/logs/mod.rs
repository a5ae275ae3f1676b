//! Log streams of containers, made into one: cut into lines, merged by the engine's timestamps,
//! and written with a prefix. Pull-based throughout: a slow reader slows the engine down, and
//! nothing piles up or gets lost.
//!
//! ```text
//! frames of a container --line--> lines --\
//! frames of a container --line--> lines ---+--merge (what is past) | follow (what comes)--> format
//! ```

mod line;

mod follow;
mod merge;

mod format;

pub use follow::Follow;
pub use format::{Format, Options};
pub use line::{Frame, FrameStream, LogLine, Source, lines};
pub use merge::merge;

#[cfg(test)]
mod fixture;
