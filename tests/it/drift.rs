//! How what runs is told apart from what the files say.

use std::fmt::Write as _;

use devstack::engine::fake::Behaviour;
use devstack::state::drift::{Drift, DriftedField, Origin, Running, drift};
use devstack::state::facets::{Facet, Facets, facets, network_facets, volume_facets};
use devstack::state::{ContainerState, Desired, Observed};
use insta::assert_snapshot;

use crate::support::{World, desired};

const STACK: &str = "
name: p
services:
  web:
    image: web
    environment: {A: '1', B_TOKEN: x}
    mem_limit: 64m
    memswap_limit: 128m
    restart: always
    networks: [front, back]
  db: {image: db, networks: [back], volumes: ['data:/data']}
networks: {front: , back: }
volumes: {data: }
";

/// What runs after `up` of [`STACK`], for a test to change.
struct Ran {
    observed: Observed,
    running: Running,
}

impl Ran {
    fn new() -> Self {
        Self::of(STACK)
    }

    fn of(yaml: &str) -> Self {
        let world = World::new();
        world.engine.behave("seed", Behaviour::Exits(0));
        world.up(yaml);
        let observed = world.observed();
        let desired = desired(yaml);
        let mut running = Running::default();
        for spec in &desired.containers {
            let container = observed.containers.iter().find(|it| it.name == spec.name);
            running.containers.insert(container.expect("it was made").id.clone(), facets(spec));
        }
        for spec in &desired.networks {
            running.networks.insert(spec.network.name.clone(), network_facets(&spec.network));
        }
        for spec in &desired.volumes {
            running.volumes.insert(spec.volume.name.clone(), volume_facets(&spec.volume));
        }
        Self { observed, running }
    }

    fn facets(&mut self, name: &str) -> &mut Facets {
        let container = self.observed.containers.iter().find(|it| it.name == name);
        self.running.containers.get_mut(&container.expect("it is there").id).expect("it ran")
    }

    fn set(&mut self, name: &str, field: &'static str, value: &str) {
        self.facets(name).insert(field, Facet::One(value.to_owned()));
    }

    fn against(&self, yaml: &str) -> String {
        self.against_desired(&desired(yaml))
    }

    fn against_desired(&self, desired: &Desired) -> String {
        let drifts = drift(desired, &self.observed, &self.running);
        drifts.iter().map(text).collect()
    }
}

fn text(drift: &Drift) -> String {
    let mut text = format!("{:?} {} {:?}\n", drift.kind, drift.name, drift.presence);
    for DriftedField { difference, origin } in &drift.fields {
        let mark = if *origin == Origin::Engine { " (engine)" } else { "" };
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (old, new) = (value(&difference.old), value(&difference.new));
        writeln!(text, "  {}: {old} > {new}{mark}", difference.path).expect("a string takes all");
    }
    text
}

#[test]
fn what_was_just_made_does_not_differ() {
    assert_eq!(Ran::new().against(STACK), "");
}

