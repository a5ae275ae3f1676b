//! The words of progress, in one place: what an action is called before, during and after, and
//! how numbers read. Says nothing about layout or colour.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::event::Action;

/// Names an action in the imperative; also its name on the JSON wire.
pub(crate) fn verb(action: Action) -> &'static str {
    match action {
        Action::Pull => "pull",
        Action::Build => "build",
        Action::Create => "create",
        Action::Rename => "rename",
        Action::Start => "start",
        Action::Release => "release",
        Action::Await => "await",
        Action::Complete => "complete",
        Action::Stop => "stop",
        Action::Kill => "kill",
        Action::Signal => "signal",
        Action::Hook => "run a hook in",
        Action::Restart => "restart",
        Action::Unpause => "unpause",
        Action::Remove => "remove",
    }
}

/// Names an action that is under way.
pub(crate) fn doing(action: Action) -> &'static str {
    match action {
        Action::Pull => "pulling",
        Action::Build => "building",
        Action::Create => "creating",
        Action::Rename => "renaming",
        Action::Start => "starting",
        Action::Release => "letting its application begin",
        Action::Await => "waiting until ready",
        Action::Complete => "waiting until finished",
        Action::Stop => "stopping",
        Action::Kill => "killing",
        Action::Signal => "signalling",
        Action::Hook => "running a hook",
        Action::Restart => "restarting",
        Action::Unpause => "letting go on",
        Action::Remove => "removing",
    }
}

/// Names an action that has ended well.
pub(crate) fn done(action: Action) -> &'static str {
    match action {
        Action::Pull => "pulled",
        Action::Build => "built",
        Action::Create => "created",
        Action::Rename => "renamed",
        Action::Start => "started",
        Action::Release => "let begin",
        Action::Await => "ready",
        Action::Complete => "finished",
        Action::Stop => "stopped",
        Action::Kill => "killed",
        Action::Signal => "signalled",
        Action::Hook => "hook run",
        Action::Restart => "restarted",
        Action::Unpause => "goes on",
        Action::Remove => "removed",
    }
}

/// Names an action that has failed.
pub(crate) fn failed(action: Action) -> String {
    match action {
        Action::Await => "did not become ready".to_owned(),
        Action::Complete => "failed".to_owned(),
        Action::Hook => "failed to run a hook".to_owned(),
        _ => format!("failed to {}", verb(action)),
    }
}

/// Says something of a `pre_start` hook in a line about its service's container.
pub(crate) fn of_hook(number: usize, what: &str) -> String {
    format!("pre_start hook {number} {what}")
}

/// Says what the latest probe of a container found that is not what it is waited for.
pub(crate) fn not_yet(action: Action, state: &str) -> String {
    format!("not {} yet: {state}", done(action))
}

