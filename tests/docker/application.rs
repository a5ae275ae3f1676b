//! A small Nest application whose code is edited while it runs, and what it answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::support::{Running, Stack, eventually, free_port, repository, seconds};

pub(crate) const MAIN: &str = "\
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
pub(crate) fn greeter(text: &str) -> String {
    format!(
        "import {{ Injectable }} from '@nestjs/common';\n\n@Injectable()\nexport class Greeter {{\n  \
         text(): string {{\n    return {text};\n  }}\n}}\n"
    )
}

/// Begins to watch; returns when a save has been told of. One that comes before the connection to
/// the runner stands may be seen by the runner itself: that is told, too.
pub(crate) fn watch(stack: &Stack, save: impl Fn(&str)) -> Running {
    let watching = stack.spawn(&["watch"]);
    watching.says("watching");
    save("'first'");
    watching.says_one_of(&["api reloaded in", "api: runs its newest version"]);
    watching
}

pub(crate) struct Application {
    pub(crate) stack: Stack,
    pub(crate) port: u16,
}

impl Application {
    /// A small Nest application in the image of the repository's own.
    pub(crate) fn new(test: &str, more: &str) -> Self {
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

    pub(crate) fn up(test: &str, more: &str) -> Self {
        let application = Self::new(test, more);
        application.stack.ok(&["up", "-d"]);
        assert_eq!(application.get().as_deref(), Ok("one"));
        application
    }

    pub(crate) fn save(&self, text: &str) {
        self.stack.write("src/greeter.ts", &greeter(text));
    }

    pub(crate) fn get(&self) -> Result<String, String> {
        get(self.port)
    }

    pub(crate) fn serves(&self, body: &str) {
        eventually(&format!("the application answers {body}"), seconds(60), || {
            self.get().as_deref() == Ok(body)
        });
    }

    /// Waits until its log has a text.
    pub(crate) fn says(&self, wanted: &str) {
        eventually(&format!("the log has `{wanted}`"), seconds(60), || {
            self.stack.ok(&["logs", "--no-log-prefix", "api"]).stdout.contains(wanted)
        });
    }
}

/// The body of `/`, by a connection of its own.
pub(crate) fn get(port: u16) -> Result<String, String> {
    get_path(port, "/")
}

pub(crate) fn get_path(port: u16, path: &str) -> Result<String, String> {
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
