//! What is said in the log at most once a minute, however often it happens: who makes it happen may be a stranger.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// What a listener says seldom.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// That connections cannot be accepted.
    pub(super) accept: Seldom,
    /// That a proxy did not introduce a connection.
    pub(super) proxy_header: Seldom,
}

/// A thing that is said at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

const EVERY: Duration = Duration::from_secs(60);

impl Seldom {
    /// Whether it is to be said now.
    pub(super) fn is_due(&self, clock: &Clock) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.instant();
        let is_due = last.is_none_or(|last| now.duration_since(last) >= EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Seldom;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn it_is_said_once_a_minute() {
        let (clock, hand) = Clock::manual(Timestamp::EPOCH);
        let seldom = Seldom::default();
        assert!(seldom.is_due(&clock));
        assert!(!seldom.is_due(&clock));
        hand.advance(Duration::from_secs(60));
        assert!(seldom.is_due(&clock));
        assert!(!seldom.is_due(&clock));
    }
}
