//! Builds that fail, at the line of the Dockerfile, and builds that cannot begin.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::super::*;
use super::{failed, read};
use crate::cli::inputs::BrokenBuild;
use crate::engine::{BuildFailure, FailedInstruction};
use crate::os::build_context::BuildContextError;
use crate::report::diagnostic::render;

const DOCKERFILE: &str = "\
FROM node:26 AS build
WORKDIR /app
COPY . .
RUN npm ci && \\
    npm run build
FROM scratch
COPY --from=biuld /app/dist /app
";

/// What is drawn when a build fails at a part of the Dockerfile.
fn broken(yaml: &str, file: Option<&str>, part: &str, message: &str, output: &[&str]) -> String {
    let start = DOCKERFILE.find(part).expect("a part of the Dockerfile");
    let failure = BuildFailure {
        step: Some("[build 4/4] RUN npm ci && npm run build".to_owned()),
        output: output.iter().map(ToString::to_string).collect(),
        message: message.to_owned(),
        meant: None,
        instruction: Some(FailedInstruction {
            file: file.map(PathBuf::from),
            dockerfile: DOCKERFILE.to_owned(),
            place: start..start + part.len(),
        }),
    };
    render(&failed(yaml, "", |engine| engine.break_builds(failure)), false, 120)
}

