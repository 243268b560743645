//! What was told once and need not be told again: a cookie can come a thousand times, and its end is one event.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::session::SessionId;
use crate::web::ClientAddr;

/// Something that is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Once {
    /// The session began.
    Began(SessionId),
    /// The session ended by itself.
    Ended(SessionId),
    /// The session's cookie came from there, after somebody had ended it.
    Revoked(SessionId, ClientAddr),
}

/// The last things that were told.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    known: HashSet<Once>,
    order: VecDeque<Once>,
}

/// How many are kept in mind, some 600 KiB. Each needs a seal of ours that opens, so nobody fills this with what they
/// made up; and what is forgotten is told twice at worst.
const MAX_KNOWN: usize = 4096;

impl Told {
    /// Whether this was not told yet. From now on it was.
    pub(super) fn is_first(&self, once: Once) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.known.insert(once) {
            return false;
        }
        last.order.push_back(once);
        if last.order.len() > MAX_KNOWN
            && let Some(oldest) = last.order.pop_front()
        {
            last.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_KNOWN, Once, Told};
    use crate::session::SessionId;

    #[test]
    fn each_is_told_once_and_no_more_is_kept_than_is_said() {
        let told = Told::default();
        let id = |n: usize| SessionId::new((n as u128).to_be_bytes());
        assert!(told.is_first(Once::Ended(id(0))) && !told.is_first(Once::Ended(id(0))));
        assert!(told.is_first(Once::Began(id(0))), "another matter");
        for n in 1..MAX_KNOWN {
            assert!(told.is_first(Once::Ended(id(n))));
        }
        assert!(told.is_first(Once::Ended(id(0))), "forgotten by now");
        assert!(!told.is_first(Once::Ended(id(2))));
        let last = told.0.lock().expect("no test panicked here");
        assert_eq!((last.known.len(), last.order.len()), (MAX_KNOWN, MAX_KNOWN));
    }
}
