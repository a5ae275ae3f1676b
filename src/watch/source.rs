//! The thread that watches.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use notify::RecommendedWatcher;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::contents::ChangeKind;
use super::debounce::Debounce;
use super::scope::{Scope, Scopes};
use super::tree::{Tree, is_limit};
use crate::os::filesystem;

/// Time between two looks at everything, where there are no events.
const POLL: Duration = Duration::from_secs(1);

/// The part of a processor that looking may take: one of so many.
const POLL_SHARE: u32 = 20;

/// Watches until it is dropped. What happened before that is told.
pub struct Source {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// How to learn of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By events, unless there are none.
    Events,
    /// By looking at everything again and again.
    Polling {
        /// Time between two looks; more where a look takes long.
        interval: Duration,
    },
}

/// What is being watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Number of folders entered.
    pub folders: usize,
    /// Number of files that count.
    pub files: usize,
    /// Why it polls, when it does.
    pub polling: Option<Polling>,
}

/// Why there are no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polling {
    /// A file system tells nobody about changes.
    FileSystem {
        /// What lies on it.
        path: PathBuf,
        /// Its type, such as `nfs4`.
        kind: String,
    },
    /// The system gives no more watches.
    WatchLimit,
    /// It was asked for.
    Asked,
}

/// What the thread has to say.
#[derive(Debug)]
pub enum Told {
    /// Files changed.
    Changed(Batch),
    /// From now on it polls.
    Polls(Polling),
}

/// Changes that belong together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What changed, by path.
    pub changes: Vec<Change>,
    /// When the first event came.
    pub opened: Instant,
}

/// A file that is another one than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its absolute path.
    pub path: PathBuf,
    /// What became of it.
    pub kind: ChangeKind,
    /// Of a file that is gone: the outermost folder on the way to it that is gone too, else the
    /// file itself.
    pub gone: Option<PathBuf>,
    /// The scopes that it is part of, by their place.
    pub scopes: Vec<usize>,
}

enum Message {
    Event(notify::Result<notify::Event>),
    Stop,
}

impl Source {
    /// Begins to watch. When this returns nothing that happens afterwards is missed.
    #[must_use]
    pub fn start(scopes: Vec<Scope>, method: Method) -> (Self, Started, UnboundedReceiver<Told>) {
        let (messages, receiver) = channel();
        let (told, out) = unbounded_channel();
        let begun = SystemTime::now();
        let (tree, polling) = tree(scopes, method, &messages);
        let files = tree.contents.at_or_below(Path::new(""));
        let started = Started { folders: tree.folders(), files: files.len(), polling };
        let polls = started.polling.is_some();
        let interval = match method {
            Method::Polling { interval } => interval,
            Method::Events => POLL,
        };
        let run = Run {
            tree,
            receiver,
            told,
            debounce: Debounce::default(),
            zero: Instant::now(),
            begun,
            unread: files,
            interval,
            poll_at: polls.then(|| Instant::now() + interval),
        };
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(|| run.run()).ok();
        (Self { messages, thread }, started, out)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // A thread that has ended by itself is as good.
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tree(scopes: Vec<Scope>, method: Method, messages: &Sender<Message>) -> (Tree, Option<Polling>) {
    let silent = scopes.iter().find_map(|scope| {
        let there = scope.root.ancestors().find(|path| path.exists())?;
        let kind = filesystem::without_events(there)?;
        Some(Polling::FileSystem { path: scope.root.clone(), kind })
    });
    let polling = if method == Method::Events { silent } else { Some(Polling::Asked) };
    let mut limit = None;
    if polling.is_none() {
        match watcher(messages) {
            Ok(watcher) => {
                let mut tree = Tree::new(Scopes::new(scopes.clone()), Some(watcher));
                if tree.begin().is_ok() {
                    return (tree, None);
                }
                limit = Some(Polling::WatchLimit);
            }
            Err(_) => limit = Some(Polling::WatchLimit),
        }
    }
    let mut tree = Tree::new(Scopes::new(scopes), None);
    let begun = tree.begin();
    debug_assert!(begun.is_ok(), "without a watcher nothing can be refused");
    (tree, polling.or(limit))
}

fn watcher(messages: &Sender<Message>) -> notify::Result<RecommendedWatcher> {
    let messages = messages.clone();
    let handler = move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too: most of them are of no interest, and are dropped here.
        let closed = notify::event::AccessKind::Close(notify::event::AccessMode::Write);
        if let Ok(notify::Event { kind: notify::EventKind::Access(access), .. }) = &event
            && *access != closed
        {
            return;
        }
        let _ = messages.send(Message::Event(event));
    };
    notify::recommended_watcher(handler)
}

struct Run {
    tree: Tree,
    receiver: Receiver<Message>,
    told: UnboundedSender<Told>,
    debounce: Debounce,
    /// The moment from which the debounce counts.
    zero: Instant,
    begun: SystemTime,
    /// Files whose content is not known yet; they are read while nothing happens.
    unread: Vec<PathBuf>,
    interval: Duration,
    poll_at: Option<Instant>,
}

impl Run {
    fn run(mut self) {
        loop {
            if let Some((paths, opened)) = self.debounce.take(self.zero.elapsed()) {
                let changes = paths.iter().filter_map(|path| self.change(path)).collect();
                if !self.tell(changes, self.zero + opened) {
                    return;
                }
            }
            if self.poll_at.is_some_and(|at| at <= Instant::now()) {
                let begun = Instant::now();
                let touched = self.tree.poll();
                self.note(touched);
                self.poll_at =
                    Some(Instant::now() + self.interval.max(begun.elapsed() * POLL_SHARE));
            }
            match self.next() {
                Ok(Some(Message::Event(Ok(event)))) => {
                    let followed = self.tree.follow(&event);
                    self.take_in(followed);
                }
                Ok(Some(Message::Event(Err(error)))) => self.take_in(Err(error)),
                Ok(None) => {}
                // What came before is told.
                Ok(Some(Message::Stop)) | Err(RecvTimeoutError::Disconnected) => {
                    if let Some((paths, opened)) = self.debounce.take(Duration::MAX) {
                        let changes = paths.iter().filter_map(|path| self.change(path)).collect();
                        self.tell(changes, self.zero + opened);
                    }
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(path) = self.unread.pop() {
                        self.tree.contents.learn(&path, self.begun);
                    }
                }
            }
        }
    }

