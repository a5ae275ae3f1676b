//! Code of any language that changes while its service runs: restarted, signalled, or run by
//! devstack's runner.

use std::time::Duration;

use crate::support::{Running, Stack, eventually, seconds, text};

/// Answers SIGHUP and SIGTERM, and says which version it is.
fn application(version: &str) -> String {
    format!(
        "trap 'echo version {version} heard HUP' HUP\ntrap 'echo bye {version}; exit 0' TERM\n\
         echo {version} > /tmp/version\necho version {version} runs\n\
         while :; do sleep 0.05; done\n"
    )
}

struct Service {
    stack: Stack,
    watching: Running,
}

impl Service {
    fn watched(test: &str, reload: &str, more: &str) -> Self {
        let stack = Stack::new(
            test,
            &format!(
                "services:\n  app:\n    image: redis:8\n    init: true\n    \
                 volumes: ['./src:/srv/src:ro']\n    reload: {reload}\n{more}"
            ),
        );
        stack.write("src/app.sh", &application("one"));
        stack.ok(&["up", "-d"]);
        let watching = stack.spawn(&["watch"]);
        watching.says("watching");
        Self { stack, watching }
    }

    fn save(&self, text: &str) {
        self.stack.write("src/app.sh", text);
    }

    fn runs(&self, version: &str) {
        eventually(&format!("version {version} runs"), seconds(30), || {
            self.stack.devstack(&["exec", "-T", "app", "cat", "/tmp/version"]).stdout.trim()
                == version
        });
    }

    fn started_at(&self) -> String {
        text(&self.stack.inspect("app")["State"]["StartedAt"]).to_owned()
    }

    fn log(&self) -> String {
        self.stack.ok(&["logs", "--no-log-prefix", "app"]).stdout
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_save_restarts_or_signals_what_has_no_runner() {
    let command = "    command: [sh, /srv/src/app.sh]\n";
    let restarted = Service::watched("restarts", "restart", command);
    let before = restarted.started_at();
    restarted.save(&application("two"));
    restarted.watching.says("app restarted in");
    restarted.runs("two");
    assert_ne!(restarted.started_at(), before);

    let signalled = Service::watched("signals", "{signal: SIGHUP, ignore: '*.md'}", command);
    let before = signalled.started_at();
    signalled.stack.write("src/README.md", "does not count");
    signalled.save(&application("two"));
    signalled.watching.says("app signalled in");
    eventually("the main process hears it", seconds(20), || {
        signalled.log().contains("version one heard HUP")
    });
    assert_eq!(signalled.log().matches("heard HUP").count(), 1);
    assert_eq!(signalled.started_at(), before);
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_copied_is_there_before_the_signal() {
    let stack = Stack::new(
        "copied",
        "services:\n  app:\n    image: redis:8\n    init: true\n    \
         command: [sh, -c, 'trap \"cat /srv/conf/a\" HUP; while :; do sleep 0.05; done']\n    \
         reload: {signal: HUP, sync: ./conf:/srv/conf}\n",
    );
    stack.write("conf/a", "0\n");
    stack.ok(&["up", "-d"]);
    let watching = stack.spawn(&["watch"]);
    watching.says("watching");
    stack.write("conf/a", "changed\n");
    watching.says("app synced and signalled in");
    eventually("it reads the new file", seconds(20), || {
        stack.ok(&["logs", "--no-log-prefix", "app"]).stdout.contains("changed")
    });
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_command_is_run_anew_and_its_failures_are_told() {
    let service = Service::watched("commands", "{command: [sh, /srv/src/app.sh]}", "");
    let before = service.started_at();
    service.save(&application("two"));
    service.watching.says("app reloaded in");
    assert_eq!(service.stack.exec("app", &["cat", "/tmp/version"]), "two");
    assert!(service.log().contains("bye one"), "{}", service.log());

    // A start that fails is told with what it printed; the next save mends it.
    service.save("echo something is wrong here >&2; exit 3\n");
    service.watching.says("app start failed: it ended with exit code 3 (nothing serves)");
    service.watching.says("something is wrong here");
    service.save(&application("three"));
    service.runs("three");

    // Who takes no notice of SIGTERM is killed, with what it has started.
    service.save("trap '' TERM\necho four > /tmp/version\nsleep 1000 &\nwait\nsleep 1000\n");
    service.runs("four");
    service.save(&application("five"));
    service.runs("five");
    let top = service.stack.ok(&["top", "app"]).stdout;
    assert!(!top.contains("sleep 1000"), "{top}");

    // All of it in one and the same container, which a stop ends at once.
    assert_eq!(service.started_at(), before);
    let begun = std::time::Instant::now();
    service.stack.ok(&["stop"]);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(service.stack.inspect("app")["State"]["ExitCode"], 0);
    assert!(service.log().contains("bye five"));
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_does_not_compile_leaves_the_version_before_running() {
    let more = "    read_only: true\n    user: '1234:1234'\n    restart: unless-stopped\n    \
                ready: {exec: [test, -s, /tmp/version]}\n";
    let reload = "{command: [sh, /srv/src/app.sh], compile: [sh, -n, /srv/src/app.sh]}";
    let service = Service::watched("compiles", reload, more);
    service.save("if (\n");
    service.watching.says("app compile failed: exit code 2 (the version before still serves)");
    service.watching.says("Syntax error");
    service.runs("one");
    assert!(!service.log().contains("bye one"));
    service.save(&application("two"));
    service.watching.says("app reloaded in");
    service.watching.says("compile ");
    service.runs("two");

    // It compiles and does not start: by its policy the runner tries again by itself.
    service.save("test -e /tmp/again && exec sleep 1000; touch /tmp/again; exit 1\n");
    service.watching.says("app start failed: it ended with exit code 1");
    eventually("it is started again", seconds(30), || {
        service.log().contains("it starts again in 1 s")
            && service.log().trim_end().ends_with("devstack: starts again")
    });
    // Many saves at any moment: the last one counts.
    for save in 0..40 {
        service.save(&application(&format!("v{save}")));
        std::thread::sleep(Duration::from_millis(save * 7 % 60));
    }
    service.runs("v39");
}
