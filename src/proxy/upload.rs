//! The request body on its way to the upstream: passed on frame by frame, counted, and watched from outside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::trailers;
use crate::clock::Clock;
use crate::identity::Reserved;

/// The body that an upstream connection sends.
#[derive(Debug, Default)]
pub(super) struct Upload(Option<Running>);

#[derive(Debug)]
struct Running {
    body: Incoming,
    /// Bytes that may still come.
    left: Option<u64>,
    clock: Clock,
    reserved: Arc<Reserved>,
    progress: Arc<Progress>,
}

/// What an [`Upload`] is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct UploadTerms<'a> {
    /// The most bytes that it may have.
    pub(super) max_body: Option<u64>,
    /// Names that may not stand in its trailers either.
    pub(super) reserved: &'a Arc<Reserved>,
    pub(super) clock: &'a Clock,
}

/// How far an [`Upload`] is, for whoever waits for the answer.
#[derive(Debug)]
pub(super) struct Progress {
    state: AtomicU8,
    /// When the state was reached or the last frame was taken, in nanoseconds after `started`.
    last: AtomicU64,
    /// How many bytes were taken.
    taken: AtomicU64,
    started: Instant,
    waker: AtomicWaker,
}

/// How much of a request's body its upstream took, also while it still does.
#[derive(Clone, Debug)]
pub struct Uploaded(pub(super) Arc<Progress>);

/// The state of an [`Upload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The upstream has yet to take what is there.
    Sending,
    /// The upstream took all there was; the client has more to come.
    Starved,
    /// The upstream took the last byte.
    Done,
    /// What the client sent is no body: malformed chunks, mostly.
    Broken,
    /// The client broke off.
    Gone,
    /// There was more than the route takes.
    TooLarge,
}

/// Why an upload ends before its end. The upstream's connection is then cut, so that it can tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    #[error("the client broke off")]
    Broken(#[source] hyper::Error),
    #[error("the body is too large")]
    TooLarge,
}

impl Upload {
    /// No body.
    pub(super) const fn empty() -> Self {
        Self(None)
    }

    pub(super) fn new(body: Incoming, terms: UploadTerms<'_>) -> (Self, Arc<Progress>) {
        let UploadTerms { max_body, reserved, clock } = terms;
        let progress = Arc::new(Progress {
            state: AtomicU8::new(State::Sending as u8),
            last: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            started: clock.instant(),
            waker: AtomicWaker::new(),
        });
        let running = Running {
            body,
            left: max_body,
            clock: clock.clone(),
            reserved: Arc::clone(reserved),
            progress: Arc::clone(&progress),
        };
        (Self(Some(running)), progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Some(running) = self.0.as_mut() else {
            return Poll::Ready(None);
        };
        let Poll::Ready(frame) = Pin::new(&mut running.body).poll_frame(context) else {
            running.progress.reach(State::Starved, &running.clock);
            return Poll::Pending;
        };
        let data = match frame {
            Some(Ok(frame)) => frame.into_data(),
            Some(Err(error)) => {
                let state = if is_malformed(&error) { State::Broken } else { State::Gone };
                running.progress.reach(state, &running.clock);
                return Poll::Ready(Some(Err(UploadError::Broken(error))));
            }
            None => {
                running.progress.reach(State::Done, &running.clock);
                return Poll::Ready(None);
            }
        };
        let data = match data {
            Ok(data) => data,
            Err(frame) => {
                running.progress.reach(State::Done, &running.clock);
                let kept = frame.into_trailers().ok().and_then(|trailers| {
                    trailers::clean(trailers, |name| trailers::may_follow_request(name, &running.reserved))
                });
                return Poll::Ready(kept.map(|trailers| Ok(Frame::trailers(trailers))));
            }
        };
        if let Some(left) = &mut running.left {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => {
                    running.progress.reach(State::TooLarge, &running.clock);
                    return Poll::Ready(Some(Err(UploadError::TooLarge)));
                }
            }
        }
        running.progress.taken.fetch_add(data.len() as u64, Ordering::Relaxed);
        let state = if running.body.is_end_stream() { State::Done } else { State::Sending };
        running.progress.reach(state, &running.clock);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|running| running.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |running| running.body.size_hint())
    }
}

/// Whether a body ended because its framing is wrong, and not because its sender went away.
fn is_malformed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
}

impl Uploaded {
    /// So many bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }
}

impl Progress {
    /// The state, and when it was reached or the last frame was taken.
    pub(super) fn state(&self) -> (State, Instant) {
        let state = match self.state.load(Ordering::Acquire) {
            0 => State::Sending,
            1 => State::Starved,
            2 => State::Done,
            3 => State::Broken,
            4 => State::Gone,
            _ => State::TooLarge,
        };
        (state, self.started + Duration::from_nanos(self.last.load(Ordering::Acquire)))
    }

    /// Wakes the task of `context` when the last byte is taken.
    pub(super) fn watch(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn reach(&self, state: State, clock: &Clock) {
        // Waiting on is no progress: the silence counts from the last frame.
        if state != State::Starved {
            let nanos = clock.instant().duration_since(self.started).as_nanos();
            self.last.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
        }
        self.state.store(state as u8, Ordering::Release);
        if state == State::Done {
            self.waker.wake();
        }
    }
}
