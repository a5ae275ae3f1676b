//! Lowers a project to the resources that should exist.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::build_inputs::BuildInputs;
use super::hash::{ContentDigests, FieldDigests, digest, digest_bytes};
use super::images::images;
use super::{labels, runner};
use crate::project::{
    Build, DependsOnCondition, Duration, FileGrant, FileObject, FileSource, ImageRef, Mount,
    Network, NetworkAttachment, NetworkMode, Port, Project, ProjectName, PullPolicy, Reload,
    Secret, Service, ServiceName, Volume, VolumeOwner,
};

/// The time that the engine gives a container to stop when nothing else is said.
pub const DEFAULT_STOP_GRACE: Duration = Duration(std::time::Duration::from_secs(10));

/// Everything that should exist.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The project.
    pub project: ProjectName,
    /// Networks, external ones included.
    pub networks: Vec<NetworkSpec>,
    /// Volumes that a selected service mounts, external ones included.
    pub volumes: Vec<VolumeSpec>,
    /// Images that containers run.
    pub images: Vec<ImageSpec>,
    /// Containers, in the order of the file.
    pub containers: Vec<Arc<ContainerSpec>>,
    /// Services that this run is about, those with a scale of 0 too.
    pub selected_services: Vec<ServiceName>,
    /// Every service of the file, selected or not: containers of others are orphans.
    pub known_services: Vec<ServiceName>,
}

/// A network to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its definition, with the engine's name.
    pub network: Network,
    /// Labels to put on it.
    pub labels: IndexMap<String, String>,
}

/// A volume to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Its definition, with the engine's name.
    pub volume: Volume,
    /// Labels to put on it.
    pub labels: IndexMap<String, String>,
}

/// An image to have.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSpec {
    /// Its reference.
    pub reference: ImageRef,
    /// Services that run it.
    pub services: Vec<ServiceName>,
    /// How to build it, when a service says so.
    pub build: Option<Build>,
    /// What it would be built from now, as far as that was looked at.
    pub inputs: Option<BuildInputs>,
    /// Labels that record what it is built from.
    pub record: IndexMap<String, String>,
    /// When to pull it.
    pub pull_policy: Option<PullPolicy>,
    /// Platform, when a service says so.
    pub platform: Option<String>,
    /// Secrets of the build by their id in the Dockerfile.
    pub secrets: IndexMap<String, FileSource>,
}

/// A container to have.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    /// Its service, resolved, as the container runs it: with its reload runner if it has one.
    pub service: Arc<Service>,
    /// Number within the service, from 1; 0 for a container of `run` or of a hook.
    pub number: u32,
    /// The engine's name.
    pub name: String,
    /// The `pre_start` hook that it runs, from 1; `None` when it runs the service itself.
    pub hook: Option<usize>,
    /// One digest per field.
    pub digests: FieldDigests,
    /// Labels to put on it, the user's included.
    pub labels: IndexMap<String, String>,
    /// Networks by the engine's name, with all aliases; those of higher priority first.
    pub networks: IndexMap<String, NetworkAttachment>,
    /// The namespace instead of networks, a service turned into its container: the engine's word.
    pub network_mode: Option<String>,
    /// PID namespace in the engine's words.
    pub pid_mode: Option<String>,
    /// IPC namespace in the engine's words.
    pub ipc_mode: Option<String>,
    /// Containers whose mounts it gets too, by the engine's name, `:ro` behind it.
    pub volumes_from: Vec<String>,
    /// Volumes of the mounts: key of the volume to the engine's name.
    pub volume_names: IndexMap<String, String>,
    /// Bind mounts of secrets and configs that are files of the host: path to target.
    pub file_mounts: Vec<(std::path::PathBuf, String)>,
    /// Files to copy in before the start.
    pub files: Vec<InjectedFile>,
    /// Host ports that were chosen for `auto` ports, by the port's place in the service's list.
    pub chosen_ports: IndexMap<usize, u16>,
    /// Whether the engine removes it when it ends.
    pub auto_remove: bool,
}

/// A file that is copied into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedFile {
    /// Absolute path in the container.
    pub path: String,
    /// Its content.
    pub content: Secret,
    /// Mode bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Desired {
    /// Whether a service waits until this one has completed: once it has, it is not run again.
    #[must_use]
    pub fn waits_for_end_of(&self, service: &ServiceName) -> bool {
        self.containers.iter().any(|other| {
            other.service.depends_on.get(service).is_some_and(|dependency| {
                dependency.condition == DependsOnCondition::ServiceCompletedSuccessfully
            })
        })
    }
}

