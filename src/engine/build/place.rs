//! From what BuildKit says of a failed build to the part of the Dockerfile that it is about.
//!
//! The engine's build call hands on no places. It names the step that failed by its stage and its
//! number there, and a mistake of grammar by its line.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

use crate::engine::error::{BuildFailure, FailedInstruction};
use crate::project::{ImageRef, Instruction, instructions};

/// A Dockerfile on its way to the engine.
#[derive(Debug)]
pub(super) struct Sent {
    /// Where it was written; `None` when it is an inline one.
    pub(super) file: Option<PathBuf>,
    /// Its text as it is sent.
    pub(super) text: String,
    /// The bytes of it that nobody wrote.
    pub(super) added: Range<usize>,
}

impl Sent {
    /// What of the Dockerfile as it was written a build failed at.
    pub(super) fn failed_at(&self, failure: &BuildFailure) -> Option<FailedInstruction> {
        let Self { file, text, added } = self;
        let place = failing(text, failure.step.as_deref(), &failure.message)?;
        let place = if place.start >= added.end {
            place.start - added.len()..place.end - added.len()
        } else if place.end <= added.start {
            place
        } else {
            return None;
        };
        let mut dockerfile = text.clone();
        dockerfile.replace_range(added.clone(), "");
        Some(FailedInstruction { file: file.clone(), dockerfile, place })
    }
}

/// The bytes of a Dockerfile that a failure is about: the word that is wrong where one is named,
/// else the instruction.
fn failing(dockerfile: &str, step: Option<&str>, message: &str) -> Option<Range<usize>> {
    if let Some(number) = line_number(message) {
        let place = line(dockerfile, number)?;
        return Some(named(dockerfile, &place, message).unwrap_or(place));
    }
    let instructions = instructions(dockerfile);
    let step = step.unwrap_or_default();
    if let Some(place) = image(dockerfile, &instructions, &format!("{step}\n{message}")) {
        return Some(place);
    }
    let place = Step::read(step)?.instruction(&instructions)?.place.clone();
    Some(named(dockerfile, &place, message).unwrap_or(place))
}

/// The line that the parser complains of, from 1.
fn line_number(message: &str) -> Option<usize> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"parse error (?:on )?lines? (\d+)").expect("a pattern without variable parts")
    });
    LINE.captures(message)?[1].parse().ok()
}

/// A line without the white space around it.
fn line(text: &str, number: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n').take(number.checked_sub(1)?) {
        start += line.len();
    }
    let line = text[start..].lines().next().filter(|line| !line.trim().is_empty())?;
    let begin = start + line.len() - line.trim_start().len();
    Some(begin..start + line.trim_end().len())
}

