//! Images with the digests that their registries have for them.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::cli::context::Context;
use crate::cli::error::{CliError, Problem};
use crate::project::{ImageRef, Mount, Project};

/// Registries limit how often they are asked at a time.
const AT_ONCE: usize = 8;

/// The project with every image of a registry pinned to its digest. Images that are built here
/// have none.
pub(super) async fn pinned(cx: &Context, project: &Project) -> Result<Project, CliError> {
    let built = project.services.values().filter(|service| service.build.is_some());
    let built: Vec<String> = built.map(|service| service.image.familiar()).collect();
    let is_built = |image: &ImageRef| built.contains(&image.familiar());
    let mut images: Vec<ImageRef> = project
        .services
        .values()
        .flat_map(|service| {
            let own = service.build.is_none().then(|| service.image.clone());
            let mounted = service.mounts.iter().filter_map(mounted_image);
            own.into_iter().chain(service.hook_images().cloned()).chain(mounted)
        })
        .filter(|image| !image.is_pinned() && !is_built(image))
        .collect();
    images.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    images.dedup();
    let mut pinned = project.clone();
    if images.is_empty() {
        return Ok(pinned);
    }
    let engine = cx.connect().await?;
    let resolved: Vec<(ImageRef, ImageRef)> = stream::iter(images)
        .map(|image| async {
            let digest = engine.image_digest(&image).await?;
            let pinned = format!("{image}@{digest}").parse::<ImageRef>();
            let pinned = pinned.map_err(|error| {
                CliError::from(Problem::Other {
                    message: format!("the registry's digest of {image} is none: {error}"),
                    hint: None,
                })
            })?;
            Ok::<_, CliError>((image, pinned))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let resolved: HashMap<ImageRef, ImageRef> = resolved.into_iter().collect();
    for service in pinned.services.values_mut() {
        let hooks = service.pre_start.iter_mut().filter_map(|hook| hook.image.as_mut());
        for image in hooks.chain([&mut service.image]) {
            if let Some(pinned) = resolved.get(image) {
                *image = pinned.clone();
            }
        }
        for mount in &mut service.mounts {
            if let Some(pinned) = mounted_image(mount).and_then(|image| resolved.get(&image))
                && let Mount::Image { source, .. } = mount
            {
                pinned.as_str().clone_into(source);
            }
        }
    }
    Ok(pinned)
}

/// The image whose files are mounted.
fn mounted_image(mount: &Mount) -> Option<ImageRef> {
    match mount {
        Mount::Image { source, .. } => source.parse().ok(),
        Mount::Bind { .. } | Mount::Volume { .. } | Mount::Tmpfs { .. } => None,
    }
}
