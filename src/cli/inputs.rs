//! What the project's images would be built from now, and whether it is there.

use std::path::Path;

use super::context::Context;
use super::error::{CliError, Problem};
use crate::event::Subject;
use crate::os::build_context::{self, BuildContext, BuildContextError};
use crate::os::cache::Cache;
use crate::os::known_files::KnownFiles;
use crate::plan::{Operation, Plan};
use crate::project::{Build, Mount, Project, Service, ServiceName};
use crate::state::hash::digest;
use crate::state::{BuildInputs, Desired, ImageSpec};

/// A build of a plan that cannot begin.
#[derive(Debug)]
pub(super) struct BrokenBuild {
    /// The image's reference.
    pub(super) image: String,
    /// The services that run it.
    pub(super) services: Vec<ServiceName>,
    /// Why.
    pub(super) error: BuildContextError,
}

/// Refuses to begin when a build of the plan lacks its folder or its Dockerfile.
pub(super) fn check_builds(plan: &Plan) -> Result<(), CliError> {
    let mut broken = Vec::new();
    for step in &plan.steps {
        if let (Operation::BuildImage(spec), Subject::Image { reference, services }) =
            (&step.operation, &step.subject)
            && let Some(build) = &spec.build
            && let Err(error) = build_context::check(build)
        {
            let (image, services) = (reference.clone(), services.clone());
            broken.push(BrokenBuild { image, services, error });
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Problem::Builds(broken).into()) }
}

/// Looks at the build contexts. One that cannot be read is left out: [`check_builds`] tells why
/// where it is needed.
pub(super) async fn with_build_inputs(
    cx: &Context,
    project: &Project,
    desired: &Desired,
) -> Desired {
    let mut desired = desired.clone();
    let wanted: Vec<(usize, Build, Vec<Vec<String>>)> = desired
        .images
        .iter()
        .enumerate()
        .filter_map(|(index, image)| {
            let build = image.build.clone()?;
            let mounts = mounts(project, image, &build.context);
            Some((index, build, mounts))
        })
        .collect();
    if wanted.is_empty() {
        return desired;
    }
    let cache =
        Cache::find("contexts", cx.variable("XDG_CACHE_HOME"), std::env::home_dir().as_deref());
    let read = tokio::task::spawn_blocking(move || {
        let inputs = wanted
            .into_iter()
            .map(|(index, build, mounts)| (index, read(&build, &mounts, cache.as_ref())));
        inputs.collect::<Vec<_>>()
    });
    for (index, inputs) in read.await.unwrap_or_default() {
        desired.images[index].inputs = inputs;
    }
    desired
}

fn read(build: &Build, mounts: &[Vec<String>], cache: Option<&Cache>) -> Option<BuildInputs> {
    let context = BuildContext::open(build).ok()?;
    let text = context.dockerfile().ok()?;
    // A Dockerfile may have rules of its own for what of the folder counts.
    let name = digest(&(&build.context, &build.dockerfile));
    let mut known = KnownFiles::recall(cache.cloned(), &name[..16]);
    let files = context.files(&mut known).ok()?;
    known.keep();
    Some(BuildInputs::new(build, (context.dockerfile_name(), &text), files, mounts))
}

/// The paths of the context that each service running the image mounts.
fn mounts(project: &Project, image: &ImageSpec, context: &Path) -> Vec<Vec<String>> {
    let services = image.services.iter().filter_map(|name| project.services.get(name));
    services.map(|service| mounted(service, context)).collect()
}

fn mounted(service: &Service, context: &Path) -> Vec<String> {
    let sources = service.mounts.iter().filter_map(|mount| match mount {
        Mount::Bind { source, .. } => source.strip_prefix(context).ok(),
        _ => None,
    });
    sources.map(|path| path.to_string_lossy().replace('\\', "/")).collect()
}
