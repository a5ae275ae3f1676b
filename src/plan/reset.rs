//! Plans `reset`: everything is removed and made again in one plan, so that what is gone early
//! comes back while the rest is still going.

use super::reconcile::{Conflict, ReconcileOptions, reconcile};
use super::step::{ContainerRef, Operation, Plan, StepId};
use super::teardown::{TeardownOptions, teardown};
use crate::project::Port;
use crate::state::{ContainerId, ContainerSpec, Desired, Observed, ObservedContainer};

/// Plans the removal, and the way from what then remains to what is wished for.
///
/// # Errors
/// What is in the way and not ours; nothing has been done then.
pub fn reset(
    desired: &Desired,
    observed: &Observed,
    removal: &TeardownOptions,
    options: &ReconcileOptions,
) -> Result<Plan, Vec<Conflict>> {
    let mut plan = teardown(&desired.project, observed, removal);
    let creation = reconcile(desired, &remains(observed, &plan), options)?;
    plan.unchanged = creation.unchanged;
    plan.warnings.extend(creation.warnings);
    let removed = plan.steps.clone();
    for mut step in creation.steps {
        let shift = |id: StepId| StepId(id.0 + removed.len());
        step.after = step.after.into_iter().map(shift).collect();
        if let Some(ContainerRef::CreatedBy(id)) = step.operation.container_mut() {
            *id = shift(*id);
        }
        let waits = removed.iter().enumerate().filter(|(_, removal)| {
            makes_way(&removal.operation, &step.operation, &plan, desired, observed)
        });
        step.after.extend(waits.map(|(index, _)| StepId(index)));
        step.after.sort_unstable();
        plan.steps.push(step);
    }
    Ok(plan)
}

/// What there is after a removal.
#[must_use]
pub fn remains(observed: &Observed, removal: &Plan) -> Observed {
    let mut remains = observed.clone();
    for step in &removal.steps {
        match &step.operation {
            Operation::RemoveContainer { container: ContainerRef::Existing(id), .. } => {
                remains.containers.retain(|container| container.id != *id);
            }
            Operation::RemoveVolume(name) => {
                remains.volumes.retain(|volume| volume.name != *name);
            }
            Operation::RemoveNetwork { id } => {
                remains.networks.retain(|network| network.id != *id);
            }
            Operation::RemoveImage(reference) => {
                remains.images.retain(|image| !image.references.contains(reference));
            }
            _ => {}
        }
    }
    remains
}

/// Whether a step can only be done once something is gone.
fn makes_way(
    removal: &Operation,
    step: &Operation,
    plan: &Plan,
    desired: &Desired,
    observed: &Observed,
) -> bool {
    match (removal, step) {
        (Operation::RemoveVolume(gone), Operation::CreateVolume(made)) => *gone == made.volume.name,
        (Operation::RemoveContainer { container: ContainerRef::Existing(id), .. }, step) => {
            let Some(gone) = container(observed, id) else { return false };
            match step {
                Operation::CreateContainer { name, .. }
                | Operation::RenameContainer { name, .. } => *name == gone.name,
                Operation::StartContainer { container } => {
                    started(container, plan, desired, observed)
                        .is_some_and(|spec| disturbs(gone, spec))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether an old container must be gone before a new one starts: it has one of its host ports, or
/// it would go on to use it and write into what was made clean.
fn disturbs(old: &ObservedContainer, new: &ContainerSpec) -> bool {
    let published = old.ports.iter().filter_map(|port| port.published);
    let mut ports = published.map(|(_, number)| number);
    old.depends_on().contains(&new.service.name)
        || ports
            .any(|number| new.service.ports.iter().filter_map(Port::fixed).any(|it| it == number))
}

fn started<'a>(
    container: &ContainerRef,
    plan: &'a Plan,
    desired: &'a Desired,
    observed: &Observed,
) -> Option<&'a ContainerSpec> {
    match container {
        ContainerRef::CreatedBy(step) => match &plan.steps.get(step.0)?.operation {
            Operation::CreateContainer { spec, .. } => Some(spec),
            _ => None,
        },
        ContainerRef::Existing(id) => {
            let name = &self::container(observed, id)?.name;
            desired.containers.iter().find(|spec| spec.name == *name).map(AsRef::as_ref)
        }
    }
}

fn container<'a>(observed: &'a Observed, id: &ContainerId) -> Option<&'a ObservedContainer> {
    observed.containers.iter().find(|container| container.id == *id)
}
