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
    /// The port inside the container, perhaps with its transport: `5432/udp`
    #[arg(value_name = "PORT", value_parser = target)]
    port: Target,
    /// The transport
    #[arg(long, value_name = "PROTOCOL", value_parser = ["tcp", "udp", "sctp"], default_value = "tcp")]
    protocol: String,
    /// Which container of the service, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::number::positive::<u32>)]
    index: u32,
}

/// A port inside a container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    port: u16,
    /// Where it is said with the port.
    protocol: Option<String>,
}

fn target(text: &str) -> Result<Target, String> {
    let (port, protocol) = match text.split_once('/') {
        Some((port, protocol)) => (port, Some(protocol)),
        None => (text, None),
    };
    let is_known = protocol.is_none_or(|name| ["tcp", "udp", "sctp"].contains(&name));
    match port.parse() {
        Ok(port) if is_known => Ok(Target { port, protocol: protocol.map(str::to_owned) }),
        _ => Err("expected a port such as `5432` or `53/udp`".to_owned()),
    }
}

pub(super) async fn port(cx: &Context, args: PortArgs) -> Result<ExitStatus, CliError> {
    let scope = Scope::find(cx).await?;
    let service = scope.service(&args.service)?;
    let observed = cx.connect().await?.observe_containers().await?;
    let container = running(&scope, &observed, service.as_str(), args.index)?;
    let Target { port, protocol: said } = args.port;
    let transport = said.unwrap_or(args.protocol);
    let protocol = match transport.as_str() {
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    let mut published = container
        .ports
        .iter()
        .filter(|published| published.target == port && published.protocol == protocol)
        .filter_map(|port| port.published)
        .peekable();
    if published.peek().is_none() {
        return Err(CliError::other(
            format!("port {port}/{transport} of `{service}` is not published"),
            format!("publish it in the file: `ports: [\"auto:{port}\"]`"),
        ));
    }
    let lines: String = published
        .map(|(ip, port)| std::net::SocketAddr::new(ip, port).to_string() + "\n")
        .collect();
    cx.print(&lines)?;
    Ok(ExitStatus::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_bring_its_transport() {
        let read = |text| target(text).map(|it| (it.port, it.protocol.unwrap_or_default()));
        assert_eq!(read("5432"), Ok((5432, String::new())));
        assert_eq!(read("53/udp"), Ok((53, "udp".to_owned())));
        assert!(read("x").is_err() && read("53/upd").is_err() && read("70000").is_err());
    }
}
