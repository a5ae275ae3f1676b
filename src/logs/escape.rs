//! Terminal escape sequences in what programs log.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';

/// The text without colours and other escape sequences (ECMA-48: CSI, OSC and two-character ones).
#[must_use]
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != ESCAPE {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('[') => {
                // Parameters, then one final character from `@` on.
                let _ = rest.find(|c| ('@'..='~').contains(c));
            }
            Some(']') => {
                // A command for the terminal, ended by BEL or by ESC and a backslash.
                while let Some(c) = rest.next() {
                    if c == '\u{7}' || (c == ESCAPE && rest.next().is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_is_left() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\u{1b}[32m[Nest] 29\u{1b}[39m  - ok", "[Nest] 29  - ok"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}cx", "x"),
            ("cut \u{1b}[3", "cut "),
            ("cut \u{1b}", "cut "),
        ] {
            assert_eq!(without_escapes(text), expected, "{text:?}");
        }
    }
}
