//! The engine: whether it can be used, how old it is, how its clock goes.

use super::facts::{EngineFacts, Facts};
use super::{Finding, size};

/// From this API on, health checks have a `start_interval`.
const START_INTERVAL_API: (u32, u32) = (1, 44);
/// Beyond this, tokens and caches that carry times go wrong.
const CLOCK_WARN_MS: i64 = 2_000;
const CLOCK_FAIL_MS: i64 = 60_000;
const GIBI: u64 = 1 << 30;

pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    match &facts.engine {
        None => Vec::new(),
        Some(Err((reason, help))) => {
            vec![Finding::fail("engine", reason.as_str(), help.as_str())]
        }
        Some(Ok(engine)) => {
            let mut findings = vec![reached(engine), version(engine)];
            findings.extend(clock(engine));
            findings.extend(storage(engine));
            findings.extend(limits(engine));
            findings.extend(desktop(engine));
            findings
        }
    }
}

fn reached(engine: &EngineFacts) -> Finding {
    let EngineFacts { version, endpoint, operating_system, .. } = engine;
    let rootless = if engine.is_rootless { ", rootless" } else { "" };
    Finding::ok("engine", format!("{version} at {endpoint} ({operating_system}{rootless})"))
}

fn version(engine: &EngineFacts) -> Finding {
    let number = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let api = &engine.api;
    if number(api).is_some_and(|number| number < START_INTERVAL_API) {
        return Finding::warn(
            "version",
            format!("API {api} has no `start_interval`: health checks begin late"),
            "update to Docker Engine 25 or newer",
        );
    }
    Finding::ok("version", format!("API {api}"))
}

fn clock(engine: &EngineFacts) -> Option<Finding> {
    let ahead = engine.clock_ahead_ms?;
    let (way, off) = (if ahead < 0 { "behind" } else { "ahead of" }, ahead.abs());
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let message =
        format!("the engine's clock is {:.1} s {way} this machine's", off as f64 / 1000.0);
    let help = "`sudo ntpdate pool.ntp.org` or `timedatectl set-ntp true` there; after sleep, \
                restart Docker Desktop or `wsl --shutdown`";
    Some(match off {
        CLOCK_FAIL_MS.. => Finding::fail("clock", message, help),
        CLOCK_WARN_MS.. => Finding::warn("clock", message, help),
        _ => Finding::ok("clock", "the engine's clock agrees with this machine's"),
    })
}

fn storage(engine: &EngineFacts) -> Option<Finding> {
    match engine.storage_driver.as_str() {
        "vfs" => Some(Finding::warn(
            "storage",
            "the engine stores layers as whole copies (vfs): slow, and large",
            "use overlay2: `\"storage-driver\": \"overlay2\"` in the engine's daemon.json",
        )),
        _ => None,
    }
}

fn limits(engine: &EngineFacts) -> Option<Finding> {
    let without = "`mem_limit` of the files has no effect on this engine";
    let help = if engine.is_rootless && engine.cgroup_version == "1" {
        "a rootless engine limits memory on cgroup v2 only"
    } else {
        "switch the kernel's memory cgroup on: `cgroup_enable=memory` on its command line"
    };
    (engine.limits_memory == Some(false)).then(|| Finding::warn("limits", without, help))
}

fn desktop(engine: &EngineFacts) -> Option<Finding> {
    let is_desktop = engine.operating_system.contains("Docker Desktop");
    let memory = engine.memory.filter(|memory| is_desktop && *memory < 4 * GIBI)?;
    Some(Finding::warn(
        "desktop",
        format!("Docker Desktop's machine has {} of memory", size(memory)),
        "give it 4 GiB or more: Settings, Resources",
    ))
}
