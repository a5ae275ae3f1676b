//! Image pulls, with the user's logins.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use futures_util::StreamExt as _;

use super::error::{EngineError, EngineErrorKind};
use super::{DockerEngine, ProgressSink};
use crate::event::Progress;
use crate::project::ImageRef;
use crate::state::ImageSpec;

/// The name under which the docker CLI files the default registry's login.
const DEFAULT_REGISTRY_LOGIN: &str = "https://index.docker.io/v1/";

impl DockerEngine {
    pub(super) async fn pull(
        &self,
        image: &ImageSpec,
        progress: &ProgressSink,
    ) -> Result<(), EngineError> {
        let reference = image.reference.familiar();
        let credentials = login("pull image", &image.reference).await?;
        // A reference without tag or digest would pull every tag: `familiar` has one.
        let mut options = CreateImageOptionsBuilder::default().from_image(&reference);
        if let Some(platform) = &image.platform {
            options = options.platform(platform);
        }
        let mut answers =
            Box::pin(self.docker.create_image(Some(options.build()), None, credentials));
        while let Some(answer) = answers.next().await {
            let info = answer.map_err(|error| self.error("pull image", &reference, &error))?;
            if let Some(message) = info.error_detail.and_then(|detail| detail.message) {
                let kind = super::error::classify_message(None, &message);
                return Err(EngineError::new("pull image", &reference, kind));
            }
            let detail = info.progress_detail.unwrap_or_default();
            let bytes = |value: Option<i64>| {
                value.and_then(|it| u64::try_from(it).ok()).unwrap_or_default()
            };
            if let (Some(id), Some(status)) = (info.id, info.status) {
                progress(Progress::Layer {
                    id,
                    status,
                    current: bytes(detail.current),
                    total: bytes(detail.total),
                });
            }
        }
        Ok(())
    }
}

impl DockerEngine {
    /// The digest, `sha256:...`, that an image's registry has for its tag now. The engine asks the
    /// registry; nothing is pulled.
    ///
    /// # Errors
    /// When the registry cannot be reached, or has no such image.
    pub async fn image_digest(&self, image: &ImageRef) -> Result<String, EngineError> {
        const ACTION: &str = "find the digest of image";
        let reference = image.familiar();
        let credentials = login(ACTION, image).await?;
        let answer = self.docker.inspect_registry_image(&reference, credentials).await;
        let found = answer.map_err(|error| self.error(ACTION, &reference, &error))?;
        found.descriptor.digest.ok_or_else(|| {
            let kind = EngineErrorKind::Refused("the registry told none".to_owned());
            EngineError::new(ACTION, &reference, kind)
        })
    }
}

/// The login for an image's registry.
async fn login(
    action: &'static str,
    image: &ImageRef,
) -> Result<Option<DockerCredentials>, EngineError> {
    let registry = login_name(image.registry());
    let found = tokio::task::spawn_blocking(move || credentials_of(&registry)).await;
    found.unwrap_or(Ok(None)).map_err(|reason| {
        let reason = format!("the login for its registry cannot be read: {reason}");
        EngineError::new(action, image.familiar(), EngineErrorKind::Refused(reason))
    })
}

fn login_name(registry: &str) -> String {
    if registry == "docker.io" { DEFAULT_REGISTRY_LOGIN.to_owned() } else { registry.to_owned() }
}

/// Registries for which the docker CLI has a login, by the name that it files them under.
pub(super) fn registries_with_logins() -> Vec<String> {
    #[derive(serde::Deserialize, Default)]
    struct Logins {
        #[serde(default)]
        auths: indexmap::IndexMap<String, serde_json::Value>,
        #[serde(default, rename = "credHelpers")]
        helpers: indexmap::IndexMap<String, String>,
    }
    let logins: Logins = crate::os::docker_config()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    logins.auths.into_keys().chain(logins.helpers.into_keys()).collect()
}

/// The login for a registry from `~/.docker/config.json` or its credential helper, if there is one.
pub(super) fn credentials_of(registry: &str) -> Result<Option<DockerCredentials>, String> {
    match docker_credential::get_credential(registry) {
        Ok(DockerCredential::UsernamePassword(username, password)) => Ok(Some(DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        })),
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(DockerCredentials {
            identitytoken: Some(token),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        })),
        Err(
            CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError
            | CredentialRetrievalError::NoCredentialConfigured
            // A helper that has no login for this registry exits with a failure: do without one.
            | CredentialRetrievalError::HelperFailure { .. },
        ) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
