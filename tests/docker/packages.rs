//! The reload runner installs packages in place, whoever the project's package manager is.

use crate::application::get;
use crate::support::{Stack, eventually, free_port, seconds};

#[test]
#[ignore = "needs a Docker engine"]
fn yarn_and_pnpm_install_in_place_and_renew_an_old_volume() {
    let managers = [
        ("yarn", "yarn.lock", "# yarn lockfile v1\n", "yarn install"),
        ("pnpm", "pnpm-lock.yaml", "lockfileVersion: '9.0'\n", "pnpm install --no-frozen-lockfile"),
    ];
    let ports = managers.map(|_| free_port());
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    build: {{dockerfile_inline: \"FROM node:26-slim\\n\
             RUN npm install --global yarn@1.22.22 pnpm@10.34.9\"}}\n    \
             working_dir: /app\n    init: true\n    reload: node\n    \
             volumes: ['./{name}:/app', '{name}:/app/node_modules']\n    \
             ports: ['127.0.0.1:{port}:3001']\n    ready: {{http: {{port: 3001, path: /}}}}\n"
        )
    };
    let services = [service("yarn", ports[0]), service("pnpm", ports[1])];
    let yaml = format!("services:\n{}volumes: {{yarn: , pnpm: }}\n", services.concat());
    let stack = Stack::new("managers", &yaml);
    let manifest = |name: &str, version: &str| {
        let package = format!(
            "{{\"name\": \"app\", \"private\": true, \"type\": \"module\", \
             \"dependencies\": {{\"words\": \"file:./words-{version}.tgz\"}}}}\n"
        );
        stack.write(&format!("{name}/package.json"), &package);
    };
    for (name, lock, empty, _) in managers {
        stack.write(&format!("{name}/package.json"), "{\"type\": \"module\"}\n");
        stack.write(&format!("{name}/{lock}"), empty);
        let main = "import http from 'node:http';\n\
                    const word = await import('words').then((it) => it.word, () => 'none');\n\
                    http.createServer((_, response) => response.end(word)).listen(3001);\n";
        stack.write(&format!("{name}/src/main.js"), main);
        for version in ["1.0.0", "2.0.0"] {
            let package = format!("{{\"name\": \"words\", \"version\": \"{version}\"}}\n");
            stack.write(&format!("{name}/lib{version}/package.json"), &package);
            let code = format!("exports.word = '{version}';\n");
            stack.write(&format!("{name}/lib{version}/index.js"), &code);
        }
    }
    stack.ok(&["up", "-d"]);
    for ((name, ..), port) in managers.into_iter().zip(ports) {
        assert_eq!(get(port).as_deref(), Ok("none"));
        stack.exec(name, &["npm", "pack", "./lib1.0.0", "./lib2.0.0"]);
        manifest(name, "1.0.0");
        eventually(&format!("{name} installs the package"), seconds(60), || {
            get(port).as_deref() == Ok("1.0.0")
        });
    }
    // The volumes are older than the lock files that came while nothing ran.
    stack.ok(&["stop"]);
    for (name, lock, _, install) in managers {
        manifest(name, "2.0.0");
        let elsewhere = format!(
            "mkdir /tmp/a && cp package.json {lock} *.tgz /tmp/a && cd /tmp/a && {install} && \
             cp {lock} /app/"
        );
        stack.ok(&["run", "--rm", "-T", "--no-deps", name, "sh", "-c", &elsewhere]);
    }
    stack.ok(&["up", "-d"]);
    for ((name, lock, ..), port) in managers.into_iter().zip(ports) {
        assert_eq!(get(port).as_deref(), Ok("2.0.0"));
        let log = stack.ok(&["logs", "--no-log-prefix", name]).stdout;
        assert!(log.contains(&format!("packages are not those of {lock} (words ")), "{log}");
    }
}
