//! Builds and pulls.

use serde_json::Value;

use crate::engine;
use crate::support::{Stack, repository, seconds, text};

#[test]
#[ignore = "needs a Docker engine"]
fn a_failed_build_shows_its_step_and_last_lines() {
    let stack = Stack::new(
        "build-fails",
        "services:\n  app:\n    build:\n      context: .\n      dockerfile_inline: |\n        \
         FROM redis:8\n        RUN echo the compiler is asleep && exit 4\n",
    );
    stack
        .fails(&["up", "-d"])
        .says(&["RUN echo the compiler is asleep && exit 4", "the compiler is asleep"])
        .within(seconds(60));
    assert_eq!(stack.containers(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_image_that_cannot_be_had_is_said_so_quickly() {
    // A registry of this machine at which nobody listens.
    let stack =
        Stack::new("no-image", "services:\n  app:\n    image: 127.0.0.1:9/nobody/nothing:1\n");
    stack.fails(&["up", "-d"]).says(&["127.0.0.1:9/nobody/nothing:1", "help:"]).within(seconds(30));
    assert_eq!(stack.containers(), Vec::<String>::new());
    stack.fails(&["up", "-d", "--pull", "never"]).says(&["127.0.0.1:9/nobody/nothing:1"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn arguments_targets_and_ignored_files_reach_the_build() {
    let stack = Stack::new(
        "build",
        "services:\n  app:\n    init: true\n    command: [sleep, infinity]\n    build:\n      \
         context: ./context\n      target: wanted\n      args: {COLOUR: blue}\n",
    );
    stack.write(
        "context/Dockerfile",
        "FROM redis:8 AS wanted\nARG COLOUR=none\nRUN echo $COLOUR > /colour\nCOPY . /files/\n\
         FROM redis:8 AS unwanted\nRUN exit 1\n",
    );
    stack.write("context/.dockerignore", "*.secret\n!kept.secret\n");
    for file in ["a.txt", "b.secret", "kept.secret", "folder/c.txt"] {
        stack.write(&format!("context/{file}"), file);
    }
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/colour"]), "blue");
    let files = stack.exec("app", &["sh", "-c", "cd /files && find . -type f | sort"]);
    let files: Vec<&str> = files.lines().filter(|file| !file.contains("ocker")).collect();
    assert_eq!(files, ["./a.txt", "./folder/c.txt", "./kept.secret"]);

    // A new image recreates its container; the same image does not.
    let id = stack.id("app");
    stack.ok(&["up", "-d", "--build"]);
    assert_eq!(stack.id("app"), id);
    stack.write("context/a.txt", "changed");
    stack.ok(&["up", "-d", "--build"]);
    assert_ne!(stack.id("app"), id);
    assert_eq!(stack.exec("app", &["cat", "/files/a.txt"]), "changed");
}

#[test]
#[ignore = "needs a Docker engine"]
fn up_builds_again_what_is_out_of_date_and_says_why() {
    let stack = Stack::new(
        "stale",
        "services:\n  app:\n    init: true\n    command: [sleep, infinity]\n    \
         build: {context: ./context}\n    volumes: [\"./context/src:/files/src:ro\"]\n",
    );
    stack.write("context/Dockerfile", "FROM redis:8\nCOPY . /files/\n");
    stack.write("context/.dockerignore", "*.log\n");
    for file in ["a.txt", "src/main.ts", "b.log"] {
        stack.write(&format!("context/{file}"), file);
    }
    let plan = || stack.ok(&["--dry-run", "up", "-d"]).stdout;
    stack.ok(&["up", "-d"]);
    let id = stack.id("app");
    assert!(!plan().contains("build"), "{}", plan());

    // What is ignored, and what the container mounts anyway, is no reason.
    stack.write("context/b.log", "changed");
    stack.write("context/src/main.ts", "changed");
    assert!(!plan().contains("build"), "{}", plan());

    stack.write("context/a.txt", "changed");
    assert!(plan().contains("(a.txt changed)"), "{}", plan());
    stack.ok(&["up", "-d"]);
    assert_ne!(stack.id("app"), id);
    assert_eq!(stack.exec("app", &["cat", "/files/a.txt"]), "changed");
    assert!(!plan().contains("build"), "{}", plan());

    stack.write("context/Dockerfile", "FROM redis:8\nCOPY . /files/\nENV COLOUR=red\n");
    stack.write("context/c.txt", "new");
    assert!(plan().contains("(Dockerfile changed, c.txt added)"), "{}", plan());
    stack.ok(&["up", "-d", "--no-build"]).says(&["is out of date (Dockerfile changed"]);
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["printenv", "COLOUR"]), "red");
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_production_image_of_the_template_is_small_and_not_roots() {
    let context = repository().join("templates/nestjs");
    let stack = Stack::empty("nestjs");
    let name = stack.name();
    stack.write(
        "devstack.yaml",
        &format!(
            "services:\n  dev:\n    image: {name}-dev:test\n    \
             build: {{context: {context}, target: dev}}\n  \
             prod:\n    image: {name}-prod:test\n    \
             build: {{context: {context}, target: prod}}\n",
            context = context.display()
        ),
    );
    stack.ok(&["build"]);
    let image = |kind: &str| engine::get(&format!("/images/{name}-{kind}:test/json"));
    let size = |image: &Value| image["Size"].as_f64().unwrap() / 1e6;
    let (dev, prod) = (image("dev"), image("prod"));
    println!("dev {:.1} MB, prod {:.1} MB", size(&dev), size(&prod));
    assert!(size(&prod) <= 0.4 * size(&dev), "{} {}", size(&prod), size(&dev));
    let user = text(&prod["Config"]["User"]);
    assert!(!["", "0", "root", "0:0"].contains(&user), "{user}");
}
