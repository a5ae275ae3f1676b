//! The stack of the repository's own `devstack.yaml`, used as a person uses it.
//!
//! One test, since the stack takes a while to come up: each part takes over what the one before
//! left running.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{self, Answer};
use crate::support::{Run, Stack, eventually, free_port, repository, seconds, text};

const SERVICES: [&str; 6] = ["api", "db", "kong", "mq", "redis", "search"];
const MEILI_KEY: &str = "development-master-key";

/// The host ports that stand in for the file's own.
struct Ports {
    db: u16,
    redis: u16,
    search: u16,
    mq: u16,
    management: u16,
    api: u16,
    proxy: u16,
    admin: u16,
    status: u16,
}

struct Journey {
    stack: Stack,
    ports: Ports,
    /// The file over the repository's that moves them.
    yaml: String,
}

impl Journey {
    fn new() -> Self {
        let ports = Ports {
            db: free_port(),
            redis: free_port(),
            search: free_port(),
            mq: free_port(),
            management: free_port(),
            api: free_port(),
            proxy: free_port(),
            admin: free_port(),
            status: free_port(),
        };
        let stack = Stack::empty("notes");
        // In place of a `.env` that a person may have beside the file.
        stack.write("no.env", "");
        let yaml = format!(
            "services:\n  \
             db: {{ports: [\"127.0.0.1:{}:5432\"]}}\n  \
             redis: {{ports: [\"127.0.0.1:{}:6379\"]}}\n  \
             search: {{ports: [\"127.0.0.1:{}:7700\"]}}\n  \
             mq: {{ports: [\"127.0.0.1:{}:5672\", \"127.0.0.1:{}:15672\"]}}\n  \
             api: {{ports: [\"127.0.0.1:{}:3001\"]}}\n  \
             kong: {{ports: [\"127.0.0.1:{}:8000\", \"127.0.0.1:{}:8001\", \"127.0.0.1:{}:8100\"]}}\n",
            ports.db,
            ports.redis,
            ports.search,
            ports.mq,
            ports.management,
            ports.api,
            ports.proxy,
            ports.admin,
            ports.status,
        );
        let file = repository().join("devstack.yaml");
        let (moved, no_env) = (stack.path("ports.yaml"), stack.path("no.env"));
        let options = [
            "--env-file",
            no_env.to_str().unwrap(),
            "-f",
            file.to_str().unwrap(),
            "-f",
            moved.to_str().unwrap(),
        ]
        .map(str::to_owned);
        let stack = stack.with_options(&options.each_ref().map(String::as_str));
        stack.write("ports.yaml", &yaml);
        Self { stack, ports, yaml }
    }

