//! The machine: disks, memory, watched files, what is special about WSL.

use super::facts::{Facts, MachineFacts, Space};
use super::{Finding, size};

const GIBI: u64 = 1 << 30;
/// A build of the stack needs about so much.
const SPACE_WARN: u64 = 5 * GIBI;
/// A database stops writing soon after.
const SPACE_FAIL: u64 = GIBI;
const FEWEST_FILES: u64 = 10_000;
/// An editor and one reloader with node_modules need more than this.
const FEWEST_WATCHES: u64 = 65_536;
const FEWEST_INSTANCES: u64 = 128;

pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let mut findings = Vec::new();
    findings.extend(machine.space_engine.map(|space| disk("disk", "the engine's disk", space)));
    findings.extend(machine.space_here.map(|space| disk("disk here", "this folder's disk", space)));
    findings.extend(memory(facts));
    findings.extend(cores(facts));
    findings.extend(inotify(machine));
    findings.extend(wsl(machine));
    findings
}

fn disk(check: &'static str, which: &str, space: Space) -> Finding {
    let free = format!("{which} has {} free of {}", size(space.free), size(space.total));
    let help = "`docker system df` shows what the engine keeps; `docker builder prune` and \
                `docker image prune` free it";
    if let Some(files) = space.free_files.filter(|files| *files < FEWEST_FILES) {
        return Finding::warn(check, format!("{which} has room for only {files} more files"), help);
    }
    if space.free < SPACE_FAIL {
        Finding::fail(check, free, help)
    } else if space.free < SPACE_WARN {
        Finding::warn(check, free, help)
    } else {
        Finding::ok(check, free)
    }
}

/// The sum of the limits against what the engine has: beyond that, the kernel ends somebody
/// before a limit is reached.
fn memory(facts: &Facts) -> Option<Finding> {
    let Some(Ok(engine)) = &facts.engine else { return None };
    let has = engine.memory?;
    let limits = match &facts.stack {
        Some(Ok(stack)) => stack.memory_limits.iter().map(|(_, limit)| limit).sum(),
        _ => 0,
    };
    let available = match (engine.is_local, facts.machine.memory_available) {
        (true, Some(available)) => format!(", {} available now", size(available)),
        _ => String::new(),
    };
    let words = format!(
        "{} for containers{available}; the stack's limits add up to {}",
        size(has),
        size(limits)
    );
    let largest = match &facts.stack {
        Some(Ok(stack)) => stack.memory_limits.iter().max_by_key(|(_, limit)| *limit),
        _ => None,
    };
    Some(match largest {
        Some((service, limit)) if *limit > has => Finding::fail(
            "memory",
            words,
            format!("`{service}` alone may take {}: lower its `mem_limit`", size(*limit)),
        ),
        _ if limits > has => Finding::warn(
            "memory",
            words,
            "lower `mem_limit` of the largest services, or give the engine more memory",
        ),
        _ => Finding::ok("memory", words),
    })
}

fn cores(facts: &Facts) -> Option<Finding> {
    let (Some(Ok(engine)), Some(Ok(stack))) = (&facts.engine, &facts.stack) else { return None };
    let has = engine.cores?;
    // The engine refuses to make a container that may use more than there is.
    #[expect(clippy::cast_precision_loss, reason = "there are few cores")]
    let too_many = stack.cpu_limits.iter().find(|(_, limit)| *limit > has as f64);
    Some(match too_many {
        Some((service, limit)) => Finding::fail(
            "cpus",
            format!("`{service}` asks for {limit} of {has} cores"),
            format!("lower `cpus` of `{service}` to at most {has}"),
        ),
        None => Finding::ok("cpus", format!("{has} cores for containers")),
    })
}

fn inotify(machine: &MachineFacts) -> Option<Finding> {
    let limits = machine.inotify?;
    let words = format!("{} watched files, {} watchers", limits.watches, limits.instances);
    if limits.watches < FEWEST_WATCHES || limits.instances < FEWEST_INSTANCES {
        return Some(Finding::warn(
            "inotify",
            format!("at most {words} per user: reloaders may miss changes or fail"),
            "`sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024`; \
             a file in /etc/sysctl.d keeps it",
        ));
    }
    Some(Finding::ok("inotify", words))
}

fn wsl(machine: &MachineFacts) -> Option<Finding> {
    let wsl = machine.wsl.as_ref()?;
    Some(if wsl.version < 2 {
        Finding::fail(
            "wsl",
            "this is WSL 1, which has no kernel for containers",
            "`wsl --set-version DISTRIBUTION 2` in Windows",
        )
    } else if wsl.on_windows_disk {
        Finding::warn(
            "wsl",
            "the project is on a Windows disk: slow, and changes of files are not announced",
            "move it into WSL's own file system, such as ~/project",
        )
    } else {
        Finding::ok("wsl", "WSL 2, the project in its own file system")
    })
}
