//! Compose's other verbs, and devstack's own for what runs.

use serde_json::Value;

use crate::engine;
use crate::support::{Stack, eventually, seconds, text};

const STACK: &str = "
services:
  cache:
    image: redis:8
    ports: ['auto:6379']
    ready: {redis: {port: 6379}}
  app:
    image: redis:8
    command: [sleep, infinity]
    init: true
    environment: {CACHE_URL: 'redis://cache:6379/3', CACHE_HOST: cache, CACHE_PORT: '6379', A_TOKEN: abcdef1}
    depends_on: [cache]
";

#[test]
#[ignore = "needs a Docker engine"]
fn files_are_copied_both_ways() {
    let stack = Stack::new("verbs-cp", STACK);
    stack.ok(&["up", "-d"]);
    stack.write("tree/in/a.txt", "first\n");
    std::os::unix::fs::symlink("a.txt", stack.path("tree/in/link")).unwrap();

    stack.ok(&["cp", "tree", "app:/tmp"]);
    stack.ok(&["cp", "tree", "app:/tmp/new"]);
    stack.ok(&["cp", "tree/.", "app:/opt"]);
    stack.ok(&["cp", "-L", "tree/in/link", "app:/tmp/file"]);
    for path in ["/tmp/tree/in/a.txt", "/tmp/new/in/a.txt", "/opt/in/a.txt", "/tmp/file"] {
        assert_eq!(stack.exec("app", &["cat", path]), "first", "{path}");
    }
    assert_eq!(stack.exec("app", &["readlink", "/tmp/tree/in/link"]), "a.txt");
    assert_eq!(stack.exec("app", &["stat", "-c", "%u:%g", "/tmp/file"]), "0:0");

    stack.ok(&["cp", "app:/tmp/tree", "back"]);
    assert_eq!(std::fs::read_to_string(stack.path("back/in/a.txt")).unwrap(), "first\n");
    assert!(stack.path("back/in/link").is_symlink());
    stack.ok(&["cp", "app:/tmp/tree/in/a.txt", "back/"]);
    assert!(stack.path("back/a.txt").is_file());
    // More than any buffer on the way holds.
    stack.exec("app", &["sh", "-c", "head -c 20000000 /dev/zero > /tmp/big"]);
    stack.ok(&["cp", "app:/tmp/big", "big"]);
    assert_eq!(stack.path("big").metadata().unwrap().len(), 20_000_000);
    stack.ok(&["cp", "big", "app:/tmp/again"]);
    assert_eq!(stack.exec("app", &["stat", "-c", "%s", "/tmp/again"]), "20000000");

    stack.fails(&["cp", "app:/nope", "."]).says(&["there is no /nope"]);
    stack.fails(&["cp", "tree", "app:/tmp/file"]).says(&["is a file, and `tree` is a folder"]);
    stack.fails(&["cp", "tree/in/a.txt", "app:/nope/x/b"]).says(&["there is no folder /nope/x in"]);
    stack.fails(&["cp", "tree/in/a.txt", "app:/nope/"]).says(&["there is no folder /nope/"]);
    stack.fails(&["cp", "app:/tmp/file", "nope/x"]).says(&["there is no folder `nope`"]);
    stack.fails(&["cp", "nope", "app:/tmp"]).says(&["cannot read `nope`"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn containers_are_made_scaled_paused_and_waited_for() {
    let stack = Stack::new("verbs-life", STACK);
    stack.ok(&["create"]);
    assert!(stack.ps().iter().all(|it| it["State"] == "created"), "{:?}", stack.ps());
    stack.ok(&["start", "--wait"]);

    stack.ok(&["scale", "cache=2"]);
    assert_eq!(stack.inspect_all("cache").len(), 2);
    let app = stack.id("app");
    stack.ok(&["scale", "cache=1", "--no-deps"]);
    assert_eq!((stack.inspect_all("cache").len(), stack.id("app")), (1, app));

    stack.ok(&["pause", "app"]);
    assert_eq!(stack.inspect("app")["State"]["Paused"], true);
    stack.ok(&["pause", "app"]).says(&["nothing runs"]);
    stack.ok(&["unpause"]);
    assert_eq!(stack.inspect("app")["State"]["Paused"], false);
    for verb in [&["up", "-d"][..], &["start"]] {
        stack.ok(&["pause", "app"]);
        stack.ok(verb).says(&["app", "goes on"]);
        assert_eq!(stack.inspect("app")["State"]["Paused"], false);
    }

    let waiting = stack.spawn(&["wait", "app"]);
    // Whichever comes first: what has ended is waited for no more.
    stack.ok(&["kill", "app"]);
    let run = waiting.end().ended_with(137);
    assert!(run.stdout.contains("exited with status code 137"), "{run}");
    // Whatever was started can be used when the command returns.
    stack.ok(&["start"]);
    stack.ok(&["health"]);
    let waiting = stack.spawn(&["wait", "--down-project", "app", "cache"]);
    stack.ok(&["kill", "-s", "KILL", "app"]);
    waiting.end().ended_with(137);
    assert_eq!(stack.containers(), Vec::<String>::new());
    stack.fails(&["start", "app"]).says(&["service `app` has no container to start", "up -d app"]);
    stack.fails(&["restart"]).says(&["no containers to restart"]);
    stack.ok(&["stop"]).says(&["nothing runs"]);
    stack.fails(&["wait", "app"]).says(&["has no container to wait for"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn lists_tell_images_volumes_and_projects() {
    let yaml = format!("{STACK}    volumes: ['data:/data']\nvolumes: {{data: }}\n");
    let stack = Stack::new("verbs-lists", &yaml);
    stack.ok(&["up", "-d"]);
    let images = stack.ok(&["images", "--format", "json"]).stdout;
    let images: serde_json::Value = serde_json::from_str(&images).unwrap();
    assert_eq!(images.as_array().unwrap().len(), 2);
    assert_eq!((text(&images[0]["Repository"]), text(&images[0]["Tag"])), ("redis", "8"));
    assert_eq!(stack.ok(&["images", "-q"]).stdout.lines().count(), 1);

    let volume = format!("{}_data", stack.name());
    assert_eq!(stack.ok(&["volumes", "-q"]).stdout.trim(), volume);
    assert_eq!(stack.ok(&["volumes", "-q", "cache"]).stdout, "");

    let filter = format!("name={}", stack.name());
    let projects = stack.ok(&["ls", "--format", "json", "--filter", &filter]).stdout;
    let projects: serde_json::Value = serde_json::from_str(&projects).unwrap();
    assert_eq!(text(&projects[0]["Status"]), "running(2)");
    stack.ok(&["stop"]);
    assert_eq!(stack.ok(&["ls", "-q", "--filter", &filter]).stdout, "");
    assert_eq!(stack.ok(&["ls", "-a", "-q", "--filter", &filter]).stdout.trim(), stack.name());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_plan_tells_old_and_new_values_and_hides_secrets() {
    let stack = Stack::new("verbs-plan", STACK);
    let run = stack.devstack(&["plan"]).ended_with(2);
    assert!(run.stdout.contains("create container"), "{run}");
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["plan"]).stdout, "nothing to do\n");
    stack.write(
        "devstack.yaml",
        &STACK
            .replace("abcdef1", "abcdef2")
            .replace("/3'", "/4'")
            .replace("init: true", "mem_limit: 64m"),
    );
    let run = stack.devstack(&["plan"]).ended_with(2);
    for line in [
        "recreate container",
        "environment.CACHE_URL: redis://cache:6379/3 -> redis://cache:6379/4",
        "environment.A_TOKEN: *** -> *** (another one)",
        "mem_limit: + 64m",
        "init: - true",
        "1 to make again",
    ] {
        assert!(run.stdout.contains(line), "`{line}` is not in\n{run}");
    }
    assert!(!run.to_string().contains("abcdef"), "{run}");
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["plan"]).stdout, "nothing to do\n");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_diff_tells_what_was_changed_by_hand_and_what_in_the_files() {
    let stack = Stack::new("verbs-diff", STACK);
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["diff"]).stdout, "nothing differs\n");

    let id = stack.id("app");
    let update = serde_json::json!({"NanoCpus": 500_000_000, "RestartPolicy": {"Name": "always"}});
    engine::post(&format!("/containers/{id}/update"), &update);
    engine::post(&format!("/containers/{id}/rename?name={}-other", stack.name()), &Value::Null);
    let bridge = serde_json::json!({"Container": id});
    engine::post("/networks/bridge/connect", &bridge);
    stack.write("devstack.yaml", &STACK.replace("abcdef1", "abcdef2").replace("/3'", "/4'"));
    let run = stack.devstack(&["diff"]).ended_with(2);
    for line in [
        &format!("~ container {}-other\n", stack.name()),
        "container_name: ",
        "    environment.CACHE_URL: redis://cache:6379/3 -> redis://cache:6379/4\n",
        "    environment.A_TOKEN: *** -> *** (another one)\n",
        "    cpus: - 0.5  (changed on the engine)\n",
        "    restart: - always  (changed on the engine)\n",
        "    networks: - bridge  (changed on the engine)\n",
    ] {
        assert!(run.stdout.contains(line), "`{line}` is not in\n{run}");
    }
    assert!(!run.to_string().contains("abcdef"), "{run}");
    assert!(!run.stdout.contains("cache-1"), "{run}");
    assert_eq!(stack.ok(&["diff", "cache"]).stdout, "nothing differs\n");

    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["diff"]).stdout, "nothing differs\n");
    stack.ok(&["rm", "-f", "-s", "app"]);
    let run = stack.devstack(&["diff", "-q"]).ended_with(2);
    assert_eq!(run.stdout, "");
    let json: Value =
        serde_json::from_str(&stack.devstack(&["diff", "--format", "json"]).stdout).unwrap();
    assert_eq!(json[0]["difference"], "missing");
    assert_eq!(json[0]["service"], "app");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_command_here_takes_the_place_of_a_service() {
    let stack = Stack::new("verbs-local", STACK);
    let print = "echo $CACHE_URL $CACHE_HOST $CACHE_PORT $A_TOKEN; exit 7";
    let run = stack.devstack(&["run-local", "--as", "app", "--", "sh", "-c", print]).ended_with(7);
    let told = stack.ok(&["port", "cache", "6379"]).stdout;
    let port = told.trim().rsplit_once(':').unwrap().1;
    assert_eq!(run.stdout, format!("redis://localhost:{port}/3 localhost {port} abcdef1\n"));
    // What it needs was started, not the service itself.
    assert_eq!(stack.containers().len(), 1);

    let env = stack.ok(&["env", "cache"]).stdout;
    assert!(
        env.contains(&format!("CACHE_URL=redis://localhost:{port}/3  # CACHE_URL of app")),
        "{env}"
    );
    stack.devstack(&["run-local", "--no-start", "--", "/nonexistent"]).ended_with(127);

    // A signal reaches the command itself.
    let running = stack.spawn(&[
        "run-local",
        "--no-start",
        "--",
        "sh",
        "-c",
        "trap 'echo caught; exit 3' TERM; echo here; while :; do sleep 0.1; done",
    ]);
    running.prints("here");
    std::process::Command::new("kill").arg(running.pid().to_string()).status().unwrap();
    let run = running.end().ended_with(3);
    assert!(run.stdout.contains("caught"), "{run}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn shells_clients_and_processes_can_be_reached() {
    let ticker = "trap 'exit 4' TERM; while :; do echo tick; sleep 0.1; done";
    let yaml =
        format!("{STACK}  ticker:\n    image: redis:8\n    command: [sh, -c, \"{ticker}\"]\n");
    let stack = Stack::new("verbs-clients", &yaml);
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["redis-cli", "ping"]).stdout, "PONG\n");
    // Printed is what would be run, and nothing is.
    let dry = |arguments: &[&str], told: &str| {
        let run = stack.ok(&[&["--dry-run"], arguments].concat());
        assert!(run.stdout.contains(told), "{run}");
    };
    dry(&["exec", "app", "touch", "/tmp/dry"], "-app-1: run touch /tmp/dry");
    dry(&["redis-cli", "set", "dry", "1"], "-cache-1: run redis-cli set dry 1");
    dry(&["shell", "app"], "-app-1: run the best of bash");
    dry(&["attach", "ticker"], "-ticker-1: attach");
    dry(&["wait", "ticker"], "-ticker-1: wait for its end");
    dry(&["run", "--rm", "app", "touch", "/tmp/dry"], ": run touch /tmp/dry");
    dry(&["watch", "app"], "watch the files of app");
    assert_eq!(stack.ok(&["redis-cli", "exists", "dry"]).stdout, "0\n");
    stack.exec("app", &["test", "!", "-e", "/tmp/dry"]);
    stack.fails(&["psql", "--service", "cache"]).says(&["`cache` is a redis server, no postgres"]);
    stack.fails(&["exec", "--index", "2", "app", "ls"]).says(&["devstack scale app=2"]);
    stack.fails(&["psql"]).says(&["no service of the files is a postgres server"]);
    let mut shell = stack.command(&["shell", "app"]);
    let mut shell = shell.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), b"echo $((40 + 2)); exit 5\n")
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(5), b"42\n".to_vec()));

    let attached = stack.spawn(&["attach", "--no-stdin", "ticker"]);
    attached.prints("tick");
    stack.ok(&["stop", "ticker"]);
    attached.end().ended_with(4);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_dependency_outlives_a_process_that_closes_its_output_and_lingers() {
    let stack = Stack::new(
        "verb-linger",
        "services:\n  app:\n    image: redis:8\n    depends_on: [db]\n    \
         command: [sh, -c, \"trap 'sleep 1; exit 0' TERM; echo begun; exec >&- 2>&-; while :; do sleep 0.05; done\"]\n  \
         db:\n    image: redis:8\n",
    );
    stack.ok(&["up", "-d"]);
    eventually("the app has begun", seconds(20), || {
        stack.ok(&["logs", "app"]).stdout.contains("begun")
    });
    stack.ok(&["stop"]);
    let state = |service| stack.inspect(service)["State"].clone();
    let (app, db) = (state("app"), state("db"));
    assert_eq!(app["ExitCode"], 0, "it ended by itself");
    // The engine writes the time of the process's end; text of this form sorts as time does.
    assert!(text(&app["FinishedAt"]) < text(&db["FinishedAt"]), "{app} {db}");
}
