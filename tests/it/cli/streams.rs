//! What goes to which stream, and in which colours.

use std::process::Stdio;

use super::{Place, WEB, repository, stdout};

#[test]
fn what_is_piped_has_no_escape_codes() {
    for arguments in [&["config"][..], &["up"], &["ps"], &["--help"], &["nonsense"]] {
        for place in [Place::with(WEB), Place::with("services: {web: {imag: web}}\n")] {
            let output = place.output(arguments);
            assert!(!output.stdout.contains(&0x1b), "{arguments:?}");
            assert!(!output.stderr.contains(&0x1b), "{arguments:?}");
        }
    }
}

#[test]
fn colour_comes_when_asked_and_no_color_is_outweighed_by_the_flag() {
    let coloured =
        |place: &Place, arguments: &[&str]| place.output(arguments).stderr.contains(&0x1b);
    let place = Place::with(WEB);
    assert!(coloured(&place, &["--ansi", "always", "ps"]));
    assert!(!coloured(&place, &["--ansi", "never", "ps"]));
    let place = place.set("NO_COLOR", "1");
    assert!(!coloured(&place, &["ps"]));
    assert!(coloured(&place, &["--ansi", "always", "ps"]));
}

#[test]
fn errors_are_on_standard_error_only() {
    for arguments in [&["up"][..], &["config", "nobody"], &["nonsense"]] {
        let output = Place::with(WEB).output(arguments);
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = repository();
    child.arg("config").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_file_can_come_from_standard_input() {
    use std::io::Write as _;
    let place = Place::empty();
    let mut command = place.command(&["-f", "-", "-p", "p", "config", "--services"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(WEB.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(stdout(&output), "web\n");
}
