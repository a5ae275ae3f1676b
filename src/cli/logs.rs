//! `devstack logs`, and the log streams that `up` follows too.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::scope::Scope;
use crate::engine::{
    ContainerEvent, ContainerEventKind, DockerEngine, Engine as _, EngineError, LogOrigin,
    LogsRequest,
};
use crate::logs::{Follow, Format, Frame, FrameStream, LogLine, Options, Source, lines, merge};
use crate::os::signal::Interrupts;
use crate::plan::lifecycle;
use crate::project::{Duration as Period, ProjectName, ServiceName};
use crate::report::Palette;
use crate::state::{ContainerId, ContainerState, ObservedContainer};

/// How long a line waits for an older one of another container.
pub(super) const WINDOW: Duration = Duration::from_millis(50);

/// A restart, or a container's successor, comes within this time after the end.
const GAP: Duration = Duration::from_secs(3);

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// Services to show, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Stay and show what comes
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each container
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all", value_parser = tail)]
    tail: Tail,
    /// Only from then on: `10m`, `2026-01-02T03:04:05Z` or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<OffsetDateTime>,
    /// Only up to then
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<OffsetDateTime>,
    /// Show the time of each line
    #[arg(short, long)]
    timestamps: bool,
    /// Do not prefix lines with the container's name
    #[arg(long)]
    no_log_prefix: bool,
    /// No colours
    #[arg(long)]
    no_color: bool,
}

#[derive(Debug, Clone, Copy)]
enum Tail {
    All,
    Lines(u64),
}

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail::All),
        number => number
            .parse()
            .map(Tail::Lines)
            .map_err(|_| "expected a number of lines, or `all`".to_owned()),
    }
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    if let Some(at) = text.parse().ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
    {
        return Ok(at);
    }
    let expected = "expected a length of time such as `10m`, a time such as \
                    `2026-01-02T03:04:05Z`, or Unix seconds";
    let ago: Period = text.parse().map_err(|_| expected.to_owned())?;
    OffsetDateTime::now_utc()
        .checked_sub(ago.0.try_into().unwrap_or_default())
        .ok_or(expected.to_owned())
}

pub(super) async fn logs(cx: &Context, args: LogsArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let services = scope.services(&args.services)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let containers = lifecycle::selected(&scope.name, &observed, &services);
    if containers.is_empty() && !args.follow {
        cx.note("no containers; `devstack up` makes them");
        return Ok(ExitStatus::Success);
    }
    let mut printer = Printer::new(
        cx,
        &scope.name,
        &containers,
        Options {
            prefix: !args.no_log_prefix,
            timestamps: args.timestamps,
            colour: cx.stdout_colour() && !args.no_color,
        },
    );
    let request = LogsRequest {
        follow: args.follow,
        tail: match args.tail {
            Tail::All => None,
            Tail::Lines(lines) => Some(lines),
        },
        since: args.since.map(OffsetDateTime::unix_timestamp),
        until: args.until.map(OffsetDateTime::unix_timestamp),
    };
    let streams = containers
        .iter()
        .map(|container| stream(&engine, &scope.name, &Told::of(container), &request));
    if !args.follow {
        let mut merged = merge(streams.collect());
        while let Some(line) = merged.next().await {
            if !printer.hold(&line?)? {
                break;
            }
        }
        printer.flush()?;
        return Ok(ExitStatus::Success);
    }
    let mut follow = Follow::new(WINDOW);
    streams.for_each(|stream| follow.add(stream));
    let mut following = Following::new(&engine, scope.name.clone(), services, follow).await?;
    // Even where whoever started devstack ignores the signal, as a shell does for its jobs in the
    // background.
    let mut interrupts = Interrupts::listen();
    loop {
        tokio::select! {
            biased;
            () = interrupts.at_least(1) => return Ok(ExitStatus::Interrupted),
            line = following.next() => match line {
                Some(line) => {
                    if !printer.print(&line?)? {
                        break;
                    }
                }
                None => break,
            },
        }
    }
    Ok(ExitStatus::Success)
}

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
}

/// Lines of containers, in the engine's order.
pub(super) type Lines = BoxStream<'static, Result<LogLine, EngineError>>;

/// One container's log as lines.
pub(super) fn stream(
    engine: &DockerEngine,
    project: &ProjectName,
    container: &Told,
    request: &LogsRequest,
) -> Lines {
    let source = Source::new(project, container.service.clone(), &container.name);
    let frames = engine.logs(&container.id, request).map(|chunk| {
        chunk.map(|chunk| Frame {
            stream: match chunk.origin {
                LogOrigin::Stdout => FrameStream::Stdout,
                LogOrigin::Stderr => FrameStream::Stderr,
                LogOrigin::Console => FrameStream::Console,
            },
            bytes: chunk.bytes.to_vec(),
        })
    });
    lines(source, frames).boxed()
}

