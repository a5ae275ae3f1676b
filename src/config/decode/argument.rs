//! Short forms given on the command line instead of in a file.

use std::io;
use std::sync::Arc;

use super::DecodeRequest;
use super::context::{Cx, Field};
use crate::config::diagnostic::{Diagnostics, Source, Span};
use crate::config::node::{Node, Value};
use crate::project::{Mount, Port};

/// Reads `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`; `option` is who said so.
///
/// # Errors
/// What is wrong with it.
pub fn port(option: &str, text: &str, request: &DecodeRequest) -> Result<Vec<Port>, Diagnostics> {
    read(option, text, request, |cx, field| {
        super::port::ports(cx, field)
            .map(|ports| ports.into_iter().map(|placed| placed.value).collect())
    })
}

/// Reads `[SOURCE:]TARGET[:OPTIONS]`; `option` is who said so.
///
/// # Errors
/// What is wrong with it.
pub fn mount(option: &str, text: &str, request: &DecodeRequest) -> Result<Vec<Mount>, Diagnostics> {
    read(option, text, request, |cx, field| {
        super::mount::mounts(cx, field)
            .map(|mounts| mounts.into_iter().map(|placed| placed.value).collect())
    })
}

fn read<T>(
    option: &str,
    text: &str,
    request: &DecodeRequest,
    reader: impl FnOnce(&mut Cx<'_>, &Field<'_>) -> Option<T>,
) -> Result<T, Diagnostics> {
    let source = Arc::new(Source { name: option.to_owned(), text: text.to_owned() });
    let span = Span { source, start: 0, end: text.len() };
    let value = Value::String { text: text.to_owned(), plain: true };
    let item = Node { value, span: span.clone(), tag: None };
    let list = Node { value: Value::Sequence(vec![item]), span: span.clone(), tag: None };
    let mut files = |_: &std::path::Path| Err(io::ErrorKind::NotFound.into());
    let mut cx = Cx::new(request, &mut files);
    let read = reader(&mut cx, &Field { path: option.to_owned(), key: &span, node: &list });
    let findings = cx.into_findings();
    match read {
        Some(read) if !findings.has_errors() => Ok(read),
        _ => Err(findings),
    }
}
