//! Networks and how a service joins them.

use std::net::{Ipv4Addr, Ipv6Addr};

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::ServiceName;
use super::mount::is_false;

/// A network of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Network {
    /// The engine's name: `PROJECT_KEY` unless the file names it.
    pub name: String,
    /// The driver; the engine's default (`bridge`) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub driver_opts: IndexMap<String, String>,
    /// Address management.
    #[serde(skip_serializing_if = "Ipam::is_default")]
    pub ipam: Ipam,
    /// Whether it exists outside this project and is only used.
    #[serde(skip_serializing_if = "is_false")]
    pub external: bool,
    /// Whether it has no way out.
    #[serde(skip_serializing_if = "is_false")]
    pub internal: bool,
    /// Whether containers outside of services may join it.
    #[serde(skip_serializing_if = "is_false")]
    pub attachable: bool,
    /// Whether it has IPv6 addresses; the engine's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<bool>,
    /// Whether it has IPv4 addresses; the engine's default when absent (API 1.47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
    /// Labels of the user's.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
}

/// Address management of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ipam {
    /// The driver; `default` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Address ranges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<IpamConfig>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, String>,
}

/// One address range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IpamConfig {
    /// In CIDR notation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The part of the subnet from which containers get addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// The bridge's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Reserved addresses by name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub aux_addresses: IndexMap<String, String>,
}

impl Ipam {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a service joins one network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkAttachment {
    /// Further names that resolve to the service there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_address: Option<Ipv4Addr>,
    /// A fixed IPv6 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<Ipv6Addr>,
    /// A fixed hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Higher is connected earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Higher is preferred as the way out (API 1.48).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw_priority: Option<i64>,
    /// Name of the interface inside the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_name: Option<String>,
    /// Further link-local addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link_local_ips: Vec<String>,
    /// Options of the network's driver for this endpoint.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub driver_opts: IndexMap<String, String>,
    /// Containers known under further names there, as `CONTAINER:NAME`; set when it is lowered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// `network_mode`: a namespace instead of networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// No network at all.
    None,
    /// The host's own.
    Host,
    /// The engine's default bridge.
    Bridge,
    /// The namespace of another service's first container.
    Service(ServiceName),
    /// The namespace of a container, by name or id.
    Container(String),
    /// A network of the engine, by its name there; `default` is what the engine takes for that.
    Network(String),
}

impl Serialize for NetworkMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Host => serializer.serialize_str("host"),
            Self::Bridge => serializer.serialize_str("bridge"),
            Self::Service(service) => serializer.collect_str(&format_args!("service:{service}")),
            Self::Container(container) => {
                serializer.collect_str(&format_args!("container:{container}"))
            }
            Self::Network(name) => serializer.serialize_str(name),
        }
    }
}
