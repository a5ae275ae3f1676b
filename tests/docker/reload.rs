//! The reload runner in a container: what a save does, and what it must never do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine;
use crate::gate::Gate;
use crate::support::{Running, Stack, eventually, free_port, repository, seconds, text};

const MAIN: &str = "\
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Greeter } from './greeter.js';

@Controller()
class Greeting {
  constructor(private readonly greeter: Greeter) {}
  @Get() greet(): string { return this.greeter.text(); }
}
@Module({ controllers: [Greeting], providers: [Greeter] })
class Application {}
const app = await NestFactory.create(Application, { logger: false });
await app.listen(3001);
";

/// The file that is edited.
fn greeter(text: &str) -> String {
    format!(
        "import {{ Injectable }} from '@nestjs/common';\n\n@Injectable()\nexport class Greeter {{\n  \
         text(): string {{\n    return {text};\n  }}\n}}\n"
    )
}

/// Begins to watch; returns when a save has been told of. One that comes before the connection to
/// the runner stands may be seen by the runner itself: that is told, too.
fn watch(stack: &Stack, save: impl Fn(&str)) -> Running {
    let watching = stack.spawn(&["watch"]);
    watching.says("watching");
    save("'first'");
    watching.says_one_of(&["api reloaded in", "api: runs its newest version"]);
    watching
}

struct Application {
    stack: Stack,
    port: u16,
}

impl Application {
    /// A small Nest application in the image of the repository's own.
    fn new(test: &str, more: &str) -> Self {
        let port = free_port();
        let context = repository().join("templates/nestjs");
        let yaml = format!(
            "services:\n  api:\n    preset: nestjs\n    build: {{context: {}, target: dev}}\n    \
             ports: ['127.0.0.1:{port}:3001']\n    volumes: ['./src:/app/src:ro']\n    \
             ready: {{http: {{port: 3001, path: /}}}}\n{more}",
            context.display()
        );
        let stack = Stack::new(test, &yaml);
        stack.write("src/main.ts", MAIN);
        stack.write("src/greeter.ts", &greeter("'one'"));
        Self { stack, port }
    }

    fn up(test: &str, more: &str) -> Self {
        let application = Self::new(test, more);
        application.stack.ok(&["up", "-d"]);
        assert_eq!(application.get().as_deref(), Ok("one"));
        application
    }

    fn save(&self, text: &str) {
        self.stack.write("src/greeter.ts", &greeter(text));
    }

    fn get(&self) -> Result<String, String> {
        get(self.port)
    }

    fn serves(&self, body: &str) {
        eventually(&format!("the application answers {body}"), seconds(60), || {
            self.get().as_deref() == Ok(body)
        });
    }

    /// Waits until its log has a text.
    fn says(&self, wanted: &str) {
        eventually(&format!("the log has `{wanted}`"), seconds(60), || {
            self.stack.ok(&["logs", "--no-log-prefix", "api"]).stdout.contains(wanted)
        });
    }
}

/// The body of `/`, by a connection of its own.
pub(crate) fn get(port: u16) -> Result<String, String> {
    get_path(port, "/")
}

