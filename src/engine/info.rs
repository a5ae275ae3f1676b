//! What an engine says of the machine that it runs on.

use bollard::models::SystemInfo;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::DockerEngine;
use super::error::EngineError;

/// What an engine says of its machine and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// Such as `Docker Desktop` or `Debian GNU/Linux 12 (bookworm)`.
    pub operating_system: String,
    /// Cores that containers may use.
    pub cores: Option<u64>,
    /// Bytes of memory that containers may use.
    pub memory: Option<u64>,
    /// The folder of its data, on its machine.
    pub root_dir: String,
    /// How it stores layers.
    pub storage_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// Whether it runs without root's rights.
    pub is_rootless: bool,
    /// Whether memory limits of containers hold.
    pub limits_memory: Option<bool>,
    /// The proxy of its own pulls.
    pub https_proxy: Option<String>,
    /// Its clock.
    pub time: Option<OffsetDateTime>,
}

impl DockerEngine {
    /// What the engine says of its machine and its settings.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn info(&self) -> Result<EngineInfo, EngineError> {
        let answer = self.docker.info().await;
        answer.map(info).map_err(|error| self.error("ask", "the Docker Engine", &error))
    }
}

fn info(answer: SystemInfo) -> EngineInfo {
    let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    let text = |value: Option<String>| value.filter(|value| !value.is_empty());
    EngineInfo {
        operating_system: answer.operating_system.unwrap_or_default(),
        cores: number(answer.ncpu).filter(|cores| *cores > 0),
        memory: number(answer.mem_total).filter(|bytes| *bytes > 0),
        root_dir: answer.docker_root_dir.unwrap_or_default(),
        storage_driver: answer.driver.unwrap_or_default(),
        cgroup_version: answer.cgroup_version.map(|it| it.to_string()).unwrap_or_default(),
        is_rootless: answer
            .security_options
            .unwrap_or_default()
            .iter()
            .any(|option| option.split(',').any(|part| part == "name=rootless")),
        limits_memory: answer.memory_limit,
        https_proxy: text(answer.https_proxy).or_else(|| text(answer.http_proxy)),
        time: answer.system_time.and_then(|at| OffsetDateTime::parse(&at, &Rfc3339).ok()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_understood_and_an_empty_one_says_nothing() {
        let answer = json!({
            "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "NCPU": 2, "MemTotal": 4096,
            "DockerRootDir": "/var/lib/docker", "Driver": "overlay2", "CgroupVersion": "2",
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
            "MemoryLimit": true, "HttpsProxy": "", "HttpProxy": "http://proxy:3128",
            "SystemTime": "2026-01-02T03:04:05.123456789Z",
        });
        let info = info(serde_json::from_value(answer).unwrap());
        assert_eq!((info.cores, info.memory), (Some(2), Some(4096)));
        assert_eq!((info.storage_driver.as_str(), info.cgroup_version.as_str()), ("overlay2", "2"));
        assert!(info.is_rootless && info.limits_memory == Some(true));
        assert_eq!(info.https_proxy.as_deref(), Some("http://proxy:3128"));
        assert_eq!(info.time.unwrap().unix_timestamp(), 1_767_323_045);
        assert_eq!(super::info(SystemInfo::default()), EngineInfo::default());
    }
}
