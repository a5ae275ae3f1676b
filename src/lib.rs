//! devstack brings a stack of containers up on a developer's own machine: it reads Compose files
//! (and what devstack adds to them), compares them with what the Docker Engine has, carries the
//! difference out, and waits until every service can really be used.
//!
//! # The pipeline
//!
//! ```text
//! files --config--> Project --state::lower--> Desired --\
//!                                                        +--plan::reconcile--> Plan --execute--> Event --report--> tty | plain | json
//!                      Engine::observe ----> Observed --/
//! ```
//!
//! Everything up to the [`plan::Plan`] is synchronous and pure: files and environment come in as
//! values, the result is data that can be printed (`--dry-run`) and compared (tests). Three
//! modules touch the world: [`engine`] the Docker Engine, [`os`] the machine, [`ready`] the
//! services themselves.
//!
//! # Code map, in reading order
//!
//! | module | what it is | may import |
//! |---|---|---|
//! | [`project`] | the resolved model; its `Serialize` is Compose's canonical form | - |
//! | [`config`] | text to `Project`: a tree of nodes that know their place ([`config::load`]), then types ([`config::decode`]); every finding is a [`config::diagnostic::Diagnostic`] | `project` |
//! | [`init`] | what `devstack init` writes: a stack for an application, or out of a Compose file | `config`, `project` |
//! | [`state`] | what should be on the engine and what is there; labels and digests; the reload runners (`templates/runner`, `templates/runner-any`) that containers get | `project` |
//! | [`event`] | what happens during a run, as plain data | `project` |
//! | [`plan`] | decisions: a DAG of single engine calls, each with its cause | `state`, `event`, `project` |
//! | [`engine`] | the trait, bollard behind it, and a fake for tests | `state`, `event`, `project`, `os` |
//! | [`ready`] | one attempt to use a service in its own protocol | `project` |
//! | [`execute`] | walks a plan; waits for containers | `plan`, `engine`, `ready`, `event`, `state`, `project` |
//! | [`timing`] | where the time went: steps with times, the critical path, earlier runs | `event` |
//! | [`logs`] | log streams made into one | `project` |
//! | [`doctor`] | what may keep a stack from running here: checks over observed facts | - |
//! | [`explain`] | what a known failure means and what to do, by its log | - |
//! | [`watch`] | files that change while the stack runs: which, and what follows | `engine`, `state`, `project`, `os` |
//! | [`report`] | what a person sees: live board, plain lines, JSON, charts, tables, diagnostics | `event`, `timing`, `config`, `project`, `plan` |
//! | [`os`] | files, ports, signals, terminal facts | `state`, `doctor`, `project` |
//! | [`cli`] | one file per command, and what commands share | everything; nobody imports it |
//!
//! A test (`tests/it/layering.rs`) holds the table against the imports.
//!
//! # Invariants
//!
//! - Nothing on the engine is changed or removed that does not carry the project's label. Other
//!   resources are only looked at, for conflicts of names and ports.
//! - The engine is the only state: there is no state file, and the times of earlier runs in the
//!   user's cache folder decide nothing. Labels hold a digest per field, never
//!   a value, so that a later run can say *which* field changed.
//! - A project's name belongs to the folder that its resources are labelled with ([`plan::identity`]):
//!   two checkouts of the same files never share anything by accident.
//! - A plan is decided from one snapshot. Whatever interrupts its execution leaves a state from
//!   which the next `up` or `down` gets to the goal.
//! - A short call to the engine is never abandoned half-way; pulls, builds and waits can be.
//! - Engine events only wake a wait; the truth is read from the container itself. Only what this
//!   very run has started is taken to run until an event says otherwise.
//! - A probe reaches a container through its bridge's interface or a published port of this
//!   machine, so that no packet for an address that is gone leaves by the default route.
//! - Secrets have a type ([`project::Secret`]) that hides them, and text from elsewhere is
//!   redacted before it is shown in an error.
//! - What a container holds at its door never depends on devstack staying alive: a door is closed
//!   only for the start that devstack makes, and every later run opens it.
//! - stdout is data, stderr is everything else.

pub mod project;

pub mod config;

pub mod init;

pub mod state;

pub mod event;
pub mod plan;

pub mod engine;
pub mod ready;

pub mod execute;

pub mod timing;

pub mod doctor;
pub mod explain;
pub mod logs;
pub mod report;
pub mod watch;

pub mod os;

pub mod cli;
