//! `command`, `entrypoint` and `healthcheck`.

use super::context::{Cx, Field, Fields};
use super::scalar::{boolean, duration, integer, text, texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::{Duration, Healthcheck, HealthcheckTest};

/// An argument vector: a list as it is, a text split as a shell would.
pub(super) fn arguments(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    if let Value::Sequence(_) = field.node.value {
        return texts(cx, field);
    }
    let Some(line) = field.node.scalar_text() else { return cx.wrong(field, "text or a list") };
    let words = shell_words::split(line).ok();
    if words.is_none() {
        let message = format!("`{}` has a quote that is not closed", field.path);
        cx.push(
            Diagnostic::error(message, field.span())
                .help("close the quote, or write the command as a list"),
        );
    }
    words
}

/// Reads `healthcheck`.
pub(super) fn healthcheck(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Healthcheck> {
    let mut fields = Fields::open(cx, field)?;
    let test = fields.read(cx, "test", test);
    let start_period = fields.read(cx, "start_period", engine_time);
    let start_interval_at = fields.take("start_interval");
    let start_interval = start_interval_at.as_ref().and_then(|field| engine_time(cx, field));
    let healthcheck = Healthcheck {
        interval: fields.read(cx, "interval", engine_time),
        timeout: fields.read(cx, "timeout", engine_time),
        retries: fields.read(cx, "retries", integer),
        start_period,
        start_interval,
        disable: fields.read(cx, "disable", boolean).unwrap_or_default()
            || test == Some(Test::None),
        test: match test {
            Some(Test::Run(test)) => Some(test),
            Some(Test::None) | None => None,
        },
    };
    fields.finish(cx);
    if let (Some(place), None) = (start_interval_at, start_period) {
        let message = format!("`{}` needs a `start_period`", place.path);
        cx.push_absent(
            Diagnostic::error(message, place.key)
                .help("add `start_period:`, the time in which the shorter interval holds"),
        );
    }
    Some(healthcheck)
}

/// A time that the engine keeps: a millisecond at least, or nothing for its own default.
fn engine_time(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Duration> {
    let time = duration(cx, field)?;
    if !time.0.is_zero() && time < Duration::from_millis(1) {
        let message = format!("`{}` is less than the engine's least, 1 ms", field.path);
        cx.push(Diagnostic::error(message, field.span()).help("write `1ms` or more"));
        return None;
    }
    Some(time)
}

#[derive(PartialEq)]
enum Test {
    Run(HealthcheckTest),
    None,
}

fn test(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Test> {
    match field.node.value {
        Value::Sequence(_) => {}
        // A variable may well hold the program `true`.
        _ if field.is_bare_scalar() => return cx.wrong(field, "text or a list"),
        _ => return Some(Test::Run(HealthcheckTest::Shell(text(cx, field)?))),
    }
    let list = texts(cx, field)?;
    let (first, rest) = match list.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("", list.as_slice()),
    };
    match (first, rest) {
        ("NONE", []) => Some(Test::None),
        ("CMD", [_, ..]) => Some(Test::Run(HealthcheckTest::Command(rest.to_vec()))),
        ("CMD-SHELL", [line]) => Some(Test::Run(HealthcheckTest::Shell(line.clone()))),
        ("CMD" | "CMD-SHELL" | "NONE", _) => {
            let message = match first {
                "CMD" => "`CMD` needs a program after it",
                "NONE" => "nothing may follow `NONE`",
                _ => "`CMD-SHELL` needs exactly one text after it",
            };
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
        _ => {
            let message = format!("`{}` must begin with `CMD`, `CMD-SHELL` or `NONE`", field.path);
            cx.push(
                Diagnostic::error(message, field.span())
                    .help("write `[CMD, program, argument]` or one text for the shell"),
            );
            None
        }
    }
}
