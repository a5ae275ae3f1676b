//! Merges what comes: log streams that go on, in the order of the engine's timestamps as far as
//! that can be had without keeping anybody waiting.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::SelectAll;
use futures_util::{Stream, StreamExt};
use time::OffsetDateTime;
use tokio::time::{Instant, Sleep};

use super::line::LogLine;

/// A merged stream of lines. Each line is held back for at most the window, in case an older one
/// is still on its way; less when no other stream could have an older one. Ends when all its
/// streams have, and goes on when another one is added.
pub struct Follow<S, E> {
    streams: SelectAll<Tagged<S>>,
    /// Lines held of each stream that goes on.
    live: HashMap<u64, usize>,
    held: BinaryHeap<Reverse<Held>>,
    /// When each held line came, the oldest first; `None` for those that have gone out.
    arrivals: VecDeque<Option<Instant>>,
    /// The arrival that stands first in it.
    first: u64,
    /// Errors, and the arrival that they came after.
    errors: VecDeque<(u64, E)>,
    held_bytes: usize,
    arrived: u64,
    added: u64,
    window: Duration,
    timer: Pin<Box<Sleep>>,
}

/// What is held is bounded by number and size; beyond that, lines go out early.
const MOST_LINES: usize = 4096;
const MOST_BYTES: usize = 4 << 20;

impl<S, E> Follow<S, E>
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
{
    /// Returns a merged stream of no streams that holds lines back for at most `window`. Must be
    /// called in a tokio runtime.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self {
            streams: SelectAll::new(),
            live: HashMap::new(),
            held: BinaryHeap::new(),
            arrivals: VecDeque::new(),
            first: 1,
            errors: VecDeque::new(),
            held_bytes: 0,
            arrived: 0,
            added: 0,
            window,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    /// Adds a stream, such as that of a container that has just been started.
    pub fn add(&mut self, stream: S) {
        self.added += 1;
        self.live.insert(self.added, 0);
        self.streams.push(Tagged { tag: self.added, stream: Some(stream) });
    }

    /// Takes in what has come, as far as there is room.
    fn fill(&mut self, cx: &mut Context<'_>) {
        // The same for all that has come by now.
        let now = Instant::now();
        while !self.is_full() {
            let Poll::Ready(Some((tag, item))) = self.streams.poll_next_unpin(cx) else { return };
            match item {
                Some(Ok(line)) => {
                    self.arrived += 1;
                    self.held_bytes += line.bytes.len();
                    *self.live.entry(tag).or_default() += 1;
                    self.arrivals.push_back(Some(now));
                    self.held.push(Reverse(Held { tag, arrival: self.arrived, line }));
                }
                Some(Err(error)) => self.errors.push_back((self.arrived, error)),
                None => {
                    self.live.remove(&tag);
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.held.len() >= MOST_LINES || self.held_bytes >= MOST_BYTES
    }

    fn release(&mut self) -> Option<LogLine> {
        let Reverse(held) = self.held.pop()?;
        let place = usize::try_from(held.arrival - self.first).unwrap_or(usize::MAX);
        if let Some(arrival) = self.arrivals.get_mut(place) {
            *arrival = None;
        }
        while let Some(None) = self.arrivals.front() {
            self.arrivals.pop_front();
            self.first += 1;
        }
        self.held_bytes -= held.line.bytes.len();
        if let Some(count) = self.live.get_mut(&held.tag) {
            *count -= 1;
        }
        Some(held.line)
    }

    /// Takes the error that all lines which came before it have gone out before.
    fn take_error(&mut self) -> Option<E> {
        let (after, _) = self.errors.front()?;
        let held = !self.arrivals.is_empty() && self.first <= *after;
        if held { None } else { self.errors.pop_front().map(|(_, error)| error) }
    }
}

impl<S, E> Stream for Follow<S, E>
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
    E: Unpin,
{
    type Item = Result<LogLine, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.fill(cx);
        loop {
            if let Some(error) = this.take_error() {
                return Poll::Ready(Some(Err(error)));
            }
            let Some(oldest) = this.arrivals.front().copied().flatten() else {
                return if this.live.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            };
            let due = oldest + this.window;
            // Each stream is in order: where all have shown a line, none can have an older one.
            let complete = this.live.values().all(|count| *count > 0);
            if complete || this.is_full() || due <= Instant::now() {
                return Poll::Ready(this.release().map(Ok));
            }
            // Setting it anew for each line that comes would cost more than all the rest.
            if this.timer.deadline() != due {
                this.timer.as_mut().reset(due);
            }
            ready!(this.timer.as_mut().poll(cx));
        }
    }
}

/// A stream whose items, and whose end, carry its number.
struct Tagged<S> {
    tag: u64,
    stream: Option<S>,
}

impl<S, E> Stream for Tagged<S>
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
{
    type Item = (u64, Option<Result<LogLine, E>>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let item = ready!(stream.poll_next_unpin(cx));
        if item.is_none() {
            self.stream = None;
        }
        Poll::Ready(Some((self.tag, item)))
    }
}

/// A line that is held back, ordered by the time of its entry and then by arrival.
struct Held {
    tag: u64,
    arrival: u64,
    line: LogLine,
}

impl Held {
    fn key(&self) -> (OffsetDateTime, u64) {
        (self.line.entry, self.arrival)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests;
