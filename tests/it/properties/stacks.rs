//! Random stack files, and what happens to a stack between two runs.

use std::fmt::Write as _;

use devstack::engine::Engine as _;
use devstack::engine::fake::{Behaviour, FakeEngine};
use devstack::state::labels;
use proptest::collection::vec;
use proptest::prelude::*;

/// Services that a stack can have; each has a chance to be missing.
const SERVICES: usize = 5;

/// A stack as data, so that a failing one shrinks.
#[derive(Clone)]
pub(crate) struct RandomStack {
    services: Vec<Option<RandomService>>,
    /// A variant of the definition of each network.
    networks: [u8; 2],
    /// Rotates which service has which host port.
    ports: usize,
}

#[derive(Debug, Clone)]
struct RandomService {
    image: u8,
    environment: u8,
    scale: u8,
    has_check: bool,
    /// Whether it has a runner, which can be held at its door.
    reload: bool,
    /// Per earlier service: the condition, if any, and whether it restarts with it.
    depends_on: Vec<(Option<u8>, bool)>,
    networks: [bool; 2],
    volumes: [bool; 2],
    anonymous_volume: bool,
    port: bool,
    fixed_name: bool,
    /// Whether hooks run before its start.
    hooks: bool,
}

prop_compose! {
    fn service()(
        image in 0..3_u8,
        environment in 0..2_u8,
        scale in prop_oneof![6 => Just(1_u8), 1 => Just(0), 2 => Just(2), 1 => Just(3)],
        has_check in any::<bool>(),
        reload in any::<bool>(),
        depends_on in vec((prop::option::weighted(0.4, 0..3_u8), any::<bool>()), SERVICES),
        networks in any::<[bool; 2]>(),
        volumes in any::<[bool; 2]>(),
        anonymous_volume in any::<bool>(),
        port in any::<bool>(),
        fixed_name in prop::bool::weighted(0.2),
        hooks in prop::bool::weighted(0.3),
    ) -> RandomService {
        RandomService {
            image, environment, scale, has_check, reload, depends_on, networks, volumes, anonymous_volume,
            port, fixed_name, hooks,
        }
    }
}

prop_compose! {
    pub(crate) fn stack()(
        services in vec(prop::option::weighted(0.8, service()), SERVICES)
            .prop_filter("a stack has services", |all| all.iter().any(Option::is_some)),
        networks in [0..2_u8, 0..2_u8],
        ports in 0..SERVICES,
    ) -> RandomStack {
        RandomStack { services, networks, ports }
    }
}

impl std::fmt::Debug for RandomStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.yaml("p"))
    }
}

impl RandomStack {
    fn present(&self) -> impl Iterator<Item = (usize, &RandomService)> {
        self.services.iter().enumerate().filter_map(|(index, it)| Some((index, it.as_ref()?)))
    }

    /// The condition on which one service waits for an earlier one.
    fn condition(&self, service: &RandomService, on: usize) -> Option<(&'static str, bool)> {
        let other = self.services[on].as_ref()?;
        let (condition, restart) = service.depends_on[on];
        let condition = match condition? {
            1 if other.has_check => "service_healthy",
            0 | 1 => "service_started",
            _ => "service_completed_successfully",
        };
        Some((condition, restart))
    }

    /// Whether a container waits for its end.
    fn is_one_shot(&self, index: usize) -> bool {
        self.present().any(|(later, service)| {
            later > index
                && service.scale > 0
                && self
                    .condition(service, index)
                    .is_some_and(|(condition, _)| condition == "service_completed_successfully")
        })
    }

