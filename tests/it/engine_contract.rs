//! What every engine does, as generic functions: run here on the engine in memory and by the
//! engine suite on a real one, so that the two cannot drift apart.
//!
//! Whoever runs them gives each its own project's name and an engine on which the services called
//! `fails` and `ends` exit with 3 and 0 once started. Nothing is left behind on success.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::config::decode::{DecodeRequest, decode};
use devstack::config::load::{FileReader, LoadRequest, Presets, load};
use devstack::engine::{ContainerEvent, ContainerEventKind, Engine, EngineErrorKind, LogLines};
use devstack::state::{
    ContainerId, ContainerSpec, ContainerState, ContentDigests, Desired, Health, Observed,
    ObservedContainer, labels, lower,
};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

/// Where a contract is checked.
pub(crate) struct Stage<'a, E> {
    /// The engine.
    pub(crate) engine: &'a E,
    /// A project's name that nobody else uses.
    pub(crate) project: &'a str,
    /// An image that is there and has `sh` and `sleep`.
    pub(crate) image: &'a str,
}

/// Longest time for something that the engine does on its own.
const DEADLINE: Duration = Duration::from_secs(30);

struct OneFile<'a>(BTreeMap<PathBuf, &'a str>);

impl FileReader for OneFile<'_> {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.0.get(path).map(|text| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

impl<E: Engine> Stage<'_, E> {
    /// Three services that run, fail and end, with a network and a volume.
    fn desired(&self) -> Desired {
        let Self { project, image, .. } = self;
        let yaml = format!(
            "
name: {project}
services:
  runs:
    image: '{image}'
    command: [sleep, infinity]
    init: true
    networks: [net]
    volumes: ['data:/data', '/anonymous']
  checked:
    image: '{image}'
    command: [sleep, infinity]
    init: true
    healthcheck: {{test: 'true', interval: 1s}}
  fails:
    image: '{image}'
    command: [sh, -c, 'exit 3']
    network_mode: none
  ends:
    image: '{image}'
    command: [sh, -c, 'exit 0']
    network_mode: none
networks: {{net: }}
volumes: {{data: }}
"
        );
        let mut files = OneFile(BTreeMap::from([(PathBuf::from("/p/devstack.yaml"), &*yaml)]));
        let request = LoadRequest { working_dir: PathBuf::from("/p"), ..LoadRequest::default() };
        let presets = Presets { names: &[], source: &|_, _| None };
        let loaded = load(&request, presets, &mut files).expect("the file is right");
        let request = DecodeRequest {
            project_dir: loaded.project_dir,
            environment: loaded.environment,
            project_name: loaded.project_name.map(|name| name.to_string()),
            ..DecodeRequest::default()
        };
        let decoded = decode(&loaded.root, &request, &mut |path| files.read(path));
        lower(&decoded.expect("the file is right").0, &ContentDigests::new())
    }

    fn spec(&self, service: &str) -> ContainerSpec {
        let containers = self.desired().containers;
        let spec = containers.iter().find(|spec| spec.service.name.as_str() == service);
        ContainerSpec::clone(spec.expect("a service of the stage"))
    }

    async fn observe(&self) -> Observed {
        self.engine.observe().await.expect("the engine answers")
    }

    async fn container(&self, id: &ContainerId) -> Option<ObservedContainer> {
        self.observe().await.containers.into_iter().find(|container| container.id == *id)
    }

    /// Makes the networks and volumes of a service, then its container.
    async fn create(&self, service: &str) -> ContainerId {
        let spec = self.spec(service);
        let desired = self.desired();
        for network in &desired.networks {
            if spec.networks.contains_key(&network.network.name) {
                self.engine.create_network(network).await.expect("a new network");
            }
        }
        for volume in &desired.volumes {
            if spec.volume_names.values().any(|name| *name == volume.volume.name) {
                self.engine.create_volume(volume).await.expect("a new volume");
            }
        }
        self.engine.create_container(&spec, &spec.name, &[]).await.expect("a new container")
    }

    /// Removes whatever of the project is left.
    async fn clean_up(&self) {
        let observed = self.observe().await;
        let mine = |labels: &indexmap::IndexMap<String, String>| {
            labels.get(labels::PROJECT).is_some_and(|name| name == self.project)
        };
        for container in observed.containers.iter().filter(|it| mine(&it.labels)) {
            self.engine.remove_container(&container.id, true).await.expect("a removal");
        }
        for network in observed.networks.iter().filter(|it| mine(&it.labels)) {
            self.engine.remove_network(&network.id).await.expect("a removal");
        }
        for volume in observed.volumes.iter().filter(|it| mine(&it.labels)) {
            self.engine.remove_volume(&volume.name).await.expect("a removal");
        }
        let left = self.observe().await;
        assert!(left.containers.iter().all(|it| !mine(&it.labels)), "containers are left");
        assert!(left.networks.iter().all(|it| !mine(&it.labels)), "networks are left");
        assert!(left.volumes.iter().all(|it| !mine(&it.labels)), "volumes are left");
    }

    /// Waits until a container is in a state.
    async fn until(&self, id: &ContainerId, wanted: ContainerState) {
        let reached = async {
            loop {
                let facts = self.engine.inspect_container(id).await.expect("it is there");
                if facts.state == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, reached).await;
        in_time.unwrap_or_else(|_| panic!("{id} does not become {wanted:?}"));
    }
}

