//! `devstack attach`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::exec::running;
use super::scope::Scope;
use super::streams::{Ended, Terminal, connect};
use crate::engine::Engine as _;
use crate::os::signal::Interrupts;
use crate::state::ContainerState;

/// Arguments of `attach`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The process goes on when you detach: with ctrl-p ctrl-q where it has a terminal.\n\
    The exit code is the process's when it ends."
)]
pub(super) struct AttachArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Keys that detach, such as `ctrl-x` or `ctrl-p,ctrl-q`
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::number::positive::<u32>)]
    index: u32,
    /// Only show what it prints
    #[arg(long)]
    no_stdin: bool,
    /// Hand interrupts on to the process rather than leave it; `--sig-proxy=false` leaves
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    sig_proxy: bool,
}

pub(super) async fn attach(cx: &Context, args: AttachArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let service = scope.service(&args.service)?;
    let engine = cx.connect().await?;
    let observed = engine.observe_containers().await?;
    let container = running(&scope, &observed, service.as_str(), args.index)?;
    if cx.global.dry_run {
        cx.print(&format!("container {}: attach", container.name))?;
        return Ok(ExitStatus::Success);
    }
    let process = engine.process_streams(&container.id).await?;
    let stdin = process.stdin && !args.no_stdin;
    let streams = engine.attach(&container.id, stdin, args.detach_keys.as_deref()).await?;
    // Only a terminal that is typed to needs every key.
    let terminal = if process.tty && stdin && cx.has_terminal() {
        Terminal::Container
    } else {
        Terminal::None
    };
    let mut interrupts = args.sig_proxy.then(Interrupts::listen);
    let hand_on = async {
        let Some(interrupts) = &mut interrupts else { return std::future::pending().await };
        for times in 1.. {
            interrupts.at_least(times).await;
            // A process that has just ended needs no signal.
            let _ = engine.kill_container(&container.id, "SIGINT").await;
        }
    };
    let ended = tokio::select! {
        ended = connect(&engine, streams, terminal) => ended?,
        () = hand_on => Ended::Output,
    };
    if ended == Ended::NobodyReads {
        return Ok(ExitStatus::Child(141));
    }
    let facts = engine.inspect_container(&container.id).await?;
    Ok(match facts.state {
        ContainerState::Exited { code } => ExitStatus::of_container(code),
        _ => ExitStatus::Success,
    })
}
