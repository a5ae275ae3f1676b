//! The words between devstack and the reload runner in a container: JSON, one object per line.

use serde::{Deserialize, Serialize};

use super::contents::ChangeKind;

/// The version of the words that this side knows.
pub const PROTOCOL: u32 = 1;

/// What is said to the runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRunner {
    /// Files are others than before.
    Changed {
        /// Counts from 1 in each connection. An answer for one holds for all before it.
        id: u64,
        /// The files.
        files: Vec<RunnerFile>,
    },
}

/// A file, as the container knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunnerFile {
    /// Absolute path in the container.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What the runner says. Words that this side does not know are left alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRunner {
    /// The first word of a connection.
    Hello {
        /// The version of the words.
        protocol: u32,
    },
    /// A version serves.
    Live {
        /// Whose changes it has; `None` when the runner began by itself.
        id: Option<u64>,
        /// The files that it took in.
        #[serde(default)]
        files: Vec<String>,
        /// Time to compile, in milliseconds.
        #[serde(default)]
        compile_ms: f64,
        /// Time to start, in milliseconds.
        #[serde(default)]
        start_ms: f64,
    },
    /// The changes were none for the application.
    Unchanged {
        /// Whose changes.
        id: u64,
    },
    /// The changes do not serve.
    Failed {
        /// Whose changes.
        id: Option<u64>,
        /// `compile`, `start` or `install`.
        phase: String,
        /// Why.
        message: String,
        /// The place in the code.
        #[serde(default)]
        frame: Option<String>,
        /// The generation that serves instead.
        #[serde(default)]
        serving: Option<u64>,
    },
    /// The application ended by itself.
    Crashed {
        /// Its exit code.
        code: Option<i64>,
        /// The signal that ended it.
        signal: Option<String>,
        /// The last lines that it printed.
        #[serde(default)]
        lines: Vec<String>,
    },
    /// What the type checker found; nothing when all is well again.
    Types {
        /// The findings.
        errors: Vec<TypeError>,
    },
    /// Packages are being installed.
    Installing {
        /// Why.
        reason: String,
    },
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// A finding of the type checker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TypeError {
    /// Path in the container.
    pub file: String,
    /// From 1.
    pub line: u64,
    /// From 1.
    pub column: u64,
    /// In its own words.
    pub message: String,
}

/// Cuts a stream of bytes into words.
#[derive(Debug, Default)]
pub struct Words {
    rest: Vec<u8>,
}

impl ToRunner {
    /// The word as a line.
    ///
    /// # Panics
    /// Never: its fields are texts and numbers.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("texts and numbers can be written");
        line.push('\n');
        line
    }
}

impl Words {
    /// Takes in bytes; returns the words that are complete. A line that is none is left out.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<FromRunner> {
        self.rest.extend_from_slice(bytes);
        let mut words = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            words.extend(serde_json::from_slice(&line));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_lines_end() {
        let text = concat!(
            "{\"type\":\"hello\",\"protocol\":1,\"state\":\"live\",\"generation\":3}\n",
            "not JSON\n",
            "{\"type\":\"reloading\",\"id\":1}\n",
            "{\"type\":\"live\",\"id\":1,\"generation\":4,\"files\":[\"/a\"],\"compile_ms\":2.1,\"start_ms\":96.0}\n",
            "{\"type\":\"live\",\"id\":null,\"generation\":5}\n",
            "{\"type\":\"failed\",\"id\":2,\"phase\":\"compile\",\"message\":\"m\",\"frame\":null,\"serving\":4}\n",
            "{\"type\":\"crashed\",\"code\":null,\"signal\":\"SIGKILL\",\"lines\":[]}\n",
            "{\"type\":\"unchanged\",\"id\":2}\n{\"type\":\"li",
        );
        let live = |id, files: &[&str], compile_ms, start_ms| FromRunner::Live {
            id,
            files: files.iter().map(ToString::to_string).collect(),
            compile_ms,
            start_ms,
        };
        let expected = [
            FromRunner::Hello { protocol: 1 },
            FromRunner::Unknown,
            live(Some(1), &["/a"], 2.1, 96.0),
            live(None, &[], 0.0, 0.0),
            FromRunner::Failed {
                id: Some(2),
                phase: "compile".to_owned(),
                message: "m".to_owned(),
                frame: None,
                serving: Some(4),
            },
            FromRunner::Crashed { code: None, signal: Some("SIGKILL".to_owned()), lines: vec![] },
            FromRunner::Unchanged { id: 2 },
        ];
        for size in [1, 7, text.len()] {
            let mut words = Words::default();
            let read: Vec<_> =
                text.as_bytes().chunks(size).flat_map(|chunk| words.push(chunk)).collect();
            assert_eq!(read, expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn changes_are_one_line() {
        let file = RunnerFile { path: "/app/a\nb".to_owned(), kind: ChangeKind::Removed };
        let word = ToRunner::Changed { id: 7, files: vec![file] };
        assert_eq!(
            word.line(),
            "{\"type\":\"changed\",\"id\":7,\"files\":[{\"path\":\"/app/a\\nb\",\"kind\":\"removed\"}]}\n"
        );
    }
}
