//! From the text of a stack file to its project, its plan, and an engine in memory that it was
//! carried out on.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devstack::config::decode::{DecodeRequest, decode};
use devstack::config::diagnostic::Diagnostics;
use devstack::config::load::{FileReader, LoadRequest, Presets, load};
use devstack::config::preset;
use devstack::config::select::select;
use devstack::engine::fake::FakeEngine;
use devstack::event::Event;
use devstack::execute::{ExecuteError, Limits, execute};
use devstack::plan::teardown::{TeardownOptions, teardown};
use devstack::plan::{
    self, Conflict, Plan, ReconcileOptions, images_only, needs_images_first, reconcile, weave,
};
use devstack::project::{Project, PullPolicy};
use devstack::report::diagnostic::render;
use devstack::state::{ContentDigests, Desired, Observed, ObservedContainer, lower};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Files that exist only in a test, all in `/p`.
struct InMemory<'a>(BTreeMap<PathBuf, &'a str>);

impl FileReader for InMemory<'_> {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok((*text).to_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// The project of a stack file, through the whole of [`devstack::config`].
pub(crate) fn project(yaml: &str) -> Project {
    match read_project(yaml) {
        Ok(project) => project,
        Err(findings) => panic!("{}\n{yaml}", render(&findings, false, 100)),
    }
}

fn read_project(yaml: &str) -> Result<Project, Diagnostics> {
    read_files(&[("/p/devstack.yaml", yaml)], &[])
}

/// The project of files in `/p`, with these profiles; else what is wrong, as a person sees it.
pub(crate) fn load_files(files: &[(&str, &str)], profiles: &[&str]) -> Result<Project, String> {
    read_files(files, profiles).map_err(|findings| render(&findings, false, 100))
}

fn read_files(files: &[(&str, &str)], profiles: &[&str]) -> Result<Project, Diagnostics> {
    let files = files.iter().map(|(name, text)| (PathBuf::from(name), *text));
    let mut files = InMemory(files.collect());
    let request = LoadRequest { working_dir: PathBuf::from("/p"), ..LoadRequest::default() };
    let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
    let loaded = load(&request, presets, &mut files)?;
    let request = DecodeRequest {
        project_dir: loaded.project_dir,
        config_files: loaded.config_files,
        environment_files: loaded.env_files_read,
        environment: loaded.environment,
        project_name: loaded.project_name.map(|name| name.to_string()),
        profiles: profiles.iter().map(ToString::to_string).collect(),
        ..DecodeRequest::default()
    };
    let (project, _) = decode(&loaded.root, &request, &mut |path| files.read(path))?;
    Ok(project)
}

/// What a stack file asks for.
pub(crate) fn desired(yaml: &str) -> Desired {
    lower(&project(yaml), &ContentDigests::new())
}

/// What a part of a stack file asks for.
pub(crate) fn desired_of(yaml: &str, services: &[&str], dependencies: bool) -> Desired {
    let services: Vec<String> = services.iter().map(ToString::to_string).collect();
    let selected = select(&project(yaml), &services, dependencies).expect("services of the file");
    lower(&selected, &ContentDigests::new())
}

