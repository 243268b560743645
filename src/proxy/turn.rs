//! How many requests of a route its upstream has to answer at once, and who waits for a turn.
//!
//! Without such a limit, every request that an application is too slow for becomes one more connection to it. A turn lasts
//! from before a request is sent to the end of its answer's body; whoever drops it, for whatever reason, gives it on.
//! Nothing of a request's body is read before its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ForwardError;
use crate::clock::Clock;
use crate::meter::Gauge;

/// The turns of one route.
#[derive(Debug)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    /// How many there are, and how many may wait for one.
    limit: usize,
    /// How long one may wait; zero for not at all.
    patience: Duration,
    waiting: AtomicUsize,
}

/// The right to have an upstream busy with one request.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// Somebody who waits.
struct Waiter<'a>(&'a AtomicUsize);

impl Turns {
    pub(super) fn new(limit: usize, patience: Duration) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(limit)), limit, patience, waiting: AtomicUsize::new(0) }
    }

    /// A turn, if there is one at once. Nobody overtakes those who wait: what becomes free is theirs.
    pub(super) fn take(&self) -> Option<Turn> {
        Arc::clone(&self.free).try_acquire_owned().ok().map(|permit| Turn { _permit: permit })
    }

    /// A turn, waited for in the order of arrival. Dropping the future gives the place among those who wait up. `shown` is
    /// one higher meanwhile.
    ///
    /// # Errors
    /// [`ForwardError::Crowded`], when it did not come in time, or when too many wait already.
    pub(super) async fn wait(&self, shown: &Gauge, clock: &Clock) -> Result<Turn, ForwardError> {
        let crowded = || ForwardError::Crowded { limit: self.limit };
        if self.patience.is_zero() {
            return Err(crowded());
        }
        let _waiter = Waiter::enter(&self.waiting, self.limit).ok_or_else(crowded)?;
        let _shown = shown.hold();
        match clock.timeout(self.patience, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            // Nobody closes it.
            Ok(Err(_)) | Err(_) => Err(crowded()),
        }
    }
}

impl<'a> Waiter<'a> {
    fn enter(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let waiter = Self(waiting);
        // Who is one too many is taken back with the guard.
        (waiting.fetch_add(1, Ordering::Relaxed) < limit).then_some(waiter)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
