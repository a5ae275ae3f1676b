//! Identifiers, each a type of its own so that one is never taken for another.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A name that does not follow the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {kind}: {rule}")]
pub struct InvalidName {
    /// What was to be named, such as `project name`.
    pub kind: &'static str,
    /// The text that was refused.
    pub value: String,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidName { kind: $kind, value: value.to_owned(), rule: $rule })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name that all resources of one stack share (Compose Specification, "name").
    ProjectName,
    "project name",
    "lower-case letters, digits, `-` and `_`, beginning with a letter or digit",
    |value| {
        value.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && value
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    }
);

name!(
    /// The key of a service under `services:`.
    ServiceName,
    "service name",
    "letters, digits, `.`, `-` and `_`",
    is_key
);

name!(
    /// The key of a network under `networks:`; the engine's name is [`super::Network::name`].
    NetworkKey,
    "network name",
    "letters, digits, `.`, `-` and `_`",
    is_key
);

name!(
    /// The key of a volume under `volumes:`; the engine's name is [`super::Volume::name`].
    VolumeKey,
    "volume name",
    "letters, digits, `.`, `-` and `_`",
    is_key
);

name!(
    /// The engine's name of a container, without the leading slash.
    ContainerName,
    "container name",
    "at least two of letters, digits, `.`, `-` and `_`, beginning with a letter or digit",
    |value| value.len() >= 2 && value.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_key(value)
);

name!(
    /// An image reference such as `postgres:17` or `registry.example.org:5000/team/api@sha256:…`.
    ImageRef,
    "image reference",
    "`[HOST[:PORT]/]NAME[:TAG][@DIGEST]` with a lower-case name",
    is_image_reference
);

impl ProjectName {
    /// Makes a project name out of any text, as Compose does with a folder's name: lower-case,
    /// other characters dropped, leading `-` and `_` dropped. `None` when nothing is left.
    #[must_use]
    pub fn normalize(text: &str) -> Option<Self> {
        let kept: String = text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '_')
            .collect();
        kept.trim_start_matches(['-', '_']).parse().ok()
    }

    /// The project name of a folder. One whose own name has nothing that a project name may have,
    /// such as `日本`, gets a name made of the digest of that: the same one everywhere.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Self::normalize(&name).unwrap_or_else(|| {
            let digest = Sha256::digest(name.as_bytes());
            let first = digest.iter().take(4).fold(0, |all: u32, byte| all << 8 | u32::from(*byte));
            Self(format!("stack-{first:08x}"))
        })
    }
}

impl ServiceName {
    /// A stand-in for a container whose service label cannot be read: the container's own name.
    #[must_use]
    pub fn from_container(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl ImageRef {
    /// The reference with `:latest` where neither tag nor digest is given, and without the
    /// implied `docker.io/library/`: the form that the engine lists.
    #[must_use]
    pub fn familiar(&self) -> String {
        let short = self
            .0
            .strip_prefix("docker.io/")
            .map_or(self.0.as_str(), |rest| rest.strip_prefix("library/").unwrap_or(rest));
        if self.has_tag() || short.contains('@') {
            short.to_owned()
        } else {
            format!("{short}:latest")
        }
    }

    /// The name alone: `meilisearch` of `getmeili/meilisearch:v1.21`.
    #[must_use]
    pub fn name(&self) -> &str {
        let path = self.0.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default()
    }

    /// The registry's host, `docker.io` when the reference names none.
    #[must_use]
    pub fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
            _ => "docker.io",
        }
    }

    /// Whether it names one image for ever, by its digest.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.0.contains('@')
    }

    /// The reference with `-SUFFIX` after its tag, or with the suffix as its tag when it has none.
    /// A digest names one image whoever asks and is kept as it is.
    #[must_use]
    pub fn with_tag_suffix(&self, suffix: &str) -> Self {
        if self.is_pinned() {
            return self.clone();
        }
        let separator = if self.has_tag() { '-' } else { ':' };
        format!("{}{separator}{suffix}", self.0).parse().unwrap_or_else(|_| self.clone())
    }

    fn has_tag(&self) -> bool {
        let name = self.0.split('@').next().unwrap_or(&self.0);
        name.rsplit('/').next().is_some_and(|last| last.contains(':'))
    }
}

