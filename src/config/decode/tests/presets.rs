//! The presets and the repository's own stack, through the whole pipeline.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::shown;
use crate::config::canonical::{Format, Secrets, canonical, value};
use crate::config::decode::{DecodeRequest, decode};
use crate::config::load::{FileReader, LoadRequest, Presets, load};
use crate::config::preset;
use crate::config::select::select;
use crate::project::Project;

/// One file in `/p`.
struct OneFile<'t>(&'t str);

impl FileReader for OneFile<'_> {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        if self.exists(path) { Ok(self.0.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn exists(&self, path: &Path) -> bool {
        path == Path::new("/p/devstack.yaml")
    }
}

/// A project without findings.
fn loaded(text: &str, environment: &[(&str, &str)]) -> Project {
    let request = LoadRequest {
        working_dir: PathBuf::from("/p"),
        process_environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..LoadRequest::default()
    };
    let source = |name: &str, _: &str| preset::source(name);
    let presets = Presets { names: preset::names(), source: &source };
    let loaded = load(&request, presets, &mut OneFile(text))
        .unwrap_or_else(|findings| panic!("{:#?}", shown(&findings)));
    let request = DecodeRequest {
        project_dir: loaded.project_dir,
        config_files: loaded.config_files,
        environment_files: loaded.env_files_read,
        environment: loaded.environment,
        project_name: loaded.project_name.map(|name| name.to_string()),
        ..DecodeRequest::default()
    };
    let decoded = decode(&loaded.root, &request, &mut |_| Err(io::ErrorKind::NotFound.into()));
    let (project, warnings) = decoded.unwrap_or_else(|findings| panic!("{:#?}", shown(&findings)));
    assert_eq!(shown(&loaded.warnings), Vec::<String>::new());
    assert_eq!(shown(&warnings), Vec::<String>::new());
    project
}

const STACK: &str = include_str!("../../../../devstack.yaml");

const EXAMPLE: &str = include_str!("../../../../.env.example");

/// A stack of one service, expanded from the preset.
fn alone(name: &str, more: &str, environment: &[(&str, &str)]) -> serde_json::Value {
    let text = format!("name: p\nservices:\n  s:\n    preset: {name}\n{more}");
    value(&loaded(&text, environment), Secrets::Shown)["services"]["s"].clone()
}

#[test]
fn the_stack_of_the_repository_is_complete() {
    let project = loaded(STACK, &[]);
    insta::assert_snapshot!(canonical(&project, Format::Yaml, Secrets::Redacted));
    let presets: Vec<_> =
        project.services.values().map(|service| service.preset.as_deref()).collect();
    let expected = ["postgres", "redis", "meilisearch", "rabbitmq", "nestjs", "kong"];
    assert_eq!(presets, expected.map(Some));
}

#[test]
fn every_service_of_the_stack_is_checked_limited_and_reachable_from_here_only() {
    for service in loaded(STACK, &[]).services.values() {
        let name = &service.name;
        assert!(service.ready.is_some(), "{name}");
        let check = service.healthcheck.as_ref().expect("a health check");
        // Soon healthy in the engine's eyes too, where it knows the setting.
        assert_eq!(check.start_interval, Some(crate::project::Duration::from_secs(2)), "{name}");
        assert!(check.interval >= Some(crate::project::Duration::from_secs(30)), "{name}");
        assert!(service.mem_limit.is_some() && service.cpus.is_some(), "{name}");
        assert_eq!(service.restart, crate::project::RestartPolicy::UnlessStopped, "{name}");
        assert!(service.ports.iter().all(|port| port.host_ip.is_loopback()), "{name}");
        assert!(!service.urls.is_empty(), "{name}");
    }
}

