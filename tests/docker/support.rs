//! A stack of one test: its folder, its name, its ports, the commands that were run on it, and
//! that nothing of it stays behind.

use std::fmt::Write as _;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::engine;

/// The program that is tested.
const DEVSTACK: &str = env!("CARGO_BIN_EXE_devstack");
/// Begins the name of every project, so that a person sees where it came from.
const PREFIX: &str = "devstack-test";
/// Below the range from which the kernel takes the ports of outgoing connections.
const PORTS: std::ops::Range<u32> = 21_000..22_000;
/// Longer than any command of these tests needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(150);

/// A project of one test, removed with all that carries its label when the test ends.
pub(crate) struct Stack {
    name: String,
    folder: TempDir,
    /// The person's own cache folder is not part of a test.
    cache: TempDir,
    /// Global options of every command.
    global: Vec<String>,
    environment: Vec<(String, String)>,
    history: Mutex<Vec<String>>,
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) command: String,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) elapsed: Duration,
}

/// A command under way.
pub(crate) struct Running {
    child: Child,
    command: String,
    begun: Instant,
    stdout: Captured,
    stderr: Captured,
}

struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stack {
    /// A project with a file.
    pub(crate) fn new(test: &str, yaml: &str) -> Self {
        let stack = Self::empty(test);
        stack.write("devstack.yaml", yaml);
        stack
    }

    /// A project without a file.
    pub(crate) fn empty(test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        engine::require();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}-{test}-{:x}{number:x}", std::process::id());
        let folder = tempfile::Builder::new().prefix(&name).tempdir().unwrap();
        let global = vec!["--project-name".to_owned(), name.clone()];
        let cache = tempfile::tempdir().unwrap();
        Self {
            name,
            folder,
            cache,
            global,
            environment: Vec::new(),
            history: Mutex::new(Vec::new()),
        }
    }

    /// A project whose file alone says its name: `NAME` in it.
    pub(crate) fn named_by_file(test: &str, yaml: &str) -> Self {
        let mut stack = Self::empty(test);
        stack.global.clear();
        stack.write("devstack.yaml", &yaml.replace("NAME", &stack.name));
        stack
    }

    /// Another folder with the same file.
    pub(crate) fn checkout(&self, test: &str) -> Self {
        let mut stack = Self::empty(test);
        stack.global.clear();
        std::fs::copy(self.path("devstack.yaml"), stack.path("devstack.yaml")).unwrap();
        stack
    }

    /// Learns under which name the engine knows what was made from this folder.
    pub(crate) fn learn_name(&mut self) {
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let projects: Value =
            serde_json::from_str(&self.ok(&["ls", "--all", "--format", "json"]).stdout).unwrap();
        let own = projects
            .as_array()
            .unwrap()
            .iter()
            .find(|project| text(&project["ConfigFiles"]).starts_with(&folder));
        text(&own.expect("something was made from this folder")["Name"]).clone_into(&mut self.name);
    }

    /// Adds global options to every command.
    pub(crate) fn with_options(mut self, options: &[&str]) -> Self {
        self.global.extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// Sets a variable for every command.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes a file of the project's folder, with the folders on the way.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs devstack to its end.
    pub(crate) fn devstack(&self, arguments: &[&str]) -> Run {
        let run = self.spawn(arguments).end();
        let mut history = self.history.lock().unwrap();
        history.push(run.to_string());
        drop(history);
        run
    }

    /// Runs devstack, which must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Run {
        self.devstack(arguments).ended_with(0)
    }

    /// Runs devstack, which must find something wrong with the project.
    pub(crate) fn fails(&self, arguments: &[&str]) -> Run {
        self.devstack(arguments).ended_with(1)
    }

    /// Begins to run devstack.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running::begin(self.command(arguments), arguments)
    }

    /// Begins to run devstack by another program, such as one that sets limits.
    pub(crate) fn spawn_by(&self, program: &[&str], arguments: &[&str]) -> Running {
        let mut command = self.command_of(program[0]);
        command.args(&program[1..]).arg(DEVSTACK).args(&self.global).args(arguments);
        Running::begin(command, arguments)
    }

    /// A command of devstack's, its streams piped.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(DEVSTACK);
        command.args(&self.global).args(arguments);
        command
    }

    fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // Only what a command needs: the person's own settings are not part of a test.
        command.env_clear();
        for name in ["PATH", "HOME", "DOCKER_HOST"] {
            if let Ok(value) = std::env::var(name) {
                command.env(name, value);
            }
        }
        command.env("XDG_CACHE_HOME", self.cache.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `ps --all --format json`.
    pub(crate) fn ps(&self) -> Vec<Value> {
        let run = self.ok(&["ps", "--all", "--format", "json"]);
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Everything about the one container of a service.
    pub(crate) fn inspect(&self, service: &str) -> Value {
        let mut found = self.inspect_all(service);
        assert_eq!(found.len(), 1, "containers of {service}");
        found.remove(0)
    }

    /// Everything about each container of a service, by number.
    pub(crate) fn inspect_all(&self, service: &str) -> Vec<Value> {
        let mut containers: Vec<Value> = engine::containers_with(&self.label())
            .iter()
            .filter(|it| it["Labels"]["com.docker.compose.service"] == service)
            .map(|it| engine::inspect(text(&it["Id"])))
            .collect();
        containers.sort_by_key(|it| text(&it["Name"]).to_owned());
        containers
    }

    /// The id of the one container of a service.
    pub(crate) fn id(&self, service: &str) -> String {
        text(&self.inspect(service)["Id"]).to_owned()
    }

    /// `SERVICE=ID` of all containers, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = engine::containers_with(&self.label())
            .iter()
            .map(|it| {
                format!("{}={}", text(&it["Labels"]["com.docker.compose.service"]), text(&it["Id"]))
            })
            .collect();
        ids.sort();
        ids
    }

    /// Everything with the project's label: names of containers, networks and volumes.
    pub(crate) fn resources(&self) -> Vec<String> {
        let label = self.label();
        let mut names: Vec<String> = engine::containers_with(&label)
            .iter()
            .map(|it| format!("container {}", text(&it["Names"][0]).trim_start_matches('/')))
            .collect();
        let networks = engine::networks_with(&label);
        names.extend(networks.iter().map(|it| format!("network {}", text(&it["Name"]))));
        let volumes = engine::volumes_with(&label);
        names.extend(volumes.iter().map(|it| format!("volume {}", text(&it["Name"]))));
        names.sort();
        names
    }

    /// The names of all containers with the project's label.
    pub(crate) fn containers(&self) -> Vec<String> {
        let names = self.resources().into_iter();
        names.filter_map(|it| it.strip_prefix("container ").map(str::to_owned)).collect()
    }

    /// What a command in a service prints.
    pub(crate) fn exec(&self, service: &str, command: &[&str]) -> String {
        let run = self.ok(&[&["exec", "-T", service], command].concat());
        run.stdout.trim_end().to_owned()
    }

    pub(crate) fn label(&self) -> String {
        format!("com.docker.compose.project={}", self.name)
    }

    fn remove_everything(&self) {
        // Twice, because a command that was killed may have left a call under way.
        for _ in 0..2 {
            let label = self.label();
            for container in engine::containers_with(&label) {
                engine::delete(&format!("/containers/{}?force=1&v=1", text(&container["Id"])));
            }
            for network in engine::networks_with(&label) {
                engine::delete(&format!("/networks/{}", text(&network["Id"])));
            }
            for volume in engine::volumes_with(&label) {
                engine::delete(&format!("/volumes/{}", text(&volume["Name"])));
            }
        }
        for image in engine::get("/images/json").as_array().into_iter().flatten() {
            for tag in image["RepoTags"].as_array().into_iter().flatten() {
                if text(tag).starts_with(&self.name) {
                    engine::delete(&format!("/images/{}", text(tag)));
                }
            }
        }
    }

    /// What a person wants to see of a test that failed.
    fn artifacts(&self) -> String {
        let mut report = format!("\n======== {} ========\n", self.name);
        let history = self.history.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let recent = history.len().saturating_sub(4);
        for run in &history[recent..] {
            let _ = writeln!(report, "{run}");
        }
        for container in engine::containers_with(&self.label()) {
            let name = text(&container["Names"][0]);
            let id = text(&container["Id"]);
            let _ = writeln!(report, "-------- {name}: {}", text(&container["Status"]));
            report.push_str(&engine::last_log_lines(id));
        }
        report
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.artifacts());
        }
        self.remove_everything();
    }
}

