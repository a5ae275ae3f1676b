//! Images, networks and volumes.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Reconcile;
use super::options::{Conflict, ReconcileOptions};
use crate::event::Subject;
use crate::plan::graph::topological;
use crate::plan::step::{Cause, Operation, StepId};
use crate::project::{ImageRef, NamedContext, PullPolicy};
use crate::state::{ImageSpec, NetworkSpec, Observed, labels};

impl Reconcile<'_> {
    pub(super) fn images(&mut self) {
        for image in in_order(&self.desired.images) {
            self.warn_of_stale(image);
            match image_step(image, self.observed, self.options) {
                Ok(None) => {}
                Ok(Some((operation, cause))) => {
                    let subject = Subject::Image {
                        reference: image.reference.to_string(),
                        services: image.services.clone(),
                    };
                    let after = needed_images(image)
                        .filter_map(|needed| self.images.get(&needed).copied())
                        .collect();
                    let step = self.plan.push(operation, subject, cause, after);
                    self.images.insert(image.reference.familiar(), step);
                }
                Err(conflict) => self.conflicts.push(conflict),
            }
        }
    }

    fn warn_of_stale(&mut self, image: &ImageSpec) {
        let changes = stale(image, self.observed);
        if self.options.no_build && !changes.is_empty() {
            self.plan.warnings.push(format!(
                "image {} is out of date ({}) and `--no-build` leaves it so",
                image.reference,
                changes.join(", ")
            ));
        }
    }

    pub(super) fn networks(&mut self) {
        for spec in &self.desired.networks {
            let name = &spec.network.name;
            let found = self.observed.networks.iter().find(|network| network.name == *name);
            let create = match found {
                _ if is_builtin(name) && spec.network.external => continue,
                None if spec.network.external => {
                    self.conflicts.push(Conflict::MissingExternalNetwork(name.clone()));
                    continue;
                }
                Some(_) if spec.network.external => continue,
                Some(network)
                    if network.labels.get(labels::PROJECT) != spec.labels.get(labels::PROJECT) =>
                {
                    self.conflicts.push(Conflict::ForeignNetwork {
                        name: name.clone(),
                        project: self.desired.project.to_string(),
                    });
                    continue;
                }
                Some(network)
                    if network.labels.get(labels::CONFIG_HASH)
                        == spec.labels.get(labels::CONFIG_HASH) =>
                {
                    continue;
                }
                Some(network) => {
                    let id = network.id.clone();
                    self.replace_network(spec, id)
                }
                None => self.plan.push(
                    Operation::CreateNetwork(Arc::new(spec.clone())),
                    Subject::Network(name.clone()),
                    Cause::Missing,
                    Vec::new(),
                ),
            };
            self.networks.insert(name.clone(), create);
        }
    }

    /// A network cannot be changed while containers use it: those go first.
    fn replace_network(&mut self, spec: &NetworkSpec, id: String) -> StepId {
        let name = &spec.network.name;
        let cause = Cause::NetworkChanged(name.clone());
        let mut removals = Vec::new();
        for container in self.observed.containers_of(&self.desired.project) {
            if !container.networks.contains_key(name) {
                continue;
            }
            // An orphan or a surplus container may be going already.
            if let Some(removed) = self.removed.get(&container.name) {
                removals.push(*removed);
                continue;
            }
            match container.service() {
                Some(service) if self.desired.selected_services.contains(&service) => {
                    removals.push(self.remove(container, &service, cause.clone()));
                }
                Some(service) if self.desired.known_services.contains(&service) => {
                    self.conflicts.push(Conflict::NetworkInUse {
                        network: name.clone(),
                        container: container.name.clone(),
                    });
                }
                _ => self.conflicts.push(Conflict::NetworkOfOrphan {
                    network: name.clone(),
                    container: container.name.clone(),
                }),
            }
        }
        let subject = Subject::Network(name.clone());
        let changed = Cause::ConfigChanged(vec!["definition".to_owned()]);
        let removed = self.plan.push(
            Operation::RemoveNetwork { id },
            subject.clone(),
            changed.clone(),
            removals,
        );
        self.changed_networks.insert(name.clone());
        self.plan.push(
            Operation::CreateNetwork(Arc::new(spec.clone())),
            subject,
            changed,
            vec![removed],
        )
    }

    pub(super) fn volumes(&mut self) {
        for spec in &self.desired.volumes {
            let name = &spec.volume.name;
            let found = self.observed.volumes.iter().find(|volume| volume.name == *name);
            match found {
                None if spec.volume.external => {
                    self.conflicts.push(Conflict::MissingExternalVolume(name.clone()));
                }
                None => {
                    let step = self.plan.push(
                        Operation::CreateVolume(Arc::new(spec.clone())),
                        Subject::Volume(name.clone()),
                        Cause::Missing,
                        Vec::new(),
                    );
                    self.volumes.insert(name.clone(), step);
                }
                Some(_) if spec.volume.external => {}
                Some(volume)
                    if volume.labels.get(labels::PROJECT) != spec.labels.get(labels::PROJECT) =>
                {
                    self.conflicts.push(Conflict::ForeignVolume {
                        name: name.clone(),
                        project: self.desired.project.to_string(),
                    });
                }
                // Data outweighs a definition: the volume stays until the user throws it away.
                Some(volume)
                    if volume.labels.get(labels::CONFIG_HASH)
                        != spec.labels.get(labels::CONFIG_HASH) =>
                {
                    self.plan.warnings.push(format!(
                        "volume {name} keeps its data and its old definition; `devstack down -v` \
                         followed by `up` makes it anew"
                    ));
                }
                Some(_) => {}
            }
        }
    }
}

