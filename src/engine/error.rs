//! What can go wrong with the engine, sorted by what a person can do about it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use bollard::errors::Error as BollardError;

/// A call that failed: what was attempted, on what, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {subject}: {kind}")]
pub struct EngineError {
    /// The verb, such as `create container`.
    pub action: &'static str,
    /// The thing's name.
    pub subject: String,
    /// Why.
    pub kind: EngineErrorKind,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// Nobody answers at the engine's address.
    Unreachable {
        /// The address.
        endpoint: String,
        /// The system's reason.
        reason: String,
    },
    /// This user may not use the engine's socket.
    PermissionDenied {
        /// The socket.
        endpoint: String,
    },
    /// The engine is older than API 1.41.
    TooOld {
        /// The API version that it offers.
        version: String,
    },
    /// The thing is not there.
    NotFound(String),
    /// The thing is there already, or in use.
    Conflict(String),
    /// The image does not exist in its registry.
    ImageNotFound,
    /// The registry cannot be reached.
    RegistryUnreachable(String),
    /// The registry wants fewer pulls.
    RateLimited,
    /// The registry wants a login.
    Unauthorized,
    /// A host port is taken.
    PortTaken(String),
    /// No space left.
    NoSpace(String),
    /// An image build failed.
    Build(Box<BuildFailure>),
    /// No answer in time.
    TimedOut,
    /// The engine refused for another reason, in its own words.
    Refused(String),
}

/// The step at which a build failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildFailure {
    /// BuildKit's name of the step, when one failed.
    pub step: Option<String>,
    /// The last lines that it printed.
    pub output: Vec<String>,
    /// The engine's words.
    pub message: String,
    /// What it takes for meant instead of a word that it does not know.
    pub meant: Option<String>,
    /// Where in the Dockerfile, when that is known.
    pub instruction: Option<FailedInstruction>,
}

/// The part of a Dockerfile at which a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedInstruction {
    /// The Dockerfile; `None` when it is an inline one.
    pub file: Option<PathBuf>,
    /// Its text.
    pub dockerfile: String,
    /// The bytes there of the instruction, or of the word in it that is wrong.
    pub place: Range<usize>,
}

impl EngineError {
    pub(super) fn new(
        action: &'static str,
        subject: impl Into<String>,
        kind: EngineErrorKind,
    ) -> Self {
        Self { action, subject: subject.into(), kind }
    }

    /// Turns bollard's error into ours. The endpoint is only named where it cannot be reached.
    pub(super) fn from_bollard(
        action: &'static str,
        subject: impl Into<String>,
        endpoint: &str,
        error: &BollardError,
    ) -> Self {
        Self::new(action, subject, classify(error, endpoint))
    }

    /// Whether the engine itself cannot be used, so that nothing else will work either.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self.kind,
            EngineErrorKind::Unreachable { .. }
                | EngineErrorKind::PermissionDenied { .. }
                | EngineErrorKind::TooOld { .. }
        )
    }

    /// Whether the thing is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.kind, EngineErrorKind::NotFound(_))
    }
}

impl BuildFailure {
    /// What the engine's words say apart from the Dockerfile, such as that a registry cannot be
    /// reached.
    #[must_use]
    pub fn cause(&self) -> EngineErrorKind {
        classify_message(None, &self.message)
    }
}

impl EngineErrorKind {
    /// Whether a command could not be run because the image has no such program.
    #[must_use]
    pub fn is_missing_program(&self) -> bool {
        let (Self::Refused(message) | Self::NotFound(message)) = self else { return false };
        message.contains("executable file not found") || message.contains("no such file")
    }
}

