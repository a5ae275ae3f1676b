//! Networks and volumes as the files ask for them.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{Facet, Facets};
use crate::project::{Network, Volume};

/// What a network should be.
#[must_use]
pub fn network_facets(network: &Network) -> Facets {
    let flag = |value: bool| value.then(|| Facet::One("true".to_owned()));
    let subnets: BTreeSet<String> =
        network.ipam.config.iter().filter_map(|range| range.subnet.clone()).collect();
    gathered([
        ("driver", network.driver.clone().map(Facet::One)),
        ("driver_opts", named(&network.driver_opts)),
        ("subnet", (!subnets.is_empty()).then_some(Facet::Many(subnets))),
        ("internal", flag(network.internal)),
        ("attachable", flag(network.attachable)),
        ("enable_ipv6", flag(network.enable_ipv6 == Some(true))),
        ("labels", named(&network.labels)),
    ])
}

/// What a volume should be.
#[must_use]
pub fn volume_facets(volume: &Volume) -> Facets {
    gathered([
        ("driver", volume.driver.clone().map(Facet::One)),
        ("driver_opts", named(&volume.driver_opts)),
        ("labels", named(&volume.labels)),
    ])
}

fn named(values: &IndexMap<String, String>) -> Option<Facet> {
    let values: BTreeMap<String, String> =
        values.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    (!values.is_empty()).then_some(Facet::Named(values))
}

fn gathered<const N: usize>(fields: [(&'static str, Option<Facet>); N]) -> Facets {
    fields.into_iter().filter_map(|(field, facet)| Some((field, facet?))).collect()
}
