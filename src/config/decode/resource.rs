//! `deploy`, limits, restart and other settings of the engine's host configuration.

use indexmap::IndexMap;

use super::context::{Cx, Field, Fields, Placed};
use super::host::device_requests;
use super::kernel::is_limit;
use super::pairs::{options, values};
use super::scalar::{between, float, integer, name, parsed, text, unknown_word, word};
use crate::config::diagnostic::{Diagnostic, Span};
use crate::config::node::Value;
use crate::project::{
    Bytes, Device, DeviceRequest, Duration, Logging, PullPolicy, RestartPolicy, Service, Ulimit,
};

/// The part of `deploy` that has a meaning on a single engine.
#[derive(Default)]
pub(super) struct Deploy<'n> {
    pub(super) replicas: Option<Placed<'n, u32>>,
    pub(super) cpus: Option<Placed<'n, f64>>,
    pub(super) memory: Option<Placed<'n, Bytes>>,
    pub(super) pids: Option<Placed<'n, i64>>,
    pub(super) memory_reservation: Option<Placed<'n, Bytes>>,
    pub(super) restart: Option<Placed<'n, RestartPolicy>>,
    pub(super) labels: IndexMap<String, String>,
    pub(super) devices: Vec<DeviceRequest>,
}

/// Reads `deploy`.
pub(super) fn deploy<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Deploy<'n>> {
    let mut fields = Fields::open(cx, field)?;
    let mut deploy = Deploy {
        replicas: fields.read(cx, "replicas", placed(integer)),
        restart: fields.read(cx, "restart_policy", deploy_restart),
        labels: fields.read(cx, "labels", values).unwrap_or_default(),
        ..Deploy::default()
    };
    fields.read(cx, "resources", |cx, field| resources(cx, field, &mut deploy));
    fields.not_supported(
        cx,
        &["endpoint_mode", "mode", "placement", "rollback_config", "update_config"],
    );
    fields.finish(cx);
    Some(deploy)
}

fn resources<'n>(cx: &mut Cx<'_>, field: &Field<'n>, deploy: &mut Deploy<'n>) -> Option<()> {
    let mut fields = Fields::open(cx, field)?;
    if let Some(field) = fields.take("limits")
        && let Some(mut limits) = Fields::open(cx, &field)
    {
        deploy.cpus = limits.read(cx, "cpus", placed(float));
        deploy.memory = limits.read(cx, "memory", placed(parsed));
        deploy.pids = limits.read(cx, "pids", placed(integer));
        limits.finish(cx);
    }
    if let Some(field) = fields.take("reservations")
        && let Some(mut reservations) = Fields::open(cx, &field)
    {
        deploy.memory_reservation = reservations.read(cx, "memory", placed(parsed));
        deploy.devices = reservations.read(cx, "devices", device_requests).unwrap_or_default();
        reservations.not_supported(cx, &["cpus", "generic_resources", "pids"]);
        reservations.finish(cx);
    }
    fields.finish(cx);
    Some(())
}

fn deploy_restart<'n>(cx: &mut Cx<'_>, field: &Field<'n>) -> Option<Placed<'n, RestartPolicy>> {
    #[derive(Clone, Copy)]
    enum Condition {
        None,
        OnFailure,
        Any,
    }
    let conditions =
        [("none", Condition::None), ("on-failure", Condition::OnFailure), ("any", Condition::Any)];
    let mut fields = Fields::open(cx, field)?;
    let condition = fields.read(cx, "condition", |cx, field| word(cx, field, &conditions));
    let max_attempts = fields.read(cx, "max_attempts", integer);
    fields.not_supported(cx, &["delay", "window"]);
    fields.finish(cx);
    let value = match condition.unwrap_or(Condition::Any) {
        Condition::None => RestartPolicy::No,
        Condition::OnFailure => RestartPolicy::OnFailure(max_attempts),
        Condition::Any => RestartPolicy::Always,
    };
    Some(Placed { value, span: field.span() })
}

/// Makes a reader keep the place of what it reads.
pub(super) fn placed<'n, T>(
    reader: impl Fn(&mut Cx<'_>, &Field<'n>) -> Option<T>,
) -> impl Fn(&mut Cx<'_>, &Field<'n>) -> Option<Placed<'n, T>> {
    move |cx, field| Some(Placed { value: reader(cx, field)?, span: field.span() })
}

/// Joins a setting that `deploy` may repeat. Two different values are an error.
pub(super) fn same<T: PartialEq>(
    cx: &mut Cx<'_>,
    name: &str,
    own: Option<Placed<'_, T>>,
    deploy: Option<Placed<'_, T>>,
) -> Option<T> {
    if let (Some(own), Some(deploy)) = (&own, &deploy)
        && own.value != deploy.value
    {
        let message = format!("`{name}` and its twin under `deploy` have different values");
        cx.push(
            Diagnostic::error(message, deploy.span)
                .also(own.span, "the other value")
                .help("keep one of them"),
        );
    }
    own.or(deploy).map(|placed| placed.value)
}

