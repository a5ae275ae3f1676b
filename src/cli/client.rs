//! `devstack psql`, `redis-cli`, `rabbitmqctl` and `meili`: the client that a service brings, in
//! its container, logged in.

use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::exec::{run_command, running};
use super::scope::Scope;
use crate::engine::ExecRequest;
use crate::project::{Probe, Project, Service};

/// Arguments of `psql`, `redis-cli` and `rabbitmqctl`.
#[derive(Debug, clap::Args)]
pub(super) struct ClientArgs {
    /// The service, where several could be meant
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Arguments of the client
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Arguments of `meili`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack meili /indexes\n  \
    devstack meili POST /indexes/notes/search '{\"q\": \"first\"}'\n  \
    devstack meili DELETE /indexes/notes")]
pub(super) struct MeiliArgs {
    /// The service, where several could be meant
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// The path; before it perhaps the method, after it perhaps a body in JSON
    #[arg(value_name = "[METHOD] PATH [BODY]", required = true, num_args = 1..=3)]
    request: Vec<String>,
}

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Postgres,
    Redis,
    RabbitMq,
    Meilisearch,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::RabbitMq => "rabbitmq",
            Self::Meilisearch => "meilisearch",
        }
    }

    /// Whether the file says that a service is one, by its preset or its probe.
    fn is_said_of(self, service: &Service) -> bool {
        let probes = service.ready.iter().flat_map(|ready| &ready.probes);
        service.preset.as_deref() == Some(self.name())
            || probes.into_iter().any(|probe| {
                matches!(
                    (self, probe),
                    (Self::Postgres, Probe::Postgres { .. })
                        | (Self::Redis, Probe::Redis { .. })
                        | (Self::RabbitMq, Probe::Amqp { .. })
                )
            })
    }
}

pub(super) async fn psql(cx: &Context, args: ClientArgs) -> Result<ExitStatus, CliError> {
    open(cx, Server::Postgres, args.service.as_deref(), |service| {
        let login = |variable: &str, fallback: &str| {
            variable_of(service, variable).unwrap_or(fallback).to_owned()
        };
        let mut user = login("POSTGRES_USER", "postgres");
        let mut database = login("POSTGRES_DB", &user);
        let mut password = variable_of(service, "POSTGRES_PASSWORD").map(str::to_owned);
        for probe in service.ready.iter().flat_map(|ready| &ready.probes) {
            if let Probe::Postgres { user: role, password: secret, database: name, .. } = probe {
                user.clone_from(role);
                database.clone_from(name);
                password = Some(secret.expose().to_owned());
            }
        }
        // Variables rather than arguments: a list of processes shows those.
        let mut environment = vec![format!("PGUSER={user}"), format!("PGDATABASE={database}")];
        environment.extend(password.map(|password| format!("PGPASSWORD={password}")));
        (command("psql", args.arguments.clone()), environment)
    })
    .await
}

pub(super) async fn redis_cli(cx: &Context, args: ClientArgs) -> Result<ExitStatus, CliError> {
    open(cx, Server::Redis, args.service.as_deref(), |service| {
        let mut words = vec!["redis-cli".to_owned()];
        let mut environment = Vec::new();
        for probe in service.ready.iter().flat_map(|ready| &ready.probes) {
            if let Probe::Redis { port, username, password } = probe {
                if *port != 6379 {
                    words.extend(["-p".to_owned(), port.to_string()]);
                }
                if let Some(username) = username {
                    words.extend(["--user".to_owned(), username.clone()]);
                }
                let password = password.as_ref().map_or("", |password| password.expose());
                if !password.is_empty() {
                    environment.push(format!("REDISCLI_AUTH={password}"));
                }
            }
        }
        words.extend(args.arguments.iter().cloned());
        (words, environment)
    })
    .await
}

pub(super) async fn rabbitmqctl(cx: &Context, args: ClientArgs) -> Result<ExitStatus, CliError> {
    // It talks to the node itself and needs no user.
    open(cx, Server::RabbitMq, args.service.as_deref(), |_| {
        (command("rabbitmqctl", args.arguments.clone()), Vec::new())
    })
    .await
}

/// Sends a request with the master key that the container has in its environment. `printf` is part
/// of the shell, so that the key is no argument of a process.
const MEILI: &str = r#"
printf 'header = "Authorization: Bearer %s"\n' "$MEILI_MASTER_KEY" |
  curl -sS --fail-with-body -K - -X "$1" "http://127.0.0.1:7700$2" \
    ${3:+-H 'Content-Type: application/json' --data-binary "$3"}
