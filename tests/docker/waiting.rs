//! What `up` waits for, and what it says when that does not come.

use crate::support::{Stack, eventually, seconds};

/// A service that runs a shell script.
fn script(lines: &str, more: &str) -> String {
    format!(
        "services:\n  app:\n    image: redis:8\n    init: true\n    \
         command: [sh, -c, \"{lines}\"]\n{more}"
    )
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_unhealthy_service_fails_up_with_what_its_check_printed() {
    let check = "    healthcheck:\n      \
                 test: [CMD-SHELL, \"echo the disk is upside down; exit 1\"]\n      \
                 interval: 1s\n      retries: 2\n";
    let stack = Stack::new("unhealthy", &script("exec sleep infinity", check));
    stack
        .fails(&["up", "-d"])
        .says(&["service `app` is unhealthy", "the disk is upside down", "devstack logs app"])
        .within(seconds(30));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_that_exits_fails_up_with_exit_code_and_last_lines() {
    let ready = "    ready:\n      tcp: 6379\n";
    let stack = Stack::new("exits", &script("echo no such planet; sleep 0.3; exit 7", ready));
    stack
        .fails(&["up", "-d"])
        .says(&["service `app` exited with code 7", "| no such planet"])
        .within(seconds(20));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_without_memory_is_said_to_have_run_out_of_it() {
    let more = "    mem_limit: 32m\n    memswap_limit: 32m\n    ready:\n      tcp: 6379\n";
    // `tail` keeps all of a file without line ends in memory.
    let stack = Stack::new("oom", &script("exec tail /dev/zero", more));
    stack
        .fails(&["up", "-d"])
        .says(&["service `app` was killed by the kernel: it ran out of memory", "mem_limit"])
        .within(seconds(40));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_wait_ends_at_its_timeout_with_what_was_last_seen() {
    let ready = "    ready:\n      tcp: 6379\n";
    let stack = Stack::new("timeout", &script("exec sleep infinity", ready));
    stack
        .fails(&["up", "-d", "--wait-timeout", "2"])
        .says(&["service `app` is not ready after 2 s", "last seen:", "--wait-timeout"])
        .within(seconds(20));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_crash_loop_ends_the_wait() {
    let more = "    restart: always\n    ready:\n      tcp: 6379\n";
    let stack = Stack::new("loop", &script("echo once more; exit 3", more));
    stack
        .fails(&["up", "-d"])
        .says(&["service `app` exits again and again", "exit code 3", "| once more"])
        .within(seconds(60));
}

#[test]
#[ignore = "needs a Docker engine"]
fn who_was_called_unhealthy_before_is_asked_itself() {
    let check = "    healthcheck:\n      test: [CMD-SHELL, \"exit 1\"]\n      \
                 interval: 1s\n      retries: 1\n    ready:\n      exec: [\"true\"]\n";
    let stack = Stack::new("opinion", &script("exec sleep infinity", check));
    stack.ok(&["up", "-d"]);
    let id = stack.id("app");
    eventually("the engine calls it unhealthy", seconds(20), || {
        stack.inspect("app")["State"]["Health"]["Status"] == "unhealthy"
    });
    stack.ok(&["up", "-d"]).within(seconds(15));
    assert_eq!(stack.id("app"), id);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_health_check_is_run_sooner_than_its_interval() {
    let check = "    healthcheck:\n      test: [CMD-SHELL, \"test -e /tmp/ready\"]\n      \
                 interval: 60s\n";
    let stack =
        Stack::new("interval", &script("sleep 1; touch /tmp/ready; exec sleep infinity", check));
    stack.ok(&["up", "-d"]).within(seconds(15));
}

#[test]
#[ignore = "needs a Docker engine"]
fn each_kind_of_probe_waits_until_it_holds() {
    let stack = Stack::new(
        "probes",
        r#"
services:
  tcp:
    image: redis:8
    ready: {tcp: 6379}
  log:
    image: redis:8
    init: true
    command: [sh, -c, "sleep 0.5; echo engines are warm; exec sleep infinity"]
    ready: {log: engines are warm}
  exec:
    image: redis:8
    init: true
    command: [sh, -c, "sleep 0.5; touch /tmp/ready; exec sleep infinity"]
    ready: {exec: [test, -e, /tmp/ready]}
  http:
    image: node:26-slim
    init: true
    command:
      - node
      - -e
      - |
        let calls = 0;
        require("node:http").createServer((request, response) => {
          response.statusCode = ++calls < 3 ? 503 : 200;
          response.end();
        }).listen(8080);
    ready: {http: {port: 8080, path: /, status: 200}}
"#,
    );
    stack.ok(&["up", "-d"]).within(seconds(30));
    assert_eq!(stack.exec("exec", &["ls", "/tmp/ready"]), "/tmp/ready");
    let log = stack.ok(&["logs", "log"]).stdout;
    assert!(log.contains("engines are warm"), "{log}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_crash_loop_for_want_of_memory_says_so() {
    let more = "    restart: unless-stopped\n    mem_limit: 32m\n    memswap_limit: 32m\n    \
                ready:\n      tcp: 6379\n";
    let stack = Stack::new("oom-loop", &script("exec tail /dev/zero", more));
    stack
        .fails(&["up", "-d"])
        .says(&["service `app` runs out of memory again and again", "raise `mem_limit` of `app`"])
        .within(seconds(60));
}
