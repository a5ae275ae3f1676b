//! The engine's answers as our own types.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum, HealthStatusEnum,
    ImageSummary, MountPoint, Network, PortMap, PortSummary, PortSummaryTypeEnum, Volume,
};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};
use indexmap::IndexMap;

use super::error::EngineError;
use super::{ContainerFacts, DockerEngine};
use crate::project::{HealthcheckTest, ImageRef, Protocol};
use crate::state::{
    ContainerId, ContainerState, Health, Observed, ObservedContainer, ObservedImage, ObservedMount,
    ObservedNetwork, ObservedPort, ObservedVolume,
};

/// One snapshot: four lists, asked for at the same time.
pub(super) async fn observe(engine: &DockerEngine) -> Result<Observed, EngineError> {
    let docker = &engine.docker;
    let containers = ListContainersOptionsBuilder::default().all(true).build();
    let images = ListImagesOptionsBuilder::default().build();
    let (containers, networks, volumes, images) = tokio::try_join!(
        docker.list_containers(Some(containers)),
        docker.list_networks(None::<ListNetworksOptions>),
        docker.list_volumes(None::<ListVolumesOptions>),
        docker.list_images(Some(images)),
    )
    .map_err(|error| engine.error("list the resources of", "the Docker Engine", &error))?;
    Ok(Observed {
        containers: containers.into_iter().filter_map(container).collect(),
        networks: networks.into_iter().filter_map(network).collect(),
        volumes: volumes.volumes.unwrap_or_default().into_iter().map(volume).collect(),
        images: images.into_iter().map(image).collect(),
    })
}

/// The containers alone, for those who need nothing else.
pub(super) async fn containers(engine: &DockerEngine) -> Result<Observed, EngineError> {
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let containers = engine
        .docker
        .list_containers(Some(options))
        .await
        .map_err(|error| engine.error("list the containers of", "the Docker Engine", &error))?;
    Ok(Observed {
        containers: containers.into_iter().filter_map(container).collect(),
        ..Observed::default()
    })
}

fn container(summary: ContainerSummary) -> Option<ObservedContainer> {
    let status = summary.status.unwrap_or_default();
    let networks: IndexMap<String, Option<IpAddr>> = summary
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.ip_address.and_then(|ip| ip.parse().ok())))
        .collect();
    Some(ObservedContainer {
        id: ContainerId(summary.id?),
        name: summary.names?.first()?.trim_start_matches('/').to_owned(),
        state: state(summary.state, &status),
        health: health_in(&status),
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        labels: sorted(summary.labels),
        ports: summary.ports.unwrap_or_default().into_iter().filter_map(port).collect(),
        networks,
        mounts: summary.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        created: summary.created.unwrap_or_default(),
        command: summary.command.unwrap_or_default(),
        status,
    })
}

fn state(state: Option<ContainerSummaryStateEnum>, status: &str) -> ContainerState {
    match state {
        Some(ContainerSummaryStateEnum::RUNNING) => ContainerState::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => ContainerState::Paused,
        Some(ContainerSummaryStateEnum::RESTARTING) => ContainerState::Restarting,
        Some(ContainerSummaryStateEnum::REMOVING) => ContainerState::Removing,
        Some(ContainerSummaryStateEnum::EXITED) => {
            ContainerState::Exited { code: exit_code_in(status).unwrap_or(-1) }
        }
        Some(ContainerSummaryStateEnum::DEAD) => ContainerState::Dead,
        _ => ContainerState::Created,
    }
}

/// `Exited (137) 3 minutes ago`: the list has the exit code nowhere else.
fn exit_code_in(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split(')').next()?.parse().ok()
}

/// `Up 3 minutes (healthy)`: lists before API 1.52 have the health nowhere else.
fn health_in(status: &str) -> Option<Health> {
    if !status.starts_with("Up ") {
        return None;
    }
    if status.contains("(healthy)") {
        Some(Health::Healthy)
    } else if status.contains("(unhealthy)") {
        Some(Health::Unhealthy)
    } else if status.contains("(health: starting)") {
        Some(Health::Starting)
    } else {
        None
    }
}

