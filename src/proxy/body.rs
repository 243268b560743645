//! The response body: the upstream's bytes as they come, and an end that cannot be mistaken.
//!
//! Whatever goes wrong is an error, never an end: our server then cuts the client's connection, which is the one way
//! in which HTTP/1.1 says "this is not all".

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::answer::Reuse;
use super::error::BodyError;
use super::link::{Carrier, Link};
use super::pool::Pool;
use super::trailers;
use super::turn::Turn;
use super::upload::{Progress, State, Uploaded};
use crate::clock::Clock;
use crate::identity::Reserved;
use crate::lease::Lease;

/// An upstream's answer on its way to the client.
///
/// Dropped before its end, it closes the upstream's connection; at its end, it gives the connection back.
pub struct Body {
    incoming: Incoming,
    /// The length that an answer without a body tells nevertheless. Our server writes it only for a body that seems to
    /// have it, and then asks for none of it.
    told: Option<u64>,
    /// None where nothing comes over it any more.
    line: Option<Line>,
    clock: Clock,
    idle: Option<Duration>,
    /// Since when nothing has come; none if nothing was waited for since.
    last: Option<Instant>,
    lease: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    uploaded: Option<Uploaded>,
    /// What went wrong, until it is told.
    failed: Option<BodyError>,
}

/// The connection that an answer comes over.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) pool: Arc<Pool>,
    pub(super) link: Link,
    pub(super) reuse: Reuse,
    /// How far the request's own body is, if it has one.
    pub(super) upload: Option<Arc<Progress>>,
    /// Names that may not stand in its trailers either.
    pub(super) reserved: Arc<Reserved>,
    /// The last, so that whoever has the next turn finds the connection kept.
    pub(super) _turn: Turn,
}

impl Body {
    /// `lease` is watched; pass an endless one for an answer that ends by itself.
    pub(super) fn new(
        incoming: Incoming,
        told: Option<u64>,
        line: Line,
        clock: &Clock,
        idle: Option<Duration>,
        lease: Lease,
    ) -> Box<Self> {
        let lease: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = if lease.is_endless() {
            None
        } else {
            let clock = clock.clone();
            Some(Box::pin(async move { lease.ended(&clock).await }))
        };
        let uploaded = line.upload.clone().map(Uploaded);
        let (line, clock) = (Some(line), clock.clone());
        let mut body =
            Box::new(Self { incoming, told, line, clock, idle, last: None, lease, uploaded, failed: None });
        if body.incoming.is_end_stream() {
            body.release();
        }
        body
    }

    /// The empty body of a 101, whose connection became something else.
    pub(super) fn bodiless(incoming: Incoming, clock: &Clock) -> Box<Self> {
        Box::new(Self {
            incoming,
            told: None,
            line: None,
            clock: clock.clone(),
            idle: None,
            last: None,
            lease: None,
            uploaded: None,
            failed: None,
        })
    }

    /// How long the client may take nothing of it, where its route has a limit for that.
    #[must_use]
    pub const fn patience(&self) -> Option<Duration> {
        self.idle
    }

    /// How much of the request's body was taken, if it has one.
    #[must_use]
    pub fn uploaded(&self) -> Option<Uploaded> {
        self.uploaded.clone()
    }

    /// The answer is here in full: its connection may serve the next.
    fn release(&mut self) {
        if let Some(line) = self.line.take() {
            line.release(&self.clock);
        }
    }

    /// What of the trailers may go on.
    fn clean(&self, trailers: HeaderMap) -> Option<Frame<Bytes>> {
        let Some(Line { reserved, .. }) = &self.line else { return None };
        trailers::clean(trailers, |name| trailers::may_follow_answer(name, reserved)).map(Frame::trailers)
    }

    /// Ends with an error, when it is asked again: our server throws away what it has not written when it hears of one, and
    /// what came before, the head too, is to reach the client.
    fn fail(
        &mut self,
        error: BodyError,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(Line { pool, .. }) = self.line.take() {
            let meters = pool.counted();
            match error {
                BodyError::LeaseEnded => meters.ended_by_lease.increment(),
                BodyError::Upstream(_) | BodyError::GivenUp | BodyError::Idle => meters.truncated.increment(),
            }
        }
        self.failed = Some(error);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether an answer of HTTP/2 that has no more to give has not come to its end.
    fn is_cut(&self) -> bool {
        let is_shared = |line: &Line| matches!(line.link.carrier, Carrier::Shared(_));
        !self.incoming.is_end_stream() && self.line.as_ref().is_some_and(is_shared)
    }

    /// What the connection gives, moved on if that is for us.
    fn poll_incoming(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let incoming = &mut self.incoming;
        match &mut self.line {
            Some(line) => line.link.poll(context, |context| Pin::new(&mut *incoming).poll_frame(context)),
            None => Pin::new(incoming).poll_frame(context),
        }
    }

    /// Whether there was silence for the idle limit, on the way down and on the way up.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (Some(idle), Some(line)) = (self.idle, self.line.as_mut()) else {
            return Poll::Pending;
        };
        let last = *self.last.get_or_insert_with(|| self.clock.instant());
        let last = match &line.upload {
            Some(upload) => last.max(upload.state().1),
            None => last,
        };
        line.link.alarm.poll(&self.clock, last + idle, context)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let ended = self.lease.as_mut().is_some_and(|lease| lease.as_mut().poll(context).is_ready());
        if ended {
            self.lease = None;
            return self.fail(BodyError::LeaseEnded, context);
        }
        match self.poll_incoming(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.last = None;
                let (frame, is_last) = match frame.into_trailers() {
                    Ok(trailers) => (self.clean(trailers), true),
                    Err(data) => (Some(data), self.incoming.is_end_stream()),
                };
                if is_last {
                    self.release();
                }
                Poll::Ready(frame.map(Ok))
            }
            Poll::Ready(Some(Err(error))) => self.fail(BodyError::Upstream(error), context),
            // Given up with NO_ERROR, an answer of HTTP/2 ends for hyper as if it were all (RFC 9113 section 8.1 means a
            // request that need not go on, not an answer that does not).
            Poll::Ready(None) if self.is_cut() => self.fail(BodyError::GivenUp, context),
            Poll::Ready(None) => {
                self.release();
                Poll::Ready(None)
            }
            Poll::Pending => match self.poll_idle(context) {
                Poll::Ready(()) => self.fail(BodyError::Idle, context),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.told.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.told.map_or_else(|| self.incoming.size_hint(), SizeHint::with_exact)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Line {
    /// Gives the connection back. One whose upload is not over has no future: what of it the upstream
    /// still reads, nobody knows.
    fn release(self, clock: &Clock) {
        let uploaded = self.upload.as_ref().is_none_or(|upload| upload.state().0 == State::Done);
        if uploaded && self.reuse == Reuse::Keep {
            self.pool.put(self.link, clock);
        }
    }
}
