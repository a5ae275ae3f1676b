//! Lines that are data: JSON objects and logfmt.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Reading;
use crate::logs::level::Level;

const LEVEL: [&str; 6] = ["level", "severity", "lvl", "loglevel", "levelname", "log.level"];
const MESSAGE: [&str; 3] = ["msg", "message", "event"];
const CONTEXT: [&str; 4] = ["context", "logger", "name", "module"];
/// Said elsewhere on the line, or of no use to whoever reads it.
const LEFT_OUT: [&str; 9] =
    ["time", "timestamp", "ts", "@timestamp", "date", "pid", "hostname", "v", "@version"];
const ERROR: [&str; 3] = ["err", "error", "exception"];
const STACK: [&str; 3] = ["stack", "stacktrace", "stack_trace"];

/// Reads a line of JSON or logfmt.
pub(super) fn read(text: &str) -> Option<Reading<'_>> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        return json(trimmed);
    }
    logfmt(trimmed)
}

fn json(text: &str) -> Option<Reading<'_>> {
    let mut data: Map<String, Value> = serde_json::from_str(text).ok()?;
    let level = take(&mut data, &LEVEL, level);
    let message = take(&mut data, &MESSAGE, as_text);
    let context = take(&mut data, &CONTEXT, as_text);
    let stack = take(&mut data, &STACK, stack).or_else(|| {
        ERROR.iter().find_map(|key| take(data.get_mut(*key)?.as_object_mut()?, &STACK, stack))
    });
    if level.is_none() && message.is_none() {
        // Data that a program prints, not a line of a log.
        return None;
    }
    data.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
    Some(Reading {
        level,
        context: context.map(Cow::Owned),
        message: Cow::Owned(message.unwrap_or_default()),
        data,
        stack,
        continues: false,
    })
}

/// Takes out the first key whose value can be used.
fn take<T>(
    data: &mut Map<String, Value>,
    keys: &[&str],
    usable: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    let (key, value) = keys.iter().find_map(|key| Some((*key, usable(data.get(*key)?)?)))?;
    data.shift_remove(key);
    Some(value)
}

fn level(value: &Value) -> Option<Level> {
    match value {
        Value::Number(number) => number.as_u64().map(Level::of_number),
        Value::String(word) => Level::of_word(word),
        _ => None,
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A stack trace: a text, or NestJS' list of one.
fn stack(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(as_text),
        _ => None,
    }
}

/// `time=… level=info msg="…" key=value`: only what begins with a key and names a level.
fn logfmt(text: &str) -> Option<Reading<'_>> {
    let first = text.split([' ', '=']).next()?;
    let is_key = |key: &str| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c))
    };
    if !text[first.len()..].starts_with('=') || !is_key(first) {
        return None;
    }
    let mut data = Map::new();
    let mut rest = text;
    while let Some((key, after)) = rest.trim_start().split_once('=') {
        if !is_key(key) {
            return None;
        }
        let (value, next) = value(after)?;
        data.insert(key.to_owned(), Value::String(value));
        rest = next;
    }
    let level = take(&mut data, &LEVEL, level)?;
    let message = take(&mut data, &MESSAGE, as_text);
    let context = take(&mut data, &CONTEXT, as_text);
    data.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
    Some(Reading {
        level: Some(level),
        context: context.map(Cow::Owned),
        message: Cow::Owned(message.unwrap_or_default()),
        data,
        ..Reading::default()
    })
}

/// A value of logfmt and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(' ').unwrap_or((text, ""));
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                c => value.push(c),
            },
            c => value.push(c),
        }
    }
    None
}