#[test]
fn a_failed_step_is_shown_in_the_dockerfile_with_what_it_printed() {
    let yaml = "services:\n  web:\n    build: {context: ./api, dockerfile: ../Dockerfile.web}\n";
    let file = Some("/p/Dockerfile.web");
    let part = "RUN npm ci && \\\n    npm run build";
    let output = ["src/main.ts:4:7 - error TS2322: a string is no number"];
    assert_snapshot!(broken(yaml, file, part, "exit code 2", &output), @r#"
    error: cannot build image p-web:latest: step `[build 4/4] RUN npm ci && npm run build` failed: exit code 2
     --> Dockerfile.web:4:1
      |
    4 | RUN npm ci && \
      | ^^^^^^^^^^^^^^^ failed here
      |
     ::: devstack.yaml:3:29
      |
    3 |     build: {context: ./api, dockerfile: ../Dockerfile.web}
      |                             ---------- built for this
      |
      = note: it printed:
              | src/main.ts:4:7 - error TS2322: a string is no number
      = note: TypeScript does not compile: src/main.ts:4: a string is no number
      = help: correct it and save
    "#);
    let yaml = "services:\n  web:\n    build: .\n";
    assert_snapshot!(broken(yaml, Some("/p/Dockerfile"), part, "exit code 2", &[]), @r#"
    error: cannot build image p-web:latest: step `[build 4/4] RUN npm ci && npm run build` failed: exit code 2
     --> Dockerfile:4:1
      |
    4 | RUN npm ci && \
      | ^^^^^^^^^^^^^^^ failed here
      |
     ::: devstack.yaml:3:5
      |
    3 |     build: .
      |     ----- built for this
    "#);
}

#[test]
fn an_inline_dockerfile_is_shown_where_the_stack_file_has_it() {
    let indented = DOCKERFILE.replace('\n', "\n        ");
    let yaml = format!(
        "services:\n  web:\n    build:\n      dockerfile_inline: |\n        {}\n",
        indented.trim_end()
    );
    assert_snapshot!(broken(&yaml, None, "COPY . .", "exit code 2", &[]), @"
    error: cannot build image p-web:latest: step `[build 4/4] RUN npm ci && npm run build` failed: exit code 2
     --> devstack.yaml:7:9
      |
    7 |         COPY . .
      |         ^^^^^^^^ failed here
    ");
    // In quotes, where it stands there only once.
    let yaml = format!("services:\n  web:\n    build: {{dockerfile_inline: {DOCKERFILE:?}}}\n");
    assert_snapshot!(broken(&yaml, None, "COPY . .", "exit code 2", &[]), @r#"
    error: cannot build image p-web:latest: step `[build 4/4] RUN npm ci && npm run build` failed: exit code 2
     --> devstack.yaml:3:70
      |
    3 |     build: {dockerfile_inline: "FROM node:26 AS build\nWORKDIR /app\nCOPY . .\nRUN npm ci && \\\n    npm run buil...
      |                                                                      ^^^^^^^^ failed here
    "#);
}

#[test]
fn a_mistake_in_the_dockerfile_comes_with_what_may_be_meant() {
    let yaml = "services:\n  web:\n    build: .\n";
    let help = |part: &str, message: &str| {
        let drawn = broken(yaml, Some("/p/Dockerfile"), part, message, &[]);
        let help = drawn.lines().filter_map(|line| line.trim_start().strip_prefix("= help: "));
        help.collect::<Vec<_>>().join("; ")
    };
    let no_image = "biuld: pull access denied, repository does not exist or may require \
                    authorization";
    for (part, message, expected) in [
        (
            "COPY",
            "dockerfile parse error on line 3: unknown instruction: COPPY",
            "did you mean `COPY`?",
        ),
        ("biuld", no_image, "did you mean the stage `build`?"),
        (
            "node:26",
            "node:26: pull access denied, repository does not exist",
            "no stage of the Dockerfile is called `node:26`, so it is taken for an image: correct \
             the name, or `docker login` where it is private",
        ),
        (
            "node:26",
            "failed to do request: dial tcp: lookup registry-1.docker.io: no such host",
            "check network and proxy; the presets' images can be built without a registry by \
             devstack's `scripts/images.sh`",
        ),
        (
            "COPY . .",
            "failed to compute cache key: \"/conf\": not found",
            "the path counts from the build context, of which `.dockerignore` leaves files out",
        ),
        (
            "/app/dist",
            "failed to compute cache key: \"/app/dist\": not found",
            "correct the path: it is one of `biuld`",
        ),
        (
            "WORKDIR /app",
            "dockerfile parse error on line 2: WORKDIR requires exactly one argument",
            "correct the Dockerfile",
        ),
    ] {
        assert_eq!(help(part, message), expected, "{message}");
    }
}

#[test]
fn a_build_that_cannot_begin_is_pointed_at_in_the_stack_file() {
    let yaml = "services:\n  web:\n    build:\n      context: ./web\n      \
                additional_contexts: {lib: ./lib}\n  api:\n    build: ./api\n";
    let (_, origins) = read(yaml, "");
    let build = |service: &str, error| BrokenBuild {
        image: format!("p-{service}:latest"),
        services: vec![service.parse().unwrap()],
        error,
    };
    let path = |path: &str| PathBuf::from(path);
    let broken = vec![
        build("web", BuildContextError::NoFolder(path("/p/web"))),
        build(
            "web",
            BuildContextError::NoAdditionalFolder { name: "lib".to_owned(), path: path("/p/lib") },
        ),
        build("api", BuildContextError::NoDockerfile(path("/p/api/Dockerfile"))),
    ];
    let findings = account(&Problem::Builds(broken), Some(&origins), None, Path::new("/p"));
    assert_snapshot!(render(&findings, false, 120), @"
    error: cannot build image p-web:latest: there is no folder /p/web, the build context
     --> devstack.yaml:4:7
      |
    4 |       context: ./web
      |       ^^^^^^^ asked for here
      |
      = help: create the folder, or correct its path

    error: cannot build image p-web:latest: there is no folder /p/lib, the additional context `lib`
     --> devstack.yaml:5:29
      |
    5 |       additional_contexts: {lib: ./lib}
      |                             ^^^ asked for here
      |
      = help: create the folder, or correct its path

    error: cannot build image p-api:latest: there is no Dockerfile /p/api/Dockerfile
     --> devstack.yaml:7:5
      |
    7 |     build: ./api
      |     ^^^^^ asked for here
      |
      = note: nothing was changed
      = help: create it, or name another one with `dockerfile:`; its path counts from the build context
    ");
}