impl ContainerSpec {
    /// Whether it is a container of `run` or of a hook: those are not numbered.
    #[must_use]
    pub const fn is_one_off(&self) -> bool {
        self.number == 0
    }

    /// Whether something of the host is published by it at a fixed port.
    #[must_use]
    pub fn has_port_range(&self) -> bool {
        let ports = self.service.ports.iter().enumerate();
        ports.into_iter().any(|(index, port)| self.host_port(index, port).is_none())
    }

    /// The host port of the service's port in this place, when it is known before the engine runs
    /// the container.
    #[must_use]
    pub fn host_port(&self, index: usize, port: &Port) -> Option<u16> {
        port.fixed().or_else(|| self.chosen_ports.get(&index).copied())
    }

    /// Publishes the service's `auto` ports at these host ports, by the port's place in its list,
    /// and remembers them in a label.
    pub fn choose_ports(&mut self, chosen: IndexMap<usize, u16>) {
        let label: Vec<String> = chosen
            .iter()
            .filter_map(|(index, number)| {
                Some(format!("{}={number}", remembered_as(self.service.ports.get(*index)?)))
            })
            .collect();
        if !label.is_empty() {
            self.labels.insert(labels::PORTS.to_owned(), label.join(","));
        }
        self.chosen_ports = chosen;
    }
}

/// The key of a port in the label that remembers the host port chosen for it.
#[must_use]
pub fn remembered_as(port: &Port) -> String {
    let (target, protocol) = (port.target, port.protocol.as_str());
    format!("{}:{}:{target}/{protocol}", port.host_ip, port.auto().unwrap_or(target))
}

/// Lowers a project. `contents` holds the digests of mounted single files, by path on the host.
#[must_use]
pub fn lower(project: &Project, contents: &ContentDigests) -> Desired {
    let mut volumes: Vec<VolumeSpec> = Vec::new();
    for service in project.services.values() {
        for mount in &service.mounts {
            if let Mount::Volume { source: Some(key), .. } = mount
                && let Some(volume) = project.volumes.get(key)
                && volumes.iter().all(|known| known.volume.name != volume.name)
            {
                volumes.push(volume_spec(project, key.as_str(), volume));
            }
        }
    }
    Desired {
        project: project.name.clone(),
        networks: project
            .networks
            .iter()
            .filter(|(key, _)| {
                project.services.values().any(|service| service.networks.contains_key(*key))
            })
            .map(|(key, network)| network_spec(project, key.as_str(), network))
            .collect(),
        volumes,
        images: images(project),
        containers: project
            .services
            .values()
            .flat_map(|service| {
                let service = Arc::new(service.clone());
                (1..=service.scale).map(move |number| {
                    Arc::new(container_spec(project, &service, number, contents))
                })
            })
            .collect(),
        selected_services: project.services.keys().cloned().collect(),
        known_services: project
            .services
            .keys()
            .chain(project.disabled_services.keys())
            .cloned()
            .collect(),
    }
}

/// The engine's name of a service's container.
#[must_use]
pub fn container_name(project: &ProjectName, service: &Service, number: u32) -> String {
    service
        .container_name
        .as_ref()
        .map_or_else(|| format!("{project}-{}-{number}", service.name), ToString::to_string)
}

fn network_spec(project: &Project, key: &str, network: &Network) -> NetworkSpec {
    let mut labels = network.labels.clone();
    labels.insert(labels::PROJECT.to_owned(), project.name.to_string());
    labels.insert(labels::NETWORK.to_owned(), key.to_owned());
    labels.insert(labels::CONFIG_HASH.to_owned(), digest(network));
    labels.insert(labels::WORKING_DIR.to_owned(), project.working_dir.display().to_string());
    labels.insert(labels::VERSION.to_owned(), version());
    NetworkSpec { network: network.clone(), labels }
}

fn volume_spec(project: &Project, key: &str, volume: &Volume) -> VolumeSpec {
    let mut labels = volume.labels.clone();
    labels.insert(labels::PROJECT.to_owned(), project.name.to_string());
    labels.insert(labels::VOLUME.to_owned(), key.to_owned());
    labels.insert(labels::CONFIG_HASH.to_owned(), digest(volume));
    labels.insert(labels::WORKING_DIR.to_owned(), project.working_dir.display().to_string());
    labels.insert(labels::VERSION.to_owned(), version());
    VolumeSpec { volume: volume.clone(), labels }
}

