use futures_util::stream;

use super::super::fixture::source;
use super::FrameStream::{Console, Stderr, Stdout};
use super::*;

/// Cuts frames into lines, each as `second stream text`.
fn cut(frames: &[(FrameStream, &[u8])]) -> Vec<String> {
    let mut splitter = Splitter::new(source("db-1"));
    let mut lines = VecDeque::new();
    for (stream, bytes) in frames {
        splitter.push(&Frame { stream: *stream, bytes: bytes.to_vec().into() }, &mut lines);
    }
    splitter.finish(&mut lines);
    lines.iter().map(show).collect()
}

fn show(line: &LogLine) -> String {
    let second = line.timestamp.unix_timestamp();
    format!("{second} {:?} {}", line.stream, line.bytes.escape_ascii())
}

#[test]
fn frames_become_lines_with_timestamps() {
    type Case = (&'static str, &'static [(FrameStream, &'static [u8])], &'static [&'static str]);
    let cases: [Case; 14] = [
        (
            "a frame is a line",
            &[
                (Stdout, b"1970-01-01T00:00:01.500000000Z hello\n"),
                (Stderr, b"1970-01-01T00:00:02.000000001Z world\n"),
            ],
            &["1 Stdout hello", "2 Stderr world"],
        ),
        (
            "several lines in a frame",
            &[(Stdout, b"1970-01-01T00:00:01Z a\n1970-01-01T00:00:02Z b\n")],
            &["1 Stdout a", "2 Stdout b"],
        ),
        (
            "the engine's parts of a long line each have a timestamp",
            &[
                (Stdout, b"1970-01-01T00:00:01Z long "),
                (Stderr, b"1970-01-01T00:00:01Z between\n"),
                (Stdout, b"1970-01-01T00:00:02Z and longer\n"),
            ],
            &["1 Stderr between", "1 Stdout long and longer"],
        ),
        (
            "a terminal's pieces are cut anywhere",
            &[
                (Console, b"1970-01-01T00:"),
                (Console, b"00:07Z he"),
                (Console, b"llo\r"),
                (Console, b"\n1970-01-01T00:00:08Z"),
                (Console, b" x\r\n"),
            ],
            &["7 Console hello", "8 Console x"],
        ),
        (
            "a terminal's piece may begin with the program's own timestamp",
            &[(Console, b"1970-01-01T00:00:07Z at "), (Console, b"1970-01-01T00:00:01Z x\n")],
            &["7 Console at 1970-01-01T00:00:01Z x"],
        ),
        (
            "only the engine's timestamp is taken off",
            &[(Stdout, b"1970-01-01T00:00:03Z 1970-01-01T00:00:01Z mine\n")],
            &["3 Stdout 1970-01-01T00:00:01Z mine"],
        ),
        ("empty lines stay", &[(Stdout, b"1970-01-01T00:00:03Z \n")], &["3 Stdout "]),
        ("CRLF ends a line", &[(Stdout, b"1970-01-01T00:00:03Z x\r\n")], &["3 Stdout x"]),
        (
            "a lone carriage return does not",
            &[(Stdout, b"1970-01-01T00:00:03Z 10%\r20%\n")],
            &["3 Stdout 10%\\r20%"],
        ),
        (
            "the last line needs no end",
            &[(Stdout, b"1970-01-01T00:00:03Z no end")],
            &["3 Stdout no end"],
        ),
        (
            "a line without a timestamp has that of the one before",
            &[(Stdout, b"1970-01-01T00:00:03Z x\nplain\n\n")],
            &["3 Stdout x", "3 Stdout plain", "3 Stdout "],
        ),
        ("nor is there one at first", &[(Stdout, b"plain\n")], &["0 Stdout plain"]),
        (
            "any bytes pass",
            &[(Stdout, b"1970-01-01T00:00:03Z \xff\x00\x1b[31m\xc3\n")],
            &["3 Stdout \\xff\\x00\\x1b[31m\\xc3"],
        ),
        (
            "offsets other than UTC are understood",
            &[(Stdout, b"1970-01-01T02:00:03.123456789+02:00 x\n")],
            &["3 Stdout x"],
        ),
    ];
    for (name, frames, expected) in cases {
        assert_eq!(cut(frames), expected, "{name}");
    }
}

#[test]
fn an_endless_line_is_cut() {
    let mut splitter = Splitter::new(source("db-1"));
    let mut lines = VecDeque::new();
    let part = [b"1970-01-01T00:00:03Z ".as_slice(), &vec![b'x'; 700_000]].concat();
    for _ in 0..4 {
        splitter.push(&Frame { stream: Stdout, bytes: part.clone().into() }, &mut lines);
    }
    splitter.finish(&mut lines);
    let lengths: Vec<_> = lines.iter().map(|line| line.bytes.len()).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 2_800_000);
    assert!(lengths.iter().all(|length| *length <= LONGEST_LINE), "{lengths:?}");
    assert!(lines.iter().all(|line| line.timestamp.unix_timestamp() == 3));
    assert!(lines.iter().all(|line| line.bytes.iter().all(|byte| *byte == b'x')));
}

#[tokio::test]
async fn an_error_comes_after_the_line_that_it_cut_short() {
    let frame = |bytes: &[u8]| Frame { stream: Stdout, bytes: bytes.to_vec().into() };
    let frames = stream::iter(vec![
        Ok(frame(b"1970-01-01T00:00:01Z a\n1970-01-01T00:00:02Z b")),
        Err("reset"),
        Ok(frame(b"never read")),
    ]);
    let items: Vec<_> = lines(source("db-1"), frames)
        .map(|line| line.map_or_else(str::to_owned, |line| show(&line)))
        .collect()
        .await;
    assert_eq!(items, ["1 Stdout a", "2 Stdout b", "reset"]);
}

#[test]
fn the_projects_name_goes_unsaid() {
    let label = |container: &str| {
        Source::new(&"shop".parse().unwrap(), "db".parse().unwrap(), container).label
    };
    assert_eq!(label("shop-db-1"), "db-1");
    assert_eq!(label("shop_db_1"), "db_1");
    assert_eq!(label("shopping-db-1"), "shopping-db-1");
    assert_eq!(label("my-db"), "my-db");
}

#[test]
fn the_lines_of_a_stack_trace_belong_together() {
    let mut splitter = Splitter::new(source("api-1"));
    let mut lines = VecDeque::new();
    let frames: [(FrameStream, &str, &str); 9] = [
        (Stderr, "00.000", "Error: boom"),
        (Stderr, "00.010", "    at f (a.ts:1)"),
        // The other stream has entries of its own.
        (Stdout, "00.015", "ready"),
        (Stderr, "00.020", "  [cause]: Error: why"),
        (Stderr, "00.020", "}"),
        (Stderr, "00.030", "Caused by: another"),
        // Too late to belong to what was before.
        (Stderr, "02.000", "    indented"),
        (Stderr, "02.001", ""),
        (Stderr, "02.002", "   "),
    ];
    for (stream, second, text) in frames {
        let bytes = format!("1970-01-01T00:00:{second}Z {text}\n").into_bytes();
        splitter.push(&Frame { stream, bytes: bytes.into() }, &mut lines);
    }
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            let text = String::from_utf8_lossy(&line.bytes);
            let entry = (line.entry - OffsetDateTime::UNIX_EPOCH).whole_milliseconds();
            format!("{entry} {} {text}", if line.continues { "+" } else { "-" })
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 - Error: boom",
            "0 +     at f (a.ts:1)",
            "15 - ready",
            "0 +   [cause]: Error: why",
            "0 + }",
            "0 + Caused by: another",
            "2000 -     indented",
            "2001 - ",
            "2002 -    ",
        ]
    );
}

#[test]
fn a_program_that_indents_everything_writes_many_entries() {
    let mut splitter = Splitter::new(source("api-1"));
    let mut lines = VecDeque::new();
    for _ in 0..=LONGEST_ENTRY {
        let bytes = b"1970-01-01T00:00:01Z  x\n".to_vec();
        splitter.push(&Frame { stream: Stdout, bytes: bytes.into() }, &mut lines);
    }
    assert_eq!(lines.iter().filter(|line| !line.continues).count(), 2);
}
