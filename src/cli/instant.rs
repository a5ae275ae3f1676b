//! Points in time on the command line.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::project::Duration;

/// Reads `10m` (ago), `2026-01-02T03:04:05Z`, the same without its end, which is in UTC then, or
/// Unix seconds.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(&completed(text), &Rfc3339) {
        return Ok(at);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.len() == 4 {
        return Err(format!("a year alone is no date: expected one such as `{text}-01-31`"));
    }
    if let Some(at) = text.parse().ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
    {
        return Ok(at);
    }
    let expected = "expected a length of time such as `10m`, a date such as `2026-01-02`, a time \
                    such as `2026-01-02T03:04:05Z`, or Unix seconds";
    let ago: Duration = text.parse().map_err(|_| expected.to_owned())?;
    OffsetDateTime::now_utc()
        .checked_sub(ago.0.try_into().unwrap_or_default())
        .ok_or(expected.to_owned())
}

/// A date, or a time without seconds or zone, with what it lacks.
fn completed(text: &str) -> String {
    match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_may_lack_its_end() {
        for (text, expected) in [
            ("2026-12-01", Some(1_796_083_200)),
            ("2026-12-01T01:00", Some(1_796_086_800)),
            ("2026-12-01T01:00:01", Some(1_796_086_801)),
            ("2026-12-01T01:00:01Z", Some(1_796_086_801)),
            ("2026-12-01T02:00:01+01:00", Some(1_796_086_801)),
            ("1796083200", Some(1_796_083_200)),
            ("2020", None),
            ("2026-13-01", None),
            ("yesterday", None),
        ] {
            assert_eq!(instant(text).ok().map(OffsetDateTime::unix_timestamp), expected, "{text}");
        }
    }
}
