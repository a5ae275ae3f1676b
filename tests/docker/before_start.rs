//! `pre_start`: what runs in containers of its own before the service's is started.

use crate::support::{Running, Stack, eventually, seconds, text};

/// A service that reads what was made for it: by one that reaches its dependency, and by another
/// image, in a volume that has no name.
const PREPARED: &str = r"
services:
  db: {image: 'redis:8', init: true, ready: {exec: [redis-cli, ping]}}
  app:
    image: redis:8
    init: true
    user: '1000'
    cap_drop: [ALL]
    environment: {WHO: the service}
    command: [sh, -c, 'cat /kept/made /own/made > /tmp/seen; exec sleep infinity']
    volumes: ['kept:/kept', /own]
    depends_on: {db: {condition: service_healthy}}
    configs: [word]
    pre_start:
      - command: [sh, -c, 'redis-cli -h db ping > /kept/made; echo $$WHO $$(cat /word) >> /kept/made']
        user: root
        environment: {WHO: the hook}
      - {image: 'postgres:17', command: [sh, -c, 'basename $$(command -v psql) > /own/made'], user: root}
      - {command: [sh, -c, 'echo run >> /kept/times; chown -R 1000 /kept'], user: root}
configs: {word: {content: said}}
volumes: {kept: }
";

fn times(stack: &Stack) -> usize {
    stack.exec("app", &["cat", "/kept/times"]).lines().count()
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_reads_what_its_hooks_have_made() {
    let stack = Stack::new("before", PREPARED);
    let up = stack.ok(&["up", "-d", "--progress", "plain"]);
    up.says(&["app pre_start hook 1 finished", "app pre_start hook 3 finished"]);
    eventually("the service has read it", seconds(10), || {
        stack.exec("app", &["cat", "/tmp/seen"]) == "PONG\nthe hook said\npsql"
    });
    stack.exec("app", &["touch", "/kept/mine"]);
    let names = ["app", "db"].map(|service| format!("{}-{service}-1", stack.name()));
    assert_eq!(stack.containers(), names);

    // Not for what runs; again for what has ended, and for what is made anew.
    stack.ok(&["up", "-d"]);
    stack.ok(&["restart", "app"]);
    assert_eq!(times(&stack), 1);
    stack.ok(&["stop"]);
    stack.ok(&["start"]);
    assert_eq!(times(&stack), 2);
    stack.ok(&["stop", "app"]);
    stack.ok(&["up", "-d"]);
    assert_eq!(times(&stack), 3);
    let planned = stack.devstack(&["plan", "--force-recreate"]).ended_with(2).stdout;
    assert!(planned.contains(&format!("run hook {}-app-1-pre_start-1", stack.name())), "{planned}");
    stack.write("devstack.yaml", &PREPARED.replace("echo run ", "echo run again "));
    stack.ok(&["up", "-d"]);
    assert_eq!(times(&stack), 4);
    assert_eq!(stack.containers(), names);
    stack.ok(&["reset", "-y"]);
    assert_eq!(times(&stack), 1);
    stack.ok(&["run", "--rm", "-T", "app", "true"]);
    assert_eq!(times(&stack), 1);
    stack.ok(&["down", "-v"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_hook_that_fails_keeps_the_service_from_its_start() {
    let broken = "services:\n  app:\n    image: redis:8\n    init: true\n    \
                  command: [sleep, infinity]\n    pre_start:\n      - command: [\"true\"]\n      \
                  - command: [sh, -c, 'echo no such table >&2; exit 3']\n";
    let stack = Stack::new("before-fails", broken);
    let failed = stack.devstack(&["up", "-d"]).ended_with(1);
    failed.says(&[
        "`pre_start` hook 2",
        "of service `app` exited with code 3",
        "devstack.yaml:8:18",
        "| no such table",
    ]);
    let app = stack.inspect("app");
    assert_eq!(text(&app["State"]["Status"]), "created");
    assert!(text(&app["State"]["StartedAt"]).starts_with("0001-"), "{app}");

    stack.write(
        "devstack.yaml",
        &broken.replace("command: [sh, -c, 'echo", "command: [gone, 'echo"),
    );
    stack.fails(&["up", "-d"]).says(&["devstack.yaml:8:18", "there is no program gone"]);
    stack.write("devstack.yaml", &broken.replace("exit 3", "exit 0"));
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.inspect("app")["State"]["Running"], true);
}

/// An `up` whose hook goes on for longer than anybody waits.
fn hanging(stack: &Stack) -> Running {
    let up = stack.spawn(&["up", "-d", "--progress", "plain"]);
    up.says("app pre_start hook 1 runs");
    up
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_left_of_a_hook_is_removed() {
    let slow = "services:\n  app:\n    image: redis:8\n    init: true\n    \
                command: [sleep, infinity]\n    \
                pre_start: [{command: [sh, -c, \"trap 'exit 1' TERM; sleep 120 & wait\"]}]\n";
    let stack = Stack::new("before-left", slow);
    let app = format!("{}-app-1", stack.name());
    let hook = format!("{app}-pre_start-1");
    let up = hanging(&stack);
    up.interrupt();
    up.end().ended_with(130).within(seconds(30));
    assert_eq!(stack.containers(), [app.as_str()]);

    // A run that was killed removes nothing: the next one does, and so does `down`.
    let up = hanging(&stack);
    up.kill();
    up.end();
    assert_eq!(stack.containers(), [app.as_str(), &hook]);
    assert!(!stack.ok(&["ps", "--format", "json"]).stdout.contains("pre_start"));
    stack.write("devstack.yaml", &slow.replace("sleep 120 & wait", "true"));
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.containers(), [app.as_str()]);
    stack.write("devstack.yaml", slow);
    let up = hanging(&stack);
    up.kill();
    up.end();
    stack.ok(&["down"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}
