use indicatif::InMemoryTerm;

use super::super::fixture::*;
use super::*;
use crate::event::Action;

fn display(height: u16) -> (InMemoryTerm, Box<dyn Reporter>) {
    let term = InMemoryTerm::new(height, 60);
    let tty = Box::new(Tty::new(term.clone(), Paint::new(false)));
    (term, tty)
}

#[test]
fn quick_plans_draw_their_outcome_only() {
    let (term, mut tty) = display(10);
    tty.report(&planned(&[(&container("db"), &[Action::Start])], &[]), ms(0));
    tty.report(&started(&container("db"), Action::Start, ""), ms(1));
    tty.tick(ms(99));
    assert_eq!(term.contents(), "");
    tty.report(&finished(&container("db"), Action::Start, 98), ms(99));
    tty.finish(ms(99));
    assert_eq!(term.contents(), "✔ db  started");
}

#[test]
fn live_lines_are_drawn_twenty_times_a_second_and_give_way_to_the_outcome() {
    let (term, mut tty) = display(10);
    let (db, api) = (container("db"), container("api"));
    tty.report(&planned(&[(&db, UP), (&api, UP)], &[]), ms(0));
    tty.report(&started(&db, Action::Create, "missing"), ms(1));
    tty.report(&blocked(&api, "waiting for db: created"), ms(1));
    tty.tick(ms(100));
    insta::assert_snapshot!(term.contents(), @"
    ⠙ db   creating
    · api  waiting for db: created
    ");
    let _ = term.moves_since_last_check();
    tty.report(&blocked(&api, "waiting for db: starting up"), ms(149));
    assert_eq!(term.moves_since_last_check(), "");
    tty.tick(ms(150));
    insta::assert_snapshot!(term.contents(), @"
    ⠙ db   creating
    · api  waiting for db: starting up
    ");
    let _ = term.moves_since_last_check();
    // Nothing has changed, so nothing is drawn.
    tty.tick(ms(200 - 1));
    assert_eq!(term.moves_since_last_check(), "");
    tty.report(&failed(&db, Action::Create, "no space left on device"), ms(300));
    tty.finish(ms(310));
    insta::assert_snapshot!(term.contents(), @"
    ✘ db   no space left on device
    - api  not started, was waiting for db: starting up
    ");
}

#[test]
fn what_others_write_stands_above_the_live_lines() {
    let (term, mut tty) = display(10);
    tty.report(&planned(&[(&container("db"), &[Action::Start])], &[]), ms(0));
    tty.report(&Event::Warning("`version` is obsolete".to_owned()), ms(1));
    tty.report(&started(&container("db"), Action::Start, ""), ms(2));
    tty.tick(ms(200));
    let writer = term.clone();
    tty.suspend(&mut || writer.write_line("db-1 | hello").unwrap());
    tty.report(&Event::Warning("the disk is nearly full".to_owned()), ms(210));
    insta::assert_snapshot!(term.contents(), @"
    warning: `version` is obsolete
    db-1 | hello
    warning: the disk is nearly full
    ⠹ db  starting
    ");
    tty.finish(ms(300));
    insta::assert_snapshot!(term.contents(), @"
    warning: `version` is obsolete
    db-1 | hello
    warning: the disk is nearly full
    - db  not started
    ");
}

#[test]
fn a_second_plan_leaves_the_outcome_of_the_first() {
    let (term, mut tty) = display(10);
    let db = container("db");
    tty.report(&planned(&[(&db, DOWN)], &[]), ms(0));
    for action in DOWN {
        tty.report(&started(&db, *action, ""), ms(150));
        tty.report(&finished(&db, *action, 150), ms(300));
    }
    tty.report(&planned(&[(&db, &[Action::Create])], &[]), ms(310));
    tty.report(&started(&db, Action::Create, "missing"), ms(320));
    tty.tick(ms(500));
    insta::assert_snapshot!(term.contents(), @"
    ✔ db  removed in 300ms
    ⠴ db  creating
    ");
    tty.report(&finished(&db, Action::Create, 200), ms(520));
    tty.finish(ms(520));
    insta::assert_snapshot!(term.contents(), @"
    ✔ db  removed in 300ms
    ✔ db  created
    ");
}

#[test]
fn there_are_never_more_rows_than_the_terminal_has() {
    let (term, mut tty) = display(4);
    let names: Vec<_> = (1..=9).map(|n| container(&format!("worker-{n}"))).collect();
    let steps: Vec<_> = names.iter().map(|name| (name, UP)).collect();
    tty.report(&planned(&steps, &[]), ms(0));
    for at in (100..2000).step_by(50) {
        tty.tick(ms(at));
    }
    insta::assert_snapshot!(term.contents(), @"
    · worker-1  queued
    · worker-2  queued
      + 7 more: 7 waiting
    ");
}
