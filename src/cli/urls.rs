//! Where each service is reached from this machine.

use std::net::IpAddr;

use super::context::Context;
use crate::config::redact::redact_url;
use crate::project::{Project, Service};
use crate::report::{Cell, Column, Table, Tone};
use crate::state::desired::remembered_as;
use crate::state::{ContainerState, Observed, ObservedContainer};

/// A service's connection URLs with the addresses that its container has now; ports that are
/// published but that no URL names follow as plain addresses.
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
            let name = port.name.clone().unwrap_or_else(|| port.target.to_string());
            urls.push((name, address));
        }
    }
    urls
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

/// The table that a finished `up` prints.
pub(super) fn table(cx: &Context, project: &Project, observed: &Observed) -> String {
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
        let (state, tone) = match container.map(|container| container.state) {
            Some(ContainerState::Running) => ("running", Tone::Good),
            Some(ContainerState::Exited { code: 0 }) => ("finished", Tone::Good),
            Some(state) if state.is_ended_by_signal() => ("stopped", Tone::Faint),
            Some(state) => (state.as_str(), Tone::Bad),
            None => ("missing", Tone::Bad),
        };
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
    table.render(cx.table_width(), cx.stdout_colour())
}
