//! Asks a running container whether it is ready, again and again at a bounded pace.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::engine::{ContainerFacts, Engine, EngineError, EngineErrorKind, LogLines};
use crate::project::{LogStream, Probe};
use crate::ready::{NetworkProbe, Pace, ProbeState, Reason, Target, check};
use crate::state::{ContainerId, ContainerSpec, Health};

/// Shortest wait between two questions that cost a process or a call.
const FEWEST: Duration = Duration::from_millis(100);

/// The longest run of a command, as of a health check that sets none.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// After so long a refusal the published port may not be this machine's.
const NO_WAY: Duration = Duration::from_secs(2);

/// What a round of asking is about.
pub(super) struct Asked<'a> {
    pub(super) facts: &'a ContainerFacts,
    /// Whether nobody has looked at the container yet.
    pub(super) is_assumed: bool,
    /// Whether all of its log is of its present start.
    pub(super) whole_log: bool,
    /// How often its process has ended in this run.
    pub(super) deaths: u32,
    /// Longest time until somebody looks at the container again.
    pub(super) look: Duration,
}

impl Asked<'_> {
    /// Whether there is nothing to ask.
    pub(super) fn is_unchecked(&self, spec: &ContainerSpec) -> bool {
        probes(spec, self.facts).is_empty()
    }
}

/// What a round of asking found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// All probes succeed.
    Ready,
    /// Time to look at the container itself.
    LookAgain,
    /// It answers that it never will be.
    Never,
}

/// What is worth telling while it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The service itself has taken a connection for the first time, whatever it said then.
    Listening,
    /// What it says, or why it says nothing.
    State(String),
}

/// The probes of one container and how far they are.
pub(super) struct Probing<'a, E, F> {
    engine: &'a E,
    id: &'a ContainerId,
    spec: &'a ContainerSpec,
    tell: F,
    /// Probes that have succeeded are not asked again.
    passed: usize,
    attempt: u32,
    pace: Pace,
    last: Option<String>,
    listening: bool,
    /// Ways to the container that turned out not to exist on this machine.
    dead_ends: Vec<Target>,
    started_at: String,
    deaths: u32,
}

impl<'a, E: Engine, F: Fn(Finding)> Probing<'a, E, F> {
    pub(super) fn new(
        engine: &'a E,
        id: &'a ContainerId,
        spec: &'a ContainerSpec,
        tell: F,
    ) -> Self {
        Self {
            engine,
            id,
            spec,
            tell,
            passed: 0,
            attempt: 0,
            pace: Pace::default(),
            last: None,
            listening: false,
            dead_ends: Vec::new(),
            started_at: String::new(),
            deaths: 0,
        }
    }

    /// What was found last.
    pub(super) fn last(&self) -> Option<String> {
        self.last.clone()
    }

    /// Notes a state and tells it when it is another one.
    pub(super) fn told(&mut self, state: String) {
        if self.last.as_ref() != Some(&state) {
            (self.tell)(Finding::State(state.clone()));
            self.last = Some(state);
        }
    }

    /// Asks until all probes succeed or it is time to look at the container again.
    pub(super) async fn run(&mut self, asked: &Asked<'_>) -> Result<Found, EngineError> {
        let facts = asked.facts;
        let same_start = self.started_at.is_empty() || self.started_at == facts.started_at;
        if !same_start || self.deaths != asked.deaths {
            // Another process than the one that answered before: it is asked everything.
            self.passed = 0;
            self.attempt = 0;
            self.pace = Pace::default();
            self.listening = false;
        }
        self.started_at.clone_from(&facts.started_at);
        self.deaths = asked.deaths;
        let probes = probes(self.spec, facts);
        let until = Instant::now() + asked.look;
        let mut refused: Option<Instant> = None;
        while let Some(probe) = probes.get(self.passed) {
            if let Probe::Log { pattern, stream } = probe {
                let since = (!asked.whole_log).then(|| facts.started_at.clone());
                match self.follow_log(pattern, *stream, since, until).await? {
                    Found::Ready => self.passed += 1,
                    other => return Ok(other),
                }
                continue;
            }
            match self.ask(probe, facts).await? {
                Answer::Ready => {
                    self.passed += 1;
                    self.attempt = 0;
                    self.pace = Pace::default();
                }
                Answer::NotYet { state, pause } => {
                    let is_refused = state == Reason::ConnectionRefused.to_string();
                    self.told(state);
                    self.attempt += 1;
                    tokio::time::sleep(pause).await;
                    let now = Instant::now();
                    refused = is_refused.then(|| refused.unwrap_or(now));
                    // Perhaps the engine does not publish ports where this process is.
                    let no_way = asked.is_assumed
                        && refused.is_some_and(|since| now.duration_since(since) >= NO_WAY);
                    if now >= until || no_way {
                        return Ok(Found::LookAgain);
                    }
                }
                Answer::Unasked { pause } => {
                    self.attempt += 1;
                    tokio::time::sleep(pause).await;
                    return Ok(Found::LookAgain);
                }
                Answer::Never { state } => {
                    self.told(state);
                    return Ok(Found::Never);
                }
                Answer::DeadEnd(target) => self.dead_ends.push(target),
            }
        }
        Ok(Found::Ready)
    }

