//! Compares what should be with what is and plans the difference.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::graph::topological;
use super::step::{AwaitFor, Cause, ContainerRef, Operation, Plan, StepId};
use crate::event::Subject;
use crate::project::{DependsOnCondition, Duration, PullPolicy, RestartPolicy, ServiceName};
use crate::state::{
    ContainerSpec, ContainerState, Desired, Health, ImageSpec, NetworkSpec, Observed,
    ObservedContainer, labels,
};

/// What the user asked for beyond the files.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// Which containers to make again.
    pub recreate: Recreate,
    /// Build images even if they are there.
    pub build: bool,
    /// Never build.
    pub no_build: bool,
    /// When to pull, over the services' own policies.
    pub pull: Option<PullPolicy>,
    /// Start containers, not only make them.
    pub start: bool,
    /// Wait for every service at the end, not only where another one needs it.
    pub wait: bool,
    /// Remove containers that no service of the file has.
    pub remove_orphans: bool,
    /// Make anonymous volumes anew instead of handing them to the new container.
    pub renew_anonymous_volumes: bool,
    /// Grace period for containers that are replaced, over their own setting.
    pub grace: Option<Duration>,
}

/// Which existing containers to make again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreate {
    /// Those whose definition or image changed.
    Changed,
    /// All.
    Force,
    /// None.
    Never,
}

/// Something on the engine that stands in the way and is not ours to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A container of that name is not this service's.
    #[error("container name `{name}` is already used by {owner}")]
    ContainerName {
        /// The name.
        name: String,
        /// Who has it.
        owner: String,
    },
    /// A network of that name was not made by this project.
    #[error("network `{name}` exists but does not belong to project `{project}`")]
    ForeignNetwork {
        /// The name.
        name: String,
        /// This project.
        project: String,
    },
    /// A volume of that name was not made by this project.
    #[error("volume `{name}` exists but does not belong to project `{project}`")]
    ForeignVolume {
        /// The name.
        name: String,
        /// This project.
        project: String,
    },
    /// An external network is not there.
    #[error("external network `{0}` does not exist")]
    MissingExternalNetwork(String),
    /// An external volume is not there.
    #[error("external volume `{0}` does not exist")]
    MissingExternalVolume(String),
    /// An image is not there and must not be pulled or built.
    #[error("image `{image}` of service `{service}` is not on this engine, and {reason}")]
    MissingImage {
        /// The reference.
        image: String,
        /// Who runs it.
        service: ServiceName,
        /// Which setting forbids to get it.
        reason: &'static str,
    },
    /// A changed network is used by a service that this run leaves out.
    #[error("network `{network}` changed, but `{container}` uses it and is not part of this run")]
    NetworkInUse {
        /// The network.
        network: String,
        /// The container.
        container: String,
    },
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self {
            recreate: Recreate::Changed,
            build: false,
            no_build: false,
            pull: None,
            start: true,
            wait: true,
            remove_orphans: false,
            renew_anonymous_volumes: false,
            grace: None,
        }
    }
}

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
    /// Changed networks: the removals of the containers that use them.
    changed_networks: HashMap<String, Vec<StepId>>,
    /// Steps that make a volume, by name.
    volumes: HashMap<String, StepId>,
    /// What became of each service's containers so far.
    services: IndexMap<ServiceName, Vec<Outcome>>,
}

