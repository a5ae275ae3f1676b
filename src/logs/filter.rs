//! Which lines are shown: those that match a pattern and are serious enough. An entry of several
//! lines is shown as a whole or not at all.

use std::collections::{HashMap, VecDeque};

use regex::Regex;

use super::escape::without_escapes;
use super::level::Level;
use super::line::{FrameStream, LogLine};
use super::reading::read;

/// What lines must be like.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What some line of an entry must match, escape sequences left out.
    pub pattern: Option<Regex>,
    /// How serious an entry must be at least; one that does not say counts as `info`.
    pub level: Option<Level>,
}

/// Lets through what is wanted, and holds the beginning of an entry until that is known.
#[derive(Debug, Default)]
pub struct Filter {
    wanted: Wanted,
    entries: HashMap<(String, FrameStream), Entry>,
}

/// The latest entry of one stream of a container.
#[derive(Debug)]
enum Entry {
    Shown,
    NotSerious,
    /// None of these lines matches so far.
    Held(VecDeque<LogLine>),
}

/// What is held of an entry: of a longer one the beginning is given up.
const MOST_HELD_BYTES: usize = 256 << 10;

impl Wanted {
    /// Whether every line is.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.pattern.is_none() && self.level.is_none()
    }

    fn is_serious(&self, level: Option<Level>) -> bool {
        self.level.is_none_or(|least| level.unwrap_or(Level::Info) >= least)
    }

    fn matches(&self, line: &LogLine) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| {
            pattern.is_match(&without_escapes(&String::from_utf8_lossy(&line.bytes)))
        })
    }
}

impl Filter {
    /// Returns a filter that lets through what is wanted.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, entries: HashMap::new() }
    }

    /// Whether every line is let through.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.wanted.is_everything()
    }

    /// Takes in a line and appends to `shown` what is known to be wanted now.
    pub fn push(&mut self, line: LogLine, shown: &mut Vec<LogLine>) {
        if self.wanted.is_everything() {
            shown.push(line);
            return;
        }
        let key = (line.source.label.clone(), line.stream);
        let mut level = None;
        let continues = line.continues || {
            let reading = self.wanted.level.is_some().then(|| read(&line.bytes));
            level = reading.as_ref().and_then(|reading| reading.level);
            reading.is_some_and(|reading| reading.continues)
        };
        let entry = if continues {
            self.entries.remove(&key).unwrap_or_else(|| Entry::Held(VecDeque::new()))
        } else if self.wanted.is_serious(level) {
            Entry::Held(VecDeque::new())
        } else {
            Entry::NotSerious
        };
        let entry = match entry {
            Entry::Shown => {
                shown.push(line);
                Entry::Shown
            }
            Entry::NotSerious => Entry::NotSerious,
            Entry::Held(held) if self.wanted.matches(&line) => {
                shown.extend(held);
                shown.push(line);
                Entry::Shown
            }
            Entry::Held(mut held) => {
                held.push_back(line);
                while held.iter().map(|line| line.bytes.len()).sum::<usize>() > MOST_HELD_BYTES {
                    held.pop_front();
                }
                Entry::Held(held)
            }
        };
        self.entries.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::line;
    use super::*;

    /// Texts that are let through; one that begins with a blank continues the entry before it.
    fn shown(pattern: Option<&str>, level: Option<Level>, texts: &[&str]) -> Vec<String> {
        let pattern = pattern.map(|pattern| Regex::new(pattern).unwrap());
        let mut filter = Filter::new(Wanted { pattern, level });
        let mut shown = Vec::new();
        for text in texts {
            let continues = text.starts_with(' ');
            filter.push(LogLine { continues, ..line("api-1", 1, text) }, &mut shown);
        }
        shown.iter().map(|line| String::from_utf8(line.bytes.clone()).unwrap()).collect()
    }

    const LOG: [&str; 7] = [
        "INFO: begun",
        "ERROR: boom",
        "  at one (a.ts:1)",
        "  at two (b.ts:2)",
        "DEBUG: detail",
        "  of it",
        "no level",
    ];

    #[test]
    fn an_entry_is_shown_as_a_whole() {
        assert_eq!(shown(None, None, &LOG), LOG);
        assert_eq!(shown(Some("b.ts"), None, &LOG), LOG[1..4]);
        assert_eq!(shown(Some("boom"), None, &LOG), LOG[1..4]);
        assert_eq!(shown(Some("^\\s+of"), None, &LOG), LOG[4..6]);
        assert_eq!(shown(Some("nothing"), None, &LOG), [""; 0]);
    }

    #[test]
    fn a_level_is_that_of_the_entry() {
        assert_eq!(shown(None, Some(Level::Warn), &LOG), LOG[1..4]);
        assert_eq!(shown(None, Some(Level::Info), &LOG), [&LOG[..4], &LOG[6..]].concat());
        assert_eq!(shown(Some("two"), Some(Level::Error), &LOG), LOG[1..4]);
        assert_eq!(shown(Some("of it"), Some(Level::Info), &LOG), [""; 0]);
        let postgres = [
            "2026-11-24 14:13:33.510 UTC [81] ERROR:  relation \"nothing\" does not exist",
            "2026-11-24 14:13:33.510 UTC [81] STATEMENT:  select nope from nothing",
            "2026-11-24 14:13:34.000 UTC [81] LOG:  checkpoint starting: time",
        ];
        assert_eq!(shown(None, Some(Level::Error), &postgres), postgres[..2]);
    }

    #[test]
    fn escape_sequences_are_no_part_of_what_is_looked_for() {
        let lines = ["\u{1b}[32mNest\u{1b}[39m ready", "other"];
        assert_eq!(shown(Some("^Nest ready$"), None, &lines), lines[..1]);
    }

    #[test]
    fn containers_and_streams_have_entries_of_their_own() {
        let mut filter =
            Filter::new(Wanted { pattern: Some(Regex::new("boom").unwrap()), level: None });
        let mut shown = Vec::new();
        let trace = |label| LogLine { continues: true, ..line(label, 2, "  at") };
        for line in [line("a-1", 1, "boom"), line("b-1", 1, "fine"), trace("a-1"), trace("b-1")] {
            filter.push(line, &mut shown);
        }
        assert_eq!(shown.iter().map(|it| it.source.label.as_str()).collect::<Vec<_>>(), ["a-1"; 2]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut filter =
            Filter::new(Wanted { pattern: Some(Regex::new("end").unwrap()), level: None });
        let mut shown = Vec::new();
        for _ in 0..100 {
            let long = "x".repeat(10_000);
            filter.push(LogLine { continues: true, ..line("a-1", 1, &long) }, &mut shown);
        }
        filter.push(LogLine { continues: true, ..line("a-1", 1, "end") }, &mut shown);
        assert_eq!(shown.len(), MOST_HELD_BYTES / 10_000 + 1);
    }
}
