//! Room for connections: how many there are in all and of one client, and waiting until one more may come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::terms::InForce;
use crate::web::Subscriber;

/// How many connections are open.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: AtomicUsize,
    changed: Notify,
}

/// The place of one open connection.
#[derive(Debug)]
pub(super) struct Seat(Arc<Room>);

/// How many connections each client has. Only of those that are open, so that it is no larger than their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<Subscriber, usize>>>);

/// One connection of a client.
#[derive(Debug)]
pub(super) struct Counted {
    peers: Peers,
    who: Subscriber,
}

impl Room {
    /// Waits until one more connection may come, under the terms of that day.
    pub(super) async fn wait(&self, terms: &InForce) {
        loop {
            // Made before looking: what changes after that is not missed.
            let changed = self.changed.notified();
            if self.has_room(terms) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until every connection is gone, tunnels too.
    pub(super) async fn empty(&self) {
        loop {
            let changed = self.changed.notified();
            if self.taken.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Whether one more connection may come.
    pub(super) fn has_room(&self, terms: &InForce) -> bool {
        self.taken.load(Ordering::Acquire) < terms.today().limits.max_connections.max(1)
    }

    /// How many are there.
    pub(super) fn taken(&self) -> u64 {
        u64::try_from(self.taken.load(Ordering::Acquire)).unwrap_or(u64::MAX)
    }

    /// The place of a connection that has come.
    pub(super) fn take(self: &Arc<Self>) -> Seat {
        self.taken.fetch_add(1, Ordering::AcqRel);
        Seat(Arc::clone(self))
    }

    /// Has whoever waits look again.
    pub(super) fn look_again(&self) {
        self.changed.notify_waiters();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.look_again();
    }
}

impl Peers {
    /// Counts a connection of this client. None when it has `most` of them.
    pub(super) fn count(&self, who: Subscriber, most: usize) -> Option<Counted> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(who).or_default();
        if *count >= most.max(1) {
            return None;
        }
        *count += 1;
        Some(Counted { peers: self.clone(), who })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.who) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::IpAddr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::super::{InForce, Limits, Terms};
    use super::{Peers, Subscriber};

    fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn room_grows_at_once_and_shrinks_as_connections_leave() {
        let terms = |most| Terms::new(Limits::new(most));
        let force = InForce::new(terms(1));
        let first = force.room().take();
        let mut waiting = pin!(force.room().wait(&force));
        assert!(!is_ready(waiting.as_mut()));
        force.replace(terms(2));
        assert!(is_ready(waiting), "one more");
        let second = force.room().take();
        force.replace(terms(1));
        let mut waiting = pin!(force.room().wait(&force));
        assert!(!is_ready(waiting.as_mut()));
        drop(first);
        assert!(!is_ready(waiting.as_mut()), "one is as many as there may be");
        drop(second);
        assert!(is_ready(waiting));
    }

    #[test]
    fn a_client_has_so_many_connections_and_one_that_is_gone_takes_no_room() {
        let (peers, address) = (Peers::default(), IpAddr::from([203, 0, 113, 9]));
        let who = Subscriber::from(address);
        let held = [peers.count(who, 2), peers.count(who, 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(peers.count(who, 2).is_none());
        assert!(peers.count(Subscriber::from(IpAddr::from([203, 0, 113, 10])), 2).is_some());
        drop(held);
        assert!(peers.0.lock().expect("no panic").is_empty());
        assert!(peers.count(who, 2).is_some());
    }
}
