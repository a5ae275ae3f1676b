//! Our specifications as the engine's requests.

mod host;

use std::collections::HashMap;
use std::io;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, EndpointSettings, HealthConfig,
    HostConfig, HostConfigLogConfig, Ipam, IpamConfig, Mount as ApiMount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountImageOptions, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkCreateRequest, NetworkingConfig, PortBinding, ResourcesUlimits,
    RestartPolicy as ApiRestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use indexmap::IndexMap;

use crate::project::{
    BindOptions, Duration, Healthcheck, HealthcheckTest, HostSettings, Mount, NetworkAttachment,
    PublishedPort, RestartPolicy, Service,
};
use crate::state::{ContainerSpec, InjectedFile, NetworkSpec, VolumeSpec};

/// The request that makes a container.
pub(super) fn container(
    spec: &ContainerSpec,
    inherit: &[(String, String)],
    all_networks: bool,
    start_interval: bool,
) -> ContainerCreateBody {
    let service = &*spec.service;
    let exposed = service
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.target, port.protocol.as_str()))
        .chain(
            service
                .expose
                .iter()
                .map(|port| if port.contains('/') { port.clone() } else { format!("{port}/tcp") }),
        )
        .collect::<std::collections::BTreeSet<_>>();
    let networks = if all_networks { usize::MAX } else { 1 };
    ContainerCreateBody {
        image: Some(service.image.to_string()),
        cmd: service.command.clone(),
        entrypoint: service.entrypoint.clone(),
        env: Some(environment(&service.environment)),
        working_dir: service.working_dir.clone(),
        user: service.user.clone(),
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        tty: Some(service.tty),
        open_stdin: Some(service.stdin_open),
        // What reads its standard input to the end must get one.
        stdin_once: Some(service.stdin_open && spec.is_one_off()),
        labels: Some(map(&spec.labels)),
        exposed_ports: (!exposed.is_empty()).then(|| exposed.into_iter().collect()),
        healthcheck: service.healthcheck.as_ref().map(|check| healthcheck(check, start_interval)),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service
            .stop_grace_period
            .map(|grace| i64::try_from(grace.0.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)),
        host_config: Some(host_config(spec, inherit)),
        networking_config: (!spec.networks.is_empty()).then(|| NetworkingConfig {
            endpoints_config: Some(
                spec.networks
                    .iter()
                    .take(networks)
                    .map(|(name, attachment)| (name.clone(), endpoint_settings(attachment)))
                    .collect(),
            ),
        }),
        ..ContainerCreateBody::default()
    }
}

/// How a container joins a network.
pub(super) fn endpoint_settings(attachment: &NetworkAttachment) -> EndpointSettings {
    let fixed = attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || !attachment.link_local_ips.is_empty();
    let mut driver_opts = map(&attachment.driver_opts);
    if let Some(name) = &attachment.interface_name {
        driver_opts.insert("com.docker.network.endpoint.ifname".to_owned(), name.clone());
    }
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        mac_address: attachment.mac_address.clone(),
        ipam_config: fixed.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.map(|ip| ip.to_string()),
            ipv6_address: attachment.ipv6_address.map(|ip| ip.to_string()),
            link_local_ips: some(attachment.link_local_ips.clone()),
        }),
        gw_priority: attachment.gw_priority,
        driver_opts: (!driver_opts.is_empty()).then_some(driver_opts),
        links: some(attachment.links.clone()),
        ..EndpointSettings::default()
    }
}

/// Variables as the engine takes them.
pub(super) fn environment(environment: &IndexMap<String, Option<String>>) -> Vec<String> {
    environment
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            // A name alone takes the image's variable away.
            None => name.clone(),
        })
        .collect()
}

