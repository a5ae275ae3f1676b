//! Readers of single values and of plain lists of them.
//!
//! A value that came through `${…}` is text, so numbers and booleans are accepted as text, too.

use std::fmt::Display;
use std::str::FromStr;

use super::context::{Cx, Field};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::project::Duration;

/// Text; a number or boolean is taken the way it was written.
pub(super) fn text(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    match field.node.scalar_text() {
        Some(text) => Some(text.to_owned()),
        None => cx.wrong(field, "text"),
    }
}

/// A name that is more than a number or a boolean, such as that of a driver. Nothing is called by
/// those: they are slips of the pen.
pub(super) fn name(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    match field.node.value {
        Value::Int { .. } | Value::Float { .. } | Value::Bool(_) => cx.wrong(field, "a name"),
        _ => matching(cx, field, "a name without blanks", has_no_blank),
    }
}

/// Text in a notation of its own; `expected` says which.
pub(super) fn matching(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    expected: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Option<String> {
    let text = text(cx, field)?;
    if is_valid(&text) {
        return Some(text);
    }
    let message = format!("`{}` must be {expected}, not `{text}`", field.path);
    cx.push(Diagnostic::error(message, field.span()));
    None
}

/// Whether a text is one word, or nothing.
pub(super) fn has_no_blank(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A user, or a group, by name or number.
pub(super) fn user(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    matching(cx, field, "a user such as `node` or `1000:1000`", |text| {
        has_no_blank(text) && !text.starts_with('-')
    })
}

/// A folder in a container.
pub(super) fn container_folder(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let path = text(cx, field)?;
    if !path.starts_with('/') {
        let message = format!("`{}` must be an absolute path, not `{path}`", field.path);
        cx.push(Diagnostic::error(message, field.span()));
    }
    Some(path)
}

/// What an image is for, such as `linux/amd64`.
pub(super) fn platform(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let is_part = |part: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "._-()".contains(c);
        !part.is_empty() && part.chars().all(is_letter)
    };
    matching(cx, field, "a platform such as `linux/amd64`", |text| {
        let parts = text.split('/');
        text.is_empty()
            || parts.clone().count() <= 3
                && parts.clone().all(is_part)
                && text.contains(|c: char| c.is_ascii_alphabetic())
    })
}

/// A list, each item read by the same reader.
pub(super) fn list<T>(
    reader: impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<T>,
) -> impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<Vec<T>> {
    move |cx, field| match field.items() {
        Some(items) => Some(items.iter().filter_map(|item| reader(cx, item)).collect()),
        None => cx.wrong(field, "a list"),
    }
}

/// One value or a list of them, each read by the same reader.
pub(super) fn one_or_list<T>(
    reader: impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<T>,
) -> impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<Vec<T>> {
    move |cx, field| match (field.items(), field.node.scalar_text()) {
        (Some(items), _) => Some(items.iter().filter_map(|item| reader(cx, item)).collect()),
        (None, Some(_)) => Some(reader(cx, field).into_iter().collect()),
        (None, None) => cx.wrong(field, "text or a list"),
    }
}

/// A whole number between two.
pub(super) fn between<T: TryFrom<i64> + Into<i64> + Copy>(
    first: T,
    last: T,
) -> impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<T> {
    move |cx, field| {
        let number: T = integer(cx, field)?;
        if (first.into()..=last.into()).contains(&number.into()) {
            return Some(number);
        }
        let (first, last, number) = (first.into(), last.into(), number.into());
        let message = format!("`{}` is out of range: `{number}`", field.path);
        let help = if last == i64::MAX {
            format!("write {first} or more")
        } else {
            format!("write a number from {first} to {last}")
        };
        cx.push(Diagnostic::error(message, field.span()).help(help));
        None
    }
}

/// A list of texts.
pub(super) fn texts(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    list(text)(cx, field)
}

/// One text or a list of them.
pub(super) fn text_or_texts(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    one_or_list(text)(cx, field)
}

/// `true` or `false`.
pub(super) fn boolean(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<bool> {
    match field.node.scalar_text().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "yes" | "on" | "y") => Some(true),
        Some("false" | "no" | "off" | "n") => Some(false),
        Some(other) => {
            let message = format!("`{}` must be `true` or `false`, not `{other}`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
        None => cx.wrong(field, "`true` or `false`"),
    }
}

/// A whole number that fits the type.
pub(super) fn integer<T: TryFrom<i64>>(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<T> {
    let number = match &field.node.value {
        Value::Int { value, .. } => Some(*value),
        _ => field.node.scalar_text().and_then(|text| text.trim().parse().ok()),
    };
    let is_too_long = |text: &str| {
        let digits = text.trim().trim_start_matches('-');
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    match (number.map(T::try_from), field.node.scalar_text()) {
        (Some(Ok(number)), _) => Some(number),
        (number, Some(text)) if number.is_some() || is_too_long(text) => {
            let message = format!("`{}` is out of range: `{text}`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
        (_, Some(text)) => {
            let message = format!("`{}` must be a whole number, not `{text}`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
        _ => cx.wrong(field, "a whole number"),
    }
}

/// A number that is not negative.
pub(super) fn float(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<f64> {
    let Some(text) = field.node.scalar_text() else { return cx.wrong(field, "a number") };
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Some(number),
        _ => {
            let message = format!("`{}` must be a number such as `0.5`, not `{text}`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
    }
}

/// A value whose type knows its own notation and says what is wrong with a text.
pub(super) fn parsed<T>(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text(cx, field)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            cx.push(Diagnostic::error(error.to_string(), field.span()));
            None
        }
    }
}

/// A length of time.
pub(super) fn duration(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Duration> {
    let text = text(cx, field)?;
    match text.parse::<Duration>() {
        Ok(duration) => Some(duration),
        Err(error) => {
            let diagnostic = Diagnostic::error(error.to_string(), field.span());
            let is_number = text.parse::<u64>().is_ok();
            cx.push(if is_number {
                diagnostic.help(format!("write `{text}s` for seconds"))
            } else {
                diagnostic
            });
            None
        }
    }
}

/// A value whose type does not explain itself; `expected` does.
pub(super) fn parsed_as<T: FromStr>(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    expected: &str,
) -> Option<T> {
    let text = text(cx, field)?;
    let value = text.parse().ok();
    if value.is_none() {
        let message = format!("`{}` must be {expected}, not `{text}`", field.path);
        cx.push(Diagnostic::error(message, field.span()));
    }
    value
}

/// One word out of a few.
pub(super) fn word<T: Copy>(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    words: &[(&'static str, T)],
) -> Option<T> {
    let text = text(cx, field)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        cx.push(unknown_word(field, &text, words.iter().map(|(word, _)| *word)));
    }
    found
}

/// The finding about a word that is none of the right ones.
pub(super) fn unknown_word<'w>(
    field: &Field<'_>,
    text: &str,
    words: impl Iterator<Item = &'w str> + Clone,
) -> Diagnostic {
    let list = words.clone().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let message = format!("`{}` cannot be `{text}`", field.path);
    let choice = if words.clone().nth(1).is_some() { "one of " } else { "" };
    let diagnostic = Diagnostic::error(message, field.span());
    match crate::config::suggest::closest(text, words) {
        Some(word) => diagnostic.help(format!("did you mean `{word}`?")),
        None => diagnostic,
    }
    .help(format!("use {choice}{list}"))
}

/// Whether bits look like a mode that somebody wants: nobody may do what the owner may not, and
/// whoever may do anything may read.
fn is_sensible(bits: u32) -> bool {
    let [owner, group, others] = [6, 3, 0].map(|shift| (bits >> shift) & 7);
    let reads = |class: u32| class == 0 || class & 4 != 0;
    owner & 4 != 0 && group & !owner == 0 && others & !group == 0 && reads(group) && reads(others)
}

/// The mode bits of a file: `0440`, `0o440` or text are octal, as in Compose.
pub(super) fn mode(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<u32> {
    let written = text(cx, field)?;
    let is_number = matches!(field.node.value, Value::Int { .. });
    let digits = written.strip_prefix("0o").unwrap_or(&written);
    let is_decimal = is_number && !written.starts_with('0');
    let bits = u32::from_str_radix(digits, if is_decimal { 10 } else { 8 });
    match bits {
        Ok(bits) if bits <= 0o7777 => {
            if is_decimal && u32::from_str_radix(digits, 8).is_ok() && !is_sensible(bits) {
                let message = format!("`{}` is read as a decimal number: {bits:#o}", field.path);
                cx.push(
                    Diagnostic::warning(message, field.span())
                        .help(format!("write `0{written}` for the mode {written}")),
                );
            }
            Some(bits)
        }
        _ => {
            let message = format!("`{}` must be a file mode such as `0440`", field.path);
            cx.push(Diagnostic::error(message, field.span()));
            None
        }
    }
}
