//! Carries a plan out: every step as soon as the steps before it have ended, no decisions.
//!
//! [`execute`] returns when all steps that began have ended; nothing is left running in the
//! background. What happens is told through a bounded channel of [`crate::event::Event`]s.

mod assumed;
mod attempts;
mod creation;
mod executor;
mod failure;
mod job;
mod lives;
mod probing;
mod stopping;
mod wait;

pub use attempts::complaint;
pub use executor::{Arrived, Limits, execute};
pub use failure::{
    ExecuteError, FailedHook, HalfMade, StepError, StepFailure, WaitFailure, WaitFailureReason,
};
pub use probing::probe_once;
pub use wait::last_lines;