fn get_path(port: u16, path: &str) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, seconds(5)).map_err(told)?;
    stream.set_read_timeout(Some(seconds(20))).map_err(told)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    let mut chunk = [0; 4096];
    // Not everybody closes when asked to.
    while !is_whole(&answer) {
        match stream.read(&mut chunk).map_err(told)? {
            0 => break,
            length => answer.push_str(&String::from_utf8_lossy(&chunk[..length])),
        }
    }
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(format!("no answer: `{answer}`")),
    }
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}

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
fn a_crash_loop_is_told_and_the_next_save_ends_it() {
    let application = Application::up("crashes", "");
    let crasher = format!("{}setTimeout(() => process.exit(3), 300);\n", greeter("'doomed'"));
    application.stack.write("src/greeter.ts", &crasher);
    application.says("the application ended with exit code 3");
    application.says("it starts again in 1 s, or when a file changes");
    // It is the application that ends, not the container.
    assert_eq!(application.stack.inspect("api")["RestartCount"], 0);
    application.save("'steady'");
    application.serves("steady");
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_application_comes_back_after_a_kill_of_it_and_of_its_runner() {
    let application = Application::up("killed", "");
    let kill = |pattern: &str| {
        let script = format!(
            "for p in /proc/[0-9]*; do if tr '\\0' ' ' < $p/cmdline | grep -q '{pattern}'; then \
             kill -9 ${{p#/proc/}}; fi; done; true"
        );
        application.stack.devstack(&["exec", "-T", "api", "sh", "-c", &script]);
    };
    kill("^/usr/local/bin/node.*child[.]js");
    application.says("the application was ended by SIGKILL");
    application.serves("one");
    let started = || text(&application.stack.inspect("api")["State"]["StartedAt"]).to_owned();
    let before = started();
    kill("^node .*runner[.]js");
    eventually("the engine starts the container again", seconds(30), || started() > before);
    application.serves("one");
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
fn no_line_of_the_application_runs_before_its_dependencies_are_ready() {
    let more = "    depends_on: {slow: {condition: service_healthy}}\n  slow:\n    image: redis:8\n    \
                command: [sh, -c, 'sleep 3; date +%s%3N > /tmp/ready; exec sleep 600']\n    \
                init: true\n    ready: {exec: [test, -s, /tmp/ready]}\n";
    let application = Application::new("early", more);
    let main = format!("console.log(`began ${{Date.now()}}`);\n{MAIN}");
    application.stack.write("src/main.ts", &main);
    application.stack.ok(&["up", "-d"]);
    let stack = &application.stack;
    let began = || -> u64 {
        let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
        let last = log.lines().filter_map(|line| line.strip_prefix("began ")).next_back();
        last.unwrap_or_else(|| panic!("it never began:\n{log}")).trim().parse().unwrap()
    };
    let ready = || -> u64 { stack.exec("slow", &["cat", "/tmp/ready"]).parse().unwrap() };
    application.says("waits for slow");
    assert!(began() > ready(), "began {} before {}", began(), ready());
    // Held or not, it was started before: that is the point.
    let log = stack.ok(&["logs", "--no-log-prefix", "api"]).stdout;
    assert!(log.find("waits for slow") < log.find("began "), "{log}");

    // Neither when both start again,
    stack.ok(&["stop"]);
    stack.ok(&["up", "-d"]);
    assert!(began() > ready(), "began {} before {}", began(), ready());
    // but the engine itself does not wait for anybody.
    let id = stack.id("api");
    let before = began();
    engine::post(&format!("/containers/{id}/restart?t=5"), &Value::Null);
    eventually("it begins again by itself", seconds(60), || began() > before);
    application.serves("one");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_first_start_that_fails_is_told_long_before_the_limit() {
    let application = Application::new("first", "");
    application.save("'one' oops");
    let failed = application.stack.fails(&["up", "-d"]).within(seconds(90));
    let failed = failed.says(&[
        "service `api` does not compile: src/greeter.ts:6:18",
        "> 6 | return 'one' oops;",
        "mend it and save",
    ]);
    assert!(!failed.stderr.contains("is not ready after"), "{failed}");
    let health = application.stack.fails(&["health", "api"]).stdout;
    assert!(health.contains("does not compile: src/greeter.ts:6:18"), "{health}");
    // Its policy has it started again and again, until that is enough.
    let thrower = format!("{}throw new Error('no way');\n", greeter("'one'"));
    application.stack.write("src/greeter.ts", &thrower);
    application.says("does not start: no way");
    application
        .stack
        .fails(&["up", "-d"])
        .within(seconds(90))
        .says(&["service `api` does not start: no way", "> 9 | throw new Error('no way');"]);
    application.save("'mended'");
    application.serves("mended");
    application.stack.ok(&["up", "-d"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn who_stays_attached_mends_a_first_start_and_the_rest_follows() {
    let application = Application::new("mend", "");
    let yaml = std::fs::read_to_string(application.stack.path("devstack.yaml")).unwrap();
    let after = "  after:\n    image: redis:8\n    init: true\n    command: [sleep, infinity]\n    \
                 depends_on: {api: {condition: service_healthy}}\n";
    application
        .stack
        .write("devstack.yaml", &yaml.replace("services:\n", &format!("services:\n{after}")));
    application.save("'one' oops");
    let up = application.stack.spawn(&["up"]);
    up.says("service `api` does not compile: src/greeter.ts:6:18");
    up.says("watching");
    // Still not.
    application.save("'two' oops oops");
    up.says("src/greeter.ts:6:18");
    assert!(!up.has_said("after ready"), "what needs the application has not begun");
    application.save("'three'");
    up.says("after ready");
    application.serves("three");
    application.save("'four'");
    up.says("api reloaded in");
    application.serves("four");
    up.interrupt();
    up.end().ended_with(130);
    assert_eq!(application.stack.inspect("after")["State"]["Running"], false);
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
fn a_runner_that_cannot_be_talked_to_is_told_by_a_signal() {
    let port = free_port();
    let yaml = format!(
        "services:\n  api:\n    image: node:26-slim\n    working_dir: /app\n    init: true\n    \
         reload: {{watch: false}}\n    volumes: ['./app:/app:ro']\n    \
         ports: ['127.0.0.1:{port}:3001']\n    ready: {{http: {{port: 3001, path: /}}}}\n"
    );
    let stack = Stack::new("signal", &yaml);
    let main = |body: &str| {
        format!(
            "require('node:http').createServer((_, response) => response.end({body})).listen(3001);\n"
        )
    };
    stack.write("app/package.json", "{}\n");
    stack.write("app/src/main.js", &main("'one'"));
    stack.ok(&["up", "-d"]);
    stack.exec("api", &["rm", "/opt/devstack/control.js"]);
    let watching = stack.spawn(&["watch"]);
    watching.says("its reload runner does not answer");
    stack.write("app/src/main.js", &main("'two'"));
    eventually("the new version serves", seconds(30), || get(port).as_deref() == Ok("two"));
    watching.says("api: told of changes by a signal");
}

#[test]
#[ignore = "needs a Docker engine"]
fn when_devstack_is_killed_the_runner_watches_by_itself() {
    let application = Application::up("orphan", "");
    let watching = watch(&application.stack, |text| application.save(text));
    watching.kill();
    watching.end();
    application.save("'alone'");
    application.serves("alone");
    // The next watch finds the same runner.
    let watching = watch(&application.stack, |text| application.save(text));
    application.save("'told'");
    application.serves("told");
    watching.interrupt();
    watching.end().ended_with(130);
    application.save("'alone again'");
    application.serves("alone again");
}

#[test]
#[ignore = "needs a Docker engine"]
fn while_the_engine_is_away_the_runner_watches_by_itself() {
    let gate = Gate::open();
    let mut application = Application::new("away", "");
    application.stack = application.stack.with_env("DOCKER_HOST", &gate.address());
    application.stack.ok(&["up", "-d"]);
    let watching = watch(&application.stack, |text| application.save(text));
    gate.shut();
    watching.says("the engine went away; waiting for it");
    application.save("'alone'");
    application.serves("alone");
    gate.reopen();
    watching.says("the engine is back");
    // The connection to the runner stands again.
    let begun = watching.times_said("api reloaded in");
    let mut saves = 0_u32;
    eventually("a save is told to the runner again", seconds(60), || {
        saves += 1;
        application.save(&format!("'again {saves}'"));
        application.serves(&format!("again {saves}"));
        watching.times_said("api reloaded in") > begun
    });
    watching.interrupt();
    watching.end().ended_with(130);
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
