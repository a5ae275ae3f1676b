//! Short names for events, and the record of a small stack's start, for tests.

use std::time::Duration;

use super::Recording;
use crate::event::{Action, BuildStepState, Event, Progress, Subject};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn container(service: &str) -> Subject {
    Subject::Container { service: service.parse().unwrap(), name: format!("shop-{service}-1") }
}

pub(crate) fn image(reference: &str, service: &str) -> Subject {
    let services = vec![service.parse().unwrap()];
    Subject::Image { reference: reference.to_owned(), services }
}

pub(crate) fn planned(steps: &[(&Subject, Action, &[usize])]) -> Event {
    Event::Planned {
        steps: steps.iter().map(|(subject, action, _)| ((*subject).clone(), *action)).collect(),
        after: steps.iter().map(|(_, _, after)| after.to_vec()).collect(),
        unchanged: Vec::new(),
    }
}

pub(crate) fn started(subject: &Subject, action: Action) -> Event {
    Event::Started { subject: subject.clone(), action, cause: "missing".to_owned() }
}

pub(crate) fn finished(subject: &Subject, action: Action) -> Event {
    // What counts is when it is told.
    Event::Finished { subject: subject.clone(), action, elapsed: Duration::ZERO }
}

pub(crate) fn failed(subject: &Subject, action: Action) -> Event {
    Event::Failed { subject: subject.clone(), action, reason: "exited (1)".to_owned() }
}

pub(crate) fn listening(subject: &Subject) -> Event {
    let (subject, progress) = (subject.clone(), Progress::Listening);
    Event::Progress { subject, action: Action::Await, progress }
}

pub(crate) fn layer(subject: &Subject, status: &str) -> Event {
    let progress =
        Progress::Layer { id: "a1".to_owned(), status: status.to_owned(), current: 0, total: 0 };
    Event::Progress { subject: subject.clone(), action: Action::Pull, progress }
}

pub(crate) fn build_step(subject: &Subject, number: usize, state: BuildStepState) -> Event {
    let progress =
        Progress::BuildStep { number, name: format!("[dev {number}/9] RUN make"), state };
    Event::Progress { subject: subject.clone(), action: Action::Build, progress }
}

pub(crate) fn record(recording: &mut Recording, events: &[(u64, Event)]) {
    for (at, event) in events {
        recording.record(event, ms(*at));
    }
}

/// Where the wait for `mq` is in [`stack`].
pub(crate) const MQ_READY: usize = 6;

/// A network, a database and a broker, and an API that needs both.
pub(crate) fn stack() -> Recording {
    use Action::{Await, Create, Start};
    let network = Subject::Network("shop_data".to_owned());
    let (db, mq, api) = (container("db"), container("mq"), container("api"));
    let plan = planned(&[
        (&network, Create, &[]),
        (&db, Create, &[0]),
        (&db, Start, &[1]),
        (&db, Await, &[2]),
        (&mq, Create, &[0]),
        (&mq, Start, &[4]),
        (&mq, Await, &[5]),
        (&api, Create, &[0]),
        (&api, Start, &[7, 3, 6]),
        (&api, Await, &[8]),
    ]);
    let mut recording = Recording::default();
    record(
        &mut recording,
        &[
            (20, plan),
            (20, started(&network, Create)),
            (100, finished(&network, Create)),
            (100, started(&db, Create)),
            (100, started(&mq, Create)),
            (100, started(&api, Create)),
            (140, finished(&db, Create)),
            (150, finished(&mq, Create)),
            (160, finished(&api, Create)),
            (140, started(&db, Start)),
            (150, started(&mq, Start)),
            (240, finished(&db, Start)),
            (250, finished(&mq, Start)),
            (240, started(&db, Await)),
            (250, started(&mq, Await)),
            (1100, finished(&db, Await)),
            (3600, listening(&mq)),
            (3950, finished(&mq, Await)),
            (3950, started(&api, Start)),
            (4050, finished(&api, Start)),
            (4050, started(&api, Await)),
            (5550, finished(&api, Await)),
        ],
    );
    recording
}