fn classify(error: &BollardError, endpoint: &str) -> EngineErrorKind {
    match error {
        BollardError::DockerResponseServerError { status_code, message } => {
            classify_message(Some(*status_code), message)
        }
        BollardError::DockerStreamError { error } => classify_message(None, error),
        BollardError::RequestTimeoutError => EngineErrorKind::TimedOut,
        BollardError::SocketNotFoundError(path) => EngineErrorKind::Unreachable {
            endpoint: endpoint.to_owned(),
            reason: format!("{path} does not exist"),
        },
        other => match io_error(other) {
            Some(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
                EngineErrorKind::PermissionDenied { endpoint: endpoint.to_owned() }
            }
            Some(io) => EngineErrorKind::Unreachable {
                endpoint: endpoint.to_owned(),
                reason: io_reason(io),
            },
            None if is_cut_off(other) => EngineErrorKind::Unreachable {
                endpoint: endpoint.to_owned(),
                reason: format!("the connection broke off ({})", deepest(other)),
            },
            None => EngineErrorKind::Refused(deepest(other)),
        },
    }
}

/// Sorts an answer of the engine by its status and its words. The words are the engine's own and
/// have been stable for years; where they are not known the whole message is shown.
pub(super) fn classify_message(status: Option<u16>, message: &str) -> EngineErrorKind {
    let message = plain(message);
    let lower = message.to_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
    let message = || message.clone();
    // Without `bind`, an address in use is a container's on its network.
    if has(&[
        "port is already allocated",
        "bind: address already in use",
        "failed to bind host port",
    ]) {
        return EngineErrorKind::PortTaken(message());
    }
    if has(&["no space left on device"]) {
        return EngineErrorKind::NoSpace(message());
    }
    if has(&["toomanyrequests", "too many requests", "rate limit"]) {
        return EngineErrorKind::RateLimited;
    }
    if has(&[
        "no such host",
        "i/o timeout",
        "tls handshake timeout",
        "network is unreachable",
        "temporary failure in name resolution",
        "client.timeout exceeded",
        "proxyconnect",
    ]) || (has(&["connection refused", "context deadline exceeded", "server misbehaving"])
        && has(&["get \"http", "head \"http", "dial tcp", "lookup "]))
    {
        return EngineErrorKind::RegistryUnreachable(message());
    }
    if has(&[
        "manifest unknown",
        "manifest for ",
        "repository does not exist",
        "name unknown",
        "no matching manifest",
    ]) || (has(&["pull access denied"]))
    {
        return EngineErrorKind::ImageNotFound;
    }
    if has(&["unauthorized", "authentication required", "no basic auth credentials"]) {
        return EngineErrorKind::Unauthorized;
    }
    match status {
        Some(404) => EngineErrorKind::NotFound(message()),
        Some(409) => EngineErrorKind::Conflict(message()),
        _ => EngineErrorKind::Refused(message()),
    }
}

/// The engine's words on one line, without the names of the programs that handed them on.
fn plain(message: &str) -> String {
    const HANDED_ON: [&str; 6] = [
        "failed to create task for container: ",
        "failed to create shim task: ",
        "OCI runtime create failed: ",
        "runc create failed: ",
        "unable to start container process: ",
        "error during container init: ",
    ];
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    let mut rest = line.as_str();
    while let Some(inner) = HANDED_ON.iter().find_map(|words| rest.strip_prefix(words)) {
        rest = inner;
    }
    if rest.len() == line.len() {
        return line;
    }
    rest.replacen(": unknown", "", 1)
}

fn io_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    let mut current: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = current {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io);
        }
        current = error.source();
    }
    None
}

fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "the socket does not exist".to_owned(),
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether the engine went away in the middle of an answer.
fn is_cut_off(error: &BollardError) -> bool {
    match error {
        BollardError::HyperResponseError { err } => !err.is_parse() && !err.is_user(),
        BollardError::HyperLegacyError { .. } => true,
        // What breaks off in a stream of log lines or of an exec's output. Other kinds come from
        // files, such as those of TLS.
        BollardError::IOError { err } => matches!(
            err.kind(),
            std::io::ErrorKind::Other
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::BrokenPipe
        ),
        _ => false,
    }
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

impl fmt::Display for EngineErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { endpoint, reason } => {
                write!(f, "no Docker Engine answers at {endpoint}: {reason}")
            }
            Self::PermissionDenied { endpoint } => {
                write!(f, "no permission to use the Docker Engine at {endpoint}")
            }
            Self::TooOld { version } => {
                write!(f, "the engine's API {version} is older than 1.41")
            }
            Self::NotFound(message)
            | Self::Conflict(message)
            | Self::PortTaken(message)
            | Self::NoSpace(message)
            | Self::Refused(message) => f.write_str(message),
            Self::ImageNotFound => f.write_str("its registry has no such image"),
            Self::RegistryUnreachable(message) => {
                write!(f, "its registry cannot be reached ({message})")
            }
            Self::RateLimited => f.write_str("its registry limits how often you may pull"),
            Self::Unauthorized => f.write_str("its registry asks for a login"),
            Self::Build(failure) => match &failure.step {
                // What the builder does for itself, such as asking a registry, tells nobody more.
                Some(step) if step.starts_with("[internal]") => f.write_str(&failure.message),
                Some(step) => write!(f, "step `{}` failed: {}", short(step), failure.message),
                None => f.write_str(&failure.message),
            },
            Self::TimedOut => f.write_str("the engine did not answer in time"),
        }
    }
}

