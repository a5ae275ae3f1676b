//! What is told while logs are followed: a service fails, recovers, ends, is stopped by somebody. A
//! line on standard error, and on a terminal its title and, of failures, a notification (OSC 9), so
//! that they are noticed in another window too.

use std::collections::{HashMap, HashSet};
use std::future::pending;

use tokio::time::{Instant, sleep_until};

use super::attached::End;
use super::context::Context;
use super::following::GAP;
use crate::engine::{ContainerEvent, ContainerEventKind};
use crate::project::{ProjectName, ServiceName};
use crate::report::{Paint, Tone};
use crate::state::{ContainerId, ContainerState, Health, Observed};

/// Keeps the terminal's title while it lives: `XTWINOPS` 22 and 23 save and restore it.
const SAVE_TITLE: &str = "\u{1b}[22;2t";
const RESTORE_TITLE: &str = "\u{1b}[23;2t";

/// A change that a person wants to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Notice {
    Failed {
        service: ServiceName,
        reason: String,
    },
    Recovered {
        service: ServiceName,
    },
    /// It has ended well, by itself.
    Ended {
        service: ServiceName,
    },
    /// Somebody has ended them, and removed them perhaps.
    Gone {
        services: Vec<ServiceName>,
        removed: bool,
    },
    /// It runs again, which it was said to do no more.
    Back {
        service: ServiceName,
    },
}

/// A container that somebody has ended, and whose successor may be about to start.
#[derive(Debug)]
struct Leaving {
    id: ContainerId,
    end: End,
    removed: bool,
    /// Until when one may come.
    until: Instant,
}

/// What happens to the services. Pure.
#[derive(Debug)]
struct Watch {
    project: ProjectName,
    services: Vec<ServiceName>,
    /// Services whose health is checked: they have not recovered before the check says so.
    checked: Vec<ServiceName>,
    failed: HashMap<ServiceName, String>,
    /// The containers that were there, and those that have been started since. The engine tells
    /// of the last second as well, and so of the end of what has been replaced.
    known: HashSet<ContainerId>,
    /// Containers that somebody is stopping: however they end, they do not fail.
    asked: HashSet<ContainerId>,
    /// Containers that had ended well before anybody looked, and whose end has not been heard of: the
    /// engine may tell of their start and their end all the same.
    done: HashSet<ContainerId>,
    leaving: Vec<Leaving>,
    /// Services that were said to be stopped.
    gone: HashSet<ServiceName>,
}

impl Watch {
    fn new(project: ProjectName, services: Vec<ServiceName>, checked: Vec<ServiceName>) -> Self {
        Self {
            project,
            services,
            checked,
            failed: HashMap::new(),
            known: HashSet::new(),
            asked: HashSet::new(),
            done: HashSet::new(),
            leaving: Vec::new(),
            gone: HashSet::new(),
        }
    }

    fn meet(&mut self, observed: &Observed) {
        for container in observed.containers_of(&self.project) {
            self.known.insert(container.id.clone());
            if container.state == (ContainerState::Exited { code: 0 }) {
                self.done.insert(container.id.clone());
            }
        }
    }

