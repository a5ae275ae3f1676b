//! Where the time of an `up` went.

use serde_json::Value;

use crate::support::{Stack, text};

#[test]
#[ignore = "needs a Docker engine"]
fn an_up_says_where_its_time_went_and_remembers_it() {
    let stack = Stack::new(
        "timings",
        "
services:
  cache:
    image: redis:8
    ready: {redis: {port: 6379}}
  late:
    image: redis:8
    init: true
    command: [sleep, infinity]
    depends_on:
      cache: {condition: service_healthy}
",
    );
    stack.ok(&["timings"]).says(&["no runs of project"]);
    let run = stack.ok(&["up", "-d", "--timings", "--trace", "trace.json"]);
    let run = run.says(&["critical path", "waiting for other services"]);
    assert!(!run.stdout.contains("critical path"), "stdout is for data: {}", run.stdout);

    let trace = std::fs::read_to_string(stack.path("trace.json")).unwrap();
    let trace: Value = serde_json::from_str(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let process = |name: &str| {
        let named =
            |event: &&Value| event["name"] == "process_name" && event["args"]["name"] == name;
        events.iter().find(named).unwrap()["pid"].clone()
    };
    let bars = |service: &str| -> Vec<(&str, u64, u64)> {
        let pid = process(service);
        events
            .iter()
            .filter(|event| event["ph"] == "X" && event["pid"] == pid)
            .map(|event| {
                let (ts, dur) = (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
                (text(&event["name"]), ts, ts + dur)
            })
            .collect()
    };
    let cache = bars("cache");
    let names: Vec<&str> = cache.iter().map(|bar| bar.0).collect();
    assert_eq!(names[..3], ["create", "start", "await"], "{names:?}");
    for part in ["until the first log line", "until the port is open", "until ready"] {
        assert!(names[3..].contains(&part), "no `{part}` in {names:?}");
    }
    let ready = cache.iter().find(|bar| bar.0 == "await").unwrap().2;
    let late = bars("late");
    let start = late.iter().find(|bar| bar.0 == "start").unwrap();
    assert!(start.1 >= ready, "late began to start at {}, cache was ready at {ready}", start.1);
    assert!(late.iter().any(|bar| bar.0 == "waiting for other services"), "{late:?}");

    let run = stack.ok(&["timings", "--format", "json"]);
    let remembered: Value = serde_json::from_str(run.stdout.trim()).unwrap();
    assert_eq!(remembered["command"], "up");
    assert_eq!(remembered["services"]["cache"]["from"], "data");
    assert!(remembered["services"]["late"]["ms"].is_u64());

    // Nothing was started, so there is nothing to compare with.
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.ok(&["timings", "--format", "json"]).stdout.lines().count(), 1);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_trace_that_cannot_be_written_is_said_before_anything_is_done() {
    let stack = Stack::new("no-trace", "services:\n  app: {image: \"redis:8\"}\n");
    stack
        .fails(&["up", "-d", "--trace", "no/such/folder/trace.json"])
        .says(&["cannot write the trace to no/such/folder/trace.json"]);
    assert_eq!(stack.ps(), [] as [Value; 0]);
}
