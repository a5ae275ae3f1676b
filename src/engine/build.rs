//! Image builds with BuildKit.

mod contexts;
mod grants;
mod place;
mod session;
mod steps;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as BollardError;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use self::contexts::Staged;
use self::grants::Grants;
use self::place::Sent;
use self::steps::Steps;
use super::error::{EngineError, EngineErrorKind};
use super::pull::{credentials_of, registries_with_logins};
use super::{DockerEngine, ProgressSink};
use crate::os::build_context::{BuildContext, BuildContextError, OUTSIDE_DOCKERFILE};
use crate::project::{Build, ImageRef, NamedContext};
use crate::state::ImageSpec;

impl DockerEngine {
    pub(super) async fn build(
        &self,
        image: &ImageSpec,
        progress: &ProgressSink,
    ) -> Result<(), EngineError> {
        let subject = image.reference.to_string();
        let failed = |kind| EngineError::new("build image", subject.clone(), kind);
        let refused = |error: io::Error| failed(EngineErrorKind::Refused(error.to_string()));
        let unusable =
            |error: BuildContextError| failed(EngineErrorKind::Refused(error.to_string()));
        let build = image.build.clone().unwrap_or_default();
        let mut steps = Steps::default();
        let mut folders = Vec::new();
        for (name, context) in &build.additional_contexts {
            let NamedContext::Folder(folder) = context else { continue };
            let context = BuildContext::of_folder(name, folder, contexts::FOLDER_DOCKERFILE)
                .map_err(unusable)?;
            let name = contexts::folder_image(folder);
            let options = folder_options(&name, &context);
            folders.push(name);
            let sent = self.send(
                &subject,
                options,
                (context, contexts::FOLDER),
                Grants::default(),
                &mut steps,
                progress,
            );
            if let Err(error) = sent.await {
                self.forget(&folders).await;
                return Err(error);
            }
        }
        let sending = async {
            let context = BuildContext::open(&build).map_err(unusable)?;
            let (context, dockerfile) = with_contexts(context, &build).map_err(refused)?;
            let options = options(image, &build, &context);
            let grants = grants(image, &build).map_err(refused)?;
            let sent =
                self.send(&subject, options, (context, ""), grants, &mut steps, progress).await;
            sent.map_err(|mut error| {
                if let EngineErrorKind::Build(failure) = &mut error.kind {
                    failure.instruction = dockerfile.failed_at(failure);
                }
                error
            })
        };
        let outcome = sending.await;
        self.forget(&folders).await;
        outcome?;
        self.tag(image, &build).await
    }

    /// Removes images of folders; their layers stay in the build cache.
    async fn forget(&self, images: &[String]) {
        for name in images {
            let options = None::<bollard::query_parameters::RemoveImageOptions>;
            // Another build may be using it: then that one removes it.
            let _ = self.docker.remove_image(name, options, None).await;
        }
    }

    /// Sends one build to the engine and follows it to its end.
    async fn send(
        &self,
        subject: &str,
        options: BuildImageOptions,
        (context, prefix): (BuildContext, &'static str),
        mut grants: Grants,
        steps: &mut Steps,
        progress: &ProgressSink,
    ) -> Result<(), EngineError> {
        let failed = |kind| EngineError::new("build image", subject, kind);
        let refused = |error: io::Error| failed(EngineErrorKind::Refused(error.to_string()));
        let credentials = tokio::task::spawn_blocking(build_credentials).await.unwrap_or_default();
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(16);
        let packing = tokio::task::spawn_blocking(move || pack(&context, prefix, sender));
        let mut answers = if grants.secrets.is_empty() && grants.agents.is_empty() {
            let body = bollard::body_try_stream(futures_util::stream::unfold(
                receiver,
                |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) },
            ));
            self.docker.build_image(options, Some(credentials), Some(body)).boxed()
        } else {
            grants.credentials = credentials;
            let api = &self.version().api;
            session::build(&self.endpoint, api, &options, grants, receiver)
                .await
                .map_err(|error| self.error("build image", subject, &error))?
        };
        let mut outcome = Ok(());
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => {
                    if let Some(BuildInfoAux::BuildKit(status)) = info.aux {
                        steps.follow(&status, progress);
                    }
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        drop(answers);
        if let Ok(Err(error)) = packing.await
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(refused(error));
        }
        if let Err(error) = outcome {
            return Err(match (&error, self.error("build image", subject, &error).kind) {
                // What it ends with as a build; the rest is about the call.
                (BollardError::DockerStreamError { error }, _) => failed(steps.failure(error)),
                (_, EngineErrorKind::Refused(message) | EngineErrorKind::NotFound(message)) => {
                    failed(steps.failure(&message))
                }
                (_, kind) => failed(kind),
            });
        }
        Ok(())
    }

    async fn tag(&self, image: &ImageSpec, build: &Build) -> Result<(), EngineError> {
        let source = image.reference.familiar();
        for name in build.tags.iter().filter_map(|tag| tag.parse::<ImageRef>().ok()) {
            let familiar = name.familiar();
            let (repo, tag) = familiar.rsplit_once(':').unwrap_or((&familiar, "latest"));
            let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
            self.docker
                .tag_image(&source, Some(options))
                .await
                .map_err(|error| self.error("tag image", &familiar, &error))?;
        }
        Ok(())
    }
}

