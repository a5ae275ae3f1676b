//! The rarer settings of a service.

use super::address::alias;
use super::context::{Cx, Field, Fields};
use super::kernel::device_rules;
use super::pairs::{options, values};
use super::scalar::{
    between, boolean, float, integer, list, matching, name, parsed, text, texts, unknown_word, word,
};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Value;
use crate::config::suggest::closest;
use crate::project::{
    BlkioConfig, Bytes, DeviceRate, DeviceRequest, DeviceWeight, Duration, HostSettings,
};

/// Takes the keys of [`HostSettings`].
pub(super) fn host_settings(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> HostSettings {
    HostSettings {
        annotations: fields.read(cx, "annotations", values).unwrap_or_default(),
        blkio_config: fields.read(cx, "blkio_config", blkio_config),
        cgroup: fields.read(cx, "cgroup", |cx, field| {
            word(cx, field, &[("host", "host"), ("private", "private")]).map(ToOwned::to_owned)
        }),
        cgroup_parent: fields.read(cx, "cgroup_parent", text),
        cpu_count: fields.read(cx, "cpu_count", between(0, i64::MAX)),
        cpu_percent: fields.read(cx, "cpu_percent", float),
        cpu_period: fields.read(cx, "cpu_period", |cx, field| {
            share_of_time(cx, field, 1_000_000, "write `0`, or 1ms to 1s as in `100000` or `100ms`")
        }),
        cpu_quota: fields.read(cx, "cpu_quota", |cx, field| {
            share_of_time(
                cx,
                field,
                i64::MAX,
                "write `-1` for no limit, or 1ms or more as in `50ms`",
            )
        }),
        cpu_rt_period: fields.read(cx, "cpu_rt_period", microseconds),
        cpu_rt_runtime: fields.read(cx, "cpu_rt_runtime", microseconds),
        device_cgroup_rules: fields
            .read(cx, "device_cgroup_rules", device_rules)
            .unwrap_or_default(),
        external_links: fields.read(cx, "external_links", list(alias)).unwrap_or_default(),
        gpus: fields.read(cx, "gpus", gpus).unwrap_or_default(),
        isolation: fields.read(cx, "isolation", |cx, field| {
            let words = ["default", "process", "hyperv"].map(|word| (word, word));
            word(cx, field, &words).map(ToOwned::to_owned)
        }),
        links: Vec::new(),
        mac_address: fields.read(cx, "mac_address", mac_address),
        mem_swappiness: fields.read(cx, "mem_swappiness", between(-1, 100)),
        oom_kill_disable: fields.read(cx, "oom_kill_disable", boolean).unwrap_or_default(),
        reserved: Vec::new(),
        seccomp_profile: seccomp_profile(cx, fields),
        storage_opt: fields.read(cx, "storage_opt", options).unwrap_or_default(),
        userns_mode: fields.read(cx, "userns_mode", name),
        uts: fields.read(cx, "uts", |cx, field| {
            word(cx, field, &[("host", "host")]).map(ToOwned::to_owned)
        }),
        volumes_from: fields
            .read(
                cx,
                "volumes_from",
                list(|cx: &mut Cx<'_>, item: &Field<'_>| {
                    matching(cx, item, "a service or `container:NAME`", |text| {
                        !matches!(text, "container:" | "container::ro" | "container::rw")
                    })
                }),
            )
            .unwrap_or_default(),
    }
}

/// Reads the file that `security_opt` names as the seccomp profile: the engine takes its text.
fn seccomp_profile(cx: &mut Cx<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let options = fields.take("security_opt")?.items()?;
    let option = options.iter().rfind(|option| {
        option.node.scalar_text().is_some_and(|text| HostSettings::seccomp_file(text).is_some())
    })?;
    let name = HostSettings::seccomp_file(option.node.scalar_text()?)?;
    let path = cx.absolute(name);
    let wrong = match cx.read_file(&path) {
        Ok(text) => match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(profile) => return Some(profile.to_string()),
            Err(error) => format!("the seccomp profile `{name}` is not JSON: {error}"),
        },
        Err(error) => format!("the seccomp profile `{name}` cannot be read: {error}"),
    };
    cx.push(
        Diagnostic::error(wrong, option.span())
            .note(format!("looked for `{}`", path.display()))
            .help("name a file, or `unconfined`"),
    );
    None
}

/// Reads a list of devices asked for by what they can do.
pub(super) fn device_requests(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<DeviceRequest>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    Some(items.iter().filter_map(|item| device_request(cx, item)).collect())
}

