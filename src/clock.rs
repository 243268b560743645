//! Time: the one place that reads a clock.
//!
//! Logic takes a [`Timestamp`] as an argument; whoever waits asks the [`Clock`]. A manual clock stands still
//! until a test advances it, so that an expiry is tested by moving time and never by waiting for it.

#![expect(
    clippy::disallowed_methods,
    reason = "this file is the reader of the clock that the lint points everybody to"
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A point in wall time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// The source of time. Cheap to clone; every clone shows the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

/// The hand that moves a manual clock. See [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

/// What [`Clock::timeout`] yields when the time ran out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time limit passed")]
pub struct Elapsed;

/// hyper's timer on top of a [`Clock`].
#[derive(Clone, Debug)]
pub struct Timer(Clock);

/// A time limit that is looked at far more often than it passes: an idle limit, say, that every byte moves.
///
/// It holds at most one sleep, set for the earliest limit it was asked about, and sets it anew only when that
/// moment comes. Moving the limit on therefore costs nothing.
#[derive(Default)]
pub struct Alarm(Option<(Instant, Sleeping)>);

/// A sleep of either clock.
type Sleeping = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    /// Wall time at which the clock was made.
    started: Timestamp,
    /// The monotonic reading at that moment.
    base: Instant,
    /// How far the clock was moved since.
    elapsed: watch::Sender<Duration>,
}

// === impl Timestamp ===

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// `secs` seconds after the epoch; saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This point moved forward; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This point moved back; stops at the epoch.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// Writes it as it is shown.
    pub fn push_to(self, text: &mut String) {
        text.push_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default());
    }

    /// RFC 3339 in UTC with milliseconds, at most the end of the year 9999. Every line of every request begins with one,
    /// so it is worth doing by hand.
    fn rfc3339(self) -> [u8; 24] {
        let millis = self.0.min(253_402_300_799_999);
        let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
        // Days since 1 March of the year 0, where leap days come last; 146,097 of them are 400 years.
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or_default();
        let [y, m, d] = [year, month, day];
        let [hour, minute, second] = [of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60];
        let millis = of_day % 1000;
        [
            digit(y / 1000),
            digit(y / 100),
            digit(y / 10),
            digit(y),
            b'-',
            digit(m / 10),
            digit(m),
            b'-',
            digit(d / 10),
            digit(d),
            b'T',
            digit(hour / 10),
            digit(hour),
            b':',
            digit(minute / 10),
            digit(minute),
            b':',
            digit(second / 10),
            digit(second),
            b'.',
            digit(millis / 100),
            digit(millis / 10),
            digit(millis),
            b'Z',
        ]
    }

    /// The same moment for APIs that speak the standard library's type.
    #[must_use]
    pub fn as_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-24T08:46:15.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Clock ===

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its [`ManualClock`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let manual = Arc::new(Manual {
            started: start,
            base: Instant::now(),
            elapsed: watch::Sender::new(Duration::ZERO),
        });
        (Self(Source::Manual(Arc::clone(&manual))), ManualClock(manual))
    }

    /// The wall time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            // A machine whose clock stands before 1970 is one where every token has long expired: fail closed.
            Source::System => {
                Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, millis))
            }
            Source::Manual(manual) => manual.started.plus(*manual.elapsed.borrow()),
        }
    }

    /// The monotonic time, for measuring and for time limits.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(manual) => manual.base + *manual.elapsed.borrow(),
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.instant() + duration).await;
    }

    /// Waits until the monotonic time is `deadline`.
    pub async fn sleep_until(&self, deadline: Instant) {
        match &self.0 {
            Source::System => tokio::time::sleep_until(deadline.into()).await,
            Source::Manual(manual) => {
                let mut elapsed = manual.elapsed.subscribe();
                // The sender lives in `manual`, so this cannot fail while we hold it.
                let _ = elapsed.wait_for(|elapsed| manual.base + *elapsed >= deadline).await;
            }
        }
    }

    /// `future`, or [`Elapsed`] once `limit` has passed.
    ///
    /// # Errors
    /// [`Elapsed`] when the limit passed first.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(limit) => Err(Elapsed),
        }
    }

    fn sleep_boxed(&self, deadline: Instant) -> Sleeping {
        match &self.0 {
            // Without the async block around it, tokio's own sleep is all that is held.
            Source::System => Box::pin(tokio::time::sleep_until(deadline.into())),
            Source::Manual(_) => {
                let clock = self.clone();
                Box::pin(async move { clock.sleep_until(deadline).await })
            }
        }
    }

    /// A timer for hyper that runs on this clock.
    #[must_use]
    pub fn timer(&self) -> Timer {
        Timer(self.clone())
    }
}

/// The time at which certificates are judged.
impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<rustls_pki_types::UnixTime> {
        let since = Duration::from_millis(self.now().as_millis());
        Some(rustls_pki_types::UnixTime::since_unix_epoch(since))
    }
}

impl ManualClock {
    /// Moves the clock forward and wakes whoever waited for it.
    pub fn advance(&self, by: Duration) {
        self.0.elapsed.send_modify(|elapsed| *elapsed += by);
    }
}

// === impl Alarm ===

impl Alarm {
    /// Ready once `deadline` has passed; until then, the task is woken by then at the latest.
    pub fn poll(&mut self, clock: &Clock, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let armed = match self.0.take() {
                Some(armed) if armed.0 <= deadline => armed,
                _ => (deadline, clock.sleep_boxed(deadline)),
            };
            let (at, sleep) = self.0.insert(armed);
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let passed = *at >= deadline;
            self.0 = None;
            if passed {
                return Poll::Ready(());
            }
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.as_ref().map(|(at, _)| at)).finish()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Timer ===

/// A sleep that hyper can hold.
struct Sleep(Sleeping);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.0.instant() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep(self.0.sleep_boxed(deadline)))
    }

    fn now(&self) -> Instant {
        self.0.instant()
    }
}

#[cfg(test)]
mod tests;
