//! What the gateway did to each head: names by request id, told in this process and never on the wire.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use http::HeaderName;

use crate::observe::Observer;

/// Heads that are remembered; the oldest goes.
const CAPACITY: usize = 1024;

/// The onlooker of the demo. See [`Observer`].
#[derive(Debug, Default)]
pub struct HeadLog(Mutex<Log>);

/// The names that the gateway set, and those it kept back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<HeaderName>,
    pub(super) removed: Vec<HeaderName>,
}

#[derive(Debug, Default)]
struct Log {
    changes: HashMap<String, Changes>,
    order: VecDeque<String>,
}

impl HeadLog {
    /// What was done to the head of this request; none if it did not come through the gateway.
    pub(super) fn changes(&self, request_id: &str) -> Option<Changes> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.changes.get(request_id).cloned()
    }
}

impl Observer for HeadLog {
    fn outgoing_head(&self, request_id: &str, added: &[HeaderName], removed: &[HeaderName]) {
        let changes = Changes { added: added.to_vec(), removed: removed.to_vec() };
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A request that is sent twice on a dead connection is the same request.
        if log.changes.insert(request_id.to_owned(), changes).is_some() {
            return;
        }
        log.order.push_back(request_id.to_owned());
        if log.order.len() > CAPACITY
            && let Some(oldest) = log.order.pop_front()
        {
            log.changes.remove(&oldest);
        }
    }
}
