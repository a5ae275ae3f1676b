//! What the program tells of itself.

use insta::assert_snapshot;

use super::{Place, stdout};

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
    out: Completion, with the services of the files: `source <(COMPLETE=bash devstack)` in
    out: ~/.bashrc, the same with `zsh` in ~/.zshrc; fish: `COMPLETE=fish devstack | source`.
    out:
    out: Variables, each with docker compose's COMPOSE_ twin, over which it wins:
    out: DEVSTACK_FILE, DEVSTACK_PATH_SEPARATOR, DEVSTACK_PROJECT_NAME, DEVSTACK_PROFILES (also in `.env`),
    out: DEVSTACK_ENV_FILES, DEVSTACK_DISABLE_ENV_FILE, DEVSTACK_PROGRESS, DEVSTACK_ANSI,
    out: DEVSTACK_PARALLEL_LIMIT, DEVSTACK_REMOVE_ORPHANS.
    out:
    out: Exit codes: 0 done, 1 something in the project is wrong, 2 wrong usage,
    out: 3 no Docker Engine, 130 interrupted. `plan` ends with 2 when there is something to do; `exec`,
    out: `run`, `run-local`, `wait`, `up --exit-code-from` and the clients pass on the exit code of what
    out: they ran.
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
    out:   -d, --detach                      Return when everything is ready instead of following the logs
    out:       --build                       Build all images; without it only those that are missing or out
    out:                                     of date
    out:       --no-build                    Build nothing: fail when an image is missing, leave it when it
    out:                                     is out of date
    out:       --wait                        Wait until everything is ready, then return (`-d` does so by
    out:                                     itself)
    out:       --no-wait                     Do not wait for services that no other one waits for
    out:       --wait-timeout <SECONDS>      Longest wait for one service, in seconds
    out:       --force-recreate              Make containers again even if nothing changed
    out:       --no-recreate                 Keep containers even if their definition changed
    out:       --no-deps                     Leave out what the named services need
    out:       --no-start                    Make containers but do not start them
    out:       --remove-orphans              Remove containers of services that are not in the files
    out:   -V, --renew-anon-volumes          Make anonymous volumes anew instead of keeping their data
    out:       --pull <POLICY>               When to pull images, over the files' own policies; those that
    out:                                     are built are not pulled, and `devstack build --pull` takes
    out:                                     newer base images [possible values: always, missing, never]
    out:       --scale <SERVICE=N>           Number of containers of a service; may be repeated
    out:   -t, --timeout <SECONDS>           Grace period in seconds when containers are stopped
    out:   -w, --watch                       Watch files and take their changes into the stack: by itself
    out:                                     beside the logs; with `-d` after the start and without them, and
    out:                                     Ctrl-C leaves the stack running
    out:       --no-watch                    Do not watch files
    out:       --no-log-prefix               Do not prefix log lines with the container's name
    out:       --timestamps                  Show the time of each log line
    out:       --no-color                    No colours in the logs
    out:       --attach <SERVICE>            Follow the logs of these services only; may be repeated
    out:       --no-attach <SERVICE>         Do not follow the logs of these services; may be repeated
    out:       --attach-dependencies         Follow the logs of what the named services need, too
    out:       --abort-on-container-exit     Stop everything when a container ends, and end with its exit
    out:                                     code. A service that others wait for to complete may end with 0
    out:       --abort-on-container-failure  Stop everything when a container fails, and end with its exit
    out:                                     code
    out:       --exit-code-from <SERVICE>    As --abort-on-container-exit, but end with the exit code of this
    out:                                     service
    out:       --timings                     Draw where the time went
    out:       --trace <FILE>                Write a trace for Perfetto (ui.perfetto.dev) or chrome://tracing
    out:   -h, --help                        Print help
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
