//! Commands that change a stack do so one after the other.

use std::time::Duration;

use super::context::Context;
use crate::engine::DockerEngine;
use crate::os::cache::Cache;
use crate::os::turn::Turn;
use crate::project::ProjectName;
use crate::state::hash::digest;

/// Time between two looks whether it is our turn.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until no other devstack of this user changes the stack of this name. Who would plan with
/// what the other one is about to change would make things twice, or take ports that are not free.
///
/// `None` where the cache folder cannot be written to: then nobody waits for anybody.
pub(super) async fn take(
    cx: &Context,
    engine: &DockerEngine,
    project: &ProjectName,
) -> Option<Turn> {
    let cache =
        Cache::find("turns", cx.variable("XDG_CACHE_HOME"), std::env::home_dir().as_deref())?;
    let name = format!("{project}-{}", &digest(&engine.endpoint().url)[..12]);
    let mut told = false;
    loop {
        match cache.turn(&name).ok()? {
            Ok(turn) => return Some(turn),
            Err(holder) if !told => {
                told = true;
                let process =
                    holder.process.map(|id| format!(" (process {id})")).unwrap_or_default();
                cx.note(&format!(
                    "another devstack{process} is changing this stack: waiting until it is done"
                ));
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// [`take`] for a stack whose files are known to be there.
pub(super) async fn take_again(cx: &Context, engine: &DockerEngine) -> Option<Turn> {
    take(cx, engine, &cx.load_files().ok()?.project.name).await
}
