//! Something fetched from a provider, kept for a while: one call at a time, old values outlive failed refreshes, and
//! failures are answered from memory until it is time to try again.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::ProviderError;
use crate::clock::Clock;

/// A value of a provider with its age.
#[derive(Debug)]
pub(super) struct Cached<T> {
    state: Mutex<State<T>>,
    /// Held by whoever fetches. Those who have no value wait for it, those who have an old one do not.
    turn: tokio::sync::Mutex<()>,
    clock: Clock,
}

#[derive(Debug)]
struct State<T> {
    value: Option<(Arc<T>, Instant)>,
    failure: Option<Failure>,
    /// The last fetch that [`Cached::renew`] asked for.
    renewed: Option<Instant>,
}

#[derive(Debug)]
struct Failure {
    error: ProviderError,
    wait: Duration,
    until: Instant,
}

enum Look<T> {
    Use(Arc<T>),
    Stale(Arc<T>),
    Failed(ProviderError),
    Empty,
}

/// How long a value is used without a refresh.
const LIFE: Duration = Duration::from_secs(3600);

/// The wait after the first failure; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait after a failure.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The shortest time between two fetches out of turn.
const RENEW_EVERY: Duration = Duration::from_secs(60);

impl<T> Cached<T> {
    pub(super) fn new(clock: Clock) -> Self {
        let state = State { value: None, failure: None, renewed: None };
        Self { state: Mutex::new(state), turn: tokio::sync::Mutex::new(()), clock }
    }

    /// The value. Fetched if there is none, or if it is old; an old one is kept when that fails.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let _turn = match self.look() {
            Look::Use(value) => return Ok(value),
            Look::Failed(error) => return Err(error),
            Look::Stale(value) => match self.turn.try_lock() {
                Ok(turn) => turn,
                // Somebody refreshes it already.
                Err(_) => return Ok(value),
            },
            Look::Empty => self.turn.lock().await,
        };
        match self.look() {
            Look::Use(value) => Ok(value),
            Look::Failed(error) => Err(error),
            Look::Stale(value) => Ok(self.fill(fetch()).await.unwrap_or(value)),
            Look::Empty => self.fill(fetch()).await,
        }
    }

    /// A newer value than `seen`, fetched out of turn. None if there is none, or if the last such fetch was less than
    /// a minute ago: somebody who sends made-up key ids must not make us call.
    pub(super) async fn renew<F>(&self, seen: &Arc<T>, fetch: impl FnOnce() -> F) -> Option<Arc<T>>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let _turn = self.turn.lock().await;
        let now = self.clock.instant();
        {
            let mut state = self.state();
            if let Some((value, _)) = &state.value
                && !Arc::ptr_eq(value, seen)
            {
                return Some(Arc::clone(value));
            }
            if state.renewed.is_some_and(|last| now.saturating_duration_since(last) < RENEW_EVERY) {
                return None;
            }
            state.renewed = Some(now);
        }
        self.fill(fetch()).await.ok()
    }

    async fn fill(
        &self,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<Arc<T>, ProviderError> {
        let result = fetch.await;
        let now = self.clock.instant();
        let mut state = self.state();
        match result {
            Ok(value) => {
                let value = Arc::new(value);
                state.value = Some((Arc::clone(&value), now));
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                let wait = state.failure.as_ref().map_or(FIRST_WAIT, |last| (last.wait * 2).min(MAX_WAIT));
                state.failure = Some(Failure { error: error.clone(), wait, until: now + wait });
                Err(error)
            }
        }
    }

    /// For how long the value has been known; none when there is none.
    pub(super) fn age(&self) -> Option<Duration> {
        let now = self.clock.instant();
        self.state().value.as_ref().map(|(_, since)| now.saturating_duration_since(*since))
    }

    fn look(&self) -> Look<T> {
        let now = self.clock.instant();
        let state = self.state();
        let failure = state.failure.as_ref().filter(|failure| now < failure.until);
        match (&state.value, failure) {
            (Some((value, since)), None) if now.saturating_duration_since(*since) >= LIFE => {
                Look::Stale(Arc::clone(value))
            }
            (Some((value, _)), _) => Look::Use(Arc::clone(value)),
            (None, Some(failure)) => Look::Failed(failure.error.clone()),
            (None, None) => Look::Empty,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds it can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
