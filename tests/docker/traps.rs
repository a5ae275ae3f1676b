//! What looks ready and is not: when `up` returns, the service must be usable at once.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::engine;
use crate::support::{Stack, free_port, seconds, text};

/// A Postgres whose first start takes a while: its init server answers long before it is ready.
const POSTGRES: &str = "services:\n  db:\n    preset: postgres\n    volumes:\n      \
                        - ./init:/docker-entrypoint-initdb.d:ro\n    restart: \"no\"\n";

fn postgres(test: &str) -> Stack {
    Stack::new(test, POSTGRES).with_env("POSTGRES_PORT", &free_port().to_string())
}

/// A query as the application's user over TCP, the very first after `up` returned.
fn query(stack: &Stack, sql: &str) -> String {
    let command = ["psql", "-h", "127.0.0.1", "-U", "app", "-d", "app", "-tAc", sql];
    let mut arguments = vec!["exec", "-T", "-e", "PGPASSWORD=app", "db"];
    arguments.extend(command);
    stack.ok(&arguments).stdout.trim().to_owned()
}

#[test]
#[ignore = "needs a Docker engine"]
fn postgres_is_ready_after_its_init_server_and_after_a_crash() {
    let stack = postgres("trap-postgres");
    stack.write(
        "init/1.sql",
        "CREATE TABLE planets (name text); SELECT pg_sleep(2);\n\
         INSERT INTO planets VALUES ('earth'); SELECT pg_sleep(1);\n",
    );
    stack.ok(&["up", "-d"]).within(seconds(60));
    assert_eq!(query(&stack, "SELECT name FROM planets"), "earth");

    // A crash with much to recover.
    query(
        &stack,
        "CREATE TABLE much AS SELECT generate_series(1, 400000) AS n, repeat('x', 100) AS t",
    );
    let id = stack.id("db");
    engine::post(&format!("/containers/{id}/kill"), &serde_json::Value::Null);
    engine::post(&format!("/containers/{id}/wait"), &serde_json::Value::Null);
    // So slowly that the server is seen at it.
    let slow = serde_json::json!({"NanoCpus": 200_000_000});
    engine::post(&format!("/containers/{id}/update"), &slow);
    stack
        .ok(&["up", "-d", "--progress", "plain"])
        .says(&["db not ready yet: recovering"])
        .within(seconds(60));
    assert_eq!(stack.id("db"), id);
    assert_eq!(query(&stack, "SELECT count(*) FROM much"), "400000");

    // A volume that is there already.
    stack.ok(&["down"]);
    stack.ok(&["up", "-d"]).within(seconds(60));
    assert_eq!(query(&stack, "SELECT name FROM planets"), "earth");
}

