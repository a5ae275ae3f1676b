//! Where the engine is, found as the docker CLI finds it: `DOCKER_HOST`, the current docker
//! context, the default socket. Pure: environment and files come in as values.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::state::hash::digest_bytes;

/// What the search may look at.
pub struct EndpointFacts<'a> {
    /// A variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The user's home.
    pub home: Option<&'a Path>,
    /// A small text file; `None` when it is not there.
    pub read: &'a dyn Fn(&Path) -> Option<String>,
    /// Whether a path exists.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix://`, `tcp://`, `ssh://` or `npipe://`.
    pub url: String,
    /// Certificates, when it speaks TLS: a folder with `ca.pem`, `cert.pem`, `key.pem`.
    pub tls: Option<PathBuf>,
    /// Which setting named it, such as `DOCKER_HOST` or `context colima`.
    pub origin: String,
}

/// A setting that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The context is not there.
    #[error("docker context `{0}` does not exist")]
    UnknownContext(String),
    /// The context's file cannot be used.
    #[error("docker context `{name}` cannot be read: {reason}")]
    BrokenContext {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
struct CliConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints")]
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host")]
    host: String,
}

impl Endpoint {
    /// Finds the engine's address.
    ///
    /// # Errors
    /// When a docker context is chosen that does not exist or cannot be read.
    pub fn find(facts: &EndpointFacts<'_>) -> Result<Self, EndpointError> {
        let variable = |name: &str| (facts.variable)(name).filter(|value| !value.is_empty());
        let config_dir = variable("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| facts.home.map(|home| home.join(".docker")));
        if let Some(host) = variable("DOCKER_HOST") {
            let tls = variable("DOCKER_TLS_VERIFY").and_then(|_| {
                variable("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config_dir.clone())
            });
            return Ok(Self { url: host, tls, origin: "DOCKER_HOST".to_owned() });
        }
        let context = variable("DOCKER_CONTEXT").or_else(|| {
            let text = (facts.read)(&config_dir.as_ref()?.join("config.json"))?;
            serde_json::from_str::<CliConfig>(&text).ok()?.current_context
        });
        match (context, config_dir) {
            (Some(name), Some(dir)) if name != "default" && !name.is_empty() => {
                Self::of_context(&name, &dir, facts)
            }
            _ => Ok(Self {
                url: default_url().to_owned(),
                tls: None,
                origin: "the default socket".to_owned(),
            }),
        }
    }

    fn of_context(
        name: &str,
        dir: &Path,
        facts: &EndpointFacts<'_>,
    ) -> Result<Self, EndpointError> {
        // The CLI's context store files each context under the SHA-256 of its name.
        let id = digest_bytes(name.as_bytes());
        let contexts = dir.join("contexts");
        let text = (facts.read)(&contexts.join("meta").join(&id).join("meta.json"))
            .ok_or_else(|| EndpointError::UnknownContext(name.to_owned()))?;
        let meta: ContextMeta = serde_json::from_str(&text).map_err(|error| {
            EndpointError::BrokenContext { name: name.to_owned(), reason: error.to_string() }
        })?;
        let certificates = contexts.join("tls").join(&id).join("docker");
        Ok(Self {
            url: meta.endpoints.docker.host,
            tls: (facts.exists)(&certificates.join("ca.pem")).then_some(certificates),
            origin: format!("context {name}"),
        })
    }

    /// Why an address that the docker CLI understands cannot be used here.
    #[must_use]
    pub fn unusable(&self) -> Option<String> {
        let host = self.url.strip_prefix("ssh://")?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        // The ssh program takes a port from its own configuration only.
        let (name, port) = host.rsplit_once(':').filter(|_| !host.ends_with(']'))?;
        Some(format!(
            "the port of an ssh address goes into ~/.ssh/config (`Host {name}`, `Port {port}`)"
        ))
    }

    /// Whether the engine runs on this machine, so that its ports and paths are ours too.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.starts_with("unix://") || self.url.starts_with("npipe://")
    }
}

const fn default_url() -> &'static str {
    if cfg!(windows) { "npipe:////./pipe/docker_engine" } else { "unix:///var/run/docker.sock" }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn find(
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<(String, Option<String>, String), EndpointError> {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        let files: HashMap<PathBuf, String> =
            files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        Endpoint::find(&EndpointFacts {
            variable: &|name| variables.get(name).map(ToString::to_string),
            home: Some(Path::new("/home/me")),
            read: &|path| files.get(path).cloned(),
            exists: &|path| files.contains_key(path),
        })
        .map(|found| (found.url, found.tls.map(|path| path.display().to_string()), found.origin))
    }

    #[test]
    fn an_ssh_address_with_a_port_says_where_the_port_goes() {
        let unusable = |url: &str| {
            Endpoint { url: url.to_owned(), tls: None, origin: String::new() }.unusable().is_some()
        };
        let cases = [
            ("ssh://me@host", false),
            ("ssh://host", false),
            ("ssh://me@[::1]", false),
            ("ssh://me@host:22", true),
            ("ssh://host:22", true),
            ("tcp://host:2375", false),
            ("unix:///var/run/docker.sock", false),
        ];
        for (url, expected) in cases {
            assert_eq!(unusable(url), expected, "{url}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_docker_cli() {
        let id = digest_bytes(b"colima");
        let meta = format!("/home/me/.docker/contexts/meta/{id}/meta.json");
        let ca = format!("/home/me/.docker/contexts/tls/{id}/docker/ca.pem");
        let config = ("/home/me/.docker/config.json", r#"{"currentContext":"colima","auths":{}}"#);
        let host = r#"{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///c.sock"}}}"#;
        let default = default_url().to_owned();
        assert_eq!(find(&[], &[]), Ok((default.clone(), None, "the default socket".to_owned())));
        assert_eq!(
            find(&[("DOCKER_HOST", "tcp://h:1")], &[config, (&meta, host)]),
            Ok(("tcp://h:1".to_owned(), None, "DOCKER_HOST".to_owned()))
        );
        assert_eq!(
            find(&[("DOCKER_HOST", "tcp://h:1"), ("DOCKER_TLS_VERIFY", "1")], &[]),
            Ok((
                "tcp://h:1".to_owned(),
                Some("/home/me/.docker".to_owned()),
                "DOCKER_HOST".to_owned()
            ))
        );
        assert_eq!(
            find(&[], &[config, (&meta, host)]),
            Ok(("unix:///c.sock".to_owned(), None, "context colima".to_owned()))
        );
        assert_eq!(
            find(&[], &[config, (&meta, host), (&ca, "")]).map(|found| found.1.is_some()),
            Ok(true)
        );
        assert_eq!(
            find(&[("DOCKER_CONTEXT", "default")], &[config, (&meta, host)]).map(|found| found.0),
            Ok(default)
        );
        assert_eq!(
            find(&[("DOCKER_CONTEXT", "gone")], &[]),
            Err(EndpointError::UnknownContext("gone".to_owned()))
        );
        assert!(matches!(
            find(&[], &[config, (&meta, "{}")]),
            Err(EndpointError::BrokenContext { .. })
        ));
    }
}
