//! A container, a network, a volume as it is, in the words of the files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerInspectResponse, EndpointSettings, HealthConfig, HostConfig, ImageConfig,
    NetworkInspect, ResourcesUlimits, RestartPolicyNameEnum, Volume,
};
use bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptions};

use super::DockerEngine;
use super::error::EngineError;
use crate::project::{Bytes, Duration, ImageRef};
use crate::state::facets::{
    Facet, Facets, healthcheck_facet, mount_text, port_text, size_facet, swap_is_set,
};
use crate::state::{ObservedContainer, is_anonymous};

impl DockerEngine {
    /// What a container was made of. What it has from its image is left out.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn facets_of(&self, container: &ObservedContainer) -> Result<Facets, EngineError> {
        let id = &container.id;
        let answer = self
            .docker
            .inspect_container(&id.0, None::<InspectContainerOptions>)
            .await
            .map_err(|error| self.error("inspect container", id.short(), &error))?;
        // An image that was removed by force has nothing to compare with.
        let image = self.docker.inspect_image(&container.image_id).await;
        let image = image.ok().and_then(|image| image.config).unwrap_or_default();
        Ok(facets(answer, &image))
    }

    /// What a network was made of.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn facets_of_network(&self, name: &str) -> Result<Facets, EngineError> {
        let answer = self.docker.inspect_network(name, None::<InspectNetworkOptions>).await;
        answer.map(network).map_err(|error| self.error("inspect network", name, &error))
    }

    /// What a volume was made of.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn facets_of_volume(&self, name: &str) -> Result<Facets, EngineError> {
        let answer = self.docker.inspect_volume(name).await;
        answer.map(volume).map_err(|error| self.error("inspect volume", name, &error))
    }
}

