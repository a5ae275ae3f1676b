//! Commands that look: logs in all their forms, health, status, stats, events, doctor.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::support::{Stack, eventually, free_port, repository, seconds, text};

/// A service that runs a shell script.
fn script(name: &str, lines: &str, more: &str) -> String {
    format!(
        "  {name}:\n    image: redis:8\n    init: true\n    command: [sh, -c, \"{lines}\"]\n{more}"
    )
}

const TALKS: &str = "echo '[info] begun'; echo 'ERROR: boom'; echo '    at f (a.ts:1)'; \
                     echo 'INFO: key s3cret-of-the-stack'; exec sleep infinity";

#[test]
#[ignore = "needs a Docker engine"]
fn logs_are_filtered_masked_and_put_into_one_form() {
    let secret = "    environment: {API_TOKEN: s3cret-of-the-stack}\n";
    let stack = Stack::new("seeing", &format!("services:\n{}", script("app", TALKS, secret)));
    stack.ok(&["up", "-d"]);
    let shown = |arguments: &[&str]| {
        let all = [&["logs", "--no-log-prefix"], arguments].concat();
        stack.ok(&all).stdout
    };
    let trace = "ERROR: boom\n    at f (a.ts:1)\n";
    assert_eq!(shown(&["--level", "error"]), trace);
    assert_eq!(shown(&["--grep", "a\\.ts"]), trace);
    assert_eq!(shown(&["-n", "1"]), "INFO: key ***\n");
    // The last of those that are wanted.
    assert_eq!(shown(&["-n", "1", "--grep", "begun"]), "[info] begun\n");
    assert_eq!(shown(&["-n", "1", "--show-secrets"]), "INFO: key s3cret-of-the-stack\n");
    let json = shown(&["--json", "--level", "error"]);
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((text(&lines[0]["level"]), text(&lines[0]["service"])), ("error", "app"));
    assert_eq!(lines[1]["continues"], true);
    assert_eq!(shown(&["--pretty", "-n", "2"]), "          at f (a.ts:1)\nINFO  INFO: key ***\n");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_flood_of_lines_is_followed_without_losing_one_in_little_memory() {
    const LINES: usize = 300_000;
    let flood = format!("while [ ! -e /go ]; do sleep 0.05; done; seq 1 {LINES}; exec sleep 600");
    let quiet = "exec sleep infinity";
    let yaml = format!("services:\n{}{}", script("flood", &flood, ""), script("quiet", quiet, ""));
    let stack = Stack::new("flood", &yaml);
    stack.ok(&["up", "-d"]);
    let mut logs =
        stack.command(&["logs", "--follow", "--no-log-prefix", "flood"]).spawn().unwrap();
    let reader = BufReader::new(logs.stdout.take().unwrap());
    stack.exec("flood", &["touch", "/go"]);
    let begun = std::time::Instant::now();
    let mut peak = 0;
    for (index, line) in reader.lines().take(LINES).enumerate() {
        assert_eq!(line.unwrap(), (index + 1).to_string());
        if index % 10_000 == 0 {
            peak = peak.max(resident_kib(logs.id()));
        }
    }
    let elapsed = begun.elapsed();
    println!("{LINES} lines in {elapsed:?}, at most {peak} KiB resident");
    logs.kill().unwrap();
    logs.wait().unwrap();
    // A debug build begins with some 30 MiB; what it read is many times as much.
    assert!(peak < 96 << 10, "{peak} KiB");
}

/// A process' resident memory, by `/proc`.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
#[ignore = "needs a Docker engine"]
fn health_has_an_exit_code_and_says_what_a_known_failure_means() {
    let dies = "echo \\\"Error: Cannot find module 'express'\\\"; exit 1";
    let fine = script("fine", "exec sleep infinity", "");
    let stack = Stack::new("health", &format!("services:\n{fine}"));
    assert!(stack.fails(&["health"]).stdout.contains("✘ not created"));
    stack.ok(&["up", "-d"]);
    assert!(stack.ok(&["health"]).stdout.contains("✔ running"));
    assert_eq!(stack.ok(&["health", "--quiet"]).stdout, "");
    let server =
        script("server", "trap 'exit 0' TERM; sleep infinity & wait", "    restart: always\n");
    stack.write("devstack.yaml", &format!("services:\n{server}"));
    stack.ok(&["up", "-d"]);
    stack.ok(&["stop"]);
    assert!(stack.fails(&["health"]).stdout.contains("- stopped"));
    stack.ok(&["start"]);
    stack.ok(&["kill"]);
    assert!(stack.fails(&["health"]).stdout.contains("- stopped  killed (SIGKILL)"));
    stack.write("devstack.yaml", &format!("services:\n{fine}{}", script("dead", dies, "")));
    stack.devstack(&["up", "-d", "--no-wait"]);
    eventually("it ends", seconds(20), || stack.inspect("dead")["State"]["Running"] == false);
    let run = stack.devstack(&["health", "--wait-timeout", "1", "--format", "json"]).ended_with(1);
    let services: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((services[0]["ok"].clone(), services[1]["ok"].clone()), (true.into(), false.into()));
    assert_eq!(text(&services[1]["reason"]), "exit code 1");
    assert!(text(&services[1]["cause"]).contains("`express` is not installed"), "{services:?}");
    let run = stack.fails(&["doctor", "--offline", "--json"]);
    let doctor: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = doctor["findings"].as_array().unwrap().iter().any(|finding| {
        finding["check"] == "services" && text(&finding["message"]).starts_with("dead is exited")
    });
    assert!(found, "{doctor}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn status_gives_a_shell_what_a_program_on_this_machine_needs() {
    let port = free_port();
    let yaml = format!(
        "services:\n  cache:\n    image: redis:8\n    ports: [\"{port}:6379\"]\n    \
         urls: {{redis: \"redis://:pw@{{address:6379}}\"}}\n{}",
        script(
            "app",
            "exec sleep infinity",
            "    environment: {REDIS: \"redis://:p'w@cache:6379/2\"}\n"
        )
    );
    let stack = Stack::new("env", &yaml);
    stack.ok(&["up", "-d"]);
    let lines = stack.ok(&["status", "-o", "env"]).stdout;
    let shell = std::process::Command::new("sh")
        .args(["-c", &format!("{lines}\nprintf '%s %s' \"$REDIS\" \"$CACHE_URL\"")])
        .output()
        .unwrap();
    let address = format!("localhost:{port}");
    assert_eq!(
        String::from_utf8(shell.stdout).unwrap(),
        format!("redis://:p'w@{address}/2 redis://:pw@{address}")
    );
    let status: Value = serde_json::from_str(&stack.ok(&["status", "-o", "json"]).stdout).unwrap();
    assert_eq!(text(&status[0]["urls"][0]["url"]), format!("redis://:***@{address}"));
    let printed = stack.fails(&["open", "cache", "--print"]);
    printed.says(&["no page to open"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn stats_top_and_events_tell_what_goes_on() {
    let yaml = format!("services:\n{}", script("app", "exec sleep 12345", "    mem_limit: 64m\n"));
    let stack = Stack::new("usage", &yaml);
    stack.ok(&["up", "-d"]);
    let run = stack.ok(&["stats", "--no-stream", "--format", "json"]);
    let row: Value = serde_json::from_str(run.stdout.trim()).unwrap();
    assert_eq!(text(&row["Service"]), "app");
    assert!(text(&row["MemUsage"]).ends_with(" / 64.0MiB"), "{row}");
    assert!(stack.ok(&["top"]).stdout.contains("sleep 12345"));
    stack.ok(&["restart", "-t", "0", "app"]);
    let run = stack.ok(&["events", "--json", "--since", "1h", "--until", "0s"]);
    let actions: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for action in ["create", "start", "die"] {
        let found = actions.iter().any(|it| it["action"] == action && it["service"] == "app");
        assert!(found, "no {action} in {actions:?}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_job_gets_the_logs_of_what_failed() {
    let ready = "    ready:\n      tcp: 6379\n";
    let dies = script("app", "for i in 1 2 3; do echo line $$i; done; sleep 0.3; exit 7", ready);
    let stack = Stack::new("job", &format!("services:\n{dies}")).with_env("GITHUB_ACTIONS", "true");
    let run = stack.fails(&["--ci", "up", "-d"]);
    run.says(&["::group::log of", "line 1", "::endgroup::", "exited with code 7"])
        .within(seconds(30));
}

#[test]
#[ignore = "needs a Docker engine"]
fn whoever_is_attached_is_told_when_a_service_fails_and_recovers() {
    let waits = "while [ ! -e /tmp/die ]; do sleep 0.05; done; rm /tmp/die; exit 3";
    let yaml = format!("services:\n{}", script("app", waits, "    restart: always\n"));
    let stack = Stack::new("notice", &yaml);
    let up = stack.spawn(&["up"]);
    up.says("app started");
    // Followed when this is shown.
    stack.exec("app", &["sh", "-c", "echo now > /proc/1/fd/1"]);
    up.prints("now\n");
    // What is run beside it is somebody else's business.
    stack.devstack(&["run", "--rm", "-T", "app", "sh", "-c", "echo aside; exit 4"]).ended_with(4);
    stack.exec("app", &["touch", "/tmp/die"]);
    up.says("✘ app exited with code 3");
    up.says("✔ app has recovered");
    assert!(!up.has_said("code 4") && !up.stdout_now().contains("aside"));
    up.interrupt();
    up.end().ended_with(130);
}

#[test]
fn the_script_for_health_checks_asks_devstack() {
    let script = repository().join("scripts/health-check.sh");
    let output = std::process::Command::new(script)
        .env("DEVSTACK_BIN", env!("CARGO_BIN_EXE_devstack"))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .arg("--quiet")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}
