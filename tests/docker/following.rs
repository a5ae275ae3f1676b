//! Commands that look at what runs: logs, exec, ps.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::engine;
use crate::support::{Stack, eventually, seconds, text};

const IDLE: &str = "image: redis:8\n    init: true\n    command: [sleep, infinity]\n";

#[test]
#[ignore = "needs a Docker engine"]
fn followed_logs_go_on_through_a_restart_and_a_recreation() {
    let yaml = |word: &str| {
        format!(
            "services:\n  app:\n    image: redis:8\n    init: true\n    \
             command: [sh, -c, \"echo {word} $$HOSTNAME; exec sleep infinity\"]\n"
        )
    };
    let stack = Stack::new("follow", &yaml("first"));
    stack.ok(&["up", "-d"]);
    let logs = stack.spawn(&["logs", "--follow", "--no-log-prefix"]);
    let id = stack.id("app");
    logs.prints(&format!("first {}\n", &id[..12]));
    stack.ok(&["restart", "app"]);
    logs.prints(&format!("first {0}\nfirst {0}\n", &id[..12]));
    stack.write("devstack.yaml", &yaml("second"));
    stack.ok(&["up", "-d"]);
    logs.prints(&format!("second {}\n", &stack.id("app")[..12]));
    logs.interrupt();
    logs.end().ended_with(130);
}

#[test]
#[ignore = "needs a Docker engine"]
fn exec_gives_its_input_to_the_command() {
    let stack = Stack::new("stdin", &format!("services:\n  app:\n    {IDLE}"));
    stack.ok(&["up", "-d"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_devstack"))
        .args(["-p", stack.name(), "exec", "-T", "app", "sh", "-c", "tr a-z A-Z; exit 5"])
        .current_dir(stack.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds.
    let text = "the quick brown fox\n".repeat(20_000);
    let mut stdin = child.stdin.take().unwrap();
    let sent = text.clone();
    let writer = std::thread::spawn(move || stdin.write_all(sent.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8(output.stdout).unwrap() == text.to_uppercase());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_container_that_somebody_removes_while_it_is_waited_for_ends_the_wait() {
    let stack =
        Stack::new("removed", &format!("services:\n  app:\n    {IDLE}    ready: {{tcp: 6379}}\n"));
    let up = stack.spawn(&["up", "-d"]);
    up.says("app started");
    engine::delete(&format!("/containers/{}?force=1", stack.id("app")));
    let run = up.end().ended_with(1).within(seconds(30));
    // The engine kills it first: which of the two is seen is a matter of milliseconds.
    let reasons = ["was removed while it was waited for", "exited with code 137"];
    assert!(reasons.iter().any(|reason| run.stderr.contains(reason)), "{run}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn kill_and_rm_do_what_their_names_say() {
    let stack = Stack::new("kill", &format!("services:\n  app:\n    {IDLE}  other:\n    {IDLE}"));
    stack.ok(&["up", "-d"]);
    stack.ok(&["kill", "app"]);
    eventually("the kill shows", seconds(5), || stack.inspect("app")["State"]["ExitCode"] == 137);
    stack.ok(&["rm", "--force"]);
    assert_eq!(stack.containers(), [format!("{}-other-1", stack.name())]);
    stack.ok(&["rm", "--force", "--stop"]);
    assert_eq!(stack.containers(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_file_that_is_gone_or_broken_does_not_keep_down_from_working() {
    let stack = Stack::new(
        "broken",
        &format!(
            "services:\n  app:\n    {IDLE}    volumes: [\"data:/data\"]\nvolumes: {{data: }}\n"
        ),
    );
    stack.ok(&["up", "-d"]);
    stack.write("devstack.yaml", "services: [\n");
    assert_eq!(text(&stack.ps()[0]["Service"]), "app");
    stack.ok(&["down", "-v"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn title_and_notification_are_for_a_terminal_only_and_the_title_is_given_back() {
    let yaml = "services:\n  app:\n    image: redis:8\n    \
                command: [sh, -c, 'echo begun to sleep; exec sleep infinity']\n";
    let stack = Stack::new("title", yaml);
    // `script` (of util-linux) plays a terminal and records what is written to it.
    let recorded = |term: &str, record: &str| {
        let up = stack.command(&["up", "--no-watch"]);
        let words = std::iter::once(up.get_program()).chain(up.get_args());
        let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
        let mut script = Command::new("script");
        script.args(["-qefc", &shell_words::join(words), record]);
        script.env_clear().envs(up.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.env("TERM", term).current_dir(stack.path("."));
        script.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = script.spawn().expect("`script` of util-linux is there");
        let written = || std::fs::read(stack.path(record)).unwrap_or_default();
        let says = |text: &str| String::from_utf8_lossy(&written()).contains(text);
        // Its log is shown once the start is over: an end before would be a start that failed.
        eventually("it is followed", seconds(60), || says("begun to sleep"));
        let id = stack.id("app");
        eventually("the failure is told", seconds(60), || {
            engine::post(&format!("/containers/{id}/start"), &serde_json::Value::Null);
            let kill = format!("/containers/{id}/kill?signal=KILL");
            engine::post(&kill, &serde_json::Value::Null);
            says("exited with code 137")
        });
        child.wait().unwrap();
        String::from_utf8_lossy(&written()).into_owned()
    };
    let name = stack.name();
    let seen = recorded("xterm", "first.txt");
    let (save, restore) = ("\u{1b}[22;2t", "\u{1b}[23;2t");
    let title = format!("\u{1b}]2;{name} ✘ app\u{7}");
    let notification = format!("\u{1b}]9;{name}: ✘ app exited with code 137\u{7}");
    let at = |text: &str| seen.find(text).unwrap_or_else(|| panic!("{text:?} is not in {seen}"));
    assert!(at(save) < at(&notification) && at(&title) < at(restore), "{seen}");
    assert_eq!(seen.matches(save).count(), seen.matches(restore).count());

    let console = recorded("linux", "second.txt");
    for sequence in [save, restore, "\u{1b}]"] {
        assert!(!console.contains(sequence), "{sequence:?} is in {console}");
    }
}
