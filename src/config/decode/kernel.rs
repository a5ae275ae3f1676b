//! What Linux knows by its own names and notations: signals, capabilities, limits, parameters,
//! lists of processors. The engine would refuse a wrong one only when the container is created.

use super::context::{Cx, Field};
use super::scalar::{list, matching, text};
use crate::config::diagnostic::Diagnostic;
use crate::config::suggest::closest;

/// Signals, without `SIG`. The real-time ones are counted from `RTMIN` and `RTMAX`.
const SIGNALS: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

/// The last signal that Linux has.
const LAST_SIGNAL: u32 = 64;

/// Capabilities, without `CAP_`.
const CAPABILITIES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Limits of a process.
const LIMITS: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Reads a signal: its name, with or without `SIG`, or its number.
pub(super) fn signal(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_number = name.parse().is_ok_and(|number: u32| (1..=LAST_SIGNAL).contains(&number));
    let is_real_time = ["RTMIN+", "RTMAX-"]
        .iter()
        .filter_map(|first| name.strip_prefix(first))
        .any(|offset| offset.parse().is_ok_and(|offset: u32| offset <= 30));
    if text.is_empty() || is_number || is_real_time || name == "RTMAX" || SIGNALS.contains(&name) {
        return Some(text);
    }
    let message = format!("`{}` cannot be `{text}`: there is no such signal", field.path);
    let meant = closest(name, SIGNALS).map(|known| format!("SIG{known}"));
    let help = "write a signal such as `SIGTERM`, `SIGINT` or `SIGQUIT`";
    cx.push(unknown(Diagnostic::error(message, field.span()), meant.as_deref(), help));
    None
}

/// Reads a list of capabilities.
pub(super) fn capabilities(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    list(capability)(cx, field)
}

fn capability(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if CAPABILITIES.contains(&name) {
        return Some(text);
    }
    let message = format!("`{}` cannot be `{text}`: there is no such capability", field.path);
    let help = "write a capability such as `NET_ADMIN`, or `ALL`";
    let meant = closest(name, CAPABILITIES);
    cx.push(unknown(Diagnostic::error(message, field.span()), meant, help));
    None
}

/// Whether a name is that of a limit; what is wrong is reported at the key.
pub(super) fn is_limit(cx: &mut Cx<'_>, name: &str, field: &Field<'_>) -> bool {
    let is_known = LIMITS.contains(&name.to_ascii_lowercase().as_str());
    if !is_known {
        let diagnostic = Diagnostic::error(format!("there is no limit `{name}`"), field.key);
        let help = "write a limit such as `nofile` or `memlock`";
        cx.push(unknown(diagnostic, closest(name, LIMITS), help));
    }
    is_known
}

/// Says what may have been meant, else what could be written.
fn unknown(diagnostic: Diagnostic, meant: Option<&str>, help: &str) -> Diagnostic {
    match meant {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help(help),
    }
}

/// Reads a list of processors or memory nodes, such as `0-3,5`.
pub(super) fn cpuset(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    matching(cx, field, "a list of processors such as `0-3` or `0,2`", |text| {
        let is_part = |part: &str| match part.split_once('-') {
            Some((first, last)) => match (first.parse::<u16>(), last.parse::<u16>()) {
                (Ok(first), Ok(last)) => first <= last,
                _ => false,
            },
            None => part.parse::<u16>().is_ok(),
        };
        text.is_empty() || text.split(',').all(is_part)
    })
}

/// Reads rules about devices, such as `c 1:3 mr`.
pub(super) fn device_rules(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let is_number = |text: &str| text == "*" || text.parse::<u32>().is_ok();
    let is_rule = |text: &str| {
        let [kind, numbers, access] = text.split(' ').collect::<Vec<_>>()[..] else { return false };
        matches!(kind, "a" | "b" | "c")
            && numbers
                .split_once(':')
                .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
            && (1..=3).contains(&access.len())
            && access.chars().all(|c| "rwm".contains(c))
    };
    list(|cx: &mut Cx<'_>, item: &Field<'_>| {
        matching(cx, item, "a rule such as `c 1:3 mr`", is_rule)
    })(cx, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_names_are_in_order_and_hold_none_twice() {
        fn is_ordered(names: &[&str]) -> bool {
            names.windows(2).all(|pair| pair[0] < pair[1])
        }
        assert!(is_ordered(&SIGNALS[..SIGNALS.len() - 1]));
        assert!(is_ordered(&CAPABILITIES));
        assert!(is_ordered(&LIMITS));
    }
}
