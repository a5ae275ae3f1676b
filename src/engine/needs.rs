//! What a container asks for that only newer engines know. An older one takes the request and
//! drops what it does not know without a word.

use crate::project::{Mount, NetworkAttachment};
use crate::state::ContainerSpec;

/// A key of the file and the engine that first knew it.
struct Need {
    key: &'static str,
    /// The minor version of the API.
    api: u64,
    engine: &'static str,
    asked: fn(&ContainerSpec) -> bool,
}

/// By the API's version history.
const NEEDS: [Need; 6] = [
    Need {
        key: "annotations",
        api: 43,
        engine: "24",
        asked: |spec| !spec.service.host.annotations.is_empty(),
    },
    Need {
        key: "mac_address",
        api: 44,
        engine: "25",
        asked: |spec| joins(spec, |it| it.mac_address.is_some()),
    },
    Need {
        key: "subpath",
        api: 45,
        engine: "26",
        asked: |spec| {
            mounts(
                spec,
                |mount| matches!(mount, Mount::Volume { volume, .. } if volume.subpath.is_some()),
            )
        },
    },
    Need {
        key: "type: image",
        api: 48,
        engine: "28",
        asked: |spec| mounts(spec, |mount| matches!(mount, Mount::Image { .. })),
    },
    Need {
        key: "gw_priority",
        api: 48,
        engine: "28",
        asked: |spec| joins(spec, |it| it.gw_priority.is_some()),
    },
    Need {
        key: "interface_name",
        api: 49,
        engine: "28.1",
        asked: |spec| joins(spec, |it| it.interface_name.is_some()),
    },
];

/// Why an engine cannot make a container as it is asked for; `has_api` tells whether it speaks a
/// minor version of the API.
pub(super) fn unmet(spec: &ContainerSpec, has_api: impl Fn(u64) -> bool) -> Option<String> {
    let need = NEEDS.iter().find(|need| !has_api(need.api) && (need.asked)(spec))?;
    let Need { key, api, engine, .. } = need;
    Some(format!("`{key}` needs Docker Engine {engine} (API 1.{api}) or newer"))
}

fn joins(spec: &ContainerSpec, asks: fn(&NetworkAttachment) -> bool) -> bool {
    spec.networks.values().any(asks)
}

fn mounts(spec: &ContainerSpec, asks: fn(&Mount) -> bool) -> bool {
    spec.service.mounts.iter().any(asks)
}