fn is_key(value: &str) -> bool {
    !value.is_empty()
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn is_image_reference(value: &str) -> bool {
    let (name, digest) = match value.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (value, None),
    };
    if let Some(digest) = digest {
        let Some((algorithm, hex)) = digest.split_once(':') else { return false };
        if algorithm.is_empty() || hex.len() < 32 || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
            return false;
        }
    }
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let tag_ok = tag.is_none_or(|tag| {
        !tag.is_empty()
            && tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    });
    let mut parts = path.split('/').peekable();
    let mut first = true;
    let mut path_ok = !path.is_empty();
    while let Some(part) = parts.next() {
        let host =
            first && parts.peek().is_some() && (part.contains(['.', ':']) || part == "localhost");
        first = false;
        path_ok &= !part.is_empty()
            && part.chars().all(|c| {
                c.is_ascii_lowercase()
                    || c.is_ascii_digit()
                    || matches!(c, '.' | '-' | '_')
                    || (host && (c == ':' || c.is_ascii_uppercase()))
            })
            && part.starts_with(|c: char| c.is_ascii_alphanumeric());
    }
    tag_ok && path_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_follow_compose() {
        let cases = [
            ("My App", Some("myapp")),
            ("__x-1", Some("x-1")),
            ("Ünï", Some("n")),
            ("...", None),
            ("1st", Some("1st")),
        ];
        for (text, expected) in cases {
            assert_eq!(
                ProjectName::normalize(text).as_ref().map(ProjectName::as_str),
                expected,
                "{text}"
            );
        }
        assert!("Upper".parse::<ProjectName>().is_err());
        let of_folder = |path: &str| ProjectName::of_folder(Path::new(path)).to_string();
        assert_eq!(of_folder("/home/me/My App"), "myapp");
        assert_eq!(of_folder("/srv/日本"), of_folder("/home/me/日本"));
        assert_ne!(of_folder("/srv/日本"), of_folder("/srv/東京"));
        for path in ["/srv/日本", "/srv/...", "/"] {
            let name = of_folder(path);
            assert!(name.starts_with("stack-") && name.len() == 14, "{name}");
            assert!(name.parse::<ProjectName>().is_ok(), "{name}");
        }
        assert!("-x".parse::<ProjectName>().is_err());
    }

    #[test]
    fn image_references_are_checked_and_shortened() {
        let familiar = |text: &str| text.parse::<ImageRef>().map(|image| image.familiar()).ok();
        let cases = [
            ("postgres", Some("postgres:latest")),
            ("postgres:17", Some("postgres:17")),
            ("docker.io/library/postgres:17", Some("postgres:17")),
            ("docker.io/getmeili/meilisearch", Some("getmeili/meilisearch:latest")),
            ("localhost:5000/a/b", Some("localhost:5000/a/b:latest")),
            ("Reg.example.org/a:1", Some("Reg.example.org/a:1")),
            ("Postgres", None),
            ("postgres:", None),
            ("a//b", None),
            ("", None),
            ("a b", None),
            ("postgres@sha256:12", None),
        ];
        for (text, expected) in cases {
            assert_eq!(familiar(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_suffix_becomes_part_of_the_tag() {
        for (image, expected) in [
            ("shop/api", "shop/api:fix-1"),
            ("shop/api:dev", "shop/api:dev-fix-1"),
            ("localhost:5000/api", "localhost:5000/api:fix-1"),
            (
                "a@sha256:0123456789abcdef0123456789abcdef",
                "a@sha256:0123456789abcdef0123456789abcdef",
            ),
        ] {
            let image: ImageRef = image.parse().expect(image);
            assert_eq!(image.with_tag_suffix("fix-1").as_str(), expected);
        }
    }

    #[test]
    fn an_image_is_called_by_the_last_part_of_its_path() {
        for (image, expected) in [
            ("postgres", "postgres"),
            ("getmeili/meilisearch:v1.21", "meilisearch"),
            ("localhost:5000/a/api", "api"),
            ("kong@sha256:0123456789abcdef0123456789abcdef", "kong"),
        ] {
            assert_eq!(image.parse::<ImageRef>().expect(image).name(), expected);
        }
    }

    #[test]
    fn registry_is_the_first_part_only_when_it_looks_like_a_host() {
        let registry = |text: &str| text.parse::<ImageRef>().expect(text).registry().to_owned();
        assert_eq!(registry("getmeili/meilisearch:v1"), "docker.io");
        assert_eq!(registry("localhost/x"), "localhost");
        assert_eq!(registry("localhost:5000/x"), "localhost:5000");
        assert_eq!(registry("ghcr.io/a/b"), "ghcr.io");
    }
}
