//! Host ports that devstack chooses.

use std::net::IpAddr;

use devstack::plan::{ReconcileOptions, Recreate, choose_ports, reconcile};
use devstack::project::Protocol;
use devstack::state::Desired;

use crate::support::{World, desired};

/// A stack whose one service prefers 5001.
fn stack(project: &str) -> String {
    format!("name: {project}\nservices:\n  web: {{image: web, ports: ['auto:5001:80']}}\n")
}

/// What was chosen: `SERVICE-NUMBER TARGET=PORT`, and what a person is told.
fn choose(world: &World, desired: &mut Desired, taken: &[u16]) -> String {
    choose_for(world, desired, Recreate::Changed, taken)
}

fn choose_for(world: &World, desired: &mut Desired, recreate: Recreate, taken: &[u16]) -> String {
    let is_free = |_: IpAddr, port: u16, _: Protocol| !taken.contains(&port);
    let moved = choose_ports(desired, &world.observed(), recreate, &is_free);
    let mut lines: Vec<String> = desired
        .containers
        .iter()
        .flat_map(|spec| {
            spec.service.ports.iter().enumerate().map(|(index, port)| {
                let number = spec.host_port(index, port).map_or("any".into(), |it| it.to_string());
                format!("{}-{} {}={number}", spec.service.name, spec.number, port.target)
            })
        })
        .collect();
    lines.extend(moved.iter().map(|it| format!("{} has {}", it.owner, it.wanted.port)));
    lines.join("\n")
}

fn up(world: &World, yaml: &str, taken: &[u16]) -> String {
    let mut desired = desired(yaml);
    let text = choose(world, &mut desired, taken);
    world.up_with(&desired, &ReconcileOptions::default()).expect("the run ends well");
    text
}

fn chosen(text: &str) -> u16 {
    let line = text.lines().next().expect("one line for each port");
    line.rsplit('=').next().and_then(|number| number.parse().ok()).expect("a port was chosen")
}

#[test]
fn the_usual_port_is_taken_when_it_is_free() {
    assert_eq!(up(&World::new(), &stack("p"), &[]), "web-1 80=5001");
}

#[test]
fn a_taken_port_gives_way_to_one_below_those_of_the_kernel_and_always_the_same() {
    let text = up(&World::new(), &stack("p"), &[5001]);
    let port = chosen(&text);
    assert!((20_000..32_000).contains(&port), "{port}");
    assert_eq!(text, format!("web-1 80={port}\nanother process has 5001"));
    assert_eq!(up(&World::new(), &stack("p"), &[5001]), text);
    // And when that one is taken too, the next.
    assert_eq!(chosen(&up(&World::new(), &stack("p"), &[5001, port])), port + 1);
}

#[test]
fn a_container_keeps_what_was_chosen_for_it() {
    let world = World::new();
    let port = chosen(&up(&world, &stack("p"), &[5001]));
    // The usual port is free again; nobody need learn a new address.
    assert_eq!(up(&world, &stack("p"), &[]), format!("web-1 80={port}"));
    let changed = stack("p").replace("image: web", "image: web, user: '1'");
    assert_eq!(up(&world, &changed, &[]), format!("web-1 80={port}"));
    // It has the port itself: that this machine finds it taken means nothing.
    let mut desired = desired(&changed);
    assert_eq!(choose(&world, &mut desired, &[port, 5001]), format!("web-1 80={port}"));
    let plan = reconcile(&desired, &world.observed(), &ReconcileOptions::default()).unwrap();
    assert!(plan.is_empty(), "{plan}");
    // Whoever has it made anew gets the usual one, unless it is still taken.
    let force = Recreate::Force;
    assert_eq!(choose_for(&world, &mut desired, force, &[port]), "web-1 80=5001");
    let still = choose_for(&world, &mut desired, force, &[port, 5001]);
    assert_eq!(still, format!("web-1 80={port}"));
}

#[test]
fn two_projects_run_beside_each_other() {
    let world = World::new();
    assert_eq!(up(&world, &stack("p"), &[]), "web-1 80=5001");
    let text = up(&world, &stack("q"), &[]);
    assert!(text.ends_with("container `p-web-1` of project `p` has 5001"), "{text}");
    // A stopped one will want its port again.
    let first = world.container("p-web-1");
    world
        .block_on(devstack::engine::Engine::stop_container(&*world.engine, &first.id, None))
        .unwrap();
    let mut third = desired(&stack("r"));
    let text = choose(&world, &mut third, &[]);
    assert!(text.contains("container `p-web-1` of project `p` has 5001"), "{text}");
}

#[test]
fn a_stopped_container_whose_port_is_gone_is_made_again_with_another() {
    let world = World::new();
    up(&world, &stack("p"), &[]);
    let first = world.container("p-web-1");
    world
        .block_on(devstack::engine::Engine::stop_container(&*world.engine, &first.id, None))
        .unwrap();
    let mut desired = desired(&stack("p"));
    choose(&world, &mut desired, &[5001]);
    let plan = reconcile(&desired, &world.observed(), &ReconcileOptions::default()).unwrap();
    assert!(plan.to_string().contains("create container p-web-1 as"), "{plan}");
    assert!(plan.to_string().contains("(ports changed)"), "{plan}");
}

#[test]
fn several_containers_and_ports_get_different_numbers() {
    let yaml = "
name: p
services:
  api: {image: web, ports: ['5001:80']}
  web: {image: web, scale: 2, ports: ['auto:5001:80', 'auto:5001:81', 'auto:5002:82']}
";
    let text = up(&World::new(), yaml, &[]);
    let mut numbers: Vec<&str> =
        text.lines().filter_map(|line| Some(line.split_once('=')?.1)).collect();
    assert_eq!(numbers.len(), 7, "{text}");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 7, "{text}");
    assert!(text.contains("service `api` has 5001"), "{text}");
    assert!(text.contains("api-1 80=5001") && text.contains("web-1 82=5002"), "{text}");
}

#[test]
fn an_auto_port_without_a_choice_is_the_engines() {
    let desired = desired(&stack("p"));
    let spec = &desired.containers[0];
    assert_eq!(spec.host_port(0, &spec.service.ports[0]), None);
    assert!(spec.has_port_range());
}
