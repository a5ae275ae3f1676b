//! Named contexts of a build, as stages of its Dockerfile.
//!
//! The engine's build call knows one context only. Another folder becomes an image that holds its
//! files, and every named context a stage before the first one of the Dockerfile, so that
//! `FROM NAME`, `COPY --from=NAME` and `RUN --mount=from=NAME` mean it.

use std::io;
use std::ops::Range;

use crate::project::{Build, NamedContext};
use crate::state::hash::digest;

/// Where the files of a folder lie within its own context, so that nothing else comes along.
pub(super) const FOLDER: &str = "context";

/// The Dockerfile that makes an image of a folder.
pub(super) const FOLDER_DOCKERFILE: &str = "FROM scratch\nCOPY context/ /\n";

/// The image that a folder's files are in for as long as builds need them.
pub(super) fn folder_image(folder: &std::path::Path) -> String {
    format!("devstack-context:{}", &digest(&folder.display().to_string())[..16])
}

/// A Dockerfile into which stages were put, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Staged {
    /// The Dockerfile as it is sent.
    pub(super) text: String,
    /// The bytes that it has more than what was written.
    pub(super) added: Range<usize>,
}

/// The lines that make stages of a build's named contexts.
///
/// # Errors
/// When a name cannot be that of a stage.
pub(super) fn stages(build: &Build) -> io::Result<String> {
    let mut lines = String::new();
    for (name, context) in &build.additional_contexts {
        if !is_stage_name(name) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the build context `{name}` needs a name of lower-case letters, digits, `-`, `_` and `.`"
                ),
            ));
        }
        let image = match context {
            NamedContext::Folder(folder) => folder_image(folder),
            NamedContext::Image(image) => image.clone(),
            NamedContext::Service(service) => service.to_string(),
        };
        lines.push_str("FROM ");
        lines.push_str(&image);
        lines.push_str(" AS ");
        lines.push_str(name);
        lines.push('\n');
    }
    Ok(lines)
}

/// A Dockerfile with stages before its first one: behind parser directives and the arguments that
/// hold for all stages.
///
/// # Errors
/// When a stage has the name of a context.
pub(super) fn with_stages(dockerfile: &str, stages: &str, build: &Build) -> io::Result<Staged> {
    let mut before = String::new();
    let mut rest = dockerfile;
    while let Some(line) = rest.split_inclusive('\n').next() {
        if word(line, 0).is_some_and(|first| first.eq_ignore_ascii_case("from")) {
            break;
        }
        before.push_str(line);
        rest = &rest[line.len()..];
    }
    for line in rest.lines() {
        let is_stage = word(line, 0).is_some_and(|first| first.eq_ignore_ascii_case("from"));
        let mut words = line.split_whitespace().rev();
        if let (true, Some(name), Some(keyword)) = (is_stage, words.next(), words.next())
            && keyword.eq_ignore_ascii_case("as")
            && build.additional_contexts.contains_key(&name.to_lowercase())
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the stage `{name}` of the Dockerfile has the name of an additional context"
                ),
            ));
        }
    }
    let added = before.len()..before.len() + stages.len();
    Ok(Staged { text: format!("{before}{stages}{rest}"), added })
}

fn word(line: &str, index: usize) -> Option<&str> {
    line.split_whitespace().nth(index)
}

/// Whether the Dockerfile's grammar takes it for the name of a stage.
fn is_stage_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn build(contexts: &[(&str, NamedContext)]) -> Build {
        let additional_contexts =
            contexts.iter().map(|(name, context)| ((*name).to_owned(), context.clone())).collect();
        Build { additional_contexts, ..Build::default() }
    }

    fn shown(dockerfile: &str, contexts: &[(&str, NamedContext)]) -> String {
        let build = build(contexts);
        stages(&build)
            .and_then(|lines| with_stages(dockerfile, &lines, &build))
            .map_or_else(|error| error.to_string(), |staged| staged.text)
    }

    #[test]
    fn stages_go_before_the_first_one_and_behind_what_holds_for_all() {
        let base = || NamedContext::Image("example/base:1".to_owned());
        let cases = [
            ("FROM x\nRUN y\n", "FROM example/base:1 AS base\nFROM x\nRUN y\n"),
            (
                "# syntax=docker/dockerfile:1\nARG V=1\n\nfrom x:$V as a\n",
                "# syntax=docker/dockerfile:1\nARG V=1\n\nFROM example/base:1 AS base\nfrom x:$V as a\n",
            ),
            (
                "FROM x AS base\n",
                "the stage `base` of the Dockerfile has the name of an additional context",
            ),
            ("FROM x AS other", "FROM example/base:1 AS base\nFROM x AS other"),
        ];
        for (dockerfile, expected) in cases {
            assert_eq!(shown(dockerfile, &[("base", base())]), expected, "{dockerfile}");
        }
        assert_eq!(
            shown("FROM x\n", &[("Base/1", base())]),
            "the build context `Base/1` needs a name of lower-case letters, digits, `-`, `_` and `.`"
        );
        let folder = NamedContext::Folder(PathBuf::from("/lib"));
        assert_eq!(
            shown("FROM x\n", &[("lib", folder)]),
            format!("FROM {} AS lib\nFROM x\n", folder_image(std::path::Path::new("/lib")))
        );
    }
}
