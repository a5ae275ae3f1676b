//! How long to wait between two attempts. Pure.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use super::Reason;

/// The longest wait while nothing is there that could log an attempt.
const UNHEARD: Duration = Duration::from_millis(20);

/// The wait while only a change of the configuration would help.
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

/// The pace of one wait: quick again whenever the service gets on, slow while nothing helps.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    attempt: u32,
    last: Option<Discriminant<Reason>>,
}

impl Pace {
    /// Returns how long to wait after an attempt that ended with this reason.
    pub fn after(&mut self, reason: &Reason) -> Duration {
        let kind = discriminant(reason);
        self.attempt = if self.last == Some(kind) { self.attempt.saturating_add(1) } else { 0 };
        self.last = Some(kind);
        match reason {
            // Every server logs a refused login.
            reason if reason.is_lasting() => LASTING,
            // The engine's port proxy accepts, and hangs up when it finds that nobody listens.
            Reason::ConnectionRefused | Reason::Unreachable | Reason::Closed => {
                delay(self.attempt).min(UNHEARD)
            }
            _ => delay(self.attempt),
        }
    }
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
    fn the_pace_follows_what_the_service_does() {
        let loading = |percent| Reason::Loading { percent: Some(percent) };
        let mut pace = Pace::default();
        let mut waits = |reason: &Reason, times: usize| -> Vec<u128> {
            (0..times).map(|_| pace.after(reason).as_millis()).collect()
        };
        assert_eq!(waits(&Reason::ConnectionRefused, 8), [10, 12, 14, 16, 18, 20, 20, 20]);
        assert_eq!(waits(&Reason::Closed, 8).last(), Some(&20));
        assert_eq!(waits(&Reason::StartingUp, 3), [10, 12, 14]);
        assert_eq!(waits(&loading(1), 2), [10, 12]);
        assert_eq!(waits(&loading(2), 2), [14, 16]);
        assert_eq!(waits(&Reason::WrongPassword, 2), [1000, 1000]);
        assert_eq!(waits(&Reason::StartingUp, 40).last(), Some(&50));
    }
}
