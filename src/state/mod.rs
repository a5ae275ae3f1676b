//! What should be on the engine, and what is there.
//!
//! [`desired`] lowers a project to resources with names, labels and digests; [`observed`] is one
//! snapshot of the engine. [`crate::plan`] compares the two. No I/O here.

mod build_inputs;
pub mod desired;
pub mod drift;
pub mod facets;
pub mod hash;
mod images;
pub mod labels;
pub mod observed;
mod pre_start;
pub mod runner;

pub use build_inputs::{BuildInputs, InputFile};
pub use desired::{
    ContainerSpec, DEFAULT_STOP_GRACE, Desired, ImageSpec, InjectedFile, NetworkSpec, VolumeSpec,
    lower,
};
pub use hash::{ContentDigests, FieldDigests};
pub use observed::{
    ContainerId, ContainerState, Health, Observed, ObservedContainer, ObservedImage, ObservedMount,
    ObservedNetwork, ObservedPort, ObservedVolume, SeenRunning, is_anonymous,
};
