//! Where each service is reached from this machine.

use std::net::IpAddr;

use crate::config::percent::percent_encoded;
use crate::config::redact::redact_url;
use crate::project::{Port, Probe, Project, Protocol, Service};
use crate::report::{Cell, Column, Table, Tone};
use crate::state::desired::remembered_as;
use crate::state::{ContainerState, Health, Observed, ObservedContainer};

/// A service's connection URLs with the addresses that its container has now. Ports that are
/// published but that no URL names follow, as URLs where the files tell what is spoken there, else
/// as plain addresses.
pub(super) fn of(
    service: &Service,
    container: Option<&ObservedContainer>,
) -> Vec<(String, String)> {
    let mut urls: Vec<(String, String)> = Vec::new();
    let mut named: Vec<u16> = Vec::new();
    for (name, template) in &service.urls {
        if let Some(url) = fill(template, service, container, &mut named) {
            urls.push((name.clone(), url));
        }
    }
    for port in &service.ports {
        if named.contains(&port.target) {
            continue;
        }
        if let Some(address) = address(service, container, port.target) {
            urls.push((port_name(port), spoken(service, port, &address).unwrap_or(address)));
        }
    }
    urls
}

/// The URL of a port whose protocol is known: devstack itself logs in there to find out whether
/// the service is ready, or the port says so.
fn spoken(service: &Service, port: &Port, address: &str) -> Option<String> {
    if port.protocol != Protocol::Tcp {
        return None;
    }
    let probes = service.ready.iter().flat_map(|ready| &ready.probes);
    let found = probes.into_iter().find_map(|probe| match probe {
        Probe::Postgres { port: asked, user, password, database } if *asked == port.target => {
            let (login, database) = (login(user, password.expose()), percent_encoded(database));
            Some(format!("postgres://{login}{address}/{database}"))
        }
        Probe::Redis { port: asked, username, password } if *asked == port.target => {
            let password = password.as_ref().map_or("", |password| password.expose());
            let login = login(username.as_deref().unwrap_or_default(), password);
            Some(format!("redis://{login}{address}"))
        }
        Probe::Amqp { port: asked, user, password, vhost } if *asked == port.target => {
            let login = login(user, password.expose());
            // Without a path it is `/`.
            let path =
                if vhost == "/" { String::new() } else { format!("/{}", percent_encoded(vhost)) };
            Some(format!("amqp://{login}{address}{path}"))
        }
        Probe::Http { port: asked, .. } if *asked == port.target => {
            Some(format!("http://{address}"))
        }
        _ => None,
    });
    found.or_else(|| match port.app_protocol.as_deref() {
        Some(scheme @ ("http" | "https")) => Some(format!("{scheme}://{address}")),
        _ => None,
    })
}

/// User and password in a URL, with the `@` that follows them.
fn login(user: &str, password: &str) -> String {
    let (user, password) = (percent_encoded(user), percent_encoded(password));
    match (user.as_str(), password.as_str()) {
        ("", "") => String::new(),
        (user, "") => format!("{user}@"),
        (user, password) => format!("{user}:{password}@"),
    }
}

/// The names that the URLs of a service have in [`of`], wherever its ports are published.
pub(super) fn names(service: &Service) -> Vec<String> {
    let named = |port: &Port| {
        let placeholder = format!("{{address:{}}}", port.target);
        service.urls.values().any(|url| url.contains(&placeholder))
    };
    let ports = service.ports.iter().filter(|port| !named(port)).map(port_name);
    service.urls.keys().cloned().chain(ports).collect()
}

/// What the URL of a port is called that no other one names.
fn port_name(port: &Port) -> String {
    port.name.clone().unwrap_or_else(|| port.target.to_string())
}

/// Replaces each `{address:PORT}`; `None` when the port is not published anywhere now.
fn fill(
    template: &str,
    service: &Service,
    container: Option<&ObservedContainer>,
    named: &mut Vec<u16>,
) -> Option<String> {
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{address:") {
        let (port, after) = after.split_once('}')?;
        let port = port.parse().ok()?;
        named.push(port);
        url.push_str(before);
        url.push_str(&address(service, container, port)?);
        rest = after;
    }
    url.push_str(rest);
    Some(url)
}

/// The host's address of a container port: where the engine says it is, else where it will be.
pub(super) fn address(
    service: &Service,
    container: Option<&ObservedContainer>,
    target: u16,
) -> Option<String> {
    let (ip, number) = endpoint(service, container, target)?;
    let host = if ip.is_loopback() || ip.is_unspecified() {
        "localhost".to_owned()
    } else if ip.is_ipv6() {
        format!("[{ip}]")
    } else {
        ip.to_string()
    };
    Some(format!("{host}:{number}"))
}

/// The host's address and port of a container port.
pub(super) fn endpoint(
    service: &Service,
    container: Option<&ObservedContainer>,
    target: u16,
) -> Option<(IpAddr, u16)> {
    let ports = container.map(|container| container.ports.as_slice()).unwrap_or_default();
    let observed =
        ports.iter().filter(|port| port.target == target).find_map(|port| port.published);
    observed.or_else(|| {
        let port = service.ports.iter().find(|port| port.target == target)?;
        let key = remembered_as(port);
        let remembered = container.and_then(|container| {
            container.remembered_ports().find(|(known, _)| *known == key).map(|(_, port)| port)
        });
        Some((port.host_ip, port.fixed().or(remembered)?))
    })
}

/// The table that a finished `up` prints, in the words of `status`; `waited` when everything was
/// waited for.
pub(super) fn table(project: &Project, observed: &Observed, waited: bool) -> Table {
    let mut table = Table::new(vec![
        Column::new("SERVICE"),
        Column::new("STATE"),
        Column::new("URL").gives_way(1),
    ]);
    for service in project.services.values() {
        let container = observed
            .containers_of(&project.name)
            .filter(|container| container.service().as_ref() == Some(&service.name))
            .min_by_key(|container| container.number());
        let (state, tone) = state(service, container, waited);
        let urls = of(service, container);
        let mut lines = urls.iter().map(|(_, url)| redact_url(url));
        table.push(vec![
            service.name.as_str().into(),
            Cell::new(state, tone),
            lines.next().unwrap_or_default().into(),
        ]);
        for line in lines {
            table.push(vec!["".into(), "".into(), line.into()]);
        }
    }
    table
}

/// How a service is after `up`.
fn state(
    service: &Service,
    container: Option<&ObservedContainer>,
    waited: bool,
) -> (&'static str, Tone) {
    let Some(container) = container else { return ("not created", Tone::Faint) };
    match (container.state, container.health) {
        (ContainerState::Running, _) if waited && service.ready.is_some() => ("ready", Tone::Good),
        (ContainerState::Running, Some(Health::Unhealthy)) => ("unhealthy", Tone::Bad),
        (ContainerState::Running, Some(Health::Starting)) if !waited => ("starting", Tone::Caution),
        (ContainerState::Running, Some(_)) => ("healthy", Tone::Good),
        // One that has just been made was not looked at again.
        (ContainerState::Running, None)
            if waited && service.healthcheck.as_ref().is_some_and(|check| !check.disable) =>
        {
            ("healthy", Tone::Good)
        }
        (ContainerState::Running, None) => ("running", Tone::Good),
        (ContainerState::Exited { code: 0 }, _) => ("finished", Tone::Good),
        (state, _) if state.is_ended_by_signal() => ("stopped", Tone::Faint),
        (state, _) => (state.as_str(), Tone::Bad),
    }
}