#[test]
#[ignore = "needs a Docker engine"]
fn redis_is_not_ready_before_its_data_is_in_memory() {
    let redis = |options: &str| {
        format!(
            "services:\n  cache:\n    image: redis:8\n    command: [redis-server, --save, '', \
             {options}]\n    volumes: ['data:/data']\n    ready: {{redis: {{port: 6379}}}}\n\
             volumes: {{data: }}\n"
        )
    };
    let stack = Stack::new("trap-loading", &redis("--loglevel, notice"));
    stack.ok(&["up", "-d"]);
    let fill = "for n = 1, 3000 do redis.call('set', 'key' .. n, n) end";
    stack.exec("cache", &["redis-cli", "eval", fill, "0"]);
    stack.exec("cache", &["redis-cli", "save"]);

    // A millisecond for each key, and an answer now and then meanwhile.
    let slow = "--key-load-delay, '1000', --loading-process-events-interval-bytes, '1024'";
    stack.write("devstack.yaml", &redis(slow));
    let up = stack.ok(&["up", "-d", "--progress", "plain"]).within(seconds(60));
    let percents = up.stderr.lines().filter(|line| {
        line.split_once("not ready yet: loading ").is_some_and(|(_, rest)| rest.ends_with(" %"))
    });
    assert!(percents.count() > 0, "{up}");
    assert_eq!(stack.exec("cache", &["redis-cli", "dbsize"]), "3000");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_gateway_without_a_configuration_is_not_ready() {
    let port = free_port().to_string();
    let kong = "services:\n  kong:\n    preset: kong\n    ports: !override ['PORT:8000']\n";
    let stack = Stack::new(
        "trap-kong",
        &format!("{kong}    environment: {{KONG_DECLARATIVE_CONFIG: }}\n").replace("PORT", &port),
    );
    stack
        .fails(&["up", "-d", "--wait-timeout", "3"])
        .says(&["last seen: up, not configured"])
        .within(seconds(60));
    stack.write("kong.yml", "_format_version: \"3.0\"\nservices: []\n");
    let configured = format!("{kong}    volumes: ['./kong.yml:/kong/kong.yml:ro']\n");
    stack.write("devstack.yaml", &configured.replace("PORT", &port));
    stack.ok(&["up", "-d"]).within(seconds(60));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_wrong_password_and_a_missing_database_are_told() {
    let stack = postgres("trap-login");
    stack.write("init/1.sql", "SELECT 1;\n");
    stack.ok(&["up", "-d"]);
    let other = |password: &str, database: &str| {
        let ready = format!(
            "    ready:\n      postgres: {{port: 5432, user: app, password: {password}, \
             database: {database}}}\n    restart:"
        );
        POSTGRES.replace("    restart:", &ready)
    };
    stack.write("devstack.yaml", &other("nope", "app"));
    stack
        .fails(&["up", "-d", "--wait-timeout", "5"])
        .says(&["last seen: up, wrong password"])
        .within(seconds(60));
    stack.write("devstack.yaml", &other("app", "elsewhere"));
    stack
        .fails(&["up", "-d", "--force-recreate", "--wait-timeout", "5"])
        .says(&["last seen: up, database missing"])
        .within(seconds(60));
    // As a first start leaves it that was killed before the entry for others was written.
    stack.write("devstack.yaml", POSTGRES);
    stack.ok(&["up", "-d"]);
    stack.exec("db", &["sh", "-c", "sed -i '/^host all all all/d' $PGDATA/pg_hba.conf"]);
    stack.ok(&["stop"]);
    stack
        .fails(&["up", "-d"])
        .says(&["lets nobody in", "no pg_hba.conf entry", "devstack reset db"])
        .within(seconds(60));
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_engines_proxy_accepts_before_the_service_does() {
    let port = free_port();
    let stack = Stack::new(
        "trap-proxy",
        &format!(
            r#"
services:
  app:
    image: node:26-slim
    init: true
    ports: ["127.0.0.1:{port}:8080"]
    ready: {{tcp: 8080}}
    command:
      - node
      - -e
      - |
        const answer = (socket) => socket.on("error", () => {{}}).end("here");
        setTimeout(() => require("node:net").createServer(answer).listen(8080), 1500);
"#
        ),
    );
    stack.ok(&["up", "-d"]).within(seconds(60));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "here");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_server_that_answers_with_half_an_application_is_not_ready() {
    let port = free_port();
    let stack = Stack::new(
        "trap-half",
        &format!(
            r#"
services:
  app:
    image: node:26-slim
    init: true
    ports: ["127.0.0.1:{port}:8080"]
    ready: {{http: {{port: 8080, path: /, status: 200, body: complete}}}}
    command:
      - node
      - -e
      - |
        const begun = Date.now();
        require("node:http").createServer((request, response) => {{
          const age = Date.now() - begun;
          if (age < 500) return request.socket.destroy();
          response.statusCode = age < 1000 ? 503 : 200;
          response.end(age < 1500 ? "loading" : "complete");
        }}).listen(8080);
"#
        ),
    );
    stack.ok(&["up", "-d"]).within(seconds(60));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("complete"), "{answer}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_plain_service_that_cannot_even_begin_is_not_ready() {
    let stack = Stack::new(
        "trap-plain",
        "services:\n  app:\n    image: redis:8\n    command: [sh, -c, \"echo no way; exit 3\"]\n",
    );
    stack.fails(&["up", "-d"]).says(&["service `app` exited with code 3", "| no way"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_that_takes_no_notice_of_the_signal_is_named_when_it_was_killed() {
    let stack = Stack::new(
        "trap-deaf",
        "services:\n  app:\n    image: redis:8\n    stop_grace_period: 1s\n    \
         command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n",
    );
    stack.ok(&["up", "-d"]);
    stack.ok(&["stop"]).says(&["took no notice of the signal to stop", "`init: true`"]);
    assert_eq!(stack.inspect("app")["State"]["ExitCode"], 137);
    assert_eq!(text(&stack.inspect("app")["State"]["Status"]), "exited");
}
