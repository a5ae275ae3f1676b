//! Host ports: who has them is found out before anything is created.

use std::net::TcpListener;

use crate::support::{Stack, free_port, text};

fn publishing(port: u16) -> String {
    format!(
        "services:\n  cache:\n    image: redis:8\n    ports: [\"{port}:6379\"]\n  \
         other:\n    image: redis:8\n    volumes: [\"data:/data\"]\nvolumes:\n  data:\n"
    )
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_port_of_a_process_is_named_with_its_owner_and_nothing_is_created() {
    let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stack = Stack::new("port-process", &publishing(port));
    stack.fails(&["up", "-d"]).says(&[
        &format!("port 127.0.0.1:{port} of service `cache` is already in use by process"),
        &format!("(pid {})", std::process::id()),
        "nothing was created",
    ]);
    assert_eq!(stack.resources(), Vec::<String>::new());

    drop(listener);
    stack.ok(&["up", "-d"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_port_of_another_project_is_named_with_container_and_project() {
    let port = free_port();
    let owner = Stack::new("port-owner", &publishing(port));
    owner.ok(&["up", "-d"]);
    let stack = Stack::new("port-late", &publishing(port));
    stack.fails(&["up", "-d"]).says(&[
        &format!("port 127.0.0.1:{port} of service `cache` is already in use by container"),
        &format!("`{}-cache-1` of project `{}`", owner.name(), owner.name()),
        &format!("devstack -p {} stop", owner.name()),
        "nothing was created",
    ]);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn ports_are_bound_to_loopback_unless_the_file_says_otherwise() {
    let (quiet, open) = (free_port(), free_port());
    let stack = Stack::new(
        "loopback",
        &format!(
            "services:\n  cache:\n    image: redis:8\n    \
             ports: [\"{quiet}:6379\", \"0.0.0.0:{open}:6380\"]\n"
        ),
    );
    stack.ok(&["up", "-d"]);
    let bindings = stack.inspect("cache")["HostConfig"]["PortBindings"].clone();
    assert_eq!(text(&bindings["6379/tcp"][0]["HostIp"]), "127.0.0.1");
    assert_eq!(text(&bindings["6380/tcp"][0]["HostIp"]), "0.0.0.0");
}