fn options(image: &ImageSpec, build: &Build, context: &BuildContext) -> BuildImageOptions {
    let arguments: HashMap<String, String> =
        build.args.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let labels: HashMap<String, String> = build
        .labels
        .iter()
        .chain(&image.record)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let session = format!("devstack-{}-{}", std::process::id(), image.reference.familiar());
    let mut options = BuildImageOptionsBuilder::default()
        .version(BuilderVersion::BuilderBuildKit)
        .session(&crate::state::hash::digest(&session)[..32])
        .t(&image.reference.familiar())
        .dockerfile(context.dockerfile_name())
        .buildargs(&arguments)
        .labels(&labels)
        .nocache(build.no_cache)
        .rm(true);
    if let Some(target) = &build.target {
        options = options.target(target);
    }
    if build.pull {
        options = options.pull("true");
    }
    if let Some(network) = &build.network {
        options = options.networkmode(network);
    }
    if let Some(size) = build.shm_size {
        options = options.shmsize(i32::try_from(size.0).unwrap_or(i32::MAX));
    }
    if !build.cache_from.is_empty() {
        options = options.cachefrom(&build.cache_from);
    }
    let platform = build.platforms.first().or(image.platform.as_ref());
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let hosts: Vec<String> = build
        .extra_hosts
        .iter()
        .flat_map(|(host, ips)| ips.iter().map(move |ip| format!("{host}:{ip}")))
        .collect();
    if !hosts.is_empty() {
        options = options.extrahosts(&hosts.join(","));
    }
    options.build()
}

/// A build's context, with its named contexts as stages of the Dockerfile.
fn with_contexts(context: BuildContext, build: &Build) -> io::Result<(BuildContext, Sent)> {
    let file = context.dockerfile_path().map(Path::to_owned);
    let text = context.dockerfile()?;
    if build.additional_contexts.is_empty() {
        return Ok((context, Sent { file, text, added: 0..0 }));
    }
    let stages = contexts::stages(build)?;
    let Staged { text, added } = contexts::with_stages(&text, &stages, build)?;
    Ok((context.with_dockerfile(text.clone()), Sent { file, text, added }))
}

/// What makes an image of a folder.
fn folder_options(name: &str, context: &BuildContext) -> BuildImageOptions {
    let session = format!("devstack-{}-{name}", std::process::id());
    BuildImageOptionsBuilder::default()
        .version(BuilderVersion::BuilderBuildKit)
        .session(&crate::state::hash::digest(&session)[..32])
        .t(name)
        .dockerfile(context.dockerfile_name())
        .rm(true)
        .build()
}

/// What the build may ask for while it runs.
fn grants(image: &ImageSpec, build: &Build) -> io::Result<Grants> {
    let mut agents = HashMap::new();
    for agent in &build.ssh {
        let socket = agent.socket.clone().or_else(crate::os::ssh_agent).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "the build asks for your SSH agent, and SSH_AUTH_SOCK names none",
            )
        })?;
        agents.insert(agent.id.clone(), socket);
    }
    let secrets = image.secrets.iter().map(|(id, source)| (id.clone(), source.clone())).collect();
    Ok(Grants { secrets, agents, credentials: HashMap::new() })
}

/// Logins for base images: of the default registry and of all that the user logged in to.
fn build_credentials() -> HashMap<String, DockerCredentials> {
    registries_with_logins()
        .into_iter()
        .filter_map(|registry| Some((registry.clone(), credentials_of(&registry).ok()??)))
        .collect()
}

/// Writes the context as a tar archive, in a stable order, its files below a folder `prefix`.
fn pack(
    context: &BuildContext,
    prefix: &str,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let failed = sender.clone();
    let mut archive =
        tar::Builder::new(io::BufWriter::with_capacity(64 * 1024, ChannelWriter { sender }));
    archive.follow_symlinks(false);
    let packed = pack_into(context, prefix, &mut archive).and_then(|()| archive.finish());
    if let Err(error) = &packed {
        // Ends the request with an error, so that no build runs on half a context.
        let told = failed.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
        if told.is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    packed
}

fn pack_into<W: Write>(
    context: &BuildContext,
    prefix: &str,
    archive: &mut tar::Builder<W>,
) -> io::Result<()> {
    if let Some(text) = context.outside_dockerfile() {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap_or_default());
        header.set_mode(0o644);
        archive.append_data(&mut header, OUTSIDE_DOCKERFILE, text.as_bytes())?;
    }
    if !prefix.is_empty() {
        // There even when there are no files.
        append(archive, context.root(), Path::new(prefix))?;
    }
    for entry in context.entries()? {
        append(archive, &entry.source, &Path::new(prefix).join(&entry.name))?;
    }
    Ok(())
}

/// Appends one entry, owned by root as the builder expects.
fn append<W: Write>(archive: &mut tar::Builder<W>, source: &Path, name: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(source)?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_size(0);
        return archive.append_link(&mut header, name, fs::read_link(source)?);
    }
    if metadata.is_dir() {
        header.set_size(0);
        return archive.append_data(&mut header, name, io::empty());
    }
    let file = File::open(source)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", source.display())))?;
    // A file that grows while it is read must not break the archive's structure.
    archive.append_data(&mut header, name, io::Read::take(file, metadata.len()))
}

/// Writes into a channel, from a thread that may block.
pub(super) struct ChannelWriter {
    pub(super) sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for ChannelWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.sender
            .blocking_send(Ok(Bytes::copy_from_slice(buffer)))
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
