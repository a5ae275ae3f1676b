//! Lines that are text, each in the form of the program that writes it.

use std::borrow::Cow;

use serde_json::Map;

use super::Reading;
use crate::logs::level::Level;

/// Reads a line of text; one that is in no known form is all message.
pub(super) fn read(text: &str) -> Reading<'_> {
    nest(text)
        .or_else(|| redis(text))
        .or_else(|| nginx_error(text))
        .or_else(|| access(text))
        .or_else(|| dated(text))
        .unwrap_or_else(|| said(by_its_word(text), None, text))
}

fn said<'a>(level: Option<Level>, context: Option<&'a str>, message: &'a str) -> Reading<'a> {
    Reading {
        level,
        context: context.filter(|context| !context.is_empty()).map(Cow::Borrowed),
        message: Cow::Borrowed(message),
        data: Map::new(),
        stack: None,
        continues: false,
    }
}

/// `[Nest] 29  - 11/24/2026, 2:09:54 PM     LOG [NestFactory] Starting… +3ms`; the date is in the
/// words of the locale.
fn nest(text: &str) -> Option<Reading<'_>> {
    let rest = text.strip_prefix("[Nest] ")?;
    let mut offset = 0;
    for word in rest.split(' ').take(24) {
        let after = offset + word.len();
        if ["LOG", "ERROR", "WARN", "DEBUG", "VERBOSE", "FATAL"].contains(&word) {
            let message = rest[after..].trim_start();
            return Some(match bracketed(message) {
                Some((context, message)) => said(Level::of_word(word), Some(context), message),
                None => said(Level::of_word(word), None, message),
            });
        }
        offset = after + 1;
    }
    None
}

/// `1:M 24 Nov 2026 14:09:54.123 * Ready to accept connections`
fn redis(text: &str) -> Option<Reading<'_>> {
    let (process, rest) = text.split_once(' ')?;
    let (pid, role) = process.split_once(':')?;
    if !is_number(pid) || !["C", "M", "S", "X"].contains(&role) {
        return None;
    }
    let mut parts = rest.splitn(6, ' ');
    let (sign, message) = (parts.nth(4)?, parts.next().unwrap_or_default());
    let level = match sign {
        "." | "-" => Level::Debug,
        "*" => Level::Info,
        "#" => Level::Warn,
        _ => return None,
    };
    Some(said(Some(level), None, message))
}

/// `2026/11/24 14:09:54 [error] 29#0: *1 connect() failed …`
fn nginx_error(text: &str) -> Option<Reading<'_>> {
    let rest = text.get(19..)?.strip_prefix(' ')?;
    if !matches_pattern(&text[..19], "dddd/dd/dd dd:dd:dd") {
        return None;
    }
    let (level, rest) = bracketed(rest)?;
    let (process, message) = rest.split_once(": ")?;
    if !process.contains('#') {
        return None;
    }
    Some(said(Level::of_word(level), None, message))
}

/// `127.0.0.1 - - [24/Nov/2026:14:09:54 +0000] "GET / HTTP/1.1" 200 …`: the status says how
/// serious it is.
fn access(text: &str) -> Option<Reading<'_>> {
    let (client, rest) = text.split_once(" - ")?;
    if client.contains(' ') || !client.contains(['.', ':']) {
        return None;
    }
    let (_, rest) = rest.split_once(" [")?;
    let (_, request) = rest.split_once("] ")?;
    let (_, after) = request.strip_prefix('"')?.split_once("\" ")?;
    let status = after.split(' ').next()?.parse().ok()?;
    Some(said(Some(Level::of_status(status)), None, request))
}

/// What begins with a date: Postgres, RabbitMQ, and what Rust and Java write.
fn dated(text: &str) -> Option<Reading<'_>> {
    let rest = after_date(text)?;
    if let Some((inside, rest)) = bracketed(rest) {
        // `[info] <0.9.0> text` is RabbitMQ's.
        if let Some(level) = Level::of_word(inside) {
            let message = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((_, message)) => message.strip_prefix(' ').unwrap_or(message),
                None => rest,
            };
            return Some(said(Some(level), None, message));
        }
        // `[12] app@app ERROR:  text` is Postgres'.
        if is_number(inside) || inside.contains('-') {
            return postgres(rest);
        }
    }
    // `INFO index_scheduler: text`
    let trimmed = rest.trim_start();
    let (word, message) = trimmed.split_once(' ')?;
    let level = Level::of_word(word.trim_matches(['[', ']', ':']))?;
    let message = message.trim_start();
    // `[2026-11-24T14:09:54Z INFO module] text`
    if text.starts_with('[')
        && let Some((context, message)) = message.split_once("] ")
        && is_path(context)
    {
        return Some(said(Some(level), Some(context), message));
    }
    Some(match message.split_once(": ") {
        Some((context, message)) if is_path(context) => said(Some(level), Some(context), message),
        _ => said(Some(level), None, message),
    })
}

