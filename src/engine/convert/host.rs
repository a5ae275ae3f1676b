//! The rarer settings of a container in the engine's words.

use bollard::models::{
    DeviceRequest as ApiDeviceRequest, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigIsolationEnum, ResourcesBlkioWeightDevice, ThrottleDevice,
};

use super::{map, signed, some};
use crate::project::{DeviceRate, DeviceRequest, HostSettings};
use crate::state::ContainerSpec;

/// Fills in what [`HostSettings`] says.
pub(super) fn apply(config: &mut HostConfig, spec: &ContainerSpec) {
    let host = &spec.service.host;
    config.annotations = (!host.annotations.is_empty()).then(|| map(&host.annotations));
    block_devices(config, host);
    config.cgroupns_mode = match host.cgroup.as_deref() {
        Some("host") => Some(HostConfigCgroupnsModeEnum::HOST),
        Some(_) => Some(HostConfigCgroupnsModeEnum::PRIVATE),
        None => None,
    };
    config.cgroup_parent.clone_from(&host.cgroup_parent);
    config.cpu_count = host.cpu_count;
    config.cpu_percent = host.cpu_percent.map(whole);
    config.cpu_period = host.cpu_period;
    config.cpu_quota = host.cpu_quota;
    config.cpu_realtime_period = host.cpu_rt_period;
    config.cpu_realtime_runtime = host.cpu_rt_runtime;
    config.device_cgroup_rules = some(host.device_cgroup_rules.clone());
    let gpus = host.gpus.iter().map(|request| device_request(request, Some("gpu")));
    let others = host.reserved.iter().map(|request| device_request(request, None));
    config.device_requests = some(gpus.chain(others).collect());
    config.isolation =
        host.isolation.as_deref().and_then(|name| name.parse::<HostConfigIsolationEnum>().ok());
    config.memory_swappiness = host.mem_swappiness;
    config.oom_kill_disable = host.oom_kill_disable.then_some(true);
    config.storage_opt = (!host.storage_opt.is_empty()).then(|| map(&host.storage_opt));
    config.userns_mode.clone_from(&host.userns_mode);
    config.uts_mode.clone_from(&host.uts);
    config.volumes_from = some(spec.volumes_from.clone());
}

fn block_devices(config: &mut HostConfig, host: &HostSettings) {
    let Some(blkio) = &host.blkio_config else { return };
    let limits = |rates: &[DeviceRate]| {
        some(
            rates
                .iter()
                .map(|limit| ThrottleDevice {
                    path: Some(limit.path.clone()),
                    rate: Some(signed(limit.rate)),
                })
                .collect(),
        )
    };
    config.blkio_weight = blkio.weight;
    config.blkio_weight_device = some(
        blkio
            .weight_device
            .iter()
            .map(|device| ResourcesBlkioWeightDevice {
                path: Some(device.path.clone()),
                weight: Some(usize::from(device.weight)),
            })
            .collect(),
    );
    config.blkio_device_read_bps = limits(&blkio.device_read_bps);
    config.blkio_device_read_iops = limits(&blkio.device_read_iops);
    config.blkio_device_write_bps = limits(&blkio.device_write_bps);
    config.blkio_device_write_iops = limits(&blkio.device_write_iops);
}

/// A request for devices; `always` is a capability that it means without saying so.
fn device_request(request: &DeviceRequest, always: Option<&str>) -> ApiDeviceRequest {
    let mut capabilities = request.capabilities.clone();
    if let Some(always) = always
        && capabilities.iter().all(|capability| capability != always)
    {
        capabilities.push(always.to_owned());
    }
    // Neither a number nor names: all of them, as the docker CLI has it.
    let count = match (request.count, request.device_ids.is_empty()) {
        (None, true) => Some(-1),
        (count, _) => count,
    };
    ApiDeviceRequest {
        driver: request.driver.clone(),
        count,
        device_ids: some(request.device_ids.clone()),
        capabilities: Some(vec![capabilities]),
        options: (!request.options.is_empty()).then(|| map(&request.options)),
    }
}

fn whole(percent: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "percent of a few hundred cores")]
    let whole = percent.round() as i64;
    whole
}
