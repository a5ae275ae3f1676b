//! What to do about what is in the way, in a line each.

use crate::engine::EngineErrorKind;
use crate::plan::{Conflict, PortConflict, PortOwner};

/// About a call that failed; `None` when only its words can tell.
pub(super) fn engine_hint(kind: &EngineErrorKind) -> Option<&'static str> {
    Some(match kind {
        EngineErrorKind::Unreachable { endpoint, .. } if endpoint.starts_with("unix:") => {
            "start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is \
             named by DOCKER_HOST or `docker context use`"
        }
        EngineErrorKind::Unreachable { .. } => "check DOCKER_HOST and `docker context ls`",
        EngineErrorKind::PermissionDenied { .. } => {
            "join its group with `sudo usermod -aG docker $USER`, then log in again; `devstack \
             doctor` tells whose it is"
        }
        EngineErrorKind::TooOld { .. } => "update the Docker Engine to 20.10 or newer",
        EngineErrorKind::ImageNotFound => {
            "check the image's name and tag in the file; a private image needs `docker login`"
        }
        EngineErrorKind::RegistryUnreachable(_) => {
            "check network and proxy; the presets' images can be built without a registry by \
             devstack's `scripts/images.sh`"
        }
        EngineErrorKind::RateLimited => "wait, or raise the limit with `docker login`",
        EngineErrorKind::Unauthorized => "log in with `docker login REGISTRY`",
        EngineErrorKind::PortTaken(_) => {
            "stop whoever listens there, or publish another host port in the file"
        }
        EngineErrorKind::NoSpace(_) => "make room: `docker system df` shows where it went",
        EngineErrorKind::TimedOut => "see whether the engine is busy, then try again",
        EngineErrorKind::Conflict(_) => {
            "another command seems to change this project at the same time; run it again when \
             that one is done"
        }
        EngineErrorKind::Build(_) | EngineErrorKind::NotFound(_) | EngineErrorKind::Refused(_) => {
            return None;
        }
    })
}

/// About what is not the project's.
pub(super) const fn conflict_hint(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::ContainerName { .. } => "remove that container, or choose another name",
        Conflict::ForeignNetwork { .. } => {
            "use it as it is with `external: true`, or choose another `name:`"
        }
        Conflict::ForeignVolume { .. } => {
            "use it as it is with `external: true` under `volumes:`, or choose another name"
        }
        Conflict::MissingExternalNetwork(_) => "make it with `docker network create`",
        Conflict::MissingExternalVolume(_) => "make it with `docker volume create`",
        Conflict::MissingImage { .. } => "pull or build it first, or change that setting",
        Conflict::NetworkOfOrphan { .. } => "remove it with `--remove-orphans`",
        Conflict::NetworkInUse { .. } => "run `devstack up` without naming services",
    }
}

/// About a port that somebody has.
pub(super) fn port_hint(conflict: &PortConflict) -> String {
    let port = conflict.wanted.port;
    match &conflict.owner {
        PortOwner::Container { project: Some(project), .. } => {
            format!("stop it with `devstack -p {project} stop`, or publish another host port")
        }
        PortOwner::Container { name, project: None } => {
            format!("stop it with `docker stop {name}`, or publish another host port")
        }
        PortOwner::Sibling { .. } => {
            "several containers of one service need a range of host ports, or none: `ports: \
             [\"8080-8082:80\"]` or `[\"80\"]`"
                .to_owned()
        }
        PortOwner::Service(_) => "publish another host port for one of them".to_owned(),
        PortOwner::Process { pid, .. } => {
            format!("end it with `kill {pid}`, or publish another host port")
        }
        PortOwner::Unknown => {
            format!("`sudo ss -ltnp 'sport = :{port}'` tells who; or publish another host port")
        }
    }
}