/// The images that a build names as its contexts.
fn needed_images(image: &ImageSpec) -> impl Iterator<Item = String> {
    image.build.iter().flat_map(|build| build.additional_contexts.values()).filter_map(|context| {
        match context {
            NamedContext::Image(reference) => {
                reference.parse::<ImageRef>().ok().map(|reference| reference.familiar())
            }
            _ => None,
        }
    })
}

/// Images such that each comes after those that its build needs.
fn in_order(images: &[ImageSpec]) -> Vec<&ImageSpec> {
    let by_name: IndexMap<String, &ImageSpec> =
        images.iter().map(|image| (image.reference.familiar(), image)).collect();
    let names: Vec<String> = by_name.keys().cloned().collect();
    let order = topological(&names, |name| needed_images(by_name[name]).collect());
    order.iter().map(|name| by_name[name]).collect()
}

pub(super) fn image_step(
    image: &ImageSpec,
    observed: &Observed,
    options: &ReconcileOptions,
) -> Result<Option<(Operation, Cause)>, Conflict> {
    let present = observed.image(&image.reference.familiar()).is_some();
    let missing = |reason| Conflict::MissingImage {
        image: image.reference.to_string(),
        service: image.services.first().cloned().expect("an image is listed for a service"),
        reason,
    };
    let requested = if present { Cause::Requested } else { Cause::Missing };
    let policy = options.pull.or(image.pull_policy);
    if image.build.is_some() {
        let changes = stale(image, observed);
        let cause = if present && !changes.is_empty() {
            Cause::BuildChanged(changes.clone())
        } else {
            requested
        };
        let asked = options.build || policy == Some(PullPolicy::Build);
        return match (!present || asked || !changes.is_empty(), options.no_build) {
            (true, false) => {
                let mut image = image.clone();
                if let Some(inputs) = &image.inputs {
                    image.record = inputs.record(observed);
                }
                Ok(Some((Operation::BuildImage(Arc::new(image)), cause)))
            }
            (true, true) if !present => Err(missing("`--no-build` forbids to build it")),
            _ => Ok(None),
        };
    }
    let pull = || Operation::PullImage(Arc::new(image.clone()));
    match policy.unwrap_or(PullPolicy::Missing) {
        PullPolicy::Always => Ok(Some((pull(), requested))),
        _ if present => Ok(None),
        PullPolicy::Never => Err(missing("`pull_policy: never` forbids to pull it")),
        PullPolicy::Build => Err(missing("`pull_policy: build` needs a `build` section")),
        PullPolicy::Missing => Ok(Some((pull(), requested))),
    }
}

/// Why an image that is there must be built again.
fn stale(image: &ImageSpec, observed: &Observed) -> Vec<String> {
    match (&image.inputs, observed.image(&image.reference.familiar())) {
        (Some(inputs), Some(found)) => inputs.changes(found, observed),
        _ => Vec::new(),
    }
}

fn is_builtin(network: &str) -> bool {
    matches!(network, "bridge" | "host" | "none")
}
