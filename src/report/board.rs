//! The live display as a pure fold: events in, rows out. Knows no terminal and no clock.

use std::collections::HashMap;
use std::time::Duration;

use super::label::Labels;
use super::resources::{Resources, is_resource};
use super::row::{Mark, RenderedRow, Row};
use super::wording;
use crate::event::{Action, Event, Subject};
use crate::project::ServiceName;

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct Board {
    rows: Vec<Row>,
    /// The row of each container, by the engine's name.
    containers: HashMap<String, usize>,
    /// The rows that each image's making concerns; the first one shows it.
    images: HashMap<String, Vec<usize>>,
    /// The line for everything that is no container, and the row in front of which it stands.
    resources: Option<(usize, Resources)>,
    steps: usize,
    cancelling: bool,
}

impl Board {
    /// Takes in an event that came at `now`.
    pub(crate) fn apply(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Planned { steps, unchanged, .. } => *self = Self::planned(steps, unchanged),
            Event::Started { subject, action, cause } => {
                self.started(subject, *action, cause, now);
            }
            Event::Blocked { subject, reason } => {
                self.each_row(subject, |row| row.block(reason, now));
            }
            Event::Progress { subject, progress, .. } => {
                if let Some(row) = self.shown_row(subject) {
                    row.progress(progress, now);
                }
            }
            Event::Finished { subject, action, elapsed } => {
                self.finished(subject, *action, *elapsed);
            }
            Event::Failed { subject, action, reason } => {
                if is_resource(subject, *action) {
                    self.resources().fail(subject, *action, reason);
                } else if let Some(row) = self.shown_row(subject) {
                    match subject {
                        Subject::Hook { number, .. } => {
                            row.fail(&wording::of_hook(*number, reason));
                        }
                        _ => row.fail(reason),
                    }
                }
            }
            Event::Warning(_) => {}
            Event::Cancelling => self.cancelling = true,
        }
    }

    /// Renders at most `height` rows: those that matter least give way to one that counts them.
    pub(crate) fn rows(&self, now: Duration, height: usize) -> Vec<RenderedRow> {
        let mut rows = self.render(|row| row.render(now), |resources| resources.render(now));
        if !self.cancelling {
            return fit(rows, height);
        }
        rows = fit(rows, height.saturating_sub(1).max(1));
        rows.push(message(Mark::Waiting, "cancelling, waiting for what has begun"));
        rows
    }

    /// Renders what remains after the run.
    pub(crate) fn final_rows(&self, height: usize) -> Vec<RenderedRow> {
        let rows = self.render(Row::render_final, Resources::render_final);
        if self.steps == 0 && !rows.is_empty() {
            return vec![message(Mark::Done, &wording::nothing_to_do(rows.len()))];
        }
        if rows.len() <= height {
            return rows;
        }
        // Nobody reads a long list of what went well.
        let (well, mut rest): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| matches!(row.mark, Mark::Done | Mark::Unchanged));
        if !well.is_empty() {
            rest.insert(0, message(Mark::Done, &count(&well)));
        }
        fit(rest, height)
    }

    fn render(
        &self,
        row: impl FnMut(&Row) -> RenderedRow,
        resources: impl FnOnce(&Resources) -> RenderedRow,
    ) -> Vec<RenderedRow> {
        let mut rows: Vec<_> = self.rows.iter().map(row).collect();
        if let Some((place, line)) = &self.resources {
            rows.insert((*place).min(rows.len()), resources(line));
        }
        rows
    }

    fn planned(steps: &[(Subject, Action)], unchanged: &[Subject]) -> Self {
        let mut board = Self { steps: steps.len(), ..Self::default() };
        let containers = unchanged.iter().chain(steps.iter().map(|(subject, _)| subject));
        let labels = Labels::of(containers);
        let word = unchanged_word(steps);
        for subject in unchanged {
            if let Subject::Container { service, name } = subject {
                let row = Row::unchanged(labels.get(service, name).to_owned(), word);
                board.add(row, name);
            }
        }
        for (subject, action) in steps {
            if is_resource(subject, *action) {
                board.resources().plan(subject, *action);
            } else if let Some((service, name)) = subject.container() {
                let Some(action) = shown_action(subject, *action) else { continue };
                let index = match board.containers.get(name) {
                    Some(index) => *index,
                    None => board.add(Row::new(labels.get(service, name).to_owned()), name),
                };
                board.rows[index].plan(action);
            }
        }
        // Images come before their containers in the plan, but stand in their rows.
        let mut by_service: HashMap<&ServiceName, Vec<usize>> = HashMap::new();
        for subject in steps.iter().map(|(subject, _)| subject).chain(unchanged) {
            if let Subject::Container { service, name } = subject {
                let rows = by_service.entry(service).or_default();
                rows.extend(board.containers.get(name).filter(|index| !rows.contains(index)));
            }
        }
        for (subject, action) in steps {
            if let (Subject::Image { reference, services }, false) =
                (subject, is_resource(subject, *action))
            {
                let rows: Vec<_> =
                    services.iter().filter_map(|s| by_service.get(s)).flatten().copied().collect();
                if rows.is_empty() {
                    board.add_image(reference, services, *action);
                } else {
                    board.images.insert(reference.clone(), rows);
                }
            }
        }
        board
    }

    fn add(&mut self, row: Row, container: &str) -> usize {
        self.rows.push(row);
        self.containers.insert(container.to_owned(), self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// An image whose containers are not part of the plan has rows of its own.
    fn add_image(&mut self, reference: &str, services: &[ServiceName], action: Action) {
        let mut labels: Vec<_> = services.iter().map(ToString::to_string).collect();
        if labels.is_empty() {
            labels.push(reference.to_owned());
        }
        for label in labels {
            let mut row = Row::new(label);
            row.plan(action);
            self.rows.push(row);
            self.images.entry(reference.to_owned()).or_default().push(self.rows.len() - 1);
        }
    }

    fn started(&mut self, subject: &Subject, action: Action, cause: &str, now: Duration) {
        if is_resource(subject, action) {
            self.resources().start(subject, action, now);
        } else if let Subject::Image { reference, services } = subject {
            if !self.images.contains_key(reference) {
                self.add_image(reference, services, action);
            }
            let mut first = true;
            self.each_row(subject, |row| {
                if std::mem::take(&mut first) {
                    row.start_image(action, reference, now);
                } else {
                    row.block(&format!("waiting for image {reference}"), now);
                }
            });
        } else if let Some(action) = shown_action(subject, action)
            && let Some(row) = self.shown_row(subject)
        {
            row.start(action, cause, now);
        }
    }

    fn finished(&mut self, subject: &Subject, action: Action, elapsed: Duration) {
        if is_resource(subject, action) {
            self.resources().finish(subject, action);
        } else if matches!(subject, Subject::Image { .. }) {
            self.each_row(subject, |row| row.finish_image(action, elapsed));
        } else if let Some(action) = shown_action(subject, action)
            && let Some(row) = self.shown_row(subject)
        {
            row.finish(action, elapsed);
        }
    }

    fn resources(&mut self) -> &mut Resources {
        let place = self.rows.len();
        &mut self.resources.get_or_insert_with(|| (place, Resources::default())).1
    }

    /// The row that shows the subject; made on the spot when the plan did not mention it.
    fn shown_row(&mut self, subject: &Subject) -> Option<&mut Row> {
        let index = *self.indices(subject).first()?;
        self.rows.get_mut(index)
    }

    fn each_row(&mut self, subject: &Subject, mut act: impl FnMut(&mut Row)) {
        for index in self.indices(subject) {
            act(&mut self.rows[index]);
        }
    }

    fn indices(&mut self, subject: &Subject) -> Vec<usize> {
        match subject {
            Subject::Container { service, name }
            | Subject::Hook { service, container: name, .. } => {
                let known = self.containers.get(name).copied();
                vec![known.unwrap_or_else(|| self.add(Row::new(service.to_string()), name))]
            }
            Subject::Image { reference, .. } => {
                self.images.get(reference).cloned().unwrap_or_default()
            }
            Subject::Network(_) | Subject::Volume(_) => Vec::new(),
        }
    }
}

/// What the row of its container shows of a step: of a hook only that it runs.
const fn shown_action(subject: &Subject, action: Action) -> Option<Action> {
    match (subject, action) {
        (Subject::Hook { .. }, Action::Complete) => Some(Action::Hook),
        (Subject::Hook { .. }, _) => None,
        _ => Some(action),
    }
}

/// What to call a container that needs nothing, which depends on where the plan is heading.
fn unchanged_word(steps: &[(Subject, Action)]) -> &'static str {
    let goes_up = |action: &Action| {
        use Action::{Await, Complete, Create, Restart, Start};
        matches!(action, Create | Start | Restart | Await | Complete)
    };
    if steps.iter().any(|(_, action)| goes_up(action)) { "running" } else { "unchanged" }
}