#[test]
fn the_gateway_shares_no_network_with_the_stores() {
    let project = loaded(STACK, &[]);
    let networks = |name: &str| {
        let service = project.service(name).expect(name);
        service.networks.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(networks("gateway"), ["edge"]);
    assert_eq!(networks("api"), ["edge", "data"]);
    for store in ["postgres", "cache", "meilisearch", "rabbitmq"] {
        assert_eq!(networks(store), ["data"], "{store}");
    }
}

#[test]
fn naming_a_service_brings_what_it_needs() {
    let project = loaded(STACK, &[]);
    let selected = select(&project, &["api".to_owned()], true).expect("it is there");
    let names: Vec<&str> = selected.services.keys().map(AsRef::as_ref).collect();
    assert_eq!(names, ["db", "redis", "search", "mq", "api"]);
}

#[test]
fn data_is_safe_unless_somebody_says_otherwise() {
    let safe = alone("postgres", "", &[]);
    assert_eq!(safe["command"], json!(["postgres"]));
    assert_eq!(safe["environment"]["POSTGRES_INITDB_ARGS"], json!(""));

    let quick = alone("postgres", "", &[("POSTGRES_UNSAFE", "1")]);
    let settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
    let command: Vec<&str> =
        std::iter::once("postgres").chain(settings.iter().flat_map(|it| ["-c", it])).collect();
    assert_eq!(quick["command"], json!(command));
    assert_eq!(quick["environment"]["POSTGRES_INITDB_ARGS"], json!("--no-sync"));

    // A command of the user's own takes the place of all that.
    let own = alone("postgres", "    command: [postgres, -c, log_statement=all]\n", &[]);
    assert_eq!(own["command"], json!(["postgres", "-c", "log_statement=all"]));
}

#[test]
fn variables_reach_the_service_its_probe_and_its_urls() {
    let postgres = alone(
        "postgres",
        "",
        &[("POSTGRES_USER", "me"), ("POSTGRES_PASSWORD", "p@$s"), ("POSTGRES_PORT", "15432")],
    );
    assert_eq!(
        postgres["environment"],
        json!({
            "POSTGRES_USER": "me",
            "POSTGRES_PASSWORD": "p@$s",
            "POSTGRES_DB": "app",
            "POSTGRES_INITDB_ARGS": "",
        })
    );
    assert_eq!(postgres["ports"][0]["published"], json!("15432"));
    assert_eq!(
        postgres["x-devstack"],
        json!({
            "ready": { "postgres": { "port": 5432, "user": "me", "password": "p@$s", "database": "app" } },
            "urls": { "postgres": "postgres://me:p%40%24s@{address:5432}/app" },
        })
    );

    let redis = alone("redis", "", &[("REDIS_PASSWORD", "pw")]);
    assert_eq!(
        redis["command"],
        json!(["redis-server", "--appendonly", "yes", "--requirepass", "pw"])
    );
    assert_eq!(
        redis["x-devstack"],
        json!({
            "ready": { "redis": { "port": 6379, "password": "pw" } },
            "urls": { "redis": "redis://:pw@{address:6379}" },
        })
    );

    let mq = alone("rabbitmq", "", &[("RABBITMQ_USER", "u"), ("RABBITMQ_PASSWORD", "pw")]);
    assert_eq!(
        mq["x-devstack"]["ready"],
        json!({ "amqp": { "port": 5672, "user": "u", "password": "pw", "vhost": "/" } })
    );
    let api = loaded(STACK, &[("REDIS_PASSWORD", "pw")]);
    let url = api.services["api"].environment["REDIS_URL"].as_deref();
    assert_eq!(url, Some("redis://:pw@redis:6379"));
}

#[test]
fn what_the_user_writes_wins_over_the_preset() {
    let service = alone(
        "postgres",
        "    image: postgis/postgis:17-3.5\n    ports: ['5433:5432']\n    \
         environment: {POSTGRES_DB: other}\n    mem_limit: 2g\n    \
         healthcheck: {interval: 10s}\n    ready: {postgres: {database: third}}\n",
        &[],
    );
    assert_eq!(service["image"], json!("postgis/postgis:17-3.5"));
    assert_eq!(
        service["ports"],
        json!([{ "host_ip": "127.0.0.1", "target": 5432, "published": "5433", "protocol": "tcp" }])
    );
    assert_eq!(service["environment"]["POSTGRES_DB"], json!("other"));
    assert_eq!(service["environment"]["POSTGRES_USER"], json!("app"));
    assert_eq!(service["mem_limit"], json!("2147483648"));
    assert_eq!(service["healthcheck"]["interval"], json!("10s"));
    assert_eq!(service["healthcheck"]["retries"], json!(3));
    let own = &service["x-devstack"];
    assert_eq!(own["ready"]["postgres"]["database"], json!("third"));
    assert_eq!(own["urls"]["postgres"], json!("postgres://app:app@{address:5432}/other"));
}

#[test]
fn a_port_that_is_not_published_has_no_url() {
    let more = "    ports: !override ['127.0.0.1:5673:5672']\n";
    let service = alone("rabbitmq", more, &[]);
    let urls = &service["x-devstack"]["urls"];
    assert_eq!(urls, &json!({ "amqp": "amqp://app:app@{address:5672}" }));
    let service = alone("redis", "    ports: !override []\n", &[]);
    assert_eq!(service["x-devstack"]["urls"], serde_json::Value::Null);
}

#[test]
fn every_variable_of_presets_and_stack_is_in_the_example_with_its_default() {
    let mut texts = vec![STACK.to_owned()];
    texts
        .extend(preset::names().iter().filter_map(|name| Some(preset::source(name)?.text.clone())));
    let mut missing = Vec::new();
    for text in &texts {
        // `$${NAME…}` is the shell's, not ours.
        for (at, _) in text.match_indices("${").filter(|(at, _)| !text[..*at].ends_with('$')) {
            let Some((name, rest)) = text[at + 2..].split_once(":-") else { continue };
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                continue;
            }
            let default = rest.split('}').next().unwrap_or_default();
            // A port that was set would be the only one: it is shown, not set.
            let line = match default.strip_prefix("auto:") {
                Some(usual) => format!("#{name}={usual}"),
                None => format!("{name}={default}"),
            };
            if !EXAMPLE.lines().any(|known| known == line) {
                missing.push(line);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
