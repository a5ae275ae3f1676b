//! Builds that may ask for secrets and SSH agents while they run.
//!
//! BuildKit calls back over a connection of ours that the engine turns into gRPC (`POST
//! /session`). bollard's own session offers logins only, so these builds have connections of
//! their own, which is possible where the engine is reached by a socket or by plain TCP.

use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bollard::errors::Error as BollardError;
use bollard::health::health_server::HealthServer;
use bollard::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard::moby::filesync::v1::auth_server::AuthServer;
use bollard::moby::sshforward::v1::ssh_server::SshServer;
use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response as HttpResponse, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use super::grants::Grants;
use crate::engine::endpoint::Endpoint;

/// The methods that the engine may call, told when the session begins.
const METHODS: [&str; 5] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// Builds with a session of our own; the answers of the engine as bollard would give them.
///
/// # Errors
/// When the engine cannot be reached in this way, or refuses.
pub(super) async fn build(
    endpoint: &Endpoint,
    api: &str,
    options: &BuildImageOptions,
    grants: Grants,
    context: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<BoxStream<'static, Result<BuildInfo, BollardError>>, BollardError> {
    let session = options.session.clone().unwrap_or_default();
    let serving = open_session(endpoint, api, &session, grants).await?;
    let query = serde_urlencoded::to_string(options).map_err(|error| other(&error))?;
    let body = stream::unfold(context, |mut context| async {
        context.recv().await.map(|chunk| (chunk.map(Frame::data), context))
    });
    let request = Request::post(format!("/v{api}/build?{query}"))
        .header("Host", "docker")
        .header("Content-Type", "application/x-tar")
        .body(StreamBody::new(body.boxed()))
        .map_err(|error| other(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect(endpoint).await?))
        .await
        .map_err(|error| other(&error))?;
    let driving = AbortOnDropHandle::new(tokio::spawn(async move {
        // What goes wrong here is told by the request itself.
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(|error| other(&error))?;
    let body = accepted(response, StatusCode::OK).await?.into_body();
    Ok(answers(body, (serving, driving)).boxed())
}

/// The lines of an answer; `kept` lives as long as there may be more.
fn answers<K: Send + 'static>(
    body: Incoming,
    kept: K,
) -> impl futures_util::Stream<Item = Result<BuildInfo, BollardError>> {
    stream::unfold((body, Vec::new(), kept), |(mut body, mut buffer, kept)| async move {
        loop {
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Some((info(&line), (body, buffer, kept)));
            }
            match body.frame().await? {
                Ok(frame) => buffer.extend(frame.into_data().unwrap_or_default()),
                Err(error) => return Some((Err(other(&error)), (body, buffer, kept))),
            }
        }
    })
}

fn info(line: &[u8]) -> Result<BuildInfo, BollardError> {
    let info: BuildInfo = serde_json::from_slice(line).map_err(|error| other(&error))?;
    match info.error_detail.as_ref().and_then(|detail| detail.message.clone()) {
        Some(error) => Err(BollardError::DockerStreamError { error }),
        None => Ok(info),
    }
}

/// Opens the connection over which the engine asks, and answers until the handle is dropped.
async fn open_session(
    endpoint: &Endpoint,
    api: &str,
    session: &str,
    grants: Grants,
) -> Result<AbortOnDropHandle<()>, BollardError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect(endpoint).await?))
        .await
        .map_err(|error| other(&error))?;
    let driving = tokio::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let mut request = Request::post(format!("/v{api}/session"))
        .header("Host", "docker")
        .header("Connection", "Upgrade")
        .header("Upgrade", "h2c")
        .header("X-Docker-Expose-Session-Uuid", session)
        .header("X-Docker-Expose-Session-Name", "devstack");
    for method in METHODS {
        request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| other(&error))?;
    let response = sender.send_request(request).await.map_err(|error| other(&error))?;
    let response = accepted(response, StatusCode::SWITCHING_PROTOCOLS).await?;
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| other(&error))?;
    let pipe = Pipe(TokioIo::new(upgraded));
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        let served = Server::builder()
            .add_service(HealthServer::new(grants.clone()))
            .add_service(AuthServer::new(grants.clone()))
            .add_service(SecretsServer::new(grants.clone()))
            .add_service(SshServer::new(grants))
            // One connection, and no other one ever.
            .serve_with_incoming(
                stream::once(async { Ok::<_, io::Error>(pipe) }).chain(stream::pending()),
            );
        let _ = served.await;
        driving.abort();
    })))
}

async fn accepted(
    response: HttpResponse<Incoming>,
    expected: StatusCode,
) -> Result<HttpResponse<Incoming>, BollardError> {
    if response.status() == expected {
        return Ok(response);
    }
    let status_code = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| other(&error))?.to_bytes();
    let told: Option<String> = serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
    let message = told.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    Err(BollardError::DockerResponseServerError { status_code, message })
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Stream>, BollardError> {
    #[cfg(unix)]
    if let Some(path) = endpoint.url.strip_prefix("unix://") {
        return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
    }
    match endpoint.url.strip_prefix("tcp://").or_else(|| endpoint.url.strip_prefix("http://")) {
        Some(address) if endpoint.tls.is_none() => {
            Ok(Box::new(tokio::net::TcpStream::connect(address.trim_end_matches('/')).await?))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a build with secrets or ssh needs an engine that is reached by a socket or plain TCP",
        )
        .into()),
    }
}

fn other(error: &(impl std::error::Error + ?Sized)) -> BollardError {
    // Its source says what happened; its own words only in which call.
    let message = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    io::Error::other(message).into()
}

/// A connection that has become gRPC.
struct Pipe(TokioIo<Upgraded>);

impl Connected for Pipe {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
