//! Durations, sizes and secrets in Compose's notation.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A length of time, written `1h5m30s20ms` (Compose Specification, "Specifying durations").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub std::time::Duration);

/// An amount of bytes, written `512m`, `1.5gb` or a plain number (units of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// A value that must not appear in output, logs or errors: `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(String);

/// A text that is no duration or no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {kind}: {expected}")]
pub struct InvalidUnit {
    kind: &'static str,
    value: String,
    expected: &'static str,
}

impl Duration {
    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// A duration of milliseconds.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(std::time::Duration::from_millis(milliseconds))
    }
}

impl FromStr for Duration {
    type Err = InvalidUnit;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidUnit {
            kind: "duration",
            value: value.to_owned(),
            expected: "numbers with units such as `1m30s`, `500ms` or `2h`",
        };
        if value == "0" {
            return Ok(Self::default());
        }
        let mut rest = value;
        let mut total = 0.0_f64;
        while !rest.is_empty() {
            let digits =
                rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
            let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let unit_len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let seconds = match &rest[..unit_len] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return Err(invalid()),
            };
            total += number * seconds;
            rest = &rest[unit_len..];
        }
        if value.is_empty() {
            return Err(invalid());
        }
        // Nanoseconds first, so that `0.1s` is exactly 100 ms and prints as such.
        std::time::Duration::try_from_secs_f64((total * 1e9).round() / 1e9)
            .map(Self)
            .map_err(|_| invalid())
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_nanos();
        if total == 0 {
            return f.write_str("0s");
        }
        let (hours, rest) = (total / 3_600_000_000_000, total % 3_600_000_000_000);
        let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        let (whole, fraction) = (rest / 1_000_000_000, rest % 1_000_000_000);
        let decimals =
            |value: u128, width: usize| format!("{value:0width$}").trim_end_matches('0').to_owned();
        match (whole, fraction) {
            (_, 0) => write!(f, "{whole}s"),
            (0, nanos) if hours == 0 && minutes == 0 => match nanos {
                n if n % 1_000_000 == 0 => write!(f, "{}ms", n / 1_000_000),
                n if n >= 1_000_000 => {
                    write!(f, "{}.{}ms", n / 1_000_000, decimals(n % 1_000_000, 6))
                }
                n if n >= 1_000 && n % 1_000 == 0 => write!(f, "{}µs", n / 1_000),
                n if n >= 1_000 => write!(f, "{}.{}µs", n / 1_000, decimals(n % 1_000, 3)),
                n => write!(f, "{n}ns"),
            },
            (whole, nanos) => write!(f, "{whole}.{}s", decimals(nanos, 9)),
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Bytes {
    type Err = InvalidUnit;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidUnit {
            kind: "size",
            value: value.to_owned(),
            expected: "a number with an optional unit such as `512m`, `1.5gb` or `64k`",
        };
        let text = value.trim().to_ascii_lowercase();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().map_err(|_| invalid())?;
        let exponent = match text[digits..].trim() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            "p" | "pb" | "pib" => 5,
            _ => return Err(invalid()),
        };
        let bytes = number * 1024_f64.powi(exponent);
        if bytes >= 9.0e18 {
            return Err(invalid());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative and below 2^63, checked above"
        )]
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Bytes {
    // Compose's canonical form: bytes, as text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself, for the one place that must send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_in_compose_notation() {
        let cases = [
            ("10s", "10s"),
            ("90s", "1m30s"),
            ("1m30s", "1m30s"),
            ("2h", "2h0m0s"),
            ("1h5m30s20ms", "1h5m30.02s"),
            ("500ms", "500ms"),
            ("1.5s", "1.5s"),
            ("0.1s", "100ms"),
            ("2500us", "2.5ms"),
            ("0", "0s"),
            ("1d", "24h0m0s"),
        ];
        for (text, expected) in cases {
            let read = text.parse::<Duration>().map(|duration| duration.to_string());
            assert_eq!(read.as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "10", "s", "1x", "-1s", "1.2.3s", "1 s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_count_in_1024() {
        let cases = [
            ("0", 0),
            ("1024", 1024),
            ("1b", 1),
            ("64k", 65_536),
            ("512m", 536_870_912),
            ("512MB", 536_870_912),
            ("1.5g", 1_610_612_736),
            ("2 gib", 2_147_483_648),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Bytes>().map(|bytes| bytes.0), Ok(expected), "{text}");
        }
        for text in ["", "m", "1x", "-1", "1.2.3m", "99999999p"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_hide_themselves() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }
}