fn message(mark: Mark, text: &str) -> RenderedRow {
    RenderedRow { mark, label: String::new(), text: text.to_owned(), gauge: None, elapsed: None }
}

/// Leaves out the rows that matter least until the rest and a line that counts them fit.
fn fit(rows: Vec<RenderedRow>, height: usize) -> Vec<RenderedRow> {
    if rows.len() <= height {
        return rows;
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // Of what is over the oldest goes first, of what is to come the latest.
    order.sort_by_key(|index| {
        let mark = rows[*index].mark;
        let over = matches!(mark, Mark::Unchanged | Mark::Done);
        (mark, if over { *index } else { rows.len() - index })
    });
    order.truncate(rows.len() - height.saturating_sub(1));
    let (mut hidden, mut shown) = (Vec::new(), Vec::new());
    for (index, row) in rows.into_iter().enumerate() {
        if order.contains(&index) { hidden.push(row) } else { shown.push(row) }
    }
    let text = format!("+ {} more: {}", hidden.len(), count(&hidden));
    shown.push(message(Mark::More, &text));
    shown
}

/// Counts rows by what became of them: `3 waiting, 9 done`.
fn count(rows: &[RenderedRow]) -> String {
    let of = |mark, text: &str| match rows.iter().filter(|row| row.mark == mark).count() {
        0 => String::new(),
        n => format!("{n} {text}"),
    };
    wording::list([
        of(Mark::Failed, "failed"),
        of(Mark::Working, "at work"),
        of(Mark::Waiting, "waiting"),
        of(Mark::Skipped, "not done"),
        of(Mark::Done, "done"),
        of(Mark::Unchanged, "unchanged"),
    ])
}

#[cfg(test)]
mod tests;
