//! Builds that failed, at the line of the Dockerfile, and builds that cannot begin.

use std::path::Path;
use std::sync::Arc;

use super::{placed, plain, service};
use crate::cli::hints::engine_hint;
use crate::cli::inputs::BrokenBuild;
use crate::config::diagnostic::{Diagnostic, Source, Span};
use crate::config::origin::{Origins, Owner};
use crate::config::paths;
use crate::config::suggest::closest;
use crate::engine::{BuildFailure, EngineErrorKind, FailedInstruction};
use crate::explain::{RefusalAbout, refusals};
use crate::os::build_context::BuildContextError;
use crate::project::{Dockerfile, Instruction, KEYWORDS, instructions};

/// The keys that say where a Dockerfile is, likeliest first.
const ASKS_FOR_DOCKERFILE: &[&str] = &["build.dockerfile", "build.context", "build"];

/// A failure that is known to be one of an instruction.
pub(super) fn at(failure: &BuildFailure) -> Option<(&BuildFailure, &FailedInstruction)> {
    Some((failure, failure.instruction.as_ref()?))
}

/// Points at the instruction that failed; an inline Dockerfile is part of the stack file.
pub(super) fn at_instruction(
    finding: Diagnostic,
    (failure, instruction): (&BuildFailure, &FailedInstruction),
    asked: Option<(&Origins, Owner<'_>)>,
    working_dir: &Path,
) -> Diagnostic {
    // Of a Dockerfile that is not understood nothing has been done.
    let label = if failure.step.is_some() { "failed here" } else { "" };
    let FailedInstruction { file, dockerfile, place } = instruction;
    let Some(file) = file else {
        let found = asked.and_then(|(origins, owner)| {
            let found = origins.find_part(owner, "build.dockerfile_inline", place.clone())?;
            Some(origins.point(finding.clone(), owner, &found).label(label))
        });
        return found.unwrap_or(finding);
    };
    let (name, text) = (paths::display(file, working_dir), dockerfile.clone());
    let source = Arc::new(Source { name, text });
    let finding = finding.at(&Span { source, start: place.start, end: place.end }).label(label);
    let asked = asked.and_then(|(origins, owner)| {
        let key = origins.find(owner, ASKS_FOR_DOCKERFILE, &[])?;
        Some(origins.asked_by(owner, &key).clone())
    });
    match asked {
        Some(place) => finding.also(&place, "built for this"),
        None => finding,
    }
}

/// What to do about an instruction that failed.
pub(super) fn help(failure: &BuildFailure, instruction: &FailedInstruction) -> Option<String> {
    if let Some(meant) = &failure.meant {
        return Some(format!("did you mean `{meant}`?"));
    }
    let known = || refusals(RefusalAbout::Build, &failure.message).find_map(|it| it.help);
    own_help(failure, instruction).or_else(|| known().map(str::to_owned))
}

/// What to do where the instruction tells.
fn own_help(failure: &BuildFailure, instruction: &FailedInstruction) -> Option<String> {
    use EngineErrorKind as Kind;
    let text = &instruction.dockerfile;
    let word = text.get(instruction.place.clone())?;
    // Older builders do not say what may be meant.
    if failure.message.contains("unknown instruction") {
        let meant = closest(word, KEYWORDS)?;
        return Some(format!("did you mean `{meant}`?"));
    }
    let all = instructions(text);
    let is_it = |it: &&Instruction| {
        it.place.start <= instruction.place.start && instruction.place.end <= it.place.end
    };
    let whole = all.iter().find(is_it)?;
    let other = if whole.keyword() == "FROM" { Some(whole.stage().0) } else { whole.other_stage() };
    // An image that cannot be had may be meant for a stage.
    if let Some(other) = other.filter(|other| *other == word) {
        let stages = Dockerfile::read(text).stages;
        let names = stages.iter().filter_map(|stage| stage.name.as_deref());
        if let Some(stage) = closest(other, names) {
            return Some(format!("did you mean the stage `{stage}`?"));
        }
        return Some(match failure.cause() {
            cause @ (Kind::RegistryUnreachable(_) | Kind::RateLimited | Kind::Unauthorized) => {
                engine_hint(&cause)?.to_owned()
            }
            _ => format!(
                "no stage of the Dockerfile is called `{other}`, so it is taken for an image: \
                 correct the name, or `docker login` where it is private"
            ),
        });
    }
    failure.message.ends_with(": not found").then(|| match other {
        Some(other) => format!("correct the path: it is one of `{other}`"),
        None => "the path counts from the build context, of which `.dockerignore` leaves files out"
            .to_owned(),
    })
}

/// Points at what of the stack file asks for a build that cannot begin.
pub(super) fn broken(build: &BrokenBuild, origins: Option<&Origins>) -> Diagnostic {
    use BuildContextError as Error;
    let BrokenBuild { image, services, error } = build;
    let finding = plain(format!("cannot build image {image}: {error}"));
    let (keys, parts, help): (&[&str], Vec<String>, _) = match error {
        Error::NoFolder(_) => {
            (&["build.context", "build"], Vec::new(), "create the folder, or correct its path")
        }
        Error::NoAdditionalFolder { name, .. } => (
            &["build.additional_contexts"],
            vec![name.clone()],
            "create the folder, or correct its path",
        ),
        Error::NoDockerfile(_) => (
            ASKS_FOR_DOCKERFILE,
            Vec::new(),
            "create it, or name another one with `dockerfile:`; its path counts from the build \
             context",
        ),
        Error::Rules { .. } => (&["build.context", "build"], Vec::new(), "correct the line"),
        Error::Unreadable { .. } => {
            (ASKS_FOR_DOCKERFILE, Vec::new(), "let your user read it, as text in UTF-8")
        }
    };
    let finding = finding.help(help);
    let Some(owner) = services.first().map(|name| service(name.as_str())) else { return finding };
    // Where a Dockerfile is named, its name is what to look at.
    if let (Some(origins), Error::NoDockerfile(path)) = (origins, error)
        && let Some(name) = path.file_name()
        && let Some(place) =
            origins.find(owner, &["build.dockerfile"], &[name.to_string_lossy().into_owned()])
    {
        return origins.point(finding, owner, &place);
    }
    placed(finding, origins, owner, keys, &parts)
}
