//! The chain of steps that made a command last as long as it did, and what to say about it.

use std::time::Duration;

use super::recording::{PartKind, Recording, Step};
use crate::event::{Action, Subject};

/// A step has to take this part of the time on the chain to be worth a word.
const SHARE: u32 = 4;

/// Whatever is shorter needs no advice.
const SHORTEST: Duration = Duration::from_millis(200);

/// What made a command slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// A container stood ready and another one was not.
    Waited {
        /// What waited.
        waiting: Subject,
        /// How long.
        waited: Duration,
        /// For what.
        awaited: Subject,
        /// How long that one took by itself.
        boot: Duration,
    },
    /// Everything else was ready before this container.
    Boot {
        /// Which.
        subject: Subject,
        /// How long it took by itself.
        boot: Duration,
    },
    /// A hook before a container's start.
    Hook {
        /// Which.
        subject: Subject,
        /// How long it took.
        took: Duration,
    },
    /// An image came from its registry.
    Pull {
        /// Which.
        subject: Subject,
        /// How long it took.
        took: Duration,
    },
    /// An image was built.
    Build {
        /// Which.
        subject: Subject,
        /// How long it took.
        took: Duration,
        /// The step that took longest.
        slowest: Option<(String, Duration)>,
    },
    /// A container took its time to stop.
    Stop {
        /// Which.
        subject: Subject,
        /// How long it took.
        took: Duration,
    },
}

/// The steps that made the command last as long as it did, by their places in the recording, the
/// first one first: each is the one among those its successor had to wait for that ended last.
#[must_use]
pub fn critical_path(recording: &Recording) -> Vec<usize> {
    let steps = recording.steps();
    let latest = |places: &mut dyn Iterator<Item = usize>| {
        places
            .filter_map(|place| Some((steps[place].ended?, place)))
            // Of several that ended together the first one: its successors are its consequences.
            .max_by_key(|(ended, place)| (*ended, std::cmp::Reverse(*place)))
            .map(|(_, place)| place)
    };
    let mut path: Vec<usize> = latest(&mut (0..steps.len())).into_iter().collect();
    while let Some(before) =
        path.last().and_then(|place| latest(&mut steps[*place].after.iter().copied()))
    {
        path.push(before);
    }
    path.reverse();
    path
}

/// What is worth saying about where the time went.
#[must_use]
pub fn advice(recording: &Recording) -> Option<Advice> {
    let steps = recording.steps();
    let path = critical_path(recording);
    let total: Duration = path.iter().map(|place| steps[*place].took()).sum();
    let place = path.iter().position(|place| {
        Some(steps[*place].took()) == path.iter().map(|place| steps[*place].took()).max()
    })?;
    let step = &steps[path[place]];
    // What failed tells its own story.
    if step.failed || step.took() < SHORTEST || step.took() * SHARE < total {
        return None;
    }
    let subject = step.subject.clone();
    Some(match step.action {
        Action::Pull => Advice::Pull { subject, took: step.took() },
        Action::Build => Advice::Build { subject, took: step.took(), slowest: slowest(step) },
        Action::Stop | Action::Restart | Action::Kill => {
            Advice::Stop { subject, took: step.took() }
        }
        Action::Complete if matches!(subject, Subject::Hook { .. }) => {
            Advice::Hook { subject, took: step.took() }
        }
        Action::Await | Action::Complete => {
            let boot = recording.boot(step)?;
            let held_up = path[place + 1..].iter().find_map(|next| {
                let waited = waited(recording, &steps[*next])?;
                Some((steps[*next].subject.clone(), waited))
            });
            match held_up {
                Some((waiting, waited)) if waiting != subject => {
                    Advice::Waited { waiting, waited, awaited: subject, boot }
                }
                _ => Advice::Boot { subject, boot },
            }
        }
        _ => return None,
    })
}

