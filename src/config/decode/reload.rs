//! devstack's own `reload`.

use std::net::{IpAddr, Ipv4Addr};

use super::command::arguments;
use super::context::{Cx, Field, Fields, Placed};
use super::develop::patterns;
use super::scalar::{boolean, duration, integer, text, unknown_word, word};
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::node::Value;
use crate::project::{
    CommandRunner, NodeRunner, Port, Protocol, PublishedPort, Reload, ReloadFiles, SyncPath,
};

/// What a service may say that takes up changed code, as one word.
const WORDS: &[(&str, Word)] = &[("node", Word::Node), ("restart", Word::Restart)];

const RUNNERS: &[(&str, Word)] = &[("node", Word::Node)];

#[derive(Clone, Copy)]
enum Word {
    Node,
    Restart,
}

/// The ways to take up changed code, by the key that chooses one.
const WAYS: [(&str, Way); 4] = [
    ("runner", Way::Node),
    ("restart", Way::Restart),
    ("signal", Way::Signal),
    ("command", Way::Command),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Node,
    Restart,
    Signal,
    Command,
}

/// The other keys, and the ways that they belong to.
const SETTINGS: [(&str, &[Way]); 14] = [
    ("entry", &[Way::Node]),
    ("paths", &[Way::Node]),
    ("watch", &[Way::Node]),
    ("preload", &[Way::Node]),
    ("types", &[Way::Node]),
    ("overlap", &[Way::Node]),
    ("early", &[Way::Node]),
    ("inspect", &[Way::Node]),
    ("hold", &[Way::Node]),
    ("grace", &[Way::Node, Way::Command]),
    ("compile", &[Way::Command]),
    ("sync", &[Way::Restart, Way::Signal, Way::Command]),
    ("ignore", &[Way::Restart, Way::Signal, Way::Command]),
    ("include", &[Way::Restart, Way::Signal, Way::Command]),
];

/// Signals that a program can take notice of and that an engine can send.
const SIGNALS: [&str; 8] =
    ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH"];

/// Reads `reload`: the words `node` or `restart`, `true` for `node`, `false` for nothing, or a
/// mapping that says how and has the settings of that way.
pub(super) fn reload(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Reload> {
    match &field.node.value {
        Value::Bool(wanted) => return wanted.then(|| Reload::Node(NodeRunner::default())),
        _ if field.node.scalar_text().is_some() => {
            let text = text(cx, field)?;
            let found = WORDS.iter().find(|(word, _)| *word == text);
            return match found {
                Some((_, Word::Node)) => Some(Reload::Node(NodeRunner::default())),
                Some((_, Word::Restart)) => Some(Reload::Restart(ReloadFiles::default())),
                None => {
                    let words = WORDS.iter().map(|(word, _)| *word).chain(["false"]);
                    cx.push(
                        unknown_word(field, &text, words)
                            .help("or say more: `{signal: SIGHUP}`, `{command: [PROGRAM]}`"),
                    );
                    None
                }
            };
        }
        _ => {}
    }
    let mut fields = Fields::open(cx, field)?;
    let way = way(cx, &mut fields)?;
    for (key, ways) in SETTINGS {
        if let Some(setting) = fields.take(key)
            && !ways.contains(&way)
        {
            let message = format!("`{}` does not go with `{}`", setting.path, way.key());
            cx.push(Diagnostic::error(message, setting.key).help("remove one of them"));
        }
    }
    let reload = match way {
        Way::Node => {
            fields.read(cx, "runner", |cx, field| word(cx, field, RUNNERS));
            Some(Reload::Node(node(cx, &mut fields)))
        }
        Way::Restart => {
            let files = files(cx, &mut fields);
            let wanted = fields.read(cx, "restart", boolean).unwrap_or(true);
            if !wanted {
                let message = format!("`{}.restart` chooses a way and cannot be false", field.path);
                cx.push(Diagnostic::error(message, field.span()).help("write `reload: false`"));
            }
            Some(Reload::Restart(files))
        }
        Way::Signal => {
            let files = files(cx, &mut fields);
            let signal = required(cx, &mut fields, "signal", "a signal such as `SIGHUP`", signal);
            signal.map(|signal| Reload::Signal { signal, files })
        }
        Way::Command => {
            let files = files(cx, &mut fields);
            let compile = fields.read(cx, "compile", program).unwrap_or_default();
            let grace = fields.read(cx, "grace", duration).unwrap_or(CommandRunner::GRACE);
            let what = "a command such as `[python, server.py]`";
            let command = required(cx, &mut fields, "command", what, program);
            command.map(|command| Reload::Command(CommandRunner { command, compile, grace, files }))
        }
    };
    fields.finish(cx);
    reload
}

impl Way {
    fn key(self) -> &'static str {
        WAYS.iter().find(|(_, way)| *way == self).map_or("node", |(key, way)| match way {
            Self::Node => "node",
            _ => key,
        })
    }
}

