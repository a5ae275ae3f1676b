//! `up` that stays: whose logs it shows, and what ends it.

use crate::support::{Stack, seconds};

/// A server that others need, and that ends at once when it is stopped.
const SERVER: &str = "
services:
  db:
    image: redis:8
    init: true
    command: [sh, -c, 'echo db is there; exec sleep infinity']
";

fn service(name: &str, script: &str, further: &str) -> String {
    format!("  {name}:\n    image: redis:8\n    command: [sh, -c, '{script}']\n{further}")
}

fn runs(stack: &Stack, service: &str) -> bool {
    stack.inspect(service)["State"]["Running"] == true
}

#[test]
#[ignore = "needs a Docker engine"]
fn up_ends_with_the_exit_code_of_the_service_that_is_asked_for_and_stops_the_rest() {
    let test = |script| format!("{SERVER}{}", service("test", script, "    depends_on: [db]\n"));
    let stack = Stack::new("code-from", &test("sleep 2; echo the result; exit 137"));
    let run = stack.devstack(&["up", "--exit-code-from", "test"]).ended_with(137);
    let run = run.says(&["test exited with code 137: everything is stopped"]).within(seconds(60));
    assert!(run.stdout.contains("the result") && run.stdout.contains("db is there"), "{run}");
    assert!(!runs(&stack, "db"));
    // It has ended before anybody could look.
    stack.write("devstack.yaml", &test("echo at once; exit 5"));
    let run = stack.devstack(&["up", "--exit-code-from", "test"]).ended_with(5);
    assert!(run.stdout.contains("at once"), "{run}");
    assert!(!runs(&stack, "db"));
    // The end of another one stops it, and its own code counts all the same.
    let run = stack.devstack(&["up", "--exit-code-from", "db"]).ended_with(143);
    run.says(&["test exited with code 5: everything is stopped"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_end_without_failure_aborts_only_where_every_end_does() {
    let yaml = format!(
        "{SERVER}{}{}",
        service("job", "echo job is done", ""),
        service("app", "sleep 3; exit 3", "")
    );
    let stack = Stack::new("abort", &yaml);
    let run = stack.devstack(&["up", "--abort-on-container-failure"]).ended_with(3);
    run.says(&["app exited with code 3: everything is stopped"]);
    assert!(!runs(&stack, "db"));
    let run = stack.devstack(&["up", "--abort-on-container-exit"]).ended_with(0);
    run.says(&["job exited with code 0: everything is stopped"]);
    assert!(!runs(&stack, "db") && !runs(&stack, "app"));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_job_that_others_wait_for_may_end_well_and_its_failure_aborts() {
    let yaml = |script: &str| {
        let waits = "    depends_on: {migrate: {condition: service_completed_successfully}}\n";
        format!(
            "{SERVER}{}{}",
            service("migrate", script, ""),
            service("test", "echo tested; exit 4", waits)
        )
    };
    let stack = Stack::new("abort-job", &yaml("exit 0"));
    stack.devstack(&["up", "--exit-code-from", "test"]).ended_with(4);
    stack.write("devstack.yaml", &yaml("echo no such table; exit 9"));
    let run = stack.devstack(&["up", "--exit-code-from", "test", "--force-recreate"]);
    let run = run.ended_with(9).says(&["migrate exited with code 9: everything is stopped"]);
    assert!(run.stdout.contains("no such table"), "{run}");
    assert!(!runs(&stack, "db"));
}

#[test]
#[ignore = "needs a Docker engine"]
fn up_follows_the_services_that_are_named_and_others_when_asked() {
    let end = "sleep 1; echo app is there";
    let yaml = format!("{SERVER}{}", service("app", end, "    depends_on: [db]\n"));
    let stack = Stack::new("attach", &yaml);
    let shown = |flags: &[&str]| {
        let flags = [&["up", "app", "--abort-on-container-exit", "-t", "1"], flags].concat();
        let run = stack.devstack(&flags).ended_with(0);
        (run.stdout.contains("app is there"), run.stdout.contains("db is there"))
    };
    assert_eq!(shown(&[]), (true, false));
    assert_eq!(shown(&["--attach-dependencies"]), (true, true));
    assert_eq!(shown(&["--attach", "db"]), (false, true));
    assert_eq!(shown(&["--attach-dependencies", "--no-attach", "app"]), (false, true));
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_attached_up_shows_its_urls_and_tells_how_everything_ended() {
    let port = crate::support::free_port();
    let yaml =
        format!("{SERVER}    ports: ['{port}:6379']\n{}", service("job", "sleep 1; echo done", ""));
    let stack = Stack::new("attached-down", &yaml);
    let up = stack.spawn(&["up"]);
    up.says(&format!("localhost:{port}"));
    up.says("job exited with code 0");
    stack.ok(&["down"]);
    let run = up.end().ended_with(0).within(seconds(60));
    run.says(&["was removed", "the stack was taken down: there is nothing left to follow"]);
}
