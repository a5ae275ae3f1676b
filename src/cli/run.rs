//! Carries a plan out before a person's eyes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::{CliError, Problem};
use super::timing::usual_boots;
use crate::engine::Engine;
use crate::event::Event;
use crate::execute::{Arrived, ExecuteError, HalfMade, Limits, execute};
use crate::os::signal::Interrupts;
use crate::plan::Plan;
use crate::report::reporter;

/// Events that wait for a slow terminal before the run waits too.
const EVENTS: usize = 1024;

/// Time between two redraws.
const TICK: Duration = Duration::from_millis(80);

/// Runs a plan. An interrupt cancels it: what is under way ends, nothing new begins. A second one
/// does not wait for that either; the engine finishes what it was asked to do.
///
/// Returns what the containers do that it waited for.
///
/// # Errors
/// What failed, or that it was interrupted.
pub(super) async fn run<E: Engine>(
    cx: &Context,
    engine: &Arc<E>,
    plan: &Plan,
    wait: Option<Duration>,
    interrupts: &mut Interrupts,
) -> Result<Arrived, CliError> {
    if plan.is_empty() && plan.warnings.is_empty() && plan.unchanged.is_empty() {
        return Ok(Arrived::new());
    }
    let mut plan = plan.clone();
    plan.hasten(&usual_boots(cx, &plan));
    let mut limits = Limits { wait, ..Limits::default() };
    if let Some(parallel) = cx.global.parallel {
        limits.parallel = parallel;
    }
    let (sender, mut events) = mpsc::channel::<Event>(EVENTS);
    let cancel = CancellationToken::new();
    let mut display = reporter(cx.progress(), cx.terminal_facts(), time::OffsetDateTime::now_utc());
    let redactor = cx.redactor();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let heard = interrupts.answered();
    let mut impatience = interrupts.clone();
    let work = execute(Arc::clone(engine), &plan, limits, sender, cancel.clone());
    tokio::pin!(work);
    let outcome: Result<Arrived, ExecuteError> = loop {
        tokio::select! {
            biased;
            () = impatience.at_least(heard + 2) => {
                let half_made = HalfMade::default();
                break Err(ExecuteError { failures: Vec::new(), cancelled: true, half_made });
            }
            () = interrupts.at_least(heard + 1), if !cancel.is_cancelled() => cancel.cancel(),
            Some(event) = events.recv() => {
                let event = redactor.event(event);
                cx.clock.record(&event);
                display.report(&event, begun.elapsed());
                // A job that has failed need not find out how long the others would take.
                if cx.is_ci() && matches!(event, Event::Failed { .. }) {
                    cancel.cancel();
                }
            }
            _ = ticks.tick() => display.tick(begun.elapsed()),
            outcome = &mut work => break outcome,
        }
    };
    while let Ok(event) = events.try_recv() {
        let event = redactor.event(event);
        cx.clock.record(&event);
        display.report(&event, begun.elapsed());
    }
    display.finish(begun.elapsed());
    if matches!(&outcome, Err(error) if error.cancelled) {
        interrupts.answer();
    }
    outcome.map_err(|error| Problem::Run(error).into())
}

/// Prints a plan instead of carrying it out.
pub(super) fn dry_run(cx: &Context, plan: &Plan) -> Result<(), CliError> {
    for warning in &plan.warnings {
        cx.note(&format!("warning: {warning}"));
    }
    // To see whether what runs is ready is nothing that is done to it.
    if plan.changes_nothing() {
        return cx.print("nothing to do");
    }
    cx.print(&plan.to_string())
}
