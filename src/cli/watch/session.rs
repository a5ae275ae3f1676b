//! One watch, from the moment that its rules are known until the stack's files change.
//!
//! Each service has at most one task. What changes meanwhile is merged and done next; a rebuild is
//! cancelled by a newer one, a reload by anything newer.

mod showing;
mod tasks;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use indexmap::IndexMap;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::tasks::add;
use super::act::{Ended, Say, Shared};
use super::runner::Links;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::engine::{ContainerEvent, ContainerEventKind, DockerEngine, Engine as _};
use crate::event::WatchEvent;
use crate::execute::Limits;
use crate::os::files;
use crate::plan::lifecycle;
use crate::project::{Project, Reload, ServiceName};
use crate::report::Reporter;
use crate::state::ContainerId;
use crate::watch::{
    DiskIgnores, Meaning, Method, Reaction, Rule, Source, Told, Work, decide, files_of, place_in,
    rules,
};

/// Time between two attempts to reach an engine that went away.
const RETRY: Duration = Duration::from_millis(500);

/// Time between two redraws of a build.
const TICK: Duration = Duration::from_millis(100);

/// What is said when the engine is gone.
const AWAY: &str = "the engine went away; waiting for it";

/// Changed files of services, by their path in the container.
type Copies = IndexMap<String, Option<PathBuf>>;

/// What one watch leaves to the next.
#[derive(Default)]
pub(super) struct Carried {
    waiting: IndexMap<ServiceName, (Work, Instant)>,
    /// All that was copied, since a container that is made anew lacks it.
    copied: HashMap<ServiceName, Copies>,
    current: HashSet<ContainerId>,
}

/// Why a watch has ended.
pub(super) enum End {
    /// Nobody wants it any more.
    Stopped,
    /// Files of the stack changed.
    Stack(BTreeSet<PathBuf>),
    /// What is ignored is something else now.
    Ignores,
    /// Code runs that did not before: what waited for it can follow.
    Better,
}

/// A task that is under way.
struct Busy {
    cancel: CancellationToken,
    rebuilds: bool,
}

/// A watch.
pub(super) struct Session<'a> {
    cx: &'a Context,
    shared: Arc<Shared>,
    rules: Vec<Rule>,
    source: Source,
    told: mpsc::UnboundedReceiver<Told>,
    said: mpsc::UnboundedReceiver<Say>,
    tasks: JoinSet<Ended>,
    /// Services that have a task.
    busy: HashMap<ServiceName, Busy>,
    carried: Carried,
    /// Files that could not be copied the last time.
    owed: HashMap<ServiceName, Copies>,
    /// How often in a row a service's task was given up for a newer change.
    yields: HashMap<ServiceName, u32>,
    links: Links,
    /// Files of the stack that changed.
    stack: BTreeSet<PathBuf>,
    ignores: bool,
    /// Whether something was done since it was last asked.
    better: bool,
    /// Files that this very watch writes.
    own_output: Vec<PathBuf>,
    display: Option<(Box<dyn Reporter>, Instant)>,
}

