//! Files that change while a stack runs. What became of a change is read from the containers.

use std::fs;

use serde_json::Value;

use crate::engine;
use crate::gate::Gate;
use crate::support::{Running, Stack, eventually, seconds, text};

/// Stays, and says what it was started with.
const IDLE: &str = "    image: redis:8\n    init: true\n    command: [sleep, infinity]\n";

fn watched(name: &str, service: &str, rules: &str) -> Stack {
    Stack::new(name, &format!("services:\n  app:\n{service}    develop:\n      watch:\n{rules}"))
}

fn begin(stack: &Stack) -> Running {
    stack.ok(&["up", "-d"]);
    let watching = stack.spawn(&["watch"]);
    watching.says("watching");
    watching
}

fn remove(stack: &Stack, path: &str) {
    let path = stack.path(path);
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.unwrap();
}

/// Ends the watch, which must leave the stack running.
fn end(stack: &Stack, watching: Running) {
    let before = stack.ids();
    watching.interrupt();
    watching.end().ended_with(130);
    assert_eq!(stack.ids(), before);
    for container in stack.inspect_all("app") {
        assert_eq!(container["State"]["Running"], true);
    }
}

/// The id of the one container of a service; `None` while a new one takes the place of the old.
fn settled_id(stack: &Stack, service: &str) -> Option<String> {
    let prefix = format!("{service}=");
    let ids = stack.ids().into_iter();
    let mut ids = ids.filter_map(|id| id.strip_prefix(&prefix).map(str::to_owned));
    ids.next().filter(|_| ids.next().is_none())
}

/// Waits until another container has taken the place of this one, for good.
fn replaced(stack: &Stack, service: &str, id: &str) {
    eventually(&format!("{service} is made anew"), seconds(60), || {
        settled_id(stack, service).is_some_and(|now| now != id)
    });
}

fn started_at(stack: &Stack, service: &str) -> Value {
    stack.inspect(service)["State"]["StartedAt"].clone()
}

#[test]
#[ignore = "needs a Docker engine"]
fn sync_copies_changes_and_deletions_with_the_containers_owner() {
    let stack = watched(
        "sync",
        &format!("{IDLE}    user: redis\n"),
        "      - {path: src, action: sync, target: /srv/app/src, ignore: ['*.log'], initial_sync: true}\n\
         \x20     - {path: one.txt, action: sync, target: /srv/}\n",
    );
    stack.write("src/old", "old");
    stack.write("src/x.log", "no");
    let watching = begin(&stack);
    let shows = |path: &str, expected: &str| {
        eventually(&format!("{path} is {expected}"), seconds(20), || {
            let run = stack.devstack(&["exec", "-T", "app", "cat", path]);
            run.stdout == expected
        });
    };
    let gone = |path: &str| {
        eventually(&format!("{path} is gone"), seconds(20), || {
            stack.devstack(&["exec", "-T", "app", "test", "-e", path]).code == Some(1)
        });
    };
    shows("/srv/app/src/old", "old");
    stack.write("src/a", "1");
    shows("/srv/app/src/a", "1");
    stack.write("src/a", "2");
    shows("/srv/app/src/a", "2");
    // As editors save: a new file under the old name.
    stack.write("src/.a.tmp", "3");
    fs::rename(stack.path("src/.a.tmp"), stack.path("src/a")).unwrap();
    shows("/srv/app/src/a", "3");
    stack.write("src/deep/er/b", "b");
    stack.write("one.txt", "one");
    shows("/srv/app/src/deep/er/b", "b");
    shows("/srv/one.txt", "one");
    let owners = stack.exec("app", &["stat", "-c", "%U", "/srv/app/src", "/srv/app/src/deep/er/b"]);
    assert_eq!(owners, "redis\nredis");
    remove(&stack, "src/deep");
    gone("/srv/app/src/deep");
    fs::rename(stack.path("src"), stack.path("away")).unwrap();
    gone("/srv/app/src/a");
    fs::rename(stack.path("away"), stack.path("src")).unwrap();
    shows("/srv/app/src/a", "3");
    assert_eq!(
        stack.devstack(&["exec", "-T", "app", "test", "-e", "/srv/app/src/x.log"]).code,
        Some(1)
    );
    // A container that is made anew gets all of it again.
    stack.ok(&["up", "-d", "--force-recreate"]);
    shows("/srv/app/src/a", "3");
    shows("/srv/one.txt", "one");
    end(&stack, watching);
}

