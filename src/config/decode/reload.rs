//! devstack's own `reload`.

use std::net::{IpAddr, Ipv4Addr};

use super::context::{Cx, Field, Fields, Placed};
use super::scalar::{boolean, duration, integer, text, word};
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::node::Value;
use crate::project::{NodeRunner, Port, Protocol, PublishedPort, Reload};

const RUNNERS: &[(&str, Runner)] = &[("node", Runner::Node)];

#[derive(Clone, Copy)]
enum Runner {
    Node,
}

/// Reads `reload`: the word `node`, `true` for the same, `false` for nothing, or a mapping of the
/// runner's settings.
pub(super) fn reload(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Reload> {
    match &field.node.value {
        Value::Bool(wanted) => return wanted.then(|| Reload::Node(NodeRunner::default())),
        _ if field.node.scalar_text().is_some() => {
            let Runner::Node = word(cx, field, RUNNERS)?;
            return Some(Reload::Node(NodeRunner::default()));
        }
        _ => {}
    }
    let mut fields = Fields::open(cx, field)?;
    let Runner::Node =
        fields.read(cx, "runner", |cx, field| word(cx, field, RUNNERS)).unwrap_or(Runner::Node);
    let default = NodeRunner::default();
    let runner = NodeRunner {
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
    };
    fields.finish(cx);
    Some(Reload::Node(runner))
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