    /// Reads the log as it grows until a line has the pattern.
    async fn follow_log(
        &mut self,
        pattern: &str,
        stream: LogStream,
        since: Option<String>,
        until: Instant,
    ) -> Result<Found, EngineError> {
        self.told(no_line(pattern));
        let mut lines = self.engine.follow_log(self.id, since);
        let found = async {
            while let Some(line) = lines.next().await {
                let (stderr, line) = line?;
                if counts(stream, stderr) && line.contains(pattern) {
                    return Ok(Found::Ready);
                }
            }
            // It has ended, and the engine announces that, or its log was cut off.
            tokio::time::sleep(FEWEST).await;
            Ok(Found::LookAgain)
        };
        match tokio::time::timeout_at(until, found).await {
            Ok(found) => found,
            Err(_) => Ok(Found::LookAgain),
        }
    }

    async fn ask(&mut self, probe: &Probe, facts: &ContainerFacts) -> Result<Answer, EngineError> {
        match probe {
            Probe::Log { pattern, stream } => self.ask_log(pattern, *stream, facts).await,
            Probe::Exec { command } => self.ask_command(command).await,
            Probe::Healthcheck => self.ask_health(facts).await,
            _ => match NetworkProbe::try_from(probe) {
                Ok(network) => self.ask_network(&network, facts).await,
                Err(_) => Ok(Answer::Ready),
            },
        }
    }

    async fn ask_network(
        &mut self,
        probe: &NetworkProbe<'_>,
        facts: &ContainerFacts,
    ) -> Result<Answer, EngineError> {
        let target = targets(self.engine, self.spec, facts, probe.port())
            .into_iter()
            .find(|target| !self.dead_ends.contains(target));
        let Some(target) = target else {
            // No way to the port from here: what runs inside the container can still be asked.
            return self.ask_health(facts).await;
        };
        let state = check(probe, &target).await;
        if state.is_listening() && !self.listening {
            self.listening = true;
            (self.tell)(Finding::Listening);
        }
        Ok(match state {
            ProbeState::Ready => Answer::Ready,
            ProbeState::NotYet(Reason::NoInterface { .. }) => Answer::DeadEnd(target),
            ProbeState::NotYet(reason) if reason.is_final() => {
                Answer::Never { state: reason.to_string() }
            }
            ProbeState::NotYet(reason) => {
                Answer::NotYet { pause: self.pace.after(&reason), state: reason.to_string() }
            }
        })
    }

    /// The engine's verdict or the same test run by us, whichever is sooner.
    async fn ask_health(&self, facts: &ContainerFacts) -> Result<Answer, EngineError> {
        if facts.health == Some(Health::Healthy) {
            return Ok(Answer::Ready);
        }
        match &facts.health_command {
            Some(command) => self.ask_command(command).await,
            None if facts.health.is_none() => Ok(Answer::Ready),
            None => Ok(Answer::NotYet {
                state: "health check starting".to_owned(),
                pause: Duration::from_secs(1),
            }),
        }
    }

    async fn ask_command(&self, command: &[String]) -> Result<Answer, EngineError> {
        let begun = Instant::now();
        let limit = self.command_limit();
        let run = self.engine.run_in_container(self.id, command);
        let Ok(outcome) = tokio::time::timeout(limit, run).await else {
            let state = format!("check takes longer than {} s", limit.as_secs_f64());
            return Ok(Answer::NotYet { state, pause: FEWEST });
        };
        let pause = command_pause(begun.elapsed(), self.attempt);
        Ok(match outcome {
            Ok(outcome) if outcome.code == 0 => Answer::Ready,
            Ok(outcome) => {
                Answer::NotYet { state: command_state(outcome.code, &outcome.output), pause }
            }
            // The container has ended in between; the next look at it tells more.
            Err(EngineError {
                kind: EngineErrorKind::NotFound(_) | EngineErrorKind::Conflict(_),
                ..
            }) => Answer::Unasked { pause },
            Err(error) => Answer::NotYet { state: error.kind.to_string(), pause },
        })
    }

