//! The host's ports: whether one can be bound, and which process holds it.
//!
//! Nothing here decides what to do about a taken port.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::path::Path;

use crate::project::Protocol;

/// The process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// Its process id.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
}

/// Finds the process that listens on a port of this machine, at whatever address.
///
/// Best effort: `None` when nobody listens, when the process belongs to somebody else and this
/// one lacks the rights to see it, and on systems other than Linux.
#[must_use]
pub fn port_owner(port: u16, protocol: Protocol) -> Option<PortOwner> {
    port_owner_in(Path::new("/proc"), port, protocol)
}

/// Tells whether the engine could bind this port now, by doing it.
///
/// A listener at this or the unspecified address makes it `false`; what remains of closed
/// connections does not, because the engine binds with `SO_REUSEADDR` as well. SCTP is left to
/// the engine: `true`.
///
/// # Errors
/// When it cannot be told: the address is not one of this machine, or the port is one that only
/// the superuser may bind.
pub fn can_bind(ip: IpAddr, port: u16, protocol: Protocol) -> io::Result<bool> {
    if !is_free(ip, port, protocol)? {
        return Ok(false);
    }
    // Elsewhere than on Linux, SO_REUSEADDR lets a listener with an address beside one without.
    if cfg!(target_os = "linux") || protocol != Protocol::Tcp || ip.is_unspecified() {
        return Ok(true);
    }
    let any = match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    is_free(any, port, protocol)
}

fn is_free(ip: IpAddr, port: u16, protocol: Protocol) -> io::Result<bool> {
    let bound = match protocol {
        // The standard library sets SO_REUSEADDR, except on Windows, which does not need it.
        Protocol::Tcp => TcpListener::bind((ip, port)).map(drop),
        Protocol::Udp => UdpSocket::bind((ip, port)).map(drop),
        Protocol::Sctp => Ok(()),
    };
    match bound {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

fn port_owner_in(proc: &Path, port: u16, protocol: Protocol) -> Option<PortOwner> {
    let tables: &[&str] = match protocol {
        Protocol::Tcp => &["net/tcp", "net/tcp6"],
        Protocol::Udp => &["net/udp", "net/udp6"],
        Protocol::Sctp => &[],
    };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| holders(&table, port, protocol))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    fs::read_dir(proc).ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(process.path().join("fd")).ok()?.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|link| {
                link.to_str().is_some_and(|link| inodes.iter().any(|i| i == link))
            })
        });
        holds.then(|| PortOwner { pid, name: program_name(&process.path()) })
    })
}

/// The name that other tools show too, unless it is the one of a thread.
fn program_name(process: &Path) -> String {
    let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let executable = || {
        let path = fs::read_link(process.join("exe")).ok()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    };
    match comm.trim_end() {
        // Node.js names its first thread so.
        thread @ ("" | "MainThread") => executable().unwrap_or_else(|| thread.to_owned()),
        name => name.to_owned(),
    }
}

/// Finds the sockets that hold a port in a table such as `/proc/net/tcp` (`proc_net_tcp` in the
/// kernel's documentation); returns their inodes.
fn holders(table: &str, port: u16, protocol: Protocol) -> Vec<u64> {
    // A TCP socket that listens, a UDP socket that is not connected.
    let state = if protocol == Protocol::Udp { "07" } else { "0A" };
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split_ascii_whitespace();
            let (_, local_port) = columns.nth(1)?.rsplit_once(':')?;
            let holds =
                u16::from_str_radix(local_port, 16).ok()? == port && columns.nth(1)? == state;
            let inode: u64 = columns.nth(5)?.parse().ok()?;
            (holds && inode != 0).then_some(inode)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1538 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 33333 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:0050 0100007F:D2F2 06 00000000:00000000 03:00001769 00000000     0        0 0 3 0000000000000000
   4: broken
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 44444 1 0000000000000000 100 0 0 10 0
";
    const UDP: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 55555 2 0000000000000000 0
  101: 0100007F:0035 0100007F:1000 01 00000000:00000000 00:00000000 00000000   101        0 66666 2 0000000000000000 0
";

    #[test]
    fn only_listening_sockets_hold_a_port() {
        let cases = [
            (TCP, 5432, Protocol::Tcp, vec![11111]),
            (TCP, 80, Protocol::Tcp, vec![22222]),
            (TCP, 8080, Protocol::Tcp, vec![]),
            (TCP6, 5432, Protocol::Tcp, vec![44444]),
            (UDP, 53, Protocol::Udp, vec![55555]),
            ("", 53, Protocol::Udp, vec![]),
            ("header\n\n0:\n0: 1:1\n", 1, Protocol::Tcp, vec![]),
        ];
        for (table, port, protocol, expected) in cases {
            assert_eq!(holders(table, port, protocol), expected, "{port} in {table}");
        }
    }

    #[test]
    fn a_listener_takes_its_port_at_every_address_it_covers() {
        for (held, asked, free) in [
            (LOCALHOST, LOCALHOST, false),
            (ANY, LOCALHOST, false),
            (LOCALHOST, ANY, false),
            (ANY, ANY, false),
        ] {
            let tcp = TcpListener::bind((held, 0)).unwrap();
            let port = tcp.local_addr().unwrap().port();
            assert_eq!(can_bind(asked, port, Protocol::Tcp).unwrap(), free, "{held} {asked}");
            assert!(can_bind(asked, port, Protocol::Sctp).unwrap());
            drop(tcp);
            assert!(can_bind(asked, port, Protocol::Tcp).unwrap());
            let udp = UdpSocket::bind((held, 0)).unwrap();
            let port = udp.local_addr().unwrap().port();
            assert_eq!(can_bind(asked, port, Protocol::Udp).unwrap(), free, "{held} {asked}");
            drop(udp);
            assert!(can_bind(asked, port, Protocol::Udp).unwrap());
        }
    }

    #[test]
    fn closed_connections_leave_the_port_free() {
        let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        // The side that closes first keeps the port in TIME_WAIT.
        drop(accepted);
        drop(client);
        drop(listener);
        assert!(can_bind(LOCALHOST, address.port(), Protocol::Tcp).unwrap());
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        // A documentation address (RFC 5737).
        let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77));
        let error = can_bind(ip, 0, Protocol::Tcp).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_owner_of_a_listener_is_found() {
        let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let owner = port_owner(port, Protocol::Tcp).unwrap();
        assert_eq!(owner.pid, std::process::id());
        assert!(!owner.name.is_empty());
        assert_eq!(port_owner(port, Protocol::Sctp), None);
        drop(listener);
        assert_eq!(port_owner(port, Protocol::Tcp), None);
    }
}
