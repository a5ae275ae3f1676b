//! The reload runner when devstack cannot talk to it: it watches by itself.

use crate::application::{Application, get, watch};
use crate::gate::Gate;
use crate::support::{Stack, eventually, free_port, seconds};

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
