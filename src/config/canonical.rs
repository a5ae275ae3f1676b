//! A project as text in Compose's canonical form: what `devstack config` prints.
//!
//! The text is a Compose file again: `$` is doubled, so that reading it interpolates nothing.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::redact::{REDACTED, redact_arguments, redact_value};
use crate::project::{
    FileGrant, FileObject, FileSource, LogStream, Mount, NodeRunner, Probe, Project, Ready, Reload,
    Secret, Service,
};

/// How a project is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON, indented.
    Json,
}

/// Whether passwords, tokens and keys are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As `***`.
    Redacted,
    /// As they are.
    Shown,
}

/// Writes a project, with a final line break.
#[must_use]
pub fn canonical(project: &Project, format: Format, secrets: Secrets) -> String {
    let mut value = value(project, secrets);
    double_dollars(&mut value);
    print(&value, format)
}

/// Writes a tree, with a final line break.
pub(super) fn print(value: &Value, format: Format) -> String {
    match format {
        Format::Yaml => serde_yaml::to_string(value)
            .expect("a tree of texts, numbers and mappings can be written"),
        Format::Json => format!("{value:#}\n"),
    }
}

/// A project as a tree in Compose's canonical form, `$` as it is.
#[must_use]
pub fn value(project: &Project, secrets: Secrets) -> Value {
    let mut root = tree(project);
    for service in project.services.values() {
        if let Some(entry) =
            root.get_mut("services").and_then(|all| all.get_mut(service.name.as_str()))
        {
            compose_service(entry, service, secrets);
        }
    }
    only_used(&mut root, project);
    for (section, objects) in [("secrets", &project.secrets), ("configs", &project.configs)] {
        for (key, object) in objects {
            if let Some(entry) = root.get_mut(section).and_then(|all| all.get_mut(key)) {
                *entry = file_object(object, secrets);
            }
        }
    }
    if let Some(fields) = root.as_object_mut() {
        join(fields, &project.carried);
    }
    root
}

fn tree(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("the model's keys are texts and its numbers finite")
}

/// Turns the model's own shapes into Compose's where the two differ.
fn compose_service(entry: &mut Value, service: &Service, secrets: Secrets) {
    let Some(fields) = entry.as_object_mut() else { return };
    if let Some(hosts) = fields.get_mut("extra_hosts") {
        *hosts = extra_hosts(&service.extra_hosts);
    }
    if let Some(build) = &service.build
        && let Some(fields) = fields.get_mut("build").and_then(Value::as_object_mut)
    {
        if let Some(hosts) = fields.get_mut("extra_hosts") {
            *hosts = extra_hosts(&build.extra_hosts);
        }
        if secrets == Secrets::Redacted {
            redact_variables(fields.get_mut("args"));
        }
    }
    if let Some(networks) = fields.get_mut("networks").and_then(Value::as_object_mut) {
        for attachment in networks.values_mut() {
            known_as(attachment, &service.aliases);
            if attachment.as_object().is_some_and(Map::is_empty) {
                *attachment = Value::Null;
            }
        }
    }
    for key in ["secrets", "configs", "volumes"] {
        for entry in fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            octal(entry.get_mut("mode"));
            for owner in ["uid", "gid"] {
                if let Some(id) = entry.get_mut(owner) {
                    *id = Value::String(id.to_string());
                }
            }
        }
    }
    for limit in fields.get_mut("ulimits").and_then(Value::as_object_mut).into_iter().flatten() {
        if limit.1.get("soft") == limit.1.get("hard") {
            *limit.1 = limit.1["soft"].clone();
        }
    }
    for port in fields.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        automatic_port(port);
    }
    let own = own_keys(fields, service, secrets);
    if secrets == Secrets::Redacted {
        redact_variables(fields.get_mut("environment"));
        for key in ["command", "entrypoint"] {
            redact_list(fields.get_mut(key));
        }
        redact_list(fields.get_mut("healthcheck").and_then(|check| check.get_mut("test")));
        for key in ["pre_start", "post_start", "pre_stop"] {
            for hook in fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                redact_variables(hook.get_mut("environment"));
                redact_list(hook.get_mut("command"));
            }
        }
        let rules = fields.get_mut("develop").and_then(|develop| develop.get_mut("watch"));
        for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(exec) = rule.get_mut("exec") else { continue };
            redact_variables(exec.get_mut("environment"));
            redact_list(exec.get_mut("command"));
        }
    }
    if !own.is_empty() {
        fields.insert("x-devstack".to_owned(), Value::Object(own));
    }
    join(fields, &service.carried);
}