/// The events of a container up to one that is waited for, that one included.
async fn events_until(
    events: &mut BoxStream<'static, ContainerEvent>,
    id: &ContainerId,
    last: ContainerEventKind,
) -> Vec<ContainerEventKind> {
    let mut seen = Vec::new();
    let heard = async {
        while let Some(event) = events.next().await {
            if event.id == *id {
                seen.push(event.kind);
                if event.kind == last {
                    return;
                }
            }
        }
        panic!("the engine's events ended");
    };
    let in_time = tokio::time::timeout(DEADLINE, heard).await;
    assert!(in_time.is_ok(), "{last:?} did not come");
    seen
}

/// What is made is seen as it was asked for, and gone when it was removed.
pub(crate) async fn observe_reflects_what_was_made<E: Engine>(stage: &Stage<'_, E>) {
    let id = stage.create("runs").await;
    let spec = stage.spec("runs");
    let container = stage.container(&id).await.expect("it was made");
    assert_eq!(container.name, spec.name);
    assert_eq!(container.state, ContainerState::Created);
    assert_eq!(container.health, None);
    for (label, value) in &spec.labels {
        assert_eq!(container.labels.get(label), Some(value), "label {label}");
    }
    assert_eq!(container.digests(), spec.digests);
    assert_eq!(container.service().as_ref(), Some(&spec.service.name));
    assert_eq!((container.number(), container.is_one_off()), (1, false));
    assert_eq!(
        container.networks.keys().collect::<Vec<_>>(),
        spec.networks.keys().collect::<Vec<_>>()
    );
    let observed = stage.observe().await;
    let image = observed.image(&spec.service.image.familiar()).expect("the image is there");
    assert_eq!(container.image_id, image.id);
    let desired = stage.desired();
    let network = desired.networks.iter().find(|it| spec.networks.contains_key(&it.network.name));
    let network = network.expect("the stage has a network");
    let seen = observed.networks.iter().find(|it| it.name == network.network.name);
    assert_eq!(
        seen.expect("it was made").labels.get(labels::CONFIG_HASH),
        network.labels.get(labels::CONFIG_HASH)
    );
    let volume = &desired.volumes[0];
    let seen = observed.volumes.iter().find(|it| it.name == volume.volume.name);
    assert_eq!(
        seen.expect("it was made").labels.get(labels::PROJECT),
        volume.labels.get(labels::PROJECT)
    );
    let mount = |target: &str| {
        let mount = container.mounts.iter().find(|mount| mount.target == target);
        mount.and_then(|mount| mount.volume.clone()).expect("a volume is mounted")
    };
    assert_eq!(mount("/data"), volume.volume.name);
    let anonymous = mount("/anonymous");
    assert_eq!(anonymous.len(), 64);

    stage.engine.remove_container(&id, true).await.expect("a removal");
    assert_eq!(stage.container(&id).await, None);
    let volumes = stage.observe().await.volumes;
    assert!(volumes.iter().all(|it| it.name != anonymous), "an anonymous volume goes along");
    assert!(volumes.iter().any(|it| it.name == volume.volume.name), "a named one stays");
    stage.clean_up().await;
}