fn facets(answer: ContainerInspectResponse, image: &ImageConfig) -> Facets {
    let config = answer.config.unwrap_or_default();
    let host = answer.host_config.unwrap_or_default();
    let own = |value: Option<String>, from_image: &Option<String>| {
        value
            .filter(|value| !value.is_empty() && Some(value) != from_image.as_ref())
            .map(Facet::One)
    };
    let words = |value: Option<Vec<String>>, from_image: &Option<Vec<String>>| {
        value
            .filter(|value| !value.is_empty() && Some(value) != from_image.as_ref())
            .map(|value| Facet::One(shell_words::join(value)))
    };
    let flag =
        |value: Option<bool>| value.filter(|value| *value).map(|_| Facet::One("true".to_owned()));
    let id = answer.id.unwrap_or_default();
    let mut networks =
        answer.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let mode = host.network_mode.clone().filter(|mode| is_namespace(mode));
    // It stands for what was asked for instead of networks.
    networks.remove(match mode.as_deref() {
        Some("default") => "bridge",
        Some(mode) => mode,
        None => "",
    });
    let mode = mode.filter(|mode| mode != "default");
    let mounts: BTreeSet<String> = answer
        .mounts
        .unwrap_or_default()
        .into_iter()
        .filter_map(|mount| {
            let volume = mount.name.filter(|name| !name.is_empty());
            if volume.as_deref().is_some_and(is_anonymous) {
                return None;
            }
            let kind = mount.typ;
            let source = match kind.as_deref() {
                Some("tmpfs") => "tmpfs".to_owned(),
                _ => volume.or(mount.source)?,
            };
            Some(mount_text(&source, &mount.destination?, mount.rw == Some(false)))
        })
        .collect();
    let restart = host.restart_policy.as_ref().and_then(|policy| {
        let count = policy.maximum_retry_count.filter(|count| *count > 0);
        Some(match policy.name? {
            RestartPolicyNameEnum::ALWAYS => "always".to_owned(),
            RestartPolicyNameEnum::UNLESS_STOPPED => "unless-stopped".to_owned(),
            RestartPolicyNameEnum::ON_FAILURE => {
                count.map_or_else(|| "on-failure".to_owned(), |count| format!("on-failure:{count}"))
            }
            _ => return None,
        })
    });
    let size = |bytes: Option<i64>| {
        let bytes = u64::try_from(bytes?).ok().filter(|bytes| *bytes > 0)?;
        Some(size_facet(Bytes(bytes)))
    };
    let many = |values: BTreeSet<String>| (!values.is_empty()).then_some(Facet::Many(values));
    let list = |values: Option<Vec<String>>| many(values.unwrap_or_default().into_iter().collect());
    let number = |value: Option<i64>| {
        value.filter(|value| *value != 0).map(|value| Facet::One(value.to_string()))
    };
    // What the engine makes of a limit without swap of its own.
    let swap = host.memory_swap.filter(|swap| swap_is_set(*swap, host.memory.unwrap_or_default()));
    // The engine's default, set for every container that says nothing.
    let shm_size = host.shm_size.filter(|size| *size != 64 * 1024 * 1024);
    #[expect(clippy::cast_precision_loss, reason = "cores times 1e9 fit well")]
    let cpus = host.nano_cpus.filter(|cpus| *cpus > 0).map(|nanos| nanos as f64 / 1e9);
    let all = [
        ("image", config.image.as_deref().map(image_text)),
        ("command", words(config.cmd, &image.cmd)),
        ("entrypoint", words(config.entrypoint, &image.entrypoint)),
        ("environment", environment(&config.env.unwrap_or_default(), image)),
        ("user", own(config.user, &image.user)),
        ("working_dir", own(config.working_dir, &image.working_dir)),
        // Without one the engine takes the beginning of the id.
        ("hostname", own(config.hostname, &id.get(..12).map(str::to_owned))),
        ("domainname", own(config.domainname, &None)),
        ("tty", flag(config.tty)),
        ("stdin_open", flag(config.open_stdin)),
        ("init", flag(host.init)),
        ("healthcheck", healthcheck(config.healthcheck, image)),
        ("ports", many(ports(&host))),
        ("aliases", named(aliases(&networks, &id))),
        ("networks", many(networks.into_keys().collect())),
        ("network_mode", own(mode, &None)),
        ("pid", own(host.pid_mode.clone(), &None)),
        ("ipc", own(host.ipc_mode.clone(), &Some("private".to_owned()))),
        ("extra_hosts", list(host.extra_hosts)),
        ("dns", list(host.dns)),
        ("dns_search", list(host.dns_search)),
        ("dns_opt", list(host.dns_options)),
        ("volumes", many(mounts)),
        ("tmpfs", many(host.tmpfs.unwrap_or_default().into_iter().map(tmpfs).collect())),
        ("labels", labels(config.labels.unwrap_or_default(), image)),
        ("restart", restart.map(Facet::One)),
        ("mem_limit", size(host.memory)),
        ("mem_reservation", size(host.memory_reservation)),
        ("memswap_limit", size(swap)),
        ("shm_size", size(shm_size)),
        ("cpus", cpus.map(|cpus| Facet::One(cpus.to_string()))),
        ("cpu_shares", number(host.cpu_shares)),
        ("cpu_period", number(host.cpu_period)),
        ("cpu_quota", number(host.cpu_quota)),
        ("cpuset", own(host.cpuset_cpus, &None)),
        ("pids_limit", number(host.pids_limit.filter(|limit| *limit > 0))),
        ("oom_score_adj", number(host.oom_score_adj)),
        ("ulimits", named(ulimits(host.ulimits))),
        ("stop_signal", own(config.stop_signal, &image.stop_signal)),
        ("stop_grace_period", config.stop_timeout.map(grace)),
        ("privileged", flag(host.privileged)),
        ("read_only", flag(host.readonly_rootfs)),
        ("group_add", list(host.group_add)),
        ("cap_add", many(capabilities(host.cap_add))),
        ("cap_drop", many(capabilities(host.cap_drop))),
        ("security_opt", list(host.security_opt)),
        ("sysctls", named(host.sysctls.unwrap_or_default().into_iter().collect())),
        ("runtime", own(host.runtime, &Some("runc".to_owned()))),
    ];
    all.into_iter().filter_map(|(field, facet)| Some((field, facet?))).collect()
}

/// Whether a network mode stands for a namespace instead of networks.
fn is_namespace(mode: &str) -> bool {
    matches!(mode, "none" | "host" | "bridge" | "default") || mode.starts_with("container:")
}

fn named(values: BTreeMap<String, String>) -> Option<Facet> {
    (!values.is_empty()).then_some(Facet::Named(values))
}

