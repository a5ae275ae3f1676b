//! The last lines of each container, where the engine cannot count them because not all are shown.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::line::LogLine;

/// Keeps the last lines of each container.
#[derive(Debug)]
pub struct Last {
    most: usize,
    seen: u64,
    /// Lines by container, each with its place among all.
    kept: HashMap<String, VecDeque<(u64, LogLine)>>,
}

impl Last {
    /// Returns a store of at most `most` lines of each container.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, seen: 0, kept: HashMap::new() }
    }

    /// Takes in the next line.
    pub fn push(&mut self, line: LogLine) {
        let kept = self.kept.entry(line.source.label.clone()).or_default();
        self.seen += 1;
        kept.push_back((self.seen, line));
        if kept.len() > self.most {
            kept.pop_front();
        }
    }

    /// The lines that are kept, in the order in which they came.
    pub fn into_lines(self) -> impl Iterator<Item = LogLine> {
        self.kept.into_values().flatten().collect::<BTreeMap<_, _>>().into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{line, text};
    use super::*;

    #[test]
    fn the_last_lines_of_each_container_stay_in_order() {
        let kept = |most| {
            let mut last = Last::new(most);
            for (label, word) in [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"), ("c", "5")] {
                last.push(line(label, 1, word));
            }
            last.into_lines().map(|line| text(&line)).collect::<Vec<_>>()
        };
        assert_eq!(kept(9), ["a 1", "b 2", "a 3", "a 4", "c 5"]);
        assert_eq!(kept(2), ["b 2", "a 3", "a 4", "c 5"]);
        assert_eq!(kept(0), [""; 0]);
    }
}
