//! Numbers on the command line.

use std::str::FromStr;

/// Reads whole seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number of seconds".to_owned())
}

/// Reads a whole number from 1.
pub(super) fn positive<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= T::from(1));
    number.ok_or_else(|| "expected a whole number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_asked_for_in_plain_words() {
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("x"), Err("expected a whole number of seconds".to_owned()));
        assert_eq!(positive("2"), Ok(2_u32));
        for text in ["0", "-1", "x", ""] {
            assert_eq!(positive::<u32>(text), Err("expected a whole number from 1".to_owned()));
        }
    }
}
