//! The folder that a build may use: which of its files are sent, and what is in them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::known_files::KnownFiles;
use crate::project::{Build, Dockerignore, InvalidPattern, NamedContext};
use crate::state::InputFile;
use crate::state::hash::{digest_bytes, digest_of};

/// The name under which a Dockerfile from outside the context travels.
pub const OUTSIDE_DOCKERFILE: &str = ".devstack.Dockerfile";

/// Why a build cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BuildContextError {
    /// Its folder is not there.
    #[error("there is no folder {}, the build context", .0.display())]
    NoFolder(PathBuf),
    /// The folder of an additional context is not there.
    #[error("there is no folder {}, the additional context `{name}`", path.display())]
    NoAdditionalFolder {
        /// The context's name.
        name: String,
        /// The folder.
        path: PathBuf,
    },
    /// Its Dockerfile is not there.
    #[error("there is no Dockerfile {}", .0.display())]
    NoDockerfile(PathBuf),
    /// A line of a `.dockerignore` is no rule.
    #[error("{}: {reason}", path.display())]
    Rules {
        /// The file.
        path: PathBuf,
        /// The line.
        reason: InvalidPattern,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}

/// Looks whether a build has what it begins with: its folders, its Dockerfile, its rules.
///
/// # Errors
/// The first of them that is not as it should be.
pub fn check(build: &Build) -> Result<(), BuildContextError> {
    BuildContext::open(build)?;
    for (name, context) in &build.additional_contexts {
        if let NamedContext::Folder(folder) = context {
            BuildContext::of_folder(name, folder, "")?;
        }
    }
    Ok(())
}

/// A build's context, opened.
#[derive(Debug)]
pub struct BuildContext {
    root: PathBuf,
    rules: Dockerignore,
    /// `None` when it is no file.
    dockerfile_path: Option<PathBuf>,
    dockerfile_name: String,
    dockerfile_text: Option<String>,
}

