//! Digests of images, which the engine asks their registries for: here a registry of the test's
//! own, with one image in it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::support::{Stack, free_port};

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Answers on a port of this machine as a registry that has `app:1` does, until the test ends.
fn registry() -> u16 {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            // The headers end at an empty line.
            let _ = lines.find(String::is_empty);
            let index = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
            let (status, body) = if request.contains("/v2/app/manifests/") {
                ("200 OK", index)
            } else if request.contains(" /v2/ ") {
                ("200 OK", "{}")
            } else {
                (
                    "404 Not Found",
                    r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#,
                )
            };
            let sent = if request.starts_with("HEAD") { "" } else { body };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/vnd.oci.image.index.v1+json\r\n\
                 content-length: {}\r\ndocker-content-digest: {DIGEST}\r\n\
                 connection: close\r\n\r\n{sent}",
                body.len()
            );
        }
    });
    port
}

#[test]
#[ignore = "needs a Docker engine"]
fn images_are_pinned_to_what_their_registry_has() {
    let port = registry();
    let yaml = format!(
        "services:\n  app: {{image: 'localhost:{port}/app:1'}}\n  other: {{image: 'localhost:{port}/app:1'}}\n  built: {{build: .}}\n"
    );
    let stack = Stack::new("digests", &yaml);
    let image = format!("image: localhost:{port}/app:1@{DIGEST}\n");
    let whole = stack.ok(&["config", "--resolve-image-digests"]).stdout;
    assert_eq!(whole.matches(&image).count(), 2, "{whole}");
    let locked = stack.ok(&["config", "--lock-image-digests", "app"]).stdout;
    assert_eq!(locked, format!("services:\n  app:\n    {image}"));

    // So are the images of hooks and of mounts.
    let more = format!(
        "services:\n  more:\n    build: .\n    pre_start: [{{image: 'localhost:{port}/app:1'}}]\n    volumes: [{{type: image, source: 'localhost:{port}/app:1', target: /app}}]\n"
    );
    stack.write("more.yaml", &more);
    let pinned = format!("localhost:{port}/app:1@{DIGEST}\n");
    for option in ["--resolve-image-digests", "--lock-image-digests"] {
        let said = stack.ok(&["-f", "more.yaml", "config", option]).stdout;
        assert_eq!(said.matches(&pinned).count(), 2, "{said}");
    }

    // Merged over the file it is what was asked for.
    stack.write("lock.yaml", &locked);
    let files = ["-f", "devstack.yaml", "-f", "lock.yaml", "config", "--images", "app"];
    assert_eq!(stack.ok(&files).stdout, format!("localhost:{port}/app:1@{DIGEST}\n"));

    stack.write("devstack.yaml", &yaml.replace("app:1", "nothing:1"));
    let said = stack.fails(&["config", "--resolve-image-digests"]).stderr;
    assert!(
        said.contains(&format!("cannot find the digest of image localhost:{port}/nothing:1")),
        "{said}"
    );

    let nobody = free_port();
    stack.write("devstack.yaml", &yaml.replace(&port.to_string(), &nobody.to_string()));
    let said = stack.fails(&["config", "--resolve-image-digests"]).stderr;
    assert!(said.contains(&format!("localhost:{nobody}/app:1")), "{said}");
}