/// How long a container's step was held up by other containers alone: since all that it needs of
/// its own was there.
pub(super) fn waited(recording: &Recording, step: &Step) -> Option<Duration> {
    let steps = recording.steps();
    let needed = || step.after.iter().map(|place| &steps[*place]);
    if !is_container(step) || !needed().any(|other| is_foreign(step, other)) {
        return None;
    }
    let own = needed().filter(|other| !is_foreign(step, other)).filter_map(|other| other.ended);
    let first = || steps.iter().filter_map(|step| step.begun).min();
    let waited = step.begun?.saturating_sub(own.max().or_else(first)?);
    (waited > Duration::ZERO).then_some(waited)
}

fn is_container(step: &Step) -> bool {
    step.subject.container().is_some()
}

fn is_foreign(step: &Step, other: &Step) -> bool {
    is_container(other) && other.subject.container() != step.subject.container()
}

fn slowest(step: &Step) -> Option<(String, Duration)> {
    let named = step.parts.iter().filter_map(|part| match &part.kind {
        PartKind::BuildStep { name, .. } => {
            Some((name.clone(), part.ended.saturating_sub(part.begun)))
        }
        PartKind::Download | PartKind::Unpack => None,
    });
    named.max_by_key(|(_, took)| *took)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::event::BuildStepState;

    #[test]
    fn the_path_goes_through_what_ended_last() {
        let recording = stack();
        assert_eq!(critical_path(&recording), [0, 4, 5, 6, 8, 9]);
        assert_eq!(critical_path(&Recording::default()), [0; 0]);
    }

    #[test]
    fn a_wait_is_told_with_what_the_other_one_took_by_itself() {
        assert_eq!(
            advice(&stack()),
            Some(Advice::Waited {
                waiting: container("api"),
                waited: ms(3790),
                awaited: container("mq"),
                boot: ms(3800),
            })
        );
    }

    #[test]
    fn whatever_takes_longest_on_the_path_is_named() {
        let (db, built) = (container("db"), image("api", "api"));
        let alone = |action: Action, subject: &Subject, took: u64| {
            let mut recording = Recording::default();
            record(
                &mut recording,
                &[
                    (0, planned(&[(subject, action, &[])])),
                    (0, started(subject, action)),
                    (took / 2, build_step(&built, 1, BuildStepState::Done(ms(took / 4)))),
                    (took, finished(subject, action)),
                ],
            );
            advice(&recording)
        };
        let (subject, took) = (db.clone(), ms(1000));
        assert_eq!(alone(Action::Await, &db, 1000), Some(Advice::Boot { subject, boot: took }));
        let (subject, took) = (db.clone(), ms(9000));
        assert_eq!(alone(Action::Stop, &db, 9000), Some(Advice::Stop { subject, took }));
        let (subject, took) = (built.clone(), ms(9000));
        assert_eq!(
            alone(Action::Pull, &built, 9000),
            Some(Advice::Pull { subject: subject.clone(), took })
        );
        let slowest = Some(("[dev 1/9] RUN make".to_owned(), ms(2250)));
        assert_eq!(
            alone(Action::Build, &built, 9000),
            Some(Advice::Build { subject, took, slowest })
        );
        assert_eq!(alone(Action::Create, &db, 9000), None, "nothing can be done about it");
        assert_eq!(alone(Action::Await, &db, 100), None, "too short to matter");
    }

    #[test]
    fn only_other_containers_hold_one_up() {
        let recording = stack();
        let held_up: Vec<_> =
            recording.steps().iter().map(|step| waited(&recording, step)).collect();
        let mut expected = vec![None; 10];
        expected[8] = Some(ms(3790));
        assert_eq!(held_up, expected);
    }

    #[test]
    fn a_failed_step_ends_the_path() {
        let mut recording = Recording::default();
        let (db, api) = (container("db"), container("api"));
        let steps = [
            (&db, Action::Start, &[][..]),
            (&db, Action::Await, &[0]),
            (&api, Action::Start, &[1]),
        ];
        record(
            &mut recording,
            &[
                (0, planned(&steps)),
                (0, started(&db, Action::Start)),
                (50, finished(&db, Action::Start)),
                (50, started(&db, Action::Await)),
                (2050, failed(&db, Action::Await)),
            ],
        );
        assert_eq!(critical_path(&recording), [0, 1]);
    }
}
