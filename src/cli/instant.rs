//! Points in time on the command line.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::project::Duration;

/// Reads `10m` (ago), `2026-01-02T03:04:05Z` or Unix seconds.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    if let Some(at) = text.parse().ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
    {
        return Ok(at);
    }
    let expected = "expected a length of time such as `10m`, a time such as \
                    `2026-01-02T03:04:05Z`, or Unix seconds";
    let ago: Duration = text.parse().map_err(|_| expected.to_owned())?;
    OffsetDateTime::now_utc()
        .checked_sub(ago.0.try_into().unwrap_or_default())
        .ok_or(expected.to_owned())
}