fn host_config(spec: &ContainerSpec, inherit: &[(String, String)]) -> HostConfig {
    let service = &*spec.service;
    let (mounts, binds) = mounts(spec, inherit);
    let mut config = HostConfig {
        network_mode: spec.network_mode.clone().or_else(|| spec.networks.keys().next().cloned()),
        pid_mode: spec.pid_mode.clone(),
        ipc_mode: spec.ipc_mode.clone(),
        port_bindings: (!service.ports.is_empty()).then(|| port_bindings(spec)),
        mounts: (!mounts.is_empty()).then_some(mounts),
        binds: (!binds.is_empty()).then_some(binds),
        tmpfs: (!service.tmpfs.is_empty()).then(|| {
            service
                .tmpfs
                .iter()
                .map(|entry| match entry.split_once(':') {
                    Some((path, options)) => (path.to_owned(), options.to_owned()),
                    None => (entry.clone(), String::new()),
                })
                .collect()
        }),
        restart_policy: Some(restart_policy(service.restart)),
        init: service.init,
        auto_remove: spec.auto_remove.then_some(true),
        log_config: service.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: Some(map(&logging.options)),
        }),
        extra_hosts: some(
            service
                .extra_hosts
                .iter()
                .flat_map(|(host, ips)| ips.iter().map(move |ip| format!("{host}:{ip}")))
                .collect(),
        ),
        dns: some(service.dns.clone()),
        dns_search: some(service.dns_search.clone()),
        dns_options: some(service.dns_opt.clone()),
        group_add: some(service.group_add.clone()),
        memory: service.mem_limit.map(|bytes| signed(bytes.0)),
        memory_reservation: service.mem_reservation.map(|bytes| signed(bytes.0)),
        memory_swap: service.memswap_limit,
        nano_cpus: service.cpus.map(nano_cpus),
        cpu_shares: service.cpu_shares,
        cpuset_cpus: service.cpuset.clone(),
        pids_limit: service.pids_limit,
        shm_size: service.shm_size.map(|bytes| signed(bytes.0)),
        oom_score_adj: service.oom_score_adj,
        ulimits: some(
            service
                .ulimits
                .iter()
                .map(|(name, limit)| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(limit.soft),
                    hard: Some(limit.hard),
                })
                .collect(),
        ),
        privileged: Some(service.privileged),
        readonly_rootfs: Some(service.read_only),
        cap_add: some(service.cap_add.clone()),
        cap_drop: some(service.cap_drop.clone()),
        security_opt: some(security_options(service)),
        sysctls: (!service.sysctls.is_empty()).then(|| map(&service.sysctls)),
        devices: some(
            service
                .devices
                .iter()
                .map(|device| DeviceMapping {
                    path_on_host: Some(device.source.clone()),
                    path_in_container: Some(device.target.clone()),
                    cgroup_permissions: Some(device.permissions.clone()),
                })
                .collect(),
        ),
        runtime: service.runtime.clone(),
        ..HostConfig::default()
    };
    host::apply(&mut config, spec);
    config
}

/// The service's options, a seccomp profile as text instead of its file's name.
fn security_options(service: &Service) -> Vec<String> {
    let profile = service.host.seccomp_profile.as_deref();
    let options = service.security_opt.iter().map(|option| {
        match (HostSettings::seccomp_file(option), profile) {
            (Some(_), Some(profile)) => format!("seccomp={profile}"),
            _ => option.clone(),
        }
    });
    options.collect()
}

fn port_bindings(spec: &ContainerSpec) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for (index, port) in spec.service.ports.iter().enumerate() {
        let published = match spec.host_port(index, port) {
            Some(number) => number.to_string(),
            None => match port.published {
                Some(PublishedPort::Range(first, last)) => format!("{first}-{last}"),
                _ => String::new(),
            },
        };
        bindings
            .entry(format!("{}/{}", port.target, port.protocol.as_str()))
            .or_default()
            .get_or_insert_default()
            .push(PortBinding {
                host_ip: Some(port.host_ip.to_string()),
                host_port: Some(published),
            });
    }
    bindings
}

