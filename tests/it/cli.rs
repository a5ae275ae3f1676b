//! The built program: its words, its exit codes, its streams. Nothing here reaches an engine.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;
use tempfile::TempDir;

const WEB: &str = "
name: p
services:
  web: {image: web, aliases: [www]}
";

/// An empty folder in which the program runs, with an environment of nothing but what is set.
pub(crate) struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().display().to_string();
        let nobody = "unix:///nonexistent/docker.sock".to_owned();
        Self { folder, environment: vec![("HOME", home), ("DOCKER_HOST", nobody)] }
    }

    pub(crate) fn with(file: &str) -> Self {
        Self::empty().file("devstack.yaml", file)
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in it");
        std::fs::write(path, text).expect("a file in it");
        self
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// The names of what lies in the folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("a readable entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    pub(crate) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devstack"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// What the program says, and how it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let mut text = String::new();
        let folder = self.folder.path().display().to_string();
        for (name, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
            for line in String::from_utf8_lossy(bytes).lines() {
                let line = line.replace(&folder, "FOLDER");
                let line = format!("{name}: {line}");
                writeln!(text, "{}", line.trim_end()).expect("a string takes all");
            }
        }
        let code = output.status.code().expect("no signal ended it");
        writeln!(text, "exit code {code}").expect("a string takes all");
        text
    }

    pub(crate) fn code(&self, arguments: &[&str]) -> i32 {
        self.output(arguments).status.code().expect("no signal ended it")
    }
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn repository() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devstack"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_clear().stdin(Stdio::null());
    // The working copy's own `.env` is not part of the repository.
    command.env("COMPOSE_DISABLE_ENV_FILE", "1");
    command
}

