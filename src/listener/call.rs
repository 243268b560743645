//! One request among those of an HTTP/2 connection: how it is run, and what it waits for.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;

use crate::clock::{Alarm, Clock};

/// Where hyper leaves the requests that it begins, until the connection takes them over. Cheap to clone.
#[derive(Clone)]
pub(super) struct Begun(Arc<Inbox>);

struct Inbox {
    clock: Clock,
    opened: Instant,
    patience: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Of the request whose service was called last. hyper hands over its future next.
    progress: Option<Arc<Progress>>,
    calls: Vec<Call>,
}

/// A request that runs.
pub(super) struct Call {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    progress: Arc<Progress>,
    clock: Clock,
    alarm: Alarm,
}

/// How far a request is. Written and read by one task: that of its connection.
pub(super) struct Progress {
    clock: Clock,
    opened: Instant,
    is_answered: AtomicBool,
    /// How long the client may take nothing, in nanoseconds.
    patience: AtomicU64,
    /// Since when it has had something to take, in nanoseconds after `opened`; 0 if it has not.
    offered: AtomicU64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer, whole or not.
    Answered,
    /// Its client took it back before there was one.
    Abandoned,
    /// Its client took nothing of the answer for too long.
    Stalled,
}

/// The body of an answer, as it is asked for.
pub(super) struct Served<B> {
    body: B,
    progress: Arc<Progress>,
    is_bodiless: bool,
}

impl Begun {
    /// `patience` is how long the client of an answer may take nothing of it, unless the answer says otherwise.
    pub(super) fn new(clock: Clock, patience: Duration) -> Self {
        let opened = clock.instant();
        Self(Arc::new(Inbox { clock, opened, patience, waiting: Mutex::default() }))
    }

    /// A request begins.
    pub(super) fn begin(&self) -> Arc<Progress> {
        let inbox = &*self.0;
        let progress = Arc::new(Progress {
            clock: inbox.clock.clone(),
            opened: inbox.opened,
            is_answered: AtomicBool::new(false),
            patience: AtomicU64::new(nanos(inbox.patience)),
            offered: AtomicU64::new(0),
        });
        self.with(|waiting| waiting.progress = Some(Arc::clone(&progress)));
        progress
    }

    /// Those that began since the last time.
    pub(super) fn take(&self) -> Vec<Call> {
        self.with(|waiting| std::mem::take(&mut waiting.calls))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        change(&mut self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begun {
    fn execute(&self, future: F) {
        let clock = self.0.clock.clone();
        let future = Box::pin(future);
        self.with(|waiting| {
            // Only requests come here: tunnels over HTTP/2 are not offered.
            if let Some(progress) = waiting.progress.take() {
                waiting.calls.push(Call { future, progress, clock, alarm: Alarm::default() });
            }
        });
    }
}

impl Progress {
    /// The head of the answer is known.
    pub(super) fn answered(&self, patience: Option<Duration>) {
        self.is_answered.store(true, Ordering::Relaxed);
        if let Some(limit) = patience {
            self.patience.store(nanos(limit), Ordering::Relaxed);
        }
    }

    fn offered(&self) {
        let since = self.clock.instant().saturating_duration_since(self.opened);
        self.offered.store(nanos(since).max(1), Ordering::Relaxed);
    }

    fn taken(&self) {
        self.offered.store(0, Ordering::Relaxed);
    }

    /// Until when the client may take nothing; none while there is nothing to take.
    fn patience_ends(&self) -> Option<Instant> {
        let since = self.offered.load(Ordering::Relaxed);
        let patience = Duration::from_nanos(self.patience.load(Ordering::Relaxed));
        (since > 0).then(|| self.opened + Duration::from_nanos(since) + patience)
    }
}

impl Future for Call {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let call = &mut *self;
        if call.future.as_mut().poll(context).is_ready() {
            let is_answered = call.progress.is_answered.load(Ordering::Relaxed);
            return Poll::Ready(if is_answered { Ended::Answered } else { Ended::Abandoned });
        }
        let Some(until) = call.progress.patience_ends() else { return Poll::Pending };
        ready!(call.alarm.poll(&call.clock, until, context));
        // What is dropped before its end is reset by h2.
        Poll::Ready(Ended::Stalled)
    }
}

impl<B> Served<B> {
    /// `is_bodiless` where the head of an answer ends it, whatever body it has.
    pub(super) fn new(body: B, progress: Arc<Progress>, is_bodiless: bool) -> Self {
        Self { body, progress, is_bodiless }
    }
}

impl<B: Body + Unpin> Body for Served<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if self.is_bodiless {
            return Poll::Ready(None);
        }
        // Asked for more, so what was given is with h2, which keeps little and asks only while there is room.
        self.progress.taken();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && frame.is_data()
        {
            self.progress.offered();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.is_bodiless || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_bodiless { SizeHint::with_exact(0) } else { self.body.size_hint() }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