    /// The file.
    pub(crate) fn yaml(&self, project: &str) -> String {
        let mut text = format!("name: {project}\nservices:\n");
        let mut line = |line: std::fmt::Arguments<'_>| {
            text.write_fmt(line).expect("a string takes all");
            text.push('\n');
        };
        for (index, service) in self.present() {
            line(format_args!("  s{index}:"));
            let image = ["one:1", "two:1", "two:2"][usize::from(service.image)];
            line(format_args!("    image: '{image}'"));
            line(format_args!("    environment: {{A: '{}'}}", service.environment));
            line(format_args!("    scale: {}", service.scale));
            if service.reload && !self.is_one_shot(index) {
                line(format_args!("    reload: node"));
            }
            if self.is_one_shot(index) {
                // What becomes a one-shot, or is none any more, is made again.
                line(format_args!("    command: [once]"));
            }
            if service.hooks {
                line(format_args!(
                    "    pre_start: [{{command: [all]}}, {{command: [each], image: 'two:2', per_replica: true}}]"
                ));
            }
            if service.has_check {
                line(format_args!("    healthcheck: {{test: 'true'}}"));
            }
            if service.scale == 1 && service.fixed_name {
                line(format_args!("    container_name: fixed-{index}"));
            }
            if service.scale == 1 && service.port {
                let port = 5000 + (index + self.ports) % SERVICES;
                line(format_args!("    ports: ['127.0.0.1:{port}:80']"));
            }
            let earlier: Vec<_> =
                (0..index).filter_map(|on| Some((on, self.condition(service, on)?))).collect();
            if !earlier.is_empty() {
                line(format_args!("    depends_on:"));
                for (on, (mut condition, restart)) in earlier {
                    // Whoever ends on its own is never healthy for long.
                    if self.is_one_shot(on) && condition == "service_healthy" {
                        condition = "service_completed_successfully";
                    }
                    line(format_args!(
                        "      s{on}: {{condition: {condition}, restart: {restart}}}"
                    ));
                }
            }
            let networks: Vec<_> =
                (0..2).filter(|n| service.networks[*n]).map(|n| format!("n{n}")).collect();
            if !networks.is_empty() {
                line(format_args!("    networks: [{}]", networks.join(", ")));
            }
            let anonymous = service.anonymous_volume.then(|| "/anonymous".to_owned());
            let volumes: Vec<_> = (0..2)
                .filter(|n| service.volumes[*n])
                .map(|n| format!("'v{n}:/v{n}'"))
                .chain(anonymous)
                .collect();
            if !volumes.is_empty() {
                line(format_args!("    volumes: [{}]", volumes.join(", ")));
            }
        }
        let variants: Vec<_> =
            self.networks.iter().map(|it| format!("{{labels: {{v: '{it}'}}}}")).collect();
        line(format_args!("networks: {{n0: {}, n1: {}}}", variants[0], variants[1]));
        line(format_args!("volumes: {{v0: , v1: }}"));
        text
    }

    /// Makes one-shots end, and everything else run.
    pub(super) fn behave(&self, engine: &FakeEngine) {
        for index in 0..SERVICES {
            let ends = self.services[index].is_some() && self.is_one_shot(index);
            let behaviour = if ends { Behaviour::Exits(0) } else { Behaviour::Healthy };
            engine.behave(&format!("s{index}"), behaviour);
        }
    }
}

/// What somebody did to a container of the stack between two runs.
#[derive(Debug, Clone)]
pub(super) enum Disturbance {
    Stopped(usize),
    Killed(usize),
    Removed(usize),
    /// As an interrupted recreation leaves it.
    Renamed(usize),
    /// Somebody stopped all and cleaned up what nobody used.
    NetworksPruned,
    /// A newer image came under the same name.
    Released(usize),
}

pub(super) fn disturbances() -> impl Strategy<Value = Vec<Disturbance>> {
    let one = prop_oneof![
        3 => (0..8_usize).prop_map(Disturbance::Stopped),
        1 => (0..8_usize).prop_map(Disturbance::Killed),
        2 => (0..8_usize).prop_map(Disturbance::Removed),
        2 => (0..8_usize).prop_map(Disturbance::Renamed),
        1 => Just(Disturbance::NetworksPruned),
        1 => (0..3_usize).prop_map(Disturbance::Released),
    ];
    vec(one, 0..5)
}

impl Disturbance {
    pub(super) async fn happen(&self, engine: &FakeEngine) {
        let mine: Vec<_> = engine
            .snapshot()
            .containers
            .into_iter()
            .filter(|it| it.labels.get(labels::PROJECT).is_some_and(|name| name == "p"))
            .collect();
        let chosen = |index: &usize| mine.get(index % mine.len().max(1));
        let done = match self {
            Self::Stopped(index) => match chosen(index) {
                Some(container) => engine.stop_container(&container.id, None).await,
                None => Ok(()),
            },
            Self::Killed(index) => match chosen(index) {
                Some(container) => engine.kill_container(&container.id, "SIGKILL").await,
                None => Ok(()),
            },
            Self::Removed(index) => match chosen(index) {
                Some(container) => engine.remove_container(&container.id, false).await,
                None => Ok(()),
            },
            Self::Renamed(index) => match chosen(index) {
                Some(container) => {
                    let name = format!("0123456789ab_{}", container.name);
                    // Twice the same is once too many; the name is taken then.
                    let _ = engine.rename_container(&container.id, &name).await;
                    Ok(())
                }
                None => Ok(()),
            },
            Self::NetworksPruned => {
                for container in &mine {
                    engine.stop_container(&container.id, None).await.expect("it is there");
                }
                for network in engine.snapshot().networks {
                    // Those of others are in use.
                    let _ = engine.remove_network(&network.id).await;
                }
                Ok(())
            }
            Self::Released(index) => {
                let reference = ["one:1", "two:1", "two:2"][*index];
                engine.release(reference);
                engine.obtain(reference);
                Ok(())
            }
        };
        done.expect("the engine refuses none of these");
    }
}