/// The way that a mapping chooses; `None` when it chooses several.
fn way(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> Option<Way> {
    let mut chosen: Option<(&str, Way, Field<'_>)> = None;
    for (key, way) in WAYS {
        // `{restart}` says it all.
        let Some(field) = fields.take_nullable(key) else { continue };
        if let Some((first, _, at)) = &chosen {
            let message = format!("`{}` chooses both `{first}` and `{key}`", fields.path);
            cx.push(
                Diagnostic::error(message, field.key)
                    .also(at.key, "the first one")
                    .help("keep one of them"),
            );
            return None;
        }
        chosen = Some((key, way, field));
    }
    Some(chosen.map_or(Way::Node, |(_, way, _)| way))
}

fn node(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> NodeRunner {
    let default = NodeRunner::default();
    NodeRunner {
        entry: fields.read(cx, "entry", inside),
        paths: fields.read(cx, "paths", folders).unwrap_or_default(),
        watch: fields.read(cx, "watch", boolean).unwrap_or(default.watch),
        preload: fields.read(cx, "preload", boolean).unwrap_or(default.preload),
        types: fields.read(cx, "types", boolean).unwrap_or(default.types),
        overlap: fields.read(cx, "overlap", boolean).unwrap_or(default.overlap),
        early: fields.read(cx, "early", boolean).unwrap_or(default.early),
        inspect: fields.read(cx, "inspect", |cx, field| {
            let port: u16 = integer(cx, field)?;
            if port == 0 {
                let message = format!("`{}` must be a port number, not `0`", field.path);
                cx.push(Diagnostic::error(message, field.span()).help("write `9229`"));
                return None;
            }
            Some(port)
        }),
        hold: fields.read(cx, "hold", duration).unwrap_or(default.hold),
        grace: fields.read(cx, "grace", duration).unwrap_or(default.grace),
    }
}

fn files(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> ReloadFiles {
    ReloadFiles {
        sync: fields.read(cx, "sync", sync).unwrap_or_default(),
        ignore: fields.read(cx, "ignore", patterns).unwrap_or_default(),
        include: fields.read(cx, "include", patterns).unwrap_or_default(),
    }
}

/// A key that chose the way, and so must have a value.
fn required<'n, T>(
    cx: &mut Cx<'_>,
    fields: &mut Fields<'n>,
    key: &'static str,
    expected: &str,
    reader: impl FnOnce(&mut Cx<'_>, &Field<'n>) -> Option<T>,
) -> Option<T> {
    let field = fields.take_nullable(key)?;
    if field.is_null() { cx.wrong(&field, expected) } else { reader(cx, &field) }
}

fn signal(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<&'static str> {
    let text = text(cx, field)?;
    let upper = text.to_uppercase();
    let found = SIGNALS.into_iter().find(|name| {
        *name == upper || name.strip_prefix("SIG").is_some_and(|short| short == upper)
    });
    if found.is_none() {
        cx.push(unknown_word(field, &text, SIGNALS.into_iter()));
    }
    found
}

/// A command that has a program.
fn program(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let words = arguments(cx, field)?;
    if words.first().is_none_or(String::is_empty) {
        let message = format!("`{}` names no program", field.path);
        cx.push(Diagnostic::error(message, field.span()).help("write it as in `[python, app.py]`"));
        return None;
    }
    Some(words)
}

/// One or several `PATH:TARGET`.
fn sync(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<SyncPath>> {
    let one = |cx: &mut Cx<'_>, field: &Field<'_>| {
        let text = text(cx, field)?;
        let parts = text.rsplit_once(':');
        let Some((path, target)) =
            parts.filter(|(path, target)| !path.is_empty() && target.starts_with('/'))
        else {
            let message = format!("`{}` must be `PATH:TARGET`, not `{text}`", field.path);
            let help = "a path here and an absolute one in the container, as in `./src:/app/src`";
            cx.push(Diagnostic::error(message, field.span()).help(help));
            return None;
        };
        Some(SyncPath { path: cx.absolute(path), target: target.to_owned() })
    };
    let Some(items) = field.items() else { return one(cx, field).map(|path| vec![path]) };
    Some(items.iter().filter_map(|item| one(cx, item)).collect())
}

/// Publishes the debugger's port on this machine, unless the service does so itself.
pub(super) fn publish_inspector<'n>(
    reload: Option<&Reload>,
    place: &'n Span,
    ports: &mut Vec<Placed<'n, Port>>,
) {
    let Some(Reload::Node(NodeRunner { inspect: Some(inspect), .. })) = reload else { return };
    if ports.iter().any(|port| port.value.target == *inspect) {
        return;
    }
    let value = Port {
        name: None,
        host_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        target: *inspect,
        published: Some(PublishedPort::Fixed(*inspect)),
        protocol: Protocol::Tcp,
        app_protocol: None,
    };
    ports.push(Placed { value, span: place });
}

fn folders(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let Some(items) = field.items() else { return inside(cx, field).map(|path| vec![path]) };
    Some(items.iter().filter_map(|item| inside(cx, item)).collect())
}

/// A path of the application: the runner compiles into a folder that mirrors it.
fn inside(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let path = text(cx, field)?;
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leaves || path.is_empty() {
        let message =
            format!("`{}` must be a path below the working directory, not `{path}`", field.path);
        cx.push(Diagnostic::error(message, field.span()).help("write it as in `src/main.ts`"));
        return None;
    }
    Some(path.trim_start_matches("./").trim_end_matches('/').to_owned())
}
