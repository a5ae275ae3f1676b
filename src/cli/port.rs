//! `devstack port`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::exec::running;
use super::scope::Scope;
use crate::project::Protocol;

/// Arguments of `port`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack port db 5432    127.0.0.1:5432")]
pub(super) struct PortArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The port inside the container
    #[arg(value_name = "PORT")]
    port: u16,
    /// The transport
    #[arg(long, value_name = "PROTOCOL", value_parser = ["tcp", "udp", "sctp"], default_value = "tcp")]
    protocol: String,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    index: u32,
}

pub(super) async fn port(cx: &Context, args: PortArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let service = scope.service(&args.service)?;
    let observed = cx.connect().await?.observe_containers().await?;
    let container = running(&scope, &observed, service.as_str(), args.index)?;
    let protocol = match args.protocol.as_str() {
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    let mut published = container
        .ports
        .iter()
        .filter(|port| port.target == args.port && port.protocol == protocol)
        .filter_map(|port| port.published)
        .peekable();
    if published.peek().is_none() {
        return Err(CliError::other(
            format!("port {}/{} of `{service}` is not published", args.port, args.protocol),
            format!("publish it in the file: `ports: [\"auto:{}\"]`", args.port),
        ));
    }
    let lines: String = published
        .map(|(ip, port)| std::net::SocketAddr::new(ip, port).to_string() + "\n")
        .collect();
    cx.print(&lines)?;
    Ok(ExitStatus::Success)
}
