//! Services must not wait for each other in a circle.

use std::collections::HashMap;

use crate::config::decode::context::Cx;
use crate::config::decode::service::Draft;
use crate::config::diagnostic::Diagnostic;

/// Reports each circle once, whole, at the edges that make it.
pub(super) fn check(cx: &mut Cx<'_>, drafts: &[Draft<'_>]) {
    let index: HashMap<&str, usize> = drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| (draft.service.name.as_str(), index))
        .collect();
    let mut state = vec![State::New; drafts.len()];
    for start in 0..drafts.len() {
        if state[start] != State::New {
            continue;
        }
        // Walks in depth without recursion: a file may hold a long chain.
        let mut path = vec![Step { service: start, edge: 0 }];
        state[start] = State::OnPath;
        while let Some(step) = path.last_mut() {
            let service = step.service;
            let Some(edge) = drafts[service].dependencies.get(step.edge) else {
                state[service] = State::Done;
                path.pop();
                continue;
            };
            step.edge += 1;
            let Some(&next) = index.get(edge.value.service.as_str()) else { continue };
            match state[next] {
                // An edge to itself is reported as such.
                State::OnPath if next != service => report(cx, drafts, &path, next),
                State::OnPath | State::Done => {}
                State::New => {
                    state[next] = State::OnPath;
                    path.push(Step { service: next, edge: 0 });
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

struct Step {
    service: usize,
    /// The edge to follow next; the one before it led to the next step.
    edge: usize,
}

fn report(cx: &mut Cx<'_>, drafts: &[Draft<'_>], path: &[Step], first: usize) {
    let from = path.iter().position(|step| step.service == first).unwrap_or_default();
    let circle = &path[from..];
    let name = |index: usize| drafts[index].service.name.as_str();
    let names: Vec<&str> =
        circle.iter().map(|step| name(step.service)).chain([name(first)]).collect();
    let mut edges = circle.iter().map(|step| &drafts[step.service].dependencies[step.edge - 1]);
    let Some(opening) = edges.next() else { return };
    let message = format!("services depend on each other in a circle: `{}`", names.join(" -> "));
    let mut diagnostic = Diagnostic::error(message, opening.span)
        .label(format!("`{}` waits for `{}`", names[0], names[1]))
        .help("remove one of these dependencies");
    for (edge, pair) in edges.zip(names.windows(2).skip(1)) {
        diagnostic = diagnostic.also(edge.span, format!("`{}` waits for `{}`", pair[0], pair[1]));
    }
    cx.push(diagnostic);
}
