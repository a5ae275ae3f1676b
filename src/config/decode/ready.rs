//! devstack's own `ready` and `urls`.

use std::num::NonZeroU16;
use std::str::FromStr;

use indexmap::IndexMap;

use super::context::{Cx, Field, Fields};
use super::placeholder::{InvalidPlaceholder, InvalidPlaceholderKind, fill, fill_url};
use super::scalar::{boolean, duration, text, word};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::config::place::within;
use crate::config::preset;
use crate::config::suggest::closest;
use crate::project::{LogStream, Port, Probe, Ready, Secret};

type Environment = IndexMap<String, Option<String>>;

/// Reads `ready`: the one word `healthcheck`, or a mapping of probes that must all succeed. One
/// that only sets a time is about the health check, if there is one.
pub(super) fn ready(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    environment: &Environment,
    has_check: bool,
) -> Option<Ready> {
    if let Some(word) = field.node.scalar_text() {
        if word == "healthcheck" {
            return Some(Ready { probes: vec![Probe::Healthcheck], timeout: None });
        }
        let message = format!("`{}` cannot be `{word}`", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("write `healthcheck`, or a probe as in `ready: {tcp: 5672}`"),
        );
        return None;
    }
    let reader = Reader { environment };
    let mut fields = Fields::open(cx, field)?;
    let probes = [
        fields.read(cx, "postgres", |cx, field| reader.postgres(cx, field)),
        fields.read(cx, "redis", |cx, field| reader.redis(cx, field)),
        fields.read(cx, "amqp", |cx, field| reader.amqp(cx, field)),
        fields.read(cx, "http", |cx, field| reader.http(cx, field)),
        fields.read(cx, "tcp", |cx, field| reader.tcp(cx, field)),
        fields.read(cx, "log", |cx, field| reader.log(cx, field)),
        fields.read(cx, "exec", |cx, field| reader.exec(cx, field)),
        fields
            .read(cx, "healthcheck", boolean)
            .and_then(|wanted| wanted.then_some(Probe::Healthcheck)),
    ];
    let timeout_at = fields.take("timeout");
    let timeout = timeout_at.as_ref().and_then(|field| duration(cx, field));
    fields.finish(cx);
    let mut probes: Vec<Probe> = probes.into_iter().flatten().collect();
    // A probe that is wrong has been told of, and so has a name that none has.
    let is_tried = field.entries().into_iter().flatten().any(|(key, value)| {
        !matches!(key, "timeout" | "healthcheck") && !key.starts_with("x-") && !value.is_null()
    });
    if let (true, false, Some(place)) = (probes.is_empty(), is_tried, timeout_at) {
        if has_check {
            probes.push(Probe::Healthcheck);
        } else {
            let message = format!("`{}` limits no probe", place.path);
            let help = "add one, such as `tcp: PORT`";
            cx.push_absent(Diagnostic::error(message, place.key).help(help));
        }
    }
    (!probes.is_empty()).then_some(Ready { probes, timeout })
}

/// Reads `urls`: templates by name.
pub(super) fn urls(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    environment: &Environment,
    ports: &[Port],
) -> Option<IndexMap<String, String>> {
    let Some(entries) = field.entries() else { return cx.wrong(field, "a mapping") };
    let mut urls = IndexMap::new();
    for (name, value) in entries.into_iter().filter(|(_, value)| !value.is_null()) {
        let Some(template) = text(cx, &value) else { continue };
        let published = |target| ports.iter().any(|port| port.target == target);
        match fill_url(&template, environment, published) {
            Ok(url) => {
                urls.insert(name.to_owned(), url);
            }
            // Whoever publishes fewer ports than the preset does not ask for the URLs of the others.
            Err(InvalidPlaceholder { kind: InvalidPlaceholderKind::Port(_), .. })
                if preset::owns(&value.span().source) => {}
            Err(error) => {
                let targets: Vec<u16> = ports.iter().map(|port| port.target).collect();
                report(cx, &value, &template, &error, environment, &targets);
            }
        }
    }
    Some(urls)
}

/// Reads probes. Every value of theirs may contain `{NAME}`.
struct Reader<'e> {
    environment: &'e Environment,
}