fn port(summary: PortSummary) -> Option<ObservedPort> {
    let published = match (summary.ip, summary.public_port) {
        (Some(ip), Some(port)) => Some((ip.parse().ok()?, port)),
        _ => None,
    };
    let protocol = match summary.typ {
        Some(PortSummaryTypeEnum::UDP) => Protocol::Udp,
        Some(PortSummaryTypeEnum::SCTP) => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    Some(ObservedPort { target: summary.private_port, published, protocol })
}

fn mount(mount: MountPoint) -> ObservedMount {
    ObservedMount {
        volume: mount.name.filter(|name| !name.is_empty()),
        target: mount.destination.unwrap_or_default(),
        writable: mount.rw.unwrap_or(true),
    }
}

fn network(network: Network) -> Option<ObservedNetwork> {
    Some(ObservedNetwork { id: network.id?, name: network.name?, labels: sorted(network.labels) })
}

fn volume(volume: Volume) -> ObservedVolume {
    ObservedVolume { name: volume.name, labels: sorted(Some(volume.labels)) }
}

fn image(summary: ImageSummary) -> ObservedImage {
    let references = summary
        .repo_tags
        .iter()
        .chain(&summary.repo_digests)
        .filter_map(|reference| reference.parse::<ImageRef>().ok())
        .map(|reference| reference.familiar())
        .collect();
    ObservedImage {
        id: summary.id,
        references,
        labels: sorted(Some(summary.labels)),
        size: u64::try_from(summary.size).unwrap_or_default(),
    }
}

fn sorted(labels: Option<HashMap<String, String>>) -> IndexMap<String, String> {
    let mut labels: IndexMap<String, String> = labels.unwrap_or_default().into_iter().collect();
    labels.sort_keys();
    labels
}

/// What waiting needs to know of one container.
pub(super) fn container_facts(answer: ContainerInspectResponse) -> ContainerFacts {
    let state = answer.state.unwrap_or_default();
    let health = state.health.unwrap_or_default();
    let network_settings = answer.network_settings.unwrap_or_default();
    let running = state.running.unwrap_or_default();
    let code = state.exit_code.unwrap_or_default();
    ContainerFacts {
        state: if state.restarting.unwrap_or_default() {
            ContainerState::Restarting
        } else if state.paused.unwrap_or_default() {
            ContainerState::Paused
        } else if running {
            ContainerState::Running
        } else if state.dead.unwrap_or_default() {
            ContainerState::Dead
        } else if state.started_at.as_deref().is_none_or(|at| at.starts_with("0001-")) {
            ContainerState::Created
        } else {
            ContainerState::Exited { code }
        },
        exit_code: code,
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        health: match health.status {
            Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
            Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
            Some(HealthStatusEnum::UNHEALTHY) => Some(Health::Unhealthy),
            _ => None,
        },
        health_output: health
            .log
            .unwrap_or_default()
            .pop()
            .and_then(|run| run.output)
            .unwrap_or_default(),
        health_command: answer
            .config
            .and_then(|config| config.healthcheck)
            .and_then(|check| check.test)
            .and_then(|test| health_command(&test)),
        addresses: network_settings
            .networks
            .unwrap_or_default()
            .into_values()
            .filter_map(|endpoint| Some((endpoint.network_id?, endpoint.ip_address?.parse().ok()?)))
            .collect(),
        ports: ports(network_settings.ports.unwrap_or_default()),
        started_at: state.started_at.unwrap_or_default(),
        init: answer.host_config.and_then(|config| config.init).unwrap_or_default(),
        restarts: u64::try_from(answer.restart_count.unwrap_or_default()).unwrap_or_default(),
    }
}

fn health_command(test: &[String]) -> Option<Vec<String>> {
    match test.split_first() {
        Some((kind, rest)) if kind == "CMD" && !rest.is_empty() => {
            Some(HealthcheckTest::Command(rest.to_vec()).to_exec())
        }
        Some((kind, [line])) if kind == "CMD-SHELL" => {
            Some(HealthcheckTest::Shell(line.clone()).to_exec())
        }
        _ => None,
    }
}

fn ports(map: PortMap) -> Vec<ObservedPort> {
    let mut ports: Vec<ObservedPort> = map
        .into_iter()
        .filter_map(|(port, bindings)| {
            let (number, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
            let protocol = match protocol {
                "udp" => Protocol::Udp,
                "sctp" => Protocol::Sctp,
                _ => Protocol::Tcp,
            };
            let target = number.parse().ok()?;
            let published = bindings.unwrap_or_default().into_iter().find_map(|binding| {
                Some((binding.host_ip?.parse().ok()?, binding.host_port?.parse().ok()?))
            });
            Some(ObservedPort { target, published, protocol })
        })
        .collect();
    ports.sort_by_key(|port| (port.target, port.protocol));
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_texts_are_understood() {
        assert_eq!(exit_code_in("Exited (137) 3 minutes ago"), Some(137));
        assert_eq!(exit_code_in("Up 3 minutes"), None);
        let cases = [
            ("Up 3 minutes (healthy)", Some(Health::Healthy)),
            ("Up 2 seconds (health: starting)", Some(Health::Starting)),
            ("Up 2 seconds (unhealthy)", Some(Health::Unhealthy)),
            ("Up 2 seconds", None),
            ("Up 2 hours (Paused)", None),
            ("Exited (0) 2 seconds ago", None),
        ];
        for (status, expected) in cases {
            assert_eq!(health_in(status), expected, "{status}");
        }
    }

    #[test]
    fn health_commands_become_exec_commands() {
        let list = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(health_command(&list(&["CMD", "a", "b"])), Some(list(&["a", "b"])));
        assert_eq!(
            health_command(&list(&["CMD-SHELL", "a || b"])),
            Some(list(&["/bin/sh", "-c", "a || b"]))
        );
        assert_eq!(health_command(&list(&["NONE"])), None);
        assert_eq!(health_command(&[]), None);
    }
}
