//! `tmpfs` of a service: `PATH[:OPTIONS]`.

use super::context::{Cx, Field};
use super::mount::has_absolute_target;
use super::scalar::{one_or_list, text};
use crate::config::diagnostic::Diagnostic;
use crate::config::suggest::closest;

/// Options with a value.
const SETTINGS: [&str; 7] = ["gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"];

/// Options that are one word.
const FLAGS: [&str; 30] = [
    "async",
    "atime",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "private",
    "relatime",
    "ro",
    "rprivate",
    "rshared",
    "rslave",
    "runbindable",
    "rw",
    "shared",
    "slave",
    "strictatime",
    "suid",
    "sync",
    "unbindable",
];

/// Reads one or several.
pub(super) fn tmpfs(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    one_or_list(entry)(cx, field)
}

fn entry(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let entry = text(cx, field)?;
    let (path, options) = entry.split_once(':').unwrap_or((&entry, ""));
    has_absolute_target(cx, field, path);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let is_known = match option.split_once('=') {
            Some((name, _)) => SETTINGS.contains(&name),
            None => FLAGS.contains(&option),
        };
        if !is_known {
            let message = format!("`{option}` is not an option of a tmpfs");
            let name = option.split('=').next().unwrap_or_default();
            let diagnostic = Diagnostic::error(message, field.span());
            cx.push(match closest(name, SETTINGS.into_iter().chain(FLAGS)) {
                Some(known) if SETTINGS.contains(&known) => {
                    diagnostic.help(format!("did you mean `{known}=VALUE`?"))
                }
                Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                None => diagnostic.help("write an option such as `size=64m` or `mode=1777`"),
            });
        }
    }
    Some(entry)
}