fn gpus(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<DeviceRequest>> {
    if field.node.scalar_text() == Some("all") {
        return Some(vec![DeviceRequest { count: Some(-1), ..DeviceRequest::default() }]);
    }
    match field.node.value {
        Value::Sequence(_) => device_requests(cx, field),
        _ => cx.wrong(field, "`all` or a list of devices"),
    }
}

fn device_request(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<DeviceRequest> {
    let mut fields = Fields::open(cx, field)?;
    let count_at = fields.take("count");
    let count = count_at.as_ref().and_then(|field| match field.node.scalar_text() {
        Some("all") => Some(-1),
        _ => between(-1, i64::MAX)(cx, field),
    });
    let ids_at = fields.take("device_ids");
    let request = DeviceRequest {
        capabilities: fields.read(cx, "capabilities", texts).unwrap_or_default(),
        driver: fields.read(cx, "driver", name),
        count,
        device_ids: ids_at.as_ref().and_then(|field| texts(cx, field)).unwrap_or_default(),
        options: fields.read(cx, "options", values).unwrap_or_default(),
    };
    fields.finish(cx);
    if let (Some(count), Some(ids)) = (count_at, ids_at) {
        cx.push(
            Diagnostic::error("`count` and `device_ids` exclude each other", ids.key)
                .also(count.key, "the other one")
                .help("keep one of them"),
        );
    }
    Some(request)
}

fn blkio_config(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<BlkioConfig> {
    let mut fields = Fields::open(cx, field)?;
    let config = BlkioConfig {
        weight: fields.read(cx, "weight", weight),
        weight_device: fields
            .read(cx, "weight_device", |cx, field| devices(cx, field, "weight", weight))
            .unwrap_or_default()
            .into_iter()
            .map(|(path, weight)| DeviceWeight { path, weight })
            .collect(),
        device_read_bps: rates(cx, &mut fields, "device_read_bps"),
        device_read_iops: rates(cx, &mut fields, "device_read_iops"),
        device_write_bps: rates(cx, &mut fields, "device_write_bps"),
        device_write_iops: rates(cx, &mut fields, "device_write_iops"),
    };
    fields.finish(cx);
    Some(config)
}

/// A share of what a block device can do; 0 leaves it to the kernel.
fn weight(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<u16> {
    match between(0, 1000)(cx, field)? {
        few @ 1..=9 => {
            let message = format!("`{}` is out of range: `{few}`", field.path);
            cx.push(
                Diagnostic::error(message, field.span()).help("write a number from 10 to 1000"),
            );
            None
        }
        weight => Some(weight),
    }
}

fn rates(cx: &mut Cx<'_>, fields: &mut Fields<'_>, key: &'static str) -> Vec<DeviceRate> {
    fields
        .read(cx, key, |cx, field| devices(cx, field, "rate", parsed::<Bytes>))
        .unwrap_or_default()
        .into_iter()
        .map(|(path, rate)| DeviceRate { path, rate: rate.0 })
        .collect()
}

/// Reads a list of block devices, each with one more value.
fn devices<T>(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    key: &'static str,
    reader: impl Fn(&mut Cx<'_>, &Field<'_>) -> Option<T>,
) -> Option<Vec<(String, T)>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut devices = Vec::new();
    for item in items {
        let Some(mut fields) = Fields::open(cx, &item) else { continue };
        let path = fields.read(cx, "path", text);
        let value = fields.take(key);
        fields.finish(cx);
        if let (Some(path), Some(value)) = (path, value) {
            devices.extend(reader(cx, &value).map(|value| (path, value)));
        } else {
            let message = format!("`{}` needs `path` and `{key}`", item.path);
            cx.push(Diagnostic::error(message, item.span()));
        }
    }
    Some(devices)
}

/// Microseconds as a number, or a duration.
fn microseconds(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<i64> {
    match field.node.scalar_text().and_then(|text| text.parse::<Duration>().ok()) {
        Some(duration) if matches!(field.node.value, Value::String { .. }) => {
            i64::try_from(duration.0.as_micros()).ok()
        }
        _ => integer(cx, field),
    }
}

/// Microseconds, of which the kernel takes a thousand at least.
fn share_of_time(cx: &mut Cx<'_>, field: &Field<'_>, most: i64, help: &str) -> Option<i64> {
    let number = microseconds(cx, field)?;
    if number > 0 && !(1000..=most).contains(&number) {
        let message = format!("`{}` is out of range: `{number}`", field.path);
        cx.push(Diagnostic::error(message, field.span()).help(help));
        return None;
    }
    Some(number)
}

/// A hardware address such as `02:42:ac:11:65:43`.
pub(super) fn mac_address(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    let text = text(cx, field)?;
    let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if text.split([':', '-']).count() == 6 && text.split([':', '-']).all(is_byte) {
        return Some(text);
    }
    let message = format!("`{text}` is not a hardware address");
    cx.push(
        Diagnostic::error(message, field.span())
            .help("write six hexadecimal bytes such as `\"02:42:ac:11:65:43\"`"),
    );
    None
}

/// Whose namespace a container has: a word, or that of a service or a container.
pub(super) fn namespace(
    cx: &mut Cx<'_>,
    field: &Field<'_>,
    words: &[&'static str],
) -> Option<String> {
    let text = text(cx, field)?;
    // What follows `service:` is checked with the other dependencies.
    let is_others = text.starts_with("service:")
        || text.strip_prefix("container:").is_some_and(|name| !name.is_empty());
    if text.is_empty() || words.contains(&text.as_str()) || is_others {
        return Some(text);
    }
    let known = words.iter().copied().chain(["service:NAME", "container:NAME"]);
    cx.push(unknown_word(field, &text, known));
    None
}

/// An option of the engine about security: `NAME=VALUE`, `NAME:VALUE` as it was once written, or
/// one of the words that say it all.
pub(super) fn security_option(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<String> {
    const WORDS: [&str; 2] = ["no-new-privileges", "writable-cgroups"];
    let text = text(cx, field)?;
    if WORDS.contains(&text.as_str()) || text.find(['=', ':']).is_some_and(|at| at > 0) {
        return Some(text);
    }
    let diagnostic =
        Diagnostic::error(format!("`{}` cannot be `{text}`", field.path), field.span());
    let diagnostic = match closest(&text, WORDS) {
        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
        None => diagnostic,
    };
    cx.push(diagnostic.help("write `no-new-privileges`, or `NAME=VALUE` as in `label=disable`"));
    None
}
