//! The ways to others: registries, proxies, certificate authorities in between.

use super::Finding;
use super::facts::{Facts, NetworkFacts, Registry};

pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = registries(&facts.network);
    findings.extend(proxy(facts));
    findings.extend(authorities(facts));
    findings
}

fn registries(network: &NetworkFacts) -> Vec<Finding> {
    if network.registries.is_empty() {
        return vec![Finding::ok("registry", "none is needed: all images are here or built here")];
    }
    network.registries.iter().map(registry).collect()
}

fn registry(registry: &Registry) -> Finding {
    let Registry { host, images, .. } = registry;
    let wanted = format!("{host}, for {}", images.join(", "));
    if let Some(Err(reason)) = &registry.resolves {
        return Finding::fail(
            "registry",
            format!("the name of {wanted} leads to no address: {reason}"),
            "check the network and /etc/resolv.conf; the presets' images can be built without a \
             registry by devstack's `scripts/images.sh`",
        );
    }
    match &registry.answers {
        Some(Err(reason)) => Finding::fail(
            "registry",
            format!("nobody answers at {wanted}: {reason}"),
            "check the network, the firewall and HTTPS_PROXY; the presets' images can be built \
             without a registry by devstack's `scripts/images.sh`",
        ),
        Some(Ok(())) => Finding::ok("registry", format!("{wanted}: answers")),
        None => Finding::ok("registry", format!("{wanted}: through the proxy")),
    }
}

fn proxy(facts: &Facts) -> Option<Finding> {
    let network = &facts.network;
    let of_engine = match &facts.engine {
        Some(Ok(engine)) => engine.https_proxy.as_ref(),
        _ => None,
    };
    let Some(proxy) = &network.proxy else {
        let engine = of_engine?;
        return Some(Finding::ok("proxy", format!("the engine pulls through {engine}")));
    };
    if network.proxy_answers == Some(false) {
        return Some(Finding::fail(
            "proxy",
            format!("nobody listens at the proxy {proxy}"),
            "start it, or unset HTTPS_PROXY and HTTP_PROXY",
        ));
    }
    let is_loopback = ["://localhost", "://127.", "://[::1]"].iter().any(|it| proxy.contains(it));
    if is_loopback && builds(facts) {
        return Some(Finding::warn(
            "proxy",
            format!("the proxy {proxy} is on this machine's loopback, which a build cannot reach"),
            "let it listen on the bridge's address too and build with `--build-arg \
             HTTPS_PROXY=http://172.17.0.1:PORT`, or set `network: host` under `build:`",
        ));
    }
    if of_engine.is_none() && !network.registries.is_empty() {
        return Some(Finding::warn(
            "proxy",
            format!("this shell uses the proxy {proxy}, but the engine, which pulls, has none"),
            "set it for the engine: `\"proxies\": {\"https-proxy\": …}` in its daemon.json, then \
             restart it",
        ));
    }
    let local = network.no_proxy.as_deref().unwrap_or_default();
    if !local.split(',').any(|host| matches!(host.trim(), "localhost" | "127.0.0.1" | "*")) {
        return Some(Finding::warn(
            "proxy",
            format!("requests to localhost go through the proxy {proxy} too"),
            "`export NO_PROXY=localhost,127.0.0.1`",
        ));
    }
    Some(Finding::ok("proxy", proxy.as_str()))
}

/// Further authorities mean that somebody in between may present certificates of his own. This
/// machine trusts them; a build's container does not know them.
fn authorities(facts: &Facts) -> Option<Finding> {
    let authorities = &facts.network.authorities;
    let first = authorities.first()?;
    let further = match authorities.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let words = format!("this machine trusts {}{further}", first.display());
    if !builds(facts) {
        return Some(Finding::ok("certificates", words));
    }
    let npm = match &facts.stack {
        Some(Ok(stack)) => stack.builds_with_npm,
        _ => false,
    };
    let what = if npm {
        "builds do not: behind a proxy that reads TLS, `npm ci` and its like \
         fail with SELF_SIGNED_CERT_IN_CHAIN or UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
    } else {
        "builds do not: behind a proxy that reads TLS, downloads in them fail"
    };
    Some(Finding::warn(
        "certificates",
        format!("{words}; {what}"),
        "copy the certificate into the build and set NODE_EXTRA_CA_CERTS to it (npm, Node.js), or \
         run `update-ca-certificates` there",
    ))
}

fn builds(facts: &Facts) -> bool {
    matches!(&facts.stack, Some(Ok(stack)) if stack.builds)
}