/// Adds what is only carried through, without touching what is there.
fn join(fields: &mut Map<String, Value>, carried: &Map<String, Value>) {
    for (key, value) in carried {
        match (fields.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => join(inner, more),
            (Some(_), _) => {}
            (None, _) => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
}

/// devstack's aliases hold on every network, which docker compose can be told.
fn known_as(attachment: &mut Value, aliases: &[String]) {
    let Some(fields) = attachment.as_object_mut().filter(|_| !aliases.is_empty()) else { return };
    let list = fields.entry("aliases").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.extend(aliases.iter().map(|alias| json!(alias)));
    }
}

/// Leaves out what no printed service uses, as Compose does.
fn only_used(root: &mut Value, project: &Project) {
    let services = || project.services.values();
    let volumes: HashSet<&str> = services()
        .flat_map(|service| &service.mounts)
        .filter_map(|mount| match mount {
            Mount::Volume { source: Some(key), .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let source = |grant: &FileGrant| grant.source.clone();
    let built = services().filter_map(|service| service.build.as_ref());
    let secrets: HashSet<String> = services()
        .flat_map(|service| &service.secrets)
        .map(source)
        .chain(built.flat_map(|build| &build.secrets).map(|secret| secret.source.clone()))
        .collect();
    let configs: HashSet<String> =
        services().flat_map(|service| &service.configs).map(source).collect();
    for section in ["volumes", "secrets", "configs"] {
        let Some(entries) = root.get_mut(section).and_then(Value::as_object_mut) else { continue };
        entries.retain(|key, _| match section {
            "volumes" => volumes.contains(key.as_str()),
            "secrets" => secrets.contains(key),
            _ => configs.contains(key),
        });
        if entries.is_empty()
            && let Some(root) = root.as_object_mut()
        {
            root.shift_remove(section);
        }
    }
}

/// docker compose publishes the port that devstack would prefer.
fn automatic_port(port: &mut Value) {
    let Some(fields) = port.as_object_mut() else { return };
    let usual = fields.get("published").and_then(Value::as_str);
    if let Some(usual) = usual.and_then(|published| published.strip_prefix("auto:")) {
        let usual = usual.to_owned();
        fields.insert("published".to_owned(), Value::String(usual));
        fields.insert("x-devstack".to_owned(), json!({ "auto": true }));
    }
}

/// devstack's own keys, for the extension that docker compose skips.
fn own_keys(
    fields: &mut Map<String, Value>,
    service: &Service,
    secrets: Secrets,
) -> Map<String, Value> {
    let mut own = Map::new();
    if let Some(aliases) = fields.shift_remove("aliases") {
        own.insert("aliases".to_owned(), aliases);
    }
    if let Some(ready) = &service.ready {
        own.insert("ready".to_owned(), ready_value(ready, secrets));
    }
    if let Some(reload) = &service.reload {
        own.insert("reload".to_owned(), reload_value(reload, secrets));
    }
    if !service.urls.is_empty() {
        let urls = service.urls.iter().map(|(name, url)| {
            (
                name.clone(),
                Value::String(if secrets == Secrets::Redacted {
                    redact_value("", url)
                } else {
                    url.clone()
                }),
            )
        });
        own.insert("urls".to_owned(), Value::Object(urls.collect()));
    }
    own
}

/// Mode bits the way people write them.
fn octal(mode: Option<&mut Value>) {
    if let Some(mode) = mode
        && let Some(bits) = mode.as_u64()
    {
        *mode = Value::String(format!("{bits:04o}"));
    }
}

fn extra_hosts(hosts: &indexmap::IndexMap<String, Vec<String>>) -> Value {
    let lines = hosts.iter().flat_map(|(name, addresses)| {
        addresses.iter().map(move |address| Value::String(format!("{name}={address}")))
    });
    Value::Array(lines.collect())
}

fn file_object(object: &FileObject, secrets: Secrets) -> Value {
    let (key, value) = match &object.source {
        FileSource::File(path) => ("file", path.display().to_string()),
        FileSource::Environment { variable, .. } => ("environment", variable.clone()),
        FileSource::Content(content) => ("content", shown(content, secrets)),
    };
    json!({ "name": object.name, key: value })
}

fn shown(secret: &Secret, secrets: Secrets) -> String {
    match secrets {
        Secrets::Redacted if secret.expose().is_empty() => String::new(),
        Secrets::Redacted => REDACTED.to_owned(),
        Secrets::Shown => secret.expose().to_owned(),
    }
}

/// `ready` as the file would say it.
fn ready_value(ready: &Ready, secrets: Secrets) -> Value {
    let mut fields = Map::new();
    for probe in &ready.probes {
        let (key, value) = match probe {
            Probe::Postgres { port, user, password, database } => (
                "postgres",
                json!({ "port": port, "user": literal(user), "password": literal(&shown(password, secrets)), "database": literal(database) }),
            ),
            Probe::Redis { port, username, password } => {
                let mut fields = json!({ "port": port });
                if let Some(username) = username {
                    fields["username"] = literal(username);
                }
                if let Some(password) = password {
                    fields["password"] = literal(&shown(password, secrets));
                }
                ("redis", fields)
            }
            Probe::Amqp { port, user, password, vhost } => (
                "amqp",
                json!({ "port": port, "user": literal(user), "password": literal(&shown(password, secrets)), "vhost": literal(vhost) }),
            ),
            Probe::Http { port, path, status, body } => {
                let mut fields = json!({ "port": port, "path": literal(path) });
                if let Some(status) = status {
                    fields["status"] = json!(status);
                }
                if let Some(body) = body {
                    fields["body"] = literal(body);
                }
                ("http", fields)
            }
            Probe::Tcp { port } => ("tcp", json!({ "port": port })),
            Probe::Log { pattern, stream } => {
                let stream = match stream {
                    LogStream::Stdout => "stdout",
                    LogStream::Stderr => "stderr",
                    LogStream::Any => "any",
                };
                ("log", json!({ "pattern": literal(pattern), "stream": stream }))
            }
            Probe::Exec { command } => {
                let words = command.iter().map(|word| literal(word));
                ("exec", Value::Array(words.collect()))
            }
            Probe::Healthcheck => ("healthcheck", Value::Bool(true)),
        };
        fields.insert(key.to_owned(), value);
    }
    if let Some(timeout) = ready.timeout {
        fields.insert("timeout".to_owned(), Value::String(timeout.to_string()));
    }
    Value::Object(fields)
}

/// `reload` as the file would say it, with all defaults.
fn reload_value(reload: &Reload, secrets: Secrets) -> Value {
    let mut fields = match reload {
        Reload::Node(runner) => return node_runner_value(runner),
        Reload::Command(runner) => {
            let mut fields = json!({
                "command": arguments(&runner.command, secrets),
                "grace": runner.grace.to_string(),
            });
            if !runner.compile.is_empty() {
                fields["compile"] = arguments(&runner.compile, secrets);
            }
            fields
        }
        Reload::Restart(_) => json!({ "restart": true }),
        Reload::Signal { signal, .. } => json!({ "signal": signal }),
    };
    let Some(files) = reload.files() else { return fields };
    if !files.sync.is_empty() {
        let paths = files.sync.iter().map(|one| format!("{}:{}", one.path.display(), one.target));
        fields["sync"] = paths.map(Value::String).collect();
    }
    for (key, patterns) in [("ignore", &files.ignore), ("include", &files.include)] {
        if !patterns.is_empty() {
            fields[key] = json!(patterns);
        }
    }
    fields
}

fn arguments(words: &[String], secrets: Secrets) -> Value {
    match secrets {
        Secrets::Shown => json!(words),
        Secrets::Redacted => json!(redact_arguments(words)),
    }
}

fn node_runner_value(runner: &NodeRunner) -> Value {
    let mut fields = json!({
        "runner": "node",
        "watch": runner.watch,
        "preload": runner.preload,
        "types": runner.types,
        "overlap": runner.overlap,
        "early": runner.early,
        "hold": runner.hold.to_string(),
        "grace": runner.grace.to_string(),
    });
    if let Some(entry) = &runner.entry {
        fields["entry"] = json!(entry);
    }
    if !runner.paths.is_empty() {
        fields["paths"] = json!(runner.paths);
    }
    if let Some(inspect) = runner.inspect {
        fields["inspect"] = json!(inspect);
    }
    fields
}

/// A text in which what looks like a placeholder is none any more.
fn literal(text: &str) -> Value {
    Value::String(super::decode::escape_placeholders(text))
}

fn redact_variables(variables: Option<&mut Value>) {
    for (name, value) in variables.and_then(Value::as_object_mut).into_iter().flatten() {
        if let Value::String(text) = value {
            *text = redact_value(name, text);
        }
    }
}

fn redact_list(list: Option<&mut Value>) {
    let Some(list) = list.and_then(Value::as_array_mut) else { return };
    let words: Vec<String> =
        list.iter().map(|word| word.as_str().unwrap_or_default().to_owned()).collect();
    *list = redact_arguments(&words).into_iter().map(Value::String).collect();
}

pub(super) fn double_dollars(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('$') => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(double_dollars),
        Value::Object(fields) => fields.values_mut().for_each(double_dollars),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
