//! A container as the files ask for it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facet, Facets, healthcheck_facet, mount_text, port_text, size_facet, swap_is_set};
use crate::project::{
    Bytes, Duration, Healthcheck, HealthcheckTest, Mount, PublishedPort, RestartPolicy, Service,
};
use crate::state::ContainerSpec;

/// What a container should be.
#[must_use]
pub fn facets(spec: &ContainerSpec) -> Facets {
    let service = &*spec.service;
    let mut facets = Facets::new();
    let one = |value: &Option<String>| value.clone().map(Facet::One);
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().map(|words| Facet::One(shell_words::join(words)))
    };
    let flag = |value: bool| value.then(|| Facet::One("true".to_owned()));
    let many = |values: BTreeSet<String>| (!values.is_empty()).then_some(Facet::Many(values));
    let list = |values: &[String]| many(values.iter().cloned().collect());
    let size = |value: Option<Bytes>| value.filter(|size| size.0 > 0).map(size_facet);
    // What means "no limit" is what there is without the field.
    let number = |value: Option<i64>| {
        value.filter(|number| *number != 0).map(|number| Facet::One(number.to_string()))
    };
    let memory = service.mem_limit.map_or(0, |size| i64::try_from(size.0).unwrap_or(i64::MAX));
    let swap = service.memswap_limit.filter(|swap| swap_is_set(*swap, memory));
    let cpus = service.cpus.filter(|cpus| *cpus > 0.0);
    let environment = service
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect::<BTreeMap<_, _>>();
    let copy = |values: &indexmap::IndexMap<String, String>| {
        values.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let named =
        |values: BTreeMap<String, String>| (!values.is_empty()).then_some(Facet::Named(values));
    let all = [
        ("image", Some(Facet::One(service.image.familiar()))),
        ("command", words(&service.command)),
        ("entrypoint", words(&service.entrypoint)),
        ("environment", named(environment)),
        ("user", one(&service.user)),
        ("working_dir", one(&service.working_dir)),
        ("hostname", one(&service.hostname)),
        ("domainname", one(&service.domainname)),
        ("tty", flag(service.tty)),
        ("stdin_open", flag(service.stdin_open)),
        ("init", flag(service.init.unwrap_or(false))),
        ("healthcheck", service.healthcheck.as_ref().and_then(healthcheck)),
        ("ports", many(ports(spec))),
        ("networks", many(spec.networks.keys().cloned().collect())),
        ("aliases", named(aliases(spec))),
        ("network_mode", spec.network_mode.clone().map(Facet::One)),
        ("pid", spec.pid_mode.clone().map(Facet::One)),
        ("ipc", spec.ipc_mode.clone().map(Facet::One)),
        ("extra_hosts", many(extra_hosts(service))),
        ("dns", list(&service.dns)),
        ("dns_search", list(&service.dns_search)),
        ("dns_opt", list(&service.dns_opt)),
        ("volumes", many(mounts(spec))),
        ("tmpfs", list(&service.tmpfs)),
        ("labels", named(copy(&service.labels))),
        ("restart", restart(service.restart)),
        ("mem_limit", size(service.mem_limit)),
        ("mem_reservation", size(service.mem_reservation)),
        ("memswap_limit", swap.and_then(|swap| size(u64::try_from(swap).ok().map(Bytes)))),
        ("shm_size", size(service.shm_size)),
        ("cpus", cpus.map(|cpus| Facet::One(cpus.to_string()))),
        ("cpu_shares", number(service.cpu_shares)),
        ("cpu_period", number(service.host.cpu_period)),
        ("cpu_quota", number(service.host.cpu_quota)),
        ("cpuset", one(&service.cpuset)),
        ("pids_limit", number(service.pids_limit.filter(|limit| *limit > 0))),
        ("oom_score_adj", number(service.oom_score_adj)),
        ("ulimits", named(ulimits(service))),
        ("stop_signal", one(&service.stop_signal)),
        ("stop_grace_period", service.stop_grace_period.map(seconds)),
        ("privileged", flag(service.privileged)),
        ("read_only", flag(service.read_only)),
        ("group_add", list(&service.group_add)),
        ("cap_add", list(&service.cap_add)),
        ("cap_drop", list(&service.cap_drop)),
        ("security_opt", list(&service.security_opt)),
        ("sysctls", named(copy(&service.sysctls))),
        ("runtime", one(&service.runtime)),
    ];
    facets.extend(all.into_iter().filter_map(|(field, facet)| Some((field, facet?))));
    facets
}