#[test]
fn help_lists_the_commands() {
    assert_snapshot!(Place::empty().run(&["--help"]), @"
    out: The stack on your own machine: a faster, clearer docker compose for local development
    out:
    out: Usage: devstack [OPTIONS] <COMMAND>
    out:
    out: Commands:
    out:   up           Create and start the stack, and wait until it is ready
    out:   down         Stop and remove containers and networks
    out:   stop         Stop services without removing anything
    out:   start        Start stopped services
    out:   restart      Restart services
    out:   kill         Send a signal to services
    out:   rm           Remove stopped containers
    out:   reset        Throw away containers and data, and start afresh
    out:   ps           List containers
    out:   status       Show each service's state, health, URLs and what changed since it was started
    out:   health       Tell whether every service can be used, for scripts
    out:   open         Open a service's page in the browser
    out:   logs         Show what services have logged, in the order of time
    out:   events       Show what happens to the project's containers, networks and volumes
    out:   stats        Show what services use of the machine
    out:   top          Show the processes of services
    out:   graph        Draw which services wait for which, and the networks that join them
    out:   watch        Watch files and take their changes into the running stack
    out:   exec         Run a command in a running service
    out:   run          Run a command in a new container of a service
    out:   build        Build images
    out:   pull         Pull images
    out:   timings      Show how long the last runs took, and which services got slower
    out:   init         Write a devstack.yaml for what is here, or out of a Compose file
    out:   config       Check the files and print the stack that they make up
    out:   create       Make containers without starting them
    out:   scale        Change the number of containers of services
    out:   pause        Let services stand still
    out:   unpause      Let paused services go on
    out:   wait         Wait until services end
    out:   attach       Connect with the process of a running service
    out:   cp           Copy files between services and this machine
    out:   port         Print where a port of a service is published
    out:   images       List the images of the containers
    out:   volumes      List the volumes
    out:   ls           List the projects of the engine
    out:   plan         Show what `up` would do and why, field by field
    out:   diff         Show how what runs is not as the files say, field by field
    out:   shell        Open the best shell of a running service
    out:   psql         Open psql in the database's container, logged in
    out:   redis-cli    Open redis-cli in the cache's container, logged in
    out:   rabbitmqctl  Run rabbitmqctl in the broker's container
    out:   meili        Send a request to Meilisearch with its master key
    out:   env          Print the variables by which programs on this machine reach the stack
    out:   run-local    Run a command on this machine with the stack's connection URLs in its environment
    out:   schema       Print the JSON schema of devstack.yaml, for editors
    out:   doctor       Find out what may keep the stack from running here, and what to do about it
    out:   version      Print the versions of devstack and of the engine
    out:   help         Print this message or the help of the given subcommand(s)
    out:
    out: Options:
    out:   -h, --help     Print help
    out:   -V, --version  Print version
    out:
    out: Global options:
    out:   -f, --file <FILE>              The stack's files; `-` is standard input. Later ones override
    out:                                  earlier ones
    out:   -p, --project-name <NAME>      Project name; by default `name:` of the file, or its folder's name
    out:       --project-directory <DIR>  Folder to which relative paths refer; by default the first file's
    out:       --env-file <FILE>          Files of variables instead of `.env`; later ones win
    out:       --profile <NAME>           Profiles to switch on; `*` is all of them
    out:       --progress <MODE>          How to show progress: `auto` is live lines on a terminal and plain
    out:                                  ones elsewhere [default: auto] [possible values: auto, tty, plain,
    out:                                  json, quiet]
    out:       --ansi <WHEN>              When to use colours; `auto` heeds the terminal and NO_COLOR
    out:                                  [default: auto] [possible values: auto, always, never]
    out:       --error-format <FORMAT>    How to show what is wrong in the files: `text`, or `json`, an
    out:                                  object a line, for editors [default: text] [possible values: text,
    out:                                  json]
    out:       --parallel <N>             Calls to the engine at the same time
    out:       --ci                       For jobs that nobody watches (so does CI=true): plain progress, the
    out:                                  first failure ends the run, and the logs of failed services are
    out:                                  printed
    out:       --dry-run                  Print what would be done and do nothing
    out:
    out: Variables, each with docker compose's COMPOSE_ twin, over which it wins:
    out: DEVSTACK_FILE, DEVSTACK_PATH_SEPARATOR, DEVSTACK_PROJECT_NAME, DEVSTACK_PROFILES (also in `.env`),
    out: DEVSTACK_ENV_FILES, DEVSTACK_DISABLE_ENV_FILE, DEVSTACK_PROGRESS, DEVSTACK_ANSI,
    out: DEVSTACK_PARALLEL_LIMIT, DEVSTACK_REMOVE_ORPHANS.
    out:
    out: Exit codes: 0 done, 1 something in the project is wrong, 2 wrong usage,
    out: 3 no Docker Engine, 130 interrupted. `plan` ends with 2 when there is something to do; `exec`,
    out: `run`, `run-local`, `wait` and the clients pass on the exit code of what they ran.
    exit code 0
    ");
}

#[test]
fn help_of_up_lists_its_options() {
    assert_snapshot!(Place::empty().run(&["up", "--help"]), @"
    out: Create and start the stack, and wait until it is ready
    out:
    out: Usage: devstack up [OPTIONS] [SERVICE]...
    out:
    out: Arguments:
    out:   [SERVICE]...  Services to start, by name or alias, with what they need; all when none is named
    out:
    out: Options:
    out:   -d, --detach                  Return when everything is ready instead of following the logs
    out:       --build                   Build all images; without it only those that are missing or out of
    out:                                 date
    out:       --no-build                Build nothing: fail when an image is missing, leave it when it is
    out:                                 out of date
    out:       --wait                    Wait until everything is ready, then return (`-d` does so by itself)
    out:       --no-wait                 Do not wait for services that no other one waits for
    out:       --wait-timeout <SECONDS>  Longest wait for one service, in seconds
    out:       --force-recreate          Make containers again even if nothing changed
    out:       --no-recreate             Keep containers even if their definition changed
    out:       --no-deps                 Leave out what the named services need
    out:       --no-start                Make containers but do not start them
    out:       --remove-orphans          Remove containers of services that are not in the files
    out:   -V, --renew-anon-volumes      Make anonymous volumes anew instead of keeping their data
    out:       --pull <POLICY>           When to pull images, over the files' own policies; those that are
    out:                                 built are not pulled, and `devstack build --pull` takes newer base
    out:                                 images [possible values: always, missing, never]
    out:       --scale <SERVICE=N>       Number of containers of a service; may be repeated
    out:   -t, --timeout <SECONDS>       Grace period in seconds when containers are stopped
    out:   -w, --watch                   Watch files and take their changes into the stack: by itself beside
    out:                                 the logs; with `-d` after the start and without them, and Ctrl-C
    out:                                 leaves the stack running
    out:       --no-watch                Do not watch files
    out:       --no-log-prefix           Do not prefix log lines with the container's name
    out:       --timestamps              Show the time of each log line
    out:       --no-color                No colours in the logs
    out:       --timings                 Draw where the time went
    out:       --trace <FILE>            Write a trace for Perfetto (ui.perfetto.dev) or chrome://tracing
    out:   -h, --help                    Print help
    out:
    out: Global options:
    out:       --project-directory <DIR>  Folder to which relative paths refer; by default the first file's
    out:       --progress <MODE>          How to show progress: `auto` is live lines on a terminal and plain
    out:                                  ones elsewhere [default: auto] [possible values: auto, tty, plain,
    out:                                  json, quiet]
    out:       --ansi <WHEN>              When to use colours; `auto` heeds the terminal and NO_COLOR
    out:                                  [default: auto] [possible values: auto, always, never]
    out:       --error-format <FORMAT>    How to show what is wrong in the files: `text`, or `json`, an
    out:                                  object a line, for editors [default: text] [possible values: text,
    out:                                  json]
    out:       --parallel <N>             Calls to the engine at the same time
    out:       --ci                       For jobs that nobody watches (so does CI=true): plain progress, the
    out:                                  first failure ends the run, and the logs of failed services are
    out:                                  printed
    out:       --dry-run                  Print what would be done and do nothing
    out:
    out: Examples:
    out:   devstack up -d              start everything, return when ready
    out:   devstack up -d --build api  rebuild and restart one service with what it needs
    exit code 0
    ");
}

#[test]
fn every_command_has_help() {
    let place = Place::empty();
    let help = place.output(&["--help"]);
    let commands: Vec<&str> = stdout(&help)
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.into_iter().filter(|it| *it != "help") {
        let output = place.output(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains(&format!("Usage: devstack {command}")), "{command}");
        assert!(output.stderr.is_empty(), "{command}");
    }
}

mod exit_codes {
    use super::*;

    #[test]
    fn done_is_0() {
        assert_eq!(Place::with(WEB).code(&["config", "--quiet"]), 0);
        assert_eq!(Place::empty().code(&["--version"]), 0);
    }

    #[test]
    fn something_wrong_in_the_project_is_1() {
        assert_eq!(Place::empty().code(&["config"]), 1);
        assert_eq!(Place::with("services: 1\n").code(&["config"]), 1);
        assert_eq!(Place::with(WEB).code(&["config", "nobody"]), 1);
    }

    #[test]
    fn wrong_usage_is_2() {
        for arguments in [
            &[][..],
            &["nonsense"],
            &["up", "--nonsense"],
            &["up", "--scale", "web"],
            &["--progress", "loud", "ps"],
            &["up", "-t", "x"],
            &["port", "web", "80/upd"],
            &["exec"],
        ] {
            assert_eq!(Place::with(WEB).code(arguments), 2, "{arguments:?}");
        }
    }

    #[test]
    fn no_engine_is_3() {
        let place = Place::with("services: {web: {build: .}}\n");
        for arguments in [
            &["up", "-d"][..],
            &["down"],
            &["stop"],
            &["start"],
            &["restart"],
            &["kill"],
            &["rm", "-f"],
            &["reset", "-y"],
            &["ps"],
            &["status"],
            &["logs"],
            &["exec", "web", "true"],
            &["pull"],
            &["build"],
            &["up", "--dry-run"],
            &["down", "--dry-run"],
        ] {
            assert_eq!(place.code(arguments), 3, "{arguments:?}");
        }
    }
}

#[test]
fn without_an_engine_the_message_says_what_to_do() {
    assert_snapshot!(Place::with(WEB).run(&["up", "-d"]), @"
    err: error: no Docker Engine answers at unix:///nonexistent/docker.sock: /nonexistent/docker.sock does not exist
    err:  |
    err:  = help: start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is named by DOCKER_HOST or `docker context use`
    exit code 3
    ");
    let place = Place::with(WEB).set("DOCKER_HOST", "tcp://127.0.0.1:1");
    assert_snapshot!(place.run(&["ps"]), @"
    err: error: no Docker Engine answers at tcp://127.0.0.1:1: connection refused
    err:  |
    err:  = help: check DOCKER_HOST and `docker context ls`
    exit code 3
    ");
    let place = Place::with(WEB).set("DOCKER_HOST", "carrier-pigeon://roof");
    assert_snapshot!(place.run(&["ps"]), @r"
    err: error: cannot use the Docker Engine: URI scheme is not supported: carrier-pigeon://roof
    exit code 1
    ");
}

#[test]
fn an_unknown_context_is_told() {
    let mut place = Place::with(WEB).set("DOCKER_CONTEXT", "elsewhere");
    place.environment.retain(|(name, _)| *name != "DOCKER_HOST");
    assert_snapshot!(place.run(&["ps"]), @"
    err: error: docker context `elsewhere` does not exist
    err:  |
    err:  = help: list contexts with `docker context ls`, or unset DOCKER_CONTEXT
    exit code 1
    ");
}

#[test]
fn a_dry_run_looks_at_the_engine_and_needs_it() {
    assert_snapshot!(Place::with(WEB).run(&["--dry-run", "up"]), @"
    err: error: no Docker Engine answers at unix:///nonexistent/docker.sock: /nonexistent/docker.sock does not exist
    err:  |
    err:  = help: start it: `sudo systemctl start docker`, or open Docker Desktop; another engine is named by DOCKER_HOST or `docker context use`
    exit code 3
    ");
}

#[test]
fn the_version_is_told_without_an_engine_too() {
    assert_snapshot!(Place::empty().run(&["version"]), @r"
    out: devstack  0.1.0
    out: engine    not reachable
    out: at        unix:///nonexistent/docker.sock (DOCKER_HOST)
    exit code 0
    ");
}

#[test]
fn no_file_is_told() {
    assert_snapshot!(Place::empty().run(&["up"]), @r"
    err: error: no `devstack.yaml` or `compose.yaml` here or in a folder above
    err:  |
    err:  = help: go to the project's folder, or name a file with `--file`
    exit code 1
    ");
    assert_snapshot!(Place::empty().run(&["-f", "other.yaml", "up"]), @r"
    err: error: the file `other.yaml` does not exist
    err:  |
    err:  = help: it is named by `--file`
    exit code 1
    ");
}

#[test]
fn an_unknown_service_is_told_before_the_engine_is_asked() {
    assert_snapshot!(Place::with(WEB).run(&["up", "wbe"]), @"
    err: error: no service `wbe` in the files
    err:  |
    err:  = help: did you mean `web`?
    exit code 1
    ");
    assert_snapshot!(Place::with(WEB).run(&["logs", "database"]), @"
    err: error: no service `database` in the files
    err:  |
    err:  = help: `devstack config --services` lists them
    exit code 1
    ");
    assert_snapshot!(Place::with(WEB).run(&["up", "--scale", "wbe=2"]), @"
    err: error: no service `wbe` in the files
    err:  |
    err:  = help: did you mean `web`?
    exit code 1
    ");
}

#[test]
fn a_file_is_found_in_a_folder_above() {
    let place = Place::with(WEB);
    let below = place.folder.path().join("deep/down");
    std::fs::create_dir_all(&below).expect("folders");
    let output = place.command(&["config", "--services"]).current_dir(below).output();
    assert_eq!(stdout(&output.expect("the program starts")), "web\n");
}

#[test]
fn files_and_names_come_from_flags_and_variables() {
    let place = Place::with(WEB).file("more.yaml", "services: {db: {image: db}}\n");
    let services =
        place.output(&["-f", "devstack.yaml", "-f", "more.yaml", "config", "--services"]);
    assert_eq!(stdout(&services), "web\ndb\n");
    let place = place.set("COMPOSE_FILE", "more.yaml").set("COMPOSE_PROJECT_NAME", "other");
    let config = place.output(&["config"]);
    assert!(stdout(&config).starts_with("name: other\nservices:\n  db:\n"), "{}", stdout(&config));
    // devstack's own twins win, and flags over both.
    let place = place
        .set("DEVSTACK_FILE", "devstack.yaml,more.yaml")
        .set("DEVSTACK_PATH_SEPARATOR", ",")
        .set("DEVSTACK_PROJECT_NAME", "own");
    let config = place.output(&["config", "--services"]);
    assert_eq!(stdout(&config), "web\ndb\n");
    let config = place.output(&["config"]);
    assert!(stdout(&config).starts_with("name: own\n"), "{}", stdout(&config));
    let config = place.output(&["-p", "flag", "config"]);
    assert!(stdout(&config).starts_with("name: flag\n"), "{}", stdout(&config));
}

#[test]
fn twins_of_composes_variables_win_in_the_environment_and_in_env_files() {
    let place = Place::empty()
        .file("a.yaml", "services: {a: {image: a}, b: {image: b, profiles: [p]}}\n")
        .file("b.yaml", "services: {other: {image: '${X}'}}\n")
        .file(".env", "DEVSTACK_FILE=a.yaml\nCOMPOSE_FILE=b.yaml\nDEVSTACK_PROFILES=p\n")
        .set("COMPOSE_PROFILES", "q");
    assert_eq!(stdout(&place.output(&["config", "--services"])), "a\nb\n");
    let place = place.set("DEVSTACK_DISABLE_ENV_FILE", "1").set("COMPOSE_FILE", "a.yaml");
    assert_eq!(stdout(&place.output(&["config", "--services"])), "a\n");
    let place = place
        .file("x.env", "X=set\n")
        .set("COMPOSE_ENV_FILES", "not-there.env")
        .set("DEVSTACK_ENV_FILES", "x.env")
        .set("COMPOSE_FILE", "b.yaml");
    assert_eq!(stdout(&place.output(&["config", "--images"])), "set\n");
    // Those that stand for a flag.
    let place = place.set("COMPOSE_ANSI", "never").set("DEVSTACK_ANSI", "sometimes");
    let output = place.output(&["config", "-q"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("invalid value 'sometimes' for 'DEVSTACK_ANSI'"), "{said}");
}

mod diagnostics {
    use super::*;

    #[test]
    fn broken_yaml_is_shown_at_its_place() {
        let place = Place::with("services:\n  web:\n    image: [web\n    command: run\n");
        assert_snapshot!(place.run(&["up"]), @r"
        err: error: a `:` does not belong here
        err:  --> devstack.yaml:4:12
        err:   |
        err: 4 |     command: run
        err:   |            ^
        err:   |
        err:   = help: line the key up with its neighbours
        err:   = help: put quotes around a value that contains `: `
        exit code 1
        ");
    }

    #[test]
    fn an_unknown_key_is_shown_with_what_may_be_meant() {
        let place = Place::with("services:\n  web:\n    image: web\n    enviroment: {A: b}\n");
        assert_snapshot!(place.run(&["up"]), @r"
        err: error: unknown key `enviroment` in `services.web`
        err:  --> devstack.yaml:4:5
        err:   |
        err: 4 |     enviroment: {A: b}
        err:   |     ^^^^^^^^^^
        err:   |
        err:   = help: did you mean `environment`?
        exit code 1
        ");
    }

    #[test]
    fn everything_wrong_is_shown_at_once() {
        let place = Place::with(
            "services:
  web:
    image: web
    depends_on: [dbb]
    ports: ['99999:80']
    networks: [front]
  db:
    image: db
    restart: sometimes
",
        );
        assert_snapshot!(place.run(&["up"]), @r"
        err: error: the service `web` depends on the undefined service `dbb`
        err:  --> devstack.yaml:4:18
        err:   |
        err: 4 |     depends_on: [dbb]
        err:   |                  ^^^
        err:   |
        err:   = help: did you mean `db`?
        err:
        err: error: `99999` is not a port number: write 1 to 65535
        err:  --> devstack.yaml:5:14
        err:   |
        err: 5 |     ports: ['99999:80']
        err:   |              ^^^^^
        err:   |
        err:   = help: write `[[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]`
        err:
        err: error: the service `web` uses the undefined network `front`
        err:  --> devstack.yaml:6:16
        err:   |
        err: 6 |     networks: [front]
        err:   |                ^^^^^
        err:   |
        err:   = help: add `front:` under the top-level `networks:`
        err:
        err: error: `services.db.restart` cannot be `sometimes`
        err:  --> devstack.yaml:9:14
        err:   |
        err: 9 |     restart: sometimes
        err:   |              ^^^^^^^^^
        err:   |
        err:   = help: use one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`
        exit code 1
        ");
    }

    #[test]
    fn a_cycle_is_shown_whole() {
        let place = Place::with(
            "services:
  a: {image: i, depends_on: [b]}
  b: {image: i, depends_on: [c]}
  c: {image: i, depends_on: [a]}
",
        );
        assert_snapshot!(place.run(&["up"]), @r"
        err: error: services depend on each other in a circle: `a -> b -> c -> a`
        err:  --> devstack.yaml:2:30
        err:   |
        err: 2 |   a: {image: i, depends_on: [b]}
        err:   |                              ^ `a` waits for `b`
        err: 3 |   b: {image: i, depends_on: [c]}
        err:   |                              - `b` waits for `c`
        err: 4 |   c: {image: i, depends_on: [a]}
        err:   |                              - `c` waits for `a`
        err:   |
        err:   = help: remove one of these dependencies
        exit code 1
        ");
    }

    #[test]
    fn a_missing_variable_is_shown_where_it_is_used() {
        let place = Place::with("services:\n  web:\n    image: ${IMAGE:?say which}\n");
        assert_snapshot!(place.run(&["up"]), @r"
        err: error: required variable `IMAGE` is not set: say which
        err:  --> devstack.yaml:3:12
        err:   |
        err: 3 |     image: ${IMAGE:?say which}
        err:   |            ^^^^^^^^^^^^^^^^^^^
        err:   |
        err:   = help: set `IMAGE` in the environment or in `.env`
        exit code 1
        ");
    }

    #[test]
    fn a_warning_stops_nothing() {
        let place =
            Place::with("services:\n  web:\n    image: web\n    environment: {TAG: $TAG}\n");
        assert_snapshot!(place.run(&["config", "--images"]), @r"
        out: web
        err: warning: variable `TAG` is not set
        err:  --> devstack.yaml:4:24
        err:   |
        err: 4 |     environment: {TAG: $TAG}
        err:   |                        ^^^^ empty text is used
        err:   |
        err:   = help: set it, give a default with `${TAG:-default}`, or write `$$` for a literal `$`
        exit code 0
        ");
    }
}

#[test]
fn the_stack_of_the_repository_is_printed_without_its_secrets() {
    let output = repository().arg("config").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = stdout(&output).replace(env!("CARGO_MANIFEST_DIR"), "REPOSITORY");
    for secret in ["development-master-key", "postgres://app:app@", "amqp://app:app@"] {
        assert!(!text.contains(secret), "{secret} is shown");
    }
    assert_snapshot!("the_repositorys_stack", text);
    let shown = repository().args(["config", "--show-secrets"]).output();
    let shown = shown.expect("the program starts");
    assert!(stdout(&shown).contains("development-master-key"));
}

#[test]
fn the_stack_of_the_repository_is_listed() {
    let list = |flag: &str| {
        let output = repository().args(["config", flag]).output().expect("the program starts");
        stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list("--services"), "db redis search mq api kong");
    assert_eq!(list("--networks"), "edge data");
    assert_eq!(list("--volumes"), "db-data redis-data search-data mq-data");
    assert_eq!(list("--hash").split(' ').count(), 12);
}

mod streams {
    use super::*;

    #[test]
    fn what_is_piped_has_no_escape_codes() {
        for arguments in [&["config"][..], &["up"], &["ps"], &["--help"], &["nonsense"]] {
            for place in [Place::with(WEB), Place::with("services: {web: {imag: web}}\n")] {
                let output = place.output(arguments);
                assert!(!output.stdout.contains(&0x1b), "{arguments:?}");
                assert!(!output.stderr.contains(&0x1b), "{arguments:?}");
            }
        }
    }

    #[test]
    fn colour_comes_when_asked_and_no_color_is_outweighed_by_the_flag() {
        let coloured =
            |place: &Place, arguments: &[&str]| place.output(arguments).stderr.contains(&0x1b);
        let place = Place::with(WEB);
        assert!(coloured(&place, &["--ansi", "always", "ps"]));
        assert!(!coloured(&place, &["--ansi", "never", "ps"]));
        let place = place.set("NO_COLOR", "1");
        assert!(!coloured(&place, &["ps"]));
        assert!(coloured(&place, &["--ansi", "always", "ps"]));
    }

    #[test]
    fn errors_are_on_standard_error_only() {
        for arguments in [&["up"][..], &["config", "nobody"], &["nonsense"]] {
            let output = Place::with(WEB).output(arguments);
            assert_eq!(stdout(&output), "", "{arguments:?}");
            assert!(!output.stderr.is_empty(), "{arguments:?}");
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        let mut child = repository();
        child.arg("config").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }

    #[test]
    fn the_file_can_come_from_standard_input() {
        use std::io::Write as _;
        let place = Place::empty();
        let mut command = place.command(&["-f", "-", "-p", "p", "config", "--services"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(WEB.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(stdout(&output), "web\n");
    }
}

#[test]
fn timings_lists_runs_and_warns_of_what_got_slower() {
    let place = Place::with(WEB);
    assert_snapshot!(place.run(&["timings"]), @"
    err: no runs of project p are known yet
    exit code 0
    ");

    let folder = place.folder.path().join(".cache/devstack/timings");
    std::fs::create_dir_all(&folder).expect("a folder");
    let lines: String = [1200, 1250, 1190, 3100]
    .iter()
    .map(|ms| {
        format!(
            r#"{{"at":1795530130,"command":"up","total_ms":{},"services":{{"web":{{"ms":{ms},"from":"nothing"}}}}}}"#,
            ms + 100
        ) + "\n"
    })
    .collect();
    std::fs::write(folder.join("p.jsonl"), &lines).expect("a history");
    assert_snapshot!(place.run(&["timings"]), @"
    out: BEGAN (UTC)          COMMAND  TOOK  SLOWEST
    out: 2026-11-24 14:22:10  up       1.3s  web 1.2s
    out: 2026-11-24 14:22:10  up       1.3s  web 1.2s
    out: 2026-11-24 14:22:10  up       1.2s  web 1.1s
    out: 2026-11-24 14:22:10  up       3.2s  web 3.1s
    out:
    out: SERVICE  LAST  MEDIAN  LEAST  MOST  RUNS  BEGAN WITH
    out: web      3.1s  1.2s    1.1s   3.1s  4     nothing
    err: warning: web got slower: 3.1s, its median over 3 earlier runs is 1.2s
    exit code 0
    ");
    assert_snapshot!(place.run(&["timings", "-n", "1", "--format", "json"]), @r#"
    out: {"at":1795530130,"command":"up","total_ms":3200,"services":{"web":{"ms":3100,"from":"nothing"}}}
    err: warning: web got slower: 3.1s, its median over 3 earlier runs is 1.2s
    exit code 0
    "#);
    // Another project's history is no concern of this one's.
    assert_snapshot!(place.run(&["-p", "other", "timings"]), @"
    err: no runs of project other are known yet
    exit code 0
    ");
}

mod completion {
    use super::*;

    fn completed(place: &Place, words: &[&str]) -> Vec<String> {
        let last = (words.len() - 1).to_string();
        let mut command = place.command(&["--"]);
        command
            .args(words)
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", last)
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true")
            .env("_CLAP_IFS", "\n");
        let output = command.output().expect("the program starts");
        stdout(&output).lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_shell_is_given_its_script() {
        let output = Place::empty().set("COMPLETE", "bash").output(&[]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("complete "), "{}", stdout(&output));
    }

    #[test]
    fn commands_and_options_are_completed() {
        let place = Place::empty();
        assert_eq!(completed(&place, &["devstack", "sta"]), ["start", "status", "stats"]);
        let options = completed(&place, &["devstack", "up", "--no-"]);
        assert!(options.contains(&"--no-wait".to_owned()), "{options:?}");
        let modes = completed(&place, &["devstack", "--progress", ""]);
        assert_eq!(modes, ["auto", "tty", "plain", "json", "quiet"]);
    }
}
