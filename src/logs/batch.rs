//! Takes together what comes at the same time, so that whoever is waiting on another thread is
//! woken for many lines and not for each.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};

use super::line::LogLine;

/// A batch is bounded by number and size.
const MOST_LINES: usize = 256;
const MOST_BYTES: usize = 64 << 10;

/// So often others have their turn before a batch counts as all that has come: whoever feeds the
/// stream hands over one piece at a time.
const PATIENCE: u32 = 2;

/// Takes lines together. Nothing is held back for longer than whoever feeds the stream has
/// something at hand.
pub fn batches<S, E>(lines: S) -> impl Stream<Item = Vec<Result<LogLine, E>>> + Unpin
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
    E: Unpin,
{
    Batches { lines: Some(lines), batch: Vec::new(), bytes: 0, tries: 0 }
}

struct Batches<S, E> {
    lines: Option<S>,
    batch: Vec<Result<LogLine, E>>,
    bytes: usize,
    tries: u32,
}

impl<S, E> Batches<S, E> {
    fn is_full(&self) -> bool {
        self.batch.len() >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    fn take(&mut self) -> Option<Vec<Result<LogLine, E>>> {
        (self.bytes, self.tries) = (0, 0);
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }
}

impl<S, E> Stream for Batches<S, E>
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
    E: Unpin,
{
    type Item = Vec<Result<LogLine, E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.is_full() {
            let Some(lines) = &mut this.lines else { return Poll::Ready(this.take()) };
            match lines.poll_next_unpin(cx) {
                Poll::Ready(Some(line)) => {
                    this.bytes += line.as_ref().map_or(0, |line| line.bytes.len());
                    this.batch.push(line);
                    this.tries = 0;
                }
                Poll::Ready(None) => this.lines = None,
                Poll::Pending if this.batch.is_empty() => return Poll::Pending,
                Poll::Pending if this.tries < PATIENCE => {
                    this.tries += 1;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(this.take())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};
    use time::OffsetDateTime;
    use tokio::sync::mpsc;

    use super::*;
    use crate::logs::fixture::{line, receiver};

    fn sizes<E>(batches: &[Vec<Result<LogLine, E>>]) -> Vec<usize> {
        batches.iter().map(Vec::len).collect()
    }

    #[tokio::test]
    async fn a_batch_is_bounded_and_nothing_is_lost() {
        let lines = (0..1300).map(|second| Ok::<_, String>(line("a", second, "x")));
        let all: Vec<_> = batches(stream::iter(lines)).collect().await;
        assert_eq!(sizes(&all), [256, 256, 256, 256, 256, 20]);
        let seconds = all.into_iter().flatten().map(|line| line.unwrap().timestamp);
        assert!(seconds.map(OffsetDateTime::unix_timestamp).eq(0..1300));

        let long = LogLine { bytes: vec![b'x'; 30 << 10], ..line("a", 1, "") };
        let lines = std::iter::repeat_n(long, 5).map(Ok::<_, String>);
        let all: Vec<_> = batches(stream::iter(lines)).collect().await;
        assert_eq!(sizes(&all), [3, 2]);
    }

    #[tokio::test]
    async fn what_has_come_is_handed_on_before_more_comes() {
        let (sender, lines) = mpsc::channel(8);
        let mut batches = batches(receiver(lines));
        assert!(batches.next().now_or_never().is_none());
        for second in 0..3 {
            sender.send(Ok(line("a", second, "x"))).await.unwrap();
        }
        assert_eq!(batches.next().await.unwrap().len(), 3);
        sender.send(Ok(line("a", 4, "x"))).await.unwrap();
        assert_eq!(batches.next().await.unwrap().len(), 1);
        drop(sender);
        assert!(batches.next().await.is_none());
    }

    #[tokio::test]
    async fn whoever_hands_over_one_at_a_time_fills_a_batch_all_the_same() {
        let (sender, lines) = mpsc::channel(1);
        let feed = async move {
            for second in 0..100 {
                sender.send(Ok(line("a", second, "x"))).await.unwrap();
            }
        };
        let (all, ()) = tokio::join!(batches(receiver(lines)).collect::<Vec<_>>(), feed);
        assert_eq!(sizes(&all), [100]);
    }

    #[tokio::test]
    async fn an_error_stays_in_its_place() {
        let lines = vec![Ok(line("a", 1, "1")), Err("gone".to_owned())];
        let all: Vec<_> = batches(stream::iter(lines)).collect().await;
        assert_eq!(sizes(&all), [2]);
        assert_eq!(all[0][1].as_ref().unwrap_err(), "gone");
    }
}
