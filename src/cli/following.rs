//! Log streams of a project's containers, followed through restarts and recreations.

use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::error::CliError;
use super::log_reader::{Lines, LogReader};
use crate::engine::{
    ContainerEvent, ContainerEventKind, DockerEngine, Engine as _, EngineError, LogsRequest,
};
use crate::logs::{Follow, LogLine, Resume, Source};
use crate::plan::lifecycle;
use crate::project::{ProjectName, ServiceName};
use crate::state::{ContainerId, ContainerState, ObservedContainer};

/// How long a line waits for an older one of another container.
const WINDOW: Duration = Duration::from_millis(50);

/// A restart, or a container's successor, comes within this time after the end.
pub(super) const GAP: Duration = Duration::from_secs(3);

/// What must be known of a container to read its log.
pub(super) struct Told {
    id: ContainerId,
    name: String,
    service: ServiceName,
}

impl Told {
    pub(super) fn of(container: &ObservedContainer) -> Self {
        Self {
            id: container.id.clone(),
            name: container.name.clone(),
            service: container
                .service()
                .unwrap_or_else(|| ServiceName::from_container(&container.name)),
        }
    }

    /// Where its lines come from.
    pub(super) fn source(&self, project: &ProjectName) -> Source {
        Source::new(project, self.service.clone(), &self.name)
    }
}

/// What to follow.
pub(super) struct Wish {
    pub(super) project: ProjectName,
    /// All when it is empty. As long as one of them runs, what they log is awaited.
    pub(super) services: Vec<ServiceName>,
    /// Those among them whose logs are not shown.
    pub(super) quiet: Vec<ServiceName>,
    /// What to read of the containers that are there.
    pub(super) request: LogsRequest,
    /// What has been shown of their logs before.
    pub(super) resume: Resume,
}

/// Follows services through restarts and recreations: whenever one of their containers starts,
/// its log is taken up.
pub(super) struct Following<'a> {
    engine: &'a DockerEngine,
    reader: LogReader,
    wish: Wish,
    follow: Follow<Lines, EngineError>,
    events: BoxStream<'static, ContainerEvent>,
    begun: OffsetDateTime,
    /// No stream goes on.
    idle: bool,
    /// When to give up, should nothing start until then.
    end: Option<Instant>,
    /// What cannot be read, to be told once.
    unreadable: Vec<EngineError>,
    /// The engine went away while lines were taken that had come before.
    gone: Option<EngineError>,
}

impl<'a> Following<'a> {
    /// Takes up the logs of `containers`, as far as they are wanted.
    pub(super) async fn new(
        engine: &'a DockerEngine,
        mut wish: Wish,
        containers: &[&ObservedContainer],
    ) -> Result<Self, CliError> {
        // What starts from here on is announced.
        let events = engine.container_events().await?;
        let begun = OffsetDateTime::now_utc();
        let reader = LogReader::start(engine)?;
        let mut follow = Follow::new(WINDOW);
        for told in containers.iter().map(|container| Told::of(container)) {
            if wish.quiet.contains(&told.service) {
                continue;
            }
            let mut source = told.source(&wish.project);
            let (resumed, shown) = wish.resume.resume(&source.label);
            let mut request = wish.request.clone();
            if let Some(shown) = shown {
                request.since = Some(shown.unix_timestamp());
            }
            source.resumed = resumed;
            follow.add(reader.lines(&told.id, source, &request));
        }
        let (idle, end, unreadable, gone) = (false, None, Vec::new(), None);
        Ok(Self { engine, reader, wish, follow, events, begun, idle, end, unreadable, gone })
    }

    /// Follows these services from now on, and shows nothing of those that are quiet.
    pub(super) fn follow_also(&mut self, services: &[ServiceName], quiet: &[ServiceName]) {
        self.wish.services = services.to_vec();
        self.wish.quiet = quiet.to_vec();
    }

    /// Goes on after the end, until something starts.
    pub(super) fn await_start(&mut self) {
        self.end = None;
    }

    /// Goes on after the engine was away, with what has been written since the last line.
    ///
    /// # Errors
    /// As long as it is away.
    pub(super) async fn resume(&mut self) -> Result<(), EngineError> {
        // What starts from here on is announced.
        let events = self.engine.container_events().await?;
        let observed = self.engine.observe_containers().await?;
        self.events = events;
        self.follow = Follow::new(WINDOW);
        for container in lifecycle::selected(&self.wish.project, &observed, &self.wish.services) {
            let told = Told::of(container);
            if !self.wish.quiet.contains(&told.service) {
                self.take_up(&told);
            }
        }
        Ok(())
    }

