//! Where a container is reached from this machine, and the connection to it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Reason;

/// A way from this machine to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The container's own address on a bridge network of this machine's engine.
    Bridge {
        /// The container's address.
        address: IpAddr,
        /// The bridge's interface: `br-` and the first 12 characters of the network's id, or
        /// `docker0` for the engine's default network.
        interface: String,
    },
    /// The address on this machine at which the engine publishes the port.
    Published(SocketAddr),
}

/// Connects within the limit. `port` is the one inside the container; a published target has its
/// own.
///
/// # Errors
/// [`Reason::NoInterface`] when this machine cannot use the bridge: ask the published port then.
/// Any other reason tells why there is no connection yet.
pub async fn connect(target: &Target, port: u16, limit: Duration) -> Result<TcpStream, Reason> {
    let address = match target {
        Target::Bridge { address, .. } => SocketAddr::new(*address, port),
        Target::Published(address) => *address,
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(|error| Reason::from_io(&error))?;
    if let Target::Bridge { interface, .. } = target {
        // The address of a removed network is on the way to anywhere. Bound to the bridge, no
        // packet can leave by the default route, to a stranger who has the same address.
        bind_to(&socket, interface)
            .map_err(|_| Reason::NoInterface { interface: interface.clone() })?;
    }
    // Every message of a probe waits for its answer; none is worth holding back for a next one.
    socket.set_nodelay(true).map_err(|error| Reason::from_io(&error))?;
    let stream = timeout(limit, socket.connect(address))
        .await
        .map_err(|_| Reason::ConnectTimeout)?
        .map_err(|error| Reason::from_io(&error))?;
    if is_self_connected(&stream, address) { Err(Reason::ConnectionRefused) } else { Ok(stream) }
}

/// On loopback the kernel may choose the port to connect to as the source port, and connects the
/// socket to itself: nothing listens there.
fn is_self_connected(stream: &TcpStream, peer: SocketAddr) -> bool {
    stream.local_addr().is_ok_and(|local| local == peer)
}

#[cfg(target_os = "linux")]
fn bind_to(socket: &TcpSocket, interface: &str) -> io::Result<()> {
    // An empty name would remove the binding instead.
    if interface.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    socket.bind_device(Some(interface.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn bind_to(_socket: &TcpSocket, _interface: &str) -> io::Result<()> {
    // Elsewhere the engine runs in a virtual machine, with its bridges.
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_listener_is_reached_at_the_published_address() {
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let Ok(listener) = TcpListener::bind((ip, 0)).await else {
                continue; // a machine without IPv6
            };
            let address = listener.local_addr().unwrap();
            let stream = connect(&Target::Published(address), 1, LIMIT).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
            drop(listener);
            assert_eq!(
                connect(&Target::Published(address), 1, LIMIT).await.unwrap_err(),
                Reason::ConnectionRefused
            );
        }
    }

    #[tokio::test]
    async fn a_missing_interface_is_told_apart() {
        for interface in ["br-0123456789ab", "", "a-name-longer-than-interfaces-have"] {
            let target = Target::Bridge {
                address: Ipv4Addr::LOCALHOST.into(),
                interface: interface.to_owned(),
            };
            assert_eq!(
                connect(&target, 1, LIMIT).await.unwrap_err(),
                Reason::NoInterface { interface: interface.to_owned() }
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_bridge_target_uses_its_interface_only() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = |ip: Ipv4Addr| Target::Bridge { address: ip.into(), interface: "lo".into() };
        let port = listener.local_addr().unwrap().port();
        assert!(connect(&target(Ipv4Addr::LOCALHOST), port, LIMIT).await.is_ok());
        // A documentation address (RFC 5737) would take the default route.
        let limit = Duration::from_millis(50);
        assert!(connect(&target(Ipv4Addr::new(203, 0, 113, 77)), port, limit).await.is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_socket_connected_to_itself_is_no_connection() {
        // Provokes what happens by chance: the source port is the destination.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert!(is_self_connected(&stream, address));
    }
}