    /// Takes in an event; `restarts` tells of an end whether the engine starts the container again.
    /// What is to be told, and the end of a container that does not come back.
    fn see(
        &mut self,
        event: &ContainerEvent,
        restarts: bool,
        now: Instant,
    ) -> (Option<Notice>, Option<End>) {
        let service = event.service_of(&self.project).filter(|it| self.services.contains(it));
        let Some(service) = service else { return (None, None) };
        if event.kind == ContainerEventKind::Started {
            self.known.insert(event.id.clone());
        }
        if !self.known.contains(&event.id) {
            return (None, None);
        }
        match event.kind {
            ContainerEventKind::Started => {
                self.asked.remove(&event.id);
                self.leaving.retain(|leaving| leaving.end.service != *service);
                (self.started(service), None)
            }
            ContainerEventKind::AskedToEnd => {
                self.asked.insert(event.id.clone());
                (None, None)
            }
            ContainerEventKind::Removed => {
                self.known.remove(&event.id);
                self.asked.remove(&event.id);
                let mut leaving = self.leaving.iter_mut();
                if let Some(leaving) = leaving.find(|leaving| leaving.id == event.id) {
                    leaving.removed = true;
                }
                (None, None)
            }
            ContainerEventKind::Died { code } => {
                self.died(&event.id, End { service: service.clone(), code }, restarts, now)
            }
            ContainerEventKind::Health(Health::Starting) => (None, None),
            ContainerEventKind::Health(Health::Unhealthy) => {
                (self.fails(service, "is unhealthy".to_owned()), None)
            }
            ContainerEventKind::Health(Health::Healthy) => (self.recovers(service), None),
        }
    }

    fn started(&mut self, service: &ServiceName) -> Option<Notice> {
        if self.gone.remove(service) {
            self.failed.remove(service);
            return Some(Notice::Back { service: service.clone() });
        }
        if self.checked.contains(service) { None } else { self.recovers(service) }
    }

    fn died(
        &mut self,
        id: &ContainerId,
        end: End,
        restarts: bool,
        now: Instant,
    ) -> (Option<Notice>, Option<End>) {
        // 130 and 143 are how processes end that somebody asked to.
        let was_asked = self.asked.contains(id) || matches!(end.code, 130 | 143);
        match end.code {
            _ if was_asked && !restarts => {
                let id = id.clone();
                self.leaving.push(Leaving { id, end, removed: false, until: now + GAP });
                (None, None)
            }
            0 if !restarts && !self.done.remove(id) => {
                (Some(Notice::Ended { service: end.service.clone() }), Some(end))
            }
            0 => (None, None),
            _ if was_asked => (None, None),
            code => {
                let notice = self.fails(&end.service, format!("exited with code {code}"));
                (notice, (!restarts).then_some(end))
            }
        }
    }

    /// What fails again and again is told once.
    fn fails(&mut self, service: &ServiceName, reason: String) -> Option<Notice> {
        let known = self.failed.insert(service.clone(), reason.clone());
        known.is_none().then(|| Notice::Failed { service: service.clone(), reason })
    }

    fn recovers(&mut self, service: &ServiceName) -> Option<Notice> {
        self.failed.remove(service)?;
        Some(Notice::Recovered { service: service.clone() })
    }

    /// What has not come back until then, and is not expected to any more.
    fn gone(&mut self, until: Instant) -> (Vec<Notice>, Vec<End>) {
        let (gone, leaving) =
            std::mem::take(&mut self.leaving).into_iter().partition(|it| it.until <= until);
        self.leaving = leaving;
        let gone: Vec<Leaving> = gone;
        let mut notices = Vec::new();
        for removed in [false, true] {
            let mut services: Vec<ServiceName> = Vec::new();
            for leaving in gone.iter().filter(|leaving| leaving.removed == removed) {
                let service = &leaving.end.service;
                // Of several containers one stands for all.
                if self.gone.insert(service.clone()) {
                    services.push(service.clone());
                }
            }
            if !services.is_empty() {
                notices.push(Notice::Gone { services, removed });
            }
        }
        (notices, gone.into_iter().map(|leaving| leaving.end).collect())
    }
}

/// What takes the sequences that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terminal {
    /// A terminal itself.
    Plain,
    /// tmux, which hands on to the terminal what is marked for it, if `allow-passthrough` is set.
    Tmux,
    /// GNU screen, which hands it on always.
    Screen,
    /// A text console, which has neither a title nor notifications.
    Console,
}