    /// A request to the gateway.
    fn gateway(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        engine::http(self.ports.proxy, method, path, &[], body)
            .unwrap_or_else(|error| panic!("{method} {path} through the gateway: {error}"))
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.gateway("GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.json()
    }

    fn note(&self) -> String {
        let note = json!({"title": "A walk", "body": "along the quay at dusk"});
        let answer = self.gateway("POST", "/notes", Some(&note));
        assert_eq!(answer.status, 201, "{}", answer.body);
        text(&answer.json()["id"]).to_owned()
    }

    fn psql(&self, query: &str) -> String {
        let command = ["psql", "-h", "127.0.0.1", "-U", "app", "-d", "app", "-At", "-c", query];
        let options = ["exec", "-T", "-e", "PGPASSWORD=app", "db"];
        self.stack.ok(&[&options[..], &command[..]].concat()).stdout.trim().to_owned()
    }

    fn ids(&self) -> BTreeMap<String, String> {
        self.stack
            .ids()
            .iter()
            .map(|line| line.split_once('=').unwrap())
            .map(|(service, id)| (service.to_owned(), id.to_owned()))
            .collect()
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_note_goes_through_six_services_and_the_stack_through_its_life() {
    let journey = Journey::new();
    let up = journey.stack.ok(&["up", "-d"]);
    println!("fresh up: {:?}", up.elapsed);
    everything_answers(&journey, &up);
    a_note_reaches_every_store(&journey);
    a_second_up_changes_nothing(&journey);
    the_gateway_cannot_reach_the_data(&journey);
    limits_checks_and_policies_are_set(&journey);
    every_port_is_on_loopback(&journey);
    a_person_sees_what_runs(&journey);
    logs_are_in_the_order_of_time(&journey);
    exec_passes_the_exit_code_on(&journey);
    a_changed_variable_recreates_only_its_service(&journey);
    the_stack_stops_and_starts(&journey);
    reset_throws_the_data_away(&journey);
    down_leaves_nothing(&journey);
}

fn everything_answers(journey: &Journey, up: &Run) {
    for (service, port) in [
        ("db", journey.ports.db),
        ("redis", journey.ports.redis),
        ("search", journey.ports.search),
        ("mq", journey.ports.mq),
        ("api", journey.ports.api),
        ("kong", journey.ports.proxy),
    ] {
        assert!(up.stdout.contains(&format!("localhost:{port}")), "{service}: {up}");
    }
    // Ready means ready: no retry here.
    let health = journey.get("/health");
    assert_eq!(health["status"], "ok", "{health}");
    let dependencies = health["dependencies"].as_object().unwrap();
    assert_eq!(
        dependencies.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["postgres", "redis", "meilisearch", "rabbitmq"])
    );
    for dependency in dependencies.values() {
        assert_eq!(dependency["status"], "up", "{health}");
        assert!(dependency["latencyMs"].as_f64().unwrap() < 1000.0, "{health}");
    }
}

fn a_note_reaches_every_store(journey: &Journey) {
    let id = journey.note();
    // Its consumer writes to the cache as well, so that the first read may already find it there.
    journey.stack.exec("redis", &["redis-cli", "del", &format!("note:{id}")]);
    eventually("the note is announced", seconds(10), || {
        journey.psql(&format!("SELECT announced_at IS NOT NULL FROM notes WHERE id = '{id}'"))
            == "t"
    });
    journey.stack.exec("redis", &["redis-cli", "del", &format!("note:{id}")]);
    let path = format!("/notes/{id}");
    assert_eq!(journey.get(&path)["cached"], false);
    let note = journey.get(&path);
    assert_eq!(note["cached"], true);
    assert_eq!(note["title"], "A walk");
    assert!(note["announcedAt"].is_string(), "{note}");

    let found = journey.get("/notes/search?q=quay");
    assert_eq!(found[0]["id"], id.as_str(), "{found}");
    assert!(journey.get("/notes").as_array().unwrap().iter().any(|note| note["id"] == id.as_str()));

    // Each store through its own client.
    assert_eq!(journey.psql(&format!("SELECT title FROM notes WHERE id = '{id}'")), "A walk");
    let cached = journey.stack.exec("redis", &["redis-cli", "get", &format!("note:{id}")]);
    assert_eq!(serde_json::from_str::<Value>(&cached).unwrap()["title"], "A walk");
    let key = format!("Bearer {MEILI_KEY}");
    let document = engine::http(
        journey.ports.search,
        "GET",
        &format!("/indexes/notes/documents/{id}"),
        &[("Authorization", &key)],
        None,
    );
    assert_eq!(document.unwrap().json()["body"], "along the quay at dusk");
    let queues = journey.stack.exec(
        "mq",
        &[
            "rabbitmqctl",
            "-q",
            "list_queues",
            "name",
            "messages",
            "consumers",
            "--no-table-headers",
        ],
    );
    // Acknowledged: nothing is left in the queue, and somebody listens.
    assert_eq!(
        queues.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["notes.announce", "0", "1"]
    );
}

fn a_second_up_changes_nothing(journey: &Journey) {
    let ids = journey.stack.ids();
    let up = journey.stack.ok(&["up", "-d"]).within(seconds(5));
    println!("up with nothing to do: {:?}", up.elapsed);
    assert_eq!(journey.stack.ids(), ids);
}

fn the_gateway_cannot_reach_the_data(journey: &Journey) {
    let resolves = |from: &str, host: &str| {
        journey.stack.devstack(&["exec", "-T", from, "getent", "hosts", host]).code == Some(0)
    };
    for host in ["db", "postgres", "redis", "cache", "search", "meilisearch", "mq", "rabbitmq"] {
        assert!(resolves("api", host), "api resolves {host}");
        assert!(!resolves("kong", host), "kong does not resolve {host}");
    }
    assert!(resolves("kong", "api"));
    // Nor by its address.
    let networks = journey.stack.inspect("db")["NetworkSettings"]["Networks"].clone();
    let network = format!("{}_data", journey.stack.name());
    let address = text(&networks[&network]["IPAddress"]).to_owned();
    assert_eq!(networks.as_object().unwrap().len(), 1);
    let connect = |from: &str| {
        let script = format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/5432'");
        journey.stack.devstack(&["exec", "-T", from, "bash", "-c", &script]).code == Some(0)
    };
    assert!(connect("api"), "api connects to {address}");
    assert!(!connect("kong"), "kong does not connect to {address}");
}

fn limits_checks_and_policies_are_set(journey: &Journey) {
    for service in SERVICES {
        let inspected = journey.stack.inspect(service);
        let host = &inspected["HostConfig"];
        assert!(host["Memory"].as_i64().unwrap() >= 256 << 20, "memory of {service}");
        let cpus = if service == "api" { 2 } else { 1 };
        assert_eq!(host["NanoCpus"], cpus * 1_000_000_000_u64, "CPUs of {service}");
        assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped", "{service}");
        let check = &inspected["Config"]["Healthcheck"];
        assert!(check["Test"].as_array().is_some_and(|test| test.len() > 1), "{service}: {check}");
        assert!(check["Interval"].as_i64().unwrap() > 0, "{service}: {check}");
        eventually(&format!("the engine calls {service} healthy"), seconds(60), || {
            journey.stack.inspect(service)["State"]["Health"]["Status"] == "healthy"
        });
    }
    // What the engine already calls healthy is not even asked again.
    journey.stack.ok(&["up", "-d"]).says(&["nothing to do, 6 containers unchanged"]);
    assert_eq!(journey.stack.inspect("api")["HostConfig"]["Init"], true);
    assert_eq!(journey.stack.inspect("mq")["Config"]["Hostname"], "mq");
}

fn every_port_is_on_loopback(journey: &Journey) {
    let mut published = BTreeSet::new();
    for service in SERVICES {
        let ports = journey.stack.inspect(service)["NetworkSettings"]["Ports"].clone();
        for binding in ports.as_object().unwrap().values().filter_map(Value::as_array).flatten() {
            assert_eq!(binding["HostIp"], "127.0.0.1", "{service}: {ports}");
            published.insert(text(&binding["HostPort"]).parse::<u16>().unwrap());
        }
    }
    let Ports { db, redis, search, mq, management, api, proxy, admin, status } = journey.ports;
    // The override's ports and no other: it replaced the preset's.
    assert_eq!(
        published,
        BTreeSet::from([db, redis, search, mq, management, api, proxy, admin, status])
    );
}

fn a_person_sees_what_runs(journey: &Journey) {
    let stack = &journey.stack;
    let rows = stack.ps();
    let services: Vec<&str> = rows.iter().map(|row| text(&row["Service"])).collect();
    assert_eq!(services, SERVICES);
    assert!(rows.iter().all(|row| row["State"] == "running" && row["Project"] == stack.name()));

    let status: Value =
        serde_json::from_str(&stack.ok(&["status", "--format", "json"]).stdout).unwrap();
    let of = |service: &str| {
        let found = status.as_array().unwrap().iter().find(|it| it["service"] == service);
        found.unwrap_or_else(|| panic!("{service} in {status}"))
    };
    for service in SERVICES {
        assert_eq!(of(service)["state"], "running");
        assert_eq!(of(service)["changed"], json!([]), "{service}");
    }
    let urls = of("kong")["urls"].to_string();
    assert!(urls.contains(&format!("http://localhost:{}", journey.ports.proxy)), "{urls}");
    let urls = of("db")["urls"].to_string();
    assert!(urls.contains(&format!("@localhost:{}/app", journey.ports.db)), "{urls}");
    assert!(!urls.contains("app:app@"), "the password is hidden: {urls}");
    // An image that was built in place of the official one says so, and what it is.
    let kong = engine::get("/images/kong:3.9/json")["Config"]["Labels"].clone();
    assert_eq!(of("kong")["image_origin"], kong["dev.devstack.image.origin"]);
    assert_eq!(of("kong")["stand_in"], kong["dev.devstack.image.stand-in"]);
    let table = stack.ok(&["status"]);
    if let Some(stand_in) = kong["dev.devstack.image.stand-in"].as_str() {
        table.says(&["kong is a stand-in", stand_in]);
    }
}

fn logs_are_in_the_order_of_time(journey: &Journey) {
    let logs = journey.stack.ok(&["logs", "--timestamps"]).stdout;
    let mut seen = BTreeSet::new();
    let mut last = String::new();
    let mut last_prefix = String::new();
    for line in logs.lines().filter(|line| !line.is_empty()) {
        let (prefix, rest) = line.split_once(" | ").unwrap_or_else(|| panic!("no prefix: {line}"));
        seen.insert(prefix.trim().trim_end_matches("-1").to_owned());
        let time = rest.split(' ').next().unwrap();
        // Nanoseconds are written without zeros at the end.
        let time = format!("{:0<30}", time.trim_end_matches('Z'));
        // Of one container the engine's own order is kept: its two outputs are stamped apart.
        assert!(last <= time || prefix == last_prefix, "{last} before {line}");
        prefix.clone_into(&mut last_prefix);
        // What is indented belongs to the line before it and stays with it.
        if !rest.split_once(' ').is_some_and(|(_, text)| text.starts_with([' ', '\t'])) {
            last = last.max(time);
        }
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), SERVICES);
    let plain = journey.stack.ok(&["logs", "--no-log-prefix", "--tail", "1", "redis"]).stdout;
    assert_eq!(plain.lines().count(), 1, "{plain}");
}

fn exec_passes_the_exit_code_on(journey: &Journey) {
    let stack = &journey.stack;
    stack.devstack(&["exec", "-T", "api", "sh", "-c", "exit 42"]).ended_with(42);
    let run = stack.ok(&["exec", "-T", "cache", "sh", "-c", "echo out; echo err >&2"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("out\n", "err\n"));
    stack.fails(&["exec", "-T", "redi", "true"]).says(&["no service `redi`", "did you mean"]);
}

fn a_changed_variable_recreates_only_its_service(journey: &Journey) {
    let before = journey.ids();
    let yaml = journey.yaml.replace("redis: {", "redis: {environment: {COLOUR: blue}, ");
    journey.stack.write("ports.yaml", &yaml);
    let status: Value =
        serde_json::from_str(&journey.stack.ok(&["status", "--format", "json"]).stdout).unwrap();
    let redis = status.as_array().unwrap().iter().find(|it| it["service"] == "redis").unwrap();
    assert_eq!(redis["changed"], json!(["environment"]));

    journey.stack.ok(&["up", "-d"]).says(&["redis created (environment changed)"]);
    let after = journey.ids();
    for service in SERVICES {
        assert_eq!(before[service] != after[service], service == "redis", "{service}");
    }
    assert_eq!(journey.stack.exec("redis", &["printenv", "COLOUR"]), "blue");
    eventually("the API is connected again", seconds(15), || {
        journey.gateway("GET", "/health", None).status == 200
    });
}

fn the_stack_stops_and_starts(journey: &Journey) {
    let stack = &journey.stack;
    let id = journey.note();
    let ids = stack.ids();
    let started = |service: &str| text(&stack.inspect(service)["State"]["StartedAt"]).to_owned();
    let before = started("redis");
    stack.ok(&["restart", "redis"]);
    assert!(started("redis") > before);
    assert_eq!(stack.exec("redis", &["redis-cli", "ping"]), "PONG");

    stack.ok(&["stop"]);
    for service in SERVICES {
        assert_eq!(stack.inspect(service)["State"]["Running"], false, "{service}");
    }
    // Nobody had to be killed, except where a signal is how it ends.
    for service in ["db", "redis", "mq"] {
        assert_ne!(stack.inspect(service)["State"]["ExitCode"], 137, "{service}");
    }
    assert_eq!(stack.ok(&["ps", "--format", "json"]).stdout.trim(), "");

    stack.ok(&["start", "--wait"]);
    assert_eq!(stack.ids(), ids);
    assert_eq!(journey.get(&format!("/notes/{id}"))["title"], "A walk");
}

fn reset_throws_the_data_away(journey: &Journey) {
    let stack = &journey.stack;
    let id = journey.note();
    let before = journey.ids();
    let volumes = || -> BTreeMap<String, String> {
        engine::volumes_with(&stack.label())
            .iter()
            .map(|it| (text(&it["Name"]).to_owned(), text(&it["CreatedAt"]).to_owned()))
            .collect()
    };
    let old = volumes();
    stack.fails(&["reset"]).says(&["all data in them is lost", "--yes"]);
    assert_eq!(journey.ids(), before);

    stack.ok(&["reset", "-y"]);
    let after = journey.ids();
    for service in SERVICES {
        assert_ne!(before[service], after[service], "{service}");
    }
    let new = volumes();
    assert_eq!(new.keys().collect::<Vec<_>>(), old.keys().collect::<Vec<_>>());
    for (name, created) in &new {
        assert_ne!(created, &old[name], "{name} is a new one");
    }
    assert_eq!(journey.gateway("GET", &format!("/notes/{id}"), None).status, 404);
    assert_eq!(journey.get("/notes"), json!([]));
    // And it works again.
    let id = journey.note();
    assert_eq!(journey.get(&format!("/notes/{id}"))["title"], "A walk");
}

fn down_leaves_nothing(journey: &Journey) {
    let stack = &journey.stack;
    assert!(stack.resources().len() > 10, "{:?}", stack.resources());
    let down = stack.ok(&["down", "-v"]).within(Duration::from_secs(40));
    println!("down -v: {:?}", down.elapsed);
    assert_eq!(stack.resources(), Vec::<String>::new());
    stack.ok(&["down", "-v"]).says(&["nothing to remove"]);
}
