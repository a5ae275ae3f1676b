//! What a Dockerfile says of its inputs (Docker's Dockerfile reference): which images it begins
//! with, and which files of the context it names.

mod instruction;

pub use instruction::{Instruction, KEYWORDS, instructions};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dockerfile {
    /// Images of `FROM` and `COPY --from`, stages of the file left out, as far as they are written
    /// without variables.
    pub bases: Vec<String>,
    /// Sources of `COPY` and `ADD` in the context: paths and patterns, without a slash at either
    /// end; the whole context is `.`.
    pub sources: Vec<String>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// A stage of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// Its name, in lower case.
    pub name: Option<String>,
    /// The image or stage that it begins with, as it is written.
    pub base: String,
    /// The last `WORKDIR`, as it is written.
    pub workdir: Option<String>,
    /// The TCP ports of `EXPOSE` that are numbers.
    pub exposed: Vec<u16>,
    /// Whether it copies what another stage or image made.
    pub is_copied_into: bool,
}

impl Dockerfile {
    /// Reads the text. What it does not understand is left for the builder to complain about.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        for instruction in instructions(text) {
            let arguments = instruction.arguments();
            match instruction.keyword().as_str() {
                "FROM" => {
                    let (base, name) = instruction.stage();
                    found.base(base);
                    found.stages.push(Stage { name, base: base.to_owned(), ..Stage::default() });
                }
                "WORKDIR" => {
                    if let Some(stage) = found.stages.last_mut() {
                        stage.workdir = Some(arguments.trim().to_owned());
                    }
                }
                "EXPOSE" => {
                    let ports = arguments.split_whitespace().filter_map(|port| {
                        port.strip_suffix("/tcp").unwrap_or(port).parse::<u16>().ok()
                    });
                    if let Some(stage) = found.stages.last_mut() {
                        stage.exposed.extend(ports);
                    }
                }
                "COPY" | "ADD" => match instruction.other_stage() {
                    Some(image) => {
                        found.base(image);
                        if let Some(stage) = found.stages.last_mut() {
                            stage.is_copied_into = true;
                        }
                    }
                    None => found.sources.extend(sources(arguments)),
                },
                _ => {}
            }
        }
        found
    }

    /// A stage by the name that another begins with.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| {
            stage.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// The folder in which a stage's process runs, from the stage itself or one that it begins with.
    #[must_use]
    pub fn workdir<'d>(&'d self, stage: &'d Stage) -> Option<&'d str> {
        let mut stage = stage;
        // No stage begins with itself, so there are no more steps than stages.
        for _ in 0..self.stages.len() {
            if let Some(workdir) = &stage.workdir {
                return Some(workdir);
            }
            stage = self.stage(&stage.base)?;
        }
        None
    }

    fn base(&mut self, image: &str) {
        let is_stage = self.stage(image).is_some() || image.parse::<usize>().is_ok();
        let is_image = !image.is_empty() && image != "scratch" && !image.contains('$');
        if is_image && !is_stage && !self.bases.iter().any(|base| base == image) {
            self.bases.push(image.to_owned());
        }
    }
}

/// All arguments but the last, which is the target.
fn sources(arguments: &str) -> Vec<String> {
    let mut words: Vec<String> = match serde_json::from_str(arguments) {
        Ok(words) => words,
        Err(_) => arguments.split_whitespace().map(str::to_owned).collect(),
    };
    words.pop();
    words
        .iter()
        .filter(|word| !word.starts_with("<<") && !word.contains("://"))
        .map(|word| {
            let parts = word.split('/').filter(|part| !matches!(*part, "" | "."));
            let path = parts.collect::<Vec<_>>().join("/");
            // A variable may stand for anything.
            if path.is_empty() || path.contains('$') { ".".to_owned() } else { path }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_and_sources_are_found() {
        let text = "\
# syntax=docker/dockerfile:1
ARG TAG=26
FROM --platform=linux/amd64 node:26-slim AS deps
WORKDIR /app
COPY package.json ./package-lock.json ./
RUN --mount=type=cache,target=/root/.npm \\
    # a comment within
    npm ci
FROM deps as dev
COPY --chown=node:node [\"src dir\", \"other/\", \"/app/\"]
ADD https://example.com/a.tar.gz /tmp/
COPY . .
COPY <<EOF /etc/motd
FROM nothing
EOF
FROM node:${TAG}
COPY --from=deps /app /app
COPY --from=redis:8 /usr/bin/redis-cli /bin/
COPY --from=0 /app /app
FROM scratch
copy conf/*.yml /conf/
";
        let found = Dockerfile::read(text);
        assert_eq!(found.bases, ["node:26-slim", "redis:8"]);
        assert_eq!(
            found.sources,
            ["package.json", "package-lock.json", "src dir", "other", ".", "conf/*.yml"]
        );
    }

    #[test]
    fn stages_are_found_with_their_folders_and_ports() {
        let text = "FROM node:26 AS Deps\nWORKDIR /app\nFROM deps as dev\nEXPOSE 3000 9229/tcp 53/udp $P\n\
                    FROM scratch\nCOPY --from=dev /app /srv\n";
        let found = Dockerfile::read(text);
        let dev = found.stage("DEV").expect("it is there");
        assert_eq!(
            (dev.exposed.as_slice(), found.workdir(dev)),
            ([3000, 9229].as_slice(), Some("/app"))
        );
        let last = found.stages.last().expect("there are three");
        assert!(last.is_copied_into && last.name.is_none() && found.workdir(last).is_none());
    }

    #[test]
    fn anything_is_read() {
        for text in ["", "FROM", "COPY", "COPY a", "\\", "FROM a \\", "COPY [\"a\"", "COPY <<x"] {
            let _ = Dockerfile::read(text);
        }
        assert_eq!(Dockerfile::read("COPY $DIR/x /x").sources, ["."]);
        assert_eq!(Dockerfile::read("# escape=`\nFROM `\n  redis:8").bases, ["redis:8"]);
    }
}
