//! The grammar of the command line. Verbs and flags are Compose's wherever Compose has them.

use std::path::PathBuf;

use clap::{Arg, Args, Command as Grammar, Parser, Subcommand, ValueEnum};

use super::attach::AttachArgs;
use super::build::BuildArgs;
use super::client::{ClientArgs, MeiliArgs};
use super::config::ConfigArgs;
use super::cp::CpArgs;
use super::create::{CreateArgs, ScaleArgs};
use super::diff::DiffArgs;
use super::doctor::DoctorArgs;
use super::down::DownArgs;
use super::env::EnvArgs;
use super::events::EventsArgs;
use super::exec::ExecArgs;
use super::graph::GraphArgs;
use super::health::HealthArgs;
use super::images::ImagesArgs;
use super::init::InitArgs;
use super::lifecycle::{KillArgs, RestartArgs, RmArgs, StartArgs, StopArgs};
use super::logs::LogsArgs;
use super::ls::LsArgs;
use super::man::ManArgs;
use super::one_off::RunArgs;
use super::open::OpenArgs;
use super::pause::PauseArgs;
use super::plan::PlanArgs;
use super::port::PortArgs;
use super::ps::PsArgs;
use super::pull::PullArgs;
use super::reset::ResetArgs;
use super::run_local::RunLocalArgs;
use super::schema::SchemaArgs;
use super::shell::ShellArgs;
use super::stats::StatsArgs;
use super::status::StatusArgs;
use super::timings::TimingsArgs;
use super::top::TopArgs;
use super::up::UpArgs;
use super::version::VersionArgs;
use super::volumes::VolumesArgs;
use super::wait::WaitArgs;
use super::watch::WatchArgs;

/// The stack on your own machine: a faster, clearer docker compose for local development.
#[derive(Debug, Parser)]
#[command(name = "devstack", version, max_term_width = 100)]
#[command(
    after_help = "Completion, with the services of the files: `source <(COMPLETE=bash devstack)` in\n\
    ~/.bashrc, the same with `zsh` in ~/.zshrc; fish: `COMPLETE=fish devstack | source`.\n\n\
    Variables, each with docker compose's COMPOSE_ twin, over which it wins:\n\
    DEVSTACK_FILE, DEVSTACK_PATH_SEPARATOR, DEVSTACK_PROJECT_NAME, DEVSTACK_PROFILES (also in `.env`),\n\
    DEVSTACK_ENV_FILES, DEVSTACK_DISABLE_ENV_FILE, DEVSTACK_PROGRESS, DEVSTACK_ANSI,\n\
    DEVSTACK_PARALLEL_LIMIT, DEVSTACK_REMOVE_ORPHANS.\n\n\
    Exit codes: 0 done, 1 something in the project is wrong, 2 wrong usage,\n\
    3 no Docker Engine, 130 interrupted. `plan` ends with 2 when there is something to do; `exec`,\n\
    `run`, `run-local`, `wait`, `up --exit-code-from` and the clients pass on the exit code of what\n\
    they ran."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// docker compose's variables of which devstack's own twin wins: those that stand for a flag. Which
/// files make up the stack is found out where they are read.
const TWINS: [(&str, &str); 4] = [
    ("COMPOSE_ANSI", "DEVSTACK_ANSI"),
    ("COMPOSE_PARALLEL_LIMIT", "DEVSTACK_PARALLEL_LIMIT"),
    ("COMPOSE_PROGRESS", "DEVSTACK_PROGRESS"),
    ("COMPOSE_REMOVE_ORPHANS", "DEVSTACK_REMOVE_ORPHANS"),
];

/// Lets every flag that docker compose has a variable for take devstack's own twin, where `is_set`.
pub(super) fn with_twins(command: Grammar, is_set: fn(&str) -> bool) -> Grammar {
    let argument = move |argument: Arg| {
        let variable = argument.get_env().and_then(|name| name.to_str());
        let twin = TWINS.iter().find(|(compose, own)| variable == Some(compose) && is_set(own));
        match twin {
            Some((_, own)) => argument.env(own),
            None => argument,
        }
    };
    command.mut_args(argument).mut_subcommands(move |below| with_twins(below, is_set))
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// The stack's files; `-` is standard input. Later ones override earlier ones
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Project name; by default `name:` of the file, or its folder's name
    #[arg(short, long, value_name = "NAME")]
    pub(super) project_name: Option<String>,
    /// Folder to which relative paths refer; by default the first file's
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) project_directory: Option<PathBuf>,
    /// Files of variables instead of `.env`; later ones win
    #[arg(long = "env-file", value_name = "FILE")]
    pub(super) env_files: Vec<PathBuf>,
    /// Profiles to switch on; `*` is all of them
    #[arg(long = "profile", value_name = "NAME")]
    pub(super) profiles: Vec<String>,
    /// How to show progress: `auto` is live lines on a terminal and plain ones elsewhere
    #[arg(long, value_name = "MODE", value_enum, default_value_t = ProgressArg::Auto,
          env = "COMPOSE_PROGRESS", hide_env = true, global = true)]
    pub(super) progress: ProgressArg,
    /// When to use colours; `auto` heeds the terminal and NO_COLOR
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = AnsiArg::Auto,
          env = "COMPOSE_ANSI", hide_env = true, global = true)]
    pub(super) ansi: AnsiArg,
    /// How to show what is wrong in the files: `text`, or `json`, an object a line, for editors
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ErrorFormatArg::Text,
          global = true)]
    pub(super) error_format: ErrorFormatArg,
    /// Calls to the engine at the same time
    #[arg(long, value_name = "N", env = "COMPOSE_PARALLEL_LIMIT", hide_env = true, global = true)]
    pub(super) parallel: Option<usize>,
    /// For jobs that nobody watches (so does CI=true): plain progress, the first failure ends the
    /// run, and the logs of failed services are printed
    #[arg(long, global = true)]
    pub(super) ci: bool,
    /// Print what would be done and do nothing
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
}

