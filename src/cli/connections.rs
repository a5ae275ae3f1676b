//! The stack's connection URLs as environment variables for programs on this machine.

use indexmap::IndexMap;

use super::urls;
use crate::config::percent::percent_encoded;
use crate::config::redact::is_secret_name;
use crate::project::{Project, Service, ServiceName};
use crate::state::{Observed, ObservedContainer};

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connection {
    /// What it is.
    pub(super) value: String,
    /// Where it comes from, in words.
    pub(super) origin: String,
}

/// Variables by name: for each wanted service `SERVICE_URL`, or `SERVICE_NAME_URL` where it has
/// several; and the variables by which other services find it, such as `DATABASE_URL`, with the
/// host's address in place of the service's name; and the key that a server wants besides its URL,
/// under the server's own name for it, such as `MEILI_MASTER_KEY`. The first of a name wins.
pub(super) fn connections(
    project: &Project,
    observed: &Observed,
    is_wanted: impl Fn(&ServiceName) -> bool,
) -> IndexMap<String, Connection> {
    let container = |service: &Service| first_container(project, observed, service);
    let mut variables = IndexMap::new();
    for service in project.services.values() {
        for (name, value) in &service.environment {
            if let Some(value) = value
                && let Some((target, port)) = destination(project, value)
                && is_wanted(&target.name)
                && let Some(address) = urls::address(target, container(target), port.number)
            {
                let value = format!("{}{address}{}", port.before, port.after);
                let origin = format!("{name} of {}, {} on this machine", service.name, target.name);
                variables.entry(name.clone()).or_insert(Connection { value, origin });
            }
        }
    }
    for service in project.services.values().filter(|service| is_wanted(&service.name)) {
        let urls = urls::of(service, container(service));
        if !urls.is_empty() {
            let wanted = credentials(service, &urls).filter(|(name, _)| is_its_own(service, name));
            for (name, value) in wanted {
                let (value, origin) = (value.to_owned(), format!("{name} of {}", service.name));
                variables.entry(name.to_owned()).or_insert(Connection { value, origin });
            }
        }
        let alone = urls.len() == 1;
        for (name, url) in urls {
            let words =
                if alone { service.name.to_string() } else { format!("{}_{name}", service.name) };
            let origin = format!("URL {name} of {}", service.name);
            variables
                .entry(format!("{}_URL", variable(&words)))
                .or_insert(Connection { value: url, origin });
        }
    }
    variables
}

/// Secrets of a service's environment that stand in none of its URLs, such as a master key.
pub(super) fn credentials<'s>(
    service: &'s Service,
    urls: &[(String, String)],
) -> impl Iterator<Item = (&'s str, &'s str)> {
    let is_in_a_url = |value: &str| {
        let encoded = percent_encoded(value);
        urls.iter().any(|(_, url)| url.contains(value) || url.contains(&encoded))
    };
    service
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
        .filter(|(name, value)| is_secret_name(name) && !value.is_empty())
        .filter(move |(_, value)| !is_in_a_url(value))
}

/// Whether a key is one that the server of a ready-made image has given its own name:
/// `MEILI_MASTER_KEY` of `getmeili/meilisearch`. A key to something else that a service holds, such
/// as `AWS_SECRET_ACCESS_KEY`, is no business of those who connect to it.
fn is_its_own(service: &Service, name: &str) -> bool {
    let server = name.split('_').next().unwrap_or_default().to_ascii_lowercase();
    service.build.is_none() && server.len() > 2 && service.image.name().starts_with(&server)
}

