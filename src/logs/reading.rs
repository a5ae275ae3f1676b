//! What a line of a log says: its level, its message, and what stands around them. Understands
//! JSON (pino, bunyan, NestJS, winston and their like), logfmt, and what NestJS, Postgres, Redis,
//! RabbitMQ, Meilisearch, Kong and nginx write; of other lines, a level by its word.

mod plain;
mod structured;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::escape::without_escapes;
use super::level::Level;

/// A line as it is understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading<'a> {
    /// How serious it is; `None` when it does not say.
    pub level: Option<Level>,
    /// The part of the program that speaks, such as `RoutesResolver` or `index_scheduler`.
    pub context: Option<Cow<'a, str>>,
    /// What it says, without time, level and escape sequences.
    pub message: Cow<'a, str>,
    /// What else a structured line has.
    pub data: Map<String, Value>,
    /// A stack trace that a structured line has, with its line ends.
    pub stack: Option<String>,
    /// Whether it says more about the line before it, as Postgres' `DETAIL` does.
    pub continues: bool,
}

/// Reads a line.
#[must_use]
pub fn read(bytes: &[u8]) -> Reading<'_> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => match without_escapes(text) {
            Cow::Borrowed(text) => understand(text),
            Cow::Owned(text) => owned(understand(&text)),
        },
        Cow::Owned(text) => owned(understand(&without_escapes(&text))),
    }
}

fn understand(text: &str) -> Reading<'_> {
    structured::read(text).unwrap_or_else(|| plain::read(text))
}

/// The reading, independent of the text.
fn owned<'a>(reading: Reading<'_>) -> Reading<'a> {
    Reading {
        level: reading.level,
        context: reading.context.map(|context| Cow::Owned(context.into_owned())),
        message: Cow::Owned(reading.message.into_owned()),
        data: reading.data,
        stack: reading.stack,
        continues: reading.continues,
    }
}

#[cfg(test)]
mod tests;