    /// How long a command may take: as long as the health check says.
    fn command_limit(&self) -> Duration {
        let check = self.spec.service.healthcheck.as_ref();
        let own = check.and_then(|check| check.timeout).map(|timeout| timeout.0);
        own.filter(|timeout| !timeout.is_zero()).unwrap_or(COMMAND_LIMIT)
    }

    async fn ask_log(
        &self,
        pattern: &str,
        stream: LogStream,
        facts: &ContainerFacts,
    ) -> Result<Answer, EngineError> {
        let since = LogLines::Since(facts.started_at.clone());
        let lines = self.engine.log_lines(self.id, since).await?;
        let found =
            lines.iter().any(|(stderr, line)| counts(stream, *stderr) && line.contains(pattern));
        Ok(if found {
            Answer::Ready
        } else {
            Answer::NotYet { state: no_line(pattern), pause: FEWEST }
        })
    }
}

fn no_line(pattern: &str) -> String {
    format!("no `{pattern}` in its log yet")
}

fn counts(stream: LogStream, stderr: bool) -> bool {
    match stream {
        LogStream::Stdout => !stderr,
        LogStream::Stderr => stderr,
        LogStream::Any => true,
    }
}

/// Asks a running container once, by all of its service's probes: `Ok` when it is ready, else what
/// it says. `None` when the service has no probes of its own.
///
/// # Errors
/// When the engine does not answer.
pub async fn probe_once<E: Engine>(
    engine: &E,
    id: &ContainerId,
    spec: &ContainerSpec,
) -> Result<Option<Result<(), String>>, EngineError> {
    if spec.service.ready.is_none() {
        return Ok(None);
    }
    let facts = engine.inspect_container(id).await?;
    let mut probing = Probing::new(engine, id, spec, |_| {});
    for probe in probes(spec, &facts) {
        loop {
            match probing.ask(&probe, &facts).await? {
                Answer::Ready => break,
                Answer::NotYet { state, .. } | Answer::Never { state } => {
                    return Ok(Some(Err(state)));
                }
                Answer::Unasked { .. } => return Ok(None),
                Answer::DeadEnd(target) => probing.dead_ends.push(target),
            }
        }
    }
    Ok(Some(Ok(())))
}

enum Answer {
    Ready,
    NotYet {
        state: String,
        pause: Duration,
    },
    /// It will not get better by waiting.
    Never {
        state: String,
    },
    /// There was nobody to ask.
    Unasked {
        pause: Duration,
    },
    DeadEnd(Target),
}

/// What to ask: the service's own probes, or its health check when it has one.
fn probes(spec: &ContainerSpec, facts: &ContainerFacts) -> Vec<Probe> {
    match &spec.service.ready {
        Some(ready) => ready.probes.clone(),
        None if facts.health.is_some() || facts.health_command.is_some() => {
            vec![Probe::Healthcheck]
        }
        None => Vec::new(),
    }
}

/// The ways to a container's port from this machine, the direct one first: behind the published
/// port stands the engine's proxy, which accepts before the service does.
fn targets<E: Engine>(
    engine: &E,
    spec: &ContainerSpec,
    facts: &ContainerFacts,
    port: u16,
) -> Vec<Target> {
    if !engine.is_local() {
        return Vec::new();
    }
    if spec.network_mode.as_deref() == Some("host") {
        return vec![Target::Published(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))];
    }
    let bridges = facts.addresses.iter().filter_map(|(network, address)| {
        let interface = format!("br-{}", network.get(..12)?);
        Some(Target::Bridge { address: *address, interface })
    });
    let published = facts.ports.iter().filter(|open| open.target == port).filter_map(|open| {
        let (ip, number) = open.published?;
        let ip = if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
        Some(Target::Published(SocketAddr::new(ip, number)))
    });
    let bridges: Vec<Target> =
        if cfg!(target_os = "linux") { bridges.collect() } else { Vec::new() };
    bridges.into_iter().chain(published).collect()
}

/// The wait after a command: twice what it took, so that a heavy one cannot hold up the very start
/// that it watches, from 100 ms (250 ms when it takes long to succeed) to 1 s.
fn command_pause(took: Duration, attempt: u32) -> Duration {
    let fewest = if attempt < 50 { FEWEST } else { FEWEST * 5 / 2 };
    (took * 2).clamp(fewest, Duration::from_secs(1))
}

fn command_state(code: i64, output: &str) -> String {
    match output.lines().last().map(str::trim).filter(|line| !line.is_empty()) {
        Some(line) => {
            let short: String = line.chars().take(80).collect();
            format!("{short} (exit code {code})")
        }
        None => format!("check exits with {code}"),
    }
}