/// The word of a part of the Dockerfile that the message names.
fn named(text: &str, part: &Range<usize>, message: &str) -> Option<Range<usize>> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"[Uu]nknown (?:instruction|flag): "?([^\s"]+)|"/([^"]+)": not found"#)
            .expect("a pattern without variable parts")
    });
    let captures = WORD.captures(message)?;
    find(text, part, captures.iter().skip(1).flatten().next()?.as_str())
}

fn find(text: &str, part: &Range<usize>, word: &str) -> Option<Range<usize>> {
    let said = text.get(part.clone())?.to_ascii_lowercase();
    let start = part.start + said.find(&word.to_ascii_lowercase())?;
    Some(start..start + word.len())
}

/// Where the image is asked for that could not be had.
fn image(text: &str, instructions: &[Instruction], told: &str) -> Option<Range<usize>> {
    static IMAGE: LazyLock<Regex> = LazyLock::new(|| {
        // Engine 20.10 calls the step so that gets an image which files are copied from.
        Regex::new(r"(?:(?:load|resolve source) metadata for |^FROM )(\S+?):?(?:\s|$)")
            .expect("a pattern without variable parts")
    });
    let familiar = |reference: &str| Some(reference.parse::<ImageRef>().ok()?.familiar());
    let wanted = familiar(&IMAGE.captures(told)?[1])?;
    let mut stages = Vec::new();
    let mut variable = Vec::new();
    for instruction in instructions {
        for name in images(instruction) {
            let is_stage = stages.contains(&name.to_lowercase());
            if !is_stage && familiar(name).as_ref() == Some(&wanted) {
                return asked(text, instruction, name);
            }
            if name.contains('$') {
                variable.push((instruction, name));
            }
        }
        if instruction.keyword() == "FROM" {
            stages.extend(instruction.stage().1);
        }
    }
    // What a variable stands for is known where only one asks for an image by a variable.
    match variable[..] {
        [(instruction, name)] => asked(text, instruction, name),
        _ => None,
    }
}

/// Where an instruction names an image.
fn asked(text: &str, instruction: &Instruction, name: &str) -> Option<Range<usize>> {
    if instruction.keyword() == "FROM" {
        return find(text, &instruction.place, name);
    }
    let option = find(text, &instruction.place, &format!("from={name}"))?;
    Some(option.end - name.len()..option.end)
}

/// The images or stages that an instruction names.
fn images(instruction: &Instruction) -> Vec<&str> {
    match instruction.keyword().as_str() {
        "FROM" => vec![instruction.stage().0],
        "COPY" | "ADD" => instruction.other_stage().into_iter().collect(),
        "RUN" => {
            let options = instruction.text.split(|c: char| c.is_whitespace() || c == ',');
            options
                .filter_map(|it| it.strip_prefix("--mount=").unwrap_or(it).strip_prefix("from="))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// BuildKit's name of a step, such as `[linux/amd64 dev 2/5] RUN npm ci`.
#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    /// The stage's name or `stage-N`; absent when the Dockerfile has one stage only.
    stage: Option<&'a str>,
    /// Its number in the stage, from 1.
    number: usize,
    /// How many there are.
    of: usize,
    /// The instruction, its variables replaced.
    text: &'a str,
}

impl<'a> Step<'a> {
    fn read(name: &'a str) -> Option<Self> {
        let (counted, text) = name.strip_prefix('[')?.split_once("] ")?;
        let mut words: Vec<&str> = counted.split_whitespace().collect();
        let (number, of) = words.pop()?.split_once('/')?;
        // Of the other words one may be a platform.
        let stage = words.pop().filter(|word| !word.contains('/'));
        Some(Self { stage, number: number.parse().ok()?, of: of.parse().ok()?, text })
    }

    fn instruction<'i>(&self, instructions: &'i [Instruction]) -> Option<&'i Instruction> {
        let stage = self.stage(instructions)?;
        let keyword = self.text.split_whitespace().next()?.to_ascii_uppercase();
        let numbered: Vec<&Instruction> = stage
            .iter()
            .filter(|it| matches!(&*it.keyword(), "FROM" | "RUN" | "COPY" | "ADD" | "WORKDIR"))
            .collect();
        // Whether `FROM` counts depends on what it names, so the numbers are certain from the end.
        let behind = self.of.checked_sub(self.number);
        let index = behind.and_then(|behind| numbered.len().checked_sub(behind + 1));
        let by_number = index.map(|index| numbered[index]);
        let alike = || {
            // What the base image has for `ONBUILD` counts too.
            let mut alike = stage.iter().filter(|it| it.keyword() == keyword);
            alike.next().filter(|_| alike.next().is_none())
        };
        by_number.filter(|it| it.keyword() == keyword).or_else(alike)
    }

    /// The instructions of its stage.
    fn stage<'i>(&self, instructions: &'i [Instruction]) -> Option<&'i [Instruction]> {
        let begins: Vec<usize> =
            (0..instructions.len()).filter(|it| instructions[*it].keyword() == "FROM").collect();
        let index = match self.stage {
            None => (begins.len() == 1).then_some(0),
            Some(name) => {
                let is_it = |begin: &usize| {
                    let (_, own) = instructions[*begin].stage();
                    own.is_some_and(|own| own.eq_ignore_ascii_case(name))
                };
                let number = || name.strip_prefix("stage-")?.parse().ok();
                begins.iter().position(is_it).or_else(number)
            }
        }?;
        let begin = *begins.get(index)?;
        Some(&instructions[begin..begins.get(index + 1).copied().unwrap_or(instructions.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = "\
# syntax=docker/dockerfile:1
ARG BASE=node:26
FROM $BASE AS deps
WORKDIR /app
COPY package.json ./
RUN npm ci && \\
    npm cache clean
FROM deps AS dev
USER node
COPY --from=redis:8 /bin/redis-cli /bin/
RUN --mount=type=cache,from=cache,target=/c make
FROM scratch
COPY --from=dev /app /srv/app
COPY conf/app.yaml /etc/
";

    fn pointed(step: &str, message: &str) -> &'static str {
        let place = failing(DOCKERFILE, Some(step).filter(|step| !step.is_empty()), message);
        place.map_or("", |place| &DOCKERFILE[place])
    }

    #[test]
    fn the_instruction_of_a_failed_step_is_found() {
        let exited = "process \"/bin/sh -c x\" did not complete successfully: exit code: 1";
        let missing = "failed to compute cache key: failed to calculate checksum of ref a::b: \
                       \"/conf/app.yaml\": not found";
        let no_image = "x: pull access denied, repository does not exist";
        for (step, message, expected) in [
            (
                "[deps 4/4] RUN npm ci && npm cache clean",
                exited,
                "RUN npm ci && \\\n    npm cache clean",
            ),
            ("[linux/amd64 deps 2/4] WORKDIR /app", exited, "WORKDIR /app"),
            (
                "[dev 1/2] COPY --from=redis:8 /bin/redis-cli /bin/",
                "failed to calculate checksum of ref a::b: \"/bin/redis-cli\": not found",
                "bin/redis-cli",
            ),
            (
                "[dev 2/2] RUN --mount=type=cache,from=cache,target=/c make",
                exited,
                "RUN --mount=type=cache,from=cache,target=/c make",
            ),
            ("[stage-2 2/2] COPY conf/app.yaml /etc/", missing, "conf/app.yaml"),
            // With a step of the base image's own `ONBUILD`.
            (
                "[deps 5/4] RUN npm ci && npm cache clean",
                exited,
                "RUN npm ci && \\\n    npm cache clean",
            ),
            ("[internal] load metadata for docker.io/library/redis:8", no_image, "redis:8"),
            ("FROM docker.io/library/redis:8", no_image, "redis:8"),
            ("[internal] load metadata for docker.io/library/cache:latest", no_image, "cache"),
            ("[internal] load metadata for docker.io/library/node:26", no_image, "$BASE"),
            (
                "",
                "redis:8: failed to resolve source metadata for docker.io/library/redis:8: no such host",
                "redis:8",
            ),
            ("", "dockerfile parse error on line 9: unknown instruction: user", "USER"),
            (
                "",
                "dockerfile parse error line 13: FROM requires either one or three arguments",
                "COPY --from=dev /app /srv/app",
            ),
            // What it is not about.
            ("", "dockerfile parse error on line 99: x", ""),
            ("", "dockerfile parse error on line 0: x", ""),
            ("[gone 1/2] RUN make", exited, ""),
            ("[stage-7 1/2] RUN make", exited, ""),
            ("[2/3] RUN make", exited, ""),
            ("[internal] load build context", "no such folder", ""),
            ("", "target stage \"nope\" could not be found", ""),
        ] {
            assert_eq!(pointed(step, message), expected, "{step} {message}");
        }
    }

    #[test]
    fn a_place_is_one_of_the_dockerfile_as_it_was_written() {
        let written = "ARG A=1\nFROM x AS one\nRUN two\nRUNN three\n";
        let added = "FROM base AS context\n";
        let text = written.replacen("FROM", &format!("{added}FROM"), 1);
        let sent = Sent { file: Some("/p/Dockerfile".into()), text, added: 8..8 + added.len() };
        let at = |step: &str, message: &str| {
            let failure = BuildFailure {
                step: Some(step.to_owned()),
                message: message.to_owned(),
                ..BuildFailure::default()
            };
            let instruction = sent.failed_at(&failure)?;
            assert_eq!(instruction.dockerfile, written);
            Some(instruction.dockerfile[instruction.place].to_owned())
        };
        assert_eq!(at("[one 2/2] RUN two", "exit code 1").as_deref(), Some("RUN two"));
        let unknown = "dockerfile parse error on line 5: unknown instruction: RUNN";
        assert_eq!(at("", unknown).as_deref(), Some("RUNN"));
        let before = "dockerfile parse error on line 1: ARG requires exactly one argument";
        assert_eq!(at("", before).as_deref(), Some("ARG A=1"));
        assert_eq!(at("[context 1/1] FROM base", "not found"), None);
    }

    #[test]
    fn a_dockerfile_of_one_stage_has_numbers_only() {
        let text = "FROM redis:8\nENV A=b\nRUN one\n  RUN two\n";
        let place = failing(text, Some("[3/3] RUN two"), "exit code: 1");
        assert_eq!(&text[place.unwrap()], "RUN two");
        assert_eq!(failing("", Some("[3/3] RUN two"), "exit code: 1"), None);
    }
}