impl Terminal {
    fn of<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        match term.split(['-', '.']).next().unwrap_or_default() {
            "linux" | "vt100" | "vt102" | "vt220" | "cons25" | "" => Self::Console,
            _ if set("TMUX") => Self::Tmux,
            "screen" => Self::Screen,
            _ => Self::Plain,
        }
    }

    /// A notification (OSC 9).
    fn notification(self, text: &str) -> String {
        let sequence = format!("\u{1b}]9;{text}\u{7}");
        match self {
            Self::Plain => sequence,
            Self::Tmux => {
                format!("\u{1b}Ptmux;{}\u{1b}\\", sequence.replace('\u{1b}', "\u{1b}\u{1b}"))
            }
            Self::Screen => format!("\u{1b}P{sequence}\u{1b}\\"),
            Self::Console => String::new(),
        }
    }
}

/// Tells a person.
pub(super) struct Notices<'a> {
    cx: &'a Context,
    watch: Watch,
    /// Whether the terminal's title may be changed.
    on_terminal: bool,
    terminal: Terminal,
}

impl<'a> Notices<'a> {
    pub(super) fn new(
        cx: &'a Context,
        project: &ProjectName,
        services: &[ServiceName],
        checked: Vec<ServiceName>,
        observed: &Observed,
    ) -> Self {
        let off = cx.variable("DEVSTACK_NO_NOTIFY").is_some_and(|value| !value.is_empty());
        let terminal = Terminal::of(|name| cx.variable(name));
        let on_terminal = cx.stderr_is_live() && !off && terminal != Terminal::Console;
        if on_terminal {
            cx.note_raw(SAVE_TITLE);
        }
        let mut watch = Watch::new(project.clone(), services.to_vec(), checked);
        watch.meet(observed);
        let notices = Self { cx, watch, on_terminal, terminal };
        notices.retitle();
        notices
    }

    /// Tells of these services from now on.
    pub(super) fn follow_also(&mut self, services: &[ServiceName], checked: &[ServiceName]) {
        self.watch.services = services.to_vec();
        self.watch.checked = checked.to_vec();
    }

    /// Takes in what containers there are.
    pub(super) fn meet(&mut self, observed: &Observed) {
        self.watch.meet(observed);
    }

    /// Tells what an event means, if it means anything. `restarts` tells of an end whether the
    /// engine starts the container again. Returns the end of one that does not come back.
    pub(super) fn see(&mut self, event: &ContainerEvent, restarts: bool) -> Option<End> {
        let (notice, end) = self.watch.see(event, restarts, Instant::now());
        if let Some(notice) = notice {
            self.tell(&notice);
        }
        end
    }

    /// Resolves when something was ended by somebody long enough ago to be told.
    pub(super) async fn due(&self) {
        match self.watch.leaving.iter().map(|leaving| leaving.until).min() {
            Some(until) => sleep_until(until).await,
            None => pending().await,
        }
    }

    /// Tells what has been ended by somebody and was not started again since; `all` waits no longer
    /// for what may come. Returns the ends.
    pub(super) fn tell_gone(&mut self, all: bool) -> Vec<End> {
        let now = Instant::now();
        let (notices, ends) = self.watch.gone(if all { now + GAP } else { now });
        for notice in &notices {
            self.tell(notice);
        }
        ends
    }

    fn tell(&self, notice: &Notice) {
        let paint = Paint::new(self.cx.stderr_colour());
        let (words, tone) = words(notice);
        self.cx.note(&paint.apply(tone, &words));
        let is_urgent = matches!(notice, Notice::Failed { .. } | Notice::Recovered { .. });
        if self.on_terminal && is_urgent {
            let text = format!("{}: {words}", self.watch.project);
            self.cx.note_raw(&self.terminal.notification(&text));
        }
        self.retitle();
    }

    fn retitle(&self) {
        if self.on_terminal {
            self.cx.note_raw(&format!("\u{1b}]2;{}\u{7}", title(&self.watch)));
        }
    }
}

impl Drop for Notices<'_> {
    fn drop(&mut self) {
        if self.on_terminal {
            self.cx.note_raw(RESTORE_TITLE);
        }
    }
}

