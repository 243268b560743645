//! Revocations: the sessions that ended before their time, so that a copied cookie is dead too.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::SessionId;
use crate::clock::Timestamp;
use crate::lease::{Lease, Lessor};

/// The ended sessions of this process, and the leases of those that live.
#[derive(Debug, Default)]
pub struct Revocations {
    ended: RwLock<HashMap<SessionId, Timestamp>>,
    leases: RwLock<HashMap<SessionId, Lessor>>,
}

/// How many ended sessions are kept in mind: 24 bytes each and the map's overhead, some 48 MiB when full. Beyond it the
/// one that would have ended first is forgotten.
const MAX_ENDED: usize = 1_000_000;

impl Revocations {
    /// Whether the session was ended.
    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Ends a session, which would have ended by itself at `until`, and every lease of it.
    pub fn revoke(&self, id: SessionId, until: Timestamp, now: Timestamp) {
        {
            let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
            if ended.len() == ended.capacity() || ended.len() >= MAX_ENDED {
                ended.retain(|_, until| *until > now);
            }
            if ended.len() >= MAX_ENDED
                && let Some(first) = ended.iter().min_by_key(|(_, until)| **until).map(|(id, _)| *id)
            {
                ended.remove(&first);
            }
            ended.insert(id, until);
        }
        if let Some(lessor) = self.leases.write().unwrap_or_else(PoisonError::into_inner).remove(&id) {
            lessor.end();
        }
    }

    /// A lease of a session, for a stream that outlives its request's head.
    #[must_use]
    pub fn lease(&self, id: SessionId, until: Timestamp) -> Lease {
        let mut leases = self.leases.write().unwrap_or_else(PoisonError::into_inner);
        if leases.len() == leases.capacity() {
            leases.retain(|_, lessor| lessor.is_held());
        }
        if let Some(lessor) = leases.get(&id) {
            lessor.extend(until);
            return lessor.lease();
        }
        let (lessor, lease) = Lease::until(until);
        if self.contains(id) {
            lessor.end();
        } else {
            leases.insert(id, lessor);
        }
        lease
    }

    /// How many ended sessions are kept in mind.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
