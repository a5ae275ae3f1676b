//! How devstack itself can ask whether a service of a known image is ready.

use crate::project::Service;

/// The `ready:` of a service whose image speaks a protocol that devstack speaks, when all that the
/// question needs is known from the service's own variables, and when no health check of the
/// user's asks for more than that.
#[must_use]
pub fn native_readiness(service: &Service) -> Option<String> {
    // With another entry point it may be a client or a job that only uses the image.
    let is_told = service.ready.is_some() || service.preset.is_some();
    if is_told || service.network_mode.is_some() || service.entrypoint.is_some() {
        return None;
    }
    let image = service.image.as_str().split(['@']).next().unwrap_or_default();
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let name = name.split(':').next().unwrap_or_default();
    let (ready, markers): (String, &[&str]) = match name {
        "postgres" | "postgis/postgis" | "pgvector/pgvector" | "timescale/timescaledb" => {
            (postgres(service)?, &["pg_isready"])
        }
        "redis" => (redis(service)?, &["ping", "PING"]),
        "rabbitmq" => (amqp(service)?, &["rabbitmq-diagnostics", "rabbitmqctl"]),
        "getmeili/meilisearch" => (
            service
                .command
                .is_none()
                .then(|| "{http: {port: 7700, path: /health, status: 200}}".to_owned())?,
            &["/health"],
        ),
        _ => return None,
    };
    match &service.healthcheck {
        Some(check) if check.disable => Some(ready),
        Some(check) => {
            let test = check.test.as_ref().map(|test| format!("{test:?}")).unwrap_or_default();
            (test.is_empty() || markers.iter().any(|marker| test.contains(marker))).then_some(ready)
        }
        None => Some(ready),
    }
}

/// Whether a variable has a value that is not empty.
fn has(service: &Service, name: &str) -> bool {
    service
        .environment
        .get(name)
        .is_some_and(|value| value.as_ref().is_some_and(|value| !value.is_empty()))
}

/// What the server is started with besides what its image says; `None` when something else than
/// the server is started.
fn arguments(service: &Service, server: &str) -> Option<Vec<String>> {
    let command = service.command.clone().unwrap_or_default();
    let is_server = command.first().is_none_or(|first| first == server || first.starts_with('-'));
    is_server.then_some(command)
}

fn postgres(service: &Service) -> Option<String> {
    // Another port is told by an argument only.
    let moved =
        arguments(service, "postgres")?.iter().any(|word| word == "-p" || word.contains("port"));
    if moved || has(service, "PGPORT") || !has(service, "POSTGRES_PASSWORD") {
        return None;
    }
    let user = if has(service, "POSTGRES_USER") { "'{POSTGRES_USER}'" } else { "postgres" };
    let database = if has(service, "POSTGRES_DB") { "'{POSTGRES_DB}'" } else { user };
    Some(format!(
        "{{postgres: {{port: 5432, user: {user}, password: '{{POSTGRES_PASSWORD}}', database: {database}}}}}"
    ))
}

fn redis(service: &Service) -> Option<String> {
    let words = arguments(service, "redis-server")?.join(" ");
    if words.contains(".conf") || words.contains("--port") || words.contains("--tls") {
        return None;
    }
    if !words.contains("requirepass") {
        return Some("{redis: {port: 6379}}".to_owned());
    }
    let password = service.environment.get("REDIS_PASSWORD")?.as_ref()?;
    let is_it = !password.is_empty()
        && words.split_whitespace().any(|word| word.trim_matches(['"', '\'']) == password);
    is_it.then(|| "{redis: {port: 6379, password: '{REDIS_PASSWORD}'}}".to_owned())
}

fn amqp(service: &Service) -> Option<String> {
    let names = ["RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"];
    if service.command.is_some() {
        return None;
    }
    // Its own user `guest` may log in from its own container only; it listens when it can be used.
    if !names.iter().all(|name| has(service, name)) {
        return Some("{tcp: 5672}".to_owned());
    }
    let vhost =
        if has(service, "RABBITMQ_DEFAULT_VHOST") { "'{RABBITMQ_DEFAULT_VHOST}'" } else { "/" };
    Some(format!(
        "{{amqp: {{port: 5672, user: '{{{}}}', password: '{{{}}}', vhost: {vhost}}}}}",
        names[0], names[1]
    ))
}
