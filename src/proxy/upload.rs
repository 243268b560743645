//! The request body on its way to the upstream: passed on frame by frame, counted, and watched from outside.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pool::lock;
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
    /// Told when this is first looked at.
    slot: Option<Arc<Slot>>,
    /// Whether the body says so when it has ended, and is broken if it did not.
    is_end_told: bool,
}

/// Which body a shared connection has just begun to send: the task that it starts next is that body's.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Option<Arc<Progress>>>);

/// What an [`Upload`] is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct UploadTerms<'a> {
    /// The most bytes that it may have.
    pub(super) max_body: Option<u64>,
    /// Names that may not stand in its trailers either.
    pub(super) reserved: &'a Arc<Reserved>,
    pub(super) clock: &'a Clock,
    /// What the client speaks.
    pub(super) version: Version,
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
    /// Whether trailers came with it over HTTP/1.1.
    is_followed: AtomicBool,
    /// Whether nobody wants the rest.
    is_abandoned: AtomicBool,
    sender: AtomicWaker,
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
    Broken(#[source] h2::Error),
    #[error("the body is too large")]
    TooLarge(#[source] h2::Error),
}

/// What a stream of HTTP/2 is reset with then (RFC 9113 section 7): without it, the upstream would hear of an error of ours.
const CANCEL: h2::Reason = h2::Reason::CANCEL;

impl Upload {
    /// No body.
    pub(super) const fn empty() -> Self {
        Self(None)
    }

    pub(super) fn new(body: Incoming, terms: UploadTerms<'_>) -> (Self, Arc<Progress>) {
        let UploadTerms { max_body, reserved, clock, version } = terms;
        let progress = Arc::new(Progress {
            state: AtomicU8::new(State::Sending as u8),
            last: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            started: clock.instant(),
            waker: AtomicWaker::new(),
            is_followed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            sender: AtomicWaker::new(),
        });
        let running = Running {
            body,
            left: max_body,
            clock: clock.clone(),
            reserved: Arc::clone(reserved),
            progress: Arc::clone(&progress),
            slot: None,
            is_end_told: version == Version::HTTP_2,
        };
        (Self(Some(running)), progress)
    }

    /// Has `slot` be told when this is begun.
    pub(super) fn begins_in(&mut self, slot: Arc<Slot>) {
        if let Some(running) = &mut self.0 {
            running.slot = Some(slot);
        }
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
        if let Some(slot) = running.slot.take() {
            *lock(&slot.0) = Some(Arc::clone(&running.progress));
        }
        let Poll::Ready(frame) = Pin::new(&mut running.body).poll_frame(context) else {
            running.progress.reach(State::Starved, &running.clock);
            return Poll::Pending;
        };
        let data = match frame {
            Some(Ok(frame)) => frame.into_data(),
            Some(Err(error)) => {
                let state = if is_malformed(&error) { State::Broken } else { State::Gone };
                running.progress.reach(state, &running.clock);
                return Poll::Ready(Some(Err(UploadError::Broken(CANCEL.into()))));
            }
            // Given up with NO_ERROR, a request of HTTP/2 ends for hyper as if it were all.
            None if running.is_end_told && !running.body.is_end_stream() => {
                running.progress.reach(State::Gone, &running.clock);
                return Poll::Ready(Some(Err(UploadError::Broken(CANCEL.into()))));
            }
            None => {
                running.progress.reach(State::Done, &running.clock);
                return Poll::Ready(None);
            }
        };
        let data = match data {
            Ok(data) => data,
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                // Of HTTP/1.1, hyper takes a bare LF for the end of the trailers, and throws away what stands between it and
                // an empty line: perhaps a request. Where that is all, no field is left.
                if trailers.is_empty() && !running.is_end_told {
                    running.progress.reach(State::Broken, &running.clock);
                    return Poll::Ready(Some(Err(UploadError::Broken(CANCEL.into()))));
                }
                running.progress.is_followed.store(!running.is_end_told, Ordering::Release);
                running.progress.reach(State::Done, &running.clock);
                let may_follow = |name: &_| trailers::may_follow_request(name, &running.reserved);
                let kept = trailers::clean(trailers, may_follow);
                return Poll::Ready(kept.map(|trailers| Ok(Frame::trailers(trailers))));
            }
        };
        if let Some(left) = &mut running.left {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => {
                    running.progress.reach(State::TooLarge, &running.clock);
                    return Poll::Ready(Some(Err(UploadError::TooLarge(CANCEL.into()))));
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

impl Slot {
    /// The body that was begun since this was last asked.
    pub(super) fn take(&self) -> Option<Arc<Progress>> {
        lock(&self.0).take()
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

    /// Whether something of the client's connection may have been thrown away with trailers.
    pub(super) fn is_followed(&self) -> bool {
        self.is_followed.load(Ordering::Acquire)
    }

    /// Has the task that sends the body end, if it is one of its own.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.sender.wake();
    }

    /// Whether the task of `context`, which sends the body, is to end. It is woken when that changes.
    pub(super) fn is_abandoned(&self, context: &Context<'_>) -> bool {
        self.sender.register(context.waker());
        self.is_abandoned.load(Ordering::Acquire)
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
