//! Compares what should be with what is and plans the difference.
//!
//! Images, networks and volumes first, then containers in the order of their dependencies; a step
//! refers to the steps that it must wait for.

mod containers;
mod options;
mod order;
mod resources;

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::step::{Plan, StepId};
use crate::project::ServiceName;
use crate::state::{Desired, Observed};

pub use options::{Conflict, ReconcileOptions, Recreate};
use order::Outcome;
use resources::image_step;

/// Whether images must be made before anything can be decided: a build or pull was asked for, and
/// containers of these images exist that may have to follow.
#[must_use]
pub fn needs_images_first(
    desired: &Desired,
    observed: &Observed,
    options: &ReconcileOptions,
) -> bool {
    desired.images.iter().any(|image| {
        image_step(image, observed, options).is_ok_and(|step| step.is_some())
            && observed.containers_of(&desired.project).any(|container| {
                container.service().is_some_and(|service| image.services.contains(&service))
            })
    })
}

/// Plans the images alone: for `build`, `pull` and for runs whose containers depend on the outcome.
///
/// # Errors
/// Images that can neither be built nor pulled.
pub fn images_only(
    desired: &Desired,
    observed: &Observed,
    options: &ReconcileOptions,
) -> Result<Plan, Vec<Conflict>> {
    let mut run = Reconcile::new(desired, observed, options);
    run.images();
    run.finish()
}

/// Plans how to get from `observed` to `desired`. All conflicts are found, not only the first.
///
/// # Errors
/// What is in the way and not ours; nothing has been done then.
pub fn reconcile(
    desired: &Desired,
    observed: &Observed,
    options: &ReconcileOptions,
) -> Result<Plan, Vec<Conflict>> {
    let mut run = Reconcile::new(desired, observed, options);
    run.images();
    run.removals();
    run.networks();
    run.volumes();
    run.containers();
    run.finish()
}

struct Reconcile<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    options: &'a ReconcileOptions,
    plan: Plan,
    conflicts: Vec<Conflict>,
    /// Steps that make an image, by familiar reference.
    images: HashMap<String, StepId>,
    /// Steps that make a network, by name.
    networks: HashMap<String, StepId>,
    /// Networks that are made again because their definition changed, by name.
    changed_networks: HashSet<String>,
    /// Steps that remove a container, by the container's name.
    removed: HashMap<String, StepId>,
    /// Steps that stop a container before anything else is known of it, by the container's name.
    stopped: HashMap<String, StepId>,
    /// Steps that give a container another name for the time being, by the name that it had.
    freed: HashMap<String, StepId>,
    /// Steps that make a volume, by name.
    volumes: HashMap<String, StepId>,
    /// What became of each service's containers so far.
    services: IndexMap<ServiceName, Vec<Outcome>>,
}

impl<'a> Reconcile<'a> {
    fn new(desired: &'a Desired, observed: &'a Observed, options: &'a ReconcileOptions) -> Self {
        Self {
            desired,
            observed,
            options,
            plan: Plan::default(),
            conflicts: Vec::new(),
            images: HashMap::new(),
            networks: HashMap::new(),
            changed_networks: HashSet::new(),
            removed: HashMap::new(),
            stopped: HashMap::new(),
            freed: HashMap::new(),
            volumes: HashMap::new(),
            services: IndexMap::new(),
        }
    }

    fn finish(self) -> Result<Plan, Vec<Conflict>> {
        if self.conflicts.is_empty() { Ok(self.plan) } else { Err(self.conflicts) }
    }
}
