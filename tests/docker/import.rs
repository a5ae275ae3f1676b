//! A Compose file is taken over without loss: docker compose makes of it what devstack makes of
//! what `init` writes.

use std::process::Command;

use serde_json::{Map, Value, json};

use crate::differential::compose;
use crate::support::{Stack, free_port, text};

const SERVICES: [&str; 3] = ["cache", "worker", "task"];

/// What a container was asked to be, without what the two tools say of themselves.
fn asked(inspected: &Value) -> Value {
    let pick = |from: &Value, keys: &[&str]| -> Map<String, Value> {
        keys.iter().map(|key| ((*key).to_owned(), from[*key].clone())).collect()
    };
    let mut config = pick(
        &inspected["Config"],
        &[
            "Hostname",
            "User",
            "Env",
            "Cmd",
            "Image",
            "WorkingDir",
            "Entrypoint",
            "Tty",
            "Labels",
            "StopSignal",
            "StopTimeout",
            "Healthcheck",
            "ExposedPorts",
        ],
    );
    // The engine makes one up from the container's id.
    if text(&inspected["Id"]).starts_with(text(&config["Hostname"])) {
        config.remove("Hostname");
    }
    if let Some(env) = config["Env"].as_array_mut() {
        env.sort_by_key(ToString::to_string);
    }
    if let Some(labels) = config["Labels"].as_object_mut() {
        labels.retain(|label, _| label.starts_with("org.example."));
    }
    let mut host = pick(
        &inspected["HostConfig"],
        &[
            "Memory",
            "NanoCpus",
            "PidsLimit",
            "ShmSize",
            "RestartPolicy",
            "CapAdd",
            "CapDrop",
            "ReadonlyRootfs",
            "ExtraHosts",
            "Sysctls",
            "Ulimits",
            "Init",
            "LogConfig",
            "PortBindings",
            "Dns",
            "GroupAdd",
            "Tmpfs",
        ],
    );
    // Engines before 25 keep the empty word for the same.
    if host["RestartPolicy"]["Name"] == "" {
        host["RestartPolicy"]["Name"] = json!("no");
    }
    // Without an address devstack publishes on loopback.
    for bindings in
        host["PortBindings"].as_object_mut().into_iter().flat_map(|ports| ports.values_mut())
    {
        for binding in bindings.as_array_mut().into_iter().flatten() {
            binding["HostIp"] = json!("");
        }
    }
    // Nothing and an empty list are one.
    for value in host.values_mut().chain(config.values_mut()) {
        let is_empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if is_empty {
            *value = Value::Null;
        }
    }
    let mut mounts: Vec<Value> = inspected["Mounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mount| Value::Object(pick(mount, &["Type", "Name", "Source", "Destination", "RW"])))
        .collect();
    // An anonymous volume has another name each time.
    for mount in
        mounts.iter_mut().filter(|mount| mount["Name"].as_str().is_some_and(|it| it.len() == 64))
    {
        mount["Name"] = json!("anonymous");
        mount["Source"] = Value::Null;
    }
    mounts.sort_by_key(|mount| text(&mount["Destination"]).to_owned());
    let networks =
        inspected["NetworkSettings"]["Networks"].as_object().cloned().unwrap_or_default();
    let aliases = |network: &Value| {
        let own = network["Aliases"].as_array().cloned().unwrap_or_default().into_iter();
        // The engine adds the id.
        let mut own: Vec<String> = own
            .filter_map(|alias| alias.as_str().map(str::to_owned))
            .filter(|alias| !text(&inspected["Id"]).starts_with(alias.as_str()))
            .collect();
        own.sort();
        own.dedup();
        json!(own)
    };
    let networks: Map<String, Value> =
        networks.iter().map(|(name, network)| (name.clone(), aliases(network))).collect();
    json!({ "name": inspected["Name"], "config": config, "host": host, "mounts": mounts, "networks": networks })
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_compose_file_is_taken_over_without_loss() {
    let port = free_port();
    let stack = Stack::empty("import");
    stack.write("data/file.txt", "text");
    stack.write("worker.env", "FROM_FILE=1\n");
    stack.write(
        "docker-compose.yml",
        &format!(
            "# Taken over.
version: '3.8'
x-limits: &limits
  mem_limit: 64m
  cpus: 0.5
services:
  cache:
    <<: *limits
    image: redis:8   # as it is
    command: redis-server --save ''
    ports: ['{port}:6379']
    volumes: [cache:/data]
    healthcheck:
      test: [CMD, redis-cli, ping]
      interval: 1s
    ulimits: {{nofile: 1024}}
    networks:
      back: {{aliases: [store]}}
  worker:
    image: redis:8
    entrypoint: [sleep]
    command: infinity
    env_file: worker.env
    environment: {{OWN: '${{OWN:-default}}'}}
    user: '1000:1000'
    working_dir: /tmp
    hostname: worker
    init: true
    read_only: true
    tmpfs: /run
    cap_drop: [ALL]
    extra_hosts: ['elsewhere:127.0.0.9']
    sysctls: {{net.core.somaxconn: '512'}}
    labels: {{org.example.team: shop}}
    restart: unless-stopped
    stop_signal: SIGKILL
    stop_grace_period: 3s
    volumes: ['./data:/data:ro']
    depends_on:
      cache: {{condition: service_healthy}}
    networks: [back, default]
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
  task:
    <<: *limits
    image: redis:8
    entrypoint: [sleep, infinity]
    stop_signal: SIGKILL
volumes:
  cache:
networks:
  back:
"
        ),
    );
    let run_compose = |arguments: &[&str]| {
        let output = Command::new(compose())
            .args(["-f", "docker-compose.yml", "-p", stack.name()])
            .args(arguments)
            .current_dir(stack.path("."))
            .output()
            .expect("it can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let inspected = || SERVICES.map(|service| asked(&stack.inspect(service)));

    run_compose(&["up", "-d", "--wait"]);
    let theirs = inspected();
    run_compose(&["down", "-v", "-t", "0"]);

    stack.ok(&["init", "--from", "docker-compose.yml"]);
    let run = stack.ok(&["up", "-d"]);
    assert!(!run.stderr.contains("warning"), "{run}");
    for ((service, ours), theirs) in SERVICES.iter().zip(inspected()).zip(theirs) {
        assert_eq!(ours, theirs, "{service}");
    }
    let file = std::fs::read_to_string(stack.path("devstack.yaml")).expect("it was written");
    assert!(
        file.contains("image: redis:8   # as it is\n    ready: {redis: {port: 6379}}\n"),
        "{file}"
    );
    stack.ok(&["down", "-v", "-t", "0"]);
}
