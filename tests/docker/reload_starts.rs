//! Applications under the reload runner that do not start, end, or wait for others.

use serde_json::Value;

use crate::application::{Application, MAIN, greeter};
use crate::engine;
use crate::support::{eventually, seconds, text};

#[test]
#[ignore = "needs a Docker engine"]
fn a_crash_loop_is_told_and_the_next_save_ends_it() {
    let application = Application::up("crashes", "");
    let crasher = format!("{}setTimeout(() => process.exit(3), 300);\n", greeter("'doomed'"));
    application.stack.write("src/greeter.ts", &crasher);
    application.says("the application ended with exit code 3");
    application.says("it starts again in 1 s, or when a file changes");
    // It is the application that ends, not the container.
    assert_eq!(application.stack.inspect("api")["RestartCount"], 0);
    application.save("'steady'");
    application.serves("steady");
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_application_comes_back_after_a_kill_of_it_and_of_its_runner() {
    let application = Application::up("killed", "");
    let kill = |pattern: &str| {
        let script = format!(
            "for p in /proc/[0-9]*; do if tr '\\0' ' ' < $p/cmdline | grep -q '{pattern}'; then \
             kill -9 ${{p#/proc/}}; fi; done; true"
        );
        application.stack.devstack(&["exec", "-T", "api", "sh", "-c", &script]);
    };
    kill("^/usr/local/bin/node.*child[.]js");
    application.says("the application was ended by SIGKILL");
    application.serves("one");
    let started = || text(&application.stack.inspect("api")["State"]["StartedAt"]).to_owned();
    let before = started();
    kill("^node .*runner[.]js");
    eventually("the engine starts the container again", seconds(30), || started() > before);
    application.serves("one");
}

#[test]
#[ignore = "needs a Docker engine"]
fn no_line_of_the_application_runs_before_its_dependencies_are_ready() {
    let more = "    depends_on: {slow: {condition: service_healthy}}\n  slow:\n    image: redis:8\n    \
                command: [sh, -c, 'sleep 3; date +%s%3N > /tmp/ready; exec sleep 600']\n    \
                init: true\n    ready: {exec: [test, -s, /tmp/ready]}\n";
    let application = Application::new("early", more);
    let main = format!("console.log(`began ${{Date.now()}}`);\n{MAIN}");
    application.stack.write("src/main.ts", &main);
    application.stack.ok(&["up", "-d"]);
    let stack = &application.stack;
    let began = || -> u64 {
        let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
        let last = log.lines().filter_map(|line| line.strip_prefix("began ")).next_back();
        last.unwrap_or_else(|| panic!("it never began:\n{log}")).trim().parse().unwrap()
    };
    let ready = || -> u64 { stack.exec("slow", &["cat", "/tmp/ready"]).parse().unwrap() };
    application.says("waits for slow");
    assert!(began() > ready(), "began {} before {}", began(), ready());
    // Held or not, it was started before: that is the point.
    let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
    assert!(log.find("waits for slow") < log.find("began "), "{log}");

    // Neither when both start again,
    stack.ok(&["stop"]);
    stack.ok(&["up", "-d"]);
    assert!(began() > ready(), "began {} before {}", began(), ready());
    // but the engine itself does not wait for anybody.
    let id = stack.id("api");
    let before = began();
    engine::post(&format!("/containers/{id}/restart?t=5"), &Value::Null);
    eventually("it begins again by itself", seconds(60), || began() > before);
    application.serves("one");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_first_start_that_fails_is_told_long_before_the_limit() {
    let application = Application::new("first", "");
    application.save("'one' oops");
    let failed = application.stack.fails(&["up", "-d"]).within(seconds(90));
    let failed = failed.says(&[
        "service `api` does not compile: src/greeter.ts:6:18",
        "> 6 | return 'one' oops;",
        "mend it and save",
    ]);
    assert!(!failed.stderr.contains("is not ready after"), "{failed}");
    let health = application.stack.fails(&["health", "api"]).stdout;
    assert!(health.contains("does not compile: src/greeter.ts:6:18"), "{health}");
    // Its policy has it started again and again, until that is enough.
    let thrower = format!("{}throw new Error('no way');\n", greeter("'one'"));
    application.stack.write("src/greeter.ts", &thrower);
    application.says("does not start: no way");
    application
        .stack
        .fails(&["up", "-d"])
        .within(seconds(90))
        .says(&["service `api` does not start: no way", "> 9 | throw new Error('no way');"]);
    application.save("'mended'");
    application.serves("mended");
    application.stack.ok(&["up", "-d"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn who_stays_attached_mends_a_first_start_and_the_rest_follows() {
    let application = Application::new("mend", "");
    let yaml = std::fs::read_to_string(application.stack.path("devstack.yaml")).unwrap();
    let after = "  after:\n    image: redis:8\n    init: true\n    command: [sleep, infinity]\n    \
                 depends_on: {api: {condition: service_healthy}}\n";
    application
        .stack
        .write("devstack.yaml", &yaml.replace("services:\n", &format!("services:\n{after}")));
    application.save("'one' oops");
    let up = application.stack.spawn(&["up"]);
    up.says("service `api` does not compile: src/greeter.ts:6:18");
    up.says("watching");
    // Still not.
    application.save("'two' oops oops");
    up.says("src/greeter.ts:6:18");
    assert!(!up.has_said("after ready"), "what needs the application has not begun");
    application.save("'three'");
    up.says("after ready");
    application.serves("three");
    application.save("'four'");
    up.says("api reloaded in");
    application.serves("four");
    up.interrupt();
    up.end().ended_with(130);
    assert_eq!(application.stack.inspect("after")["State"]["Running"], false);
}