/// The beginning of a step's name: a command may go on for pages.
fn short(step: &str) -> String {
    let words = step.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(STEP_CHARACTERS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// So much of a step's name tells which one it is.
const STEP_CHARACTERS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_named_by_its_beginning() {
        let shown = |step: &str| {
            let step = Some(step.to_owned());
            let message = "exit code 2".to_owned();
            EngineErrorKind::Build(Box::new(BuildFailure { step, message, ..Default::default() }))
                .to_string()
        };
        assert_eq!(shown("[2/2] RUN a \n  b"), "step `[2/2] RUN a b` failed: exit code 2");
        assert_eq!(shown("[internal] load metadata for docker.io/x"), "exit code 2");
        let long = shown(&format!("[2/2] RUN {}", "é".repeat(200)));
        assert_eq!(long, format!("step `[2/2] RUN {}…` failed: exit code 2", "é".repeat(70)));
    }

    #[test]
    fn a_stream_that_breaks_off_is_an_engine_that_went_away() {
        let broken = BollardError::IOError { err: std::io::Error::other("error reading a body") };
        let error = EngineError::from_bollard("read the log of", "web", "unix:///e.sock", &broken);
        assert!(error.is_unreachable(), "{error}");
        let missing = BollardError::IOError { err: std::io::ErrorKind::NotFound.into() };
        let error = EngineError::from_bollard("use", "the engine", "tcp://h:1", &missing);
        assert!(!error.is_unreachable(), "{error}");
    }

    #[test]
    fn answers_are_sorted_by_what_can_be_done() {
        let unreachable = |message: &str| EngineErrorKind::RegistryUnreachable(message.to_owned());
        let refused = "driver failed programming external connectivity on endpoint x: Bind for \
                       127.0.0.1:5432 failed: port is already allocated";
        let lookup = "Get \"https://registry.example.org/v2/\": dial tcp: lookup registry.example.org: \
                      no such host";
        let cases = [
            (Some(500), refused, EngineErrorKind::PortTaken(refused.to_owned())),
            (Some(500), lookup, unreachable(lookup)),
            (
                Some(404),
                "manifest for x:1 not found: manifest unknown",
                EngineErrorKind::ImageNotFound,
            ),
            (
                Some(404),
                "pull access denied for x, repository does not exist or may require 'docker login'",
                EngineErrorKind::ImageNotFound,
            ),
            (None, "toomanyrequests: You have reached your limit", EngineErrorKind::RateLimited),
            (Some(401), "unauthorized: authentication required", EngineErrorKind::Unauthorized),
            (
                Some(404),
                "No such container: x",
                EngineErrorKind::NotFound("No such container: x".to_owned()),
            ),
            (Some(409), "in use", EngineErrorKind::Conflict("in use".to_owned())),
            (
                Some(500),
                "write /x: no space left on device",
                EngineErrorKind::NoSpace("write /x: no space left on device".to_owned()),
            ),
            (Some(500), "odd", EngineErrorKind::Refused("odd".to_owned())),
            // A refused connection inside a build or a container is no registry's fault.
            (
                Some(500),
                "connection refused",
                EngineErrorKind::Refused("connection refused".to_owned()),
            ),
        ];
        for (status, message, expected) in cases {
            assert_eq!(classify_message(status, message), expected, "{message}");
        }
    }
}
