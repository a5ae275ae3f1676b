//! What the engine refuses is told at the line that asked for it, whatever its words are today.

use crate::engine;
use crate::support::{Stack, free_port};

/// A service whose settings the engine refuses, in each of these ways; and the text before which
/// the carets begin.
const REFUSED: &[(&str, &str)] = &[
    ("command: [no-such-program, --now]", "no-such-program"),
    ("user: nobody-at-all", "nobody-at-all"),
    ("working_dir: /etc/passwd", "/etc/passwd"),
    ("volumes: ['./file:/etc']", "'./file:/etc'"),
    ("devices: ['/dev/null', '/dev/no-such-device']", "'/dev/no-such-device'"),
    ("cpus: 4000", "cpus"),
    ("cpuset: '4000'", "cpuset"),
    ("security_opt: [no-such=option]", "no-such=option"),
    ("sysctls: {net.no_such: 1}", "sysctls"),
    ("runtime: no-such-runtime", "no-such-runtime"),
    ("logging: {driver: json-file, options: {no-such-option: x}}", "no-such-option"),
    ("networks: {default: {ipv4_address: 10.1.2.3}}", "networks"),
    ("network_mode: 'container:devstack-no-such'", "'container:devstack-no-such'"),
    ("ports: ['192.0.2.1:PORT:80']", "'192.0.2.1:PORT:80'"),
];

#[test]
#[ignore = "needs a Docker engine"]
fn a_refused_setting_is_pointed_at() {
    let stack = Stack::empty("refused");
    stack.write("file", "");
    let port = free_port().to_string();
    for (setting, place) in REFUSED {
        let (setting, place) = (setting.replace("PORT", &port), place.replace("PORT", &port));
        stack.write(
            "devstack.yaml",
            &format!(
                "services:\n  web:\n    image: devstack/base:trixie\n    pull_policy: never\n    \
                 stop_signal: KILL\n    {setting}\n"
            ),
        );
        let line = std::fs::read_to_string(stack.path("devstack.yaml"))
            .unwrap()
            .lines()
            .position(|line| line.contains(&setting))
            .unwrap();
        let column = 4 + setting.find(&place).unwrap();
        let run = stack.fails(&["up", "-d"]);
        let expected = format!("--> devstack.yaml:{}:{}\n", line + 1, column + 1);
        assert!(run.stderr.contains(&expected), "{setting}: no {expected} in\n{run}");
        assert!(run.stderr.contains("= help: "), "{setting}:\n{run}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_an_older_engine_would_drop_is_refused() {
    let stack = Stack::empty("refused-new");
    // The setting, the API that knows it, and the text before which the carets begin.
    for (setting, api, place) in [
        ("annotations: {com.example.a: b}", 43, "annotations"),
        ("networks: {default: {gw_priority: 5}}", 48, "gw_priority"),
        ("networks: {default: {interface_name: eth7}}", 49, "interface_name"),
        ("volumes: [{type: image, source: 'devstack/base:trixie', target: /i}]", 48, "image"),
    ] {
        stack.write(
            "devstack.yaml",
            &format!(
                "services:\n  web:\n    image: devstack/base:trixie\n    \
                 command: [sleep, infinity]\n    stop_signal: KILL\n    {setting}\n"
            ),
        );
        if engine::has_api(api) {
            stack.ok(&["up", "-d"]);
            continue;
        }
        let column = 5 + setting.find(place).unwrap();
        let run = stack.fails(&["up", "-d"]).says(&["needs Docker Engine"]);
        assert!(run.stderr.contains(&format!("--> devstack.yaml:6:{column}\n")), "{run}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_in_the_way_of_networks_volumes_and_builds_is_pointed_at() {
    const IMAGE: &str = "image: 'devstack/base:trixie'";
    let stack = Stack::empty("refused-rest");
    // The service, the rest of the file, and the text before which the carets begin.
    for (service, rest, place) in [
        (
            "IMAGE, networks: [n]",
            "networks: {n: {driver_opts: {com.docker.network.bridge.name: much-too-long-for-one}}}",
            "driver_opts",
        ),
        (
            "IMAGE, networks: [n]",
            "networks: {n: {ipam: {config: [{subnet: 10.219.44.1/24}]}}}",
            "10.219.44.1/24",
        ),
        ("IMAGE, networks: [n]", "networks: {n: {external: true, name: devstack-no-such}}", "name"),
        ("IMAGE, volumes: ['v:/v']", "volumes: {v: {driver_opts: {nope: x}}}", "nope"),
        ("IMAGE, volumes: ['./gone:/v']", "", "'./gone:/v'"),
        (
            "build: {context: ., target: nope, dockerfile_inline: 'FROM devstack/base:trixie'}",
            "",
            "nope",
        ),
        ("build: {context: ., dockerfile: No.Dockerfile}", "", "No.Dockerfile"),
        ("image: '127.0.0.1:9/nobody/nothing:1'", "", "image"),
    ] {
        // Older engines take the address of a host for its network's.
        if place == "10.219.44.1/24" && !engine::has_api(44) {
            continue;
        }
        let yaml = format!("services:\n  web: {{{}}}\n{rest}\n", service.replace("IMAGE", IMAGE));
        stack.write("devstack.yaml", &yaml);
        let before = &yaml[..yaml.find(place).unwrap()];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').unwrap();
        let run = stack.fails(&["up", "-d"]);
        let expected = format!("--> devstack.yaml:{line}:{column}\n");
        assert!(run.stderr.contains(&expected), "no {expected} for\n{yaml}\n{run}");
        stack.ok(&["down", "-v"]);
    }
    stack.write(
        "devstack.yaml",
        "services: {web: {image: 'devstack/base:trixie', command: [nope]}}\n",
    );
    let run = stack.fails(&["--error-format", "json", "--progress", "quiet", "up", "-d"]);
    let finding: serde_json::Value = serde_json::from_str(run.stderr.trim()).unwrap();
    assert_eq!(finding["spans"][0]["file"], "devstack.yaml");
    assert_eq!(finding["spans"][0]["line"], 1);
    assert_eq!(finding["spans"][0]["column"], 59);
}
