//! How many calls of the engine's API a command makes, counted on the way to the engine.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::engine;
use crate::support::{Stack, eventually, free_port, seconds};

/// Passes everything on and notes the request lines.
struct Counter {
    requests: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    fn listen(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let engine = engine::connect();
                let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
                let noted = Arc::clone(&noted);
                thread::spawn(move || pass_on(&mut from, &mut to, |line| note(&noted, line)));
                let (mut from, mut to) = (engine, client);
                thread::spawn(move || pass_on(&mut from, &mut to, |_| {}));
            }
        });
        Self { requests }
    }

    /// The requests since it was last asked, without the API version and the query.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn note(requests: &Mutex<Vec<String>>, line: &str) {
    let Some((request, "HTTP/1.1")) = line.trim_end().rsplit_once(' ') else { return };
    let request = request.split('?').next().unwrap_or(request);
    requests.lock().unwrap().push(request.to_owned());
}

fn pass_on(from: &mut UnixStream, to: &mut UnixStream, mut see: impl FnMut(&str)) {
    let mut chunk = vec![0; 64 * 1024];
    let mut line = Vec::new();
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        for byte in &chunk[..read] {
            line.push(*byte);
            if *byte == b'\n' {
                see(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        if to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    // Whatever the other side still has to say may be said.
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_run_makes_no_call_that_it_could_do_without() {
    let (one, two) = (free_port(), free_port());
    let yaml = format!(
        "x-check: &check {{test: [CMD, redis-cli, ping], interval: 1s}}\n\
         services:\n  one:\n    image: redis:8\n    ports: [\"127.0.0.1:{one}:6379\"]\n    \
         ready: {{redis: 6379}}\n    healthcheck: *check\n    volumes: [\"data:/data\"]\n  \
         two:\n    image: redis:8\n    ports: [\"127.0.0.1:{two}:6379\"]\n    \
         ready: {{redis: 6379}}\n    healthcheck: *check\n    depends_on: {{one: {{condition: service_healthy}}}}\n\
         volumes:\n  data:\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let counter = Counter::listen(&socket);
    let stack =
        Stack::new("calls", &yaml).with_env("DOCKER_HOST", &format!("unix://{}", socket.display()));

    // Who it is, four lists, the events, what is made and started. What the table shows is known.
    let up = stack.ok(&["up", "-d"]);
    for port in [one, two] {
        assert!(up.stdout.contains(&format!("localhost:{port}")), "{up}");
    }
    let cold = counter.take();
    // Names of networks are unique only since API 1.44: before, a new one is looked for again.
    let looked_again = usize::from(!engine::has_api(44));
    assert_eq!(cold.len(), 1 + 4 + 1 + 2 + looked_again + 2 + 2, "{cold:#?}");

    // Once the engine knows how they are, its lists say enough.
    eventually("healthy containers", seconds(20), || {
        ["one", "two"]
            .iter()
            .all(|service| stack.inspect(service)["State"]["Health"]["Status"] == "healthy")
    });
    stack.ok(&["up", "-d"]);
    let unchanged = counter.take();
    assert!(unchanged.len() <= 6, "{unchanged:#?}");
    assert!(unchanged.iter().all(|request| request.starts_with("GET ")), "{unchanged:#?}");

    stack.ok(&["ps"]);
    let ps = counter.take();
    assert!(ps.len() <= 2, "{ps:#?}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_name_that_the_files_give_costs_no_further_call() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let counter = Counter::listen(&socket);
    let yaml = "name: NAME\nservices:\n  one:\n    image: redis:8\n    ready: {redis: 6379}\n";
    let stack = Stack::named_by_file("calls-name", yaml)
        .with_env("DOCKER_HOST", &format!("unix://{}", socket.display()));
    stack.ok(&["up", "-d"]);
    let cold = counter.take();
    // Nobody has published the port: one look at the container says where it is reached.
    let looked_again = usize::from(!engine::has_api(44));
    assert_eq!(cold.len(), 1 + 4 + 1 + 1 + looked_again + 1 + 1 + 1, "{cold:#?}");

    // The engine checks nothing here: devstack asks the service, not the engine.
    let up = stack.ok(&["up", "-d"]);
    assert!(up.stderr.contains("ready"), "it was asked: {up}");
    let unchanged = counter.take();
    assert!(unchanged.len() <= 6, "{unchanged:#?}");
    assert!(unchanged.iter().all(|request| request.starts_with("GET ")), "{unchanged:#?}");
}
