//! Which images a project needs: those of its services, of their hooks, and what builds begin with.

use indexmap::IndexMap;

use super::desired::{ImageSpec, version};
use super::labels;
use crate::project::{Build, ImageRef, NamedContext, Project, PullPolicy, Service};

/// The images that the containers of a project run.
pub(super) fn images(project: &Project) -> Vec<ImageSpec> {
    // One image can be written in several ways.
    let mut images: IndexMap<String, ImageSpec> = IndexMap::new();
    for service in with_build_contexts(project) {
        let spec =
            images.entry(service.image.familiar()).or_insert_with(|| image_spec(&service.image));
        spec.services.push(service.name.clone());
        if let (None, Some(build)) = (&spec.build, &service.build) {
            let mut own_build = with_images_of_services(build, project);
            let own = [
                (labels::PROJECT, project.name.to_string()),
                (labels::SERVICE, service.name.to_string()),
                (labels::VERSION, version()),
            ];
            own_build.labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
            spec.build = Some(own_build);
            spec.secrets = build
                .secrets
                .iter()
                .filter_map(|secret| {
                    let object = project.secrets.get(&secret.source)?;
                    Some((secret.id().to_owned(), object.source.clone()))
                })
                .collect();
        }
        spec.pull_policy = spec.pull_policy.or(service.pull_policy);
        spec.platform = spec.platform.take().or_else(|| service.platform.clone());
    }
    for service in project.services.values() {
        for image in service.hook_images() {
            let spec = images.entry(image.familiar()).or_insert_with(|| image_spec(image));
            if !spec.services.contains(&service.name) {
                spec.services.push(service.name.clone());
            }
            // That of a service which is built says nothing about other images.
            let policy = service.pull_policy.filter(|policy| *policy != PullPolicy::Build);
            spec.pull_policy = spec.pull_policy.or(policy);
            spec.platform = spec.platform.take().or_else(|| service.platform.clone());
        }
    }
    images.into_values().collect()
}

fn image_spec(reference: &ImageRef) -> ImageSpec {
    ImageSpec {
        reference: reference.clone(),
        services: Vec::new(),
        build: None,
        inputs: None,
        record: IndexMap::new(),
        pull_policy: None,
        platform: None,
        secrets: IndexMap::new(),
    }
}

/// The services that run, and those whose images their builds need.
fn with_build_contexts(project: &Project) -> Vec<&Service> {
    let mut services: Vec<&Service> = project.services.values().collect();
    let mut next = 0;
    while let Some(service) = services.get(next) {
        next += 1;
        for context in service.build.iter().flat_map(|build| build.additional_contexts.values()) {
            if let NamedContext::Service(name) = context
                && let Some(needed) = project.disabled_services.get(name)
                && services.iter().all(|known| known.name != needed.name)
            {
                services.push(needed);
            }
        }
    }
    services
}

/// A build whose contexts of other services are those services' images.
fn with_images_of_services(build: &Build, project: &Project) -> Build {
    let mut build = build.clone();
    for context in build.additional_contexts.values_mut() {
        if let NamedContext::Service(name) = context
            && let Some(service) =
                project.services.get(name).or_else(|| project.disabled_services.get(name))
        {
            *context = NamedContext::Image(service.image.familiar());
        }
    }
    build
}
