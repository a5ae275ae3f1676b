//! How long to wait between two attempts. Pure.

use std::time::Duration;

use super::Reason;

/// The wait between attempts while only a change of the configuration would help.
const LASTING: Duration = Duration::from_secs(1);

/// Returns the wait after an attempt, counted from 0: 10 ms, growing to 50 ms.
///
/// The first waits are short because most services are up within a second; later ones are
/// longer because an early attempt can leave a line in the service's log.
#[must_use]
pub fn delay(attempt: u32) -> Duration {
    let grown = attempt.saturating_mul(2).saturating_add(10).min(50);
    Duration::from_millis(u64::from(grown))
}

/// Returns the wait after an attempt that ended with this reason.
///
/// A refused login is logged by every server, so it is not repeated at the quick pace.
#[must_use]
pub fn delay_after(attempt: u32, reason: &Reason) -> Duration {
    if reason.is_lasting() { LASTING } else { delay(attempt) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_10_to_50_milliseconds() {
        let cases = [(0, 10), (1, 12), (10, 30), (19, 48), (20, 50), (21, 50), (u32::MAX, 50)];
        for (attempt, expected) in cases {
            assert_eq!(delay(attempt), Duration::from_millis(expected), "attempt {attempt}");
        }
    }

    #[test]
    fn a_refused_login_is_repeated_slowly() {
        assert_eq!(delay_after(0, &Reason::WrongPassword), Duration::from_secs(1));
        assert_eq!(delay_after(0, &Reason::StartingUp), Duration::from_millis(10));
    }
}
