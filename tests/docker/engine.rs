//! The engine as seen without devstack: its HTTP API over the socket, so that no bug of devstack's
//! own client can hide what is really there.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }
}

/// Fails the test unless an engine answers.
pub(crate) fn require() {
    if let Err(reason) = call("GET", "/_ping", None) {
        panic!(
            "no Docker Engine answers at {}: {reason}\n\
             start one with `scripts/engine.sh`, then run this test again",
            socket()
        );
    }
}

/// Whether the engine speaks API 1.`minor`.
pub(crate) fn has_api(minor: u32) -> bool {
    let version = get("/version");
    let spoken = version["ApiVersion"].as_str().and_then(|it| it.split_once('.'));
    spoken.and_then(|(_, it)| it.parse::<u32>().ok()).is_some_and(|it| it >= minor)
}

/// Asks for what must be there.
pub(crate) fn get(path: &str) -> Value {
    let answer = try_get(path);
    assert!(answer.status < 300, "GET {path}: {} {}", answer.status, answer.body);
    answer.json()
}

/// Asks for what may not be there.
pub(crate) fn try_get(path: &str) -> Answer {
    call("GET", path, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

/// The names of what is at a path of a container, sorted; none when nothing is there.
pub(crate) fn tar_names(container: &str, path: &str) -> Vec<String> {
    let answer = try_get(&format!("/containers/{container}/archive?path={path}"));
    if answer.status != 200 {
        return Vec::new();
    }
    let mut archive = tar::Archive::new(answer.body.as_bytes());
    let entries = archive.entries().unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    names.sort();
    names
}

/// Sends a body.
pub(crate) fn post(path: &str, body: &Value) -> Answer {
    let answer =
        call("POST", path, Some(body)).unwrap_or_else(|error| panic!("POST {path}: {error}"));
    assert!(answer.status < 400, "POST {path}: {} {}", answer.status, answer.body);
    answer
}

/// Removes what may already be gone. Says nothing, since it also runs while a test fails.
pub(crate) fn delete(path: &str) {
    let _ = call("DELETE", path, None);
}

/// Everything about a container.
pub(crate) fn inspect(container: &str) -> Value {
    get(&format!("/containers/{container}/json"))
}

/// All containers, networks (`/networks`) or volumes that carry a label.
pub(crate) fn containers_with(label: &str) -> Vec<Value> {
    array(get(&format!("/containers/json?all=1&filters={}", label_filter(label))))
}

pub(crate) fn networks_with(label: &str) -> Vec<Value> {
    array(get(&format!("/networks?filters={}", label_filter(label))))
}

pub(crate) fn volumes_with(label: &str) -> Vec<Value> {
    array(get(&format!("/volumes?filters={}", label_filter(label)))["Volumes"].take())
}

/// What a container has logged lately, for a person who reads of a failure.
pub(crate) fn last_log_lines(container: &str) -> String {
    let path = format!("/containers/{container}/logs?stdout=1&stderr=1&tail=15");
    // Without a terminal each chunk has a binary header; what can be read is enough.
    call("GET", &path, None).map_or_else(
        |error| error.to_string(),
        |answer| answer.body.chars().filter(|c| !c.is_control() || *c == '\n').collect(),
    )
}

pub(crate) fn socket() -> String {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host
            .strip_prefix("unix://")
            .unwrap_or_else(|| panic!("these tests need an engine of this machine, not {host}"))
            .to_owned(),
        _ => DEFAULT_SOCKET.to_owned(),
    }
}

/// A connection to the engine.
pub(crate) fn connect() -> UnixStream {
    UnixStream::connect(socket()).unwrap()
}

/// A request to a server of this machine.
pub(crate) fn http(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> std::io::Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    exchange(stream, method, path, headers, body)
}

fn call(method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Answer> {
    let stream = UnixStream::connect(socket())?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    exchange(stream, method, path, &[], body)
}

/// HTTP/1.0, so that the body ends with the connection and is never in chunks.
fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> std::io::Result<Answer> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut request = format!(
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request.push_str("\r\n");
    request.push_str(&body);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let invalid = || std::io::Error::other(format!("not HTTP: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(invalid)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(invalid)?;
    Ok(Answer { status, body: body.to_owned() })
}

fn label_filter(label: &str) -> String {
    format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", label.replace('=', "%3D"))
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}