    /// What could not be read so far; each error is told once.
    pub(super) fn unreadable(&mut self) -> Vec<EngineError> {
        std::mem::take(&mut self.unreadable)
    }

    /// The next line; `None` when none of the containers runs any more, nor comes back. Nothing
    /// is lost when it is not awaited to the end.
    pub(super) async fn next(&mut self) -> Option<Result<LogLine, EngineError>> {
        if let Some(error) = self.gone.take() {
            return Some(Err(error));
        }
        loop {
            let end = self.end;
            let ending = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                line = self.follow.next(), if !self.idle => match line {
                    Some(Ok(line)) => {
                        // A stream that is taken up again begins with what was shown before.
                        if self.wish.resume.is_new(&line) {
                            return Some(Ok(line));
                        }
                    }
                    Some(Err(error)) if error.is_not_found() => {}
                    Some(Err(error)) if error.is_unreachable() => return Some(Err(error)),
                    // One log that cannot be read does not keep the others from being shown.
                    Some(Err(error)) => self.unreadable.push(error),
                    None => {
                        self.idle = true;
                        self.end = Some(Instant::now() + GAP);
                    }
                },
                event = self.events.next() => {
                    let Some(event) = event else {
                        // The engine went away, or something between it and us.
                        match self.engine.container_events().await {
                            Ok(events) => self.events = events,
                            Err(error) => return Some(Err(error)),
                        }
                        self.end = Some(Instant::now() + GAP);
                        continue;
                    };
                    if self.concerns(&event)
                        && event.kind == ContainerEventKind::Started
                        && let Some(service) = event.service
                    {
                        self.take_up(&Told { id: event.id, name: event.name, service });
                    } else if self.idle && self.end.is_none() {
                        self.end = Some(Instant::now() + GAP);
                    }
                }
                () = ending => match self.any_alive().await {
                    Ok(false) if self.idle => return None,
                    // What is still to be read ends by itself.
                    Ok(_) => self.end = None,
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    /// The next line of containers that have all ended; `None` when there is none. Nothing that
    /// starts is taken up any more.
    pub(super) async fn last(&mut self) -> Option<Result<LogLine, EngineError>> {
        loop {
            match self.follow.next().await? {
                Ok(line) if self.wish.resume.is_new(&line) => return Some(Ok(line)),
                Ok(_) => {}
                Err(error) if error.is_unreachable() => return Some(Err(error)),
                Err(error) if error.is_not_found() => {}
                Err(error) => self.unreadable.push(error),
            }
        }
    }

    /// The next line, if it has come by now. Looks at nothing else: [`Self::next`] must have its
    /// turn, too.
    pub(super) fn ready(&mut self) -> Option<LogLine> {
        loop {
            match self.follow.next().now_or_never()? {
                Some(Ok(line)) if self.wish.resume.is_new(&line) => return Some(line),
                Some(Ok(_)) => {}
                Some(Err(error)) if error.is_not_found() => {}
                Some(Err(error)) if error.is_unreachable() => {
                    self.gone = Some(error);
                    return None;
                }
                Some(Err(error)) => self.unreadable.push(error),
                // The end is seen again.
                None => return None,
            }
        }
    }

    fn concerns(&self, event: &ContainerEvent) -> bool {
        event.service_of(&self.wish.project).is_some_and(|service| {
            (self.wish.services.is_empty() || self.wish.services.contains(service))
                && !self.wish.quiet.contains(service)
        })
    }

    fn take_up(&mut self, told: &Told) {
        let mut source = told.source(&self.wish.project);
        let (resumed, shown) = self.wish.resume.resume(&source.label);
        source.resumed = resumed;
        // From the last line on: however late the event is heard, nothing is left out.
        let since = Some(shown.unwrap_or(self.begun).unix_timestamp());
        let until = self.wish.request.until;
        let request = LogsRequest { follow: true, since, until, ..LogsRequest::default() };
        self.follow.add(self.reader.lines(&told.id, source, &request));
        self.idle = false;
        self.end = None;
    }

    /// Whether a container runs or is about to be started.
    async fn any_alive(&self) -> Result<bool, EngineError> {
        let observed = self.engine.observe_containers().await?;
        let containers = lifecycle::selected(&self.wish.project, &observed, &self.wish.services);
        Ok(containers.iter().any(|container| {
            container.state.is_running() || container.state == ContainerState::Created
        }))
    }
}