/// A file, link or folder that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub source: PathBuf,
    /// Its path in the context, with `/`.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl BuildContext {
    /// Finds the Dockerfile and the rules of what is sent.
    ///
    /// # Errors
    /// When the folder, the Dockerfile or a rule is not as it should be.
    pub fn open(build: &Build) -> Result<Self, BuildContextError> {
        let root = build.context.clone();
        if !root.is_dir() {
            return Err(BuildContextError::NoFolder(root));
        }
        let path = build.dockerfile.clone().unwrap_or_else(|| PathBuf::from("Dockerfile"));
        let full = root.join(&path);
        let inside = full.strip_prefix(&root).ok().map(slashes);
        let (dockerfile_name, dockerfile_text) = match (&build.dockerfile_inline, inside) {
            (Some(text), _) => (OUTSIDE_DOCKERFILE.to_owned(), Some(text.clone())),
            (None, Some(name)) if !name.starts_with("../") => {
                if !full.is_file() {
                    return Err(BuildContextError::NoDockerfile(full));
                }
                (name, None)
            }
            (None, _) if !full.is_file() => return Err(BuildContextError::NoDockerfile(full)),
            (None, _) => {
                let text = fs::read_to_string(&full).map_err(|reason| {
                    BuildContextError::Unreadable { path: full.clone(), reason }
                })?;
                (OUTSIDE_DOCKERFILE.to_owned(), Some(text))
            }
        };
        // A Dockerfile may have rules of its own beside it.
        let own_rules = PathBuf::from(format!("{}.dockerignore", full.display()));
        let rules_path = if own_rules.is_file() { own_rules } else { root.join(".dockerignore") };
        let rules = read_rules(rules_path)?;
        let dockerfile_path = build.dockerfile_inline.is_none().then_some(full);
        Ok(Self { root, rules, dockerfile_path, dockerfile_name, dockerfile_text })
    }

    /// The folder of an additional context, with a Dockerfile that is not in it.
    ///
    /// # Errors
    /// When there is no such folder, or a rule of it is not as it should be.
    pub fn of_folder(
        name: &str,
        folder: &Path,
        dockerfile: &str,
    ) -> Result<Self, BuildContextError> {
        if !folder.is_dir() {
            let (name, path) = (name.to_owned(), folder.to_owned());
            return Err(BuildContextError::NoAdditionalFolder { name, path });
        }
        Ok(Self {
            root: folder.to_owned(),
            rules: read_rules(folder.join(".dockerignore"))?,
            dockerfile_path: None,
            dockerfile_name: OUTSIDE_DOCKERFILE.to_owned(),
            dockerfile_text: Some(dockerfile.to_owned()),
        })
    }

    /// The same with another Dockerfile.
    #[must_use]
    pub fn with_dockerfile(self, text: String) -> Self {
        let dockerfile_name = OUTSIDE_DOCKERFILE.to_owned();
        Self { dockerfile_name, dockerfile_text: Some(text), ..self }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the Dockerfile was written; `None` when it is no file.
    #[must_use]
    pub fn dockerfile_path(&self) -> Option<&Path> {
        self.dockerfile_path.as_deref()
    }

    /// The Dockerfile's path in the context.
    #[must_use]
    pub fn dockerfile_name(&self) -> &str {
        &self.dockerfile_name
    }

    /// The Dockerfile's text when it is not a file of the context.
    #[must_use]
    pub fn outside_dockerfile(&self) -> Option<&str> {
        self.dockerfile_text.as_deref()
    }

    /// The Dockerfile's text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dockerfile(&self) -> io::Result<String> {
        match &self.dockerfile_text {
            Some(text) => Ok(text.clone()),
            None => fs::read_to_string(self.root.join(&self.dockerfile_name)),
        }
    }

    /// All that is sent, in a stable order, folders before what is in them.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.walk(Path::new(""), &mut entries)?;
        Ok(entries)
    }

    /// Digests of the files and links that are sent, by name, in a stable order. What is known of
    /// them is not read again.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files(&self, known: &mut KnownFiles) -> io::Result<Vec<InputFile>> {
        let entries = self.entries()?;
        let files = entries.iter().filter(|entry| !entry.is_folder);
        files.map(|entry| input(entry, known)).collect()
    }

    fn walk(&self, folder: &Path, entries: &mut Vec<Entry>) -> io::Result<()> {
        let mut found: Vec<fs::DirEntry> =
            fs::read_dir(self.root.join(folder))?.collect::<io::Result<_>>()?;
        found.sort_by_key(fs::DirEntry::file_name);
        for entry in found {
            let path = folder.join(entry.file_name());
            let name = slashes(&path);
            let kind = entry.file_type()?;
            // The Dockerfile is needed by the builder even where the rules leave it out.
            let excluded = self.rules.excludes(&name) && name != self.dockerfile_name;
            let walked = !excluded
                || self.rules.may_include_below(&name)
                || self.dockerfile_name.starts_with(&format!("{name}/"));
            let is_folder = kind.is_dir();
            if !excluded && (is_folder || kind.is_file() || kind.is_symlink()) {
                entries.push(Entry { source: entry.path(), name, is_folder });
            }
            if is_folder && walked {
                self.walk(&path, entries)?;
            }
        }
        Ok(())
    }
}

fn read_rules(path: PathBuf) -> Result<Dockerignore, BuildContextError> {
    match fs::read_to_string(&path) {
        Ok(text) => {
            Dockerignore::parse(&text).map_err(|reason| BuildContextError::Rules { path, reason })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Dockerignore::default()),
        Err(reason) => Err(BuildContextError::Unreadable { path, reason }),
    }
}

/// What is in a file, or where a link leads, and whether it may be run.
fn input(entry: &Entry, known: &mut KnownFiles) -> io::Result<InputFile> {
    let failed = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", entry.source.display()))
    };
    let metadata = fs::symlink_metadata(&entry.source).map_err(failed)?;
    let (kind, content) = if metadata.is_symlink() {
        let link = fs::read_link(&entry.source).map_err(failed)?;
        ("link", digest_bytes(slashes(&link).as_bytes()))
    } else {
        let read = || File::open(&entry.source).and_then(digest_of);
        let content = known.digest(&entry.name, &metadata, read).map_err(failed)?;
        (if is_executable(&metadata) { "program" } else { "file" }, content)
    };
    Ok(InputFile::new(&entry.name, kind, &content))
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}

fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
