//! The rarer settings of a service, which the engine takes as they are.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::mount::is_false;

/// Rarer settings of a container. Field names are Compose's keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct HostSettings {
    /// Metadata for the OCI runtime (API 1.43).
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
    /// Weights and limits of block devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blkio_config: Option<BlkioConfig>,
    /// Control group namespace: `host` or `private`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// Control group above the container's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
    /// Cores, on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_count: Option<i64>,
    /// Share of the cores in percent, on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Period of the CPU scheduler in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_period: Option<i64>,
    /// Time within a period in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<i64>,
    /// Period of the real-time scheduler in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_rt_period: Option<i64>,
    /// Real-time within a period in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_rt_runtime: Option<i64>,
    /// Rules for devices that appear later, such as `c 1:3 mr`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_cgroup_rules: Vec<String>,
    /// Containers outside of the project to link to, as `CONTAINER[:NAME]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_links: Vec<String>,
    /// GPUs and other devices by what they can do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<DeviceRequest>,
    /// Isolation technology, on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// Services to link to, as `SERVICE[:NAME]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Hardware address on the first network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// How readily the kernel swaps its memory, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub mem_swappiness: Option<i64>,
    /// Whether the kernel must not kill it when memory is short.
    #[serde(skip_serializing_if = "is_false")]
    pub oom_kill_disable: bool,
    /// Devices of `deploy.resources.reservations`.
    #[serde(
        rename = "deploy",
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "in_deploy"
    )]
    pub reserved: Vec<DeviceRequest>,
    /// The text of the seccomp profile that `security_opt` names as a file.
    #[serde(skip)]
    pub seccomp_profile: Option<String>,
    /// Options of the storage driver.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub storage_opt: IndexMap<String, String>,
    /// User namespace: `host` switches remapping off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userns_mode: Option<String>,
    /// Host name namespace: `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uts: Option<String>,
    /// Services, or `container:NAME`, whose mounts it gets too; `:ro` behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<String>,
}

/// Weights and limits of block devices (Compose Specification, "blkio_config").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BlkioConfig {
    /// Relative weight, 10 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Weights of single devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weight_device: Vec<DeviceWeight>,
    /// Bytes read a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_read_bps: Vec<DeviceRate>,
    /// Reads a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_read_iops: Vec<DeviceRate>,
    /// Bytes written a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_write_bps: Vec<DeviceRate>,
    /// Writes a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_write_iops: Vec<DeviceRate>,
}

/// The weight of one block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceWeight {
    /// Path on the host.
    pub path: String,
    /// Relative weight, 10 to 1000.
    pub weight: u16,
}

/// A limit of one block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRate {
    /// Path on the host.
    pub path: String,
    /// Bytes or operations a second.
    #[serde(serialize_with = "number_as_text")]
    pub rate: u64,
}

/// Devices asked for by what they can do (`gpus`, `deploy.resources.reservations.devices`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DeviceRequest {
    /// What they must be able to do: `gpu`, `tpu` or names of the driver's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// How many; -1 is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Exactly these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_ids: Vec<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, String>,
}

impl HostSettings {
    /// The file that an option of `security_opt` names as the seccomp profile; `None` for other
    /// options, and for profiles that the engine knows by name.
    #[must_use]
    pub fn seccomp_file(option: &str) -> Option<&str> {
        let (name, profile) = option.split_once(['=', ':'])?;
        (name == "seccomp" && !matches!(profile, "unconfined" | "builtin")).then_some(profile)
    }

    /// The services and containers that [`HostSettings::volumes_from`] names, each with whether
    /// its mounts are read-only here.
    pub fn volume_owners(&self) -> impl Iterator<Item = (VolumeOwner<'_>, bool)> {
        self.volumes_from.iter().map(|entry| {
            let (owner, read_only) = match entry.strip_suffix(":ro") {
                Some(owner) => (owner, true),
                None => (entry.strip_suffix(":rw").unwrap_or(entry), false),
            };
            let owner = match owner.strip_prefix("container:") {
                Some(container) => VolumeOwner::Container(container),
                None => VolumeOwner::Service(owner),
            };
            (owner, read_only)
        })
    }
}

/// Whose mounts a service takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeOwner<'a> {
    /// Another service of the project.
    Service(&'a str),
    /// Any container.
    Container(&'a str),
}

/// Where `deploy` has the devices.
fn in_deploy<S: Serializer>(devices: &[DeviceRequest], serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::json!({ "resources": { "reservations": { "devices": devices } } })
        .serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn as_text<S: Serializer>(
    number: &Option<i64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match number {
        // Compose takes "no limit" as a number only.
        Some(number) if *number < 0 => serializer.serialize_i64(*number),
        Some(number) => serializer.collect_str(number),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn number_as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
