//! What the terminal is and shows: the only place that asks. Decides nothing but whether there is
//! colour and whether lines can be redrawn.

use std::io::IsTerminal;

use console::Term;

/// Facts about the three standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether a person may be typing on stdin.
    pub stdin_is_terminal: bool,
    /// Stdout, where data goes.
    pub stdout: Output,
    /// Stderr, where everything else goes.
    pub stderr: Output,
}

/// Facts about one stream that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Whether it is a terminal.
    pub is_terminal: bool,
    /// Whether it is to be coloured.
    pub colour: bool,
    /// Whether lines on it can be redrawn, and somebody is there to watch.
    pub is_live: bool,
    /// Rows and columns, when it is a terminal.
    pub size: Option<(usize, usize)>,
}

/// What `--ansi` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ansi {
    /// Escape sequences where they are understood.
    #[default]
    Auto,
    /// Colour even where nobody is known to understand it.
    Always,
    /// No escape sequences at all.
    Never,
}

impl Terminal {
    /// Looks at the streams of this process; `env` looks up an environment variable.
    pub fn detect(ansi: Ansi, env: impl Fn(&str) -> Option<String>) -> Self {
        let conventions = Conventions::of(env);
        let output = |is_terminal: bool, term: &Term| {
            let size = if is_terminal { size(term) } else { None };
            Output::new(ansi, conventions, is_terminal, size)
        };
        Self {
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout: output(std::io::stdout().is_terminal(), &Term::stdout()),
            stderr: output(std::io::stderr().is_terminal(), &Term::stderr()),
        }
    }
}

/// Rows and columns that the terminal has now that standard output is.
#[must_use]
pub fn stdout_size() -> Option<(usize, usize)> {
    size(&Term::stdout())
}

fn size(term: &Term) -> Option<(usize, usize)> {
    term.size_checked().map(|(rows, columns)| (rows.into(), columns.into()))
}

/// What the environment says of colour, by the conventions of <https://no-color.org> and
/// <https://bixense.com/clicolors>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Conventions {
    colour: Option<bool>,
    is_dumb: bool,
    is_ci: bool,
}

impl Conventions {
    fn of(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let colour = if set("NO_COLOR").is_some() {
            Some(false)
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            Some(true)
        } else if set("CLICOLOR").is_some_and(|value| value == "0") {
            Some(false)
        } else {
            None
        };
        Self {
            colour,
            is_dumb: set("TERM").is_some_and(|value| value == "dumb"),
            is_ci: set("CI").is_some_and(|value| value != "false" && value != "0"),
        }
    }
}

impl Output {
    fn new(
        ansi: Ansi,
        conventions: Conventions,
        is_terminal: bool,
        size: Option<(usize, usize)>,
    ) -> Self {
        let understands = is_terminal && !conventions.is_dumb;
        let colour = match ansi {
            Ansi::Auto => conventions.colour.unwrap_or(understands),
            Ansi::Always => true,
            Ansi::Never => false,
        };
        // A job's log keeps every picture of a moving line, even where it plays a terminal.
        let is_live = understands && ansi != Ansi::Never && !conventions.is_ci;
        Self { is_terminal, colour, is_live, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_and_redrawing_follow_the_conventions() {
        use Ansi::{Always, Auto, Never};
        type Env = &'static [(&'static str, &'static str)];
        // --ansi, environment, is a terminal -> colour, live
        let cases: [(Ansi, Env, bool, bool, bool); 17] = [
            (Auto, &[], true, true, true),
            (Auto, &[], false, false, false),
            (Auto, &[("NO_COLOR", "1")], true, false, true),
            (Auto, &[("NO_COLOR", "")], true, true, true),
            (Auto, &[("CLICOLOR", "0")], true, false, true),
            (Auto, &[("CLICOLOR", "1")], false, false, false),
            (Auto, &[("CLICOLOR_FORCE", "1")], false, true, false),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false, false),
            (Auto, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true, false, true),
            (Auto, &[("TERM", "dumb")], true, false, false),
            (Auto, &[("TERM", "xterm")], true, true, true),
            (Auto, &[("CI", "true")], true, true, false),
            (Auto, &[("CI", "false")], true, true, true),
            (Always, &[], false, true, false),
            (Always, &[("NO_COLOR", "1")], true, true, true),
            (Never, &[], true, false, false),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false, false),
        ];
        for (ansi, env, is_terminal, colour, is_live) in cases {
            let lookup =
                |name: &str| env.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
            let output = Output::new(ansi, Conventions::of(lookup), is_terminal, None);
            assert_eq!(
                (output.colour, output.is_live),
                (colour, is_live),
                "{ansi:?} {env:?} terminal: {is_terminal}"
            );
        }
    }
}