/// Start, stop and remove take what is already so for success.
pub(crate) async fn changes_can_be_repeated<E: Engine>(stage: &Stage<'_, E>) {
    let engine = stage.engine;
    let id = stage.create("runs").await;
    engine.stop_container(&id, None).await.expect("it does not run");
    engine.kill_container(&id, "SIGKILL").await.expect("it does not run");
    assert_eq!(stage.container(&id).await.map(|it| it.state), Some(ContainerState::Created));
    engine.start_container(&id).await.expect("a start");
    let begun = engine.inspect_container(&id).await.expect("it is there").started_at;
    engine.start_container(&id).await.expect("it runs already");
    let facts = engine.inspect_container(&id).await.expect("it is there");
    assert_eq!((facts.state, facts.started_at), (ContainerState::Running, begun));
    engine.stop_container(&id, None).await.expect("a stop");
    engine.stop_container(&id, None).await.expect("it is stopped already");
    let stopped = stage.container(&id).await.expect("it is there").state;
    assert!(matches!(stopped, ContainerState::Exited { .. }), "{stopped:?}");
    engine.start_container(&id).await.expect("a start");
    engine.restart_container(&id, None).await.expect("a restart");
    stage.until(&id, ContainerState::Running).await;
    engine.kill_container(&id, "SIGKILL").await.expect("a signal");
    stage.until(&id, ContainerState::Exited { code: 137 }).await;
    engine.restart_container(&id, None).await.expect("a restart starts what is stopped");
    stage.until(&id, ContainerState::Running).await;
    engine.remove_container(&id, false).await.expect("a removal of what runs");
    engine.remove_container(&id, false).await.expect("it is gone already");
    engine.stop_container(&id, None).await.expect("it is gone");
    engine.kill_container(&id, "SIGKILL").await.expect("it is gone");
    let volume = &stage.desired().volumes[0];
    engine.create_volume(volume).await.expect("it is there as it should be");
    engine.remove_volume(&volume.volume.name).await.expect("a removal");
    engine.remove_volume(&volume.volume.name).await.expect("it is gone already");
    stage.clean_up().await;
}

/// What is not there is told as such.
pub(crate) async fn what_is_not_there_is_not_found<E: Engine>(stage: &Stage<'_, E>) {
    let engine = stage.engine;
    let gone = ContainerId("f".repeat(64));
    let errors = [
        engine.start_container(&gone).await.expect_err("no such container"),
        engine.restart_container(&gone, None).await.expect_err("no such container"),
        engine.rename_container(&gone, "renamed").await.expect_err("no such container"),
        engine.inspect_container(&gone).await.expect_err("no such container"),
    ];
    for error in errors {
        assert!(error.is_not_found(), "{error}");
        assert!(!error.is_unreachable(), "{error}");
    }
    let mut spec = stage.spec("ends");
    let mut service = devstack::project::Service::clone(&spec.service);
    service.image = "devstack-contract-no-such-image:1".parse().expect("a reference");
    spec.service = std::sync::Arc::new(service);
    let error = engine.create_container(&spec, &spec.name, &[]).await.expect_err("no such image");
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(&spec.name), "{error}");
    engine.remove_network(&"f".repeat(64)).await.expect("it is gone");
    engine.remove_image("devstack-contract-no-such-image:1").await.expect("it is gone");
    stage.clean_up().await;
}

/// Names are unique, and what is in use is not removed.
pub(crate) async fn what_is_in_the_way_is_a_conflict<E: Engine>(stage: &Stage<'_, E>) {
    let engine = stage.engine;
    let id = stage.create("runs").await;
    let spec = stage.spec("runs");
    let is_conflict = |kind: &EngineErrorKind| matches!(kind, EngineErrorKind::Conflict(_));
    let error = engine.create_container(&spec, &spec.name, &[]).await.expect_err("it is made");
    assert!(is_conflict(&error.kind), "{error}");
    engine.start_container(&id).await.expect("a start");
    let error = engine.create_container(&spec, &spec.name, &[]).await.expect_err("it is there");
    assert!(is_conflict(&error.kind), "{error}");
    let second_name = format!("{}-second", stage.project);
    let second = engine.create_container(&stage.spec("ends"), &second_name, &[]).await;
    let second = second.expect("another name");
    let error = engine.rename_container(&second, &spec.name).await.expect_err("it is there");
    assert!(is_conflict(&error.kind), "{error}");
    let volume = stage.desired().volumes[0].volume.name.clone();
    let error = engine.remove_volume(&volume).await.expect_err("it is in use");
    assert!(is_conflict(&error.kind), "{error}");
    let name = spec.networks.keys().next().expect("it is on a network");
    let networks = stage.observe().await.networks;
    let network = networks.iter().find(|network| network.name == *name).expect("it was made");
    engine.remove_network(&network.id).await.expect_err("it is in use");
    let desired = stage.desired();
    let wanted = desired.networks.iter().find(|it| it.network.name == *name);
    let wanted = wanted.expect("the stage has a network");
    engine.create_network(wanted).await.expect("it is there as it should be");
    let mut other = wanted.clone();
    other.labels.insert(labels::CONFIG_HASH.to_owned(), "another".to_owned());
    let error = engine.create_network(&other).await.expect_err("it is another one");
    assert!(is_conflict(&error.kind), "{error}");
    let networks = stage.observe().await.networks;
    assert_eq!(networks.iter().filter(|network| network.name == *name).count(), 1);
    engine.remove_container(&id, true).await.expect("a removal");
    engine.rename_container(&second, &spec.name).await.expect("the name is free now");
    assert_eq!(stage.container(&second).await.map(|it| it.name), Some(spec.name));
    stage.clean_up().await;
}