/// What the plan does with one container.
struct Outcome {
    container: ContainerRef,
    spec: Arc<ContainerSpec>,
    subject: Subject,
    /// The step after which it runs; `None` when it runs already or is not to be started.
    started: Option<StepId>,
    /// How it was observed, when it stays.
    kept: Option<(ContainerState, Option<Health>)>,
    /// Whether it is new, was made again or is started again.
    touched: bool,
    awaits: HashMap<AwaitFor, StepId>,
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
            changed_networks: HashMap::new(),
            volumes: HashMap::new(),
            services: IndexMap::new(),
        }
    }

    fn finish(self) -> Result<Plan, Vec<Conflict>> {
        if self.conflicts.is_empty() { Ok(self.plan) } else { Err(self.conflicts) }
    }

    fn images(&mut self) {
        for image in &self.desired.images {
            match image_step(image, self.observed, self.options) {
                Ok(None) => {}
                Ok(Some((operation, cause))) => {
                    let subject = Subject::Image {
                        reference: image.reference.to_string(),
                        services: image.services.clone(),
                    };
                    let step = self.plan.push(operation, subject, cause, Vec::new());
                    self.images.insert(image.reference.familiar(), step);
                }
                Err(conflict) => self.conflicts.push(conflict),
            }
        }
    }

    /// Orphans and containers beyond a service's scale.
    fn removals(&mut self) {
        let mut orphans = Vec::new();
        for container in self.observed.containers_of(&self.desired.project) {
            let Some(service) = container.service() else { continue };
            if !self.desired.known_services.contains(&service) {
                if self.options.remove_orphans {
                    self.remove(container, &service, Cause::Orphan);
                } else {
                    orphans.push(container.name.clone());
                }
                continue;
            }
            let selected = self.desired.containers.iter().any(|spec| spec.service.name == service);
            let wanted = self
                .desired
                .containers
                .iter()
                .any(|spec| spec.service.name == service && spec.number == container.number());
            if selected && !wanted {
                self.remove(container, &service, Cause::ScaledDown);
            }
        }
        if !orphans.is_empty() {
            self.plan.warnings.push(format!(
                "no service of the file has {}; remove with `--remove-orphans`",
                orphans.join(", ")
            ));
        }
    }

    /// Stops (when it runs) and removes a container; returns the removal.
    fn remove(
        &mut self,
        container: &ObservedContainer,
        service: &ServiceName,
        cause: Cause,
    ) -> StepId {
        let subject = Subject::Container { service: service.clone(), name: container.name.clone() };
        let after = if container.state.is_running() {
            vec![self.plan.push(
                Operation::StopContainer { id: container.id.clone(), grace: self.options.grace },
                subject.clone(),
                cause.clone(),
                Vec::new(),
            )]
        } else {
            Vec::new()
        };
        self.plan.push(
            Operation::RemoveContainer { id: container.id.clone(), anonymous_volumes: false },
            subject,
            cause,
            after,
        )
    }

    fn networks(&mut self) {
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
            let service = container.service();
            match service {
                Some(service)
                    if self.desired.containers.iter().any(|spec| spec.service.name == service) =>
                {
                    removals.push(self.remove(container, &service, cause.clone()));
                }
                _ => self.conflicts.push(Conflict::NetworkInUse {
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
            removals.clone(),
        );
        self.changed_networks.insert(name.clone(), removals);
        self.plan.push(
            Operation::CreateNetwork(Arc::new(spec.clone())),
            subject,
            changed,
            vec![removed],
        )
    }

    fn volumes(&mut self) {
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

    fn containers(&mut self) {
        let mut by_service: IndexMap<ServiceName, Vec<Arc<ContainerSpec>>> = IndexMap::new();
        for spec in &self.desired.containers {
            by_service.entry(spec.service.name.clone()).or_default().push(Arc::clone(spec));
        }
        let names: Vec<ServiceName> = by_service.keys().cloned().collect();
        let order = topological(&names, |name| {
            by_service[name][0].service.depends_on.keys().cloned().collect()
        });
        for name in &order {
            for spec in &by_service[name] {
                let outcome = self.container(spec);
                self.services.entry(name.clone()).or_default().push(outcome);
            }
        }
        if self.options.wait && self.options.start {
            for name in &order {
                for index in 0..self.services[name].len() {
                    self.final_wait(name, index);
                }
            }
        }
    }

    fn container(&mut self, spec: &Arc<ContainerSpec>) -> Outcome {
        let subject =
            Subject::Container { service: spec.service.name.clone(), name: spec.name.clone() };
        if let Some(owner) = self.foreign_owner(spec) {
            self.conflicts.push(Conflict::ContainerName { name: spec.name.clone(), owner });
        }
        let removed_with_network = self.removed_with_network(spec);
        let mut candidates: Vec<&ObservedContainer> = self
            .observed
            .containers_of(&self.desired.project)
            .filter(|container| {
                container.service().as_ref() == Some(&spec.service.name)
                    && container.number() == spec.number
                    && !removed_with_network
            })
            .collect();
        // The best match is kept; whatever an interrupted run left beside it goes.
        candidates.sort_by_key(|container| {
            let changed = self.change(spec, container).is_some();
            (
                changed,
                !container.state.is_running(),
                container.name != spec.name,
                -container.created,
            )
        });
        let mut candidates = candidates.into_iter();
        let Some(kept) = candidates.next() else {
            let cause =
                match spec.networks.keys().find(|name| self.changed_networks.contains_key(*name)) {
                    Some(network) if removed_with_network => Cause::NetworkChanged(network.clone()),
                    _ => Cause::Missing,
                };
            let create = self.create(spec, spec.name.clone(), Vec::new(), cause.clone(), &[]);
            let started =
                self.start(spec, ContainerRef::CreatedBy(create), &subject, cause, vec![create]);
            return Outcome {
                container: ContainerRef::CreatedBy(create),
                spec: Arc::clone(spec),
                subject,
                started,
                kept: None,
                touched: true,
                awaits: HashMap::new(),
            };
        };
        let leftovers: Vec<StepId> = candidates
            .map(|leftover| self.remove(leftover, &spec.service.name, Cause::Leftover))
            .collect();
        match self.change(spec, kept) {
            Some(cause) => self.recreate(spec, kept, cause, &leftovers, subject),
            None => self.keep(spec, kept, &leftovers, subject),
        }
    }

    fn removed_with_network(&self, spec: &ContainerSpec) -> bool {
        self.observed.containers_of(&self.desired.project).any(|container| {
            container.service().as_ref() == Some(&spec.service.name)
                && container.networks.keys().any(|name| self.changed_networks.contains_key(name))
        })
    }

    fn foreign_owner(&self, spec: &ContainerSpec) -> Option<String> {
        let owner =
            self.observed.containers.iter().find(|container| container.name == spec.name)?;
        let ours = owner.belongs_to(&self.desired.project)
            && !owner.is_one_off()
            && owner.service().is_some_and(|service| {
                // A renamed service's old container is an orphan; it may go with this very run.
                service == spec.service.name
                    || (self.options.remove_orphans
                        && !self.desired.known_services.contains(&service))
            });
        if ours {
            return None;
        }
        Some(match owner.labels.get(labels::PROJECT) {
            Some(project) if *project == self.desired.project.as_str() => {
                format!("another container of this project ({})", owner.id)
            }
            Some(project) => format!("project `{project}` ({})", owner.id),
            None => format!("a container that no project owns ({})", owner.id),
        })
    }

    /// Why an existing container must be made again; `None` when it can stay.
    fn change(&self, spec: &ContainerSpec, container: &ObservedContainer) -> Option<Cause> {
        match self.options.recreate {
            Recreate::Force => return Some(Cause::Requested),
            Recreate::Never => return None,
            Recreate::Changed => {}
        }
        let changed = spec.digests.changed_since(&container.digests());
        if !changed.is_empty() {
            return Some(Cause::ConfigChanged(changed));
        }
        if let Some(image) = self.observed.image(&spec.service.image.familiar())
            && image.id != container.image_id
        {
            return Some(Cause::ImageChanged);
        }
        if let Some(missing) =
            spec.networks.keys().find(|name| !container.networks.contains_key(*name))
        {
            return Some(Cause::NetworkChanged(missing.clone()));
        }
        None
    }

    fn keep(
        &mut self,
        spec: &Arc<ContainerSpec>,
        kept: &ObservedContainer,
        leftovers: &[StepId],
        subject: Subject,
    ) -> Outcome {
        let container = ContainerRef::Existing(kept.id.clone());
        let mut after = leftovers.to_vec();
        if kept.name != spec.name {
            after.push(self.plan.push(
                Operation::RenameContainer {
                    container: container.clone(),
                    name: spec.name.clone(),
                },
                subject.clone(),
                Cause::Leftover,
                leftovers.to_vec(),
            ));
        }
        let finished = kept.state == ContainerState::Exited { code: 0 } && self.is_one_shot(spec);
        let started = if kept.state.is_running() || finished {
            None
        } else {
            self.start(spec, container.clone(), &subject, Cause::NotRunning, after)
        };
        let restarted = if kept.state == ContainerState::Running {
            self.restart_with_dependency(spec, kept, &subject)
        } else {
            None
        };
        if started.is_none() && restarted.is_none() {
            self.plan.unchanged.push(subject.clone());
        }
        let touched = started.is_some() || restarted.is_some();
        Outcome {
            container,
            spec: Arc::clone(spec),
            subject,
            started: restarted.or(started),
            kept: (!touched).then_some((kept.state, kept.health)),
            touched,
            awaits: HashMap::new(),
        }
    }

    /// Services for whose completion another one waits are not run again once they succeeded.
    fn is_one_shot(&self, spec: &ContainerSpec) -> bool {
        self.desired.containers.iter().any(|other| {
            other.service.depends_on.get(&spec.service.name).is_some_and(|dependency| {
                dependency.condition == DependsOnCondition::ServiceCompletedSuccessfully
            })
        })
    }

    fn restart_with_dependency(
        &mut self,
        spec: &ContainerSpec,
        kept: &ObservedContainer,
        subject: &Subject,
    ) -> Option<StepId> {
        let restarted = spec
            .service
            .depends_on
            .iter()
            .filter(|(_, dependency)| dependency.restart)
            .map(|(name, _)| name)
            .find(|name| {
                self.services
                    .get(*name)
                    .is_some_and(|outcomes| outcomes.iter().any(|outcome| outcome.touched))
            })?
            .clone();
        let after = self.dependencies(spec);
        Some(self.plan.push(
            Operation::RestartContainer { id: kept.id.clone(), grace: self.options.grace },
            subject.clone(),
            Cause::DependencyRestarted(restarted),
            after,
        ))
    }

    fn recreate(
        &mut self,
        spec: &Arc<ContainerSpec>,
        old: &ObservedContainer,
        cause: Cause,
        leftovers: &[StepId],
        subject: Subject,
    ) -> Outcome {
        let inherit = if self.options.renew_anonymous_volumes {
            Vec::new()
        } else {
            anonymous_volumes(spec, old)
        };
        // The successor is made beside the old container, so that a failure leaves the old one.
        let temporary = format!("{}_{}", old.id.short(), spec.name);
        let create = self.create(spec, temporary, inherit, cause.clone(), leftovers);
        let mut after = vec![create];
        if old.state.is_running() {
            after = vec![self.plan.push(
                Operation::StopContainer { id: old.id.clone(), grace: self.options.grace },
                subject.clone(),
                cause.clone(),
                after,
            )];
        }
        let removed = self.plan.push(
            Operation::RemoveContainer { id: old.id.clone(), anonymous_volumes: false },
            subject.clone(),
            cause.clone(),
            after,
        );
        let container = ContainerRef::CreatedBy(create);
        let renamed = self.plan.push(
            Operation::RenameContainer { container: container.clone(), name: spec.name.clone() },
            subject.clone(),
            Cause::Replaces,
            vec![removed],
        );
        let started = self.start(spec, container.clone(), &subject, cause, vec![renamed]);
        Outcome {
            container,
            spec: Arc::clone(spec),
            subject,
            started,
            kept: None,
            touched: true,
            awaits: HashMap::new(),
        }
    }

    fn create(
        &mut self,
        spec: &Arc<ContainerSpec>,
        name: String,
        inherit: Vec<(String, String)>,
        cause: Cause,
        leftovers: &[StepId],
    ) -> StepId {
        let mut after = leftovers.to_vec();
        after.extend(self.images.get(&spec.service.image.familiar()));
        after.extend(spec.networks.keys().filter_map(|network| self.networks.get(network)));
        after.extend(spec.volume_names.values().filter_map(|volume| self.volumes.get(volume)));
        // A namespace is joined by the name of the container that owns it.
        for mode in [&spec.network_mode, &spec.pid_mode, &spec.ipc_mode].into_iter().flatten() {
            if let Some(owner) = mode.strip_prefix("container:") {
                after.extend(
                    self.services
                        .values()
                        .flatten()
                        .filter(|o| o.spec.name == owner)
                        .filter_map(|o| o.started),
                );
            }
        }
        after.sort_unstable();
        after.dedup();
        let subject =
            Subject::Container { service: spec.service.name.clone(), name: spec.name.clone() };
        self.plan.push(
            Operation::CreateContainer { spec: Arc::clone(spec), name, inherit },
            subject,
            cause,
            after,
        )
    }

    fn start(
        &mut self,
        spec: &Arc<ContainerSpec>,
        container: ContainerRef,
        subject: &Subject,
        cause: Cause,
        mut after: Vec<StepId>,
    ) -> Option<StepId> {
        if !self.options.start {
            return None;
        }
        after.extend(self.dependencies(spec));
        after.sort_unstable();
        after.dedup();
        Some(self.plan.push(Operation::StartContainer { container }, subject.clone(), cause, after))
    }

    /// The steps that must have ended before a container may start: its dependencies' conditions.
    fn dependencies(&mut self, spec: &ContainerSpec) -> Vec<StepId> {
        let mut steps = Vec::new();
        for (name, dependency) in &spec.service.depends_on {
            let count = self.services.get(name).map_or(0, Vec::len);
            for index in 0..count {
                let condition = match dependency.condition {
                    DependsOnCondition::ServiceStarted => None,
                    DependsOnCondition::ServiceHealthy => Some(AwaitFor::Ready),
                    DependsOnCondition::ServiceCompletedSuccessfully => Some(AwaitFor::Completed),
                };
                let step = match condition {
                    None => self.services[name][index].started,
                    Some(condition) => self.await_container(
                        name,
                        index,
                        condition,
                        Cause::NeededBy(spec.service.name.clone()),
                    ),
                };
                steps.extend(step);
            }
        }
        steps
    }

    fn final_wait(&mut self, name: &ServiceName, index: usize) {
        let outcome = &self.services[name][index];
        let waited = outcome.awaits.contains_key(&AwaitFor::Ready)
            || outcome.awaits.contains_key(&AwaitFor::Completed);
        if !waited {
            self.await_container(name, index, AwaitFor::ReadyOrFinished, Cause::Requested);
        }
    }

    /// The step that waits for a container; `None` when it already is as needed.
    fn await_container(
        &mut self,
        name: &ServiceName,
        index: usize,
        condition: AwaitFor,
        cause: Cause,
    ) -> Option<StepId> {
        let outcome = &self.services[name][index];
        if let Some(step) = outcome.awaits.get(&condition) {
            return Some(*step);
        }
        if outcome
            .kept
            .is_some_and(|(state, health)| satisfied(&outcome.spec, state, health, condition))
        {
            return None;
        }
        let after = outcome.started.into_iter().collect();
        let step = self.plan.push(
            Operation::AwaitContainer {
                container: outcome.container.clone(),
                spec: Arc::clone(&outcome.spec),
                condition,
            },
            outcome.subject.clone(),
            cause,
            after,
        );
        self.services[name][index].awaits.insert(condition, step);
        Some(step)
    }
}

/// Whether an unchanged container needs no waiting, by the snapshot alone.
fn satisfied(
    spec: &ContainerSpec,
    state: ContainerState,
    health: Option<Health>,
    condition: AwaitFor,
) -> bool {
    let finished = state == ContainerState::Exited { code: 0 };
    match condition {
        AwaitFor::Completed => finished,
        AwaitFor::ReadyOrFinished if finished => spec.service.restart != RestartPolicy::Always,
        AwaitFor::Ready | AwaitFor::ReadyOrFinished => {
            state == ContainerState::Running
                && match health {
                    Some(health) => health == Health::Healthy,
                    None => spec.service.ready.is_none(),
                }
        }
    }
}

fn image_step(
    image: &ImageSpec,
    observed: &Observed,
    options: &ReconcileOptions,
) -> Result<Option<(Operation, Cause)>, Conflict> {
    let present = observed.image(&image.reference.familiar()).is_some();
    let cause = if present { Cause::Requested } else { Cause::Missing };
    let missing = |reason| Conflict::MissingImage {
        image: image.reference.to_string(),
        service: image.services.first().cloned().expect("an image is listed for a service"),
        reason,
    };
    let spec = || Arc::new(image.clone());
    let policy = options.pull.or(image.pull_policy);
    if image.build.is_some() {
        let wanted = !present || options.build || policy == Some(PullPolicy::Build);
        return match (wanted, options.no_build) {
            (true, false) => Ok(Some((Operation::BuildImage(spec()), cause))),
            (true, true) if !present => Err(missing("`--no-build` forbids to build it")),
            _ => Ok(None),
        };
    }
    match policy.unwrap_or(PullPolicy::Missing) {
        PullPolicy::Always => Ok(Some((Operation::PullImage(spec()), cause))),
        _ if present => Ok(None),
        PullPolicy::Never => Err(missing("`pull_policy: never` forbids to pull it")),
        PullPolicy::Build => Err(missing("`pull_policy: build` needs a `build` section")),
        PullPolicy::Missing => Ok(Some((Operation::PullImage(spec()), cause))),
    }
}

/// Anonymous volumes of a container, at paths that its successor does not mount otherwise.
fn anonymous_volumes(spec: &ContainerSpec, old: &ObservedContainer) -> Vec<(String, String)> {
    let mounted: HashSet<&str> = spec
        .service
        .mounts
        .iter()
        .filter(|mount| !matches!(mount, crate::project::Mount::Volume { source: None, .. }))
        .map(crate::project::Mount::target)
        .chain(spec.service.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or(entry)))
        .collect();
    old.mounts
        .iter()
        .filter(|mount| !mounted.contains(mount.target.as_str()))
        .filter_map(|mount| {
            let volume = mount.volume.as_ref()?;
            // The engine names anonymous volumes by 64 hexadecimal characters.
            let anonymous = volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit());
            anonymous.then(|| (mount.target.clone(), volume.clone()))
        })
        .collect()
}

fn is_builtin(network: &str) -> bool {
    matches!(network, "bridge" | "host" | "none")
}
