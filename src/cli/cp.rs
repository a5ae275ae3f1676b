//! `devstack cp`: files between this machine and containers.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use crate::engine::{DockerEngine, EngineError, PathKind};
use crate::os::archive::{Owner, pack, unpack};
use crate::plan::lifecycle;
use crate::state::ObservedContainer;

/// Arguments of `cp`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A folder that is there gets the source into it, else the source gets that name; \
    `FOLDER/.` is what\nis in the folder; `-` is a tar archive on standard input or output.\n\n\
    Examples:\n  devstack cp dump.sql db:/tmp/\n  devstack cp api:/app/coverage ./coverage"
)]
pub(super) struct CpArgs {
    /// `SERVICE:PATH`, a path of this machine, or `-`
    #[arg(value_name = "SOURCE")]
    source: String,
    /// `SERVICE:PATH`, a path of this machine, or `-`
    #[arg(value_name = "TARGET")]
    target: String,
    /// Keep the numbers of user and group
    #[arg(short, long)]
    archive: bool,
    /// Copy what SOURCE leads to when it is a symbolic link
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "all")]
    index: u32,
    /// Copy to every container of the service, those of `run` too
    #[arg(long)]
    all: bool,
}

/// One side of a copy.
#[derive(Debug, PartialEq, Eq)]
enum Side<'a> {
    Container { service: &'a str, path: &'a str },
    Here(&'a str),
    Stream,
}

impl<'a> Side<'a> {
    fn parse(text: &'a str) -> Self {
        if text == "-" {
            return Self::Stream;
        }
        match text.split_once(':') {
            // `./a:b`, `/a:b` and `C:\x` are paths.
            Some((service, path)) => {
                let is_path = service.is_empty()
                    || service.starts_with('.')
                    || service.contains(['/', '\\'])
                    || (service.len() == 1 && path.starts_with('\\'));
                if is_path { Self::Here(text) } else { Self::Container { service, path } }
            }
            None => Self::Here(text),
        }
    }
}

pub(super) async fn cp(cx: &Context, args: CpArgs) -> Result<ExitStatus, CliError> {
    let owner = if args.archive { Owner::Kept } else { Owner::Copier };
    let (source, target) = (Side::parse(&args.source), Side::parse(&args.target));
    let (service, path) = match (&source, &target) {
        (Side::Container { service, path }, Side::Here(_) | Side::Stream)
        | (Side::Here(_) | Side::Stream, Side::Container { service, path }) => (*service, *path),
        (Side::Container { .. }, Side::Container { .. }) => {
            return Err(CliError::other(
                "both sides are in containers",
                "copy to this machine first: `devstack cp SERVICE:PATH .`",
            ));
        }
        _ => {
            return Err(CliError::other(
                "neither side is in a container",
                "write one of them as `SERVICE:PATH`",
            ));
        }
    };
    if path.is_empty() {
        return Err(CliError::other(
            format!("no path after `{service}:`"),
            format!("write `{service}:/PATH`"),
        ));
    }
    let scope = Scope::find(cx).await?;
    let service = scope.service(service)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let mut containers =
        lifecycle::selected(&scope.name, &observed, std::slice::from_ref(&service));
    if args.all {
        containers.extend(observed.containers.iter().filter(|container| {
            container.belongs_to(&scope.name)
                && container.is_one_off()
                && container.service().as_ref() == Some(&service)
        }));
    } else {
        containers.retain(|container| container.number() == args.index);
    }
    let Some(first) = containers.first() else {
        return Err(CliError::other(
            format!("service `{service}` has no such container"),
            format!("make it with `devstack up -d {service}`"),
        ));
    };
    if cx.global.dry_run {
        let names: Vec<&str> = containers.iter().map(|it| it.name.as_str()).collect();
        cx.print(&format!("copy {} to {} ({})", args.source, args.target, names.join(", ")))?;
        return Ok(ExitStatus::Success);
    }
    match (source, target) {
        (Side::Container { path, .. }, Side::Here(here)) => {
            from_container(&engine, first, path, here, args.follow_link, owner).await?;
        }
        (Side::Container { path, .. }, _) => {
            let path = follow(&engine, first, path, args.follow_link).await?;
            let mut chunks = engine.download(&first.id, &path);
            while let Some(chunk) = chunks.next().await {
                let written = io::stdout().lock().write_all(&chunk?);
                match written {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                    other => other.map_err(super::error::Problem::Output)?,
                }
            }
        }
        (Side::Here(here), Side::Container { path, .. }) => {
            for container in &containers {
                into_container(&engine, container, here, path, args.follow_link, owner).await?;
            }
        }
        (_, Side::Container { path, .. }) => {
            // A stream can be read only once.
            stream_in(&engine, first, path).await?;
        }
        _ => {}
    }
    Ok(ExitStatus::Success)
}

