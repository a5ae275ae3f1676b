//! Under which name a checkout of the files runs.
//!
//! The files give a name, but two checkouts of them give the same one. Whose it is stands on the
//! engine: every resource carries the folder that it was made from.

use std::path::Path;

use crate::project::ProjectName;
use crate::state::hash::digest_bytes;
use crate::state::{Observed, labels};

/// The name of a checkout, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name that its resources carry.
    pub name: ProjectName,
    /// How it came to it.
    pub reason: IdentityReason,
}

/// How a checkout came to its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityReason {
    /// It is what the files say, and nobody else's.
    Asked,
    /// It is what the files say; what carries it was made from a folder that is gone.
    TakenOver {
        /// That folder.
        folder: String,
    },
    /// The name that the files say belongs to another folder.
    Own {
        /// That name.
        asked: ProjectName,
        /// That folder, when something of it is still there.
        folder: Option<String>,
    },
}

/// What a folder that a label names is to this checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The checkout's own folder, by whatever path.
    Here,
    /// Another folder.
    Elsewhere,
    /// There is no such folder any more.
    Gone,
}

/// Decides the name of the checkout in `folder` whose files say `asked`. A checkout keeps a name of
/// its own as long as anything carries it. Containers count more than what outlives them. `None`
/// when nothing in `observed` carries either name, so that a snapshot of containers alone does not
/// tell.
#[must_use]
pub fn identity(
    asked: &ProjectName,
    folder: &Path,
    observed: &Observed,
    place: &dyn Fn(&Path) -> Place,
) -> Option<Identity> {
    let own = own_name(asked, folder, observed, place);
    let containers = |name: &ProjectName| {
        Claim::of(
            observed.containers.iter().map(|container| &container.labels).filter(owned(name)),
            place,
        )
    };
    let stores = |name: &ProjectName| {
        let volumes = observed.volumes.iter().map(|volume| &volume.labels);
        let networks = observed.networks.iter().map(|network| &network.labels);
        Claim::of(volumes.chain(networks).filter(owned(name)), place)
    };
    let ours = |folder| {
        let reason = IdentityReason::Own { asked: asked.clone(), folder };
        Some(Identity { name: own.clone(), reason })
    };
    let theirs = |reason| Some(Identity { name: asked.clone(), reason });
    for claim in [&containers as &dyn Fn(&ProjectName) -> Claim, &stores] {
        let theirs_by = claim(asked);
        if claim(&own) != Claim::Nobody {
            return ours(match theirs_by {
                Claim::Elsewhere(folder) => Some(folder),
                _ => None,
            });
        }
        match theirs_by {
            Claim::Nobody => {}
            Claim::Here | Claim::Unknown => return theirs(IdentityReason::Asked),
            Claim::Elsewhere(folder) => return ours(Some(folder)),
            Claim::Gone(folder) => return theirs(IdentityReason::TakenOver { folder }),
        }
    }
    None
}

/// Whose the resources of one name are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    /// There are none.
    Nobody,
    /// Some of them are this folder's.
    Here,
    /// None is this folder's, some are that one's.
    Elsewhere(String),
    /// They are a folder's that is gone.
    Gone(String),
    /// They do not say.
    Unknown,
}

type Labels = indexmap::IndexMap<String, String>;

impl Claim {
    fn of<'a>(resources: impl Iterator<Item = &'a Labels>, place: &dyn Fn(&Path) -> Place) -> Self {
        let mut claim = Self::Nobody;
        for labels in resources {
            let Some(folder) = labels.get(labels::WORKING_DIR).filter(|it| !it.is_empty()) else {
                if claim == Self::Nobody {
                    claim = Self::Unknown;
                }
                continue;
            };
            match place(Path::new(folder)) {
                Place::Here => return Self::Here,
                Place::Elsewhere => claim = Self::Elsewhere(folder.clone()),
                Place::Gone if matches!(claim, Self::Elsewhere(_)) => {}
                Place::Gone => claim = Self::Gone(folder.clone()),
            }
        }
        claim
    }
}

fn owned<'a>(name: &ProjectName) -> impl Fn(&&'a Labels) -> bool {
    move |labels| labels.get(labels::PROJECT).is_some_and(|it| it == name.as_str())
}

/// Longest part of the folder's name that becomes part of a project's: container names are host
/// names too, and those end at 63 characters.
const FOLDER_CHARACTERS: usize = 20;

/// `shop-fix-3f2a` for a checkout of `shop` in the folder `shop-fix`: always the same for the same
/// folder, and another one for every other.
fn own_name(
    asked: &ProjectName,
    folder: &Path,
    observed: &Observed,
    place: &dyn Fn(&Path) -> Place,
) -> ProjectName {
    let named = folder.file_name().and_then(|name| ProjectName::normalize(&name.to_string_lossy()));
    let named = named.as_ref().map_or("", ProjectName::as_str);
    let rest = named.strip_prefix(asked.as_str()).unwrap_or(named).trim_matches(['-', '_']);
    let short: String = rest.chars().take(FOLDER_CHARACTERS).collect();
    let prefix = match short.trim_end_matches(['-', '_']) {
        "" => asked.to_string(),
        rest => format!("{asked}-{rest}"),
    };
    let digest = digest_bytes(folder.as_os_str().as_encoded_bytes());
    // Two folders of one name may share the first digits.
    let name = |digits: usize| -> ProjectName {
        let name = format!("{prefix}-{}", &digest[..digits]);
        name.parse().expect("a project name stays one when letters, digits and `-` follow")
    };
    let is_theirs = |name: &ProjectName| {
        let containers = observed.containers.iter().map(|container| &container.labels);
        let volumes = observed.volumes.iter().map(|volume| &volume.labels);
        let claim = Claim::of(containers.chain(volumes).filter(owned(name)), place);
        matches!(claim, Claim::Elsewhere(_))
    };
    [4, 8].into_iter().map(name).find(|name| !is_theirs(name)).unwrap_or_else(|| name(16))
}

#[cfg(test)]
mod tests;
