//! Watching where the system gives too few file watches. Each watch runs in a user namespace with a
//! limit of its own, so that no setting of the machine is touched.

use crate::support::{Running, Stack, eventually, seconds};

/// What a person is told to do.
const REMEDY: &str =
    "`sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024`";

/// A stack that runs, and whose `src` is copied into its container.
fn stack(name: &str) -> Stack {
    let stack = Stack::new(
        name,
        "services:\n  app:\n    image: redis:8\n    init: true\n    command: [sleep, infinity]\n    \
         develop: {watch: [{path: src, action: sync, target: /srv}]}\n",
    );
    stack.write("src/a", "1");
    stack.ok(&["up", "-d"]);
    stack
}

/// Begins to watch with so many watches or instances.
fn watch(stack: &Stack, limit: &str, most: u32) -> Running {
    let script = format!("echo {most} > /proc/sys/user/{limit} && exec \"$@\"");
    let program = ["unshare", "--user", "--map-root-user", "sh", "-c", &script, "sh"];
    let watching = stack.spawn_by(&program, &["watch"]);
    watching.says("watching 2 files");
    watching
}

/// Whether a save still reaches the container.
fn follows(stack: &Stack, path: &str, content: &str) {
    stack.write(&format!("src/{path}"), content);
    eventually("the container has what was saved", seconds(20), || {
        stack.devstack(&["exec", "-T", "app", "cat", &format!("/srv/{path}")]).stdout == content
    });
}

#[test]
#[ignore = "needs a Docker engine"]
fn without_file_watches_all_files_are_looked_at_and_the_limits_are_named() {
    let stack = stack("no-watches");
    for limit in ["max_inotify_watches", "max_inotify_instances"] {
        let watching = watch(&stack, limit, 0);
        watching.says("warning: the system gives no more file watches");
        watching.says(REMEDY);
        follows(&stack, "a", limit);
        assert_eq!(watching.times_said("file watches"), 1, "it is told once");
        watching.interrupt();
        watching.end().ended_with(130);
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_limit_that_is_reached_later_is_told_then_and_nothing_is_missed() {
    let stack = stack("few-watches");
    let watching = watch(&stack, "max_inotify_watches", 10);
    follows(&stack, "a", "2");
    assert!(!watching.has_said("file watches"), "there are enough at first");
    for folder in 0..10 {
        stack.write(&format!("src/{folder}/b"), "new");
    }
    watching.says("warning: the system gives no more file watches");
    watching.says(REMEDY);
    follows(&stack, "9/b", "newer");
    watching.interrupt();
    watching.end().ended_with(130);
}
