//! The instructions of a Dockerfile and where they stand in its text.

use std::ops::Range;

/// All keywords that there are.
pub const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// What it says, on one line, without comments and heredocs.
    pub text: String,
    /// Its bytes in the Dockerfile, from its keyword to its last line, without heredocs.
    pub place: Range<usize>,
}

impl Instruction {
    /// Its keyword in upper case, such as `RUN`.
    #[must_use]
    pub fn keyword(&self) -> String {
        self.text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
    }

    /// What stands behind the keyword and the flags.
    #[must_use]
    pub fn arguments(&self) -> &str {
        self.flags_and_arguments().1
    }

    /// The image or stage that a `FROM` begins with, and the name that it gives its stage, in lower
    /// case.
    #[must_use]
    pub fn stage(&self) -> (&str, Option<String>) {
        let mut words = self.arguments().split_whitespace();
        let base = words.next().unwrap_or_default();
        let is_named = words.next().is_some_and(|word| word.eq_ignore_ascii_case("as"));
        (base, words.next().filter(|_| is_named).map(str::to_lowercase))
    }

    /// The image or stage that `--from` names.
    #[must_use]
    pub fn other_stage(&self) -> Option<&str> {
        self.flags_and_arguments().0.into_iter().find_map(|flag| flag.strip_prefix("--from="))
    }

    fn flags_and_arguments(&self) -> (Vec<&str>, &str) {
        let (_, rest) = self.text.split_once(char::is_whitespace).unwrap_or((&self.text, ""));
        let mut flags = Vec::new();
        let mut rest = rest.trim_start();
        while rest.starts_with("--") {
            let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            flags.push(flag);
            rest = after.trim_start();
        }
        (flags, rest)
    }
}

/// Reads the instructions of a Dockerfile, whatever they are.
#[must_use]
pub fn instructions(text: &str) -> Vec<Instruction> {
    let is_escape = |line: &str| {
        let directive: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        directive.eq_ignore_ascii_case("#escape=`")
    };
    let mut directives = text.lines().take_while(|line| line.starts_with('#'));
    let escape = if directives.any(is_escape) { '`' } else { '\\' };
    let mut instructions = Vec::new();
    let mut current = String::new();
    let mut place = 0..0;
    let mut lines = placed_lines(text);
    while let Some((start, line)) = lines.next() {
        let said = line.trim();
        if said.is_empty() || said.starts_with('#') {
            continue;
        }
        if current.is_empty() {
            place.start = start + line.len() - line.trim_start().len();
        }
        place.end = start + line.trim_end().len();
        if let Some(continued) = said.strip_suffix(escape) {
            current.push_str(continued);
            current.push(' ');
            continue;
        }
        current.push_str(said);
        for end in heredocs(&current) {
            // Its text is no instruction.
            lines.by_ref().find(|(_, line)| line.trim() == end);
        }
        let text = std::mem::take(&mut current).trim().to_owned();
        instructions.push(Instruction { text, place: place.clone() });
    }
    if !current.trim().is_empty() {
        instructions.push(Instruction { text: current.trim().to_owned(), place });
    }
    instructions
}

/// Lines with the place of their first byte.
fn placed_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len();
        Some((start, line))
    })
}

/// The words that end the heredocs of an instruction.
fn heredocs(instruction: &str) -> Vec<String> {
    let begins = instruction.split_whitespace().filter_map(|word| word.strip_prefix("<<"));
    begins
        .map(|word| word.trim_start_matches('-').trim_matches(['"', '\'']).to_owned())
        .filter(|word| word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_know_where_they_stand() {
        let text = "# syntax=docker/dockerfile:1\n\nFROM --platform=$P redis:8 as Base\r\n  RUN a \\\n    \
                    # why\n    && b\nCOPY --link --from=base <<x /y\nFROM nothing\nx\nUSER me";
        let found: Vec<_> = instructions(text)
            .iter()
            .map(|it| (it.keyword(), it.arguments().to_owned(), text[it.place.clone()].to_owned()))
            .collect();
        let expected = [
            ("FROM", "redis:8 as Base", "FROM --platform=$P redis:8 as Base"),
            ("RUN", "a  && b", "RUN a \\\n    # why\n    && b"),
            ("COPY", "<<x /y", "COPY --link --from=base <<x /y"),
            ("USER", "me", "USER me"),
        ];
        let expected = expected.map(|(keyword, arguments, place)| {
            (keyword.to_owned(), arguments.to_owned(), place.to_owned())
        });
        assert_eq!(found, expected);
        let read = instructions(text);
        assert_eq!(read[0].stage(), ("redis:8", Some("base".to_owned())));
        assert_eq!(read[2].other_stage(), Some("base"));
        assert_eq!(read[1].other_stage(), None);
    }
}