/// An engine in memory and time that passes only when everybody waits.
pub(crate) struct World {
    pub(crate) engine: Arc<FakeEngine>,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(FakeEngine::new())
    }

    pub(crate) fn with(engine: FakeEngine) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime on this thread");
        Self { engine: Arc::new(engine), runtime }
    }

    /// A world in which `up` of this file has been done.
    pub(crate) fn after_up(yaml: &str) -> Self {
        let world = Self::new();
        world.up(yaml);
        world
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn observed(&self) -> Observed {
        self.engine.snapshot()
    }

    pub(crate) fn container(&self, name: &str) -> ObservedContainer {
        let containers = self.observed().containers;
        let found = containers.into_iter().find(|container| container.name == name);
        found.unwrap_or_else(|| panic!("there is no container {name}"))
    }

    /// Brings a stack up and expects success.
    pub(crate) fn up(&self, yaml: &str) {
        self.up_with(&desired(yaml), &ReconcileOptions::default())
            .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    }

    /// Does what the command `up` does: images first where containers may have to follow them.
    pub(crate) fn up_with(
        &self,
        desired: &Desired,
        options: &ReconcileOptions,
    ) -> Result<(), ExecuteError> {
        let mut options = options.clone();
        if needs_images_first(desired, &self.observed(), &options) {
            self.run(&expect_plan(images_only(desired, &self.observed(), &options)))?;
            options.build = false;
            options.no_build = true;
            options.pull = Some(PullPolicy::Never);
        }
        let observed = self.observed();
        let plan = expect_plan(reconcile(desired, &observed, &options));
        self.run(&weave(plan, desired, &observed))
    }

    /// Carries a plan out.
    pub(crate) fn run(&self, plan: &Plan) -> Result<(), ExecuteError> {
        self.run_watched(plan, |_, _| {}).0
    }

    /// Carries a plan out one call after the other; `watch` sees each event and may cancel.
    pub(crate) fn run_watched(
        &self,
        plan: &Plan,
        watch: impl FnMut(&Event, &CancellationToken),
    ) -> (Result<(), ExecuteError>, Vec<Event>) {
        // A channel of one: the run does not get ahead of who watches it.
        self.run_through(1, plan, Limits { parallel: 1, wait: None }, watch)
    }

    /// Carries a plan out within these limits.
    pub(crate) fn run_limited(
        &self,
        plan: &Plan,
        limits: Limits,
        watch: impl FnMut(&Event, &CancellationToken),
    ) -> (Result<(), ExecuteError>, Vec<Event>) {
        self.run_through(64, plan, limits, watch)
    }

    fn run_through(
        &self,
        capacity: usize,
        plan: &Plan,
        limits: Limits,
        mut watch: impl FnMut(&Event, &CancellationToken),
    ) -> (Result<(), ExecuteError>, Vec<Event>) {
        let mut plan = plan.clone();
        if plan.urgency.is_empty() {
            plan.hasten(&HashMap::new());
        }
        let cancel = CancellationToken::new();
        let (sender, mut receiver) = mpsc::channel(capacity);
        let work = execute(Arc::clone(&self.engine), &plan, limits, sender, cancel.clone());
        let listen = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                watch(&event, &cancel);
                events.push(event);
            }
            events
        };
        let (result, events) = self.block_on(async { tokio::join!(work, listen) });
        (result.map(drop), events)
    }

    /// The plan of `up`, as text.
    pub(crate) fn plan(&self, yaml: &str) -> String {
        self.plan_with(yaml, |_| {})
    }

    /// The plan of `up` with options, as text.
    pub(crate) fn plan_with(&self, yaml: &str, set: impl FnOnce(&mut ReconcileOptions)) -> String {
        self.plan_of(&desired(yaml), set)
    }

    /// The plan for what is wished for, as text.
    pub(crate) fn plan_of(
        &self,
        desired: &Desired,
        set: impl FnOnce(&mut ReconcileOptions),
    ) -> String {
        let mut options = ReconcileOptions::default();
        set(&mut options);
        let observed = self.observed();
        match reconcile(desired, &observed, &options) {
            Ok(plan) => text(&weave(plan, desired, &observed)),
            Err(conflicts) => conflicts_text(&conflicts),
        }
    }

    /// The plan of `down`.
    pub(crate) fn down(&self, project: &str, set: impl FnOnce(&mut TeardownOptions)) -> Plan {
        let mut options = TeardownOptions::default();
        set(&mut options);
        teardown(&project.parse().expect("a project's name"), &self.observed(), &options)
    }
}

fn expect_plan(plan: Result<Plan, Vec<Conflict>>) -> Plan {
    plan.unwrap_or_else(|conflicts| panic!("{}", conflicts_text(&conflicts)))
}

/// A plan with its warnings, as text.
pub(crate) fn text(plan: &Plan) -> String {
    let mut text = plan.to_string();
    for warning in &plan.warnings {
        writeln!(text, "warning: {warning}").expect("a string takes all");
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

fn conflicts_text(conflicts: &[Conflict]) -> String {
    conflicts.iter().fold(String::new(), |mut text, conflict| {
        writeln!(text, "conflict: {conflict}").expect("a string takes all");
        text
    })
}

/// The conflicts over host ports of the plan of `up`, and the ports that are free to be tried.
pub(crate) fn ports(world: &World, yaml: &str) -> String {
    let desired = desired(yaml);
    let observed = world.observed();
    let plan = expect_plan(reconcile(&desired, &observed, &ReconcileOptions::default()));
    let (wanted, conflicts) =
        plan::wanted_ports(&desired.project, &plan, &observed, &desired.containers);
    let mut text = String::new();
    for port in wanted {
        let (ip, number, service) = (port.host_ip, port.port, port.service);
        writeln!(text, "wanted: {ip}:{number} for {service}").expect("a string takes all");
    }
    for conflict in conflicts {
        writeln!(text, "conflict: {conflict}").expect("a string takes all");
    }
    text
}