#[test]
#[ignore = "needs a Docker engine"]
fn restarts_and_commands_follow_a_change() {
    let stack = Stack::new(
        "follow",
        &format!(
            "services:\n  app:\n{IDLE}    scale: 2\n    develop:\n      watch:\n      \
             - {{path: conf, action: sync+restart, target: /srv/conf}}\n      \
             - {{path: code, action: restart}}\n      \
             - {{path: gen, action: sync+exec, target: /srv/gen, \
             exec: {{command: [sh, -c, 'echo got $$(cat /srv/gen/x) as $$WHO; test ! -e /srv/gen/bad'], \
             environment: {{WHO: me}}}}}}\n  \
             follower:\n{IDLE}    depends_on: {{app: {{condition: service_started, restart: true}}}}\n  \
             other:\n{IDLE}    depends_on: [app]\n"
        ),
    );
    for folder in ["conf", "code", "gen"] {
        stack.write(&format!("{folder}/x"), "0");
    }
    let watching = begin(&stack);
    let starts = || -> Vec<String> {
        let apps = stack.inspect_all("app");
        apps.iter().map(|it| text(&it["State"]["StartedAt"]).to_owned()).collect()
    };
    let (before, follower, other) =
        (starts(), started_at(&stack, "follower"), started_at(&stack, "other"));
    stack.write("conf/x", "1");
    watching.says("app synced and restarted in");
    let after = starts();
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    assert_eq!(stack.exec("app", &["cat", "/srv/conf/x"]), "1");
    assert_ne!(started_at(&stack, "follower"), follower);
    assert_eq!(started_at(&stack, "other"), other);

    stack.write("code/x", "1");
    watching.says("app restarted in");
    assert_ne!(starts(), after);

    stack.write("gen/x", "7");
    watching.says("app-1 | got 7 as me");
    watching.says("app-2 | got 7 as me");
    watching.says("app synced, its command run in");
    stack.write("gen/bad", "1");
    watching.says("exec failed: `sh -c");
    end(&stack, watching);
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_attached_up_stays_when_a_save_ends_its_only_service_and_the_next_one_begins_it_anew() {
    let yaml = "services:\n  app:\n    image: redis:8\n    init: true\n    \
                command: [sh, -c, 'mkdir -p /srv; touch /srv/run; echo runs; . /srv/run; exec sleep infinity']\n    \
                develop:\n      watch: [{path: src, action: sync+restart, target: /srv}]\n";
    let stack = Stack::new("crash", yaml);
    stack.write("src/other", "");
    let up = stack.spawn(&["up"]);
    up.prints("runs");
    up.says("watching");
    stack.write("src/run", "exit 3\n");
    up.says("app exited with code 3");
    up.says("the next save starts `app` again");
    // What is deleted in a container that does not run is deleted, too.
    remove(&stack, "src/other");
    stack.write("src/run", "echo mended\n");
    up.says("app synced and restarted in");
    up.prints("mended");
    up.interrupt();
    up.end().ended_with(130);
}

#[test]
#[ignore = "needs a Docker engine"]
fn rebuild_makes_only_what_is_built_anew_and_leaves_no_image_behind() {
    let stack = Stack::new(
        "rebuild",
        &format!(
            "services:\n  app:\n    init: true\n    build: ./app\n    command: [sleep, infinity]\n    \
             develop:\n      watch:\n      - {{path: app, action: rebuild}}\n      \
             - {{path: live, action: sync, target: /live}}\n  other:\n{IDLE}"
        ),
    );
    stack.write("app/Dockerfile", "FROM redis:8\nCOPY word /word\nRUN cat /word\n");
    stack.write("app/.dockerignore", "*.md\n");
    stack.write("app/word", "one");
    let watching = begin(&stack);
    stack.write("live/x", "kept");
    watching.says("app synced in");
    let (app, other) = (stack.id("app"), stack.id("other"));
    let image = text(&stack.inspect("app")["Image"]).to_owned();
    stack.write("app/README.md", "no part of the image");
    stack.write("app/word", "two");
    watching.says("app rebuilt in");
    assert_eq!(stack.exec("app", &["cat", "/word"]), "two");
    assert_ne!(stack.id("app"), app);
    assert_eq!(stack.id("other"), other);
    eventually("the new container has what was copied before", seconds(20), || {
        stack.devstack(&["exec", "-T", "app", "cat", "/live/x"]).stdout == "kept"
    });
    eventually("the old image is removed", seconds(20), || {
        engine::try_get(&format!("/images/{image}/json")).status == 404
    });

    // A build that fails leaves what runs.
    let app = stack.id("app");
    stack.write("app/Dockerfile", "FROM redis:8\nCOPY word /word\nRUN grep three /word\n");
    watching.says("app rebuild failed");
    watching.says("RUN grep three /word");
    assert_eq!(stack.id("app"), app);
    stack.write("app/word", "three");
    replaced(&stack, "app", &app);
    eventually("it runs", seconds(20), || {
        stack.devstack(&["exec", "-T", "app", "cat", "/word"]).stdout == "three"
    });
    // A running build gives way to what is newer.
    stack.write("app/Dockerfile", "FROM redis:8\nCOPY word /word\nRUN sleep 300\n");
    watching.says("RUN sleep 300");
    stack.write("app/Dockerfile", "FROM redis:8\nCOPY word /word\nRUN echo quick > /quick\n");
    eventually("the newer one is built", seconds(60), || {
        stack.devstack(&["exec", "-T", "app", "test", "-e", "/quick"]).code == Some(0)
    });
    end(&stack, watching);
}

#[test]
#[ignore = "needs a Docker engine"]
fn images_without_any_program_and_read_only_containers_get_their_files() {
    // Nothing but one static program: the engine's own init.
    let stack = Stack::new(
        "bare",
        "services:\n  app:\n    build:\n      context: .\n      dockerfile_inline: |\n        \
         FROM redis:8 AS tools\n        RUN mkdir -p /out/bin && cp $$(command -v sleep) /out/bin/ \
         && ldd /out/bin/sleep | grep -o '/[^ ]*' | xargs cp -L --parents -t /out\n        \
         FROM scratch\n        COPY --from=tools /out /\n        \
         USER 1234:5678\n    init: true\n    command: [/bin/sleep, infinity]\n    develop:\n      \
         watch:\n      - {path: src, action: sync, target: /srv/src}\n  locked:\n    image: redis:8\n    \
         init: true\n    command: [sleep, infinity]\n    read_only: true\n    volumes: ['data:/data']\n    \
         develop:\n      watch:\n      - {path: src, action: sync, target: /data/src}\n      \
         - {path: bad, action: sync, target: /srv}\nvolumes: {data: }\n",
    );
    let watching = begin(&stack);
    for name in ["a", "b", "sub/c", "old/d"] {
        stack.write(&format!("src/{name}"), name);
    }
    let listed = || {
        let archive = engine::tar_names(&stack.id("app"), "/srv/src");
        archive.join(" ")
    };
    eventually("all are there", seconds(20), || {
        listed() == "src/ src/a src/b src/old/ src/old/d src/sub/ src/sub/c"
    });
    remove(&stack, "src/a");
    remove(&stack, "src/old");
    eventually("what was deleted is gone, the rest is there", seconds(20), || {
        listed() == "src/ src/b src/sub/ src/sub/c"
    });
    assert_eq!(stack.exec("locked", &["ls", "/data/src"]), "b\nsub");
    stack.write("bad/x", "1");
    watching.says("locked sync failed");
    watching.says("read-only");
    end(&stack, watching);
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_stack_follows_its_files_while_they_are_watched() {
    let yaml = |word: &str| {
        format!(
            "services:\n  app:\n{IDLE}    environment: {{WORD: '{word}', SECRET_TOKEN: '${{TOKEN:-none}}'}}\n    \
             develop:\n      watch: [{{path: src, action: sync, target: /srv}}]\n  other:\n{IDLE}"
        )
    };
    let stack = Stack::new("stack-files", &yaml("one"));
    stack.write("src/a", "1");
    let watching = begin(&stack);
    let (app, other) = (stack.id("app"), stack.id("other"));
    stack.write("devstack.yaml", &yaml("two"));
    watching.says("devstack.yaml changed: the stack follows");
    watching.says("environment changed");
    replaced(&stack, "app", &app);
    assert_eq!(stack.id("other"), other);
    // The rules of the new file hold.
    eventually("it runs with the new word", seconds(30), || {
        stack.devstack(&["exec", "-T", "app", "sh", "-c", "echo $WORD"]).stdout == "two\n"
    });
    stack.write("src/a", "2");
    watching.says("app synced in");

    // A broken file is shown and changes nothing.
    let app = stack.id("app");
    stack.write("devstack.yaml", "services: [\n");
    watching.says("error:");
    watching.says("the stack is left as it is");
    assert_eq!(stack.id("app"), app);
    stack.write("devstack.yaml", &yaml("two"));

    // A .env file that was not there before.
    stack.write(".env", "TOKEN=very-secret-value\n");
    // Perhaps together with the file before it.
    watching.says(".env");
    replaced(&stack, "app", &app);
    let ended = {
        watching.interrupt();
        watching.end().ended_with(130)
    };
    assert!(!ended.stderr.contains("very-secret-value"), "{ended}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_that_a_changed_file_adds_is_followed_and_stopped_like_the_others() {
    let yaml = |more: &str| {
        format!(
            "services:\n  app:\n{IDLE}    develop:\n      \
             watch: [{{path: src, action: sync, target: /srv}}]\n{more}"
        )
    };
    let stack = Stack::new("added", &yaml(""));
    stack.write("src/a", "1");
    let up = stack.spawn(&["up"]);
    up.says("watching");
    let command = "[sh, -c, 'echo hello with $$PASSWORD; exec sleep infinity']";
    stack.write(
        "devstack.yaml",
        &yaml(&format!(
            "  late:\n    image: redis:8\n    init: true\n    command: {command}\n    \
             environment: {{PASSWORD: a-secret-of-late}}\n"
        )),
    );
    up.says("devstack.yaml changed: the stack follows");
    up.prints("late-1  | hello with");
    up.interrupt();
    let ended = up.end().ended_with(130);
    assert!(!ended.stdout.contains("a-secret-of-late"), "{ended}");
    assert_eq!(stack.inspect("late")["State"]["Running"], false);
    assert_eq!(stack.inspect("app")["State"]["Running"], false);
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_changes_while_the_engine_is_away_follows_when_it_is_back() {
    let gate = Gate::open();
    let stack = watched("away", IDLE, "      - {path: src, action: sync, target: /srv/src}\n")
        .with_env("DOCKER_HOST", &gate.address());
    stack.write("src/a", "1");
    let watching = begin(&stack);
    stack.write("src/a", "2");
    watching.says("app synced in");
    gate.shut();
    watching.says("the engine went away; waiting for it");
    stack.write("src/a", "3");
    stack.write("src/b", "new");
    gate.reopen();
    watching.says("the engine is back");
    eventually("both files are there", seconds(30), || {
        let run = stack.devstack(&["exec", "-T", "app", "sh", "-c", "cat /srv/src/a /srv/src/b"]);
        run.stdout == "3new"
    });
    // So do files of the stack.
    gate.shut();
    eventually("it says so again", seconds(30), || {
        watching.times_said("the engine went away; waiting for it") == 2
    });
    let yaml = fs::read_to_string(stack.path("devstack.yaml")).unwrap();
    stack.write("devstack.yaml", &yaml.replace("    init", "    environment: {A: b}\n    init"));
    gate.reopen();
    watching.says("devstack.yaml changed: the stack follows");
    eventually("the container has the setting", seconds(30), || {
        stack.devstack(&["exec", "-T", "app", "printenv", "A"]).stdout == "b\n"
    });
    watching.says("app ready");
    end(&stack, watching);
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_attached_up_goes_on_when_the_engine_is_back() {
    for flag in ["--watch", "--no-watch"] {
        let gate = Gate::open();
        let stack = watched(
            "attached-away",
            "    image: redis:8\n    init: true\n    command: [sh, -c, 'while :; do echo at $$(date \
             +%s%3N); sleep 0.1; done']\n",
            "      - {path: src, action: sync, target: /srv/src}\n",
        )
        .with_env("DOCKER_HOST", &gate.address());
        stack.write("src/a", "1");
        let up = stack.spawn(&["up", "--no-log-prefix", flag]);
        up.prints("at 1");
        gate.shut();
        up.says("the engine went away; waiting for it");
        gate.reopen();
        up.says("the engine is back");
        let lines = up.stdout_now().lines().count();
        eventually("more is printed", seconds(20), || up.stdout_now().lines().count() > lines + 5);
        up.interrupt();
        let ended = up.end().ended_with(130);
        // Nothing is left out, and nothing comes twice.
        let times: Vec<u64> = ended
            .stdout
            .lines()
            .map(|line| line.strip_prefix("at ").unwrap().parse().unwrap())
            .collect();
        assert!(times.windows(2).all(|two| two[0] < two[1]), "{ended}");
        assert_eq!(stack.inspect("app")["State"]["Running"], false);
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn up_watches_by_itself_and_a_watch_that_was_killed_leaves_no_trace() {
    let stack = watched("up", IDLE, "      - {path: src, action: sync, target: /srv/src}\n");
    stack.write("src/a", "1");
    let up = stack.spawn(&["up"]);
    up.says("watching");
    stack.write("src/a", "2");
    up.says("app synced in");
    up.kill();
    up.end();
    // `-d --watch` brings it up, prints the addresses, watches, and leaves it running.
    let watch = stack.spawn(&["up", "-d", "--watch"]);
    watch.says("watching");
    stack.write("src/a", "3");
    watch.says("app synced in");
    assert_eq!(stack.exec("app", &["cat", "/srv/src/a"]), "3");
    end(&stack, watch);
    stack.ok(&["stop"]);
    let quiet = stack.spawn(&["up", "--no-watch"]);
    quiet.says("app ready");
    stack.write("src/a", "4");
    // Also when it comes between two things that wait for it.
    quiet.interrupt();
    let ended = quiet.end().ended_with(130);
    assert!(!ended.stderr.contains("watching"), "{ended}");
    stack.ok(&["start"]);
    assert_eq!(stack.exec("app", &["cat", "/srv/src/a"]), "3");
}

#[test]
#[ignore = "needs a Docker engine"]
fn after_many_saves_at_any_moment_the_last_one_counts() {
    let stack = watched("soak", IDLE, "      - {path: src, action: sync, target: /srv/src}\n");
    for file in 0..5 {
        stack.write(&format!("src/{file}"), "0");
    }
    let watching = begin(&stack);
    // Fixed, so that a failure can be repeated: what counts is that pauses differ.
    let mut seed: u64 = 42;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for save in 0..200 {
        let file = format!("src/{}", random(5));
        match random(10) {
            0 => {
                let _ = fs::remove_file(stack.path(&file));
            }
            1 => {
                stack.write("src/new.tmp", &save.to_string());
                fs::rename(stack.path("src/new.tmp"), stack.path(&file)).unwrap();
            }
            _ => stack.write(&file, &save.to_string()),
        }
        std::thread::sleep(std::time::Duration::from_millis(random(40)));
    }
    let here = || -> String {
        let mut files: Vec<String> = fs::read_dir(stack.path("src"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                format!("{name}={}\n", fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files.concat()
    };
    let there = || {
        let script = "cd /srv/src && for f in *; do echo $f=$(cat $f); done";
        stack.devstack(&["exec", "-T", "app", "sh", "-c", script]).stdout
    };
    // Once everything is there that was changed at all.
    for file in 0..5 {
        stack.write(&format!("src/{file}"), &format!("last {file}"));
    }
    eventually("both sides are equal", seconds(30), || there() == here());
    end(&stack, watching);
}
