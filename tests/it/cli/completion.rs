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

#[test]
fn words_that_are_few_are_completed() {
    let place = Place::empty();
    let levels = completed(&place, &["devstack", "logs", "--level", ""]);
    assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "fatal"]);
    assert_eq!(
        completed(&place, &["devstack", "ps", "--status", "re"]),
        ["restarting", "removing"]
    );
    // Without an engine there is nothing to offer, and nothing is said.
    assert_eq!(completed(&place, &["devstack", "-p", ""]), Vec::<String>::new());
}

#[test]
fn what_stands_in_the_files_is_completed() {
    let place = Place::with(
        "
services:
  web:
    image: web
    aliases: [www]
    environment: {PORT: '80'}
    ports: ['8080:80', {target: 81, published: 8081, name: admin}, '53:53/udp']
    urls: {shop: 'http://{address:80}/shop'}
  db: {image: postgres}
",
    );
    let after = |words: &[&str]| {
        let mut found = completed(&place, &[&["devstack"], words].concat());
        // Flags may stand there, too.
        found.retain(|word| !word.starts_with('-'));
        found
    };
    assert_eq!(after(&["open", ""]), ["web", "db"]);
    assert_eq!(after(&["open", "web", ""]), ["shop", "admin", "53"]);
    assert_eq!(after(&["port", "www", ""]), ["80", "81", "53/udp"]);
    assert_eq!(after(&["port", "db", ""]), Vec::<String>::new());
    assert_eq!(after(&["psql", "--service", "d"]), ["db"]);
    assert_eq!(after(&["up", "--exit-code-from", "w"]), ["web", "www"]);
    assert_eq!(
        after(&["config", "--explain", "services.web.e"]),
        ["services.web.environment", "services.web.environment."]
    );
    assert_eq!(
        after(&["config", "--explain", "services.web.environment.P"]),
        ["services.web.environment.PORT"]
    );
}
