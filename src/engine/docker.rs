//! The connection to a real engine: where it is, which API both sides know.

use std::sync::Arc;

use bollard::errors::Error as BollardError;
use bollard::{ClientVersion, Docker};

use super::endpoint::Endpoint;
use super::error::{EngineError, EngineErrorKind};

/// Seconds until a call counts as unanswered. Long, since stopping a container may take its whole
/// grace period.
const TIMEOUT_SECONDS: u64 = 600;

/// The API of Engine 20.10: what devstack needs is all there since then.
const OLDEST_API: (usize, usize) = (1, 41);

/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    pub(super) docker: Docker,
    pub(super) endpoint: Arc<Endpoint>,
    version: EngineVersion,
    client_version: ClientVersion,
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// Its version, such as `26.1.5`.
    pub engine: String,
    /// The API version in use, such as `1.45`: the newest that both sides know.
    pub api: String,
    /// `linux/amd64`
    pub platform: String,
    api_minor: u64,
}

impl DockerEngine {
    /// Connects and agrees on an API version.
    ///
    /// # Errors
    /// When nobody answers, the socket is closed to this user, or the engine is too old.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, EngineError> {
        let failed = |error: &BollardError| {
            EngineError::from_bollard("use", "the Docker Engine", &endpoint.url, error)
        };
        if let Some(reason) = endpoint.unusable() {
            let kind = EngineErrorKind::Unreachable { endpoint: endpoint.url.clone(), reason };
            return Err(EngineError::new("use", "the Docker Engine", kind));
        }
        let newest = bollard::API_DEFAULT_VERSION;
        let docker = open(&endpoint, newest).map_err(|error| failed(&error))?;
        let told = docker.version().await.map_err(|error| failed(&error))?;
        // One question settles both what the engine is and which API both sides know.
        let offered = told.api_version.as_deref().and_then(api_version).unwrap_or(OLDEST_API);
        if offered < OLDEST_API {
            let version = format!("{}.{}", offered.0, offered.1);
            return Err(EngineError::new(
                "use",
                "the Docker Engine",
                EngineErrorKind::TooOld { version },
            ));
        }
        let (major_version, minor_version) =
            offered.min((newest.major_version, newest.minor_version));
        let api = ClientVersion { major_version, minor_version };
        let docker = open(&endpoint, &api).map_err(|error| failed(&error))?;
        let version = EngineVersion {
            engine: told.version.unwrap_or_default(),
            platform: format!("{}/{}", told.os.unwrap_or_default(), told.arch.unwrap_or_default()),
            api_minor: u64::try_from(api.minor_version).unwrap_or_default(),
            api: api.to_string(),
        };
        Ok(Self { docker, endpoint: Arc::new(endpoint), version, client_version: api })
    }

    /// The same engine over connections of its own, for another runtime: a connection is served by
    /// the runtime that it was first used in.
    ///
    /// # Errors
    /// When the endpoint's certificates cannot be read any more.
    pub fn apart(&self) -> Result<Self, EngineError> {
        let docker = open(&self.endpoint, &self.client_version)
            .map_err(|error| self.error("connect to", "the Docker Engine", &error))?;
        Ok(Self { docker, ..self.clone() })
    }

    /// What the engine says of itself.
    #[must_use]
    pub const fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the API is at least `1.minor`.
    pub(super) const fn has_api(&self, minor: u64) -> bool {
        self.version.api_minor >= minor
    }

    pub(super) fn error(
        &self,
        action: &'static str,
        subject: impl Into<String>,
        error: &BollardError,
    ) -> EngineError {
        EngineError::from_bollard(action, subject, &self.endpoint.url, error)
    }
}

/// `1.41` as numbers.
fn api_version(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn open(endpoint: &Endpoint, version: &ClientVersion) -> Result<Docker, BollardError> {
    let url = endpoint.url.as_str();
    if let Some(tls) = &endpoint.tls {
        return Docker::connect_with_ssl(
            url,
            &tls.join("key.pem"),
            &tls.join("cert.pem"),
            &tls.join("ca.pem"),
            TIMEOUT_SECONDS,
            version,
        );
    }
    #[cfg(unix)]
    if url.starts_with("unix://") {
        return Docker::connect_with_unix(url, TIMEOUT_SECONDS, version);
    }
    #[cfg(windows)]
    if url.starts_with("npipe://") {
        return Docker::connect_with_named_pipe(url, TIMEOUT_SECONDS, version);
    }
    if url.starts_with("ssh://") {
        return Docker::connect_with_ssh(url, TIMEOUT_SECONDS, version, None);
    }
    if url.starts_with("tcp://") || url.starts_with("http://") {
        return Docker::connect_with_http(url, TIMEOUT_SECONDS, version);
    }
    Docker::connect_with_host(url)
}
