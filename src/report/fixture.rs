//! Short names for events, for tests.

use std::time::Duration;

use crate::event::{Action, BuildStepState, Event, Progress, Subject};

/// An event and when it comes, in milliseconds since the run began.
pub(crate) type Timed = (u64, Event);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The only container of a service.
pub(crate) fn container(service: &str) -> Subject {
    numbered(service, 1)
}

pub(crate) fn numbered(service: &str, number: usize) -> Subject {
    Subject::Container {
        service: service.parse().unwrap(),
        name: format!("shop-{service}-{number}"),
    }
}

/// A hook before the only container of a service.
pub(crate) fn hook(service: &str, number: usize) -> Subject {
    Subject::Hook {
        service: service.parse().unwrap(),
        container: format!("shop-{service}-1"),
        name: format!("shop-{service}-1-pre_start-{number}"),
        number,
    }
}

/// A hook from `at` on: made while others are waited for, started, over, removed.
pub(crate) fn hooked(subject: &Subject, at: u64, took: u64) -> Vec<Timed> {
    vec![
        (at, started(subject, Action::Create, "missing")),
        (at + 50, finished(subject, Action::Create, 50)),
        (at + 50, blocked(subject, "waiting for db: starting up")),
        (at + 1000, started(subject, Action::Start, "missing")),
        (at + 1100, finished(subject, Action::Start, 100)),
        (at + 1100, started(subject, Action::Complete, "missing")),
        (at + 1100 + took, finished(subject, Action::Complete, took)),
        (at + 1100 + took, started(subject, Action::Remove, "missing")),
        (at + 1150 + took, finished(subject, Action::Remove, 50)),
    ]
}

pub(crate) fn image(reference: &str, services: &[&str]) -> Subject {
    let services = services.iter().map(|service| service.parse().unwrap()).collect();
    Subject::Image { reference: reference.to_owned(), services }
}

pub(crate) fn network(name: &str) -> Subject {
    Subject::Network(format!("shop_{name}"))
}

pub(crate) fn volume(name: &str) -> Subject {
    Subject::Volume(format!("shop_{name}"))
}

pub(crate) fn planned(steps: &[(&Subject, &[Action])], unchanged: &[Subject]) -> Event {
    let steps: Vec<_> = steps
        .iter()
        .flat_map(|(subject, actions)| actions.iter().map(|action| ((*subject).clone(), *action)))
        .collect();
    let after = vec![Vec::new(); steps.len()];
    Event::Planned { steps, after, unchanged: unchanged.to_vec() }
}

pub(crate) fn started(subject: &Subject, action: Action, cause: &str) -> Event {
    Event::Started { subject: subject.clone(), action, cause: cause.to_owned() }
}

pub(crate) fn blocked(subject: &Subject, reason: &str) -> Event {
    Event::Blocked { subject: subject.clone(), reason: reason.to_owned() }
}

pub(crate) fn finished(subject: &Subject, action: Action, millis: u64) -> Event {
    Event::Finished { subject: subject.clone(), action, elapsed: ms(millis) }
}

pub(crate) fn failed(subject: &Subject, action: Action, reason: &str) -> Event {
    Event::Failed { subject: subject.clone(), action, reason: reason.to_owned() }
}

pub(crate) fn probe(subject: &Subject, state: &str) -> Event {
    let progress = Progress::Probe { state: state.to_owned() };
    Event::Progress { subject: subject.clone(), action: Action::Await, progress }
}

pub(crate) fn listening(subject: &Subject) -> Event {
    let (subject, progress) = (subject.clone(), Progress::Listening);
    Event::Progress { subject, action: Action::Await, progress }
}

pub(crate) fn layer(subject: &Subject, id: &str, status: &str, current: u64, total: u64) -> Event {
    let (id, status) = (id.to_owned(), status.to_owned());
    let progress = Progress::Layer { id, status, current, total };
    Event::Progress { subject: subject.clone(), action: Action::Pull, progress }
}

pub(crate) fn build(subject: &Subject, number: usize, name: &str, state: BuildStepState) -> Event {
    let progress = Progress::BuildStep { number, name: name.to_owned(), state };
    Event::Progress { subject: subject.clone(), action: Action::Build, progress }
}

pub(crate) fn output(subject: &Subject, number: usize, line: &str) -> Event {
    let progress = Progress::BuildOutput { number, line: line.to_owned() };
    Event::Progress { subject: subject.clone(), action: Action::Build, progress }
}

/// A container that is created, started and ready one after the other, from `at` on.
pub(crate) fn brought_up(subject: &Subject, at: u64, ready: u64) -> Vec<Timed> {
    vec![
        (at, started(subject, Action::Create, "missing")),
        (at + 50, finished(subject, Action::Create, 50)),
        (at + 50, started(subject, Action::Start, "missing")),
        (at + 250, finished(subject, Action::Start, 200)),
        (at + 250, started(subject, Action::Await, "missing")),
        (at + 250 + ready, finished(subject, Action::Await, ready)),
    ]
}

pub(crate) const UP: &[Action] = &[Action::Create, Action::Start, Action::Await];
pub(crate) const ANEW: &[Action] =
    &[Action::Create, Action::Stop, Action::Remove, Action::Rename, Action::Start, Action::Await];
pub(crate) const HOOK: &[Action] =
    &[Action::Create, Action::Start, Action::Complete, Action::Remove];
pub(crate) const DOWN: &[Action] = &[Action::Stop, Action::Remove];
