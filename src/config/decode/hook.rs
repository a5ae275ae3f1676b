//! Commands at moments of a container's life: `pre_start`, `post_start`, `pre_stop`, and those of
//! watch rules.

use super::command::arguments;
use super::context::{Cx, Field, Fields};
use super::pairs::passed_through;
use super::scalar::{boolean, container_folder, user};
use super::service::written_image;
use crate::config::diagnostic::Diagnostic;
use crate::project::{Hook, PreStart};

/// Reads `post_start` or `pre_stop`.
pub(super) fn hooks(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<Hook>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    Some(items.iter().filter_map(|item| hook(cx, item)).collect())
}

/// Reads a command to run in a container; `None` when it names no program, which is reported.
pub(super) fn hook(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Hook> {
    let mut fields = Fields::open(cx, field)?;
    let hook = common(cx, &mut fields);
    fields.finish(cx);
    if hook.command.is_empty() {
        let message = format!("`{}` has no `command`", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("add `command:`, what to run in the container"),
        );
        return None;
    }
    Some(hook)
}

/// Reads `pre_start`.
pub(super) fn pre_start(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<PreStart>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    Some(items.iter().filter_map(|item| pre_start_hook(cx, item)).collect())
}

fn pre_start_hook(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<PreStart> {
    let mut fields = Fields::open(cx, field)?;
    let hook = common(cx, &mut fields);
    let image_at = fields.take("image");
    let image = image_at.as_ref().and_then(|field| written_image(cx, field));
    let per_replica = fields.read(cx, "per_replica", boolean).unwrap_or_default();
    fields.finish(cx);
    // An image may be made for just this; that of the service would run the service.
    if hook.command.is_empty() && image_at.is_none() {
        let message = format!("`{}` has neither `command` nor `image`", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("add `command:`, what has to be done before the service starts"),
        );
        return None;
    }
    Some(PreStart { hook, image, per_replica })
}

fn common(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> Hook {
    Hook {
        command: fields.read(cx, "command", arguments).unwrap_or_default(),
        user: fields.read(cx, "user", user),
        privileged: fields.read(cx, "privileged", boolean).unwrap_or_default(),
        working_dir: fields.read(cx, "working_dir", container_folder),
        environment: fields.read(cx, "environment", passed_through).unwrap_or_default(),
    }
}
