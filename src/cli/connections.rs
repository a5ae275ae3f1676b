//! The stack's connection URLs as environment variables for programs on this machine.

use indexmap::IndexMap;

use super::urls;
use crate::project::{Project, Service, ServiceName};
use crate::state::{Observed, ObservedContainer};

/// Variables by name: for each wanted service `SERVICE_URL`, or `SERVICE_NAME_URL` where it has
/// several; and the variables by which other services find it, such as `DATABASE_URL`, with the
/// host's address in place of the service's name. The first of a name wins.
pub(super) fn connections(
    project: &Project,
    observed: &Observed,
    is_wanted: impl Fn(&ServiceName) -> bool,
) -> IndexMap<String, String> {
    let container = |service: &Service| -> Option<&ObservedContainer> {
        observed
            .containers_of(&project.name)
            .filter(|container| container.service().as_ref() == Some(&service.name))
            .min_by_key(|container| container.number())
    };
    let mut variables = IndexMap::new();
    for service in project.services.values() {
        for (name, value) in &service.environment {
            if let Some(value) = value
                && let Some((target, port)) = destination(project, value)
                && is_wanted(&target.name)
                && let Some(address) = urls::address(target, container(target), port.number)
            {
                let url = format!("{}{address}{}", port.before, port.after);
                variables.entry(name.clone()).or_insert(url);
            }
        }
    }
    for service in project.services.values().filter(|service| is_wanted(&service.name)) {
        let urls = urls::of(service, container(service));
        let alone = urls.len() == 1;
        for (name, url) in urls {
            let words =
                if alone { service.name.to_string() } else { format!("{}_{name}", service.name) };
            variables.entry(format!("{}_URL", variable(&words))).or_insert(url);
        }
    }
    variables
}

/// The place of a service's address in a URL.
struct Port<'a> {
    before: &'a str,
    number: u16,
    after: &'a str,
}

/// The service that a URL leads to inside the stack.
fn destination<'a>(project: &'a Project, url: &'a str) -> Option<(&'a Service, Port<'a>)> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let address = authority.rsplit('@').next()?;
    let (host, number) = match address.split_once(':') {
        Some((host, number)) => (host, number.parse().ok()?),
        None => (address, usual_port(scheme)?),
    };
    let start = scheme.len() + "://".len() + authority.len() - address.len();
    let (before, after) = (&url[..start], &url[start + address.len()..]);
    Some((project.service(host)?, Port { before, number, after }))
}

fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "postgres" | "postgresql" => 5432,
        "redis" => 6379,
        "amqp" => 5672,
        "mysql" => 3306,
        "mongodb" => 27017,
        _ => return None,
    })
}

/// A name of letters, digits and underscores.
fn variable(words: &str) -> String {
    let name: String = words
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
