//! What is told while logs are followed: a service fails, a service recovers. A line on standard
//! error, and on a terminal its title and a notification (OSC 9), so that it is noticed in another
//! window too.

use std::collections::{HashMap, HashSet};

use super::context::Context;
use crate::engine::{ContainerEvent, ContainerEventKind};
use crate::project::{ProjectName, ServiceName};
use crate::report::{Paint, Tone};
use crate::state::{ContainerId, Health, Observed};

/// Keeps the terminal's title while it lives: `XTWINOPS` 22 and 23 save and restore it.
const SAVE_TITLE: &str = "\u{1b}[22;2t";
const RESTORE_TITLE: &str = "\u{1b}[23;2t";

/// A change that a person wants to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Notice {
    Failed { service: ServiceName, reason: String },
    Recovered { service: ServiceName },
}

/// Which services have failed. Pure.
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
}

impl Watch {
    fn meet(&mut self, observed: &Observed) {
        let containers = observed.containers_of(&self.project);
        self.known.extend(containers.map(|container| container.id.clone()));
    }

    fn see(&mut self, event: &ContainerEvent) -> Option<Notice> {
        let was_asked = self.asked.contains(&event.id);
        match event.kind {
            ContainerEventKind::Started => {
                self.known.insert(event.id.clone());
                self.asked.remove(&event.id);
            }
            _ if !self.known.contains(&event.id) => return None,
            ContainerEventKind::AskedToEnd => {
                self.asked.insert(event.id.clone());
            }
            ContainerEventKind::Removed => {
                self.known.remove(&event.id);
                self.asked.remove(&event.id);
            }
            ContainerEventKind::Died { .. } | ContainerEventKind::Health(_) => {}
        }
        let service =
            event.service_of(&self.project).filter(|service| self.services.contains(service))?;
        let reason = match event.kind {
            // 130 and 143 are how processes end that somebody asked to.
            ContainerEventKind::Died { code: 0 | 130 | 143 }
            | ContainerEventKind::AskedToEnd
            | ContainerEventKind::Removed
            | ContainerEventKind::Health(Health::Starting) => return None,
            ContainerEventKind::Died { .. } if was_asked => return None,
            ContainerEventKind::Died { code } => format!("exited with code {code}"),
            ContainerEventKind::Health(Health::Unhealthy) => "is unhealthy".to_owned(),
            ContainerEventKind::Started if self.checked.contains(service) => return None,
            ContainerEventKind::Started | ContainerEventKind::Health(Health::Healthy) => {
                self.failed.remove(service)?;
                return Some(Notice::Recovered { service: service.clone() });
            }
        };
        // What fails again and again is told once.
        if self.failed.insert(service.clone(), reason.clone()).is_some() {
            return None;
        }
        Some(Notice::Failed { service: service.clone(), reason })
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
        let (project, services) = (project.clone(), services.to_vec());
        let (failed, known, asked) = Default::default();
        let mut watch = Watch { project, services, checked, failed, known, asked };
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

    /// Tells what an event means, if it means anything.
    pub(super) fn see(&mut self, event: &ContainerEvent) {
        let Some(notice) = self.watch.see(event) else { return };
        let paint = Paint::new(self.cx.stderr_colour());
        let (words, tone) = match &notice {
            Notice::Failed { service, reason } => (format!("✘ {service} {reason}"), Tone::Bad),
            Notice::Recovered { service } => (format!("✔ {service} has recovered"), Tone::Good),
        };
        self.cx.note(&paint.apply(tone, &words));
        if self.on_terminal {
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

    #[test]
    fn failures_and_recoveries_are_told_once() {
        use ContainerEventKind::{AskedToEnd, Died, Health as Check, Removed, Started};
        let name = |text: &str| text.parse::<ServiceName>().unwrap();
        let mut watch = Watch {
            project: "shop".parse().unwrap(),
            services: vec![name("api"), name("db")],
            checked: vec![name("db")],
            failed: HashMap::new(),
            known: HashSet::from([ContainerId("x".to_owned())]),
            asked: HashSet::new(),
        };
        let cases: [(&str, &str, ContainerEventKind, &str); 18] = [
            ("shop", "api", Died { code: 143 }, ""),
            ("shop", "api", Died { code: 1 }, "api exited with code 1"),
            ("shop", "api", Died { code: 1 }, ""),
            ("shop", "api", Started, "api recovered"),
            ("shop", "api", Started, ""),
            ("other", "api", Died { code: 1 }, ""),
            ("shop", "unknown", Died { code: 1 }, ""),
            ("shop", "db", Check(Health::Healthy), ""),
            ("shop", "db", Check(Health::Unhealthy), "db is unhealthy"),
            ("shop", "db", Died { code: 137 }, ""),
            ("shop", "db", Started, ""),
            ("shop", "db", Check(Health::Starting), ""),
            ("shop", "db", Check(Health::Healthy), "db recovered"),
            ("shop", "db", Died { code: 0 }, ""),
            // However it ends when it is stopped.
            ("shop", "api", AskedToEnd, ""),
            ("shop", "api", Died { code: 137 }, ""),
            ("shop", "api", Started, ""),
            ("shop", "db", Removed, ""),
        ];
        for (project, service, kind, expected) in cases {
            let told = watch.see(&ContainerEvent {
                id: ContainerId("x".to_owned()),
                kind,
                name: format!("{project}-{service}-1"),
                project: Some(project.to_owned()),
                service: Some(name(service)),
                is_one_off: false,
            });
            let told = match told {
                Some(Notice::Failed { service, reason }) => format!("{service} {reason}"),
                Some(Notice::Recovered { service }) => format!("{service} recovered"),
                None => String::new(),
            };
            assert_eq!(told, expected, "{project} {service} {kind:?}");
        }
        assert_eq!(title(&watch), "shop ✔");
        // What was replaced is of no interest any more, whatever the engine tells of it.
        let late = |id: &str, kind| ContainerEvent {
            id: ContainerId(id.to_owned()),
            kind,
            name: "shop-api-1".to_owned(),
            project: Some("shop".to_owned()),
            service: Some(name("api")),
            is_one_off: false,
        };
        assert_eq!(watch.see(&late("old", Died { code: 137 })), None);
        assert_eq!(watch.see(&late("old", Check(Health::Unhealthy))), None);
        assert_eq!(watch.see(&late("new", Started)), None);
        assert!(watch.see(&late("new", Died { code: 137 })).is_some());
        watch.failed.clear();
        watch.failed.insert(name("db"), String::new());
        assert_eq!(title(&watch), "shop ✘ db");
    }
}