/// Says what became of a container after all its steps, given as what was done and how long each
/// step took, and why it was made anew if it was.
pub(crate) fn outcome(steps: &[(Action, Duration)], cause: Option<&str>) -> String {
    // The action that a person had in mind, most telling first.
    const TELLING: [Action; 15] = [
        Action::Await,
        Action::Complete,
        Action::Restart,
        Action::Release,
        Action::Start,
        Action::Unpause,
        Action::Create,
        Action::Remove,
        Action::Kill,
        Action::Signal,
        Action::Stop,
        Action::Build,
        Action::Pull,
        Action::Rename,
        Action::Hook,
    ];
    let took = |wanted: Action| steps.iter().find(|(action, _)| *action == wanted).map(|s| s.1);
    let Some((action, elapsed)) =
        TELLING.into_iter().find_map(|action| Some((action, took(action)?)))
    else {
        return String::new();
    };
    let mut text = done(action).to_owned();
    match action {
        Action::Create | Action::Start | Action::Release | Action::Rename => {}
        // To be removed, a container was stopped first, and that is what takes the time.
        Action::Remove => {
            let total: Duration = steps.iter().map(|step| step.1).sum();
            push_duration(&mut text, total);
        }
        _ => push_duration(&mut text, elapsed),
    }
    if took(Action::Create).is_some() && took(Action::Remove).is_some() {
        if matches!(action, Action::Create) {
            "recreated".clone_into(&mut text);
        } else {
            text.push_str(", recreated");
        }
        if let Some(cause) = cause {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

fn push_duration(text: &mut String, elapsed: Duration) {
    text.push_str(" in ");
    text.push_str(&duration(elapsed));
}

/// Formats how long something took: `131ms`, `1.1s`, `2m03s`, `1h02m`.
#[must_use]
pub fn duration(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) {
        format!("{}ms", elapsed.as_millis())
    } else {
        running(elapsed)
    }
}

/// Formats how long something has been going on, in a form that changes calmly: `0.1s`, `1.1s`,
/// `2m03s`, `1h02m`.
pub(crate) fn running(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("{seconds}.{}s", elapsed.subsec_millis() / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Formats a number of bytes in powers of 1000, as registries and the docker CLI do: `12.3MB`.
pub(crate) fn bytes(count: u64) -> String {
    let (number, unit) = scaled(count, unit_of(count));
    format!("{number}{unit}")
}

/// Formats a part of a number of bytes, both in the unit of the whole: `32.1/74.5MB`.
pub(crate) fn bytes_of(part: u64, whole: u64) -> String {
    let unit = unit_of(whole);
    let (number, name) = scaled(whole, unit);
    format!("{}/{number}{name}", scaled(part, unit).0)
}

const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

fn unit_of(count: u64) -> usize {
    let mut unit = 0;
    let mut rest = count;
    while rest >= 1000 && unit + 1 < UNITS.len() {
        rest /= 1000;
        unit += 1;
    }
    unit
}

fn scaled(count: u64, unit: usize) -> (String, &'static str) {
    let Some(tenth) = (unit > 0).then(|| (0..unit).fold(1, |size: u64, _| size * 1000) / 10) else {
        return (count.to_string(), UNITS[0]);
    };
    let tenths = count / tenth;
    (format!("{}.{}", tenths / 10, tenths % 10), UNITS[unit])
}

/// Counts things: `1 network`, `2 networks`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{plural}")
}

/// Says that nothing had to be done for this many containers.
pub(crate) fn nothing_to_do(containers: usize) -> String {
    format!("nothing to do, {} unchanged", count(containers, "container"))
}

/// Joins the parts that are not empty with commas.
pub(crate) fn list(parts: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{part}");
    }
    text
}

/// Cuts a text to a number of columns, with an ellipsis where something is missing.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// Words and the foreign lines that they introduce, indented as they are but without escape
/// sequences.
#[must_use]
pub fn quoted(words: &str, lines: &[String]) -> String {
    let mut text = words.to_owned();
    for line in lines {
        let stripped = console::strip_ansi_codes(line.trim_end());
        text.push_str("\n| ");
        text.extend(stripped.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    text
}

/// Makes foreign text safe to stand in a line: no escape sequences, no control characters, no
/// line breaks, white space folded.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let plain =
        !text.contains(char::is_control) && !text.contains("  ") && text.trim().len() == text.len();
    if plain {
        return Cow::Borrowed(text);
    }
    let stripped = console::strip_ansi_codes(text);
    let spaced: String = stripped.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Cow::Owned(spaced.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn durations_read_at_a_glance() {
        let cases = [
            (0, "0ms", "0.0s"),
            (131, "131ms", "0.1s"),
            (999, "999ms", "0.9s"),
            (1_190, "1.1s", "1.1s"),
            (59_999, "59.9s", "59.9s"),
            (60_000, "1m00s", "1m00s"),
            (123_400, "2m03s", "2m03s"),
            (3_725_000, "1h02m", "1h02m"),
        ];
        for (millis, took, going) in cases {
            assert_eq!(duration(ms(millis)), took);
            assert_eq!(running(ms(millis)), going);
        }
    }

    #[test]
    fn bytes_keep_one_digit_after_the_point() {
        let cases = [
            (0, "0B"),
            (999, "999B"),
            (1_000, "1.0kB"),
            (12_345_678, "12.3MB"),
            (999_999_999, "999.9MB"),
            (1_234_567_890, "1.2GB"),
            (u64::MAX, "18446744.0TB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(bytes_of(900_000, 74_500_000), "0.9/74.5MB");
        assert_eq!(bytes_of(74_500_000, 74_500_000), "74.5/74.5MB");
        assert_eq!(bytes_of(12, 80), "12/80B");
    }

    #[test]
    fn an_outcome_names_what_the_person_had_in_mind() {
        use Action::{Await, Build, Complete, Create, Pull, Remove, Rename, Restart, Start, Stop};
        let cases: [(&[Action], &str); 12] = [
            (&[Create, Start, Complete], "finished in 1.0s"),
            (&[Create, Start, Await], "ready in 1.0s"),
            (&[Create, Start], "started"),
            (&[Create], "created"),
            (
                &[Create, Stop, Remove, Rename, Start, Await],
                "ready in 1.0s, recreated: image changed",
            ),
            (&[Stop, Remove, Create, Start], "started, recreated: image changed"),
            (&[Stop, Remove, Create], "recreated: image changed"),
            (&[Stop, Remove], "removed in 2.0s"),
            (&[Stop], "stopped in 1.0s"),
            (&[Restart, Await], "ready in 1.0s"),
            (&[Pull], "pulled in 1.0s"),
            (&[Build], "built in 1.0s"),
        ];
        for (actions, text) in cases {
            let steps: Vec<_> = actions.iter().map(|action| (*action, ms(1000))).collect();
            assert_eq!(outcome(&steps, Some("image changed")), text, "{actions:?}");
        }
        assert_eq!(outcome(&[], None), "");
    }

    #[test]
    fn foreign_text_cannot_break_the_line() {
        let cases = [
            ("starting up", "starting up"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("two\nlines\r\n", "two lines"),
            ("tab\there", "tab here"),
            ("  wide   space ", "wide space"),
            ("bell\u{7}", "bell"),
        ];
        for (text, safe) in cases {
            assert_eq!(one_line(text), safe);
        }
    }

    #[test]
    fn lists_and_counts_read_as_english() {
        assert_eq!(count(1, "network"), "1 network");
        assert_eq!(count(0, "volume"), "0 volumes");
        assert_eq!(list(["a".to_owned(), String::new(), "b".to_owned()]), "a, b");
    }
}
