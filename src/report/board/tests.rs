use super::super::canvas::Canvas;
use super::super::colour::Paint;
use super::super::fixture::*;
use super::*;
use crate::event::BuildStepState::{Done, Running};

fn fold(events: &[Timed], until: u64) -> Board {
    let mut board = Board::default();
    for (at, event) in events.iter().filter(|(at, _)| *at <= until) {
        board.apply(event, ms(*at));
    }
    board
}

/// What is on an 80 by 24 screen at a moment.
fn screen(events: &[Timed], at: u64) -> String {
    sized(events, at, 80, 24)
}

fn sized(events: &[Timed], at: u64, width: usize, height: usize) -> String {
    let rows = fold(events, at).rows(ms(at), height);
    Canvas::new(Paint::new(false)).draw(&rows, ms(at), width).join("\n")
}

/// What stays on the screen after the run.
fn remains(events: &[Timed], height: usize) -> String {
    let rows = fold(events, u64::MAX).final_rows(height);
    Canvas::new(Paint::new(false)).draw(&rows, ms(0), 80).join("\n")
}

#[test]
fn a_first_up_shows_what_each_service_does_and_waits_for() {
    let (db, api, postgres, built) = (
        container("db"),
        container("api"),
        image("postgres:17", &["db"]),
        image("shop-api", &["api"]),
    );
    let (data, files) = (network("data"), volume("db"));
    let events = [
        (
            0,
            planned(
                &[
                    (&data, &[Action::Create]),
                    (&files, &[Action::Create]),
                    (&postgres, &[Action::Pull]),
                    (&built, &[Action::Build]),
                    (&db, UP),
                    (&api, UP),
                ],
                &[],
            ),
        ),
        (10, started(&data, Action::Create, "missing")),
        (10, started(&postgres, Action::Pull, "missing")),
        (20, started(&built, Action::Build, "missing")),
        (30, finished(&data, Action::Create, 20)),
        (40, started(&files, Action::Create, "missing")),
        (300, layer(&postgres, "a", "Pulling fs layer", 0, 0)),
        (310, layer(&postgres, "b", "Downloading", 10_000_000, 40_000_000)),
        (400, finished(&files, Action::Create, 20)),
        (1000, build(&built, 1, "[dev 3/5] RUN npm ci", Running)),
        (1100, layer(&postgres, "a", "Downloading", 500_000, 1_000_000)),
        (2000, layer(&postgres, "a", "Download complete", 0, 0)),
        (2000, layer(&postgres, "b", "Download complete", 0, 0)),
        (2100, layer(&postgres, "a", "Pull complete", 0, 0)),
        (2500, finished(&postgres, Action::Pull, 2490)),
        (2510, started(&db, Action::Create, "missing")),
        (2560, finished(&db, Action::Create, 50)),
        (2560, started(&db, Action::Start, "missing")),
        (2700, finished(&db, Action::Start, 140)),
        (2700, started(&db, Action::Await, "missing")),
        (2900, probe(&db, "starting up")),
        (3000, build(&built, 1, "[dev 3/5] RUN npm ci", Done(ms(2000)))),
        (3100, finished(&built, Action::Build, 3080)),
        (3110, blocked(&api, "waiting for db: starting up")),
        (3900, blocked(&api, "waiting for db: accepting connections")),
        (4000, finished(&db, Action::Await, 1300)),
        (4001, started(&api, Action::Create, "missing")),
    ];
    insta::assert_snapshot!(screen(&events, 5), @"
    · 1 network, 1 volume
    · db   queued
    · api  queued
    ");
    insta::assert_snapshot!(screen(&events, 320), @"
    ⠸ creating volume shop_db
    ⠸ db   pulling postgres:17  ━━──────────────────  12%  10.0MB
    ⠸ api  building
    ");
    insta::assert_snapshot!(screen(&events, 1500), @"
    ✔ 1 network, 1 volume created
    ⠴ db   pulling postgres:17  ━━━━━───────────────  25%  10.5/41.0MB       1.4s
    ⠴ api  [dev 3/5] RUN npm ci
    ");
    insta::assert_snapshot!(screen(&events, 2200), @"
    ✔ 1 network, 1 volume created
    ⠹ db   unpacking postgres:17, 1 of 2 layers     2.1s
    ⠹ api  [dev 3/5] RUN npm ci                     1.2s
    ");
    insta::assert_snapshot!(screen(&events, 2650), @"
    ✔ 1 network, 1 volume created
    ⠦ db   starting
    ⠦ api  [dev 3/5] RUN npm ci                     1.6s
    ");
    insta::assert_snapshot!(screen(&events, 3950), @"
    ✔ 1 network, 1 volume created
    ⠏ db   not ready yet: starting up               1.2s
    · api  waiting for db: accepting connections
    ");
    insta::assert_snapshot!(screen(&events, 4100), @"
    ✔ 1 network, 1 volume created
    ✔ db   ready in 1.3s
    ⠙ api  creating
    ");
}

#[test]
fn services_that_share_an_image_wait_for_the_one_that_shows_it() {
    let node = image("node:24", &["api", "worker"]);
    let events = [
        (
            0,
            planned(
                &[(&node, &[Action::Pull]), (&container("api"), UP), (&container("worker"), UP)],
                &[],
            ),
        ),
        (0, started(&node, Action::Pull, "missing")),
        // The container's own reason is not news as long as its image is on the way.
        (5, blocked(&container("api"), "waiting for image node:24")),
        (2000, finished(&node, Action::Pull, 2000)),
    ];
    insta::assert_snapshot!(screen(&events, 1500), @"
    ⠴ api     pulling node:24                          1.5s
    · worker  waiting for image node:24                1.5s
    ");
    insta::assert_snapshot!(screen(&events, 2000), @"
    · api     waiting for image node:24                1.9s
    · worker  queued
    ");
}

#[test]
fn images_without_containers_have_rows_of_their_own() {
    let (node, bare) = (image("node:24", &["api", "worker"]), image("busybox:1", &[]));
    let events = [
        (0, planned(&[(&node, &[Action::Pull]), (&bare, &[Action::Pull])], &[])),
        (0, started(&node, Action::Pull, "")),
        (0, started(&bare, Action::Pull, "")),
        (2000, finished(&node, Action::Pull, 2000)),
        (2500, failed(&bare, Action::Pull, "the registry's limit is reached")),
    ];
    insta::assert_snapshot!(screen(&events, 1500), @"
    ⠴ api        pulling node:24                          1.5s
    · worker     waiting for image node:24                1.5s
    ⠴ busybox:1  pulling busybox:1                        1.5s
    ");
    insta::assert_snapshot!(remains(&events, 24), @"
    ✔ api        pulled in 2.0s
    ✔ worker     pulled in 2.0s
    ✘ busybox:1  the registry's limit is reached
    ");
}

#[test]
fn a_container_made_anew_says_why_and_the_others_keep_still() {
    let api = container("api");
    let unchanged = [container("db"), container("redis")];
    let cause = "environment changed";
    let events = [
        (0, planned(&[(&api, ANEW)], &unchanged)),
        (0, started(&api, Action::Create, cause)),
        (50, finished(&api, Action::Create, 50)),
        (50, started(&api, Action::Stop, cause)),
        (1200, finished(&api, Action::Stop, 1150)),
        (1200, started(&api, Action::Remove, cause)),
        (1250, finished(&api, Action::Remove, 50)),
        (1250, started(&api, Action::Rename, cause)),
        (1260, finished(&api, Action::Rename, 10)),
        (1260, started(&api, Action::Start, cause)),
        (1400, finished(&api, Action::Start, 140)),
        (1400, started(&api, Action::Await, cause)),
        (2500, finished(&api, Action::Await, 1100)),
    ];
    insta::assert_snapshot!(screen(&events, 20), @"
    ✔ db     running
    ✔ redis  running
    ⠋ api    creating (environment changed)
    ");
    insta::assert_snapshot!(screen(&events, 1150), @"
    ✔ db     running
    ✔ redis  running
    ⠙ api    stopping                                 1.1s
    ");
    insta::assert_snapshot!(remains(&events, 24), @"
    ✔ db     running
    ✔ redis  running
    ✔ api    ready in 1.1s, recreated: environment changed
    ");
}

#[test]
fn after_a_failure_it_is_clear_what_was_and_was_not_done() {
    let (db, mq, api) = (container("db"), container("mq"), container("api"));
    let kong = container("kong");
    let mut events = vec![(0, planned(&[(&db, UP), (&mq, UP), (&api, UP), (&kong, UP)], &[]))];
    events.extend(brought_up(&db, 10, 400));
    events.extend(brought_up(&mq, 10, 3000).into_iter().take(5));
    events.extend([
        (20, blocked(&api, "waiting for mq: starting up")),
        (3000, failed(&mq, Action::Await, "exited (1)\nwhile it was waited for")),
        (3010, Event::Cancelling),
    ]);
    insta::assert_snapshot!(screen(&events, 3050), @"
    ✔ db    ready in 400ms
    ✘ mq    exited (1) while it was waited for
    · api   waiting for mq: starting up              3.0s
    · kong  queued
    · cancelling, waiting for what has begun
    ");
    insta::assert_snapshot!(remains(&events, 24), @"
    ✔ db    ready in 400ms
    ✘ mq    exited (1) while it was waited for
    - api   not started, was waiting for mq: starting up
    - kong  not started
    ");
}

#[test]
fn a_run_down_ends_with_what_is_gone() {
    let (api, db) = (container("api"), container("db"));
    let (data, edge, files) = (network("data"), network("edge"), volume("db"));
    let local = image("shop-api", &["api"]);
    let remove: &[Action] = &[Action::Remove];
    let mut events = vec![(
        0,
        planned(
            &[
                (&api, DOWN),
                (&db, DOWN),
                (&data, remove),
                (&edge, remove),
                (&files, remove),
                (&local, remove),
            ],
            &[],
        ),
    )];
    for (subject, at, took) in [(&api, 0, 2000), (&db, 2100, 300)] {
        events.extend([
            (at, started(subject, Action::Stop, "")),
            (at + took, finished(subject, Action::Stop, took)),
            (at + took, started(subject, Action::Remove, "")),
            (at + took + 50, finished(subject, Action::Remove, 50)),
        ]);
    }
    events.push((1, blocked(&db, "waiting for api to stop")));
    events.sort_by_key(|event| event.0);
    for subject in [&data, &edge, &local] {
        events.push((2600, started(subject, Action::Remove, "")));
        events.push((2700, finished(subject, Action::Remove, 100)));
    }
    insta::assert_snapshot!(screen(&events, 1500), @"
    ⠴ api  stopping                                 1.5s
    · db   waiting for api to stop                  1.4s
    · 2 networks, 1 volume, 1 image
    ");
    insta::assert_snapshot!(remains(&events, 24), @"
    ✔ api  removed in 2.0s
    ✔ db   removed in 350ms
    - 2 networks, 1 image removed; volume shop_db not removed
    ");
    events.push((2800, started(&files, Action::Remove, "")));
    insta::assert_snapshot!(screen(&events, 2900), @"
    ✔ api  removed in 2.0s
    ✔ db   removed in 350ms
    ⠏ removing volume shop_db
    ");
    events.push((2900, failed(&files, Action::Remove, "in use by container other-1")));
    insta::assert_snapshot!(remains(&events, 24), @"
    ✔ api  removed in 2.0s
    ✔ db   removed in 350ms
    ✘ volume shop_db: in use by container other-1
    ");
}

/// Twelve workers: three ready, one failed, two at work, the rest waiting; two unchanged.
fn crowd() -> Vec<Timed> {
    let names: Vec<_> = (1..=12).map(|n| container(&format!("worker-{n}"))).collect();
    let steps: Vec<_> = names.iter().map(|name| (name, UP)).collect();
    let mut events = vec![(0, planned(&steps, &[container("db"), container("redis")]))];
    for name in &names {
        events.push((1, blocked(name, "waiting for db: starting up")));
    }
    for name in &names[..3] {
        events.extend(brought_up(name, 10, 500));
    }
    events.push((1000, started(&names[3], Action::Create, "missing")));
    events.push((1010, failed(&names[3], Action::Create, "no space left on device")));
    for name in &names[4..6] {
        events.extend(brought_up(name, 1000, 500).into_iter().take(5));
    }
    events
}

#[test]
fn rows_that_matter_least_give_way_on_a_low_terminal() {
    insta::assert_snapshot!(sized(&crowd(), 1500, 60, 8), @"
    ✘ worker-4   no space left on device
    ⠴ worker-5   waiting until ready
    ⠴ worker-6   waiting until ready
    · worker-7   waiting for db: starting up              1.4s
    · worker-8   waiting for db: starting up              1.4s
    · worker-9   waiting for db: starting up              1.4s
    · worker-10  waiting for db: starting up              1.4s
      + 7 more: 2 waiting, 3 done, 2 unchanged
    ");
    insta::assert_snapshot!(sized(&crowd(), 1500, 60, 1), @"  + 14 more: 1 failed, 2 at work, 6 waiting, 3 done, 2 unc…");
    assert_eq!(sized(&crowd(), 1500, 60, 14).lines().count(), 14);
    assert!(!sized(&crowd(), 1500, 60, 14).contains("more"));
    let mut cancelled = crowd();
    cancelled.push((1400, Event::Cancelling));
    for height in 2..16 {
        assert!(sized(&cancelled, 1500, 60, height).lines().count() <= height);
    }
}

#[test]
fn a_long_list_of_what_went_well_is_counted() {
    insta::assert_snapshot!(remains(&crowd(), 11), @"
    ✔ 3 done, 2 unchanged
    ✘ worker-4   no space left on device
    - worker-5   started, not ready
    - worker-6   started, not ready
    - worker-7   not started, was waiting for db: starting up
    - worker-8   not started, was waiting for db: starting up
    - worker-9   not started, was waiting for db: starting up
    - worker-10  not started, was waiting for db: starting up
    - worker-11  not started, was waiting for db: starting up
    - worker-12  not started, was waiting for db: starting up
    ");
    insta::assert_snapshot!(remains(&crowd(), 6), @"
    ✘ worker-4  no space left on device
    - worker-5  started, not ready
    - worker-6  started, not ready
    - worker-7  not started, was waiting for db: starting up
    - worker-8  not started, was waiting for db: starting up
      + 5 more: 4 not done, 1 done
    ");
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    let events = [(0, planned(&[], &[container("db"), container("api")]))];
    insta::assert_snapshot!(remains(&events, 24), @"✔ nothing to do, 2 containers unchanged");
    assert_eq!(remains(&[(0, planned(&[], &[]))], 24), "");
}

#[test]
fn events_beyond_the_plan_are_shown_all_the_same() {
    let events = [
        (0, started(&container("db"), Action::Start, "")),
        (0, started(&image("redis:8", &["redis"]), Action::Pull, "")),
        (0, started(&network("edge"), Action::Create, "")),
        (10, Event::Warning("nothing for the board".to_owned())),
    ];
    insta::assert_snapshot!(screen(&events, 20), @"
    ⠋ db     starting
    ⠋ redis  pulling redis:8
    ⠋ creating network shop_edge
    ");
}

#[test]
fn lines_are_cut_by_display_width() {
    let (scaled, wide) = (numbered("api", 2), container("search"));
    let pulled = image("registry.example.org/検索エンジン:1", &["search"]);
    let events = [
        (
            0,
            planned(
                &[
                    (&pulled, &[Action::Pull]),
                    (&wide, UP),
                    (&numbered("api", 1), UP),
                    (&scaled, UP),
                ],
                &[],
            ),
        ),
        (0, started(&pulled, Action::Pull, "")),
        (1, layer(&pulled, "a", "Downloading", 1_000_000, 4_000_000)),
        (1, blocked(&scaled, "waiting for search: 索引を作成しています、しばらくお待ちください")),
    ];
    for width in [100, 60, 40, 24, 10, 3] {
        for line in sized(&events, 1500, width, 24).lines() {
            assert!(console::measure_text_width(line) < width, "{width}: {line}");
        }
    }
    insta::assert_snapshot!(sized(&events, 1500, 100, 24), @"
    ⠴ search  pulling registry.example.org/検索エンジン:1   25%  1.0/4.0MB         1.5s
    · api-1   queued
    · api-2   waiting for search: 索引を作成しています、しばらくお待ちください     1.4s
    ");
    insta::assert_snapshot!(sized(&events, 1500, 50, 24), @"
    ⠴ search  pulling regi…   25%  1.0/4.0MB     1.5s
    · api-1   queued
    · api-2   waiting for search: 索引を作…      1.4s
    ");
}

#[test]
fn hooks_before_the_start_stand_in_the_row_of_their_service() {
    let (web, first) = (container("web"), hook("web", 1));
    let mut events = vec![(0, planned(&[(&web, UP), (&first, HOOK)], &[]))];
    events.push((10, started(&web, Action::Create, "missing")));
    events.push((60, finished(&web, Action::Create, 50)));
    events.extend(hooked(&first, 60, 2000));
    let begun = brought_up(&web, 3110, 500).split_off(2);
    let failing =
        [events.clone(), vec![(2000, failed(&first, Action::Complete, "exited with code 3"))]];
    events.extend(begun);
    events.sort_by_key(|event| event.0);
    let shown = [500, 2000, 5000].map(|at| screen(&events, at));
    insta::assert_snapshot!(shown.join("\n"), @"
    · web  waiting for db: starting up
    ⠋ web  running a hook
    ✔ web  ready in 500ms
    ");
    insta::assert_snapshot!(remains(&events, 24), @"✔ web  ready in 500ms");
    let mut failing = failing.concat();
    failing.retain(|event| event.0 <= 2000);
    insta::assert_snapshot!(remains(&failing, 24), @"✘ web  pre_start hook 1 exited with code 3");
}