fn mounts(spec: &ContainerSpec, inherit: &[(String, String)]) -> (Vec<ApiMount>, Vec<String>) {
    let mut mounts = Vec::new();
    let mut binds = Vec::new();
    for mount in &spec.service.mounts {
        match mount {
            // Relabelling and making the source are only understood in the older notation.
            Mount::Bind { source, target, read_only, bind }
                if bind.selinux.is_some() || bind.create_host_path =>
            {
                let mut options: Vec<&str> = bind.selinux.iter().map(String::as_str).collect();
                options.push(if *read_only { "ro" } else { "rw" });
                options.extend(bind.propagation.as_deref());
                binds.push(format!("{}:{target}:{}", source.display(), options.join(",")));
            }
            Mount::Bind { source, target, read_only, bind } => mounts.push(ApiMount {
                typ: Some(MountType::BIND),
                source: Some(source.display().to_string()),
                target: Some(target.clone()),
                read_only: Some(*read_only),
                bind_options: Some(bind_options(bind)),
                ..ApiMount::default()
            }),
            Mount::Volume { source, target, read_only, volume } => {
                let taken_over = inherit.iter().find(|(path, _)| path == target);
                let name = source
                    .as_ref()
                    .and_then(|key| spec.volume_names.get(key.as_str()))
                    .or_else(|| taken_over.map(|(_, volume)| volume));
                mounts.push(ApiMount {
                    typ: Some(MountType::VOLUME),
                    source: name.cloned(),
                    target: Some(target.clone()),
                    read_only: Some(*read_only),
                    volume_options: Some(MountVolumeOptions {
                        no_copy: Some(volume.nocopy),
                        subpath: volume.subpath.clone(),
                        labels: (!volume.labels.is_empty()).then(|| map(&volume.labels)),
                        ..MountVolumeOptions::default()
                    }),
                    ..ApiMount::default()
                });
            }
            Mount::Image { source, target, image } => mounts.push(ApiMount {
                typ: Some(MountType::IMAGE),
                source: Some(source.clone()),
                target: Some(target.clone()),
                image_options: Some(MountImageOptions { subpath: image.subpath.clone() }),
                ..ApiMount::default()
            }),
            Mount::Tmpfs { target, tmpfs } => mounts.push(ApiMount {
                typ: Some(MountType::TMPFS),
                target: Some(target.clone()),
                tmpfs_options: Some(MountTmpfsOptions {
                    size_bytes: tmpfs.size.map(|bytes| signed(bytes.0)),
                    mode: tmpfs.mode.map(i64::from),
                    ..MountTmpfsOptions::default()
                }),
                ..ApiMount::default()
            }),
        }
    }
    let mounted = |target: &str| spec.service.mounts.iter().any(|mount| mount.target() == target);
    // Anonymous volumes that the image declared: the service does not mention them.
    mounts.extend(inherit.iter().filter(|(target, _)| !mounted(target)).map(|(target, volume)| {
        ApiMount {
            typ: Some(MountType::VOLUME),
            source: Some(volume.clone()),
            target: Some(target.clone()),
            ..ApiMount::default()
        }
    }));
    mounts.extend(spec.file_mounts.iter().map(|(path, target)| ApiMount {
        typ: Some(MountType::BIND),
        source: Some(path.display().to_string()),
        target: Some(target.clone()),
        read_only: Some(true),
        ..ApiMount::default()
    }));
    (mounts, binds)
}

fn bind_options(bind: &BindOptions) -> MountBindOptions {
    let recursive = bind.recursive.as_deref();
    MountBindOptions {
        propagation: bind
            .propagation
            .as_deref()
            .and_then(|name| name.parse::<MountBindOptionsPropagationEnum>().ok()),
        non_recursive: (recursive == Some("disabled")).then_some(true),
        read_only_non_recursive: (recursive == Some("writable")).then_some(true),
        read_only_force_recursive: (recursive == Some("readonly")).then_some(true),
        ..MountBindOptions::default()
    }
}

fn healthcheck(check: &Healthcheck, start_interval: bool) -> HealthConfig {
    let nanoseconds = |duration: Option<Duration>| {
        duration.map(|it| i64::try_from(it.0.as_nanos()).unwrap_or(i64::MAX))
    };
    if check.disable {
        return HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    }
    HealthConfig {
        test: check.test.as_ref().map(HealthcheckTest::to_list),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: check.retries.map(i64::from),
        start_period: nanoseconds(check.start_period),
        // Engines before API 1.44 do not know it; devstack's own schedule makes up for it.
        start_interval: if start_interval { nanoseconds(check.start_interval) } else { None },
    }
}

