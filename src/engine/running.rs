//! A container as it is, in the words of the files.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{ContainerInspectResponse, HostConfig, ImageConfig, RestartPolicyNameEnum};
use bollard::query_parameters::InspectContainerOptions;

use super::DockerEngine;
use super::error::EngineError;
use crate::project::{Bytes, ImageRef};
use crate::state::facets::{Facet, Facets, mount_text, port_text, size_facet};
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
    let networks =
        answer.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
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
        ("tty", flag(config.tty)),
        ("stdin_open", flag(config.open_stdin)),
        ("init", flag(host.init)),
        ("ports", many(ports(&host))),
        ("networks", many(networks.into_keys().collect())),
        ("volumes", many(mounts)),
        ("labels", labels(config.labels.unwrap_or_default(), image)),
        ("restart", restart.map(Facet::One)),
        ("mem_limit", size(host.memory)),
        ("mem_reservation", size(host.memory_reservation)),
        ("shm_size", size(shm_size)),
        ("cpus", cpus.map(|cpus| Facet::One(cpus.to_string()))),
        (
            "pids_limit",
            host.pids_limit.filter(|limit| *limit > 0).map(|it| Facet::One(it.to_string())),
        ),
        ("stop_signal", own(config.stop_signal, &image.stop_signal)),
        ("privileged", flag(host.privileged)),
        ("read_only", flag(host.readonly_rootfs)),
        ("cap_add", many(capabilities(host.cap_add))),
        ("cap_drop", many(capabilities(host.cap_drop))),
    ];
    all.into_iter().filter_map(|(field, facet)| Some((field, facet?))).collect()
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
    (!own.is_empty()).then_some(Facet::Named(own))
}

fn labels(all: std::collections::HashMap<String, String>, image: &ImageConfig) -> Option<Facet> {
    let own: BTreeMap<String, String> = all
        .into_iter()
        .filter(|(name, _)| {
            !name.starts_with("com.docker.compose.") && !name.starts_with("dev.devstack.")
        })
        .filter(|(name, value)| {
            image.labels.as_ref().and_then(|labels| labels.get(name)) != Some(value)
        })
        .collect();
    (!own.is_empty()).then_some(Facet::Named(own))
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
