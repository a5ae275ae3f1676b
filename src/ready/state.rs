//! What one attempt found. Plain data whose `Display` is the text that a person sees.

use std::fmt;
use std::io;

use crate::project::Secret;

/// The longest text of a server that is passed on, in characters.
const QUOTE_LIMIT: usize = 160;

/// The outcome of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeState {
    /// The service does what the probe asks of it.
    Ready,
    /// It does not, for this reason.
    NotYet(Reason),
}

/// Why a service is not ready. Two equal reasons are the same state to a display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// This machine has no such interface, or may not bind to it: the container's address cannot
    /// be used from here and the published port is to be asked instead.
    NoInterface {
        /// The interface's name.
        interface: String,
    },
    /// The container's address cannot be reached.
    Unreachable,
    /// The address did not answer the attempt to connect.
    ConnectTimeout,
    /// Nothing listens.
    ConnectionRefused,
    /// The connection was closed before an answer. The engine's port proxy does that while
    /// nothing listens in the container.
    Closed,
    /// The connection is open but there is no answer.
    Silent,
    /// The answer does not belong to the protocol.
    UnexpectedAnswer {
        /// The protocol that was spoken.
        protocol: &'static str,
    },
    /// The server says that it starts.
    StartingUp,
    /// The server replays its log after a crash.
    Recovering,
    /// The server says that it stops.
    ShuttingDown,
    /// The server reads its data into memory.
    Loading {
        /// How far it is, when it says so.
        percent: Option<u8>,
    },
    /// The server is up but full.
    TooManyConnections,
    /// The server is up and knows another password, or no such user.
    WrongPassword,
    /// The server is up, wants a password and the probe has none.
    PasswordRequired,
    /// The server is up, has no password and the probe has one.
    PasswordNotSet,
    /// The server is up and does not let this user in.
    LoginRefused {
        /// The server's words, when they say more.
        detail: Option<String>,
    },
    /// The server is up, and its own configuration lets nobody in from here.
    NoEntry {
        /// The server's words.
        detail: String,
    },
    /// The server is up and has no such database.
    DatabaseMissing,
    /// The broker is up and has no such virtual host.
    VhostMissing,
    /// The server is up and answers with this complaint.
    Rejected {
        /// The server's words.
        message: String,
    },
    /// The server is up and answers with a status that does not count.
    HttpStatus {
        /// The status.
        status: u16,
        /// The `message` of a JSON body.
        message: Option<String>,
    },
    /// The gateway is up and has nothing to serve (Kong without a declarative configuration).
    NotConfigured,
    /// The server answers with the right status and another body.
    BodyLacks {
        /// The text that was looked for.
        expected: String,
    },
    /// The probe itself cannot be asked.
    InvalidProbe {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another failure of the network.
    Network(io::ErrorKind),
}

impl ProbeState {
    /// Tells whether the service itself took the connection, whatever it said then.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        match self {
            Self::Ready => true,
            Self::NotYet(reason) => !matches!(
                reason,
                Reason::NoInterface { .. }
                    | Reason::Unreachable
                    | Reason::ConnectTimeout
                    | Reason::ConnectionRefused
                    | Reason::Closed
                    | Reason::InvalidProbe { .. }
                    | Reason::Network(_)
            ),
        }
    }
}

impl Reason {
    /// Tells whether waiting will hardly help, because configuration and service disagree.
    ///
    /// This is a hint and no error: a service that is still initialising may create the database
    /// or the user that is missing now.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::WrongPassword
                | Self::PasswordRequired
                | Self::PasswordNotSet
                | Self::LoginRefused { .. }
                | Self::NoEntry { .. }
                | Self::DatabaseMissing
                | Self::VhostMissing
                | Self::InvalidProbe { .. }
        )
    }

    /// Tells whether waiting cannot help: a server that answers so has made up its mind, and what
    /// makes its database listens nowhere while it does.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::NoEntry { .. })
    }

    /// Reads the failure of a socket.
    pub(super) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            kind => Self::Network(kind),
        }
    }
}

impl From<Result<(), Reason>> for ProbeState {
    fn from(outcome: Result<(), Reason>) -> Self {
        match outcome {
            Ok(()) => Self::Ready,
            Err(reason) => Self::NotYet(reason),
        }
    }
}

