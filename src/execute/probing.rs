//! Asks a running container whether it is ready, again and again at a bounded pace.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use super::wait::LONGEST_SLEEP;
use crate::engine::{ContainerFacts, Engine, EngineError, EngineErrorKind, LogLines};
use crate::project::{LogStream, Probe};
use crate::ready::{NetworkProbe, Pace, ProbeState, Reason, Target, check};
use crate::state::{ContainerId, ContainerSpec, Health};

/// What a round of asking found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// All probes succeed.
    Ready,
    /// Time to look at the container itself.
    LookAgain,
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
    pub(super) async fn run(&mut self, facts: &ContainerFacts) -> Result<Found, EngineError> {
        if self.started_at != facts.started_at {
            // Another process than the one that answered before: it is asked everything.
            self.passed = 0;
            self.attempt = 0;
            self.pace = Pace::default();
            self.listening = false;
            self.started_at.clone_from(&facts.started_at);
        }
        let probes = probes(self.spec, facts);
        let until = Instant::now() + LONGEST_SLEEP;
        while let Some(probe) = probes.get(self.passed) {
            match self.ask(probe, facts).await? {
                Answer::Ready => {
                    self.passed += 1;
                    self.attempt = 0;
                    self.pace = Pace::default();
                }
                Answer::NotYet { state, pause } => {
                    self.told(state);
                    self.attempt += 1;
                    if Instant::now() + pause >= until {
                        tokio::time::sleep(pause).await;
                        return Ok(Found::LookAgain);
                    }
                    tokio::time::sleep(pause).await;
                }
                Answer::Unasked { pause } => {
                    self.attempt += 1;
                    tokio::time::sleep(pause).await;
                    return Ok(Found::LookAgain);
                }
                Answer::DeadEnd(target) => self.dead_ends.push(target),
            }
        }
        Ok(Found::Ready)
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
                pause: LONGEST_SLEEP,
            }),
        }
    }

    async fn ask_command(&self, command: &[String]) -> Result<Answer, EngineError> {
        let pause = command_pause(self.attempt);
        Ok(match self.engine.run_in_container(self.id, command).await {
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

    async fn ask_log(
        &self,
        pattern: &str,
        stream: LogStream,
        facts: &ContainerFacts,
    ) -> Result<Answer, EngineError> {
        let since = LogLines::Since(facts.started_at.clone());
        let lines = self.engine.log_lines(self.id, since).await?;
        let found = lines.iter().any(|(stderr, line)| {
            let counts = match stream {
                LogStream::Stdout => !stderr,
                LogStream::Stderr => *stderr,
                LogStream::Any => true,
            };
            counts && line.contains(pattern)
        });
        Ok(if found {
            Answer::Ready
        } else {
            Answer::NotYet {
                state: format!("no `{pattern}` in its log yet"),
                pause: command_pause(self.attempt),
            }
        })
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
                Answer::NotYet { state, .. } => return Ok(Some(Err(state))),
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

/// Commands cost a process each: 100 ms, growing to 1 s.
fn command_pause(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(100 + attempt.min(18) * 50))
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
