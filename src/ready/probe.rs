//! One attempt to find out whether a service is ready, over the network.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::target::{Target, connect};
use super::{ProbeState, Reason, amqp, http, postgres, redis, tcp};
use crate::project::Probe;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The longest attempt, its connection included.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A probe that needs nothing but a connection to the container.
#[derive(Debug, Clone, Copy)]
pub struct NetworkProbe<'a> {
    port: u16,
    protocol: Protocol<'a>,
}

/// A probe that asks the engine, about the container's log, a command in it or its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the probe asks the engine, not the service's port")]
pub struct NeedsEngine;

#[derive(Debug, Clone, Copy)]
enum Protocol<'a> {
    Postgres(postgres::Login<'a>),
    Redis(redis::Login<'a>),
    Amqp(amqp::Login<'a>),
    Http(http::Question<'a>),
    Tcp,
}

impl NetworkProbe<'_> {
    /// The port inside the container.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl<'a> TryFrom<&'a Probe> for NetworkProbe<'a> {
    type Error = NeedsEngine;

    fn try_from(probe: &'a Probe) -> Result<Self, NeedsEngine> {
        let (port, protocol) = match probe {
            Probe::Postgres { port, user, password, database } => {
                (port, Protocol::Postgres(postgres::Login { user, password, database }))
            }
            Probe::Redis { port, username, password } => {
                let (username, password) = (username.as_deref(), password.as_ref());
                (port, Protocol::Redis(redis::Login { username, password }))
            }
            Probe::Amqp { port, user, password, vhost } => {
                (port, Protocol::Amqp(amqp::Login { user, password, vhost }))
            }
            Probe::Http { port, path, status, body } => {
                let (status, body) = (*status, body.as_deref());
                (port, Protocol::Http(http::Question { path, status, body }))
            }
            Probe::Tcp { port } => (port, Protocol::Tcp),
            Probe::Log { .. } | Probe::Exec { .. } | Probe::Healthcheck => return Err(NeedsEngine),
        };
        Ok(Self { port: *port, protocol })
    }
}

/// Asks once. Takes 2 seconds at most, 1 of them to connect; no socket outlives the call, nor
/// the future when it is dropped.
pub async fn check(probe: &NetworkProbe<'_>, target: &Target) -> ProbeState {
    bounded(async {
        let stream = connect(target, probe.port, CONNECT).await?;
        ask(stream, &probe.protocol).await
    })
    .await
}

/// Gives an attempt its time. Connecting has a shorter limit of its own, so what is cut short
/// here is a connection without an answer.
async fn bounded(attempt: impl Future<Output = Result<(), Reason>>) -> ProbeState {
    timeout(ATTEMPT, attempt).await.unwrap_or(Err(Reason::Silent)).into()
}

async fn ask<S>(stream: S, protocol: &Protocol<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match protocol {
        Protocol::Postgres(login) => postgres::ask(stream, login).await,
        Protocol::Redis(login) => redis::ask(stream, login).await,
        Protocol::Amqp(login) => amqp::ask(stream, login).await,
        Protocol::Http(question) => http::ask(stream, question).await,
        Protocol::Tcp => tcp::ask(stream).await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::super::script::{Act, serve};
    use super::*;
    use crate::project::{LogStream, Secret};

    fn network_probes() -> [Probe; 5] {
        let password = || Secret::new("hunter2");
        [
            Probe::Postgres {
                port: 5432,
                user: "app".into(),
                password: password(),
                database: "app".into(),
            },
            Probe::Redis { port: 6379, username: None, password: Some(password()) },
            Probe::Amqp { port: 5672, user: "app".into(), password: password(), vhost: "/".into() },
            Probe::Http { port: 80, path: "/".into(), status: None, body: None },
            Probe::Tcp { port: 1 },
        ]
    }

    #[test]
    fn only_probes_of_a_port_are_network_probes() {
        let ports = network_probes().map(|probe| NetworkProbe::try_from(&probe).unwrap().port());
        assert_eq!(ports, [5432, 6379, 5672, 80, 1]);
        let others = [
            Probe::Log { pattern: "ready".into(), stream: LogStream::Any },
            Probe::Exec { command: vec!["true".into()] },
            Probe::Healthcheck,
        ];
        for probe in others {
            assert_eq!(NetworkProbe::try_from(&probe).unwrap_err(), NeedsEngine);
        }
    }

    #[test]
    fn probes_print_without_their_secrets() {
        for probe in network_probes() {
            let probe = NetworkProbe::try_from(&probe).unwrap();
            assert!(!format!("{probe:?}").contains("hunter2"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_two_seconds() {
        for (index, probe) in network_probes().iter().enumerate() {
            let probe = NetworkProbe::try_from(probe).unwrap();
            let (client, server) = serve(vec![Act::Stall]);
            let begin = Instant::now();
            let state = bounded(ask(client, &probe.protocol)).await;
            if matches!(probe.protocol, Protocol::Tcp) {
                assert_eq!(state, ProbeState::Ready);
            } else {
                assert_eq!(state, ProbeState::NotYet(Reason::Silent), "probe {index}");
                assert_eq!(begin.elapsed(), Duration::from_secs(2), "probe {index}");
            }
            server.abort();
        }
    }

    #[tokio::test]
    async fn an_attempt_connects_asks_and_hangs_up() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = Target::Published(listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 14];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(b"+PONG\r\n").await.unwrap();
            // The end of the stream: the probe has hung up.
            assert_eq!(stream.read(&mut heard).await.unwrap(), 0);
        });
        let probe = Probe::Redis { port: 1, username: None, password: None };
        let probe = NetworkProbe::try_from(&probe).unwrap();
        assert_eq!(check(&probe, &target).await, ProbeState::Ready);
        server.await.unwrap();
        assert_eq!(check(&probe, &target).await, ProbeState::NotYet(Reason::ConnectionRefused));
    }

    #[test]
    fn attempts_may_move_between_threads() {
        fn assert_send(_: impl Send) {}
        let probe = Probe::Tcp { port: 1 };
        let target = Target::Published(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        assert_send(check(&NetworkProbe::try_from(&probe).unwrap(), &target));
    }
}
