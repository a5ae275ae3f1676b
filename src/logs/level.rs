//! How serious a line of a log is, in one scale for all the words that programs have for it.

use std::fmt;
use std::str::FromStr;

/// How serious a line is, the least serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Every step.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// What normally happens.
    Info,
    /// What may become a problem.
    Warn,
    /// What went wrong.
    Error,
    /// What ended the program.
    Fatal,
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `trace`, `debug`, `info`, `warn`, `error` or `fatal`")]
pub struct UnknownLevel;

impl Level {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The name that `--level` takes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that a program means by a word such as `WARNING`, `NOTICE` or `verbose`.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        // No level has a longer name.
        if word.len() > 11 {
            return None;
        }
        Some(match word.to_ascii_lowercase().as_str() {
            "trace" | "verbose" | "finest" | "silly" => Self::Trace,
            "debug" | "debug1" | "debug2" | "debug3" | "debug4" | "debug5" | "fine" => Self::Debug,
            "info" | "information" | "log" | "notice" | "http" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" | "err" | "severe" => Self::Error,
            "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// The level that pino and bunyan mean by a number.
    #[must_use]
    pub const fn of_number(number: u64) -> Self {
        match number {
            0..20 => Self::Trace,
            20..30 => Self::Debug,
            30..40 => Self::Info,
            40..50 => Self::Warn,
            50..60 => Self::Error,
            60.. => Self::Fatal,
        }
    }

    /// The level that an HTTP status deserves in an access log.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            500.. => Self::Error,
            400..500 => Self::Warn,
            _ => Self::Info,
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Self::of_word(text).ok_or(UnknownLevel)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Level::{Debug, Error, Fatal, Info, Trace, Warn};
    use super::*;

    #[test]
    fn words_and_numbers_of_all_programs_are_one_scale() {
        let cases = [
            ("VERBOSE", Some(Level::Trace)),
            ("debug3", Some(Level::Debug)),
            ("LOG", Some(Level::Info)),
            ("notice", Some(Level::Info)),
            ("Warning", Some(Level::Warn)),
            ("ERR", Some(Level::Error)),
            ("PANIC", Some(Level::Fatal)),
            ("login", None),
            ("", None),
            ("a-very-long-word-that-is-no-level", None),
        ];
        for (word, expected) in cases {
            assert_eq!(Level::of_word(word), expected, "{word}");
        }
        let numbers: Vec<Level> = [10, 20, 30, 40, 50, 60, 35].map(Level::of_number).into();
        assert_eq!(numbers, [Trace, Debug, Info, Warn, Error, Fatal, Info]);
        assert!(Trace < Debug && Debug < Info && Info < Warn && Warn < Error && Error < Fatal);
        assert_eq!("nonsense".parse::<Level>(), Err(UnknownLevel));
    }
}