impl Reader<'_> {
    fn postgres(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let mut probe = Opened::new(cx, field)?;
        let port = self.port(cx, &mut probe, Some(5432));
        let user = self.value(cx, &mut probe, "user", "POSTGRES_USER");
        let user = user.unwrap_or_else(|| "postgres".to_owned());
        let password = self.value(cx, &mut probe, "password", "POSTGRES_PASSWORD");
        let database = self.value(cx, &mut probe, "database", "POSTGRES_DB");
        probe.fields.finish(cx);
        Some(Probe::Postgres {
            port: port?,
            password: Secret::new(password.unwrap_or_default()),
            database: database.unwrap_or_else(|| user.clone()),
            user,
        })
    }

    fn redis(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let mut probe = Opened::new(cx, field)?;
        let port = self.port(cx, &mut probe, Some(6379));
        let username = self.text(cx, &mut probe.fields, "username");
        let password = self.text(cx, &mut probe.fields, "password");
        probe.fields.finish(cx);
        Some(Probe::Redis {
            port: port?,
            username: username.filter(|username| !username.is_empty()),
            password: password.filter(|password| !password.is_empty()).map(Secret::new),
        })
    }

    fn amqp(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let mut probe = Opened::new(cx, field)?;
        let port = self.port(cx, &mut probe, Some(5672));
        let user = self.value(cx, &mut probe, "user", "RABBITMQ_DEFAULT_USER");
        let password = self.value(cx, &mut probe, "password", "RABBITMQ_DEFAULT_PASS");
        let vhost = self.value(cx, &mut probe, "vhost", "RABBITMQ_DEFAULT_VHOST");
        probe.fields.finish(cx);
        // RabbitMQ's own defaults.
        Some(Probe::Amqp {
            port: port?,
            user: user.unwrap_or_else(|| "guest".to_owned()),
            password: Secret::new(password.unwrap_or_else(|| "guest".to_owned())),
            vhost: vhost.unwrap_or_else(|| "/".to_owned()),
        })
    }

    fn http(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let mut probe = Opened::new(cx, field)?;
        let port = self.port(cx, &mut probe, None);
        let path_at = probe.fields.take("path");
        let path = path_at.as_ref().and_then(|field| self.filled(cx, field));
        let status = probe
            .fields
            .read(cx, "status", |cx, field| self.number(cx, field, "an HTTP status such as `200`"))
            .filter(|status| {
                let is_status = (100..=599).contains(status);
                if let (false, Some(place)) = (is_status, field.node.get("status")) {
                    let message = format!("`{status}` is no HTTP status: they go from 100 to 599");
                    cx.push(Diagnostic::error(message, &place.node.span));
                }
                is_status
            });
        let body = self.text(cx, &mut probe.fields, "body");
        probe.fields.finish(cx);
        let path = path.unwrap_or_else(|| "/".to_owned());
        if let Some(place) = path_at.filter(|_| !path.starts_with('/')) {
            let message = format!("`{}` must begin with `/`", place.path);
            cx.push(Diagnostic::error(message, place.span()));
        }
        Some(Probe::Http { port: port?, path, status, body })
    }

    fn tcp(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let mut probe = Opened::new(cx, field)?;
        let port = self.port(cx, &mut probe, None);
        probe.fields.finish(cx);
        Some(Probe::Tcp { port: port? })
    }

    fn log(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        if field.node.scalar_text().is_some() {
            let pattern = self.pattern(cx, field)?;
            return Some(Probe::Log { pattern, stream: LogStream::Any });
        }
        let mut fields = Fields::open(cx, field)?;
        let pattern_at = fields.take("pattern");
        let stream = fields.read(cx, "stream", |cx, field| word(cx, field, STREAMS));
        fields.finish(cx);
        let Some(pattern_at) = pattern_at else {
            let message = format!("`{}` has no `pattern`", field.path);
            cx.push(
                Diagnostic::error(message, field.key)
                    .help("add `pattern:`, a text that the line contains"),
            );
            return None;
        };
        let pattern = self.pattern(cx, &pattern_at)?;
        Some(Probe::Log { pattern, stream: stream.unwrap_or(LogStream::Any) })
    }

    /// What a line must contain; nothing would be in any line.
    fn pattern(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
        let pattern = self.filled(cx, field)?;
        if pattern.is_empty() {
            let message = format!("`{}` looks for no text", field.path);
            cx.push(
                Diagnostic::error(message, field.span())
                    .help("write a text that the line contains"),
            );
            return None;
        }
        Some(pattern)
    }

    fn exec(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Probe> {
        let command = match field.items() {
            Some(items) => {
                items.iter().map(|item| self.filled(cx, item)).collect::<Option<Vec<_>>>()?
            }
            None => vec!["/bin/sh".to_owned(), "-c".to_owned(), self.filled(cx, field)?],
        };
        let is_line = field.items().is_none();
        if command.last().is_none_or(|last| is_line && last.trim().is_empty()) {
            let message = format!("`{}` names no program", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            return None;
        }
        Some(Probe::Exec { command })
    }

    fn port(&self, cx: &mut Cx<'_>, probe: &mut Opened<'_>, default: Option<u16>) -> Option<u16> {
        let field = probe.fields.take("port").or_else(|| probe.port.clone());
        let Some(field) = field else {
            if default.is_none() {
                let message = format!("`{}` has no `port`", probe.field.path);
                cx.push(
                    Diagnostic::error(message, probe.field.key)
                        .help("add `port:`, the port inside the container"),
                );
            }
            return default;
        };
        let port = self.number::<NonZeroU16>(cx, &field, "a port number from 1 to 65535")?;
        Some(port.get())
    }

    /// A key's text, or else the value of the variable that configures the image.
    fn value(
        &self,
        cx: &mut Cx<'_>,
        probe: &mut Opened<'_>,
        key: &'static str,
        variable: &str,
    ) -> Option<String> {
        self.text(cx, &mut probe.fields, key)
            .or_else(|| self.environment.get(variable).cloned().flatten())
    }

    fn text(&self, cx: &mut Cx<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
        fields.read(cx, key, |cx, field| self.filled(cx, field))
    }

    fn number<T: FromStr>(&self, cx: &mut Cx<'_>, field: &Field<'_>, expected: &str) -> Option<T> {
        let filled = self.filled(cx, field)?;
        let number = filled.trim().parse().ok();
        if number.is_none() {
            let message = format!("`{}` must be {expected}, not `{filled}`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
        }
        number
    }

    fn filled(&self, cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
        let template = text(cx, field)?;
        match fill(&template, self.environment) {
            Ok(filled) => Some(filled),
            Err(error) => {
                report(cx, field, &template, &error, self.environment, &[]);
                None
            }
        }
    }
}

const STREAMS: &[(&str, LogStream)] =
    &[("any", LogStream::Any), ("stdout", LogStream::Stdout), ("stderr", LogStream::Stderr)];

/// A probe's keys. A number instead of a mapping is its port; `true` stands for all defaults.
struct Opened<'n> {
    field: Field<'n>,
    fields: Fields<'n>,
    port: Option<Field<'n>>,
}

impl<'n> Opened<'n> {
    fn new(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Self> {
        let (fields, port) = match &field.node.value {
            Value::Bool(true) => (Fields::empty(field), None),
            _ if field.node.scalar_text().is_some() => (Fields::empty(field), Some(field.clone())),
            _ => (Fields::open(cx, field)?, None),
        };
        Some(Self { field: field.clone(), fields, port })
    }
}

fn report(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    template: &str,
    error: &InvalidPlaceholder,
    environment: &Environment,
    targets: &[u16],
) {
    let place = within(field.span(), template, error.range.clone());
    match &error.kind {
        InvalidPlaceholderKind::Variable(name) => {
            let message = format!("the service has no environment variable `{name}`");
            let diagnostic = Diagnostic::error(message, &place).help(format!(
                "set it under `environment:`, or write `{{{{{name}}}}}` for the text"
            ));
            cx.push_absent(match closest(name, environment.keys().map(String::as_str)) {
                Some(known) => diagnostic.help(format!("did you mean `{{{known}}}`?")),
                None => diagnostic,
            });
        }
        InvalidPlaceholderKind::Port(port) => {
            let message = format!("the service does not publish its port `{port}`");
            let published =
                targets.iter().map(|port| format!("`{port}`")).collect::<Vec<_>>().join(", ");
            cx.push_absent(Diagnostic::error(message, &place).help(if published.is_empty() {
                format!("add `{port}` to `ports:`")
            } else {
                format!("published are {published}")
            }));
        }
        InvalidPlaceholderKind::Address => cx.push(
            Diagnostic::error("`{address:…}` has a meaning in `urls` only", &place)
                .help("a probe needs only the port inside the container"),
        ),
    }
}
