//! What a stack file promises, checked on the engine's state alone: written from the file's
//! meaning, without the planner's help.

use devstack::project::{DependsOnCondition, Mount, Project, Service};
use devstack::state::{
    ContainerState, ContentDigests, Health, Observed, ObservedContainer, labels, lower,
};

/// Whether the engine has exactly what the project asks for.
pub(super) fn satisfies(observed: &Observed, project: &Project) -> Result<(), String> {
    let mine = |labels: &indexmap::IndexMap<String, String>| {
        labels.get(labels::PROJECT).is_some_and(|name| name == project.name.as_str())
    };
    for network in project.networks.values() {
        let named = observed.networks.iter().filter(|it| it.name == network.name);
        let labels: Vec<_> = named.map(|it| &it.labels).collect();
        let [labels] = labels[..] else {
            return Err(format!("{} networks {}", labels.len(), network.name));
        };
        let hash = devstack::state::hash::digest(network);
        if labels.get(labels::CONFIG_HASH) != Some(&hash) || !mine(labels) {
            return Err(format!("network {} is another one", network.name));
        }
    }
    let mut n_containers = 0;
    for service in project.services.values() {
        for number in 1..=service.scale {
            n_containers += 1;
            let number = number.to_string();
            let found: Vec<&ObservedContainer> = observed
                .containers
                .iter()
                .filter(|it| {
                    mine(&it.labels)
                        && it.labels.get(labels::SERVICE).map(String::as_str)
                            == Some(service.name.as_str())
                        && it.labels.get(labels::CONTAINER_NUMBER) == Some(&number)
                })
                .collect();
            let [container] = found[..] else {
                return Err(format!("{} containers {} {number}", found.len(), service.name));
            };
            container_satisfies(container, service, &number, observed, project)
                .map_err(|reason| format!("{}: {reason}", container.name))?;
        }
    }
    let n_found = observed.containers.iter().filter(|it| mine(&it.labels)).count();
    if n_found != n_containers {
        return Err(format!("{n_found} containers instead of {n_containers}"));
    }
    Ok(())
}

fn container_satisfies(
    container: &ObservedContainer,
    service: &Service,
    number: &str,
    observed: &Observed,
    project: &Project,
) -> Result<(), String> {
    let name = match &service.container_name {
        Some(name) => name.to_string(),
        None => format!("{}-{}-{number}", project.name, service.name),
    };
    if container.name != name {
        return Err(format!("is not called {name}"));
    }
    let digests = lower(project, &ContentDigests::new())
        .containers
        .iter()
        .find(|spec| spec.name == name)
        .map(|spec| spec.digests.to_label());
    if container.labels.get(labels::DIGESTS) != digests.as_ref() {
        return Err("was made from another definition".to_owned());
    }
    let image = observed
        .images
        .iter()
        .find(|image| image.references.contains(&service.image.familiar()))
        .ok_or("has no image")?;
    if container.image_id != image.id {
        return Err("runs another image".to_owned());
    }
    let is_one_shot = project.services.values().filter(|other| other.scale > 0).any(|other| {
        other.depends_on.get(&service.name).is_some_and(|dependency| {
            dependency.condition == DependsOnCondition::ServiceCompletedSuccessfully
        })
    });
    let wanted =
        if is_one_shot { ContainerState::Exited { code: 0 } } else { ContainerState::Running };
    if container.state != wanted {
        return Err(format!("is {:?} instead of {wanted:?}", container.state));
    }
    if service.healthcheck.is_some() && !is_one_shot && container.health != Some(Health::Healthy) {
        return Err(format!("is {:?}", container.health));
    }
    let mut networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> =
        service.networks.keys().map(|key| project.networks[key].name.as_str()).collect();
    networks.sort_unstable();
    wanted.sort_unstable();
    if networks != wanted {
        return Err(format!("is on {networks:?} instead of {wanted:?}"));
    }
    for mount in &service.mounts {
        let target = mount.target();
        let mounted = container.mounts.iter().find(|it| it.target == target);
        let volume = mounted.and_then(|it| it.volume.as_ref());
        let volume = volume.ok_or_else(|| format!("has nothing at {target}"))?;
        if let Mount::Volume { source: Some(key), .. } = mount {
            if *volume != project.volumes[key].name {
                return Err(format!("has {volume} at {target}"));
            }
            let made_by = observed.volumes.iter().find(|it| it.name == *volume);
            let made_by = made_by.and_then(|it| it.labels.get(labels::PROJECT));
            if made_by.map(String::as_str) != Some(project.name.as_str()) {
                return Err(format!("uses {volume}, which belongs to {made_by:?}"));
            }
        } else if observed.volumes.iter().all(|it| it.name != *volume) {
            return Err(format!("has at {target} a volume that is gone"));
        }
    }
    Ok(())
}

/// Whether among the calls of one run no container was started before one of its dependencies, or
/// without what has to be done before its start.
pub(super) fn started_dependencies_first(
    calls: &[String],
    project: &Project,
) -> Result<(), String> {
    let name = |service: &Service, number: u32| match &service.container_name {
        Some(name) => name.to_string(),
        None => format!("{}-{}-{number}", project.name, service.name),
    };
    let begun = |name: &str| {
        calls
            .iter()
            .position(|call| *call == format!("start {name}") || *call == format!("restart {name}"))
    };
    // Of a container that is held at its door it is the opening that counts.
    let runs = |name: &str| {
        let released = calls.iter().rposition(|call| *call == format!("release {name}"));
        released.max(begun(name))
    };
    for service in project.services.values() {
        for number in 1..=service.scale {
            let own = name(service, number);
            let Some(own_begin) = runs(&own) else { continue };
            for place in 1..=service.pre_start.len() {
                let hook = format!("{own}-pre_start-{place}");
                let is_its_own = service.pre_start[place - 1].per_replica;
                let restarted = calls.contains(&format!("restart {own}"));
                match begun(&hook) {
                    None if is_its_own && !restarted => {
                        return Err(format!("{own} was started without {hook}"));
                    }
                    Some(at) if at > own_begin => {
                        return Err(format!("{own} was started before {hook}"));
                    }
                    _ => {}
                }
            }
            for dependency in service.depends_on.keys() {
                let dependency = &project.services[dependency];
                for number in 1..=dependency.scale {
                    let other = name(dependency, number);
                    if begun(&other).is_some_and(|begin| begin > own_begin) {
                        return Err(format!("{own} was started before {other}"));
                    }
                }
            }
        }
    }
    Ok(())
}
