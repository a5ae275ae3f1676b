//! The reload runner in a container: what a save does, and what it must never do.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::application::{Application, get, get_path, greeter, watch};
use crate::engine;
use crate::support::{Stack, eventually, free_port, repository, seconds, text};

#[test]
#[ignore = "needs a Docker engine"]
fn saves_are_live_and_mistakes_leave_the_version_before_serving() {
    let application = Application::up("reload", "");
    application.save("'two'");
    application.serves("two");
    application.says("devstack: reloaded in");

    application.save("'three' oops");
    application.says("does not compile: src/greeter.ts:6:20");
    application.says("> 6 |     return 'three' oops;");
    assert_eq!(application.get().as_deref(), Ok("two"));
    application.save("'four'");
    application.serves("four");

    let thrower = format!("{}throw new Error('not while it starts');\n", greeter("'five'"));
    application.stack.write("src/greeter.ts", &thrower);
    application.says("does not start: not while it starts");
    application.says(">  9 | throw new Error('not while it starts');");
    assert_eq!(application.get().as_deref(), Ok("four"));

    application.stack.write("src/words.ts", "export const word: string = 'new file';\n");
    let importing = format!("import {{ word }} from './words.js';\n{}", greeter("word"));
    application.stack.write("src/greeter.ts", &importing);
    application.serves("new file");
    std::fs::remove_file(application.stack.path("src/words.ts")).unwrap();
    application.says("words.js");
    assert_eq!(application.get().as_deref(), Ok("new file"));
    application.save("'five'");
    application.serves("five");

    // Nobody but a stop ends it, and that is quick.
    application.stack.ok(&["stop"]);
    assert_ne!(application.stack.inspect("api")["State"]["ExitCode"], 137);
}

