//! What a second `up` changes, and what it leaves alone.

use crate::engine;
use crate::support::{Run, Stack, free_port, seconds, text};

const IDLE: &str = "image: redis:8\n    init: true\n    command: [sleep, infinity]\n";

#[test]
#[ignore = "needs a Docker engine"]
fn a_changed_mounted_file_recreates_only_its_service() {
    let stack = Stack::new(
        "mounted-file",
        &format!(
            "services:\n  reader:\n    {IDLE}    volumes: [\"./settings.conf:/settings.conf:ro\"]\n  \
             other:\n    {IDLE}"
        ),
    );
    stack.write("settings.conf", "colour = green\n");
    stack.ok(&["up", "-d"]);
    let (reader, other) = (stack.id("reader"), stack.id("other"));
    stack.ok(&["up", "-d"]);
    assert_eq!((&stack.id("reader"), &stack.id("other")), (&reader, &other));

    stack.write("settings.conf", "colour = blue\n");
    stack.ok(&["up", "-d"]).says(&["reader created (volumes changed)"]);
    assert_ne!(stack.id("reader"), reader);
    assert_eq!(stack.id("other"), other);
    assert_eq!(stack.exec("reader", &["cat", "/settings.conf"]), "colour = blue");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_recreated_container_keeps_its_anonymous_volumes() {
    let yaml = |colour: &str| {
        format!(
            "services:\n  app:\n    {IDLE}    volumes: [/keep]\n    \
             environment: {{COLOUR: {colour}}}\n"
        )
    };
    let stack = Stack::new("anonymous", &yaml("green"));
    stack.ok(&["up", "-d"]);
    stack.exec("app", &["sh", "-c", "echo treasure > /keep/chest"]);
    let volume = |stack: &Stack| {
        let mounts = stack.inspect("app")["Mounts"].clone();
        let mounts = mounts.as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["Destination"] == "/keep").unwrap();
        text(&mount["Name"]).to_owned()
    };
    let (id, before) = (stack.id("app"), volume(&stack));

    stack.write("devstack.yaml", &yaml("blue"));
    stack.ok(&["up", "-d"]);
    assert_ne!(stack.id("app"), id);
    assert_eq!(volume(&stack), before);
    assert_eq!(stack.exec("app", &["cat", "/keep/chest"]), "treasure");

    stack.ok(&["up", "-d", "--force-recreate", "--renew-anon-volumes"]);
    assert_ne!(volume(&stack), before);
    // The image declares another one; neither may pile up.
    let volumes: Vec<String> = stack.inspect("app")["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| text(&mount["Name"]).to_owned())
        .chain([before])
        .collect();
    stack.ok(&["down", "-v"]);
    for volume in volumes {
        assert_eq!(engine::try_get(&format!("/volumes/{volume}")).status, 404, "{volume}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_is_scaled_up_and_down() {
    let stack = Stack::new("scale", &format!("services:\n  worker:\n    {IDLE}"));
    let names = |stack: &Stack| -> Vec<String> {
        stack.inspect_all("worker").iter().map(|it| text(&it["Name"]).to_owned()).collect()
    };
    stack.ok(&["up", "-d", "--scale", "worker=3"]);
    let name = stack.name();
    let expected: Vec<String> = (1..=3).map(|number| format!("/{name}-worker-{number}")).collect();
    assert_eq!(names(&stack), expected);
    let first = text(&stack.inspect_all("worker")[0]["Id"]).to_owned();

    stack.ok(&["up", "-d", "--scale", "worker=1"]);
    assert_eq!(names(&stack), expected[..1]);
    assert_eq!(stack.id("worker"), first);
}

#[test]
#[ignore = "needs a Docker engine"]
fn orphans_are_told_of_and_removed_only_when_asked() {
    let stack =
        Stack::new("orphans", &format!("services:\n  stays:\n    {IDLE}  goes:\n    {IDLE}"));
    stack.ok(&["up", "-d"]);
    stack.write("devstack.yaml", &format!("services:\n  stays:\n    {IDLE}"));
    stack.ok(&["up", "-d"]).says(&[&format!("{}-goes-1", stack.name())]);
    assert_eq!(stack.inspect("goes")["State"]["Running"], true);
    stack.ok(&["up", "-d", "--remove-orphans"]);
    assert_eq!(stack.inspect_all("goes").len(), 0);
    assert_eq!(stack.inspect("stays")["State"]["Running"], true);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_of_a_profile_runs_only_with_it_and_goes_with_down() {
    let stack = Stack::new(
        "profiles",
        &format!("services:\n  app:\n    {IDLE}  tool:\n    {IDLE}    profiles: [tools]\n"),
    );
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.inspect_all("tool").len(), 0);
    stack.ok(&["--profile", "tools", "up", "-d"]);
    assert_eq!(stack.inspect_all("tool").len(), 1);
    stack.ok(&["down"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_one_shot_runs_once_and_is_not_run_again() {
    let stack = Stack::new(
        "one-shot",
        &format!(
            "services:\n  migrate:\n    image: redis:8\n    \
             command: [sh, -c, \"sleep 0.5; date +%s%N >> /data/runs\"]\n    \
             volumes: [\"data:/data\"]\n  \
             app:\n    {IDLE}    volumes: [\"data:/data\"]\n    \
             depends_on:\n      migrate: {{condition: service_completed_successfully}}\n\
             volumes:\n  data:\n"
        ),
    );
    stack.ok(&["up", "-d"]);
    let finished = text(&stack.inspect("migrate")["State"]["FinishedAt"]).to_owned();
    let started = text(&stack.inspect("app")["State"]["StartedAt"]).to_owned();
    assert!(finished < started, "{finished} {started}");
    let runs = stack.exec("app", &["cat", "/data/runs"]);
    assert_eq!(runs.lines().count(), 1);

    let ids = stack.ids();
    stack.ok(&["up", "-d"]).within(seconds(10));
    assert_eq!(stack.ids(), ids);
    assert_eq!(stack.exec("app", &["cat", "/data/runs"]), runs);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_failing_one_shot_fails_up_and_what_needs_it_is_not_started() {
    let stack = Stack::new(
        "one-shot-bad",
        &format!(
            "services:\n  migrate:\n    image: redis:8\n    \
             command: [sh, -c, \"echo no such table; exit 9\"]\n  \
             app:\n    {IDLE}    \
             depends_on:\n      migrate: {{condition: service_completed_successfully}}\n"
        ),
    );
    stack
        .fails(&["up", "-d"])
        .says(&["service `migrate` exited with code 9", "| no such table"])
        .within(seconds(20));
    for app in stack.inspect_all("app") {
        assert_eq!(app["State"]["Status"], "created");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_stopped_container_is_recreated_and_started_when_its_service_changed() {
    let yaml = |colour: &str| {
        format!("services:\n  app:\n    {IDLE}    environment: {{COLOUR: {colour}}}\n")
    };
    let stack = Stack::new("stopped", &yaml("green"));
    stack.ok(&["up", "-d"]);
    stack.ok(&["stop", "app"]);
    stack.write("devstack.yaml", &yaml("blue"));
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["printenv", "COLOUR"]), "blue");
    assert_eq!(stack.containers(), [format!("{}-app-1", stack.name())]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn one_service_is_reset_with_its_data_and_the_others_keep_theirs() {
    let service =
        |name: &str| format!("  {name}:\n    {IDLE}    volumes: [\"{name}-data:/data\"]\n");
    let stack = Stack::new(
        "reset-one",
        &format!(
            "services:\n{}{}volumes:\n  one-data:\n  two-data:\n",
            service("one"),
            service("two")
        ),
    );
    stack.ok(&["up", "-d"]);
    for name in ["one", "two"] {
        stack.exec(name, &["touch", "/data/mark"]);
    }
    let two = stack.id("two");
    stack.ok(&["reset", "-y", "one"]).says(&["one-data removed"]);
    assert_eq!(stack.exec("one", &["ls", "/data"]), "");
    assert_eq!(stack.exec("two", &["ls", "/data"]), "mark");
    assert_eq!(stack.id("two"), two);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_changed_network_is_made_anew_with_its_containers() {
    let yaml = |subnet: &str| {
        format!(
            "services:\n  app:\n    {IDLE}    networks: [net]\nnetworks:\n  \
             net: {{ipam: {{config: [{{subnet: {subnet}}}]}}}}\n"
        )
    };
    let stack = Stack::new("subnet", &yaml("10.213.77.0/28"));
    stack.ok(&["up", "-d"]);
    assert!(stack.exec("app", &["hostname", "-I"]).starts_with("10.213.77."));
    stack.write("devstack.yaml", &yaml("10.213.78.0/28"));
    stack.ok(&["up", "-d"]);
    assert!(stack.exec("app", &["hostname", "-I"]).starts_with("10.213.78."));
    stack.ok(&["up", "-d"]).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn two_ups_at_the_same_time_end_with_one_container_each() {
    let port = free_port();
    let stack = Stack::new(
        "twice",
        &format!(
            "services:\n  one:\n    {IDLE}    ports: ['127.0.0.1:{port}:80']\n  two:\n    {IDLE}"
        ),
    );
    let runs = [stack.spawn(&["up", "-d"]), stack.spawn(&["up", "-d"])];
    let [one, other] = runs.map(|run| run.end().ended_with(0));
    let has_waited = |run: &Run| run.stderr.contains("is changing this stack: waiting");
    let (first, second) = if has_waited(&one) { (other, one) } else { (one, other) };
    assert!(has_waited(&second) && first.stderr.contains("one  created"), "{first} {second}");
    second.says(&["nothing to do"]);
    let name = stack.name();
    assert_eq!(
        stack.resources(),
        [
            format!("container {name}-one-1"),
            format!("container {name}-two-1"),
            format!("network {name}_default"),
        ]
    );
    for service in ["one", "two"] {
        assert_eq!(stack.inspect(service)["State"]["Running"], true);
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_container_that_was_never_given_its_files_is_not_started() {
    let stack = Stack::new(
        "no-files",
        &format!(
            "services:\n  app:\n    {IDLE}    configs: [key]\n\
             configs:\n  key: {{content: opens the door}}\n"
        ),
    );
    // As if the run had been killed between the creation and the copy.
    stack.ok(&["up", "--no-start"]);
    let made = stack.inspect("app");
    let body = serde_json::json!({
        "Image": made["Config"]["Image"],
        "Cmd": made["Config"]["Cmd"],
        "Labels": made["Config"]["Labels"],
        "HostConfig": {"NetworkMode": made["HostConfig"]["NetworkMode"], "Init": true},
    });
    engine::delete(&format!("/containers/{}", text(&made["Id"])));
    engine::post(&format!("/containers/create?name={}-app-1", stack.name()), &body);

    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/key"]), "opens the door");
}