/// Where the symbolic link at `path` leads when it is to be followed.
async fn follow(
    engine: &DockerEngine,
    container: &ObservedContainer,
    path: &str,
    follow_link: bool,
) -> Result<String, CliError> {
    let told = engine.container_path(&container.id, path).await?;
    match told {
        None => Err(CliError::other(
            format!("there is no {path} in container `{}`", container.name),
            format!("look with `devstack exec SERVICE ls {}`", parent(path)),
        )),
        Some(told) if follow_link && told.kind == PathKind::Link => {
            Ok(resolve(path, &told.link_target))
        }
        Some(_) => Ok(path.to_owned()),
    }
}

/// The engine tells a link's target as it is seen from the container's root.
fn resolve(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("{}/{target}", parent(path).trim_end_matches('/'))
    }
}

fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        None | Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// `FOLDER/.` without its end, and whether that was there.
fn contents_of(path: &str) -> (&str, bool) {
    match path.strip_suffix("/.") {
        Some("") => ("/", true),
        Some(folder) => (folder, true),
        None => (path, path == "."),
    }
}

fn name_of(path: &str) -> Result<&str, CliError> {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if matches!(name, "" | "." | "..") {
        return Err(CliError::other(
            format!("`{path}` has no name that a copy could have"),
            "write `FOLDER/.` for what is in a folder",
        ));
    }
    Ok(name)
}

async fn from_container(
    engine: &DockerEngine,
    container: &ObservedContainer,
    path: &str,
    here: &str,
    follow_link: bool,
    owner: Owner,
) -> Result<(), CliError> {
    let (inside, contents) = contents_of(path);
    let inside = follow(engine, container, inside, follow_link || contents).await?;
    let kind = engine.container_path(&container.id, &inside).await?.map(|told| told.kind);
    let target = Path::new(here);
    let target: PathBuf = if target.is_dir() {
        if contents { target.to_owned() } else { target.join(name_of(path)?) }
    } else if kind == Some(PathKind::Folder) && target.exists() {
        return Err(CliError::other(
            format!("`{here}` is a file, and {path} is a folder"),
            "name a folder, or a name that is not taken",
        ));
    } else if kind != Some(PathKind::Folder) && here.ends_with('/') {
        return Err(CliError::other(
            format!("there is no folder `{here}`"),
            format!("make it with `mkdir -p {here}`"),
        ));
    } else {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            return Err(CliError::other(
                format!("there is no folder `{}`", parent.display()),
                format!("make it with `mkdir -p {}`", parent.display()),
            ));
        }
        target.to_owned()
    };
    let (sender, receiver) = mpsc::channel::<Bytes>(16);
    let unpacked = target.clone();
    let unpacking = tokio::task::spawn_blocking(move || {
        let reader = io::BufReader::new(Chunks { receiver, left: Bytes::new() });
        unpack(reader, &unpacked, owner)
    });
    let mut chunks = engine.download(&container.id, &inside);
    let mut failed: Option<EngineError> = None;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            // Whoever unpacks has given up, and says why.
            Ok(chunk) => {
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(sender);
    let unpacked = unpacking.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    if let Some(error) = failed {
        return Err(error.into());
    }
    unpacked.map_err(|error| {
        CliError::other(
            format!("cannot copy to `{}`: {error}", target.display()),
            "see whether the folder is there and may be written",
        )
    })
}