/// The engine counts it in whole seconds; a started one counts.
fn seconds(period: Duration) -> Facet {
    let seconds = period.0.as_millis().div_ceil(1000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    Facet::One(Duration::from_secs(seconds).to_string())
}

fn healthcheck(check: &Healthcheck) -> Option<Facet> {
    if check.disable {
        return healthcheck_facet(Some(&["NONE".to_owned()]), &[], None);
    }
    let test = check.test.as_ref().map(HealthcheckTest::to_list);
    let times = [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start_period", check.start_period),
        ("start_interval", check.start_interval),
    ];
    healthcheck_facet(test.as_deref(), &times, check.retries.map(i64::from))
}

fn aliases(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let networks = spec.networks.iter();
    networks
        .map(|(network, attachment)| {
            let names: BTreeSet<&str> = attachment.aliases.iter().map(String::as_str).collect();
            (network.clone(), names.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect()
}

fn extra_hosts(service: &Service) -> BTreeSet<String> {
    let hosts = service.extra_hosts.iter();
    hosts.flat_map(|(host, ips)| ips.iter().map(move |ip| format!("{host}:{ip}"))).collect()
}

fn ulimits(service: &Service) -> BTreeMap<String, String> {
    let limits = service.ulimits.iter();
    limits.map(|(name, limit)| (name.clone(), format!("{}:{}", limit.soft, limit.hard))).collect()
}

fn ports(spec: &ContainerSpec) -> BTreeSet<String> {
    let ports = spec.service.ports.iter().enumerate();
    ports
        .map(|(index, port)| {
            let published = match (spec.host_port(index, port), port.published) {
                (Some(number), _) => number.to_string(),
                (None, Some(PublishedPort::Range(first, last))) => format!("{first}-{last}"),
                (None, _) => String::new(),
            };
            port_text(&port.host_ip.to_string(), &published, port.target, port.protocol.as_str())
        })
        .collect()
}

fn mounts(spec: &ContainerSpec) -> BTreeSet<String> {
    let mounts = spec.service.mounts.iter().filter_map(|mount| match mount {
        Mount::Bind { source, target, read_only, .. } => {
            Some(mount_text(&source.display().to_string(), target, *read_only))
        }
        Mount::Volume { source, target, read_only, .. } => {
            // Without a name the engine gives it one that says nothing.
            let name = spec.volume_names.get(source.as_ref()?.as_str())?;
            Some(mount_text(name, target, *read_only))
        }
        Mount::Tmpfs { target, .. } => Some(mount_text("tmpfs", target, false)),
        Mount::Image { source, target, .. } => Some(mount_text(source, target, true)),
    });
    let files = spec
        .file_mounts
        .iter()
        .map(|(path, target)| mount_text(&path.display().to_string(), target, true));
    mounts.chain(files).collect()
}

fn restart(policy: RestartPolicy) -> Option<Facet> {
    let text = match policy {
        RestartPolicy::No => return None,
        RestartPolicy::Always => "always".to_owned(),
        RestartPolicy::UnlessStopped => "unless-stopped".to_owned(),
        RestartPolicy::OnFailure(None | Some(0)) => "on-failure".to_owned(),
        RestartPolicy::OnFailure(Some(most)) => format!("on-failure:{most}"),
    };
    Some(Facet::One(text))
}
