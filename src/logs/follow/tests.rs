use tokio::sync::mpsc::{Sender, channel};

use super::super::fixture::{Item, line, receiver, text};
use super::*;

const WINDOW: Duration = Duration::from_millis(50);

type Lines = Follow<Pin<Box<dyn Stream<Item = Item>>>, String>;

fn add(follow: &mut Lines) -> Sender<Item> {
    let (sender, lines) = channel(10_000);
    follow.add(Box::pin(receiver(lines)));
    sender
}

async fn next(follow: &mut Lines) -> (u64, String) {
    let start = Instant::now();
    let item = follow.next().await;
    let text = item.map_or_else(|| "end".to_owned(), |item| item.map_or_else(|e| e, |l| text(&l)));
    (u64::try_from(start.elapsed().as_millis()).unwrap(), text)
}

fn at_once(text: &str) -> (u64, String) {
    (0, text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_late_older_line_goes_first_when_it_comes_within_the_window() {
    let mut follow = Follow::new(WINDOW);
    let (a, b) = (add(&mut follow), add(&mut follow));
    a.send(Ok(line("a", 5, "newer"))).await.unwrap();
    let later = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(30)).await;
        b.send(Ok(line("b", 3, "older"))).await.unwrap();
        b
    });
    assert_eq!(next(&mut follow).await, (30, "b older".to_owned()));
    // `b` may have more that is older, but the window of `newer` does not begin anew.
    let _b = later.await.unwrap();
    let (waited, text) = next(&mut follow).await;
    assert_eq!(text, "a newer");
    assert!((20..=22).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn no_line_waits_longer_than_the_window_for_a_quiet_stream() {
    let mut follow = Follow::new(WINDOW);
    let (a, _quiet) = (add(&mut follow), add(&mut follow));
    a.send(Ok(line("a", 1, "1"))).await.unwrap();
    a.send(Ok(line("a", 2, "2"))).await.unwrap();
    let (waited, text) = next(&mut follow).await;
    assert_eq!(text, "a 1");
    assert!((50..=52).contains(&waited), "{waited}");
    assert_eq!(next(&mut follow).await, at_once("a 2"));
}

#[tokio::test(start_paused = true)]
async fn a_lone_stream_is_never_held_back() {
    let mut follow = Follow::new(WINDOW);
    let a = add(&mut follow);
    for n in 1..=3 {
        a.send(Ok(line("a", n, "x"))).await.unwrap();
    }
    for _ in 1..=3 {
        assert_eq!(next(&mut follow).await, at_once("a x"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_past_of_several_streams_comes_out_in_order_at_once() {
    let mut follow = Follow::new(WINDOW);
    let (a, b) = (add(&mut follow), add(&mut follow));
    for n in [1, 4, 5] {
        a.send(Ok(line("a", n, "a"))).await.unwrap();
    }
    for n in [2, 3, 9] {
        b.send(Ok(line("b", n, "b"))).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..5 {
        let (waited, text) = next(&mut follow).await;
        assert_eq!(waited, 0);
        order.push(text);
    }
    assert_eq!(order, ["a a", "b b", "b b", "a a", "a a"]);
    drop(a);
    assert_eq!(next(&mut follow).await, at_once("b b"));
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_streams_and_goes_on_with_another() {
    let mut follow = Follow::new(WINDOW);
    assert_eq!(next(&mut follow).await, at_once("end"));
    let a = add(&mut follow);
    a.send(Ok(line("a", 1, "1"))).await.unwrap();
    drop(a);
    assert_eq!(next(&mut follow).await, at_once("a 1"));
    assert_eq!(next(&mut follow).await, at_once("end"));
    let b = add(&mut follow);
    b.send(Ok(line("b", 2, "2"))).await.unwrap();
    assert_eq!(next(&mut follow).await, at_once("b 2"));
}

#[tokio::test(start_paused = true)]
async fn an_error_overtakes_no_line() {
    let mut follow = Follow::new(WINDOW);
    let (a, _quiet) = (add(&mut follow), add(&mut follow));
    a.send(Ok(line("a", 1, "1"))).await.unwrap();
    a.send(Err("connection reset".to_owned())).await.unwrap();
    drop(a);
    assert_eq!(next(&mut follow).await.1, "a 1");
    assert_eq!(next(&mut follow).await, at_once("connection reset"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_beside_a_quiet_stream_loses_nothing_and_stays_bounded() {
    let mut follow = Follow::new(WINDOW);
    let (a, _quiet) = (add(&mut follow), add(&mut follow));
    let sender = tokio::spawn(async move {
        for n in 0..20_000 {
            a.send(Ok(line("a", n, &n.to_string()))).await.unwrap();
        }
    });
    for n in 0..20_000 {
        assert_eq!(next(&mut follow).await.1, format!("a {n}"));
        assert!(follow.held.len() <= MOST_LINES);
    }
    sender.await.unwrap();
    assert_eq!(follow.held_bytes, 0);
    assert!(follow.arrivals.is_empty());
}

#[tokio::test(start_paused = true)]
async fn long_lines_are_bounded_by_size() {
    let mut follow = Follow::new(WINDOW);
    let (a, _quiet) = (add(&mut follow), add(&mut follow));
    for n in 0..20 {
        a.send(Ok(line("a", n, &"x".repeat(1 << 20)))).await.unwrap();
    }
    for _ in 0..20 {
        next(&mut follow).await;
        assert!(follow.held_bytes <= MOST_BYTES + (1 << 20));
    }
}