    /// The next message; a timeout when there is something else to do.
    fn next(&self) -> Result<Option<Message>, RecvTimeoutError> {
        if !self.unread.is_empty() {
            return self.receiver.recv_timeout(Duration::ZERO).map(Some);
        }
        let due = self.debounce.due().map(|due| self.zero + due);
        match due.into_iter().chain(self.poll_at).min() {
            Some(at) => {
                let pause = at.saturating_duration_since(Instant::now());
                match self.receiver.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => Ok(None),
                    other => other.map(Some),
                }
            }
            None => self.receiver.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take_in(&mut self, touched: notify::Result<Vec<PathBuf>>) {
        match touched {
            Ok(touched) => self.note(touched),
            Err(error) if is_limit(&error) => {
                self.tree.give_up_events();
                self.poll_at = Some(Instant::now());
                let _ = self.told.send(Told::Polls(Polling::WatchLimit));
            }
            // Something was not understood: look at everything.
            Err(_) => {
                let touched = self.tree.rescan();
                self.note(touched.unwrap_or_default());
            }
        }
    }

    fn note(&mut self, touched: Vec<PathBuf>) {
        let now = self.zero.elapsed();
        for path in touched {
            self.debounce.note(path, now);
        }
    }

    fn change(&mut self, path: &Path) -> Option<Change> {
        let kind = self.tree.contents.judge(path)?;
        let scopes = self.tree.scopes.covering(path);
        let gone = (kind == ChangeKind::Removed).then(|| {
            let missing = path.ancestors().take_while(|above| above.symlink_metadata().is_err());
            missing.last().unwrap_or(path).to_owned()
        });
        (!scopes.is_empty()).then(|| Change { path: path.to_owned(), kind, gone, scopes })
    }

    /// Whether anybody listens.
    fn tell(&self, changes: Vec<Change>, opened: Instant) -> bool {
        if changes.is_empty() {
            return !self.told.is_closed();
        }
        self.told.send(Told::Changed(Batch { changes, opened })).is_ok()
    }
}

#[cfg(test)]
mod tests;
