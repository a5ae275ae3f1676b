//! Builds that fail are told at the line of the Dockerfile, once; builds that cannot begin before
//! anything is changed.

use crate::support::Stack;

const BASE: &str = "FROM devstack/base:trixie\n";

/// A service that is built from a Dockerfile in a folder of its own.
fn stack(name: &str) -> Stack {
    let stack = Stack::new(name, "services:\n  app:\n    build: ./app\n");
    stack.write("app/kept.txt", "kept");
    stack
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_failed_step_is_pointed_at_in_the_dockerfile_and_told_once() {
    let stack = stack("build-step");
    stack.write(
        "app/Dockerfile",
        "ARG BASE=devstack/base:trixie\nFROM $BASE AS tools\nRUN true\n\n\
         FROM tools\nWORKDIR /srv\n# Does not work.\nRUN echo the compiler is asleep && \\\n    exit 4\n",
    );
    let run = stack.fails(&["build"]).says(&[
        "failed: exit code 4",
        "--> app/Dockerfile:8:1",
        "8 | RUN echo the compiler is asleep",
        "::: devstack.yaml:3:5",
        "| the compiler is asleep",
    ]);
    let told = |text: &str| run.stderr.matches(text).count();
    assert_eq!(told("\n          | the compiler is asleep"), 1, "{run}");
    assert_eq!(told("exit code 4"), 1, "{run}");
    // The line of progress says which step it was, and no more.
    assert!(run.stderr.contains("app  failed to build\n"), "{run}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_step_that_was_given_up_for_a_failure_is_not_told_as_failed() {
    let stack = stack("build-beside");
    stack.write(
        "app/Dockerfile",
        "FROM devstack/base:trixie AS slow\nRUN sleep 60 && touch /slow\n\
         FROM devstack/base:trixie AS quick\nRUN sleep 2; exit 5\n\
         FROM devstack/base:trixie\nCOPY --from=slow /slow /\nCOPY --from=quick /no /\n",
    );
    let run = stack.fails(&["build"]).says(&["--> app/Dockerfile:4:1", "failed: exit code 5"]);
    assert!(!run.stderr.contains("RUN sleep 60 && touch /slow failed"), "{run}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn mistakes_in_a_dockerfile_are_pointed_at() {
    let stack = stack("build-mistakes");
    // What stands in the Dockerfile, where that is, and what else is said.
    for (lines, place, more) in [
        ("RUN true\nCOPPY kept.txt /\n", "3:1", "help: did you mean `COPY`?"),
        ("COPY --chmood=1 kept.txt /\n", "2:8", "unknown flag"),
        ("WORKDIR\n", "2:1", "WORKDIR requires exactly one argument"),
        (
            "COPY kept.txt gone.txt /\n",
            "2:15",
            "help: the path counts from the build context, of which `.dockerignore` leaves files out",
        ),
        ("AS tools\nFROM 127.0.0.1:9/a/b:1\n", "2:6", "127.0.0.1:9"),
        ("COPY --from=127.0.0.1:9/a/b:1 /x /\n", "2:13", "127.0.0.1:9"),
    ] {
        let base = if lines.starts_with("AS") { BASE.trim_end() } else { BASE };
        let gap = if lines.starts_with("AS") { " " } else { "" };
        stack.write("app/Dockerfile", &format!("{base}{gap}{lines}"));
        let run = stack.fails(&["up", "-d"]).says(&[more]);
        assert!(run.stderr.contains(&format!("--> app/Dockerfile:{place}\n")), "{lines}\n{run}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_inline_dockerfile_is_pointed_at_in_the_stack_file() {
    let stack = Stack::new(
        "build-inline",
        "services:\n  app:\n    build:\n      dockerfile_inline: |\n        \
         FROM devstack/base:trixie\n\n        RUN echo asleep; \\\n          exit 4\n",
    );
    stack.fails(&["up", "-d"]).says(&[
        "--> devstack.yaml:7:9",
        "7 | RUN echo asleep; \\",
        "| asleep",
    ]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn stages_of_additional_contexts_do_not_move_the_place() {
    let stack = Stack::new(
        "build-contexts",
        "services:\n  app:\n    build:\n      context: ./app\n      \
         additional_contexts: {lib: ./lib, base: 'docker-image://devstack/base:trixie'}\n",
    );
    stack.write("lib/a", "a");
    stack.write("app/Dockerfile", "FROM base\nCOPY --from=lib a /\nRUN test -e /a && exit 6\n");
    stack.fails(&["build"]).says(&["--> app/Dockerfile:3:1", "failed: exit code 6"]);
    stack.write("app/Dockerfile", "FROM base\nRUNN true\n");
    stack.fails(&["build"]).says(&["--> app/Dockerfile:2:1", "did you mean `RUN`?"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_build_that_cannot_begin_is_told_before_anything_is_changed() {
    let stack = Stack::new(
        "build-missing",
        "services:\n  db:\n    image: devstack/base:trixie\n    pull_policy: never\n    \
         command: [sleep, infinity]\n    init: true\n    volumes: ['data:/data']\n  app:\n    \
         build: ./gone\n  web:\n    build: {context: ./web}\nvolumes: {data: }\n",
    );
    stack.write("web/x", "x");
    for command in [&["up", "-d"][..], &["build"], &["plan"], &["up", "--dry-run"]] {
        let run = stack.fails(command).says(&[
            "/gone, the build context",
            "--> devstack.yaml:9:5",
            "/web/Dockerfile",
            "--> devstack.yaml:11:13",
            "nothing was changed",
        ]);
        assert_eq!(stack.resources(), Vec::<String>::new(), "{run}");
    }
    // Nobody needs the folder of an image that is there, and one that stays is not thrown away for
    // one that cannot be made.
    stack.ok(&["up", "-d", "db"]);
    let id = stack.id("db");
    stack.fails(&["reset", "--yes"]).says(&["/gone, the build context"]);
    assert_eq!(stack.id("db"), id);
}