fn postgres(rest: &str) -> Option<Reading<'_>> {
    let (before, message) = rest.split_once(":  ")?;
    let word = before.rsplit(' ').next()?;
    if ["DETAIL", "HINT", "CONTEXT", "STATEMENT", "QUERY", "LOCATION"].contains(&word) {
        let start = rest.len() - message.len() - ":  ".len() - word.len();
        return Some(Reading { continues: true, ..said(None, None, &rest[start..]) });
    }
    let level = match word {
        // The server ends sessions so, which is no end of the program.
        "FATAL" => Level::Error,
        word => Level::of_word(word)?,
    };
    Some(said(Some(level), None, message))
}

/// What follows `2026-11-24 14:09:54.123 UTC` or `2026-11-24T14:09:54Z`, in brackets or not.
fn after_date(text: &str) -> Option<&str> {
    let text = text.strip_prefix('[').unwrap_or(text);
    let date = text.get(..19)?;
    if !matches_pattern(date, "dddd-dd-dd dd:dd:dd")
        && !matches_pattern(date, "dddd-dd-ddTdd:dd:dd")
    {
        return None;
    }
    let rest = &text[19..];
    let zone = rest.find([' ', ']']).unwrap_or(rest.len());
    let fraction_and_zone = &rest[..zone];
    if !fraction_and_zone.chars().all(|c| c.is_ascii_digit() || ".,:+-Z".contains(c)) {
        return None;
    }
    // What a bracket that was opened before the date closes is a level as often as nothing.
    let rest = rest[zone..].trim_start_matches(']').strip_prefix(' ')?;
    let zone = rest.split(' ').next().unwrap_or_default();
    if (3..=5).contains(&zone.len())
        && zone.chars().all(|c| c.is_ascii_uppercase())
        && Level::of_word(zone).is_none()
    {
        return rest[zone.len()..].strip_prefix(' ');
    }
    Some(rest)
}

/// The level that some word near the beginning names: in capitals, in brackets or with a colon, so
/// that a sentence about an error is not taken for one.
fn by_its_word(text: &str) -> Option<Level> {
    let starts = ["npm ERR!", "npm error", "error TS"].iter().any(|it| text.starts_with(it));
    // The compiler of TypeScript says the place first.
    if starts || text.contains(" - error TS") {
        return Some(Level::Error);
    }
    text.split_ascii_whitespace().take(5).find_map(|token| {
        // `WARNING:root:text` is Python's.
        let token = match token.split_once(':') {
            Some((word, rest)) if !rest.is_empty() && word.len() > 2 && is_capitals(word) => word,
            _ => token.trim_end_matches(','),
        };
        let word = token.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let capitals = word.len() > 2 && is_capitals(word);
        let bracketed = token.starts_with(['[', '(', '<']) && token.ends_with([']', ')', '>']);
        let colon = token.ends_with(':');
        // `TypeError:` and `java.lang.IllegalStateException:` name what was thrown.
        if colon && (word.ends_with("Error") || word.ends_with("Exception")) {
            return Some(Level::Error);
        }
        // `log` and `http` are words first.
        let plain = word.eq_ignore_ascii_case("log") || word.eq_ignore_ascii_case("http");
        (!plain && (capitals || bracketed || colon)).then(|| Level::of_word(word)).flatten()
    })
}

/// `[inside] rest`
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((inside, rest.strip_prefix(' ').unwrap_or(rest)))
}

fn is_capitals(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_uppercase())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is the path of a module, such as `index_scheduler::scheduler`.
fn is_path(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_:.-$/".contains(c))
}

/// Whether a text has a digit wherever the pattern has a `d`, and else the same characters.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, pattern)| match pattern {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}