impl<'a> Session<'a> {
    /// Begins to watch; `None` when there is nothing to watch for these services.
    pub(super) fn begin(
        cx: &'a Context,
        engine: &Arc<DockerEngine>,
        project: Arc<Project>,
        carried: Carried,
    ) -> Option<Self> {
        let services: Vec<ServiceName> = project.services.keys().cloned().collect();
        let stack_files = cx.files_looked_at(&project.working_dir);
        let (rules, warnings) =
            rules(&project, &services, &stack_files, &mut DiskIgnores::default());
        if rules.is_empty() {
            return None;
        }
        let scopes = rules.iter().map(|rule| rule.scope.clone()).collect();
        let (source, started, told) = Source::start(scopes, Method::Events);
        let (say, said) = mpsc::unbounded_channel();
        let mut limits = Limits::default();
        if let Some(parallel) = cx.global.parallel {
            limits.parallel = parallel;
        }
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            project,
            limits,
            say,
            replicas: Mutex::default(),
            plans: Mutex::default(),
        });
        let session = Self {
            cx,
            shared,
            rules,
            source,
            told,
            said,
            tasks: JoinSet::new(),
            busy: HashMap::new(),
            carried,
            owed: HashMap::new(),
            yields: HashMap::new(),
            links: Links::default(),
            stack: BTreeSet::new(),
            ignores: false,
            better: false,
            own_output: files::own_output(),
            display: None,
        };
        for text in warnings {
            session.show(&WatchEvent::Warning { label: None, text });
        }
        session.show(&WatchEvent::Watching {
            services: session.watched().cloned().collect(),
            files: started.files,
        });
        if let Some(polling) = started.polling {
            session.show_polling(&polling);
        }
        Some(session)
    }

    /// Copies what is to be copied at the beginning, once per watch of a person's.
    pub(super) fn copy_initially(&mut self) {
        let project = Arc::clone(&self.shared.project);
        for rule in &self.rules {
            let Meaning::Service(service, Reaction::Sync { target: Some(target), .. }) =
                &rule.meaning
            else {
                continue;
            };
            let wanted = project.services.get(service).and_then(|it| it.develop.as_ref());
            let is_initial = wanted.into_iter().flat_map(|develop| &develop.watch).any(|one| {
                one.initial_sync
                    && one.path == rule.scope.root
                    && one.target.as_ref() == Some(target)
            });
            if !is_initial {
                continue;
            }
            let mut work = Work { causes: vec![rule.scope.root.clone()], ..Work::default() };
            for file in files_of(&rule.scope) {
                work.copies.insert(place_in(target, &rule.scope.root, &file), Some(file));
            }
            add(&mut self.carried.waiting, service, work, Instant::now());
        }
    }

    /// Watches until something ends it; `unfinished` asks for an end as soon as code runs that did
    /// not before. It can be resumed afterwards.
    pub(super) async fn run(
        &mut self,
        stop: &CancellationToken,
        unfinished: bool,
    ) -> Result<End, CliError> {
        let mut first = true;
        let mut events = match self.attend(first).await {
            Ok(events) => {
                first = false;
                Some(events)
            }
            Err(error) if error.is_unreachable() => {
                self.note(AWAY);
                None
            }
            Err(error) => return Err(error),
        };
        let mut ticks = tokio::time::interval(TICK);
        loop {
            if self.tasks.is_empty() && events.is_some() {
                if !self.stack.is_empty() {
                    return Ok(End::Stack(std::mem::take(&mut self.stack)));
                }
                if std::mem::take(&mut self.ignores) {
                    return Ok(End::Ignores);
                }
                if std::mem::take(&mut self.better) && unfinished {
                    return Ok(End::Better);
                }
            }
            self.begin_tasks(events.is_some());
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.wind_up().await;
                    return Ok(End::Stopped);
                }
                Some(say) = self.said.recv() => self.hear(say),
                Some(told) = self.told.recv() => self.take_in(told),
                Some(ended) = self.tasks.join_next() => {
                    if let Ok(ended) = ended
                        && !self.conclude(ended)
                        && events.take().is_some()
                    {
                        self.note(AWAY);
                    }
                }
                event = next(&mut events) => {
                    if let Some(event) = event {
                        self.notice(&event);
                    } else {
                        events = None;
                        self.note(AWAY);
                    }
                }
                () = tokio::time::sleep(RETRY), if events.is_none() => {
                    if let Ok(subscribed) = self.attend(first).await {
                        first = false;
                        events = Some(subscribed);
                        self.note("the engine is back");
                    }
                }
                _ = ticks.tick(), if self.display.is_some() => {
                    if let Some((display, begun)) = &mut self.display {
                        display.tick(begun.elapsed());
                    }
                }
            }
        }
    }

    /// Files of the stack changed, and could not be taken up for want of an engine: they are given
    /// again when it is back.
    pub(super) fn put_off(&mut self, files: BTreeSet<PathBuf>) {
        self.stack.extend(files);
    }

    /// Ends, and hands on what is not done yet. What happened until now is taken in.
    pub(super) fn finish(mut self) -> Carried {
        drop(self.source);
        while let Ok(told) = self.told.try_recv() {
            if let Told::Changed(batch) = told {
                let decision = decide(&self.rules, &batch.changes);
                for (service, work) in decision.work {
                    add(&mut self.carried.waiting, &service, work, batch.opened);
                }
            }
        }
        self.carried
    }

    /// Takes over what an earlier watch left.
    pub(super) fn inherit(&mut self, carried: Carried) {
        self.carried = carried;
    }

    /// The stack that is watched.
    pub(super) fn project(&self) -> &Arc<Project> {
        &self.shared.project
    }

    fn watched(&self) -> impl Iterator<Item = &ServiceName> {
        let mut seen = HashSet::new();
        self.rules.iter().filter_map(move |rule| match &rule.meaning {
            Meaning::Service(service, _) => seen.insert(service).then_some(service),
            Meaning::Stack | Meaning::Ignores => None,
        })
    }

    /// Subscribes to what the engine tells, then looks at what runs: what starts in between is told.
    async fn attend(
        &mut self,
        first: bool,
    ) -> Result<BoxStream<'static, ContainerEvent>, CliError> {
        let events = self.shared.engine.container_events().await?;
        self.look_around(first).await?;
        Ok(events)
    }

    /// Connects to what runs. Containers that are seen for the first time have what their image
    /// has, or what an earlier watch gave them.
    async fn look_around(&mut self, first: bool) -> Result<(), CliError> {
        let observed = self.shared.engine.observe_containers().await?;
        let services: Vec<ServiceName> = self.watched().cloned().collect();
        for container in lifecycle::selected(&self.shared.project.name, &observed, &services) {
            let Some(service) = container.service() else { continue };
            if !container.state.is_running() {
                continue;
            }
            if first && !self.carried.copied.contains_key(&service) {
                self.carried.current.insert(container.id.clone());
            }
            self.meet(&service, &container.id, container.number());
        }
        Ok(())
    }

    /// A container runs: it may need a connection, and what was copied before it was made.
    fn meet(&mut self, service: &ServiceName, id: &ContainerId, number: u32) {
        let reload = self.shared.project.services.get(service).and_then(|it| it.reload.as_ref());
        if matches!(reload, Some(Reload::Node(_))) {
            self.links.connect(&self.shared, service, id, number);
        }
        if self.carried.current.contains(id) {
            return;
        }
        match self.carried.copied.get(service) {
            Some(copies) if !copies.is_empty() => {
                let causes = copies.values().flatten().cloned().collect();
                let work = Work { causes, copies: copies.clone(), ..Work::default() };
                add(&mut self.carried.waiting, service, work, Instant::now());
            }
            _ => {
                self.carried.current.insert(id.clone());
            }
        }
    }

    fn notice(&mut self, event: &ContainerEvent) {
        if event.kind != ContainerEventKind::Started {
            return;
        }
        let Some(service) = event.service_of(&self.shared.project.name).cloned() else { return };
        if self.watched().any(|watched| *watched == service) {
            let number = event.name.rsplit('-').next().and_then(|it| it.parse().ok()).unwrap_or(1);
            self.meet(&service, &event.id, number);
        }
    }
}

/// The next event; nothing ever while there is no engine.
async fn next(events: &mut Option<BoxStream<'static, ContainerEvent>>) -> Option<ContainerEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
