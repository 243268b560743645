//! The limit on how often one client address may start a sign-in.
//!
//! Counts live for a minute, all of them for the same one, so that nothing has to be swept: when it is over, the table
//! begins empty. Its keys are what strangers choose, so the table is bounded and hashed with a secret seed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::meter::Counter;
use crate::web::Subscriber;

/// The sign-ins that were started lately, by client.
#[derive(Debug, Default)]
pub(super) struct Rate {
    minute: Mutex<Minute>,
    /// How many starts were refused.
    refused: Counter,
    warned: AtomicBool,
}

/// One minute's counts.
#[derive(Debug, Default)]
struct Minute {
    began: Option<Timestamp>,
    /// `RandomState` seeds the hash with chance of its own.
    counts: HashMap<Client, u32>,
}

/// Who is counted as one; all whose address is unknown are.
type Client = Option<Subscriber>;

/// The limit is reached until this time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) Duration);

const MINUTE: Duration = Duration::from_secs(60);

/// How many clients are counted in a minute: some 2 MiB. Who comes after them is let through uncounted: whoever has
/// that many addresses is not held by a limit for each, and everybody else must not be shut out.
const MAX_CLIENTS: usize = 65_536;

impl Rate {
    /// Counts a start from `client` at `now`, and says how long to wait if it is one too many.
    pub(super) fn count(
        &self,
        client: Option<IpAddr>,
        limit: NonZeroU32,
        now: Timestamp,
    ) -> Result<(), Wait> {
        let client = client.map(Subscriber::from);
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let began = match minute.began {
            // A clock that was set back begins a new minute, or the wait might be of any length.
            Some(began) if began <= now && now < began.plus(MINUTE) => began,
            _ => {
                minute.counts.clear();
                minute.began = Some(now);
                now
            }
        };
        let is_full = minute.counts.len() >= MAX_CLIENTS;
        let count = match minute.counts.get_mut(&client) {
            Some(count) => count,
            None if is_full => return Ok(()),
            None => minute.counts.entry(client).or_default(),
        };
        *count = count.saturating_add(1);
        if *count > limit.get() { Err(Wait(began.plus(MINUTE).since(now))) } else { Ok(()) }
    }

    /// Records that a start was refused.
    pub(super) fn refuse(&self) {
        self.refused.increment();
    }

    /// How many starts were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// Whether this is the first call.
    pub(super) fn warns(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::{MAX_CLIENTS, Rate, Wait};
    use crate::clock::Timestamp;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().map(Some).expect("an address")
    }

    fn limit(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).expect("a limit")
    }

    #[test]
    fn one_too_many_waits_for_the_end_of_the_minute() {
        let (rate, client) = (Rate::default(), ip("192.0.2.1"));
        for second in 0..3 {
            assert_eq!(rate.count(client, limit(3), START.plus(Duration::from_secs(second))), Ok(()));
        }
        let late = START.plus(Duration::from_secs(40));
        assert_eq!(rate.count(client, limit(3), late), Err(Wait(Duration::from_secs(20))));
        assert_eq!(rate.count(ip("192.0.2.2"), limit(3), late), Ok(()), "another address is another client");
        assert_eq!(rate.count(client, limit(3), START.plus(Duration::from_secs(60))), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_a_mapped_address_the_ipv4_one() {
        let rate = Rate::default();
        assert_eq!(rate.count(ip("2001:db8:0:1::1"), limit(1), START), Ok(()));
        assert!(rate.count(ip("2001:db8:0:1:ffff::2"), limit(1), START).is_err());
        assert_eq!(rate.count(ip("2001:db8:0:2::1"), limit(1), START), Ok(()));
        assert_eq!(rate.count(ip("192.0.2.1"), limit(1), START), Ok(()));
        assert!(rate.count(ip("::ffff:192.0.2.1"), limit(1), START).is_err());
        assert_eq!(rate.count(None, limit(1), START), Ok(()));
        assert!(rate.count(None, limit(1), START).is_err(), "all that are unknown are one");
    }

    #[test]
    fn a_flood_of_addresses_neither_grows_the_table_nor_shuts_others_out() {
        let rate = Rate::default();
        assert_eq!(rate.count(ip("192.0.2.1"), limit(1), START), Ok(()));
        for n in 0..u32::try_from(MAX_CLIENTS).expect("a number") + 10 {
            let address = Some(Ipv4Addr::from_bits(0x0A00_0000 + n).into());
            assert_eq!(rate.count(address, limit(1), START), Ok(()));
        }
        assert_eq!(rate.minute.lock().expect("no panic").counts.len(), MAX_CLIENTS);
        assert!(rate.count(ip("192.0.2.1"), limit(1), START).is_err(), "who was counted still is");
        assert_eq!(rate.count(ip("198.51.100.7"), limit(1), START), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let (rate, client) = (Rate::default(), ip("192.0.2.1"));
        assert_eq!(rate.count(client, limit(1), START.plus(Duration::from_secs(9000))), Ok(()));
        assert_eq!(rate.count(client, limit(1), START), Ok(()));
    }
}