impl Run {
    /// Checks the exit code.
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of\n{self}");
        self
    }

    /// Checks that standard error has all these texts.
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                folded(&self.stderr).contains(text),
                "`{text}` is not in what was said by\n{self}"
            );
        }
        self
    }

    /// Checks that it took less than this.
    pub(crate) fn within(self, limit: Duration) -> Self {
        assert!(self.elapsed < limit, "took longer than {limit:?}:\n{self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}   ({:?}, exit code {:?})", self.command, self.elapsed, self.code)?;
        writeln!(f, "-- stdout\n{}\n-- stderr\n{}", self.stdout.trim_end(), self.stderr.trim_end())
    }
}

impl Running {
    fn begin(mut command: Command, arguments: &[&str]) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            command: format!("devstack {}", arguments.join(" ")),
            begun: Instant::now(),
            stdout: Captured::of(child.stdout.take().unwrap()),
            stderr: Captured::of(child.stderr.take().unwrap()),
            child,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard error has a text.
    pub(crate) fn says(&self, text: &str) {
        let what = format!("`{}` says `{text}`", self.command);
        self.until(&what, || self.has_said(text));
    }

    /// Waits until standard error has one of some texts.
    pub(crate) fn says_one_of(&self, texts: &[&str]) {
        let what = format!("`{}` says one of {texts:?}", self.command);
        self.until(&what, || texts.iter().any(|text| self.has_said(text)));
    }

    /// Whether standard error has a text by now.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        folded(&self.stderr.text()).contains(text)
    }

    /// What it has printed by now.
    pub(crate) fn stdout_now(&self) -> String {
        self.stdout.text()
    }

    /// How often it has said a text by now.
    pub(crate) fn times_said(&self, text: &str) -> usize {
        folded(&self.stderr.text()).matches(text).count()
    }

    /// Waits until standard output has a text.
    pub(crate) fn prints(&self, text: &str) {
        let what = format!("`{}` prints `{text}`", self.command);
        self.until(&what, || self.stdout.text().contains(text));
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Run {
        let deadline = self.begun + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                break self.child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        Run {
            command: self.command.clone(),
            code: status.code(),
            elapsed: self.begun.elapsed(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }

    fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !condition() {
            assert!(
                Instant::now() < deadline,
                "never happened: {what}\n-- stdout\n{}\n-- stderr\n{}",
                self.stdout.text(),
                self.stderr.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: the standard library can send no other signal than KILL.
        let status =
            Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status();
        assert!(status.unwrap().success(), "`{}` has already ended", self.command);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Captured {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// A port of this machine that nobody has, and that no other test of this process gets.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Two runs at the same time begin at different places.
        let offset = std::process::id() * 61 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(PORTS.start + offset % (PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Columns are as wide as the longest name; a test does not care.
fn folded(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The folder of this repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
