use std::fmt::Write as _;

use super::*;

/// Real lines of the presets' images, and what programs write that people run beside them.
const LINES: &str = include_str!("tests/lines.txt");

/// One reading in a line: level, speaker, message, data, stack.
fn shown(reading: &Reading<'_>) -> String {
    let mut text = format!("{:<5}", reading.level.map_or("-", Level::as_str));
    if reading.continues {
        text.push_str(" (goes on)");
    }
    if let Some(context) = &reading.context {
        write!(text, " [{context}]").unwrap();
    }
    write!(text, " {}", reading.message).unwrap();
    if !reading.data.is_empty() {
        write!(text, " {}", serde_json::to_string(&reading.data).unwrap()).unwrap();
    }
    if let Some(stack) = &reading.stack {
        write!(text, " stack: {stack:?}").unwrap();
    }
    text
}

#[test]
fn the_forms_of_all_presets_are_understood() {
    let readings: Vec<String> =
        LINES.lines().map(|line| shown(&read(line.replace("\\e", "\u{1b}").as_bytes()))).collect();
    insta::assert_snapshot!(readings.join("\n"));
}

#[test]
fn a_sentence_about_an_error_is_none() {
    for text in [
        "no error was found",
        "the log: begins here",
        "Error handling middleware registered",
        "user error in the config",
        "IN: 3, OUT: 4",
        "",
        "{}",
        "{\"a\": 1}",
        "key=value without a level=",
        "2026-11-24 is a date",
        "[Nest] says nothing",
        "2026-11-24 14:13:16.667 UTC [1] no word with a colon",
    ] {
        assert_eq!(read(text.as_bytes()).level, None, "{text}");
    }
}

#[test]
fn any_bytes_are_read() {
    assert_eq!(read(b"ERROR: \xff\xfe").message, "ERROR: \u{fffd}\u{fffd}");
    // Cut within a character where a form is looked for.
    for length in 0..40 {
        let text: String = std::iter::repeat_n('ä', length).collect();
        assert_eq!(read(text.as_bytes()).message, text);
        let dated = format!("2026-11-24 14:13:1{text}");
        assert_eq!(read(dated.as_bytes()).level, None);
    }
}
