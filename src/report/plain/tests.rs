use super::super::fixture::*;
use super::*;
use crate::event::BuildStepState::{Cached, Done, Failed, Running};

/// Plays events to a pipe, with a tick every 100 ms.
fn lines(events: &[Timed]) -> String {
    let mut out = Vec::new();
    let mut plain = Box::new(Plain::new(&mut out, Paint::new(false)));
    let mut ticks = (0..).step_by(100).peekable();
    for (at, event) in events {
        while let Some(tick) = ticks.next_if(|tick| tick < at) {
            plain.tick(ms(tick));
        }
        plain.report(event, ms(*at));
    }
    let end = events.last().map_or(0, |event| event.0);
    plain.finish(ms(end));
    String::from_utf8(out).unwrap()
}

#[test]
fn an_up_is_told_change_by_change() {
    let (db, api, postgres) = (container("db"), container("api"), image("postgres:17", &["db"]));
    let (data, files) = (network("data"), volume("db"));
    let create: &[Action] = &[Action::Create];
    let mut events = vec![
        (
            0,
            planned(
                &[
                    (&data, create),
                    (&files, create),
                    (&postgres, &[Action::Pull]),
                    (&db, UP),
                    (&api, UP),
                ],
                &[],
            ),
        ),
        (5, started(&data, Action::Create, "missing")),
        (10, finished(&data, Action::Create, 5)),
        (10, started(&files, Action::Create, "missing")),
        (15, started(&postgres, Action::Pull, "missing")),
        (20, finished(&files, Action::Create, 10)),
        (100, layer(&postgres, "a", "Downloading", 50, 145_000_000)),
        (9000, layer(&postgres, "a", "Downloading", 145_000_000, 145_000_000)),
        (12_315, finished(&postgres, Action::Pull, 12_300)),
    ];
    events.extend(brought_up(&db, 12_320, 1_900).into_iter().take(5));
    events.extend([
        (12_600, probe(&db, "connection refused")),
        (12_600, blocked(&api, "waiting for db: connection refused")),
        (13_000, probe(&db, "connection refused")),
        (13_500, probe(&db, "starting up")),
        (13_500, blocked(&api, "waiting for db: starting up")),
        (14_470, finished(&db, Action::Await, 1_900)),
    ]);
    events.extend(brought_up(&api, 14_480, 200));
    insta::assert_snapshot!(lines(&events), @"
    network shop_data created
    db   pulling postgres:17
    volume shop_db created
    db   pulled postgres:17 (12.3s, 145.0MB)
    db   created (missing)
    db   started
    db   not ready yet: connection refused
    api  waiting for db: connection refused
    db   not ready yet: starting up
    api  waiting for db: starting up
    db   ready (1.9s)
    api  created (missing)
    api  started
    api  ready (200ms)
    ");
}

#[test]
fn what_is_over_at_once_is_not_announced() {
    let db = container("db");
    let mut events = vec![(0, planned(&[(&db, UP)], &[]))];
    events.extend(brought_up(&db, 0, 200));
    events.insert(6, (260, probe(&db, "connection refused")));
    insta::assert_snapshot!(lines(&events), @"
    db  created (missing)
    db  started
    db  ready (200ms)
    ");
}

#[test]
fn a_container_made_anew_says_why_once() {
    let api = container("api");
    let mut events = vec![(0, planned(&[(&api, ANEW)], &[container("redis")]))];
    let mut at = 0;
    for (action, took) in ANEW.iter().zip([50, 2_600, 40, 10, 200, 700]) {
        events.push((at, started(&api, *action, "environment changed")));
        at += took;
        events.push((at, finished(&api, *action, took)));
    }
    insta::assert_snapshot!(lines(&events), @"
    api    created (environment changed)
    api    stopping
    api    stopped (2.6s)
    api    removed
    api    started
    api    ready (700ms)
    ");
}

#[test]
fn a_build_tells_its_steps_and_leaves_why_one_failed_to_the_end_of_the_run() {
    let built = image("shop-api", &["api"]);
    let events = [
        (0, planned(&[(&built, &[Action::Build]), (&container("api"), UP)], &[])),
        (0, started(&built, Action::Build, "sources changed")),
        (10, build(&built, 1, "[internal] load build definition", Running)),
        (20, build(&built, 1, "[internal] load build definition", Done(ms(10)))),
        (30, build(&built, 2, "[deps 1/2] FROM node:24", Cached)),
        (30, build(&built, 3, "[deps 2/2] RUN npm ci", Running)),
        (40, output(&built, 3, "added 312 packages")),
        (12_330, build(&built, 3, "[deps 2/2] RUN npm ci", Done(ms(12_300)))),
        (12_400, build(&built, 4, "[dev 1/1] RUN npm run build", Running)),
        (12_500, output(&built, 4, "\u{1b}[31merror\u{1b}[0m TS2322")),
        (12_600, build(&built, 4, "[dev 1/1] RUN npm run build", Failed)),
        (12_610, failed(&built, Action::Build, "`[dev 1/1] RUN npm run build` exited with 2")),
        (12_620, Event::Cancelling),
    ];
    insta::assert_snapshot!(lines(&events), @"
    api  building shop-api
    api  build: 1 step cached
    api  [deps 2/2] RUN npm ci
    api  [deps 2/2] RUN npm ci (12.3s)
    api  [dev 1/1] RUN npm run build failed
    api  failed to build
    cancelling, waiting for what has begun
    ");
}

#[test]
fn failures_and_warnings_are_one_line_each_without_the_reason() {
    let (db, data) = (container("db"), network("data"));
    let events = [
        (0, planned(&[(&data, &[Action::Create]), (&db, UP)], &[])),
        (0, Event::Warning("`version` is\nobsolete".to_owned())),
        (10, failed(&data, Action::Create, "all address pools are in use")),
        (20, failed(&db, Action::Start, "port 5432 is taken")),
        (30, failed(&db, Action::Await, "exited (1)")),
        (40, failed(&image("redis:8", &[]), Action::Pull, "not found")),
    ];
    insta::assert_snapshot!(lines(&events), @"
    warning: `version` is obsolete
    failed to create network shop_data
    db  failed to start
    db  did not become ready
    image redis:8 failed to pull
    ");
}

#[test]
fn a_run_down_is_told_too() {
    let (db, files, local) = (container("db"), volume("db"), image("shop-api", &["api"]));
    let remove: &[Action] = &[Action::Remove];
    let mut events = vec![(0, planned(&[(&db, DOWN), (&files, remove), (&local, remove)], &[]))];
    for (subject, action, at, took) in [
        (&db, Action::Stop, 0, 10_100),
        (&db, Action::Remove, 10_100, 50),
        (&files, Action::Remove, 10_160, 20),
        (&local, Action::Remove, 10_200, 20),
    ] {
        events.push((at, started(subject, action, "")));
        events.push((at + took, finished(subject, action, took)));
    }
    insta::assert_snapshot!(lines(&events), @"
    db   stopping
    db   stopped (10.1s)
    db   removed
    volume shop_db removed
    image shop-api removed
    ");
}

#[test]
fn nothing_to_do_is_one_line() {
    assert_eq!(
        lines(&[(0, planned(&[], &[container("db"), container("api")]))]),
        "nothing to do, 2 containers unchanged\n"
    );
    assert_eq!(lines(&[(0, planned(&[], &[]))]), "");
}

#[test]
fn hooks_before_the_start_are_told_once_each() {
    let (web, first) = (container("web"), hook("web", 1));
    let mut events = vec![(0, planned(&[(&web, UP), (&first, HOOK)], &[]))];
    events.push((10, started(&web, Action::Create, "missing")));
    events.push((60, finished(&web, Action::Create, 50)));
    events.extend(hooked(&first, 60, 2000));
    events.extend(brought_up(&web, 3300, 500).split_off(2));
    insta::assert_snapshot!(lines(&events), @"
    web  created (missing)
    web  waiting for db: starting up
    web  pre_start hook 1 runs
    web  pre_start hook 1 finished (2.0s)
    web  started
    web  ready (500ms)
    ");
    let failing = [
        (0, planned(&[(&web, UP), (&first, HOOK)], &[])),
        (10, started(&first, Action::Complete, "missing")),
        (20, failed(&first, Action::Complete, "exited with code 3")),
    ];
    insta::assert_snapshot!(lines(&failing), @"web  pre_start hook 1 failed");
}
