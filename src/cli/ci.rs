//! What a job wants that nobody watches: the logs of failed services in its own log.

use super::context::Context;
use super::error::CliError;
use crate::engine::{DockerEngine, Engine as _, LogLines};
use crate::project::ProjectName;
use crate::state::ObservedContainer;

/// Lines of a failed service's log.
const LINES: usize = 200;

/// Prints the logs of the services that failed, on standard error; in GitHub Actions as folded
/// groups. What cannot be read is left out: the failure itself is told anyway.
pub(super) async fn print_logs(
    cx: &Context,
    engine: &DockerEngine,
    project: &ProjectName,
    error: &CliError,
) {
    let failed = error.failed_services();
    if failed.is_empty() {
        return;
    }
    let Ok(observed) = engine.observe_containers().await else { return };
    let folds = cx.variable("GITHUB_ACTIONS") == Some("true");
    let containers: Vec<&ObservedContainer> = observed
        .containers_of(project)
        .filter(|container| container.service().is_some_and(|name| failed.contains(&name)))
        .collect();
    for container in containers {
        let Ok(lines) = engine.log_lines(&container.id, LogLines::Last(LINES)).await else {
            continue;
        };
        let heading = format!("log of {} (at most {LINES} lines)", container.name);
        cx.note(&if folds { format!("::group::{heading}") } else { format!("--- {heading}") });
        for (_, line) in lines {
            cx.note(&cx.redactor().apply(&line));
        }
        if folds {
            cx.note("::endgroup::");
        }
    }
}
