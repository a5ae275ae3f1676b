//! Which rule holds at which key path.

use super::form::NameDefault;
use super::identity::{self, Identify};

/// How two values at the same path become one.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Mappings merge, lists append, everything else is replaced.
    Default,
    /// The upper value alone.
    Replace,
    /// `KEY=VALUE` lists or mappings, per key.
    Pairs(ListForm),
    /// A list of names or a mapping by name.
    Names(NameDefault),
    /// A text that stands for this key of a mapping, or the mapping.
    Text(&'static str),
    /// A list in which an item of the same identity is replaced; a text is a list of one.
    Unique(Identify),
    /// A list in which items of the same identity are merged.
    MergeItems(Identify),
    /// Published ports.
    Ports,
    /// Options only hold for their driver.
    Logging,
    /// Probes replace probes: to ask otherwise is not to ask in both ways.
    Ready,
}

/// How a list says keys and values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListForm {
    /// `KEY=VALUE`.
    Equals,
    /// `HOST=ADDRESS` or `HOST:ADDRESS`, a host several times.
    Hosts,
}

const ANY: &str = "*";

/// The paths that do not follow [`Rule::Default`].
const RULES: &[(&[&str], Rule)] = &[
    (&["services", ANY, "command"], Rule::Replace),
    (&["services", ANY, "entrypoint"], Rule::Replace),
    (&["services", ANY, "healthcheck", "test"], Rule::Replace),
    (&["services", ANY, "ready"], Rule::Ready),
    (&["services", ANY, "logging"], Rule::Logging),
    (&["services", ANY, "build"], Rule::Text("context")),
    (&["services", ANY, "ports"], Rule::Ports),
    (&["services", ANY, "depends_on"], Rule::Names(NameDefault::Started)),
    (&["services", ANY, "networks"], Rule::Names(NameDefault::Nothing)),
    (&["services", ANY, "models"], Rule::Names(NameDefault::Nothing)),
    (&["services", ANY, "environment"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "labels"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "annotations"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "sysctls"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "deploy", "labels"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "build", "args"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "build", "labels"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "build", "ssh"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "build", "additional_contexts"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "extra_hosts"], Rule::Pairs(ListForm::Hosts)),
    (&["services", ANY, "build", "extra_hosts"], Rule::Pairs(ListForm::Hosts)),
    (&["networks", ANY, "labels"], Rule::Pairs(ListForm::Equals)),
    (&["volumes", ANY, "labels"], Rule::Pairs(ListForm::Equals)),
    (&["secrets", ANY, "labels"], Rule::Pairs(ListForm::Equals)),
    (&["configs", ANY, "labels"], Rule::Pairs(ListForm::Equals)),
    (&["services", ANY, "volumes"], Rule::Unique(identity::volume)),
    (&["services", ANY, "devices"], Rule::Unique(identity::device)),
    (&["services", ANY, "secrets"], Rule::Unique(identity::secret)),
    (&["services", ANY, "configs"], Rule::Unique(identity::config)),
    (&["services", ANY, "tmpfs"], Rule::Unique(identity::before_colon)),
    (&["services", ANY, "env_file"], Rule::Unique(identity::path)),
    (&["services", ANY, "label_file"], Rule::Unique(identity::path)),
    (&["services", ANY, "expose"], Rule::Unique(identity::exposed)),
    (&["services", ANY, "dns"], Rule::Unique(identity::text)),
    (&["services", ANY, "dns_opt"], Rule::Unique(identity::text)),
    (&["services", ANY, "dns_search"], Rule::Unique(identity::text)),
    (&["services", ANY, "cap_add"], Rule::Unique(identity::text)),
    (&["services", ANY, "cap_drop"], Rule::Unique(identity::text)),
    (&["services", ANY, "device_cgroup_rules"], Rule::Unique(identity::text)),
    (&["services", ANY, "group_add"], Rule::Unique(identity::text)),
    (&["services", ANY, "links"], Rule::Unique(identity::text)),
    (&["services", ANY, "profiles"], Rule::Unique(identity::text)),
    (&["services", ANY, "security_opt"], Rule::Unique(identity::text)),
    (&["services", ANY, "build", "platforms"], Rule::Unique(identity::text)),
    (&["services", ANY, "build", "tags"], Rule::Unique(identity::text)),
    (&["services", ANY, "networks", ANY, "aliases"], Rule::Unique(identity::text)),
    (&["services", ANY, "networks", ANY, "link_local_ips"], Rule::Unique(identity::text)),
    (&["networks", ANY, "ipam", "config"], Rule::MergeItems(identity::subnet)),
];

/// The rule at a path.
pub(super) fn rule(path: &[String]) -> Rule {
    RULES
        .iter()
        .find(|(pattern, _)| matches(pattern, path))
        .map_or(Rule::Default, |(_, rule)| *rule)
}

fn matches(pattern: &[&str], path: &[String]) -> bool {
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(expected, key)| *expected == ANY || expected == key)
}
