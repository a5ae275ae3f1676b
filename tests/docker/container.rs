//! What of a service's definition arrives in its container.

use std::io::{BufRead as _, BufReader};

use crate::engine;
use crate::support::{Stack, text};

#[test]
#[ignore = "needs a Docker engine"]
fn process_settings_arrive() {
    let stack = Stack::new(
        "process",
        r#"
services:
  app:
    image: redis:8
    init: true
    user: "1234:2345"
    working_dir: /srv
    entrypoint: [sh, -c]
    command: ["exec sleep infinity"]
    hostname: castle
    environment:
      FROM_MAP: "one two"
    env_file: [app.env]
    tmpfs: [/scratch]
    extra_hosts: ["mirror:10.1.2.3"]
    ulimits: {nofile: 1234}
    labels: {purpose: test}
"#,
    );
    stack.write("app.env", "FROM_FILE=literal $HOME value\nFROM_MAP=overridden\n");
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["id", "-u"]), "1234");
    assert_eq!(stack.exec("app", &["id", "-g"]), "2345");
    assert_eq!(stack.exec("app", &["pwd"]), "/srv");
    assert_eq!(stack.exec("app", &["hostname"]), "castle");
    assert_eq!(stack.exec("app", &["printenv", "FROM_MAP"]), "one two");
    assert!(stack.exec("app", &["cat", "/etc/hosts"]).contains("10.1.2.3\tmirror"));
    assert_eq!(stack.exec("app", &["sh", "-c", "ulimit -n"]), "1234");
    // The command is not process 1, which is the engine's own init.
    assert!(!stack.exec("app", &["cat", "/proc/1/comm"]).contains("sleep"));
    let inspected = stack.inspect("app");
    assert_eq!(inspected["HostConfig"]["Init"], true);
    assert_eq!(text(&inspected["Config"]["Labels"]["purpose"]), "test");
    assert!(stack.exec("app", &["mount"]).contains("tmpfs on /scratch"));
}

#[test]
#[ignore = "needs a Docker engine"]
fn secrets_and_configs_are_files_and_never_shown() {
    const TOLD: &str = "correct-horse-battery";
    const FILED: &str = "staple-of-gold";
    let stack = Stack::new(
        "secrets",
        r#"
services:
  app:
    image: redis:8
    init: true
    command: [sleep, infinity]
    environment:
      API_TOKEN: ${TOKEN}
    secrets:
      - from_environment
      - source: from_file
        target: /elsewhere/key
    configs:
      - source: inline
        target: /etc/app.conf
secrets:
  from_environment: {environment: TOKEN}
  from_file: {file: ./key.txt}
configs:
  inline: {content: "port = 80\n"}
"#,
    )
    .with_env("TOKEN", TOLD);
    stack.write("key.txt", FILED);
    let up = stack.ok(&["--progress", "json", "up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/run/secrets/from_environment"]), TOLD);
    assert_eq!(stack.exec("app", &["cat", "/elsewhere/key"]), FILED);
    assert_eq!(stack.exec("app", &["cat", "/etc/app.conf"]), "port = 80");

    let inspected = stack.inspect("app");
    let mut shown = vec![up, stack.ok(&["config"]), stack.ok(&["status"]), stack.ok(&["ps"])];
    // The engine refuses the address, and its message goes through devstack.
    stack.write(
        "broken.yaml",
        "services: {app: {command: [\"correct-horse-battery\", --token, \"${TOKEN}\"], \
         entrypoint: [/no/such/program], init: false}}",
    );
    shown.push(stack.fails(&["-f", "devstack.yaml", "-f", "broken.yaml", "up", "-d"]));
    for run in shown {
        for secret in [TOLD, FILED] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
        }
    }
    let labels = inspected["Config"]["Labels"].to_string();
    assert!(!labels.contains(TOLD) && !labels.contains(FILED), "{labels}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_changed_secret_recreates_its_service() {
    let yaml = "services:\n  app:\n    image: redis:8\n    init: true\n    \
                command: [sleep, infinity]\n    secrets: [key]\nsecrets:\n  key: {file: ./key}\n";
    let stack = Stack::new("secret-new", yaml);
    stack.write("key", "old");
    stack.ok(&["up", "-d"]);
    stack.write("key", "new");
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/run/secrets/key"]), "new");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_missing_bind_source_is_named_before_anything_is_created() {
    let stack = Stack::new(
        "no-source",
        "services:\n  app:\n    image: redis:8\n    volumes: [\"./absent.conf:/etc/app.conf\"]\n  \
         other:\n    image: redis:8\n",
    );
    stack.fails(&["up", "-d"]).says(&["absent.conf", "`app`"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
    assert!(!stack.path("absent.conf").exists());
}

#[test]
#[ignore = "needs a Docker engine"]
fn containers_are_found_by_composes_labels_and_names() {
    let stack = Stack::new(
        "labels",
        "services:\n  app:\n    image: redis:8\n    volumes: [\"data:/data\"]\nvolumes:\n  data:\n",
    );
    stack.ok(&["up", "-d"]);
    let name = stack.name();
    assert_eq!(
        stack.resources(),
        [
            format!("container {name}-app-1"),
            format!("network {name}_default"),
            format!("volume {name}_data"),
        ]
    );
    let labels = stack.inspect("app")["Config"]["Labels"].clone();
    let label = |name: &str| text(&labels[format!("com.docker.compose.{name}")]).to_owned();
    assert_eq!(label("service"), "app");
    assert_eq!(label("container-number"), "1");
    assert_eq!(label("oneoff"), "False");
    assert_eq!(label("config-hash").len(), 64);
    assert_eq!(
        label("project.working_dir"),
        stack.path("").to_str().unwrap().trim_end_matches('/')
    );
    assert_eq!(label("project.config_files"), stack.path("devstack.yaml").to_str().unwrap());
    let rows = stack.ps();
    assert_eq!(rows.len(), 1);
    assert_eq!(text(&rows[0]["Name"]), format!("{name}-app-1"));
    assert_eq!(text(&rows[0]["State"]), "running");
    assert!(engine::inspect(text(&rows[0]["ID"]))["State"]["Running"].as_bool().unwrap());
}

#[test]
#[ignore = "needs a Docker engine"]
fn exec_ends_with_its_reader_or_with_its_command() {
    let stack = Stack::new(
        "exec",
        "services:\n  app: {image: redis:8, init: true, command: [sleep, infinity]}\n",
    );
    stack.ok(&["up", "-d"]);
    let mut endless = stack.command(&["exec", "-T", "app", "yes"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(endless.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "y\n");
    // The reader is gone, as after `| head -1`; a shell counts such a program as ended by SIGPIPE.
    assert_eq!(endless.wait_with_output().unwrap().status.code(), Some(141));
    // A command may close its output long before it ends.
    let silent = "exec >/dev/null 2>&1 </dev/null; sleep 3; exit 7";
    stack.devstack(&["exec", "-T", "app", "sh", "-c", silent]).ended_with(7);
}