/// A container's life is announced in its order.
pub(crate) async fn events_tell_a_containers_life<E: Engine>(stage: &Stage<'_, E>) {
    use ContainerEventKind::{Died, Removed, Started};
    let engine = stage.engine;
    let mut events = engine.container_events().await.expect("a subscription");
    let runs = stage.create("runs").await;
    let fails = stage.create("fails").await;
    engine.start_container(&runs).await.expect("a start");
    assert_eq!(events_until(&mut events, &runs, Started).await, [Started]);
    engine.kill_container(&runs, "SIGKILL").await.expect("a signal");
    assert_eq!(events_until(&mut events, &runs, Died { code: 137 }).await, [Died { code: 137 }]);
    engine.remove_container(&runs, true).await.expect("a removal");
    assert_eq!(events_until(&mut events, &runs, Removed).await, [Removed]);
    engine.start_container(&fails).await.expect("a start");
    let life = events_until(&mut events, &fails, Died { code: 3 }).await;
    assert_eq!(life, [Started, Died { code: 3 }]);
    stage.clean_up().await;
}

/// How a process ended is kept.
pub(crate) async fn exit_codes_are_kept<E: Engine>(stage: &Stage<'_, E>) {
    for (service, code) in [("fails", 3), ("ends", 0)] {
        let id = stage.create(service).await;
        stage.engine.start_container(&id).await.expect("a start");
        stage.until(&id, ContainerState::Exited { code }).await;
        let seen = stage.container(&id).await.expect("it is there");
        assert_eq!(seen.state, ContainerState::Exited { code });
        let lines = stage.engine.log_lines(&id, LogLines::Last(10)).await.expect("its log");
        assert_eq!(lines, []);
    }
    stage.clean_up().await;
}

/// A health check decides; a container without one has no health.
pub(crate) async fn health_is_seen<E: Engine>(stage: &Stage<'_, E>) {
    let id = stage.create("checked").await;
    stage.engine.start_container(&id).await.expect("a start");
    let healthy = async {
        loop {
            let facts = stage.engine.inspect_container(&id).await.expect("it is there");
            match facts.health {
                Some(Health::Healthy) => return,
                Some(Health::Starting) => tokio::time::sleep(Duration::from_millis(50)).await,
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(tokio::time::timeout(DEADLINE, healthy).await.is_ok(), "it does not become healthy");
    assert_eq!(stage.container(&id).await.and_then(|it| it.health), Some(Health::Healthy));
    let plain = stage.create("runs").await;
    stage.engine.start_container(&plain).await.expect("a start");
    let facts = stage.engine.inspect_container(&plain).await.expect("it is there");
    assert_eq!(facts.health, None);
    stage.clean_up().await;
}

/// A successor takes anonymous volumes over.
pub(crate) async fn anonymous_volumes_are_inherited<E: Engine>(stage: &Stage<'_, E>) {
    let engine = stage.engine;
    let old = stage.create("runs").await;
    let mounts = stage.container(&old).await.expect("it was made").mounts;
    let anonymous = mounts.into_iter().find(|mount| mount.target == "/anonymous");
    let volume = anonymous.and_then(|mount| mount.volume).expect("it has a volume");
    let spec = stage.spec("runs");
    let name = format!("{}-successor", stage.project);
    let inherit = [("/anonymous".to_owned(), volume.clone())];
    let successor = engine.create_container(&spec, &name, &inherit).await.expect("a new container");
    engine.remove_container(&old, false).await.expect("a removal");
    let mounts = stage.container(&successor).await.expect("it was made").mounts;
    let inherited = mounts.iter().find(|mount| mount.target == "/anonymous");
    assert_eq!(inherited.and_then(|mount| mount.volume.as_ref()), Some(&volume));
    engine.remove_container(&successor, true).await.expect("a removal");
    let volumes = stage.observe().await.volumes;
    assert!(volumes.iter().all(|it| it.name != volume), "what was inherited goes along");
    stage.clean_up().await;
}

/// A container that was started once insists on the very network that it joined.
pub(crate) async fn a_network_of_the_same_name_is_another_one<E: Engine>(stage: &Stage<'_, E>) {
    let engine = stage.engine;
    let id = stage.create("runs").await;
    engine.start_container(&id).await.expect("a start");
    engine.stop_container(&id, None).await.expect("a stop");
    let desired = stage.desired();
    let spec = stage.spec("runs");
    let network = desired.networks.iter().find(|it| spec.networks.contains_key(&it.network.name));
    let network = network.expect("the stage has a network");
    let observed = stage.observe().await.networks;
    let old = observed.iter().find(|it| it.name == network.network.name).expect("it was made");
    engine.remove_network(&old.id).await.expect("nobody runs on it");
    engine.create_network(network).await.expect("the name is free");
    let error = engine.start_container(&id).await.expect_err("its network is gone");
    assert!(error.is_not_found(), "{error}");
    stage.clean_up().await;
}
