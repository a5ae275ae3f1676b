//! Containers: which stay, which are made, made again, or removed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::Reconcile;
use super::options::{Conflict, Recreate};
use super::order::{Begun, Outcome};
use crate::event::Subject;
use crate::plan::graph::topological;
use crate::plan::step::{Cause, ContainerRef, Operation, StepId};
use crate::project::ServiceName;
use crate::state::{ContainerSpec, ContainerState, ObservedContainer, is_anonymous, labels};

impl Reconcile<'_> {
    /// Orphans, containers beyond a service's scale, and what is left of hooks.
    pub(super) fn removals(&mut self) {
        self.ended_hooks();
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
            let selected = self.desired.selected_services.contains(&service);
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

    /// A run that was killed did not get round to removing them. Nobody else looks for them.
    fn ended_hooks(&mut self) {
        for container in self.observed.hooks_of(&self.desired.project) {
            let Some(service) = container.service() else { continue };
            if self.desired.selected_services.contains(&service)
                || !self.desired.known_services.contains(&service)
            {
                self.remove(container, &service, Cause::Leftover);
            }
        }
    }

    /// Stops (when it runs) and removes a container, unless this plan does so already; returns the
    /// removal.
    pub(super) fn remove(
        &mut self,
        container: &ObservedContainer,
        service: &ServiceName,
        cause: Cause,
    ) -> StepId {
        if let Some(removed) = self.removed.get(&container.name) {
            return *removed;
        }
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
        let removed = self.plan.push(
            Operation::RemoveContainer {
                container: ContainerRef::Existing(container.id.clone()),
                anonymous_volumes: container.is_hook(),
            },
            subject,
            cause,
            after,
        );
        self.removed.insert(container.name.clone(), removed);
        removed
    }

    pub(super) fn containers(&mut self) {
        let mut by_service: IndexMap<ServiceName, Vec<Arc<ContainerSpec>>> = IndexMap::new();
        for spec in &self.desired.containers {
            by_service.entry(spec.service.name.clone()).or_default().push(Arc::clone(spec));
        }
        let names: Vec<ServiceName> = by_service.keys().cloned().collect();
        let order = topological(&names, |name| {
            by_service[name][0].service.depends_on.keys().cloned().collect()
        });
        self.free_ports();
        self.free_names();
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
        // Some may have had to go with a changed network.
        let (gone, mut candidates): (Vec<_>, Vec<_>) = self
            .observed
            .containers_of(&self.desired.project)
            .filter(|container| {
                container.service().as_ref() == Some(&spec.service.name)
                    && container.number() == spec.number
            })
            .partition(|container| self.removed.contains_key(&container.name));
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
            let changed = |old: &&ObservedContainer| {
                old.networks.keys().find(|name| self.changed_networks.contains(*name)).cloned()
            };
            let cause = gone.iter().find_map(changed).map_or(Cause::Missing, Cause::NetworkChanged);
            let inherit = gone.first().map_or_else(Vec::new, |old| self.inherited(spec, old));
            let create = self.create(spec, spec.name.clone(), inherit, cause.clone(), &[]);
            let container = ContainerRef::CreatedBy(create);
            let begun = self.start(spec, container.clone(), &subject, &cause, vec![create]);
            return Outcome {
                container,
                spec: Arc::clone(spec),
                subject,
                started: begun.started,
                released: begun.released,
                kept: None,
                touched: true,
                awaits: HashMap::new(),
            };
        };
        let leftovers: Vec<StepId> = candidates
            .map(|leftover| self.remove(leftover, &spec.service.name, Cause::Leftover))
            .collect();
        match self.change(spec, kept) {
            Some(cause) => self.recreate(spec, kept, &cause, &leftovers, subject),
            None => self.keep(spec, kept, &leftovers, subject),
        }
    }

    /// Takes names that other services' containers are to have away from containers that are to
    /// have another one themselves, as when two services swap theirs.
    fn free_names(&mut self) {
        for spec in &self.desired.containers {
            let owner = self.observed.containers_of(&self.desired.project).find(|container| {
                container.name == spec.name && !self.removed.contains_key(&container.name)
            });
            let Some((owner, service)) = owner.and_then(|owner| Some((owner, owner.service()?)))
            else {
                continue;
            };
            let moves = self.desired.containers.iter().any(|other| {
                other.service.name == service
                    && other.number == owner.number()
                    && other.name != owner.name
            });
            if !moves {
                continue;
            }
            let name = format!("{}_{}", owner.id.short(), owner.name);
            let step = self.plan.push(
                Operation::RenameContainer {
                    container: ContainerRef::Existing(owner.id.clone()),
                    name: name.clone(),
                },
                Subject::Container { service, name },
                Cause::NameFor(spec.service.name.clone()),
                Vec::new(),
            );
            self.freed.insert(owner.name.clone(), step);
        }
    }

    fn foreign_owner(&self, spec: &ContainerSpec) -> Option<String> {
        let owner =
            self.observed.containers.iter().find(|container| container.name == spec.name)?;
        let ours = owner.belongs_to(&self.desired.project)
            && !owner.is_one_off()
            && owner.service().is_some_and(|service| {
                // A renamed service's old container is an orphan; it may go with this very run.
                service == spec.service.name
                    || self.removed.contains_key(&owner.name)
                    || self.freed.contains_key(&owner.name)
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
    pub(super) fn change(
        &self,
        spec: &ContainerSpec,
        container: &ObservedContainer,
    ) -> Option<Cause> {
        if self.options.recreate == Recreate::Force {
            return Some(Cause::Requested);
        }
        if let Some(cause) = self.broken(spec, container) {
            return Some(cause);
        }
        if self.options.recreate == Recreate::Never {
            return None;
        }
        let changed = spec.digests.changed_since(&container.digests());
        if !changed.is_empty() {
            return Some(Cause::ConfigChanged(changed));
        }
        // What was chosen for it last time is somebody else's now.
        if spec.labels.get(labels::PORTS) != container.labels.get(labels::PORTS)
            && !spec.chosen_ports.is_empty()
        {
            return Some(Cause::ConfigChanged(vec!["ports".to_owned()]));
        }
        if let Some(image) = self.observed.image(&spec.service.image.familiar())
            && image.id != container.image_id
        {
            return Some(Cause::ImageChanged);
        }
        // A run that was killed may have made it and not got round to copying its files.
        if container.state == ContainerState::Created
            && self.options.start
            && !spec.files.is_empty()
        {
            return Some(Cause::Leftover);
        }
        if let Some(missing) =
            spec.networks.keys().find(|name| !container.networks.contains_key(*name))
        {
            return Some(Cause::NetworkChanged(missing.clone()));
        }
        None
    }

    /// Why a container is of no use any more, whatever its definition says.
    fn broken(&self, spec: &ContainerSpec, container: &ObservedContainer) -> Option<Cause> {
        // What was started once insists on the very network that it joined, not on one of the
        // same name.
        if !container.state.is_running()
            && let Some(network) =
                container.networks.keys().find(|name| self.networks.contains_key(*name))
        {
            return Some(Cause::NetworkChanged(network.clone()));
        }
        // A namespace ends with the container that it belonged to.
        let modes = [
            ("network_mode", &spec.network_mode),
            ("pid", &spec.pid_mode),
            ("ipc", &spec.ipc_mode),
        ];
        modes.into_iter().find_map(|(field, mode)| {
            let owner = mode.as_ref()?.strip_prefix("container:")?;
            let owner = self.services.values().flatten().find(|it| it.spec.name == owner)?;
            let made_again = matches!(owner.container, ContainerRef::CreatedBy(_));
            made_again.then(|| Cause::ConfigChanged(vec![field.to_owned()]))
        })
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
        after.extend(self.removed.get(&spec.name));
        after.extend(self.freed.get(&spec.name));
        after.sort_unstable();
        after.dedup();
        if kept.name != spec.name {
            after.push(self.plan.push(
                Operation::RenameContainer {
                    container: container.clone(),
                    name: spec.name.clone(),
                },
                subject.clone(),
                Cause::Leftover,
                after.clone(),
            ));
        }
        let finished = kept.state == ContainerState::Exited { code: 0 }
            && self.desired.waits_for_end_of(&spec.service.name);
        let begun = if kept.state == ContainerState::Paused {
            let unpause = Operation::UnpauseContainer { id: kept.id.clone() };
            let step = self.plan.push(unpause, subject.clone(), Cause::Paused, after);
            Begun { started: Some(step), released: None }
        } else if kept.state.is_running() || finished {
            Begun { started: None, released: self.release_held(spec, kept, &subject) }
        } else {
            self.start(spec, container.clone(), &subject, &Cause::NotRunning, after)
        };
        let restarted = if kept.state == ContainerState::Running {
            self.restart_with_dependency(spec, kept, &subject)
        } else {
            None
        };
        if !begun.is_something() && restarted.is_none() {
            self.plan.unchanged.push(subject.clone());
        }
        let touched = begun.started.is_some() || restarted.is_some();
        Outcome {
            container,
            spec: Arc::clone(spec),
            subject,
            started: restarted.or(begun.started),
            released: begun.released,
            kept: (!touched).then_some((kept.state, kept.health)),
            touched,
            awaits: HashMap::new(),
        }
    }

    fn recreate(
        &mut self,
        spec: &Arc<ContainerSpec>,
        old: &ObservedContainer,
        cause: &Cause,
        leftovers: &[StepId],
        subject: Subject,
    ) -> Outcome {
        let inherit = self.inherited(spec, old);
        // The successor is made beside the old container, so that a failure leaves the old one.
        let temporary = format!("{}_{}", old.id.short(), spec.name);
        let create = self.create(spec, temporary, inherit, cause.clone(), leftovers);
        let mut after = vec![create];
        if let Some(stopped) = self.stopped.get(&old.name) {
            after.push(*stopped);
        } else if old.state.is_running() {
            after = vec![self.plan.push(
                Operation::StopContainer { id: old.id.clone(), grace: self.options.grace },
                subject.clone(),
                cause.clone(),
                after,
            )];
        }
        // The name may be another container's until that one is gone.
        let names = [self.removed.get(&spec.name), self.freed.get(&spec.name)];
        let mut free: Vec<StepId> = names.into_iter().flatten().copied().collect();
        let removed = self.plan.push(
            Operation::RemoveContainer {
                container: ContainerRef::Existing(old.id.clone()),
                anonymous_volumes: self.options.renew_anonymous_volumes,
            },
            subject.clone(),
            cause.clone(),
            after,
        );
        self.removed.insert(old.name.clone(), removed);
        if !self.options.renew_anonymous_volumes {
            for volume in self.outdated(spec, old) {
                let subject = Subject::Volume(volume.clone());
                let remove = Operation::RemoveVolume(volume);
                self.plan.push(remove, subject, cause.clone(), vec![removed]);
            }
        }
        free.push(removed);
        free.sort_unstable();
        free.dedup();
        let container = ContainerRef::CreatedBy(create);
        let renamed = self.plan.push(
            Operation::RenameContainer { container: container.clone(), name: spec.name.clone() },
            subject.clone(),
            Cause::Replaces,
            free,
        );
        let begun = self.start(spec, container.clone(), &subject, cause, vec![renamed]);
        Outcome {
            container,
            spec: Arc::clone(spec),
            subject,
            started: begun.started,
            released: begun.released,
            kept: None,
            touched: true,
            awaits: HashMap::new(),
        }
    }

    /// The anonymous volumes that a container hands to its successor.
    fn inherited(&self, spec: &ContainerSpec, old: &ObservedContainer) -> Vec<(String, String)> {
        if self.options.renew_anonymous_volumes {
            return Vec::new();
        }
        let outdated = self.outdated(spec, old);
        let mut volumes = anonymous_volumes(spec, old);
        volumes.retain(|(_, volume)| !outdated.contains(volume));
        volumes
    }

    /// Anonymous volumes that have the packages of an image in them that is another one by now.
    fn outdated(&self, spec: &ContainerSpec, old: &ObservedContainer) -> Vec<String> {
        let image = self.observed.image(&spec.service.image.familiar());
        if image.is_none_or(|image| image.id == old.image_id) {
            return Vec::new();
        }
        let packages = old.mounts.iter().filter(|mount| mount.target.ends_with("/node_modules"));
        let volumes = packages.filter_map(|mount| mount.volume.clone());
        volumes.filter(|volume| is_anonymous(volume)).collect()
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
        // The name is free once whoever has it is gone.
        after.extend(self.removed.get(&name));
        after.extend(self.freed.get(&name));
        after.extend(self.images.get(&spec.service.image.familiar()));
        after.extend(spec.networks.keys().filter_map(|network| self.networks.get(network)));
        after.extend(spec.volume_names.values().filter_map(|volume| self.volumes.get(volume)));
        // A namespace is joined by the name of the container that owns it, mounts are taken over
        // by the name of the container that has them.
        let namespaces = [&spec.network_mode, &spec.pid_mode, &spec.ipc_mode].into_iter().flatten();
        let owners = namespaces
            .filter_map(|mode| mode.strip_prefix("container:"))
            .chain(spec.volumes_from.iter().map(|owner| owner.trim_end_matches(":ro")));
        for owner in owners {
            after.extend(
                self.services.values().flatten().filter(|o| o.spec.name == owner).filter_map(|o| {
                    match (o.started, &o.container) {
                        (None, ContainerRef::CreatedBy(create)) => Some(*create),
                        (started, _) => started,
                    }
                }),
            );
        }
        after.sort_unstable();
        after.dedup();
        let subject =
            Subject::Container { service: spec.service.name.clone(), name: spec.name.clone() };
        // It is copied in with the other files, so that it costs no call of its own.
        let spec = match self.reason_to_hold(spec) {
            Some(reason) => Arc::new(spec.held(&reason)),
            None => Arc::clone(spec),
        };
        self.plan.push(Operation::CreateContainer { spec, name, inherit }, subject, cause, after)
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
            let anonymous = is_anonymous(volume);
            anonymous.then(|| (mount.target.clone(), volume.clone()))
        })
        .collect()
}
