//! `ready:`, devstack's own word for when a service can really be used.

use serde::Serialize;

use super::{Duration, Secret};

/// What must hold until a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ready {
    /// All of these must succeed.
    pub probes: Vec<Probe>,
    /// Longest wait after the container's start; the run's own limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// One way of asking. Ports are those inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Logs in as this user and runs `SELECT 1`.
    Postgres {
        /// The server's port.
        port: u16,
        /// Role to log in as.
        user: String,
        /// Its password.
        password: Secret,
        /// Database to open.
        database: String,
    },
    /// `PING`, after `AUTH` when there is a password; `LOADING` is not ready.
    Redis {
        /// The server's port.
        port: u16,
        /// ACL user; `default` when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// Its password.
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
    },
    /// The AMQP 0-9-1 handshake up to an open connection on this virtual host.
    Amqp {
        /// The broker's port.
        port: u16,
        /// User to log in as.
        user: String,
        /// Its password.
        password: Secret,
        /// Virtual host, `/` by default.
        vhost: String,
    },
    /// A GET request.
    Http {
        /// The server's port.
        port: u16,
        /// Path with query, beginning with `/`.
        path: String,
        /// The status that counts; any of 200 to 399 when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// A text that the body must contain.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// A connection that stays open for a moment.
    Tcp {
        /// The port to connect to.
        port: u16,
    },
    /// A line of the container's log, since its latest start.
    Log {
        /// Text that the line contains.
        pattern: String,
        /// Where to look.
        stream: LogStream,
    },
    /// A command inside the container that exits with 0.
    Exec {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// The service's health check: the engine's verdict or the same test run by devstack.
    Healthcheck,
}

/// Which output of a container to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output only.
    Stdout,
    /// Standard error only.
    Stderr,
    /// Both.
    Any,
}
