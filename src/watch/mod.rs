//! Files that change while the stack runs, and what follows from it.
//!
//! ```text
//! notify -> Tree (folders) -> Debounce (bursts) -> Contents (real changes) -> Batch
//! ```
//!
//! [`Source`] is a thread of its own that ends with a [`Batch`]: which files are others than
//! before. What a change means is decided by pure functions; nothing here changes a container.

mod contents;
pub mod control;
mod debounce;
mod git;
mod owner;
mod reader;
mod rules;
mod scope;
mod source;
mod sync;
mod tree;

pub use contents::ChangeKind;
pub use reader::{DiskIgnores, IgnoreReader};
pub use rules::{Decision, Meaning, Reaction, Rule, Then, Work, decide, place_in, rules};
pub use scope::Scope;
pub use source::{Batch, Change, Method, Polling, Source, Started, Told};
pub use sync::{Process, Replica, SyncError};
pub use tree::files_of;
