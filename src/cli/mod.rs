//! The command line: one file per command, and what they share.
//!
//! `args` is the grammar, `context` loads the project and connects to the engine once,
//! `run` carries a plan out before a person's eyes, `error` decides the exit code and `account` the
//! words. Nobody imports this module.

mod account;
mod args;
mod attach;
mod attached;
mod build;
mod checkout;
mod ci;
mod client;
mod complete;
mod config;
mod connections;
mod context;
mod cp;
mod create;
mod diff;
mod differences;
mod doctor;
mod down;
mod env;
mod error;
mod events;
mod exec;
#[cfg(test)]
mod fixture;
mod following;
mod foreign_flags;
mod graph;
mod health;
mod hints;
mod images;
mod init;
mod inputs;
mod inspection;
mod instant;
mod lifecycle;
mod log_reader;
mod logs;
mod ls;
mod man;
mod notice;
mod number;
mod one_off;
mod open;
mod pause;
mod plan;
mod plugin;
mod port;
mod ports;
mod printer;
mod ps;
mod pull;
mod redact;
mod reset;
mod run;
mod run_local;
mod schema;
mod scope;
mod shell;
mod stats;
mod status;
mod streams;
mod timing;
mod timings;
mod top;
mod turn;
mod up;
mod urls;
mod version;
mod volumes;
mod wait;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use args::{Cli, Command, with_twins};
use clap::{CommandFactory as _, FromArgMatches as _};
use context::Context;
use error::{CliError, ExitStatus};
use plugin::{Invocation, invocation};

/// Answers a shell that asks for completions, and does not return then.
pub fn complete() {
    clap_complete::CompleteEnv::with_factory(|| complete::completing(Cli::command())).complete();
}

/// Reads the command line, does what it says and tells the exit code.
pub async fn main() -> ExitCode {
    let (words, variables) = match invocation(std::env::args_os().collect()) {
        Invocation::Metadata(text) => {
            // The docker CLI that asked and has gone needs no answer.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Invocation::Command(words, variables) => (words, variables),
    };
    let mut grammar = with_twins(Cli::command(), |name| std::env::var_os(name).is_some());
    let read = grammar.try_get_matches_from_mut(&words);
    let cli = match read.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => foreign_flags::advised(error, &words).exit(),
    };
    let mut cx = Context::new(cli.global).with_variables(variables);
    let result = dispatch(&mut cx, cli.command).await;
    let status = match result {
        Ok(status) => status,
        Err(error) => {
            error.print(&cx);
            error.status()
        }
    };
    status.into()
}

async fn dispatch(cx: &mut Context, command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Up(args) => up::up(cx, args).await,
        Command::Down(args) => down::down(cx, args).await,
        Command::Stop(args) => lifecycle::stop(cx, args).await,
        Command::Start(args) => lifecycle::start(cx, args).await,
        Command::Restart(args) => lifecycle::restart(cx, args).await,
        Command::Kill(args) => lifecycle::kill(cx, args).await,
        Command::Rm(args) => lifecycle::rm(cx, args).await,
        Command::Reset(args) => reset::reset(cx, args).await,
        Command::Ps(args) => ps::ps(cx, args).await,
        Command::Status(args) => status::status(cx, args).await,
        Command::Health(args) => health::health(cx, args).await,
        Command::Open(args) => open::open(cx, args).await,
        Command::Logs(args) => logs::logs(cx, args).await,
        Command::Events(args) => events::events(cx, args).await,
        Command::Stats(args) => stats::stats(cx, args).await,
        Command::Top(args) => top::top(cx, args).await,
        Command::Graph(args) => graph::graph(cx, &args),
        Command::Watch(args) => watch::watch(cx, args).await,
        Command::Exec(args) => exec::exec(cx, args).await,
        Command::Run(args) => one_off::run(cx, args).await,
        Command::Build(args) => {
            cx.global.quieten(args.quiet);
            build::build(cx, args).await
        }
        Command::Pull(args) => {
            cx.global.quieten(args.quiet);
            pull::pull(cx, args).await
        }
        Command::Timings(args) => timings::timings(cx, &args).await,
        Command::Init(args) => init::init(cx, &args),
        Command::Config(args) => config::config(cx, &args).await,
        Command::Create(args) => create::create(cx, args).await,
        Command::Scale(args) => create::scale(cx, args).await,
        Command::Pause(args) => pause::pause(cx, args).await,
        Command::Unpause(args) => pause::unpause(cx, args).await,
        Command::Wait(args) => wait::wait(cx, args).await,
        Command::Attach(args) => attach::attach(cx, args).await,
        Command::Cp(args) => cp::cp(cx, args).await,
        Command::Port(args) => port::port(cx, args).await,
        Command::Images(args) => images::images(cx, args).await,
        Command::Volumes(args) => volumes::volumes(cx, args).await,
        Command::Ls(args) => ls::ls(cx, args).await,
        Command::Plan(args) => plan::plan(cx, args).await,
        Command::Diff(args) => diff::diff(cx, args).await,
        Command::Shell(args) => shell::shell(cx, args).await,
        Command::Psql(args) => client::psql(cx, args).await,
        Command::RedisCli(args) => client::redis_cli(cx, args).await,
        Command::Rabbitmqctl(args) => client::rabbitmqctl(cx, args).await,
        Command::Meili(args) => client::meili(cx, args).await,
        Command::Env(args) => env::env(cx, args).await,
        Command::RunLocal(args) => run_local::run_local(cx, args).await,
        Command::Man(args) => man::man(cx, &args),
        Command::Schema(_) => schema::schema(cx),
        Command::Doctor(args) => doctor::doctor(cx, args).await,
        Command::Version(args) => version::version(cx, args).await,
    }
}
