//! Ctrl-C and worse, at any point, leave something from which `up` and `down` go on.

use crate::engine;
use crate::support::{Stack, eventually, seconds, text};

const WAITS: &str = "services:\n  app:\n    image: redis:8\n    init: true\n    \
                     command: [sh, -c, \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"]\n    \
                     ready: {exec: [test, -e, /tmp/ready]}\n  \
                     other:\n    image: redis:8\n    depends_on: {app: {condition: service_healthy}}\n    \
                     volumes: [\"data:/data\"]\nvolumes:\n  data:\n";

/// The same stack, but it becomes ready.
fn ready() -> String {
    WAITS.replace("trap", "touch /tmp/ready; trap")
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_interrupt_while_waiting_ends_up_and_the_next_one_goes_on() {
    let stack = Stack::new("int-wait", WAITS);
    let up = stack.spawn(&["up", "-d"]);
    up.says("app started");
    up.interrupt();
    up.end().ended_with(130).says(&["interrupted"]).within(seconds(30));
    stack.write("devstack.yaml", &ready());
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.inspect("other")["State"]["Running"], true);
    stack.ok(&["down", "-v"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_interrupt_at_once_leaves_nothing_that_down_cannot_remove() {
    let stack = Stack::new("int-early", WAITS);
    for text in ["network", "app created", "app started"] {
        let up = stack.spawn(&["up", "-d"]);
        up.says(text);
        up.interrupt();
        up.end().ended_with(130);
        stack.ok(&["down", "-v"]);
        assert_eq!(stack.resources(), Vec::<String>::new(), "after `{text}`");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_interrupt_while_building_ends_up_and_the_next_build_works() {
    let stack = Stack::new(
        "int-build",
        "services:\n  app:\n    init: true\n    build:\n      context: .\n      \
         dockerfile_inline: |\n        FROM redis:8\n        ARG PAUSE\n        \
         RUN echo building now && sleep $$PAUSE\n      args: {PAUSE: \"${PAUSE:-20}\"}\n    \
         command: [sleep, infinity]\n",
    );
    let up = stack.spawn(&["up", "-d"]);
    up.says("building now");
    up.interrupt();
    up.end().ended_with(130).within(seconds(19));
    assert_eq!(stack.containers(), Vec::<String>::new());

    stack.write("fast.env", "PAUSE=0\n");
    stack.ok(&["--env-file", "fast.env", "up", "-d"]);
    assert_eq!(stack.inspect("app")["State"]["Running"], true);
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_interrupt_of_an_attached_up_stops_the_services() {
    let stack = Stack::new("int-attached", &ready());
    let up = stack.spawn(&["up"]);
    up.prints("Ready to accept connections");
    up.interrupt();
    up.end().ended_with(130).says(&["stopping"]).within(seconds(60));
    for service in ["app", "other"] {
        let state = stack.inspect(service)["State"].clone();
        assert_eq!(text(&state["Status"]), "exited");
        // Both had time to end by themselves.
        assert_eq!(state["ExitCode"], 0, "{service}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_an_interrupted_up_has_half_made_is_thrown_away_at_once() {
    // Takes no notice of the signal to stop, as a database that is being made.
    let yaml = "services:\n  app:\n    image: redis:8\n    \
                command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n    \
                ready: {tcp: 6379}\n    volumes: ['made:/data']\nvolumes: {made: }\n";
    let stack = Stack::new("int-half", yaml);
    let up = stack.spawn(&["up"]);
    up.says("app started");
    up.interrupt();
    up.end().ended_with(130).within(seconds(9));
    assert_eq!(stack.containers(), Vec::<String>::new());
    assert!(!stack.resources().iter().any(|name| name.contains("made")));
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_killed_up_is_finished_by_the_next_one() {
    let stack = Stack::new("killed", WAITS);
    let running = || {
        engine::containers_with(&stack.label())
            .iter()
            .map(|it| format!("{} {}", text(&it["Names"][0]), text(&it["State"])))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let name = stack.name();
    let expected = [format!("/{name}-app-1 running"), format!("/{name}-other-1 running")];
    for moment in ["network", "app created", "app started"] {
        stack.write("devstack.yaml", WAITS);
        let up = stack.spawn(&["up", "-d"]);
        up.says(moment);
        up.kill();
        assert_eq!(up.end().code, None);
        stack.write("devstack.yaml", &ready());
        stack.ok(&["up", "-d"]);
        eventually("one container for each service", seconds(5), || {
            running() == expected.iter().cloned().collect()
        });
        stack.ok(&["down", "-v", "-t", "0"]);
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_second_interrupt_of_an_attached_up_kills_what_does_not_stop() {
    let stack = Stack::new(
        "int-twice",
        "services:\n  app:\n    image: redis:8\n    stop_grace_period: 5m\n    \
         command: [sh, -c, \"trap '' TERM; echo deaf; while :; do sleep 0.1; done\"]\n",
    );
    let up = stack.spawn(&["up"]);
    up.prints("deaf");
    up.interrupt();
    up.says("app stopping");
    up.interrupt();
    up.end().ended_with(130).within(seconds(60));
    let state = stack.inspect("app")["State"].clone();
    assert_eq!((&state["Running"], &state["ExitCode"]), (&false.into(), &137.into()));
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_attached_up_ends_when_its_services_have() {
    let stack = Stack::new(
        "attached-end",
        "services:\n  app:\n    image: redis:8\n    command: [sh, -c, \"sleep 1; echo farewell\"]\n",
    );
    let up = stack.ok(&["up"]).within(seconds(30));
    assert!(up.stdout.contains("farewell"), "{up}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_interrupted_down_is_finished_by_the_next_one() {
    let stack = Stack::new(
        "int-down",
        "services:\n  app:\n    image: redis:8\n    stop_grace_period: 3s\n    \
         command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n",
    );
    stack.ok(&["up", "-d"]);
    let down = stack.spawn(&["down"]);
    down.says("app stopping");
    down.interrupt();
    down.end().ended_with(130).within(seconds(30));
    stack.ok(&["down"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}
