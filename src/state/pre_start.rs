//! The containers that `pre_start` hooks run in: each one's own, gone when it has ended.

use indexmap::IndexMap;

use super::desired::ContainerSpec;
use super::hash::{FieldDigests, digest};
use super::labels;
use crate::project::{Healthcheck, NetworkAttachment, RUNNER_FOLDER, Ready, Service};

/// What the label of a hook's container says.
const PRE_START: &str = "pre_start";

/// The service's labels that say where a container belongs. The user's are for what runs on.
const KEPT: [&str; 7] = [
    labels::PROJECT,
    labels::SERVICE,
    labels::DEPENDS_ON,
    labels::WORKING_DIR,
    labels::CONFIG_FILES,
    labels::ENVIRONMENT_FILE,
    labels::VERSION,
];

/// Characters of a command that tell it apart.
const TOLD: usize = 60;

impl ContainerSpec {
    /// What it runs, in a few words: its command, or the image that says it.
    #[must_use]
    pub fn runs(&self) -> String {
        let command = self.service.command.as_ref().map(|words| words.join(" "));
        let text = command.unwrap_or_else(|| self.service.image.to_string());
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= TOLD {
            return line;
        }
        line.chars().take(TOLD - 1).chain(['…']).collect()
    }

    /// The container of the hook in this place of the service's list, from 0, that runs before this
    /// one starts; `None` when there is no such hook. `owner` is this one by the engine's id or name:
    /// the hook gets its mounts, those without a name of their own too.
    #[must_use]
    pub fn pre_start(&self, place: usize, owner: &str) -> Option<Self> {
        let service = service(&self.service, place)?;
        let mut labels: IndexMap<String, String> = self.labels.clone();
        labels.retain(|label, _| KEPT.contains(&label.as_str()));
        let own = [
            (labels::CONFIG_HASH, digest(&service)),
            (labels::ONE_OFF, "True".to_owned()),
            (labels::HOOK, PRE_START.to_owned()),
        ];
        labels.extend(own.map(|(label, value)| (label.to_owned(), value)));
        // What is mounted comes with the mounts; what was copied in has to be copied again.
        let granted = self.files.iter().filter(|file| !file.path.starts_with(RUNNER_FOLDER));
        let networks = self.networks.iter().map(|(name, it)| (name.clone(), anonymous(it)));
        Some(Self {
            number: 0,
            name: format!("{}-{PRE_START}-{}", self.name, place + 1),
            hook: Some(place + 1),
            digests: FieldDigests::default(),
            labels,
            networks: networks.collect(),
            network_mode: self.network_mode.clone(),
            pid_mode: None,
            ipc_mode: None,
            volumes_from: vec![owner.to_owned()],
            volume_names: IndexMap::new(),
            file_mounts: Vec::new(),
            files: granted.cloned().collect(),
            chosen_ports: IndexMap::new(),
            auto_remove: false,
            service: service.into(),
        })
    }
}

/// A service of nothing but a hook: what it runs, and how it reaches others. The service's limits
/// and restrictions are not the hook's, which may be there to do what the service may not.
fn service(own: &Service, place: usize) -> Option<Service> {
    let pre_start = own.pre_start.get(place)?;
    let hook = &pre_start.hook;
    let image = pre_start.image.as_ref().unwrap_or(&own.image);
    let mut service = Service::new(own.name.clone(), image.clone());
    service.platform.clone_from(&own.platform);
    // An image's program stays: it may be all that there is to run.
    service.command = (!hook.command.is_empty()).then(|| hook.command.clone());
    service.environment.clone_from(&own.environment);
    service.environment.extend(hook.environment.clone());
    // Another image does not know the service's user.
    let user = own.user.as_ref().filter(|_| pre_start.image.is_none());
    service.user = hook.user.as_ref().or(user).cloned();
    service.working_dir = hook.working_dir.as_ref().or(own.working_dir.as_ref()).cloned();
    service.privileged = hook.privileged;
    // Without one a shell takes no notice of the signal to stop.
    service.init = own.init;
    service.extra_hosts.clone_from(&own.extra_hosts);
    service.dns.clone_from(&own.dns);
    service.dns_search.clone_from(&own.dns_search);
    service.dns_opt.clone_from(&own.dns_opt);
    service.healthcheck = Some(Healthcheck { disable: true, ..Healthcheck::default() });
    let timeout = own.ready.as_ref().and_then(|ready| ready.timeout);
    service.ready = timeout.map(|limit| Ready { timeout: Some(limit), ..Ready::default() });
    Some(service)
}

/// The same network without what only one container can have there.
fn anonymous(attachment: &NetworkAttachment) -> NetworkAttachment {
    NetworkAttachment {
        aliases: Vec::new(),
        ipv4_address: None,
        ipv6_address: None,
        mac_address: None,
        link_local_ips: Vec::new(),
        ..attachment.clone()
    }
}
