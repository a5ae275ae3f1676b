//! Who installs the packages of an application, in the words of a Dockerfile.

use crate::project::Installation;

/// Who installs the packages of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// Who, and out of which lock file.
    pub installation: Installation,
    /// Files with its settings that are there.
    pub settings: Vec<String>,
    /// Folders that it needs and that are there.
    pub folders: Vec<String>,
    /// The text of Yarn's settings.
    pub yarn_settings: String,
}

impl Installer {
    /// The files beside `package.json` that it reads.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.installation.lock.into_iter().chain(self.settings.iter().map(String::as_str))
    }

    /// The command that installs the packages in an image.
    pub(super) fn command(&self) -> String {
        let Installation { manager, version, lock } = &self.installation;
        let how = if lock.is_some() { &manager.frozen } else { &manager.loose };
        let install = format!("{} {}", manager.program, how.join(" "));
        let Some(package) = &manager.package else { return install };
        let version = version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
        let told: String = manager.global.iter().flat_map(|option| [" ", option]).collect();
        format!("npm install --global{told} {package}{version} && {install}")
    }

    /// Whether its packages are not in a folder that Node looks into.
    pub(super) fn is_plug_and_play(&self) -> bool {
        let said = self.yarn_settings.lines().find_map(|line| line.strip_prefix("nodeLinker:"));
        let linker = said.map_or("pnp", |value| value.trim().trim_matches(['"', '\'']));
        self.installation.manager.name == "yarn-berry" && linker == "pnp"
    }
}
