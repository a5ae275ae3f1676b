//! What a shell is told that asks how a command line may go on.

use super::{Place, stdout};

fn completed(place: &Place, words: &[&str]) -> Vec<String> {
    let last = (words.len() - 1).to_string();
    let mut command = place.command(&["--"]);
    command
        .args(words)
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", last)
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let output = command.output().expect("the program starts");
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn the_shell_is_given_its_script() {
    let output = Place::empty().set("COMPLETE", "bash").output(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("complete "), "{}", stdout(&output));
}

#[test]
fn commands_and_options_are_completed() {
    let place = Place::empty();
    assert_eq!(completed(&place, &["devstack", "sta"]), ["start", "status", "stats"]);
    let options = completed(&place, &["devstack", "up", "--no-"]);
    assert!(options.contains(&"--no-wait".to_owned()), "{options:?}");
    let modes = completed(&place, &["devstack", "--progress", ""]);
    assert_eq!(modes, ["auto", "tty", "plain", "json", "quiet"]);
}