async fn into_container(
    engine: &DockerEngine,
    container: &ObservedContainer,
    here: &str,
    path: &str,
    follow_link: bool,
    owner: Owner,
) -> Result<(), CliError> {
    let (source, contents) = contents_of(here);
    let source = PathBuf::from(source);
    let metadata = source.symlink_metadata().map_err(|error| {
        CliError::other(format!("cannot read `{here}`: {error}"), "check the path")
    })?;
    let is_folder = if follow_link || contents { source.is_dir() } else { metadata.is_dir() };
    let mut told = engine.container_path(&container.id, path).await?;
    let mut path = path.to_owned();
    if let Some(link) = told.as_ref().filter(|told| told.kind == PathKind::Link) {
        path = resolve(&path, &link.link_target);
        told = engine.container_path(&container.id, &path).await?;
    }
    let (folder, name) = match told.map(|told| told.kind) {
        Some(PathKind::Folder) if contents => (path.as_str(), ""),
        Some(PathKind::Folder) => (path.as_str(), name_of(here)?),
        Some(_) if is_folder => {
            return Err(CliError::other(
                format!("{path} in `{}` is a file, and `{here}` is a folder", container.name),
                "name a folder, or a name that is not taken",
            ));
        }
        None if !is_folder && path.ends_with('/') => {
            return Err(CliError::other(
                format!("there is no folder {path} in `{}`", container.name),
                "make it with `devstack exec SERVICE mkdir -p PATH`",
            ));
        }
        _ => (parent(&path), name_of(&path)?),
    };
    let (sender, receiver) = mpsc::channel::<Bytes>(16);
    let name = PathBuf::from(name);
    let packing = tokio::task::spawn_blocking(move || {
        let writer = io::BufWriter::with_capacity(64 * 1024, Sender(sender));
        pack(&source, &name, follow_link || contents, owner, writer)
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let uploaded = engine.upload(&container.id, folder, chunks).await;
    let packed = packing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    // When the engine refuses, packing ends because nobody takes what it packs.
    uploaded.map_err(|error| refused(error, container, folder))?;
    packed.map_err(|error| {
        CliError::other(format!("cannot read `{here}`: {error}"), "what was copied so far is there")
    })
}

/// Why nothing could be copied into a folder, by the names that a person knows.
fn refused(mut error: EngineError, container: &ObservedContainer, folder: &str) -> CliError {
    if error.is_not_found() {
        return CliError::other(
            format!("there is no folder {folder} in `{}`", container.name),
            "make it with `devstack exec SERVICE mkdir -p PATH`",
        );
    }
    error.subject = format!("{folder} of {}", container.name);
    error.into()
}

/// Unpacks the archive on standard input into a folder.
async fn stream_in(
    engine: &DockerEngine,
    container: &ObservedContainer,
    path: &str,
) -> Result<(), CliError> {
    let (sender, receiver) = mpsc::channel::<Bytes>(16);
    let reading = tokio::task::spawn_blocking(move || {
        io::copy(&mut io::stdin().lock(), &mut Sender(sender)).map(drop)
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let uploaded = engine.upload(&container.id, path, chunks).await;
    uploaded.map_err(|error| refused(error, container, path))?;
    let read = reading.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| CliError::other(format!("cannot read the archive: {error}"), "try again"))
}

/// Writes into a channel from a thread that may wait.
struct Sender(mpsc::Sender<Bytes>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads from a channel on a thread that may wait.
struct Chunks {
    receiver: mpsc::Receiver<Bytes>,
    left: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.left = chunk,
                None => return Ok(0),
            }
        }
        let count = self.left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.left.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_told_apart() {
        let container = |service, path| Side::Container { service, path };
        for (text, expected) in [
            ("db:/tmp/x", container("db", "/tmp/x")),
            ("db:relative", container("db", "relative")),
            ("db:", container("db", "")),
            ("./db:/x", Side::Here("./db:/x")),
            ("/a:b", Side::Here("/a:b")),
            ("file.txt", Side::Here("file.txt")),
            (":x", Side::Here(":x")),
            (r"C:\x", Side::Here(r"C:\x")),
            ("-", Side::Stream),
        ] {
            assert_eq!(Side::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_inside_containers_have_parents_names_and_contents() {
        for (path, expected) in [("/a/b", "/a"), ("/a/", "/"), ("/", "/"), ("a", "/")] {
            assert_eq!(parent(path), expected, "{path}");
        }
        assert_eq!(name_of("/a/b/").unwrap(), "b");
        assert!(name_of("/").is_err() && name_of("a/..").is_err());
        assert_eq!(contents_of("/a/."), ("/a", true));
        assert_eq!(contents_of("/."), ("/", true));
        assert_eq!(contents_of("a/b"), ("a/b", false));
        assert_eq!(resolve("/a/link", "target"), "/a/target");
        assert_eq!(resolve("/link", "/else"), "/else");
    }
}