#[test]
fn every_changed_field_has_its_old_and_new_value() {
    let changed = STACK
        .replace("A: '1'", "A: '2', C: x")
        .replace(
            "mem_limit: 64m",
            "healthcheck: {test: [CMD, a], interval: 5s}\n    mem_limit: 32m",
        )
        .replace("networks: [front, back]", "networks: {back: {aliases: [other]}}\n    tty: true");
    assert_snapshot!(Ran::new().against(&changed), @"
    Container p-web-1 Both
      environment.A: 1 > 2
      environment.C: - > x
      tty: - > true
      networks: p_front > -
      aliases.p_back: p-web-1, web > other, p-web-1, web
      healthcheck.interval: - > 5s
      healthcheck.test: - > a
      mem_limit: 64m > 32m
    ");
}

#[test]
fn what_was_changed_on_the_engine_is_told_apart() {
    let mut ran = Ran::new();
    ran.set("p-web-1", "mem_limit", "1g");
    ran.set("p-web-1", "cpus", "2");
    ran.set("p-db-1", "restart", "always");
    let Some(Facet::Many(networks)) = ran.facets("p-db-1").get_mut("networks") else { panic!() };
    networks.insert("elsewhere".to_owned());
    for container in &mut ran.observed.containers {
        if container.name == "p-db-1" {
            container.networks.insert("elsewhere".to_owned(), None);
            container.name = "renamed".to_owned();
            container.state = ContainerState::Paused;
        }
    }
    assert_snapshot!(ran.against(&STACK.replace("64m", "128m")), @"
    Container p-web-1 Both
      mem_limit: 1g > 128m
      cpus: 2 > - (engine)
    Container renamed Both
      container_name: renamed > p-db-1 (engine)
      state: paused > running (engine)
      networks: elsewhere > - (engine)
      restart: always > - (engine)
    ");
}

#[test]
fn fields_that_the_engine_never_changes_are_not_compared_without_a_reason() {
    // What the engine or an image adds there says nothing of the files.
    let mut ran = Ran::new();
    ran.set("p-web-1", "hostname", "abc");
    ran.set("p-web-1", "user", "1000");
    assert_eq!(ran.against(STACK), "");
}

#[test]
fn what_is_not_there_or_too_much_is_told() {
    let mut ran = Ran::new();
    ran.observed.containers.retain(|container| container.name != "p-db-1");
    ran.observed.networks.retain(|network| network.name != "p_front");
    ran.observed.volumes.clear();
    let without_web = "
name: p
services:
  db: {image: db, networks: [front], volumes: ['data:/data']}
  new: {image: db, scale: 2, networks: [front]}
networks: {front: }
volumes: {data: }
";
    assert_snapshot!(ran.against(without_web), @"
    Network p_front Missing
    Volume p_data Missing
    Container p-db-1 Missing
    Container p-new-1 Missing
    Container p-new-2 Missing
    Container p-web-1 Surplus
    ");
}

#[test]
fn networks_and_volumes_of_another_definition_are_told_field_by_field() {
    let changed = STACK
        .replace("front: ,", "front: {internal: true, labels: {a: b}},")
        .replace("data: }", "data: {driver_opts: {type: tmpfs}} }")
        .replace("back: }", "back: {ipam: {options: {x: y}}} }");
    let mut ran = Ran::new();
    let subnet = Facet::Many(["10.1.0.0/16".to_owned()].into());
    for network in ran.running.networks.values_mut() {
        network.insert("subnet", subnet.clone());
    }
    assert_snapshot!(ran.against(&changed), @"
    Network p_front Both
      internal: - > true
      labels.a: - > b
    Network p_back Both
      definition: - > -
    Volume p_data Both
      driver_opts.type: - > tmpfs
    ");
}

#[test]
fn a_finished_one_shot_is_as_it_should_be() {
    let yaml = "
name: p
services:
  seed: {image: db}
  web: {image: web, depends_on: {seed: {condition: service_completed_successfully}}}
";
    let mut ran = Ran::of(yaml);
    assert_eq!(ran.against(yaml), "");
    for container in &mut ran.observed.containers {
        if container.name == "p-seed-1" {
            container.state = ContainerState::Exited { code: 3 };
        }
    }
    assert_snapshot!(ran.against(yaml), @"
    Container p-seed-1 Both
      state: exited (3) > running (engine)
    ");
}

#[test]
fn a_newer_image_of_the_same_name_is_a_difference() {
    let mut ran = Ran::new();
    for image in &mut ran.observed.images {
        if image.references.iter().any(|it| it == "web:latest") {
            "sha256:0123456789abcdef".clone_into(&mut image.id);
        }
    }
    let old = ran.observed.containers.iter().find(|it| it.name == "p-web-1");
    let old = old.expect("it is there").image_id.clone();
    let text = ran.against(STACK).replace(old.trim_start_matches("sha256:"), "OLD");
    assert_snapshot!(text, @"
    Container p-web-1 Both
      image: OLD > 0123456789ab (engine)
    ");
}