/// Follows services through restarts and recreations: whenever one of their containers starts,
/// its log is taken up.
pub(super) struct Following<'a> {
    engine: &'a DockerEngine,
    project: ProjectName,
    services: Vec<ServiceName>,
    follow: Follow<Lines, EngineError>,
    events: BoxStream<'static, ContainerEvent>,
    /// The latest line of each container that was shown.
    shown: HashMap<String, OffsetDateTime>,
    begun: OffsetDateTime,
}

impl<'a> Following<'a> {
    pub(super) async fn new(
        engine: &'a DockerEngine,
        project: ProjectName,
        services: Vec<ServiceName>,
        follow: Follow<Lines, EngineError>,
    ) -> Result<Self, CliError> {
        let events = engine.container_events().await?;
        let begun = OffsetDateTime::now_utc();
        Ok(Self { engine, project, services, follow, events, shown: HashMap::new(), begun })
    }

    /// The next line; `None` when none of the containers runs any more, nor comes back.
    pub(super) async fn next(&mut self) -> Option<Result<LogLine, EngineError>> {
        let mut idle = false;
        // When to give up, should nothing start until then.
        let mut end: Option<Instant> = None;
        loop {
            let ending = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                line = self.follow.next(), if !idle => match line {
                    Some(Ok(line)) => {
                        let label = line.source.label.clone();
                        // A stream that is taken up again begins with what was shown before.
                        if self.shown.get(&label).is_some_and(|shown| line.timestamp <= *shown) {
                            continue;
                        }
                        self.shown.insert(label, line.timestamp);
                        return Some(Ok(line));
                    }
                    Some(Err(error)) if error.is_not_found() => {}
                    Some(Err(error)) => return Some(Err(error)),
                    None => {
                        idle = true;
                        end = Some(Instant::now() + GAP);
                    }
                },
                event = self.events.next() => {
                    let Some(event) = event else {
                        // The engine went away, or something between it and us.
                        match self.engine.container_events().await {
                            Ok(events) => self.events = events,
                            Err(error) => return Some(Err(error)),
                        }
                        end = Some(Instant::now() + GAP);
                        continue;
                    };
                    if self.concerns(&event) && event.kind == ContainerEventKind::Started {
                        self.take_up(event);
                        idle = false;
                        end = None;
                    } else if idle && end.is_none() {
                        end = Some(Instant::now() + GAP);
                    }
                }
                () = ending => match self.any_alive().await {
                    Ok(false) if idle => return None,
                    // What is still to be read ends by itself.
                    Ok(_) => end = None,
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    fn concerns(&self, event: &ContainerEvent) -> bool {
        event.project.as_deref() == Some(self.project.as_str())
            && event
                .service
                .as_ref()
                .is_some_and(|service| self.services.is_empty() || self.services.contains(service))
    }

    fn take_up(&mut self, event: ContainerEvent) {
        let Some(service) = event.service else { return };
        // A second early, since the engine counts in seconds; repeated lines are left out.
        let since =
            Some(self.begun.unix_timestamp().max(OffsetDateTime::now_utc().unix_timestamp() - 2));
        let request = LogsRequest { follow: true, since, ..LogsRequest::default() };
        let told = Told { id: event.id, name: event.name, service };
        self.follow.add(stream(self.engine, &self.project, &told, &request));
    }

    /// Whether a container runs or is about to be started.
    async fn any_alive(&self) -> Result<bool, EngineError> {
        let observed = self.engine.observe_containers().await?;
        Ok(lifecycle::selected(&self.project, &observed, &self.services).iter().any(|container| {
            container.state.is_running() || container.state == ContainerState::Created
        }))
    }
}

/// Writes lines to standard output.
pub(super) struct Printer {
    format: Format,
    out: io::BufWriter<io::Stdout>,
}

impl Printer {
    pub(super) fn new(
        cx: &Context,
        project: &ProjectName,
        containers: &[&ObservedContainer],
        options: Options,
    ) -> Self {
        let sources: Vec<Source> = containers
            .iter()
            .map(|container| {
                let told = Told::of(container);
                Source::new(project, told.service, &told.name)
            })
            .collect();
        let services = sources.iter().map(|source| source.service.clone());
        let palette = Palette::new(services, options.colour && cx.stdout_colour());
        let format =
            Format::new(options, &sources, move |service, text| palette.paint(service, text));
        Self { format, out: io::BufWriter::with_capacity(64 * 1024, io::stdout()) }
    }

    /// Writes a line, perhaps later together with others; whether anybody still reads.
    pub(super) fn hold(&mut self, line: &LogLine) -> Result<bool, CliError> {
        reading(self.format.write(&mut self.out, line))
    }

    /// Writes a line at once; whether anybody still reads.
    pub(super) fn print(&mut self, line: &LogLine) -> Result<bool, CliError> {
        let written = self.format.write(&mut self.out, line).and_then(|()| self.out.flush());
        reading(written)
    }

    /// Writes out what is held.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        reading(self.out.flush()).map(|_| ())
    }
}

fn reading(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        // The reader has seen enough, as in `devstack logs | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Problem::Output(error).into()),
    }
}
