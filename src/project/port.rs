//! Published ports.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

/// A container port and where the host publishes it (Compose Specification, "ports", long form).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Port {
    /// A name for people, such as `management`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The host's address to listen on. devstack's default is loopback.
    pub host_ip: IpAddr,
    /// The port inside the container.
    pub target: u16,
    /// The port on the host; the engine picks a free one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedPort>,
    /// TCP when the file does not say.
    pub protocol: Protocol,
    /// The protocol spoken on top, such as `http`; only for people and tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// One host port, or a range from which the engine takes the first free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublishedPort {
    /// Exactly this port.
    Fixed(u16),
    /// Any port from the first to the last, both included.
    Range(u16, u16),
    /// devstack: this port when it is free, else one that devstack chooses and keeps.
    Auto(u16),
}

/// The transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The engine's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl Port {
    /// The port that is taken when it is free, where devstack chooses.
    #[must_use]
    pub const fn auto(&self) -> Option<u16> {
        match self.published {
            Some(PublishedPort::Auto(usual)) => Some(usual),
            _ => None,
        }
    }

    /// The host port when it is known before the engine runs the container.
    #[must_use]
    pub const fn fixed(&self) -> Option<u16> {
        match self.published {
            Some(PublishedPort::Fixed(port)) => Some(port),
            _ => None,
        }
    }
}

impl fmt::Display for PublishedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(port) => port.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Auto(usual) => write!(f, "auto:{usual}"),
        }
    }
}

impl Serialize for PublishedPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
