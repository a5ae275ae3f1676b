//! Which files of a folder count: the rules of `.dockerignore` (Docker's build reference), which
//! are not those of `.gitignore`: every pattern is rooted at the folder, a match covers all that
//! lies below, the last match wins. Build contexts and `develop.watch` are written in them.

use globset::{GlobBuilder, GlobMatcher};

/// Compiled rules.
#[derive(Debug, Clone, Default)]
pub struct Dockerignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    include: bool,
    matcher: GlobMatcher,
    text: String,
}

/// A line that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{pattern}` is not a pattern: {reason}")]
pub struct InvalidPattern {
    /// Number of the line, from 1.
    pub line: usize,
    /// The pattern as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Dockerignore {
    /// Reads the file's text.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::of(text.trim_start_matches('\u{feff}').lines())
    }

    /// Reads patterns, one per line.
    ///
    /// # Errors
    /// The first one that is no pattern.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        let mut rules = Vec::new();
        for (index, line) in lines.into_iter().enumerate() {
            // A comment begins in the first column; blanks around a pattern do not count.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line_text = line.trim();
            let (include, pattern) = match line_text.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line_text),
            };
            let clean = clean(pattern);
            if clean.is_empty() {
                continue;
            }
            let glob = GlobBuilder::new(&clean)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| InvalidPattern {
                    line: index + 1,
                    pattern: pattern.to_owned(),
                    reason: error.kind().to_string(),
                })?;
            rules.push(Rule { include, matcher: glob.compile_matcher(), text: clean });
        }
        Ok(Self { rules })
    }

    /// Whether a path relative to the folder (with `/`) is covered.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for rule in &self.rules {
            if rule.include == excluded && rule.matches(path) {
                excluded = !rule.include;
            }
        }
        excluded
    }

    /// Whether an excluded folder must be walked all the same, since a later `!` rule may bring
    /// back something inside.
    #[must_use]
    pub fn may_include_below(&self, folder: &str) -> bool {
        self.rules.iter().filter(|rule| rule.include).any(|rule| {
            let mut pattern = rule.text.split('/');
            for part in folder.split('/') {
                match pattern.next() {
                    Some("**") => return true,
                    Some(piece) if piece == part || piece.contains(['*', '?', '[']) => {}
                    _ => return false,
                }
            }
            true
        })
    }
}

impl Rule {
    /// A pattern matches a path, or any of the folders above it.
    fn matches(&self, path: &str) -> bool {
        let mut end = path.len();
        loop {
            if self.matcher.is_match(&path[..end]) {
                return true;
            }
            match path[..end].rfind('/') {
                Some(slash) => end = slash,
                None => return false,
            }
        }
    }
}

/// Cleans a pattern as a path: no leading slash, no `.` parts, `..` resolved.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(rules: &str, path: &str) -> bool {
        Dockerignore::parse(rules).expect("valid patterns").excludes(path)
    }

    #[test]
    fn patterns_follow_the_build_reference() {
        let cases = [
            ("node_modules", "node_modules/a/b.js", true),
            ("node_modules", "sub/node_modules/a.js", false),
            ("**/node_modules", "sub/node_modules/a.js", true),
            ("*.md", "README.md", true),
            ("*.md", "docs/README.md", false),
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/temp*", "somedir/subdir/temporary.txt", false),
            ("temp?", "tempa", true),
            ("/dist/", "dist/main.js", true),
            ("./dist", "dist", true),
            ("*\n!src", "src/main.ts", false),
            ("*\n!src", "secret", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-x.md", false),
            ("# note\n\n  *.log  ", "a.log", true),
            ("a/../b", "b", true),
            ("**/*.go", "a/b/c.go", true),
            ("**/*.go", "c.go", true),
            ("**", "anything/at/all", true),
            ("**\n!keep/me", "keep/me/file", false),
        ];
        for (rules, path, expected) in cases {
            assert_eq!(excluded(rules, path), expected, "{rules:?} on {path}");
        }
    }

    #[test]
    fn excluded_folders_are_walked_only_for_exceptions() {
        let rules = Dockerignore::parse("*\n!src/app\n!**/keep.txt").expect("valid patterns");
        assert!(rules.may_include_below("src"));
        let rules = Dockerignore::parse("*\n!src/app").expect("valid patterns");
        assert!(rules.may_include_below("src"));
        assert!(!rules.may_include_below("node_modules"));
        assert!(!rules.may_include_below("src/other"));
    }

    #[test]
    fn a_broken_pattern_is_named_with_its_line() {
        let error = Dockerignore::parse("ok\n[a").expect_err("an unclosed class");
        assert!(error.to_string().starts_with("line 2: `[a` is not a pattern"), "{error}");
    }
}
