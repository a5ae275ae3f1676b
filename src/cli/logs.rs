//! `devstack logs`.

use futures_util::StreamExt as _;
use regex::Regex;
use time::OffsetDateTime;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::following::{Following, Told, Wish};
use super::instant::instant;
use super::log_reader::LogReader;
use super::printer::Printer;
use super::scope::Scope;
use crate::engine::{DockerEngine, EngineError, LogsRequest};
use crate::logs::{Last, Level, LogLine, Options, Resume, Style, Wanted, merge};
use crate::os::signal::Interrupts;
use crate::plan::lifecycle;
use crate::project::ProjectName;
use crate::state::ObservedContainer;

/// Lines are written out at least this often while more and more of them come.
const LONGEST_HOLD: usize = 512;

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    devstack logs -f api                    follow one service\n  \
    devstack logs --level warn --since 10m  what went wrong lately, stack traces whole\n  \
    devstack logs --pretty --grep 'id \\d+'  one form for all services' lines\n  \
    devstack logs --json | jq .message      for programs")]
pub(super) struct LogsArgs {
    /// Services to show, by name or alias; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Stay and show what comes
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each container, of those that are wanted
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all", value_parser = tail)]
    tail: Tail,
    /// Only from then on: `10m`, `2026-01-02` (UTC), `2026-01-02T03:04:05Z` or Unix
    /// seconds
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<OffsetDateTime>,
    /// Only up to then
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<OffsetDateTime>,
    /// Only what matches a regular expression; `(?i)` in front ignores case
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,
    /// Only what is as serious: `trace`, `debug`, `info`, `warn`, `error` or `fatal`; lines that
    /// do not say count as `info`
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Show level, speaker and message in columns, whatever form a program writes
    #[arg(long, conflicts_with = "json")]
    pretty: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// Do not hide the project's secrets
    #[arg(long)]
    show_secrets: bool,
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
    Lines(usize),
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

impl LogsArgs {
    fn options(&self, cx: &Context) -> Options {
        Options {
            prefix: !self.no_log_prefix,
            timestamps: self.timestamps,
            colour: cx.stdout_colour() && !self.no_color,
            style: match (self.pretty, self.json) {
                (true, _) => Style::Pretty,
                (_, true) => Style::Json,
                _ => Style::AsWritten,
            },
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted { pattern: self.grep.clone(), level: self.level }
    }

    /// What is asked of the engine, which counts times in whole seconds.
    fn request(&self) -> LogsRequest {
        LogsRequest {
            follow: self.follow,
            tail: match self.tail {
                Tail::Lines(lines) => u64::try_from(lines).ok(),
                Tail::All => None,
            },
            since: self.since.map(OffsetDateTime::unix_timestamp),
            until: self.until.map(|until| until.unix_timestamp().saturating_add(1)),
        }
    }

    fn is_in_time(&self, line: &LogLine) -> bool {
        self.since.is_none_or(|since| line.timestamp >= since)
            && self.until.is_none_or(|until| line.timestamp <= until)
    }
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
    let mut printer = Printer::new(cx, &scope.name, &containers, args.options(cx))
        .only(args.wanted())
        .show_secrets(args.show_secrets);
    let mut request = args.request();
    let mut resume = Resume::default();
    // The engine does not know which lines are wanted: they are counted here.
    let last = match args.tail {
        Tail::Lines(lines) if !args.wanted().is_everything() => {
            request.tail = None;
            Some(Last::new(lines))
        }
        _ => None,
    };
    if last.is_some() || !args.follow {
        let past = Past { engine: &engine, project: &scope.name, containers: &containers };
        let request = LogsRequest { follow: false, ..request.clone() };
        let status = past.show(cx, &args, &request, &mut printer, last, &mut resume).await?;
        if !args.follow || status != Some(ExitStatus::Success) {
            return Ok(status.unwrap_or(ExitStatus::Success));
        }
    }
    let quiet = Vec::new();
    let wish = Wish { project: scope.name.clone(), services, quiet, request, resume };
    let mut following = Following::new(&engine, wish, &containers).await?;
    // Even where whoever started devstack ignores the signal, as a shell does for its jobs in the
    // background.
    let mut interrupts = Interrupts::listen();
    loop {
        let line = tokio::select! {
            biased;
            () = interrupts.at_least(1) => return Ok(ExitStatus::Interrupted),
            line = following.next() => line,
        };
        let Some(line) = line else { return Ok(ExitStatus::Success) };
        let line = Some(line?).filter(|line| args.is_in_time(line));
        if !print(cx, &mut printer, &mut following, line, |line| args.is_in_time(line))? {
            return Ok(ExitStatus::Success);
        }
    }
}

/// Writes a line and whatever else has come by now; whether anybody still reads.
pub(super) fn print(
    cx: &Context,
    printer: &mut Printer,
    following: &mut Following<'_>,
    line: Option<LogLine>,
    shown: impl Fn(&LogLine) -> bool,
) -> Result<bool, CliError> {
    if let Some(line) = line
        && !printer.hold(line)?
    {
        return Ok(false);
    }
    for _ in 0..LONGEST_HOLD {
        let Some(line) = following.ready() else { break };
        if shown(&line) && !printer.hold(line)? {
            return Ok(false);
        }
    }
    for error in following.unreadable() {
        cx.note(&error.to_string());
    }
    printer.flush()
}

/// What containers have logged until now.
struct Past<'a> {
    engine: &'a DockerEngine,
    project: &'a ProjectName,
    containers: &'a [&'a ObservedContainer],
}

impl Past<'_> {
    /// Shows it. `None` when nobody reads any more.
    async fn show(
        &self,
        cx: &Context,
        args: &LogsArgs,
        request: &LogsRequest,
        printer: &mut Printer,
        mut last: Option<Last>,
        resume: &mut Resume,
    ) -> Result<Option<ExitStatus>, CliError> {
        let reader = LogReader::start(self.engine)?;
        let streams = self.containers.iter().map(|container| {
            reader.lines(&container.id, Told::of(container).source(self.project), request)
        });
        let mut merged = merge(streams.collect());
        let mut unreadable: Vec<EngineError> = Vec::new();
        while let Some(line) = merged.next().await {
            let line = match line {
                Ok(line) => line,
                Err(error) if error.is_unreachable() => return Err(error.into()),
                // One log that cannot be read does not keep the others from being shown.
                Err(error) => {
                    unreadable.push(error);
                    continue;
                }
            };
            resume.is_new(&line);
            if !args.is_in_time(&line) {
                continue;
            }
            match &mut last {
                Some(last) => printer.sift(line).for_each(|line| last.push(line)),
                None => {
                    if !printer.hold(line)? {
                        return Ok(None);
                    }
                }
            }
        }
        for line in last.into_iter().flat_map(Last::into_lines) {
            if !printer.write(&line)? {
                return Ok(None);
            }
        }
        let reads = printer.flush()?;
        for error in &unreadable {
            cx.note(&error.to_string());
        }
        let status = if unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Failure };
        Ok(reads.then_some(status))
    }
}