#[test]
#[ignore = "needs a Docker engine"]
fn no_request_fails_and_no_version_comes_back_during_fifty_reloads() {
    const RELOADS: u32 = 50;
    let application = Application::up("load", "");
    application.save("'0'");
    application.serves("0");
    let newest = Arc::new(AtomicU32::new(0));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let done = Arc::new(AtomicBool::new(false));
    // Four clients with a request every 20 ms each: 200 requests a second.
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (newest, failures, done) =
                (Arc::clone(&newest), Arc::clone(&failures), Arc::clone(&done));
            let port = application.port;
            std::thread::spawn(move || {
                let mut requests = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    let due = Instant::now() + Duration::from_millis(20);
                    let at_least = newest.load(Ordering::SeqCst);
                    match get(port).map(|body| body.parse::<u32>()) {
                        Ok(Ok(seen)) if seen >= at_least => {
                            newest.fetch_max(seen, Ordering::SeqCst);
                        }
                        other => {
                            failures.lock().unwrap().push(format!("{other:?} after {at_least}"));
                        }
                    }
                    requests += 1;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                requests
            })
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for version in 1..=RELOADS {
        let begun = Instant::now();
        application.save(&format!("'{version}'"));
        while newest.load(Ordering::SeqCst) < version && begun.elapsed() < seconds(30) {
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(begun.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    let requests: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    times.sort();
    println!(
        "{requests} requests, save to new body: p50 {:?}, p95 {:?}",
        times[times.len() / 2],
        times[times.len() * 95 / 100]
    );
    assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    assert_eq!(newest.load(Ordering::SeqCst), RELOADS);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_read_only_container_of_another_user_reloads() {
    let more =
        "    read_only: true\n    user: '12345:12345'\n    environment: {NODE_COMPILE_CACHE: ''}\n";
    let application = Application::up("readonly", more);
    application.save("'two'");
    application.serves("two");
    application.stack.ok(&["restart", "api"]);
    application.serves("two");
    // The volume that its runner needs there has no name, and goes with the container.
    let mounts = application.stack.inspect("api")["Mounts"].clone();
    let mounts = mounts.as_array().unwrap();
    let own = mounts.iter().find(|mount| mount["Destination"] == "/opt/devstack").unwrap();
    let volume = format!("/volumes/{}", text(&own["Name"]));
    assert_eq!(engine::try_get(&volume).status, 200);
    application.stack.ok(&["down"]);
    assert_eq!(engine::try_get(&volume).status, 404);
}

#[test]
#[ignore = "needs a Docker engine"]
fn typescript_compiles_where_there_is_no_swc() {
    let application = Application::up("typescript", "    tmpfs: [/app/node_modules/@swc]\n");
    application.save("'two'");
    application.serves("two");
    application.save("'three' oops");
    application.says("does not compile: src/greeter.ts:6:20");
    assert_eq!(application.get().as_deref(), Ok("two"));
}

#[test]
#[ignore = "needs a Docker engine"]
fn type_errors_delay_nothing_and_changed_settings_compile_everything() {
    let settings = "    volumes: ['./src:/app/src:ro', './tsconfig.json:/app/tsconfig.json:ro']\n";
    let application = Application::new("types", "");
    let tsconfig = repository().join("templates/nestjs/tsconfig.json");
    let tsconfig = std::fs::read_to_string(tsconfig).unwrap();
    let yaml = std::fs::read_to_string(application.stack.path("devstack.yaml")).unwrap();
    let yaml = yaml.replace("    volumes: ['./src:/app/src:ro']\n", settings);
    application.stack.write("devstack.yaml", &yaml);
    application.stack.write("tsconfig.json", &tsconfig);
    application.stack.ok(&["up", "-d"]);
    let watching = watch(&application.stack, |text| application.save(text));
    application.save("5");
    application.serves("5");
    watching.says("api: types do not fit");
    watching.says("TS2322");
    application.save("'fits'");
    application.serves("fits");
    watching.says("api: all types fit again");

    application.stack.write("tsconfig.json", &format!("// Read anew.\n{tsconfig}"));
    application.says("settings of the compiler changed: compiles everything");
    application.serves("fits");
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_debuggers_port_is_the_same_after_each_reload() {
    let port = free_port();
    let more = format!("    reload: {{inspect: {port}, types: false}}\n");
    let application = Application::up("inspect", &more);
    // Each process has a name of its own; the address stays.
    let target = || {
        let body = get_path(port, "/json/list").ok()?;
        let targets: Value = serde_json::from_str(&body).ok()?;
        Some(text(&targets[0]["id"]).to_owned())
    };
    let mut last = String::new();
    for version in ["one", "two", "three"] {
        application.save(&format!("'{version}'"));
        application.serves(version);
        eventually(&format!("the debugger of {version} answers"), seconds(20), || {
            target().is_some_and(|id| id != last)
        });
        last = target().unwrap();
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_changed_manifest_is_installed_in_place() {
    let port = free_port();
    let yaml = format!(
        "services:\n  api:\n    image: node:26-slim\n    working_dir: /app\n    init: true\n    \
         reload: node\n    restart: unless-stopped\n    environment: {{npm_config_offline: 'true'}}\n    \
         volumes: ['./app:/app', 'modules:/app/node_modules']\n    ports: ['127.0.0.1:{port}:3001']\n    \
         ready: {{http: {{port: 3001, path: /}}}}\nvolumes: {{modules: }}\n"
    );
    let stack = Stack::new("install", &yaml);
    let manifest = |more: &str| format!("{{\"name\": \"app\", \"type\": \"module\"{more}}}\n");
    let main = |line: &str, body: &str| {
        format!(
            "import http from 'node:http';\n{line}\nhttp.createServer((_, response) => \
             response.end({body})).listen(3001);\n"
        )
    };
    stack.write("app/package.json", &manifest(""));
    stack.write("app/src/main.js", &main("", "'one'"));
    stack.write("app/lib/package.json", "{\"name\": \"words\", \"version\": \"1.0.0\"}\n");
    stack.write("app/lib/index.js", "exports.word = 'from a package';\n");
    stack.write("app/other/package.json", "{\"name\": \"words\", \"version\": \"2.0.0\"}\n");
    stack.write("app/other/index.js", "exports.word = 'from its successor';\n");
    stack.ok(&["up", "-d"]);
    assert_eq!(get(port).as_deref(), Ok("one"));
    let started = text(&stack.inspect("api")["State"]["StartedAt"]).to_owned();
    let watching = watch(&stack, |text| stack.write("app/src/main.js", &main("", text)));
    stack.exec("api", &["npm", "pack", "./lib", "./other"]);
    let words = |version: &str| {
        manifest(&format!(", \"dependencies\": {{\"words\": \"file:./words-{version}.tgz\"}}"))
    };
    stack.write("app/package.json", &words("1.0.0"));
    watching.says("api: installing packages: package.json or its lock file changed");
    stack.write("app/src/main.js", &main("import { word } from 'words';", "word"));
    eventually("the new package is used", seconds(60), || {
        get(port).as_deref() == Ok("from a package")
    });
    // The lock file that npm wrote is no reason to install again.
    let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
    assert_eq!(log.matches("changed: installs packages").count(), 1, "{log}");

    // What cannot be installed leaves the version before, and says so.
    let wrong = manifest(", \"dependencies\": {\"words\": \"9.9.9\"}");
    stack.write("app/package.json", &wrong);
    watching.says("api install failed: packages changed and cannot be installed in place");
    assert_eq!(get(port).as_deref(), Ok("from a package"));
    assert_eq!(text(&stack.inspect("api")["State"]["StartedAt"]), started);
    drop(watching);

    // The volume of packages is older than the lock file that came while nothing ran.
    stack.ok(&["stop"]);
    stack.write("app/package.json", &words("2.0.0"));
    let elsewhere = "mkdir /tmp/a && cp package.json *.tgz /tmp/a && cd /tmp/a && \
                     npm install --package-lock-only && cp package-lock.json /app/";
    stack.ok(&["run", "--rm", "-T", "api", "sh", "-c", elsewhere]);
    stack.ok(&["up", "-d"]);
    assert_eq!(get(port).as_deref(), Ok("from its successor"));
    let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
    assert!(log.contains("(words 1.0.0 instead of 2.0.0): installs them"), "{log}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn after_many_saves_at_any_moment_the_last_one_serves() {
    // A thousand of them are a soak of minutes: `DEVSTACK_SOAK_SAVES=1000`.
    let saves = std::env::var("DEVSTACK_SOAK_SAVES").map_or(100, |count| count.parse().unwrap());
    let application = Application::up("soak", "");
    let watching = application.stack.spawn(&["watch"]);
    watching.says("watching");
    // Fixed, so that a failure can be repeated: what counts is that pauses differ.
    let mut seed: u64 = 7;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for save in 0..saves {
        match random(10) {
            0 => application.save("'broken' oops"),
            1 => {
                let _ = std::fs::remove_file(application.stack.path("src/greeter.ts"));
            }
            2 => {
                let text = format!("{}throw new Error('{save}');\n", greeter("'never'"));
                application.stack.write("src/greeter.ts", &text);
            }
            3 => {
                application.stack.write("src/greeter.ts.tmp", &greeter(&format!("'{save}'")));
                let [from, to] = ["src/greeter.ts.tmp", "src/greeter.ts"]
                    .map(|file| application.stack.path(file));
                std::fs::rename(from, to).unwrap();
            }
            _ => application.save(&format!("'{save}'")),
        }
        std::thread::sleep(Duration::from_millis(random(300)));
    }
    application.save("'the last'");
    application.serves("the last");
    // Nothing that came before comes after it.
    watching.kill();
    watching.end();
    assert_eq!(application.get().as_deref(), Ok("the last"));
    assert_eq!(application.stack.inspect("api")["RestartCount"], 0);
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_runners_own_tests_pass_in_the_image() {
    let context = repository().join("templates/nestjs");
    let tests = repository().join("templates/runner");
    let yaml = format!(
        "services:\n  tests:\n    build: {{context: {}, target: dev}}\n    init: true\n    \
         working_dir: /runner\n    volumes: ['{}:/runner:ro']\n    \
         command: [node, --test, --test-timeout=120000]\n",
        context.display(),
        tests.display()
    );
    let stack = Stack::new("runner", &yaml);
    let up = stack.devstack(&["up"]);
    assert_eq!(stack.inspect("tests")["State"]["ExitCode"], 0, "{up}");
}