/// Engines before API 1.45 count the beginning of the container's id among the names.
fn aliases(networks: &HashMap<String, EndpointSettings>, id: &str) -> BTreeMap<String, String> {
    networks
        .iter()
        .map(|(network, endpoint)| {
            let names: BTreeSet<&str> = endpoint
                .aliases
                .iter()
                .flatten()
                .map(String::as_str)
                .filter(|name| Some(*name) != id.get(..12))
                .collect();
            (network.clone(), names.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect()
}

/// What the image's own check has not.
fn healthcheck(check: Option<HealthConfig>, image: &ImageConfig) -> Option<Facet> {
    let parts = |check: HealthConfig| {
        let time = |nanoseconds: Option<i64>| {
            let nanoseconds = u64::try_from(nanoseconds?).ok()?;
            Some(Duration(std::time::Duration::from_nanos(nanoseconds)))
        };
        let times = [
            ("interval", time(check.interval)),
            ("timeout", time(check.timeout)),
            ("start_period", time(check.start_period)),
            ("start_interval", time(check.start_interval)),
        ];
        match healthcheck_facet(check.test.as_deref(), &times, check.retries) {
            Some(Facet::Named(parts)) => parts,
            _ => BTreeMap::new(),
        }
    };
    let from_image = image.healthcheck.clone().map(parts).unwrap_or_default();
    let own = parts(check?).into_iter().filter(|(part, value)| from_image.get(part) != Some(value));
    named(own.collect())
}

fn tmpfs((path, options): (String, String)) -> String {
    if options.is_empty() { path } else { format!("{path}:{options}") }
}

fn ulimits(limits: Option<Vec<ResourcesUlimits>>) -> BTreeMap<String, String> {
    let limits = limits.unwrap_or_default().into_iter();
    limits
        .filter_map(|limit| {
            let (soft, hard) = (limit.soft?, limit.hard?);
            Some((limit.name?, format!("{soft}:{hard}")))
        })
        .collect()
}

fn grace(seconds: i64) -> Facet {
    Facet::One(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).to_string())
}

fn network(network: NetworkInspect) -> Facets {
    let driver = network.driver.filter(|driver| driver != "bridge");
    let subnets = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let flag = |set: Option<bool>| (set == Some(true)).then(|| Facet::One("true".to_owned()));
    let subnets: BTreeSet<String> = subnets.into_iter().filter_map(|range| range.subnet).collect();
    [
        ("driver", driver.map(Facet::One)),
        ("driver_opts", named(network.options.unwrap_or_default().into_iter().collect())),
        ("subnet", (!subnets.is_empty()).then_some(Facet::Many(subnets))),
        ("internal", flag(network.internal)),
        ("attachable", flag(network.attachable)),
        ("enable_ipv6", flag(network.enable_ipv6)),
        ("labels", own_labels(network.labels.unwrap_or_default())),
    ]
    .into_iter()
    .filter_map(|(field, facet)| Some((field, facet?)))
    .collect()
}

fn volume(volume: Volume) -> Facets {
    [
        ("driver", (volume.driver != "local").then_some(Facet::One(volume.driver))),
        ("driver_opts", named(volume.options.into_iter().collect())),
        ("labels", own_labels(volume.labels)),
    ]
    .into_iter()
    .filter_map(|(field, facet)| Some((field, facet?)))
    .collect()
}

fn own_labels(labels: HashMap<String, String>) -> Option<Facet> {
    named(labels.into_iter().filter(|(name, _)| !is_ours(name)).collect())
}

/// Whether a label is Compose's or devstack's own.
fn is_ours(label: &str) -> bool {
    label.starts_with("com.docker.compose.") || label.starts_with("dev.devstack.")
}

fn image_text(image: &str) -> Facet {
    let familiar = image.parse::<ImageRef>().map(|image| image.familiar());
    Facet::One(familiar.unwrap_or_else(|_| image.to_owned()))
}

fn environment(all: &[String], image: &ImageConfig) -> Option<Facet> {
    let from_image = image.env.as_deref().unwrap_or_default();
    let own: BTreeMap<String, String> = all
        .iter()
        .filter(|pair| !from_image.contains(pair))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    named(own)
}

fn labels(all: HashMap<String, String>, image: &ImageConfig) -> Option<Facet> {
    own_labels(
        all.into_iter()
            .filter(|(name, value)| {
                image.labels.as_ref().and_then(|labels| labels.get(name)) != Some(value)
            })
            .collect(),
    )
}

fn ports(host: &HostConfig) -> BTreeSet<String> {
    let bindings = host.port_bindings.iter().flatten();
    bindings
        .flat_map(|(port, bindings)| {
            let (target, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            let target: u16 = target.parse().unwrap_or_default();
            bindings.iter().flatten().map(move |binding| {
                let ip = binding.host_ip.as_deref().unwrap_or_default();
                let published = binding.host_port.as_deref().unwrap_or_default();
                port_text(ip, published, target, protocol)
            })
        })
        .collect()
}

/// The engine may write them with a prefix.
fn capabilities(names: Option<Vec<String>>) -> BTreeSet<String> {
    let names = names.unwrap_or_default().into_iter();
    names.map(|name| name.strip_prefix("CAP_").unwrap_or(&name).to_owned()).collect()
}