impl GlobalArgs {
    /// Leaves progress out where a command was told to be quiet.
    pub(super) const fn quieten(&mut self, quiet: bool) {
        if quiet {
            self.progress = ProgressArg::Quiet;
        }
    }
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressArg {
    // Live lines on a terminal, plain ones elsewhere
    Auto,
    // Live lines
    Tty,
    // One line per change
    Plain,
    // One JSON object per event, on standard error
    Json,
    // Only warnings and errors
    Quiet,
}

/// How to show what is wrong in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ErrorFormatArg {
    // With the lines and carets, for people
    Text,
    // One JSON object a finding
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AnsiArg {
    // On a terminal, unless NO_COLOR is set
    Auto,
    // Always
    Always,
    // Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create and start the stack, and wait until it is ready
    Up(UpArgs),
    /// Stop and remove containers and networks
    Down(DownArgs),
    /// Stop services without removing anything
    Stop(StopArgs),
    /// Start stopped services
    Start(StartArgs),
    /// Restart services
    Restart(RestartArgs),
    /// Send a signal to services
    Kill(KillArgs),
    /// Remove stopped containers
    Rm(RmArgs),
    /// Throw away containers and data, and start afresh
    Reset(ResetArgs),
    /// List containers
    Ps(PsArgs),
    /// Show each service's state, health, URLs and what changed since it was started
    Status(StatusArgs),
    /// Tell whether every service can be used, for scripts
    Health(HealthArgs),
    /// Open a service's page in the browser
    Open(OpenArgs),
    /// Show what services have logged, in the order of time
    Logs(LogsArgs),
    /// Show what happens to the project's containers, networks and volumes
    Events(EventsArgs),
    /// Show what services use of the machine
    Stats(StatsArgs),
    /// Show the processes of services
    Top(TopArgs),
    /// Draw which services wait for which, and the networks that join them
    Graph(GraphArgs),
    /// Watch files and take their changes into the running stack
    Watch(WatchArgs),
    /// Run a command in a running service
    Exec(ExecArgs),
    /// Run a command in a new container of a service
    Run(RunArgs),
    /// Build images
    Build(BuildArgs),
    /// Pull images
    Pull(PullArgs),
    /// Show how long the last runs took, and which services got slower
    Timings(TimingsArgs),
    /// Write a devstack.yaml for what is here, or out of a Compose file
    Init(InitArgs),
    /// Check the files and print the stack that they make up
    Config(ConfigArgs),
    /// Make containers without starting them
    Create(CreateArgs),
    /// Change the number of containers of services
    Scale(ScaleArgs),
    /// Let services stand still
    Pause(PauseArgs),
    /// Let paused services go on
    Unpause(PauseArgs),
    /// Wait until services end
    Wait(WaitArgs),
    /// Connect with the process of a running service
    Attach(AttachArgs),
    /// Copy files between services and this machine
    Cp(CpArgs),
    /// Print where a port of a service is published
    Port(PortArgs),
    /// List the images of the containers
    Images(ImagesArgs),
    /// List the volumes
    Volumes(VolumesArgs),
    /// List the projects of the engine
    Ls(LsArgs),
    /// Show what `up` would do and why, field by field
    Plan(PlanArgs),
    /// Show how what runs is not as the files say, field by field
    Diff(DiffArgs),
    /// Open the best shell of a running service
    Shell(ShellArgs),
    /// Open psql in the database's container, logged in
    Psql(ClientArgs),
    /// Open redis-cli in the cache's container, logged in
    RedisCli(ClientArgs),
    /// Run rabbitmqctl in the broker's container
    Rabbitmqctl(ClientArgs),
    /// Send a request to Meilisearch with its master key
    Meili(MeiliArgs),
    /// Print the variables by which programs on this machine reach the stack
    Env(EnvArgs),
    /// Run a command on this machine with the stack's connection URLs in its environment
    RunLocal(RunLocalArgs),
    /// Print the manual page, or write all of them to a folder
    #[command(hide = true)]
    Man(ManArgs),
    /// Print the JSON schema of devstack.yaml, for editors
    Schema(SchemaArgs),
    /// Find out what may keep the stack from running here, and what to do about it
    Doctor(DoctorArgs),
    /// Print the versions of devstack and of the engine
    Version(VersionArgs),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Arg, Command as Grammar, CommandFactory as _};

    use super::{Cli, TWINS, with_twins};

    #[test]
    fn the_grammar_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_variable_of_composes_has_a_twin() {
        fn variables(command: &Grammar, found: &mut BTreeSet<String>) {
            let names = command.get_arguments().filter_map(Arg::get_env);
            found.extend(names.map(|name| name.to_string_lossy().into_owned()));
            command.get_subcommands().for_each(|below| variables(below, found));
        }
        let mut found = BTreeSet::new();
        variables(&Cli::command(), &mut found);
        assert_eq!(found, TWINS.map(|(compose, _)| compose.to_owned()).into());
        found.clear();
        variables(&with_twins(Cli::command(), |_| true), &mut found);
        assert_eq!(found, TWINS.map(|(_, own)| own.to_owned()).into());
    }
}
