//! The long-lived connection to the reload runner in each container.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::act::{Say, Shared};
use crate::engine::{Engine as _, ExecRequest, ExecStreams};
use crate::event::WatchEvent;
use crate::project::{RUNNER_FOLDER, ServiceName};
use crate::state::{ContainerId, ContainerState};
use crate::watch::control::{FromRunner, PROTOCOL, RunnerFile, ToRunner, Words};

/// The pause before a broken connection is tried again, doubled each time up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The signal that has a runner look for changes itself.
const SIGNAL: &str = "SIGUSR2";

/// A change that the runner has to hear of.
#[derive(Debug, Clone)]
pub(super) struct Tidings {
    pub(super) files: Vec<RunnerFile>,
    pub(super) opened: Instant,
    /// The files as a person would write them.
    pub(super) causes: Vec<String>,
}

/// The connections of a session, by container.
#[derive(Default)]
pub(super) struct Links {
    open: HashMap<ContainerId, (ServiceName, mpsc::UnboundedSender<Tidings>)>,
    tasks: JoinSet<()>,
}

impl Links {
    /// Connects to a container's runner; nothing when that is so already.
    pub(super) fn connect(
        &mut self,
        shared: &Arc<Shared>,
        service: &ServiceName,
        id: &ContainerId,
        number: u32,
    ) {
        if self.open.get(id).is_some_and(|(_, sender)| !sender.is_closed()) {
            return;
        }
        let (sender, tidings) = mpsc::unbounded_channel();
        self.open.insert(id.clone(), (service.clone(), sender));
        let link = Link {
            label: shared.label(service, number),
            shared: Arc::clone(shared),
            id: id.clone(),
            tidings,
            type_errors: false,
            is_foreign: false,
            has_signalled: false,
            alone_until: None,
        };
        self.tasks.spawn(link.keep());
    }

    /// Tells all runners of a service.
    pub(super) fn tell(&self, service: &ServiceName, tidings: &Tidings) {
        for (_, sender) in self.open.values().filter(|(name, _)| name == service) {
            // The container of a link that has ended is gone, and its code with it.
            let _ = sender.send(tidings.clone());
        }
    }
}

struct Link {
    shared: Arc<Shared>,
    label: String,
    id: ContainerId,
    tidings: mpsc::UnboundedReceiver<Tidings>,
    /// Whether the type checker found something the last time.
    type_errors: bool,
    /// Whether the runner speaks otherwise than this side.
    is_foreign: bool,
    /// Whether it was told by a signal before.
    has_signalled: bool,
    /// Until when the runner saw changes by itself, unless it has told since what became of them.
    alone_until: Option<Instant>,
}

/// A change that the runner was told of and has not answered.
struct Asked {
    opened: Instant,
    sent: Instant,
    causes: Vec<String>,
}

impl Link {
    /// Connects again whenever the connection breaks, as long as the container runs.
    async fn keep(mut self) {
        let mut pause = PAUSE;
        let mut warned = false;
        loop {
            let begun = Instant::now();
            if !self.is_foreign
                && let Ok(Some(streams)) = self.shared.engine.exec(&self.id, &request()).await
            {
                self.converse(streams).await;
            }
            if begun.elapsed() > LONGEST_PAUSE {
                (pause, warned) = (PAUSE, false);
            }
            let is_away = match self.shared.engine.inspect_container(&self.id).await {
                Ok(facts) if facts.state == ContainerState::Running => false,
                // The engine is away, or about to start it again.
                Err(error) if error.is_unreachable() => true,
                _ => return,
            };
            if pause >= LONGEST_PAUSE && !warned && !is_away {
                warned = true;
                self.say(WatchEvent::Warning {
                    label: Some(self.label.clone()),
                    text: "its reload runner does not answer; `devstack up` makes a container \
                           that lacks it anew"
                        .to_owned(),
                });
            }
            // Before it listens to signals one would end it: only who has run for a while is told so.
            let by_signal = warned || self.is_foreign;
            self.pause(pause, by_signal).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits; what changes meanwhile is told by a signal where there is no other way.
    async fn pause(&mut self, pause: Duration, by_signal: bool) {
        let end = tokio::time::sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                Some(_) = self.tidings.recv(), if by_signal => {
                    let sent = self.shared.engine.kill_container(&self.id, SIGNAL).await;
                    if sent.is_ok() && !self.has_signalled {
                        self.has_signalled = true;
                        self.note("told of changes by a signal; its log says what becomes of them");
                    }
                }
            }
        }
    }