fn restart_policy(policy: RestartPolicy) -> ApiRestartPolicy {
    let (name, count) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure(most) => (RestartPolicyNameEnum::ON_FAILURE, most.map(i64::from)),
    };
    ApiRestartPolicy { name: Some(name), maximum_retry_count: count }
}

/// The request that makes a network.
pub(super) fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    let network = &spec.network;
    let ipam = &network.ipam;
    let has_ipam = ipam.driver.is_some() || !ipam.config.is_empty() || !ipam.options.is_empty();
    NetworkCreateRequest {
        name: network.name.clone(),
        driver: network.driver.clone(),
        internal: Some(network.internal),
        attachable: Some(network.attachable),
        enable_ipv6: network.enable_ipv6,
        enable_ipv4: network.enable_ipv4,
        options: (!network.driver_opts.is_empty()).then(|| map(&network.driver_opts)),
        labels: Some(map(&spec.labels)),
        ipam: has_ipam.then(|| Ipam {
            driver: ipam.driver.clone(),
            config: some(
                ipam.config
                    .iter()
                    .map(|range| IpamConfig {
                        subnet: range.subnet.clone(),
                        ip_range: range.ip_range.clone(),
                        gateway: range.gateway.clone(),
                        auxiliary_addresses: (!range.aux_addresses.is_empty())
                            .then(|| map(&range.aux_addresses)),
                    })
                    .collect(),
            ),
            options: (!ipam.options.is_empty()).then(|| map(&ipam.options)),
        }),
        ..NetworkCreateRequest::default()
    }
}

/// The request that makes a volume.
pub(super) fn volume(spec: &VolumeSpec) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: Some(spec.volume.name.clone()),
        driver: spec.volume.driver.clone(),
        driver_opts: (!spec.volume.driver_opts.is_empty()).then(|| map(&spec.volume.driver_opts)),
        labels: Some(map(&spec.labels)),
        ..VolumeCreateRequest::default()
    }
}

/// Tar archives of files to copy in, by the folder at which each is unpacked: `/`, or else the
/// volume that a file is in, since nothing else of a read-only container can be written.
pub(super) fn archives(
    service: &Service,
    files: &[InjectedFile],
) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut by_folder: IndexMap<&str, tar::Builder<Vec<u8>>> = IndexMap::new();
    for file in files {
        let folder = if service.read_only { volume_of(service, &file.path) } else { "/" };
        let archive = by_folder.entry(folder).or_insert_with(|| tar::Builder::new(Vec::new()));
        let content = file.content.expose().as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len()).unwrap_or_default());
        header.set_mode(file.mode);
        header.set_uid(u64::from(file.uid));
        header.set_gid(u64::from(file.gid));
        header.set_entry_type(tar::EntryType::Regular);
        let path = file.path.strip_prefix(folder).unwrap_or(&file.path).trim_start_matches('/');
        archive.append_data(&mut header, path, content)?;
    }
    by_folder
        .into_iter()
        .map(|(folder, archive)| Ok((folder.to_owned(), archive.into_inner()?)))
        .collect()
}

/// The folder of the writable volume that a path is in; `/` when it is in none.
fn volume_of<'a>(service: &'a Service, path: &str) -> &'a str {
    service
        .mounts
        .iter()
        .filter_map(|mount| match mount {
            Mount::Volume { target, read_only: false, .. } => Some(target.as_str()),
            _ => None,
        })
        .filter(|target| path.strip_prefix(target).is_some_and(|rest| rest.starts_with('/')))
        .max_by_key(|target| target.len())
        .unwrap_or("/")
}

fn map(labels: &IndexMap<String, String>) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn nano_cpus(cpus: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded; cores times 1e9 fit well")]
    let nanos = (cpus * 1e9).round() as i64;
    nanos
}
