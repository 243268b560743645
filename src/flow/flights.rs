//! Single flights: work that must be done once, however many wait for it, and even if all of them go away.
//!
//! hyper drops a request's future when its client goes. A code that is exchanged is spent, so the exchange runs in a
//! task of its own; who asks again with the same cookie and the same parameters within 30 seconds gets the same result.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};

/// Work under way or done lately, by a key.
pub(super) struct Flights<T> {
    flights: Mutex<HashMap<String, Flight<T>>>,
    clock: Clock,
}

struct Flight<T> {
    started: Timestamp,
    parameters: [u8; 32],
    result: watch::Receiver<Option<Arc<T>>>,
}

/// Why a flight was not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotJoined {
    /// The key is in use with other parameters.
    Conflict,
    /// Too many flights at once.
    Full,
    /// The work broke off without a result.
    Lost,
}

/// How long a result is kept.
const KEPT: Duration = Duration::from_secs(30);

/// How many flights there may be. Each needs a cookie that we sealed.
const MAX: usize = 4096;

impl<T: Send + Sync + 'static> Flights<T> {
    pub(super) fn new(clock: Clock) -> Self {
        Self { flights: Mutex::default(), clock }
    }

    /// Joins the flight `key`, or starts it with `work`.
    pub(super) async fn join<F>(
        &self,
        key: String,
        parameters: [u8; 32],
        work: impl FnOnce() -> F,
    ) -> Result<Arc<T>, NotJoined>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut result = self.board(key, parameters, work)?;
        let result = result.wait_for(Option::is_some).await.map_err(|_| NotJoined::Lost)?;
        result.clone().ok_or(NotJoined::Lost)
    }

    fn board<F>(
        &self,
        key: String,
        parameters: [u8; 32],
        work: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Option<Arc<T>>>, NotJoined>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let now = self.clock.now();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose task is gone without a result cannot land any more; one under way stays whatever its age.
        flights.retain(|_, flight| {
            let landed = flight.result.borrow().is_some();
            (now < flight.started.plus(KEPT) || !landed) && (landed || flight.result.has_changed().is_ok())
        });
        if let Some(flight) = flights.get(&key) {
            return if flight.parameters == parameters {
                Ok(flight.result.clone())
            } else {
                Err(NotJoined::Conflict)
            };
        }
        if flights.len() >= MAX {
            // What has landed only serves whoever asks twice: it makes room, so that a flood of callbacks with made-up
            // codes shuts nobody out who comes with a real one.
            let landed = flights.iter().filter(|(_, flight)| flight.result.borrow().is_some());
            let oldest = landed.min_by_key(|(_, flight)| flight.started).map(|(key, _)| key.clone());
            flights.remove(&oldest.ok_or(NotJoined::Full)?);
        }
        let (sender, receiver) = watch::channel(None);
        let work = work();
        tokio::spawn(async move {
            let result = work.await;
            sender.send_replace(Some(Arc::new(result)));
        });
        flights.insert(key, Flight { started: now, parameters, result: receiver.clone() });
        Ok(receiver)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{Flights, NotJoined};
    use crate::clock::{Clock, Timestamp};

    #[tokio::test]
    async fn who_asks_again_gets_the_same_result_and_other_parameters_conflict() {
        let (clock, hand) = Clock::manual(Timestamp::from_secs(1));
        let flights = Flights::new(clock);
        let runs = Arc::new(AtomicUsize::new(0));
        let work = || {
            let runs = Arc::clone(&runs);
            async move { runs.fetch_add(1, Ordering::SeqCst) }
        };
        let key = || "key".to_owned();
        assert_eq!(*flights.join(key(), [1; 32], work).await.expect("a result"), 0);
        assert_eq!(*flights.join(key(), [1; 32], work).await.expect("a result"), 0);
        assert_eq!(flights.join(key(), [2; 32], work).await, Err(NotJoined::Conflict));
        hand.advance(Duration::from_secs(30));
        assert_eq!(*flights.join(key(), [2; 32], work).await.expect("a result"), 1);
    }

    #[tokio::test]
    async fn results_that_are_only_kept_make_room_and_work_under_way_does_not() {
        let (clock, _hand) = Clock::manual(Timestamp::from_secs(1));
        let flights = Flights::new(clock);
        for n in 0..super::MAX {
            flights.join(format!("flood {n}"), [0; 32], || async move { n }).await.expect("a result");
        }
        assert_eq!(*flights.join("one more".to_owned(), [0; 32], || async { 7 }).await.expect("a result"), 7);
        let flights = Flights::new(Clock::system());
        for n in 0..super::MAX {
            flights.board(format!("flood {n}"), [0; 32], std::future::pending::<()>).expect("a place");
        }
        let full = flights.board("one more".to_owned(), [0; 32], std::future::pending);
        assert_eq!(full.err(), Some(NotJoined::Full));
    }

    #[tokio::test]
    async fn the_work_goes_on_when_nobody_waits_any_more() {
        let flights = Arc::new(Flights::new(Clock::system()));
        let (done, landed) = tokio::sync::oneshot::channel();
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let waiter = flights.board("key".to_owned(), [1; 32], || async move {
            let _ = gate.await;
            let _ = done.send(());
        });
        drop(waiter);
        go.send(()).expect("the task waits");
        landed.await.expect("the task went on");
    }
}
