//! Where the time of a command went: folds its events into steps with times, finds the chain of
//! steps that made it last as long as it did, and compares a run with earlier ones.
//!
//! ```text
//! Event + time --> Recording --> spans, critical path, advice   (one run)
//!                            --> Run --> lines of a history     (many runs)
//! ```
//!
//! Pure: the time of an event comes in, nothing is written or drawn here.

mod critical;
mod history;
mod recording;
mod span;

#[cfg(test)]
pub(crate) mod fixture;

pub use critical::{Advice, advice, critical_path};
pub use history::{Boot, From, History, Run, Slower, Usual};
pub use recording::{Mark, Part, PartKind, Recording, Step};
pub use span::{Span, What, spans};