pub(super) fn version() -> String {
    concat!("devstack-", env!("CARGO_PKG_VERSION")).to_owned()
}

fn container_spec(
    project: &Project,
    service: &Arc<Service>,
    number: u32,
    contents: &ContentDigests,
) -> ContainerSpec {
    let name = container_name(&project.name, service, number);
    let networks = attachments(project, service, &name);
    let volume_names: IndexMap<String, String> = service
        .mounts
        .iter()
        .filter_map(|mount| match mount {
            Mount::Volume { source: Some(key), .. } => {
                Some((key.to_string(), project.volumes.get(key)?.name.clone()))
            }
            _ => None,
        })
        .collect();
    let granted = service
        .secrets
        .iter()
        .filter_map(|grant| Some((grant, project.secrets.get(&grant.source)?)))
        .chain(
            service
                .configs
                .iter()
                .filter_map(|grant| Some((grant, project.configs.get(&grant.source)?))),
        );
    let mut file_mounts = Vec::new();
    let mut files = Vec::new();
    for (grant, object) in granted {
        match injected(grant, object) {
            Injection::Mount(path) => file_mounts.push((path, grant.target.clone())),
            Injection::Copy(file) => files.push(file),
        }
    }

    let mut digests = digests(service, &networks, &volume_names, &file_mounts, &files, contents);
    let mut equipped = Arc::clone(service);
    if let Some((service, own)) = runner::equip(service) {
        for file in &own {
            digests.mix("reload", &digest_bytes(file.content.expose().as_bytes()));
        }
        if let Some(Reload::Command(runner)) = &service.reload {
            digests.mix("reload", &digest(&runner.command));
        }
        equipped = Arc::new(service);
        files.extend(own);
    }
    let namespace = |mode: &str| match mode.strip_prefix("service:") {
        Some(other) => format!("container:{}", first_container(project, other)),
        None => mode.to_owned(),
    };
    let volumes_from = service.host.volume_owners().map(|(owner, read_only)| {
        let container = match owner {
            VolumeOwner::Service(other) => first_container(project, other),
            VolumeOwner::Container(container) => container.to_owned(),
        };
        if read_only { format!("{container}:ro") } else { container }
    });
    let network_mode = service.network_mode.as_ref().map(|mode| match mode {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Bridge => "bridge".to_owned(),
        NetworkMode::Service(other) => namespace(&format!("service:{other}")),
        NetworkMode::Container(container) => format!("container:{container}"),
        NetworkMode::Network(name) => name.clone(),
    });
    ContainerSpec {
        labels: container_labels(project, service, number, &digests),
        service: equipped,
        number,
        name,
        hook: None,
        digests,
        networks,
        network_mode,
        pid_mode: service.pid.as_deref().map(namespace),
        ipc_mode: service.ipc.as_deref().map(namespace),
        volumes_from: volumes_from.collect(),
        volume_names,
        file_mounts,
        files,
        chosen_ports: IndexMap::new(),
        auto_remove: false,
    }
}

/// The engine's name of a service's first container.
fn first_container(project: &Project, service: &str) -> String {
    project.services.get(service).map_or_else(
        || format!("{}-{service}-1", project.name),
        |service| container_name(&project.name, service, 1),
    )
}

fn attachments(
    project: &Project,
    service: &Service,
    container: &str,
) -> IndexMap<String, NetworkAttachment> {
    let mut attachments: Vec<(String, NetworkAttachment)> = service
        .networks
        .iter()
        .filter_map(|(key, attachment)| {
            let mut attachment = attachment.clone();
            // Names that resolve on the network: container, service, the user's.
            let mut aliases = vec![container.to_owned(), service.name.to_string()];
            aliases.extend(service.aliases.iter().cloned());
            aliases.append(&mut attachment.aliases);
            let mut seen = std::collections::HashSet::new();
            aliases.retain(|alias| seen.insert(alias.clone()));
            attachment.aliases = aliases;
            attachment.links = links(project, service);
            Some((project.networks.get(key)?.name.clone(), attachment))
        })
        .collect();
    attachments.sort_by_key(|(_, attachment)| std::cmp::Reverse(attachment.priority.unwrap_or(0)));
    // An address of the container as a whole has been the first network's since API 1.44.
    if let Some((_, first)) = attachments.first_mut()
        && first.mac_address.is_none()
    {
        first.mac_address.clone_from(&service.host.mac_address);
    }
    attachments.into_iter().collect()
}

