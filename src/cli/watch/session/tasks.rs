//! What follows from changes: at most one task for each service, and what waits for it.

use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::{Busy, Session};
use crate::cli::watch::act::{Ended, Outcome, act};
use crate::cli::watch::runner::Tidings;
use crate::project::ServiceName;
use crate::watch::control::RunnerFile;
use crate::watch::{Batch, Told, Work, decide};

/// How often in a row a rebuild or a reload gives way to a newer change: a file that is always
/// written must not keep it from ever being done.
const YIELDS: u32 = 3;

impl Session<'_> {
    pub(super) fn take_in(&mut self, told: Told) {
        let batch = match told {
            Told::Changed(batch) => batch,
            Told::Polls(polling) => return self.show_polling(&polling),
        };
        let Batch { mut changes, opened } = batch;
        changes.retain(|change| !self.own_output.contains(&change.path));
        let decision = decide(&self.rules, &changes);
        self.stack.extend(decision.stack);
        self.ignores |= decision.ignores;
        for (service, mut work) in decision.work {
            self.tell(&service, &mut work, opened);
            if work.is_empty() {
                continue;
            }
            let yields = self.yields.get(&service).copied().unwrap_or_default();
            if let Some(busy) = self.busy.get(&service)
                && (work.rebuild || (work.reload && !busy.rebuilds))
                && yields < YIELDS
            {
                busy.cancel.cancel();
            }
            add(&mut self.carried.waiting, &service, work, opened);
        }
        if !self.stack.is_empty() || self.ignores {
            self.cancel_all();
        }
    }

    fn cancel_all(&self) {
        self.busy.values().for_each(|busy| busy.cancel.cancel());
    }

    /// Tells the reload runners of a service what concerns them.
    fn tell(&self, service: &ServiceName, work: &mut Work, opened: Instant) {
        let tell = std::mem::take(&mut work.tell);
        if tell.is_empty() {
            return;
        }
        let files = tell.into_iter().map(|(path, kind)| RunnerFile { path, kind }).collect();
        let causes = self.shared.relative(&work.causes);
        // Where nothing runs there is nobody who could have old code.
        self.links.tell(service, &Tidings { files, opened, causes });
    }

    pub(super) fn begin_tasks(&mut self, engine_is_there: bool) {
        if !engine_is_there || !self.stack.is_empty() || self.ignores {
            return;
        }
        let free: Vec<ServiceName> = self
            .carried
            .waiting
            .keys()
            .filter(|service| !self.busy.contains_key(*service))
            .cloned()
            .collect();
        for service in free {
            let Some((mut work, opened)) = self.carried.waiting.shift_remove(&service) else {
                continue;
            };
            self.tell(&service, &mut work, opened);
            if work.is_empty() {
                continue;
            }
            if !work.copies.is_empty() {
                let mut copies = self.owed.remove(&service).unwrap_or_default();
                copies.extend(std::mem::take(&mut work.copies));
                work.copies = copies;
            }
            let copied = self.carried.copied.entry(service.clone()).or_default();
            copied.extend(work.copies.clone());
            let cancel = CancellationToken::new();
            let busy = Busy { cancel: cancel.clone(), rebuilds: work.rebuild };
            self.busy.insert(service.clone(), busy);
            self.tasks.spawn(act(Arc::clone(&self.shared), service, work, opened, cancel));
        }
    }

    /// Takes in how a task ended. Whether there still is an engine.
    pub(super) fn conclude(&mut self, ended: Ended) -> bool {
        let Ended { service, outcome } = ended;
        self.busy.remove(&service);
        match outcome {
            Outcome::Done(containers) => {
                self.yields.remove(&service);
                self.carried.current.extend(containers);
            }
            Outcome::Again(work) => {
                *self.yields.entry(service.clone()).or_default() += 1;
                self.put_back(service, work);
            }
            Outcome::Failed { work, unreachable: true } => {
                self.put_back(service, work);
                return false;
            }
            // What could not be copied is tried again with the next change.
            Outcome::Failed { mut work, unreachable: false } => {
                work.copies.retain(|_, source| source.is_some());
                self.owed.entry(service).or_default().extend(work.copies);
            }
        }
        true
    }

    /// What came meanwhile is newer, and wins.
    fn put_back(&mut self, service: ServiceName, mut work: Work) {
        let mut opened = Instant::now();
        if let Some((newer, since)) = self.carried.waiting.shift_remove(&service) {
            work.merge(newer);
            opened = since;
        }
        self.carried.waiting.insert(service, (work, opened));
    }

    /// Lets what is under way end: calls to the engine are not abandoned.
    pub(super) async fn wind_up(&mut self) {
        self.cancel_all();
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(ended) = ended {
                self.conclude(ended);
            }
        }
        while let Ok(say) = self.said.try_recv() {
            self.hear(say);
        }
    }
}

pub(super) fn add(
    waiting: &mut IndexMap<ServiceName, (Work, Instant)>,
    service: &ServiceName,
    work: Work,
    opened: Instant,
) {
    match waiting.get_mut(service) {
        Some((known, _)) => known.merge(work),
        None => {
            waiting.insert(service.clone(), (work, opened));
        }
    }
}
