//! One watch, from the moment that its rules are known until the stack's files change.
//!
//! Each service has at most one task. What changes meanwhile is merged and done next; a rebuild is
//! cancelled by a newer one, a reload by anything newer.

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

use super::act::{Ended, Outcome, Say, Shared, act};
use super::runner::{Links, Tidings};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::engine::{ContainerEvent, ContainerEventKind, DockerEngine, Engine as _};
use crate::event::WatchEvent;
use crate::execute::Limits;
use crate::os::files;
use crate::plan::lifecycle;
use crate::project::{Project, Reload, ServiceName};
use crate::report::{ProgressMode, Reporter, reporter};
use crate::state::ContainerId;
use crate::watch::control::RunnerFile;
use crate::watch::{
    Batch, DiskIgnores, Meaning, Method, Polling, Reaction, Rule, Source, Told, Work, decide,
    files_of, place_in, rules,
};

/// Time between two attempts to reach an engine that went away.
const RETRY: Duration = Duration::from_millis(500);

/// Time between two redraws of a build.
const TICK: Duration = Duration::from_millis(100);

/// What is said when the engine is gone.
const AWAY: &str = "the engine went away; waiting for it";

/// How often in a row a rebuild or a reload gives way to a newer change: a file that is always
/// written must not keep it from ever being done.
const YIELDS: u32 = 3;

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

    /// Shows something that has to do with this watch.
    pub(super) fn show(&self, event: &WatchEvent) {
        self.cx.show_watch(event);
    }

    fn note(&self, text: &str) {
        self.show(&WatchEvent::Note { label: None, text: text.to_owned() });
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

    fn take_in(&mut self, told: Told) {
        let batch = match told {
            Told::Changed(batch) => batch,
            Told::Polls(polling) => return self.show_polling(&polling),
        };
        let Batch { mut changes, opened } = batch;
        changes.retain(|change| !self.own_output.contains(&change.path));
        let decision = decide(&self.rules, &changes);
        self.stack.extend(decision.stack);
        self.ignores |= decision.ignores;
        for (service, mut work) in decision.work {
            self.tell(&service, &mut work, opened);
            if work.is_empty() {
                continue;
            }
            let yields = self.yields.get(&service).copied().unwrap_or_default();
            if let Some(busy) = self.busy.get(&service)
                && (work.rebuild || (work.reload && !busy.rebuilds))
                && yields < YIELDS
            {
                busy.cancel.cancel();
            }
            add(&mut self.carried.waiting, &service, work, opened);
        }
        if !self.stack.is_empty() || self.ignores {
            self.cancel_all();
        }
    }

    fn cancel_all(&self) {
        self.busy.values().for_each(|busy| busy.cancel.cancel());
    }

    /// Tells the reload runners of a service what concerns them.
    fn tell(&self, service: &ServiceName, work: &mut Work, opened: Instant) {
        let tell = std::mem::take(&mut work.tell);
        if tell.is_empty() {
            return;
        }
        let files = tell.into_iter().map(|(path, kind)| RunnerFile { path, kind }).collect();
        let causes = self.shared.relative(&work.causes);
        // Where nothing runs there is nobody who could have old code.
        self.links.tell(service, &Tidings { files, opened, causes });
    }

    fn begin_tasks(&mut self, engine_is_there: bool) {
        if !engine_is_there || !self.stack.is_empty() || self.ignores {
            return;
        }
        let free: Vec<ServiceName> = self
            .carried
            .waiting
            .keys()
            .filter(|service| !self.busy.contains_key(*service))
            .cloned()
            .collect();
        for service in free {
            let Some((mut work, opened)) = self.carried.waiting.shift_remove(&service) else {
                continue;
            };
            self.tell(&service, &mut work, opened);
            if work.is_empty() {
                continue;
            }
            if !work.copies.is_empty() {
                let mut copies = self.owed.remove(&service).unwrap_or_default();
                copies.extend(std::mem::take(&mut work.copies));
                work.copies = copies;
            }
            let copied = self.carried.copied.entry(service.clone()).or_default();
            copied.extend(work.copies.clone());
            let cancel = CancellationToken::new();
            let busy = Busy { cancel: cancel.clone(), rebuilds: work.rebuild };
            self.busy.insert(service.clone(), busy);
            self.tasks.spawn(act(Arc::clone(&self.shared), service, work, opened, cancel));
        }
    }

    /// Takes in how a task ended. Whether there still is an engine.
    fn conclude(&mut self, ended: Ended) -> bool {
        let Ended { service, outcome } = ended;
        self.busy.remove(&service);
        match outcome {
            Outcome::Done(containers) => {
                self.yields.remove(&service);
                self.carried.current.extend(containers);
            }
            Outcome::Again(work) => {
                *self.yields.entry(service.clone()).or_default() += 1;
                self.put_back(service, work);
            }
            Outcome::Failed { work, unreachable: true } => {
                self.put_back(service, work);
                return false;
            }
            // What could not be copied is tried again with the next change.
            Outcome::Failed { mut work, unreachable: false } => {
                work.copies.retain(|_, source| source.is_some());
                self.owed.entry(service).or_default().extend(work.copies);
            }
        }
        true
    }

    /// What came meanwhile is newer, and wins.
    fn put_back(&mut self, service: ServiceName, mut work: Work) {
        let mut opened = Instant::now();
        if let Some((newer, since)) = self.carried.waiting.shift_remove(&service) {
            work.merge(newer);
            opened = since;
        }
        self.carried.waiting.insert(service, (work, opened));
    }

    /// Lets what is under way end: calls to the engine are not abandoned.
    async fn wind_up(&mut self) {
        self.cancel_all();
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(ended) = ended {
                self.conclude(ended);
            }
        }
        while let Ok(say) = self.said.try_recv() {
            self.hear(say);
        }
    }

    fn hear(&mut self, say: Say) {
        match say {
            Say::Watch(event) => {
                self.better |= matches!(event, WatchEvent::Done { .. });
                self.show(&event);
            }
            Say::Live => self.better = true,
            Say::Failed { label, what, error } => {
                // A person reads below the line what is wrong, a program within it.
                let follows = error.has_details() && self.cx.progress() != ProgressMode::Json;
                let reason = if follows { String::new() } else { error.headline() };
                let (frame, serving) = (None, None);
                self.show(&WatchEvent::Failed { label, what, reason, frame, serving });
                if follows {
                    error.print(self.cx);
                }
            }
            Say::Run(Some(event)) => {
                let (display, begun) = self.display.get_or_insert_with(|| {
                    // Live lines would fight with the logs.
                    let mode = match self.cx.progress() {
                        ProgressMode::Auto | ProgressMode::Tty => ProgressMode::Plain,
                        mode => mode,
                    };
                    let now = time::OffsetDateTime::now_utc();
                    (reporter(mode, self.cx.terminal_facts(), now), Instant::now())
                });
                display.report(&self.cx.redactor().event(event), begun.elapsed());
            }
            Say::Run(None) => {
                if let Some((display, begun)) = self.display.take() {
                    display.finish(begun.elapsed());
                }
            }
        }
    }

    fn show_polling(&self, polling: &Polling) {
        let text = match polling {
            Polling::FileSystem { path, kind } => format!(
                "{} lies on a file system ({kind}) that does not tell of changes: all files are \
                 looked at every second instead",
                path.display()
            ),
            Polling::WatchLimit => "the system gives no more file watches: all files are looked \
                 at every second instead. Raise the limits with `sudo sysctl \
                 fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024`"
                .to_owned(),
            Polling::Asked => "all files are looked at again and again".to_owned(),
        };
        self.show(&WatchEvent::Warning { label: None, text });
    }
}

fn add(
    waiting: &mut IndexMap<ServiceName, (Work, Instant)>,
    service: &ServiceName,
    work: Work,
    opened: Instant,
) {
    match waiting.get_mut(service) {
        Some((known, _)) => known.merge(work),
        None => {
            waiting.insert(service.clone(), (work, opened));
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