impl fmt::Display for ProbeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NotYet(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface { interface } => {
                write!(f, "network interface `{interface}` cannot be used from here")
            }
            Self::Unreachable => f.write_str("address not reachable"),
            Self::ConnectTimeout => f.write_str("no answer from the address"),
            Self::ConnectionRefused => f.write_str("connection refused"),
            Self::Closed => f.write_str("connection closed without an answer"),
            Self::Silent => f.write_str("listening, not answering"),
            Self::UnexpectedAnswer { protocol } => {
                write!(f, "listening, does not answer in {protocol}")
            }
            Self::StartingUp => f.write_str("starting up"),
            Self::Recovering => f.write_str("recovering"),
            Self::ShuttingDown => f.write_str("shutting down"),
            Self::Loading { percent: Some(percent) } => write!(f, "loading {percent} %"),
            Self::Loading { percent: None } => f.write_str("loading"),
            Self::TooManyConnections => f.write_str("up, too many connections"),
            Self::WrongPassword => f.write_str("up, wrong password"),
            Self::PasswordRequired => f.write_str("up, wants a password"),
            Self::PasswordNotSet => f.write_str("up, has no password set"),
            Self::LoginRefused { detail: Some(detail) } | Self::NoEntry { detail } => {
                write!(f, "up, login refused: {detail}")
            }
            Self::LoginRefused { detail: None } => f.write_str("up, login refused"),
            Self::DatabaseMissing => f.write_str("up, database missing"),
            Self::VhostMissing => f.write_str("up, no such virtual host"),
            Self::Rejected { message } => write!(f, "up, answers: {message}"),
            Self::HttpStatus { status, message: Some(message) } => {
                write!(f, "HTTP {status}: {message}")
            }
            Self::HttpStatus { status, message: None } => write!(f, "HTTP {status}"),
            Self::NotConfigured => f.write_str("up, not configured"),
            Self::BodyLacks { expected } => write!(f, "up, answer lacks `{expected}`"),
            Self::InvalidProbe { problem } => write!(f, "probe cannot be asked: {problem}"),
            Self::Network(kind) => kind.fmt(f),
        }
    }
}

/// Makes a server's text fit for a line on a terminal: one line, no control characters, not
/// long, and without the secret that a server may echo.
pub(super) fn quote(text: &[u8], secret: Option<&Secret>) -> String {
    let mut text = String::from_utf8_lossy(text).into_owned();
    if let Some(secret) = secret.map(Secret::expose).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    let printable: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let mut words = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(QUOTE_LIMIT) {
        words.truncate(end);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_counts_as_open_when_the_service_itself_took_the_connection() {
        let cases = [
            (Reason::ConnectionRefused, false),
            // That was the engine's proxy.
            (Reason::Closed, false),
            (Reason::ConnectTimeout, false),
            (Reason::Network(io::ErrorKind::AddrInUse), false),
            (Reason::Silent, true),
            (Reason::StartingUp, true),
            (Reason::WrongPassword, true),
            (Reason::HttpStatus { status: 503, message: None }, true),
            (Reason::NotConfigured, true),
        ];
        for (reason, expected) in cases {
            assert_eq!(ProbeState::NotYet(reason.clone()).is_listening(), expected, "{reason:?}");
        }
        assert!(ProbeState::Ready.is_listening());
    }

    #[test]
    fn reasons_read_in_few_words() {
        let text = |text: &str| text.to_owned();
        let cases = [
            (
                Reason::NoInterface { interface: text("br-1") },
                "network interface `br-1` cannot be used from here",
            ),
            (Reason::ConnectionRefused, "connection refused"),
            (Reason::Silent, "listening, not answering"),
            (Reason::UnexpectedAnswer { protocol: "Redis" }, "listening, does not answer in Redis"),
            (Reason::Loading { percent: Some(40) }, "loading 40 %"),
            (Reason::Loading { percent: None }, "loading"),
            (Reason::LoginRefused { detail: None }, "up, login refused"),
            (
                Reason::LoginRefused { detail: Some(text("no entry")) },
                "up, login refused: no entry",
            ),
            (
                Reason::HttpStatus { status: 503, message: Some(text("no config")) },
                "HTTP 503: no config",
            ),
            (Reason::HttpStatus { status: 500, message: None }, "HTTP 500"),
            (Reason::NotConfigured, "up, not configured"),
            (Reason::Recovering, "recovering"),
            (Reason::BodyLacks { expected: text("available") }, "up, answer lacks `available`"),
            (Reason::Network(io::ErrorKind::AddrInUse), "address in use"),
        ];
        for (reason, expected) in cases {
            assert_eq!(ProbeState::NotYet(reason).to_string(), expected);
        }
        assert_eq!(ProbeState::Ready.to_string(), "ready");
    }

    #[test]
    fn socket_failures_become_reasons() {
        let cases = [
            (io::ErrorKind::ConnectionRefused, Reason::ConnectionRefused),
            (io::ErrorKind::ConnectionReset, Reason::Closed),
            (io::ErrorKind::BrokenPipe, Reason::Closed),
            (io::ErrorKind::HostUnreachable, Reason::Unreachable),
            (io::ErrorKind::NetworkUnreachable, Reason::Unreachable),
            (io::ErrorKind::TimedOut, Reason::ConnectTimeout),
            (io::ErrorKind::PermissionDenied, Reason::Network(io::ErrorKind::PermissionDenied)),
        ];
        for (kind, expected) in cases {
            assert_eq!(Reason::from_io(&kind.into()), expected);
        }
    }

    #[test]
    fn quoted_text_is_one_short_line_without_the_secret() {
        let secret = Secret::new("s3cret");
        let empty = Secret::new("");
        let cases = [
            (&b"plain"[..], None, "plain"),
            (b"a\r\n\tb\x1b[31m  c\x00", None, "a b [31m c"),
            (b"args: 's3cret', 's3cret'", Some(&secret), "args: '***', '***'"),
            (b"nothing to hide", Some(&empty), "nothing to hide"),
            (b"\xff\xfe", None, "\u{fffd}\u{fffd}"),
            (b"", None, ""),
        ];
        for (text, secret, expected) in cases {
            assert_eq!(quote(text, secret), expected);
        }
        assert_eq!(quote(&[b'x'; 500], None), format!("{}…", "x".repeat(QUOTE_LIMIT)));
    }
}
