//! What a container needs for its reload runner: the runner's files, a folder for what it writes,
//! and the runner in the place of the container's command.
//!
//! The runner can be held at its door: it does everything but run the application's code while a
//! file beside it has text in it. devstack writes that file before the start of a container that
//! is to wait for others, and empties it when they are ready. Whatever else starts the container,
//! the engine's restart policy included, finds it empty.

use super::desired::{ContainerSpec, InjectedFile};
use crate::project::{
    CommandRunner, Duration, Mount, NodeRunner, RUNNER_FOLDER, Reload, RestartPolicy, Secret,
    Service, VolumeOptions,
};

/// The file of the runner for programs of any language.
const ANY: &str = include_str!("../../templates/runner-any/runner.sh");

/// The files of the runner for Node, by name.
const FILES: [(&str, &str); 24] = [
    ("package.json", include_str!("../../templates/runner/package.json")),
    ("channel.js", include_str!("../../templates/runner/channel.js")),
    ("child.js", include_str!("../../templates/runner/child.js")),
    ("compiler.js", include_str!("../../templates/runner/compiler.js")),
    ("control.js", include_str!("../../templates/runner/control.js")),
    ("door.js", include_str!("../../templates/runner/door.js")),
    ("frame.js", include_str!("../../templates/runner/frame.js")),
    ("hold.js", include_str!("../../templates/runner/hold.js")),
    ("imports.js", include_str!("../../templates/runner/imports.js")),
    ("log.js", include_str!("../../templates/runner/log.js")),
    ("managers.js", include_str!("../../templates/runner/managers.js")),
    ("managers.json", include_str!("../../templates/runner/managers.json")),
    ("options.js", include_str!("../../templates/runner/options.js")),
    ("packages.js", include_str!("../../templates/runner/packages.js")),
    ("place.js", include_str!("../../templates/runner/place.js")),
    ("project.js", include_str!("../../templates/runner/project.js")),
    ("records.js", include_str!("../../templates/runner/records.js")),
    ("runner.js", include_str!("../../templates/runner/runner.js")),
    ("sources.js", include_str!("../../templates/runner/sources.js")),
    ("stage.js", include_str!("../../templates/runner/stage.js")),
    ("tsconfig.js", include_str!("../../templates/runner/tsconfig.js")),
    ("types.js", include_str!("../../templates/runner/types.js")),
    ("watcher.js", include_str!("../../templates/runner/watcher.js")),
    ("worker.js", include_str!("../../templates/runner/worker.js")),
];

/// Folder for what the runner writes; not below its files, which may be a volume.
const RUN_FOLDER: &str = "/run/devstack";

/// Time between the stop signal and SIGKILL when the service says nothing: the engine's default.
const STOP_GRACE_MS: u128 = 10_000;

/// The service as its container runs it, and the files to copy in; `None` without a runner.
pub(super) fn equip(service: &Service) -> Option<(Service, Vec<InjectedFile>)> {
    let mut equipped = service.clone();
    let (program, script, files) = match service.reload.as_ref()? {
        Reload::Node(runner) => {
            let mut files: Vec<InjectedFile> =
                FILES.iter().map(|(name, text)| file(name, text, 0o444)).collect();
            files.push(file("options.json", &options(service, runner), 0o444));
            ("node", "runner.js", files)
        }
        Reload::Command(runner) => {
            equipped.command = Some(runner.command.clone());
            let files = vec![
                file("runner.sh", ANY, 0o444),
                file("options.sh", &shell_options(service, runner), 0o444),
            ];
            ("/bin/sh", "runner.sh", files)
        }
        Reload::Restart(_) | Reload::Signal { .. } => return None,
    };
    equipped.entrypoint = Some(vec![program.to_owned(), format!("{RUNNER_FOLDER}/{script}")]);
    // In memory, and writable whoever the container's user is. A compiler may unpack its binary.
    equipped.tmpfs.push(format!("{RUN_FOLDER}:exec,mode=1777"));
    if service.read_only {
        let has_tmp = service.mounts.iter().any(|mount| mount.target() == "/tmp")
            || service.tmpfs.iter().any(|entry| entry.split(':').next() == Some("/tmp"));
        if !has_tmp {
            // Compilers unpack their binaries there.
            equipped.tmpfs.push("/tmp:exec,mode=1777".to_owned());
        }
        // The engine copies nothing into a root file system that cannot be written.
        equipped.mounts.push(Mount::Volume {
            source: None,
            target: RUNNER_FOLDER.to_owned(),
            read_only: false,
            volume: VolumeOptions::default(),
        });
    }
    Some((equipped, files))
}

impl ContainerSpec {
    /// Whether its runner can be held at the door: something must tell later whether it still is.
    /// Hooks come before any start, and what they need comes before them.
    #[must_use]
    pub fn can_be_held(&self) -> bool {
        self.service.pre_start.is_empty()
            && matches!(&self.service.reload, Some(Reload::Node(runner)) if runner.early)
            && (self.service.ready.is_some()
                || self.service.healthcheck.as_ref().is_some_and(|check| !check.disable))
    }

    /// The same, with its door closed from the first start on, for a reason that its log shows.
    #[must_use]
    pub fn held(&self, reason: &str) -> Self {
        let mut held = self.clone();
        held.files.push(closed_door(reason));
        held
    }
}

/// The file that holds a runner. Whoever its user is, it may empty the file.
#[must_use]
pub fn closed_door(reason: &str) -> InjectedFile {
    file("hold", reason, 0o666)
}

