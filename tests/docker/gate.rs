//! A way to the engine that can be shut: for devstack the engine is gone then, and comes back.

use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::engine;

/// A socket that leads to the engine while it is open.
pub(crate) struct Gate {
    folder: TempDir,
    way: Arc<Mutex<Way>>,
}

#[derive(Default)]
struct Way {
    /// How often the gate was shut.
    shut: u32,
    /// Both ends of what goes through.
    streams: Vec<UnixStream>,
}

impl Gate {
    pub(crate) fn open() -> Self {
        let gate = Self { folder: tempfile::tempdir().unwrap(), way: Arc::default() };
        gate.reopen();
        gate
    }

    /// For `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Cuts all connections off, and lets no new one in.
    pub(crate) fn shut(&self) {
        std::fs::remove_file(self.socket()).unwrap();
        let mut way = self.way.lock().unwrap();
        way.shut += 1;
        for stream in way.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn reopen(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let way = Arc::clone(&self.way);
        let opened = way.lock().unwrap().shut;
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let engine = engine::connect();
                let mut way = way.lock().unwrap();
                // Who knocked just before it was shut stays outside too.
                if way.shut != opened {
                    break;
                }
                for stream in [&client, &engine] {
                    way.streams.push(stream.try_clone().unwrap());
                }
                drop(way);
                pass(client.try_clone().unwrap(), engine.try_clone().unwrap());
                pass(engine, client);
            }
        });
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        // Whatever the other side still has to say may be said.
        let _ = to.shutdown(Shutdown::Write);
    });
}