    async fn converse(&mut self, streams: ExecStreams) {
        let ExecStreams { mut output, mut input, .. } = streams;
        let mut words = Words::default();
        let mut asked: BTreeMap<u64, Asked> = BTreeMap::new();
        let mut next = 1;
        loop {
            tokio::select! {
                tidings = self.tidings.recv() => {
                    let Some(Tidings { files, opened, causes }) = tidings else { return };
                    let line = ToRunner::Changed { id: next, files }.line();
                    asked.insert(next, Asked { opened, sent: Instant::now(), causes });
                    next += 1;
                    let sent = async {
                        input.write_all(line.as_bytes()).await?;
                        input.flush().await
                    };
                    if sent.await.is_err() {
                        return;
                    }
                }
                chunk = output.next() => {
                    let Some(Ok((is_error, bytes))) = chunk else { return };
                    if is_error {
                        continue;
                    }
                    for word in words.push(&bytes) {
                        if !self.hear(word, &mut asked) {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Takes in a word. Whether both sides understand each other.
    fn hear(&mut self, word: FromRunner, asked: &mut BTreeMap<u64, Asked>) -> bool {
        if let FromRunner::Live { .. } = &word {
            let _ = self.shared.say.send(Say::Live);
        }
        match word {
            FromRunner::Hello { protocol } if protocol != PROTOCOL => {
                self.is_foreign = true;
                self.say(WatchEvent::Warning {
                    label: Some(self.label.clone()),
                    text: "its reload runner is of another devstack; `devstack up \
                           --force-recreate` gives it this one's"
                        .to_owned(),
                });
                return false;
            }
            FromRunner::Hello { .. } => self.alone_until = Some(Instant::now()),
            FromRunner::Unknown => {}
            FromRunner::Live { id: Some(id), compile_ms, start_ms, .. } => {
                if let Some(answered) = answered(asked, id) {
                    let watched = answered.sent.duration_since(answered.opened);
                    self.say(WatchEvent::Done {
                        label: self.label.clone(),
                        what: "reloaded",
                        elapsed: answered.opened.elapsed(),
                        parts: vec![
                            ("watch", watched),
                            ("compile", milliseconds(compile_ms)),
                            ("start", milliseconds(start_ms)),
                        ],
                        files: answered.causes,
                    });
                }
            }
            FromRunner::Live { id: None, .. } => {
                self.alone_until = None;
                self.note("runs its newest version");
            }
            FromRunner::Unchanged { id } => {
                if let Some(answered) = answered(asked, id)
                    && self.alone_until.take_if(|end| answered.opened <= *end).is_some()
                {
                    let _ = self.shared.say.send(Say::Live);
                    self.note("runs its newest version");
                }
            }
            FromRunner::Failed { id, phase, message, frame, serving } => {
                if let Some(id) = id {
                    answered(asked, id);
                }
                let what = match phase.as_str() {
                    "install" => "install",
                    "start" => "start",
                    _ => "reload",
                };
                self.say(WatchEvent::Failed {
                    label: self.label.clone(),
                    what,
                    reason: message,
                    frame,
                    serving: Some(serving.is_some()),
                });
            }
            FromRunner::Crashed { code, signal, lines } => {
                let reason = match (code, signal) {
                    (_, Some(signal)) => format!("it was ended by {signal}"),
                    (Some(code), None) => format!("it ended with exit code {code}"),
                    (None, None) => "it ended".to_owned(),
                };
                self.say(WatchEvent::Failed {
                    label: self.label.clone(),
                    what: "run",
                    reason,
                    frame: (!lines.is_empty()).then(|| lines.join("\n")),
                    serving: Some(false),
                });
            }
            FromRunner::Types { errors } => {
                let found = !errors.is_empty();
                if found {
                    let mut text = "types do not fit".to_owned();
                    for error in errors {
                        text.push_str(&format_type_error(&error));
                    }
                    let label = Some(self.label.clone());
                    self.say(WatchEvent::Warning { label, text });
                } else if self.type_errors {
                    self.note("all types fit again");
                }
                self.type_errors = found;
            }
            FromRunner::Installing { reason } => {
                self.note(&format!("installing packages: {reason}"));
            }
        }
        true
    }

    fn note(&self, text: &str) {
        self.say(WatchEvent::Note { label: Some(self.label.clone()), text: text.to_owned() });
    }

    fn say(&self, event: WatchEvent) {
        self.shared.say(event);
    }
}

fn format_type_error(error: &crate::watch::control::TypeError) -> String {
    format!("\n    {}:{}:{} {}", error.file, error.line, error.column, error.message)
}

fn request() -> ExecRequest {
    ExecRequest {
        command: vec!["node".to_owned(), format!("{RUNNER_FOLDER}/control.js")],
        stdin: true,
        ..ExecRequest::default()
    }
}

/// Takes all changes that an answer holds for, as one.
fn answered(asked: &mut BTreeMap<u64, Asked>, id: u64) -> Option<Asked> {
    let later = asked.split_off(&(id + 1));
    let mut answered = std::mem::replace(asked, later).into_values();
    let mut all = answered.next()?;
    for one in answered {
        for cause in one.causes {
            if !all.causes.contains(&cause) {
                all.causes.push(cause);
            }
        }
    }
    Some(all)
}

fn milliseconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count / 1000.0).unwrap_or_default()
}