/// The same file, empty: it lets the runner go.
#[must_use]
pub fn open_door() -> InjectedFile {
    file("hold", "", 0o666)
}

fn file(name: &str, text: &str, mode: u32) -> InjectedFile {
    InjectedFile {
        path: format!("{RUNNER_FOLDER}/{name}"),
        content: Secret::new(text.to_owned()),
        mode,
        uid: 0,
        gid: 0,
    }
}

/// What the runner for any language is told, as a shell reads it.
fn shell_options(service: &Service, runner: &CommandRunner) -> String {
    let stop = service.stop_grace_period.map_or(STOP_GRACE_MS, |grace| grace.0.as_millis());
    // Left of the engine's own patience, so that it is not the one who kills.
    let stop = (stop / 1000).saturating_sub(1).max(1);
    let restart = restart(service.restart);
    let values = [
        ("grace", whole_seconds(runner.grace).to_string()),
        ("stop", stop.to_string()),
        ("restart", restart.as_str().unwrap_or("no").to_owned()),
        ("compile", shell_words::join(&runner.compile)),
    ];
    let lines: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name}={}\n", shell_words::quote(value)))
        .collect();
    lines.concat()
}

/// Not every `sleep` knows parts of seconds.
fn whole_seconds(duration: Duration) -> u64 {
    let seconds = duration.0.as_secs();
    if duration.0.subsec_nanos() == 0 { seconds } else { seconds + 1 }
}

/// What the runner for Node is told, every value given.
fn options(service: &Service, runner: &NodeRunner) -> String {
    let stop = service.stop_grace_period.map_or(STOP_GRACE_MS, |grace| grace.0.as_millis());
    serde_json::json!({
        "service": service.name.as_str(),
        "entry": runner.entry,
        "paths": runner.paths,
        "watch": runner.watch,
        "preload": runner.preload,
        "types": runner.types,
        "overlap": runner.overlap,
        "inspect": runner.inspect,
        "hold_ms": milliseconds(runner.hold.0.as_millis()),
        "grace_ms": milliseconds(runner.grace.0.as_millis()),
        "stop_ms": milliseconds(stop),
        "restart": restart(service.restart),
    })
    .to_string()
}

fn milliseconds(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn restart(policy: RestartPolicy) -> serde_json::Value {
    serde_json::to_value(policy).expect("a policy is written as text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        let mut service =
            Service::new("api".parse().expect("a name"), "api".parse().expect("an image"));
        service.reload = Some(Reload::Node(NodeRunner::default()));
        service
    }

    #[test]
    fn every_file_of_the_runner_is_copied_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/runner");
        let entries = std::fs::read_dir(folder).expect("the folder of the runner");
        let mut files: Vec<String> = entries
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
            .collect();
        files.sort();
        let mut copied: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        copied.sort_unstable();
        assert_eq!(copied, files);
    }

    #[test]
    fn the_runner_takes_the_place_of_the_command() {
        let (equipped, files) = equip(&service()).expect("a service with a runner");
        assert_eq!(
            equipped.entrypoint.as_deref(),
            Some(&["node".to_owned(), "/opt/devstack/runner.js".to_owned()][..])
        );
        assert_eq!(equipped.tmpfs, ["/run/devstack:exec,mode=1777"]);
        assert_eq!(equipped.mounts, []);
        let options = files.iter().find(|file| file.path == "/opt/devstack/options.json");
        let options: serde_json::Value =
            serde_json::from_str(options.expect("its options").content.expose()).expect("JSON");
        assert_eq!((&options["service"], &options["restart"]), (&"api".into(), &"no".into()));
        assert_eq!((&options["hold_ms"], &options["stop_ms"]), (&10_000.into(), &10_000.into()));
    }

    #[test]
    fn a_command_is_run_by_the_runner_for_any_language() {
        let runner = CommandRunner {
            command: vec!["python".to_owned(), "a b.py".to_owned()],
            compile: vec!["go".to_owned(), "build".to_owned(), "my app".to_owned()],
            grace: Duration(std::time::Duration::from_millis(1500)),
            files: crate::project::ReloadFiles::default(),
        };
        let service = Service {
            reload: Some(Reload::Command(runner)),
            restart: RestartPolicy::OnFailure(Some(3)),
            ..service()
        };
        let (equipped, files) = equip(&service).expect("a service with a runner");
        let entrypoint = ["/bin/sh".to_owned(), "/opt/devstack/runner.sh".to_owned()];
        assert_eq!(equipped.entrypoint.as_deref(), Some(&entrypoint[..]));
        let command = ["python".to_owned(), "a b.py".to_owned()];
        assert_eq!(equipped.command.as_deref(), Some(&command[..]));
        let options = files.iter().find(|file| file.path == "/opt/devstack/options.sh");
        let options = options.expect("its options").content.expose();
        let words = shell_words::split(options).expect("a shell reads it");
        assert_eq!(
            words,
            ["grace=2", "stop=9", "restart=on-failure:3", "compile=go build 'my app'"]
        );
    }

    #[test]
    fn a_read_only_container_has_a_volume_for_it() {
        let (equipped, _) = equip(&Service { read_only: true, ..service() }).expect("a runner");
        assert_eq!(equipped.mounts.len(), 1);
        assert_eq!(equipped.mounts[0].target(), RUNNER_FOLDER);
    }

    #[test]
    fn a_service_without_a_runner_stays_as_it_is() {
        assert_eq!(equip(&Service { reload: None, ..service() }), None);
    }
}
