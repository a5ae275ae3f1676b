//! Host ports: whose they are before anything is made.

use insta::assert_snapshot;

use crate::support::{World, ports};

fn publishing(project: &str, service: &str, port: &str) -> String {
    format!(
        "
name: {project}
services:
  {service}: {{image: web, ports: ['{port}']}}
"
    )
}

#[test]
fn fixed_ports_of_new_containers_are_wanted() {
    let yaml = "
name: p
services:
  web: {image: web, ports: ['127.0.0.1:5001:80', '5002:81', '82', '5003-5004:83']}
";
    assert_snapshot!(ports(&World::new(), yaml), @r"
    wanted: 127.0.0.1:5001 for web
    wanted: 127.0.0.1:5002 for web
    ");
}

#[test]
fn a_port_of_another_project_is_a_conflict() {
    let world = World::after_up(&publishing("q", "app", "5001:80"));
    assert_snapshot!(ports(&world, &publishing("p", "web", "127.0.0.1:5001:80")), @"conflict: port 127.0.0.1:5001 of service `web` is already in use by container `q-app-1` of project `q`");
}

#[test]
fn one_port_on_two_addresses_is_none() {
    let world = World::after_up(&publishing("q", "app", "127.0.0.2:5001:80"));
    assert_snapshot!(ports(&world, &publishing("p", "web", "127.0.0.1:5001:80")), @"wanted: 127.0.0.1:5001 for web");
}

#[test]
fn one_port_of_two_protocols_is_none() {
    let world = World::after_up(&publishing("q", "app", "5001:80/udp"));
    assert_snapshot!(ports(&world, &publishing("p", "web", "5001:80")), @"wanted: 127.0.0.1:5001 for web");
}

#[test]
fn a_recreated_container_gets_its_own_port_back() {
    let yaml = publishing("p", "web", "5001:80");
    let changed = yaml.replace("image: web", "image: web, user: '1'");
    assert_snapshot!(ports(&World::after_up(&yaml), &changed), @"");
}

#[test]
fn what_runs_wants_nothing() {
    let yaml = publishing("p", "web", "5001:80");
    assert_snapshot!(ports(&World::after_up(&yaml), &yaml), @"");
}

#[test]
fn a_port_of_a_service_that_stays_is_a_conflict() {
    let yaml = publishing("p", "web", "5001:80");
    let world = World::after_up(&yaml);
    // As with `up two` while `web` is not part of the run.
    assert_snapshot!(ports(&world, &publishing("p", "two", "5001:80")), @"conflict: port 127.0.0.1:5001 of service `two` is already in use by container `p-web-1` of project `p`");
}

#[test]
fn a_port_that_moves_to_another_service_is_taken_over() {
    let pair = |one: &str, two: &str| {
        format!(
            "
name: p
services:
  one: {{image: web{one}}}
  two: {{image: web{two}}}
"
        )
    };
    let port = ", ports: ['5001:80']";
    let other = ", ports: ['5002:80']";
    for (before, after) in [
        (pair(port, ""), pair("", port)),
        (pair("", port), pair(port, "")),
        (pair(port, other), pair(other, port)),
    ] {
        let world = World::after_up(&before);
        world.up(&after);
    }
}

#[test]
fn a_port_of_a_removed_container_is_taken_over() {
    let world = World::after_up(&publishing("p", "old", "5001:80"));
    let changed = publishing("p", "new", "5001:80");
    assert_snapshot!(world.plan_with(&changed, |it| it.remove_orphans = true), @r"
    1. stop container p-old-1 (no service of this name)
    2. remove container p-old-1 (no service of this name)  after 1
    3. create container p-new-1 (missing)
    4. start container p-new-1 (missing)  after 2, 3
    5. wait until container p-new-1 is ready or finished (requested)  after 4
    ");
}
