//! `develop` of a service.

use super::context::{Cx, Field, Fields};
use super::hook::hook;
use super::scalar::{boolean, text, text_or_texts, word};
use crate::config::diagnostic::Diagnostic;
use crate::project::{Develop, Dockerignore, WatchAction, WatchRule};

const ACTIONS: &[(&str, WatchAction)] = &[
    ("rebuild", WatchAction::Rebuild),
    ("sync", WatchAction::Sync),
    ("restart", WatchAction::Restart),
    ("sync+restart", WatchAction::SyncRestart),
    ("sync+exec", WatchAction::SyncExec),
];

/// Reads the section. Only a service that is built can be rebuilt.
pub(super) fn develop(cx: &mut Cx<'_>, field: &Field<'_>, is_built: bool) -> Option<Develop> {
    let mut fields = Fields::open(cx, field)?;
    let watch = fields.read(cx, "watch", |cx, field| {
        let Some(items) = field.items() else { return cx.wrong(field, "a list") };
        Some(items.iter().filter_map(|item| rule(cx, item, is_built)).collect())
    });
    fields.finish(cx);
    Some(Develop { watch: watch.unwrap_or_default() })
}

fn rule(cx: &mut Cx<'_>, field: &Field<'_>, is_built: bool) -> Option<WatchRule> {
    let mut fields = Fields::open(cx, field)?;
    let path_at = fields.take("path");
    let action_at = fields.take("action");
    let target_at = fields.take("target");
    let exec_at = fields.take("exec");
    let path = path_at.as_ref().and_then(|field| text(cx, field)).map(|path| cx.absolute(&path));
    let action = action_at.as_ref().and_then(|field| word(cx, field, ACTIONS));
    let target = target_at.as_ref().and_then(|field| text(cx, field));
    let ignore = fields.read(cx, "ignore", patterns).unwrap_or_default();
    let include = fields.read(cx, "include", patterns).unwrap_or_default();
    let initial_sync_at = fields.take("initial_sync");
    let initial_sync =
        initial_sync_at.as_ref().and_then(|field| boolean(cx, field)).unwrap_or_default();
    let exec = exec_at.as_ref().and_then(|field| hook(cx, field));
    fields.finish(cx);

    for (key, at) in [("path", &path_at), ("action", &action_at)] {
        if at.is_none() {
            let help = match key {
                "path" => "add `path:`, a file or folder of this machine",
                _ => "add `action:`: `rebuild`, `sync`, `restart`, `sync+restart` or `sync+exec`",
            };
            let message = format!("`{}` has no `{key}`", field.path);
            cx.push(Diagnostic::error(message, field.span()).help(help));
        }
    }
    let (path, action) = (path?, action?);
    let place = action_at.as_ref().map_or(field.span(), Field::span);
    if action == WatchAction::Rebuild && !is_built {
        let message = format!("`{}` rebuilds a service that has no `build`", field.path);
        cx.push_absent(
            Diagnostic::error(message, place)
                .help("add `build:` to the service, or `action: restart`"),
        );
    }
    match (&target_at, action.syncs()) {
        (None, true) => {
            let message = format!("`{}` copies to no place", field.path);
            cx.push(
                Diagnostic::error(message, place)
                    .help("add `target:`, the path inside the container"),
            );
            return None;
        }
        (Some(at), false) => ineffective(cx, at, action),
        _ => {}
    }
    if let (Some(target), Some(at)) = (&target, &target_at)
        && !target.starts_with('/')
    {
        let message = format!("`{}` must be an absolute path, not `{target}`", at.path);
        cx.push(
            Diagnostic::error(message, at.span()).help("a path in a container begins with `/`"),
        );
    }
    match (&exec_at, action == WatchAction::SyncExec) {
        (None, true) => {
            let message = format!("`{}` runs no command", field.path);
            cx.push(
                Diagnostic::error(message, place)
                    .help("add `exec: {command: ...}`, or use `action: sync`"),
            );
        }
        (Some(at), false) => ineffective(cx, at, action),
        _ => {}
    }
    if let Some(at) = initial_sync_at.filter(|_| initial_sync && !action.syncs()) {
        ineffective(cx, &at, action);
    }
    Some(WatchRule { path, action, target, ignore, include, initial_sync, exec })
}

fn ineffective(cx: &mut Cx<'_>, field: &Field<'_>, action: WatchAction) {
    let message = format!("`{}` has no effect on `{}`", field.path, action.as_str());
    cx.push(Diagnostic::warning(message, field.key).help("remove it"));
}

/// Patterns in the notation of `.dockerignore`.
pub(super) fn patterns(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let patterns = text_or_texts(cx, field)?;
    if let Err(error) = Dockerignore::of(patterns.iter().map(String::as_str)) {
        let place = field.items().and_then(|items| items.into_iter().nth(error.line - 1));
        let message = format!("`{}` is not a pattern: {}", error.pattern, error.reason);
        let span = place.as_ref().map_or(field.span(), Field::span);
        cx.push(Diagnostic::error(message, span));
        return None;
    }
    Some(patterns)
}