/// The environment of a service as a program on this machine needs it in the service's place:
/// where a value leads to another service, it leads to that one's published port.
pub(super) fn environment_of(
    project: &Project,
    observed: &Observed,
    service: &Service,
) -> IndexMap<String, Connection> {
    let published = |target: &Service, port: u16| {
        urls::address(target, first_container(project, observed, target), port)
    };
    let port_of = |host: &str, port: &str| -> Option<String> {
        let (target, port) = (project.service(host)?, port.parse().ok()?);
        published(target, port)?.rsplit_once(':').map(|(_, port)| port.to_owned())
    };
    let value = |name: &str| service.environment.get(name).and_then(Option::as_deref);
    let translated = |name: &str, text: &str| -> Option<String> {
        if let Some((target, port)) = destination(project, text) {
            let address = published(target, port.number)?;
            return Some(format!("{}{address}{}", port.before, port.after));
        }
        // `db:5432`
        if let Some((host, port)) = text.split_once(':') {
            return published(project.service(host)?, port.parse().ok()?);
        }
        // `PGHOST=db` and `PGPORT=5432`
        if name.ends_with("HOST") && project.service(text).is_some() {
            return Some("localhost".to_owned());
        }
        let prefix = name.strip_suffix("PORT")?;
        port_of(value(&format!("{prefix}HOST"))?, text)
    };
    // What is true of the container's file system only.
    let foreign = |name: &str| matches!(name, "PATH" | "HOME" | "PWD" | "HOSTNAME" | "TMPDIR");
    service
        .environment
        .iter()
        .filter(|(name, _)| !foreign(name))
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .map(|(name, text)| {
            let of = format!("{name} of {}", service.name);
            let connection = match translated(name, text) {
                Some(value) => Connection { value, origin: format!("{of}, on this machine") },
                None => Connection { value: text.to_owned(), origin: of },
            };
            (name.clone(), connection)
        })
        .collect()
}

fn first_container<'a>(
    project: &Project,
    observed: &'a Observed,
    service: &Service,
) -> Option<&'a ObservedContainer> {
    observed
        .containers_of(&project.name)
        .filter(|container| container.service().as_ref() == Some(&service.name))
        .min_by_key(|container| container.number())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixture::project;

    fn found(yaml: &str) -> String {
        let found = connections(&project(yaml), &Observed::default(), |_| true);
        let lines = found.iter().map(|(name, it)| format!("{name}={}  # {}", it.value, it.origin));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_port_that_is_asked_whether_it_is_ready_has_a_url_with_scheme_and_login() {
        insta::assert_snapshot!(found(
            r#"
services:
  db:
    image: pgvector/pgvector:pg17
    environment: {POSTGRES_PASSWORD: "p@ss"}
    ports: ["15432:5432", "15000:5000"]
    ready: {postgres: {port: 5432, user: app, password: "{POSTGRES_PASSWORD}", database: shop/1}}
  cache: {image: "valkey/valkey:8", ports: ["16379:6379"], ready: {redis: 6379}}
  sessions:
    image: redis:8
    ports: ["16380:6379"]
    ready: {redis: {port: 6379, password: "s:s"}}
  mq:
    image: rabbitmq:4
    ports: ["15672:5672"]
    ready: {amqp: {port: 5672, user: u, password: p, vhost: tenant/a}}
  web: {image: web, ports: ["8080:80", "8443:443/udp"], ready: {http: 80}}
  raw: {image: raw, ports: ["9000:9000"], ready: {tcp: 9000}}
  said: {image: said, ports: [{target: 80, published: 9001, app_protocol: https}]}
"#
        ));
    }

    #[test]
    fn the_key_that_a_server_gave_its_own_name_belongs_to_its_url() {
        insta::assert_snapshot!(found(
            r#"
services:
  search: {preset: meilisearch, ports: !override ["17700:7700"]}
  other:
    image: typesense/typesense:27
    environment: {TYPESENSE_API_KEY: k, AWS_SECRET_ACCESS_KEY: aws}
    ports: ["8108:8108"]
    ready: {http: {port: 8108, path: /health}}
  # Nobody reaches it from here.
  hidden: {image: "minio/minio:1", environment: {MINIO_ROOT_PASSWORD: m}}
  api: {build: ., environment: {API_KEY: a}, ports: ["3000:3000"], ready: {http: 3000}}
"#
        ));
    }
}