fn words(notice: &Notice) -> (String, Tone) {
    match notice {
        Notice::Failed { service, reason } => (format!("✘ {service} {reason}"), Tone::Bad),
        Notice::Recovered { service } => (format!("✔ {service} has recovered"), Tone::Good),
        Notice::Ended { service } => (format!("✔ {service} exited with code 0"), Tone::Good),
        Notice::Back { service } => (format!("✔ {service} runs again"), Tone::Good),
        Notice::Gone { services, removed } => {
            let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            let were = if names.len() == 1 { "was" } else { "were" };
            let what = if *removed { "removed" } else { "stopped" };
            (format!("{} {were} {what}", names.join(", ")), Tone::Caution)
        }
    }
}

fn title(watch: &Watch) -> String {
    let mut failed: Vec<&str> = watch.failed.keys().map(ServiceName::as_str).collect();
    failed.sort_unstable();
    if failed.is_empty() {
        format!("{} ✔", watch.project)
    } else {
        format!("{} ✘ {}", watch.project, failed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_written_as_the_terminal_takes_it() {
        type Env = &'static [(&'static str, &'static str)];
        let cases: [(Env, &str); 8] = [
            (&[("TERM", "xterm-256color")], "^]9;x$"),
            (&[("TERM", "xterm-kitty"), ("TMUX", "")], "^]9;x$"),
            (&[("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux")], "^Ptmux;^^]9;x$^\\"),
            (&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux")], "^Ptmux;^^]9;x$^\\"),
            (&[("TERM", "screen.xterm-256color"), ("STY", "1")], "^P^]9;x$^\\"),
            (&[("TERM", "linux")], ""),
            (&[("TERM", "vt220")], ""),
            (&[], ""),
        ];
        for (env, expected) in cases {
            let variable = |name: &str| env.iter().find(|it| it.0 == name).map(|it| it.1);
            let written = Terminal::of(variable).notification("x");
            let shown = written.replace('\u{1b}', "^").replace('\u{7}', "$");
            assert_eq!(shown, expected, "{env:?}");
        }
    }

    fn name(text: &str) -> ServiceName {
        text.parse().unwrap()
    }

    fn event(project: &str, service: &str, id: &str, kind: ContainerEventKind) -> ContainerEvent {
        ContainerEvent {
            id: ContainerId(id.to_owned()),
            kind,
            name: format!("{project}-{service}-1"),
            project: Some(project.to_owned()),
            service: Some(name(service)),
            is_one_off: false,
        }
    }

    /// A watch of `api` and of `db`, whose health is checked; both have the container `x`.
    fn watch() -> Watch {
        let services = vec![name("api"), name("db")];
        let mut watch = Watch::new("shop".parse().unwrap(), services, vec![name("db")]);
        watch.known.insert(ContainerId("x".to_owned()));
        watch
    }

    #[tokio::test(start_paused = true)]
    async fn failures_and_recoveries_are_told_once() {
        use ContainerEventKind::{AskedToEnd, Died, Health as Check, Removed, Started};
        let mut watch = watch();
        let cases: [(&str, &str, ContainerEventKind, &str); 18] = [
            ("shop", "api", Died { code: 143 }, ""),
            ("shop", "api", Died { code: 1 }, "✘ api exited with code 1"),
            ("shop", "api", Died { code: 1 }, ""),
            ("shop", "api", Started, "✔ api has recovered"),
            ("shop", "api", Started, ""),
            ("other", "api", Died { code: 1 }, ""),
            ("shop", "unknown", Died { code: 1 }, ""),
            ("shop", "db", Check(Health::Healthy), ""),
            ("shop", "db", Check(Health::Unhealthy), "✘ db is unhealthy"),
            ("shop", "db", Died { code: 137 }, ""),
            ("shop", "db", Started, ""),
            ("shop", "db", Check(Health::Starting), ""),
            ("shop", "db", Check(Health::Healthy), "✔ db has recovered"),
            ("shop", "db", Died { code: 0 }, "✔ db exited with code 0"),
            // However it ends when it is stopped.
            ("shop", "api", AskedToEnd, ""),
            ("shop", "api", Died { code: 137 }, ""),
            ("shop", "api", Started, ""),
            ("shop", "db", Removed, ""),
        ];
        for (project, service, kind, expected) in cases {
            let event = event(project, service, "x", kind);
            let (told, _) = watch.see(&event, false, Instant::now());
            let told = told.map(|notice| words(&notice).0).unwrap_or_default();
            assert_eq!(told, expected, "{project} {service} {kind:?}");
        }
        assert_eq!(title(&watch), "shop ✔");
        // What was replaced is of no interest any more, whatever the engine tells of it.
        let mut late =
            |id: &str, kind| watch.see(&event("shop", "api", id, kind), false, Instant::now()).0;
        assert_eq!(late("old", Died { code: 137 }), None);
        assert_eq!(late("old", Check(Health::Unhealthy)), None);
        assert_eq!(late("new", Started), None);
        assert!(late("new", Died { code: 137 }).is_some());
        watch.failed.clear();
        watch.failed.insert(name("db"), String::new());
        assert_eq!(title(&watch), "shop ✘ db");
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_ends_is_told_unless_it_is_started_again() {
        use ContainerEventKind::{AskedToEnd, Died, Removed, Started};
        let mut watch = watch();
        let now = Instant::now();
        let see = |watch: &mut Watch, service: &str, kind| {
            let seen = watch.see(&event("shop", service, service, kind), false, now);
            (seen.0.map(|notice| words(&notice).0), seen.1)
        };
        let told = |watch: &mut Watch, until| {
            let (notices, ends) = watch.gone(until);
            (notices.iter().map(|it| words(it).0).collect::<Vec<_>>(), ends.len())
        };
        see(&mut watch, "api", Started);
        see(&mut watch, "db", Started);
        // A restart.
        for kind in [AskedToEnd, Died { code: 143 }, Started] {
            assert_eq!(see(&mut watch, "api", kind), (None, None));
        }
        assert_eq!(told(&mut watch, now + GAP), (vec![], 0));
        // `down` of the whole stack.
        for service in ["api", "db"] {
            for kind in [AskedToEnd, Died { code: 0 }, Removed] {
                assert_eq!(see(&mut watch, service, kind), (None, None));
            }
        }
        assert_eq!(told(&mut watch, now), (vec![], 0));
        assert_eq!(told(&mut watch, now + GAP), (vec!["api, db were removed".to_owned()], 2));
        assert_eq!(see(&mut watch, "api", Started).0.unwrap(), "✔ api runs again");
        for kind in [AskedToEnd, Died { code: 137 }] {
            see(&mut watch, "api", kind);
        }
        assert_eq!(told(&mut watch, now + GAP), (vec!["api was stopped".to_owned()], 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_one_only_where_the_engine_does_not_start_the_container_again() {
        let died = |code, restarts| {
            let mut watch = watch();
            let event = event("shop", "api", "x", ContainerEventKind::Died { code });
            let (notice, end) = watch.see(&event, restarts, Instant::now());
            (notice.is_some(), end.map(|end| end.code))
        };
        assert_eq!(died(5, false), (true, Some(5)));
        assert_eq!(died(5, true), (true, None));
        assert_eq!(died(0, false), (true, Some(0)));
        assert_eq!(died(0, true), (false, None));
        // What had done its work before is no news.
        let mut watch = watch();
        watch.done.insert(ContainerId("x".to_owned()));
        let event = event("shop", "api", "x", ContainerEventKind::Died { code: 0 });
        assert_eq!(watch.see(&event, false, Instant::now()), (None, None));
        assert!(watch.see(&event, false, Instant::now()).0.is_some());
    }
}
