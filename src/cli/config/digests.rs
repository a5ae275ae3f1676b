//! Images with the digests that their registries have for them.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::cli::context::Context;
use crate::cli::error::{CliError, Problem};
use crate::project::{ImageRef, Project};

/// Registries limit how often they are asked at a time.
const AT_ONCE: usize = 8;

/// The project with every image of a registry pinned to its digest. Images that are built here
/// have none.
pub(super) async fn pinned(cx: &Context, project: &Project) -> Result<Project, CliError> {
    let mut images: Vec<ImageRef> = project
        .services
        .values()
        .filter(|service| service.build.is_none() && !service.image.is_pinned())
        .map(|service| service.image.clone())
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
    for service in pinned.services.values_mut() {
        if let Some((_, image)) = resolved.iter().find(|(image, _)| *image == service.image) {
            service.image = image.clone();
        }
    }
    Ok(pinned)
}