code=$?
[ ! -t 1 ] || echo
exit $code
"#;

pub(super) async fn meili(cx: &Context, args: MeiliArgs) -> Result<ExitStatus, CliError> {
    let Some((method, path, body)) = meili_request(&args.request) else {
        return Err(CliError::other(
            "no path to ask for: it begins with `/`",
            "such as `devstack meili /indexes` or `devstack meili POST /indexes '{\"uid\": \"a\"}'`",
        ));
    };
    open(cx, Server::Meilisearch, args.service.as_deref(), |_| {
        let words = ["sh", "-c", MEILI, "meili", method, path, body];
        (words.map(str::to_owned).to_vec(), Vec::new())
    })
    .await
}

/// Method, path and body. A body without a method is sent by POST.
fn meili_request(words: &[String]) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [path] if path.starts_with('/') => Some(("GET", path, "")),
        [path, body] if path.starts_with('/') => Some(("POST", path, body)),
        [method, path] if path.starts_with('/') => Some((method, path, "")),
        [method, path, body] if path.starts_with('/') => Some((method, path, body)),
        _ => None,
    }
}

fn command(program: &str, arguments: Vec<String>) -> Vec<String> {
    std::iter::once(program.to_owned()).chain(arguments).collect()
}

fn variable_of<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    service.environment.get(name)?.as_deref()
}

/// Runs the client of a server where it runs; `client` tells the command and its variables.
async fn open(
    cx: &Context,
    server: Server,
    asked: Option<&str>,
    client: impl FnOnce(&Service) -> (Vec<String>, Vec<String>),
) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let service = match asked {
        Some(name) => {
            let name = scope.service(name)?;
            let found = project.services.get(&name).or(project.disabled_services.get(&name));
            let service = found
                .ok_or(Problem::UnknownService { name: name.to_string(), suggestion: None })?;
            if let Some(other) = another(server, service) {
                return Err(CliError::other(
                    format!("`{name}` is a {} server, no {} server", other.name(), server.name()),
                    "leave `--service` out, or name another service",
                ));
            }
            service
        }
        None => only(&project, server)?,
    };
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let container = running(&scope, &observed, service.name.as_str(), 1)?;
    let (command, environment) = client(service);
    let request = ExecRequest {
        command,
        environment,
        tty: cx.has_terminal(),
        stdin: true,
        ..ExecRequest::default()
    };
    run_command(cx, &engine, container, &request).await
}

/// What else a service is said to be, if it is not said to be this one.
fn another(server: Server, service: &Service) -> Option<Server> {
    let is = |server: &Server| server.is_said_of(service) || service.image.name() == server.name();
    let all = [Server::Postgres, Server::Redis, Server::RabbitMq, Server::Meilisearch];
    if is(&server) { None } else { all.into_iter().find(is) }
}

fn only(project: &Project, server: Server) -> Result<&Service, CliError> {
    let all = || project.services.values();
    let mut found: Vec<&Service> = all().filter(|service| server.is_said_of(service)).collect();
    if found.is_empty() {
        found = all().filter(|service| service.image.name() == server.name()).collect();
    }
    match found[..] {
        [service] => Ok(service),
        [] => Err(CliError::other(
            format!("no service of the files is a {} server", server.name()),
            "if one is under another name of an image, say which with `--service SERVICE`",
        )),
        _ => {
            let names: Vec<&str> = found.iter().map(|service| service.name.as_str()).collect();
            Err(CliError::other(
                format!("several services are {} servers: {}", server.name(), names.join(", ")),
                format!("say which one with `--service {}`", names[0]),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_by_what_begins_with_a_slash() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            meili_request(&words).map(|(method, path, body)| format!("{method} {path} {body}"))
        };
        let cases: [(&[&str], Option<&str>); 5] = [
            (&["/indexes"], Some("GET /indexes ")),
            (&["DELETE", "/indexes/a"], Some("DELETE /indexes/a ")),
            (&["/a/search", "{}"], Some("POST /a/search {}")),
            (&["PATCH", "/a", "{}"], Some("PATCH /a {}")),
            (&["indexes"], None),
        ];
        for (words, expected) in cases {
            assert_eq!(read(words).as_deref(), expected, "{words:?}");
        }
    }
}