/// Joins `restart` and the policy of `deploy`, of which Compose prefers the latter.
pub(super) fn restart_policy(
    cx: &mut Cx<'_>,
    own: Option<Placed<'_, RestartPolicy>>,
    deploy: Option<Placed<'_, RestartPolicy>>,
) -> RestartPolicy {
    if let (Some(own), Some(deploy)) = (&own, &deploy)
        && own.value != deploy.value
    {
        cx.push(
            Diagnostic::warning("`deploy.restart_policy` overrides this `restart`", own.span)
                .also(deploy.span, "the policy that holds")
                .help("keep one of them"),
        );
    }
    deploy.or(own).map(|placed| placed.value).unwrap_or_default()
}

/// Reads `restart`.
pub(super) fn restart(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<RestartPolicy> {
    let text = text(cx, field)?;
    let attempts = text.strip_prefix("on-failure:").map(str::parse);
    match (text.as_str(), attempts) {
        // An unquoted `no` of an older YAML.
        ("no" | "false", _) => Some(RestartPolicy::No),
        ("always", _) => Some(RestartPolicy::Always),
        ("unless-stopped", _) => Some(RestartPolicy::UnlessStopped),
        ("on-failure", _) => Some(RestartPolicy::OnFailure(None)),
        (_, Some(Ok(most))) => Some(RestartPolicy::OnFailure(Some(most))),
        _ => {
            let words = ["no", "always", "unless-stopped", "on-failure", "on-failure:3"];
            cx.push(unknown_word(field, &text, words.into_iter()));
            None
        }
    }
}

/// Reads `pull_policy`.
pub(super) fn pull_policy(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<PullPolicy> {
    let text = text(cx, field)?;
    let interval = text.strip_prefix("every_");
    match text.as_str() {
        "always" => Some(PullPolicy::Always),
        "never" => Some(PullPolicy::Never),
        "missing" | "if_not_present" => Some(PullPolicy::Missing),
        "build" => Some(PullPolicy::Build),
        "daily" | "weekly" => Some(pulled_once(cx, field, &text)),
        _ if interval.is_some_and(|text| text.parse::<Duration>().is_ok()) => {
            Some(pulled_once(cx, field, &text))
        }
        _ => {
            let words = ["always", "never", "missing", "if_not_present", "build"];
            cx.push(unknown_word(field, &text, words.into_iter()));
            None
        }
    }
}

fn pulled_once(cx: &mut Cx<'_>, field: &Field<'_>, text: &str) -> PullPolicy {
    let message = format!("`{}: {text}` is not supported yet and means `missing`", field.path);
    cx.push(
        Diagnostic::warning(message, field.span())
            .help("run `devstack pull` when a newer image is wanted"),
    );
    PullPolicy::Missing
}

/// What the engine gives a container at least.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

/// Where an amount of memory stands: under its own key or under `deploy`.
fn memory_span<'n>(fields: &mut Fields<'n>, key: &'static str) -> Option<&'n Span> {
    if let Some(own) = fields.take(key) {
        return Some(own.span());
    }
    let part = if key == "mem_limit" { "limits" } else { "reservations" };
    let resources = fields.take("deploy")?.node.get("resources")?;
    Some(&resources.node.get(part)?.node.get("memory")?.node.span)
}

/// Checks limits against one another, as the engine would do when it creates the container.
pub(super) fn amounts(cx: &mut Cx<'_>, fields: &mut Fields<'_>, service: &Service) {
    let limit = service.mem_limit.map_or(0, |bytes| bytes.0);
    let reservation = service.mem_reservation.map_or(0, |bytes| bytes.0);
    for (key, amount) in [("mem_limit", limit), ("mem_reservation", reservation)] {
        if let (1..LEAST_MEMORY, Some(span)) = (amount, memory_span(fields, key)) {
            let message = format!("`{key}` is less than the engine's least, 6 MiB");
            cx.push(Diagnostic::error(message, span).help("write `6m` or more"));
        }
    }
    if limit > 0
        && reservation > limit
        && let Some(span) = memory_span(fields, "mem_reservation")
    {
        cx.push(
            Diagnostic::error("`mem_reservation` is more than `mem_limit`", span)
                .help("reserve as much as the limit, or less"),
        );
    }
    let swap = service.memswap_limit.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    if let Some(place) = fields.take("memswap_limit").filter(|_| swap > 0) {
        let help = "it counts memory and swap together";
        if limit == 0 {
            let message = "`memswap_limit` needs a `mem_limit`";
            cx.push_absent(Diagnostic::error(message, place.key).help(help));
        } else if swap < limit {
            let message = "`memswap_limit` is less than `mem_limit`";
            cx.push(Diagnostic::error(message, place.span()).help(help));
        }
    }
    let is_shared = service.host.cpu_period.is_some_and(|it| it > 0)
        || service.host.cpu_quota.is_some_and(|it| it > 0);
    let is_limited = is_shared && service.cpus.is_some_and(|it| it > 0.0);
    let place = fields.take("cpus").or_else(|| fields.take("deploy"));
    if let Some(place) = place.filter(|_| is_limited) {
        let message = "`cpus` excludes `cpu_period` and `cpu_quota`: it sets them";
        cx.push(Diagnostic::error(message, place.key).help("keep one way to say it"));
    }
}

/// Reads `logging`.
pub(super) fn logging(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Logging> {
    let mut fields = Fields::open(cx, field)?;
    let logging = Logging {
        driver: fields.read(cx, "driver", name),
        options: fields.read(cx, "options", options).unwrap_or_default(),
    };
    fields.finish(cx);
    Some(logging)
}

/// Reads `memswap_limit`: a size, or -1 for no limit.
pub(super) fn memswap_limit(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<i64> {
    if field.node.scalar_text() == Some("-1") {
        return Some(-1);
    }
    parsed::<Bytes>(cx, field).and_then(|bytes| i64::try_from(bytes.0).ok())
}

/// Reads `ulimits`: one number, or a soft and a hard one.
pub(super) fn ulimits(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<IndexMap<String, Ulimit>> {
    let Some(entries) = field.entries() else { return cx.wrong(field, "a mapping") };
    let mut ulimits = IndexMap::new();
    for (name, value) in entries {
        if !is_limit(cx, name, &value) {
            continue;
        }
        let (soft, hard) = if let Value::Mapping(_) = value.node.value {
            let Some(mut fields) = Fields::open(cx, &value) else { continue };
            let soft = fields.read(cx, "soft", between(-1, i64::MAX));
            let hard = fields.read(cx, "hard", between(-1, i64::MAX));
            fields.finish(cx);
            if soft.is_none() || hard.is_none() {
                let message = format!("`{}` needs `soft` and `hard`", value.path);
                cx.push(Diagnostic::error(message, value.key));
            }
            if let (Some(lower), Some(upper)) = (soft, hard)
                && upper >= 0
                && (lower > upper || lower < 0)
            {
                let message = format!("`{}` has a `soft` above its `hard`", value.path);
                cx.push(Diagnostic::error(message, value.key).help("exchange the two"));
            }
            (soft, hard)
        } else {
            let both = between(-1, i64::MAX)(cx, &value);
            (both, both)
        };
        if let (Some(soft), Some(hard)) = (soft, hard) {
            ulimits.insert(name.to_owned(), Ulimit { soft, hard });
        }
    }
    Some(ulimits)
}

/// Reads `devices`: `SOURCE[:TARGET[:PERMISSIONS]]` or the long form.
pub(super) fn devices(cx: &mut Cx<'_>, field: &Field<'_>) -> Option<Vec<Device>> {
    let Some(items) = field.items() else { return cx.wrong(field, "a list") };
    let mut devices = Vec::new();
    for item in items {
        let (source, target, permissions) = if let Value::Mapping(_) = item.node.value {
            let Some(mut fields) = Fields::open(cx, &item) else { continue };
            let read = (
                fields.read(cx, "source", text),
                fields.read(cx, "target", text),
                fields.read(cx, "permissions", text),
            );
            fields.finish(cx);
            read
        } else {
            let Some(text) = text(cx, &item) else { continue };
            let mut parts = text.splitn(3, ':').map(ToOwned::to_owned);
            (parts.next(), parts.next(), parts.next())
        };
        let Some(source) = source.filter(|source| source.starts_with('/')) else {
            let message = format!("`{}` names no device of the host", item.path);
            cx.push(Diagnostic::error(message, item.span()).help(
                "write `/dev/NAME`; names of the container device interface are not supported yet",
            ));
            continue;
        };
        let permissions = permissions.unwrap_or_else(|| "rwm".to_owned());
        if permissions.is_empty() || !permissions.chars().all(|c| "rwm".contains(c)) {
            let message = format!("`{permissions}` is not one or more of `r`, `w` and `m`");
            cx.push(Diagnostic::error(message, item.span()));
            continue;
        }
        let target = target.unwrap_or_else(|| source.clone());
        devices.push(Device { source, target, permissions });
    }
    Some(devices)
}

/// Joins the labels of `deploy` to those of the service.
pub(super) fn join_labels(
    cx: &mut Cx<'_>,
    labels: &mut IndexMap<String, String>,
    deploy: IndexMap<String, String>,
    place: &Span,
) {
    for (name, value) in deploy {
        match labels.get(&name) {
            Some(own) if *own != value => {
                let message =
                    format!("the label `{name}` and its twin under `deploy` have different values");
                cx.push(Diagnostic::error(message, place).help("keep one of them"));
            }
            _ => {
                labels.insert(name, value);
            }
        }
    }
}
