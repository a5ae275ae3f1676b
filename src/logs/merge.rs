//! Merges what is past: log streams that end, exactly in the order of the engine's timestamps.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};

use super::line::LogLine;

/// Merges streams that are each in order. Holds one line of each; an error is passed on at once
/// and ends its stream only.
pub fn merge<S, E>(streams: Vec<S>) -> impl Stream<Item = Result<LogLine, E>> + Unpin
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
{
    let input = |stream| Input { stream: Some(stream), head: None };
    Merge { inputs: streams.into_iter().map(input).collect() }
}

struct Merge<S> {
    inputs: Vec<Input<S>>,
}

struct Input<S> {
    stream: Option<S>,
    head: Option<LogLine>,
}

impl<S, E> Stream for Merge<S>
where
    S: Stream<Item = Result<LogLine, E>> + Unpin,
{
    type Item = Result<LogLine, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut missing = false;
        for input in self.inputs.iter_mut().filter(|input| input.head.is_none()) {
            let Some(stream) = &mut input.stream else { continue };
            match stream.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(line))) => input.head = Some(line),
                Poll::Ready(Some(Err(error))) => {
                    input.stream = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => input.stream = None,
                Poll::Pending => missing = true,
            }
        }
        if missing {
            // Any of those could still have the oldest line.
            return Poll::Pending;
        }
        // Of equal ones, the first stream's comes first.
        let oldest = self
            .inputs
            .iter_mut()
            .filter(|input| input.head.is_some())
            .min_by_key(|input| input.head.as_ref().map(|line| line.entry));
        Poll::Ready(oldest.and_then(|input| input.head.take()).map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, stream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::logs::fixture::{line, receiver, text};

    #[tokio::test]
    async fn lines_come_in_order_of_time_and_ties_in_order_of_streams() {
        let a = [line("a", 1, "1"), line("a", 4, "4"), line("a", 4, "4 again")];
        let b = [line("b", 2, "2"), line("b", 4, "4"), line("b", 9, "9")];
        let c = [line("c", 4, "4")];
        let streams = [&a[..], &b[..], &[], &c[..]].map(|lines| {
            stream::iter(lines.iter().cloned().map(Ok::<_, String>).collect::<Vec<_>>())
        });
        let merged: Vec<_> = merge(streams.into()).map(|line| text(&line.unwrap())).collect().await;
        assert_eq!(merged, ["a 1", "b 2", "a 4", "a 4 again", "b 4", "c 4", "b 9"]);
    }

    #[tokio::test]
    async fn nothing_comes_between_the_lines_of_an_entry() {
        let head = line("a", 1, "Error");
        let trace = LogLine { entry: head.entry, continues: true, ..line("a", 3, "  at f") };
        let a = stream::iter(vec![Ok::<_, String>(head), Ok(trace), Ok(line("a", 4, "next"))]);
        let b = stream::iter(vec![Ok(line("b", 2, "between")), Ok(line("b", 5, "last"))]);
        let merged: Vec<_> = merge(vec![a, b]).map(|line| text(&line.unwrap())).collect().await;
        assert_eq!(merged, ["a Error", "a   at f", "b between", "a next", "b last"]);
    }

    #[tokio::test]
    async fn a_slow_stream_is_waited_for() {
        let (slow, slow_lines) = mpsc::channel(1);
        let (fast, fast_lines) = mpsc::channel(1);
        let mut merged = merge(vec![receiver(slow_lines), receiver(fast_lines)]);
        fast.send(Ok(line("fast", 5, "5"))).await.unwrap();
        assert!(merged.next().now_or_never().is_none());
        slow.send(Ok(line("slow", 3, "3"))).await.unwrap();
        assert_eq!(text(&merged.next().await.unwrap().unwrap()), "slow 3");
        drop(slow);
        assert_eq!(text(&merged.next().await.unwrap().unwrap()), "fast 5");
        drop(fast);
        assert!(merged.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_ends_its_own_stream_only() {
        let broken = stream::iter(vec![Ok(line("a", 1, "1")), Err("gone"), Ok(line("a", 3, "3"))]);
        let whole = stream::iter(vec![Ok(line("b", 2, "2"))]);
        let merged: Vec<_> = merge(vec![broken, whole])
            .map(|line| line.map_or_else(str::to_owned, |line| text(&line)))
            .collect()
            .await;
        assert_eq!(merged, ["a 1", "gone", "b 2"]);
    }
}