/// Other containers and the names by which this one alone knows them: `CONTAINER:NAME`.
fn links(project: &Project, service: &Service) -> Vec<String> {
    let own = service.host.links.iter().map(|link| {
        let (other, name) = link.split_once(':').unwrap_or((link, link));
        format!("{}:{name}", first_container(project, other))
    });
    let external = service.host.external_links.iter().map(|link| match link.split_once(':') {
        Some(_) => link.clone(),
        None => format!("{link}:{link}"),
    });
    own.chain(external).collect()
}

enum Injection {
    Mount(std::path::PathBuf),
    Copy(InjectedFile),
}

fn injected(grant: &FileGrant, object: &FileObject) -> Injection {
    let content = match &object.source {
        FileSource::File(path) => return Injection::Mount(path.clone()),
        FileSource::Environment { value, .. } => value.clone(),
        FileSource::Content(content) => content.clone(),
    };
    Injection::Copy(InjectedFile {
        path: grant.target.clone(),
        content,
        mode: grant.mode.unwrap_or(0o444),
        uid: grant.uid.unwrap_or(0),
        gid: grant.gid.unwrap_or(0),
    })
}

fn digests(
    service: &Service,
    networks: &IndexMap<String, NetworkAttachment>,
    volume_names: &IndexMap<String, String>,
    file_mounts: &[(std::path::PathBuf, String)],
    files: &[InjectedFile],
    contents: &ContentDigests,
) -> FieldDigests {
    let value = serde_json::to_value(service).expect("the model has only text keys");
    let mut digests = value.as_object().map(FieldDigests::of).unwrap_or_default();
    if !networks.is_empty() {
        digests.mix("networks", &digest(networks));
    }
    for name in volume_names.values() {
        digests.mix("volumes", name);
    }
    let content = |path: &Path| contents.get(path).map_or("", String::as_str);
    for mount in &service.mounts {
        if let Mount::Bind { source, .. } = mount
            && contents.contains_key(source)
        {
            digests.mix("volumes", content(source));
        }
    }
    if let Some(profile) = &service.host.seccomp_profile {
        digests.mix("security_opt", profile);
    }
    for (path, target) in file_mounts {
        digests.mix("secrets", &format!("{target} {} {}", path.display(), content(path)));
    }
    for file in files {
        digests.mix(
            "secrets",
            &format!("{} {}", file.path, digest_bytes(file.content.expose().as_bytes())),
        );
    }
    digests
}

/// Seconds that a service is given to stop; a started one counts.
fn stop_grace(service: &Service) -> u64 {
    let grace = service.stop_grace_period.map_or(DEFAULT_STOP_GRACE.0, |grace| grace.0);
    u64::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn container_labels(
    project: &Project,
    service: &Service,
    number: u32,
    digests: &FieldDigests,
) -> IndexMap<String, String> {
    let join = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(",")
    };
    let depends_on = service
        .depends_on
        .iter()
        .map(|(name, dependency)| {
            let condition = match dependency.condition {
                DependsOnCondition::ServiceStarted => "service_started",
                DependsOnCondition::ServiceHealthy => "service_healthy",
                DependsOnCondition::ServiceCompletedSuccessfully => {
                    "service_completed_successfully"
                }
            };
            format!("{name}:{condition}:{}", dependency.restart)
        })
        .collect::<Vec<_>>()
        .join(",");
    let mut labels = service.labels.clone();
    let own = [
        (labels::PROJECT, project.name.to_string()),
        (labels::SERVICE, service.name.to_string()),
        (labels::CONTAINER_NUMBER, number.to_string()),
        (labels::CONFIG_HASH, digest(&digests.to_label())),
        (labels::DIGESTS, digests.to_label()),
        (labels::ONE_OFF, "False".to_owned()),
        (labels::STOP_GRACE, stop_grace(service).to_string()),
        (labels::DEPENDS_ON, depends_on),
        (labels::WORKING_DIR, project.working_dir.display().to_string()),
        (labels::CONFIG_FILES, join(&project.config_files)),
        (labels::VERSION, version()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
    if !project.environment_files.is_empty() {
        labels.insert(labels::ENVIRONMENT_FILE.to_owned(), join(&project.environment_files));
    }
    labels
}
