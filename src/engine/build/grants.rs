//! What a build may ask for while it runs: secrets, SSH agents, logins; nothing else is given.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use bollard::auth::DockerCredentials;
use bollard::health::health_check_response::ServingStatus;
use bollard::health::health_server::Health;
use bollard::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard::moby::filesync::v1::auth_server::Auth;
use bollard::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use bollard::moby::sshforward::v1::ssh_server::Ssh;
use bollard::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tonic::{Request as Call, Response, Status, Streaming};

use crate::project::FileSource;

/// BuildKit takes no larger secret, in bytes.
const LARGEST_SECRET: usize = 500 * 1024;

/// What a build may ask for.
#[derive(Clone, Default)]
pub(super) struct Grants {
    /// By id.
    pub(super) secrets: HashMap<String, FileSource>,
    /// Sockets of SSH agents by id.
    pub(super) agents: HashMap<String, PathBuf>,
    /// Logins by registry.
    pub(super) credentials: HashMap<String, DockerCredentials>,
}

// BuildKit asks every second, and closes the connection of who does not answer.
#[tonic::async_trait]
impl Health for Grants {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _request: Call<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(
        &self,
        _request: Call<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("BuildKit only checks"))
    }

    async fn watch(
        &self,
        _request: Call<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("BuildKit only checks"))
    }
}

#[tonic::async_trait]
impl Secrets for Grants {
    async fn get_secret(
        &self,
        request: Call<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        let data = match self.secrets.get(id) {
            // BuildKit goes on without a secret that the Dockerfile does not require.
            None => return Err(Status::not_found(format!("the file gives no secret `{id}`"))),
            Some(FileSource::File(path)) => tokio::fs::read(path).await.map_err(|error| {
                Status::failed_precondition(format!("secret `{id}`, {}: {error}", path.display()))
            })?,
            Some(FileSource::Environment { value, .. } | FileSource::Content(value)) => {
                value.expose().as_bytes().to_vec()
            }
        };
        if data.len() > LARGEST_SECRET {
            let message = format!("the secret `{id}` is larger than {LARGEST_SECRET} bytes");
            return Err(Status::failed_precondition(message));
        }
        Ok(Response::new(GetSecretResponse { data }))
    }
}

#[tonic::async_trait]
impl Ssh for Grants {
    type ForwardAgentStream = BoxStream<'static, Result<BytesMessage, Status>>;

    async fn check_agent(
        &self,
        request: Call<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.agent(&request.get_ref().id).map(|_| Response::new(CheckAgentResponse {}))
    }

    async fn forward_agent(
        &self,
        request: Call<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get("buildkit.ssh.id").and_then(|id| id.to_str().ok());
        let path = self.agent(id.unwrap_or_default())?;
        let agent = dial(path).await.map_err(|error| {
            Status::unavailable(format!("the SSH agent {}: {error}", path.display()))
        })?;
        let (mut from_agent, mut to_agent) = tokio::io::split(agent);
        let mut asked = request.into_inner();
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Some(Ok(message)) = asked.next().await {
                if to_agent.write_all(&message.data).await.is_err() {
                    break;
                }
            }
            let _ = to_agent.shutdown().await;
        });
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = from_agent.read(&mut buffer).await {
                let message = BytesMessage { data: buffer[..length].to_vec() };
                if sender.send(Ok(message)).await.is_err() {
                    break;
                }
            }
        });
        let answers = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|message| (message, receiver))
        });
        Ok(Response::new(answers.boxed()))
    }
}

impl Grants {
    fn agent(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { "default" } else { id };
        self.agents
            .get(id)
            .ok_or_else(|| Status::not_found(format!("the file gives no SSH agent `{id}`")))
    }
}

#[cfg(unix)]
async fn dial(path: &std::path::Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

#[cfg(not(unix))]
async fn dial(_path: &std::path::Path) -> io::Result<tokio::net::TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

#[tonic::async_trait]
impl Auth for Grants {
    async fn credentials(
        &self,
        request: Call<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.get_ref().host.as_str();
        // The default registry goes by two names.
        let names: &[&str] = match host {
            "registry-1.docker.io" => {
                &["registry-1.docker.io", "docker.io", "https://index.docker.io/v1/"]
            }
            _ => &[host],
        };
        let login = names.iter().find_map(|name| self.credentials.get(*name));
        let (username, secret) = match login {
            Some(login) => match (&login.identitytoken, &login.username, &login.password) {
                (Some(token), ..) => (String::new(), token.clone()),
                (None, username, password) => {
                    (username.clone().unwrap_or_default(), password.clone().unwrap_or_default())
                }
            },
            None => (String::new(), String::new()),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    // BuildKit then fetches tokens by itself.
    async fn fetch_token(
        &self,
        _request: Call<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }

    async fn get_token_authority(
        &self,
        _request: Call<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }

    async fn verify_token_authority(
        &self,
        _request: Call<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }
}
