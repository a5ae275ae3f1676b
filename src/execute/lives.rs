//! What the engine has announced of each container since the run began.
//!
//! A record, not only a stream: who asks late still learns of a death before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::{ContainerEvent, ContainerEventKind};
use crate::state::{ContainerId, Health};

/// What was announced of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Life {
    /// How often its process was started.
    pub(super) starts: u32,
    /// How often its process ended.
    pub(super) deaths: u32,
    /// What its health check decided last.
    pub(super) health: Option<Health>,
    /// Whether it is gone.
    pub(super) removed: bool,
    /// Whether the engine announces nothing any more.
    pub(super) unheard: bool,
}

impl Life {
    /// Whether nothing was announced that a start does not bring with it, and more would be.
    pub(super) fn is_only_started(&self) -> bool {
        *self == Self { starts: self.starts, ..Self::default() }
    }
}

/// The containers' lives. Listens for as long as it exists.
pub(super) struct Lives {
    record: Arc<Record>,
    _listening: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Record(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    lives: HashMap<ContainerId, watch::Sender<Life>>,
    unheard: bool,
}

impl Lives {
    /// Notes what the engine announces from here on.
    pub(super) fn listen(mut events: BoxStream<'static, ContainerEvent>) -> Self {
        let record = Arc::new(Record::default());
        let noting = Arc::clone(&record);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                noting.note(&event);
            }
            noting.end();
        });
        Self { record, _listening: AbortOnDropHandle::new(task) }
    }

    /// One container's life, with all that was announced so far.
    pub(super) fn of(&self, id: &ContainerId) -> watch::Receiver<Life> {
        self.record.with(id, watch::Sender::subscribe)
    }
}

impl Record {
    fn note(&self, event: &ContainerEvent) {
        self.with(&event.id, |life| {
            life.send_modify(|life| match event.kind {
                ContainerEventKind::Started => life.starts += 1,
                ContainerEventKind::AskedToEnd => {}
                ContainerEventKind::Died { .. } => {
                    life.deaths += 1;
                    life.health = None;
                }
                ContainerEventKind::Health(health) => life.health = Some(health),
                ContainerEventKind::Removed => life.removed = true,
            });
        });
    }

    /// The engine's stream has ended: nobody must rely on hearing of a death any more.
    fn end(&self) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.unheard = true;
        for life in entries.lives.values() {
            life.send_modify(|life| life.unheard = true);
        }
    }

    fn with<T>(&self, id: &ContainerId, act: impl FnOnce(&watch::Sender<Life>) -> T) -> T {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = entries.unheard;
        let life = entries
            .lives
            .entry(id.clone())
            .or_insert_with(|| watch::Sender::new(Life { unheard, ..Life::default() }));
        act(life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, kind: ContainerEventKind) -> ContainerEvent {
        ContainerEvent {
            id: ContainerId(id.to_owned()),
            kind,
            name: id.to_owned(),
            project: None,
            service: None,
            is_one_off: false,
        }
    }

    #[tokio::test]
    async fn who_asks_late_learns_what_was_announced_before() {
        let events = vec![
            event("a", ContainerEventKind::Started),
            event("a", ContainerEventKind::Health(Health::Healthy)),
            event("b", ContainerEventKind::Started),
            event("a", ContainerEventKind::Died { code: 3 }),
            event("a", ContainerEventKind::Started),
            event("b", ContainerEventKind::Removed),
        ];
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|event| (event, receiver))
        });
        let lives = Lives::listen(stream.boxed());
        let mut before = lives.of(&ContainerId("a".to_owned()));
        for event in events {
            sender.send(event).expect("it listens");
        }
        before.wait_for(|life| life.starts == 2).await.expect("it is noted");
        let a = Life { starts: 2, deaths: 1, ..Life::default() };
        assert_eq!(*before.borrow(), a);
        assert_eq!(*lives.of(&ContainerId("a".to_owned())).borrow(), a);
        let mut b = lives.of(&ContainerId("b".to_owned()));
        b.wait_for(|life| life.removed).await.expect("it is noted");

        drop(sender);
        before.wait_for(|life| life.unheard).await.expect("the end is noted");
        let unheard = Life { unheard: true, ..Life::default() };
        assert_eq!(*lives.of(&ContainerId("new".to_owned())).borrow(), unheard);
    }
}
