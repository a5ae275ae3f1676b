//! What containers use of the machine, and which processes run in them.

use bollard::models::{ContainerBlkioStatEntry, ContainerCpuStats, ContainerStatsResponse};
use bollard::query_parameters::{StatsOptionsBuilder, TopOptions};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::DockerEngine;
use super::error::EngineError;
use crate::state::ContainerId;

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Of one core, in per cent, since the sample before.
    pub cpu: f64,
    /// Bytes of memory, without the file cache that the kernel can take back.
    pub memory: u64,
    /// The limit in bytes: its own, or the machine's memory.
    pub memory_limit: u64,
    /// Bytes received over its networks since it was started.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes read from disks.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// The processes of a container, as `ps` of the engine's machine prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processes {
    /// The columns.
    pub titles: Vec<String>,
    /// A process each.
    pub rows: Vec<Vec<String>>,
}

impl DockerEngine {
    /// A sample about every second; ends when the container does. Without `follow` only one, for
    /// which the engine takes two and some time between them.
    #[must_use]
    pub fn usage(
        &self,
        id: &ContainerId,
        follow: bool,
    ) -> BoxStream<'static, Result<Usage, EngineError>> {
        let options = StatsOptionsBuilder::default().stream(follow).build();
        let engine = self.clone();
        let id = id.clone();
        self.docker
            .stats(&id.0, Some(options))
            .map(move |sample| match sample {
                Ok(sample) => Ok(usage(&sample)),
                Err(error) => Err(engine.error("read the usage of container", id.short(), &error)),
            })
            .boxed()
    }

    /// The processes of a running container.
    ///
    /// # Errors
    /// When it does not run, or the engine does not answer.
    pub async fn processes(&self, id: &ContainerId) -> Result<Processes, EngineError> {
        let answer = self.docker.top_processes(&id.0, None::<TopOptions>).await;
        let answer = answer
            .map_err(|error| self.error("list the processes of container", id.short(), &error))?;
        Ok(Processes {
            titles: answer.titles.unwrap_or_default(),
            rows: answer.processes.unwrap_or_default(),
        })
    }
}

fn usage(sample: &ContainerStatsResponse) -> Usage {
    let memory = sample.memory_stats.clone().unwrap_or_default();
    let details = memory.stats.unwrap_or_default();
    // cgroup v2 and v1 name it differently.
    let cache = details.get("inactive_file").or_else(|| details.get("total_inactive_file"));
    let networks = sample.networks.iter().flat_map(|networks| networks.values());
    let (received, sent) = networks.fold((0, 0), |(received, sent), network| {
        (
            received + network.rx_bytes.unwrap_or_default(),
            sent + network.tx_bytes.unwrap_or_default(),
        )
    });
    let disks = sample
        .blkio_stats
        .as_ref()
        .and_then(|disks| disks.io_service_bytes_recursive.as_deref())
        .unwrap_or_default();
    Usage {
        cpu: cpu(sample.precpu_stats.as_ref(), sample.cpu_stats.as_ref()),
        memory: memory.usage.unwrap_or_default().saturating_sub(cache.copied().unwrap_or_default()),
        memory_limit: memory.limit.unwrap_or_default(),
        received,
        sent,
        read: bytes(disks, "read"),
        written: bytes(disks, "write"),
        pids: sample.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or_default(),
    }
}

fn bytes(entries: &[ContainerBlkioStatEntry], operation: &str) -> u64 {
    let of_kind = entries.iter().filter(|entry| {
        entry.op.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(operation))
    });
    of_kind.filter_map(|entry| entry.value).sum()
}

/// The share of the time since the sample before, as the docker CLI counts it: 100 is one core.
#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more precision")]
fn cpu(before: Option<&ContainerCpuStats>, now: Option<&ContainerCpuStats>) -> f64 {
    let total = |stats: Option<&ContainerCpuStats>| {
        stats.and_then(|stats| stats.cpu_usage.as_ref()?.total_usage).unwrap_or_default()
    };
    let system = |stats: Option<&ContainerCpuStats>| {
        stats.and_then(|stats| stats.system_cpu_usage).unwrap_or_default()
    };
    let used = total(now).saturating_sub(total(before)) as f64;
    let passed = system(now).saturating_sub(system(before)) as f64;
    // The first sample of a container has none before it.
    if passed <= 0.0 || system(before) == 0 {
        return 0.0;
    }
    let cores = f64::from(now.and_then(|stats| stats.online_cpus).unwrap_or(1).max(1));
    used / passed * cores * 100.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn samples_of_both_kinds_of_cgroups_are_understood() {
        let sample = |cache: &str| {
            serde_json::from_value::<ContainerStatsResponse>(json!({
                "memory_stats": {"usage": 1000, "limit": 5000, "stats": {cache: 300}},
                "networks": {
                    "eth0": {"rx_bytes": 10, "tx_bytes": 20},
                    "eth1": {"rx_bytes": 1, "tx_bytes": 2},
                },
                "blkio_stats": {"io_service_bytes_recursive": [
                    {"major": 8, "minor": 0, "op": "Read", "value": 7},
                    {"major": 8, "minor": 0, "op": "write", "value": 8},
                    {"major": 8, "minor": 1, "op": "read", "value": 1},
                ]},
                "pids_stats": {"current": 4},
                "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
                "cpu_stats": {
                    "cpu_usage": {"total_usage": 350}, "system_cpu_usage": 2000, "online_cpus": 2,
                },
            }))
            .unwrap()
        };
        let expected = Usage {
            cpu: 50.0,
            memory: 700,
            memory_limit: 5000,
            received: 11,
            sent: 22,
            read: 8,
            written: 8,
            pids: 4,
        };
        assert_eq!(usage(&sample("inactive_file")), expected);
        assert_eq!(usage(&sample("total_inactive_file")), expected);
    }

    #[test]
    fn a_first_or_empty_sample_is_nought() {
        assert_eq!(usage(&ContainerStatsResponse::default()), Usage::default());
        let first = json!({
            "cpu_stats": {"cpu_usage": {"total_usage": 350}, "system_cpu_usage": 2000},
            "precpu_stats": {"cpu_usage": {"total_usage": 0}},
        });
        let first: ContainerStatsResponse = serde_json::from_value(first).unwrap();
        assert!(usage(&first).cpu.abs() < f64::EPSILON);
    }
}
