//! HTTP/2 on a connection: its requests side by side, its limits, its end.
//!
//! hyper and h2 keep the protocol and its windows; they have no time limits. The requests run here, in the connection's
//! own task, so that they end with it and each can be watched: hyper does not look at an answer's body while the
//! client takes nothing of what it was given.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;

use super::call::{Begun, Call, Ended, Served};
use super::connection::{Phase, Serving};
use super::meters::Meters;
use super::terms::Limits;
use super::watched::{Seen, Watched};
use super::wire::Wire;
use crate::clock::{Alarm, Clock};
use crate::lease::Patience;
use crate::web::Arrival;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest list of fields, counted as RFC 9113 section 10.5.1 does. Over it h2 answers 431, and over four times
/// as much it ends the connection.
const MAX_FIELDS: u32 = 64 * 1024;

/// What is kept of an answer for a client that takes it slowly, besides the piece that its upstream sent last.
const MAX_BUFFER: usize = 64 * 1024;

/// Requests that a client takes back before they were looked at, and errors of its own making: over it, it is told to
/// calm down (CVE-2023-44487, CVE-2025-8671).
const MAX_EARLY_RESETS: usize = 20;
const MAX_ERROR_RESETS: usize = 1024;

/// Requests that a client may take back before their answer, unless as many were answered.
const MAX_ABANDONED: u64 = 100;

/// How long a connection without requests may still take what is written, having been told to go; and how long requests may
/// still come that were on their way.
const LINGER: Duration = Duration::from_secs(10);

/// The fewest bytes in that time that count as taking.
const TAKES: u64 = 1024;

/// How many requests may still come of a client that was told to go, as a multiple of those at once: it may have asked anew
/// for each that was answered before it heard.
const ON_THEIR_WAY: u64 = 2;

/// How far a connection is.
struct Course {
    clock: Clock,
    meters: Meters,
    seen: Arc<Seen>,
    keep_alive: Duration,
    max_requests: u64,
    max_streams: u64,
    /// By when it must have begun.
    begin_by: Option<Instant>,
    /// Since when no request runs.
    idle: Instant,
    /// Set once it was told to go.
    leaving: Option<Leaving>,
    alarm: Alarm,
    served: u64,
    abandoned: u64,
}

/// What holds for a connection that was told to go.
///
/// h2 takes requests until the client has confirmed a PING that follows the first GOAWAY, and a client that means harm
/// never does.
struct Leaving {
    since: Instant,
    /// Until when it may stay without requests, and what was carried to it when that was set.
    until: Instant,
    carried: u64,
    /// Requests that came since.
    late: u64,
}

/// What is to be done with a connection.
enum Move {
    /// Tell it to go: no more requests.
    Leave,
    /// Close it.
    Close,
}

/// Whether a client of a plain connection begins with HTTP/2. What was read is given back.
///
/// # Errors
/// What the socket says, and that the beginning of a head did not come in full in time.
pub(super) async fn is_announced(wire: &mut Wire) -> io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    let mut length = 0;
    while let Some(rest) = start.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match wire.read(rest).await? {
            0 => break,
            more => length += more,
        }
        if PREFACE.get(..length) != start.get(..length) {
            break;
        }
    }
    let read = start.get(..length).unwrap_or_default();
    wire.give_back(Bytes::copy_from_slice(read));
    Ok(read == PREFACE)
}

/// Serves HTTP/2 until the connection ends.
pub(super) async fn serve<S, F, B>(wire: Wire, arrival: Arrival, serving: Serving<S>)
where
    S: Fn(Arrival, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Patience + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Serving { service, terms, clock, meters, mut phase, .. } = serving;
    let limits = terms.limits;
    let peer = arrival.peer();
    wire.turn().shared();
    let (wire, seen) = Watched::new(wire, PREFACE.len(), clock.clone(), meters.clone());
    let begun = Begun::new(clock.clone(), limits.write_stall);
    let mut course = Course::new(&clock, &meters, seen, &limits);
    let builder = {
        let mut builder = http2::Builder::new(begun.clone());
        builder
            .max_concurrent_streams(limits.http2.max_streams)
            .initial_stream_window_size(limits.http2.window)
            .initial_connection_window_size(limits.http2.window.saturating_mul(4))
            .max_header_list_size(MAX_FIELDS)
            .max_send_buf_size(MAX_BUFFER)
            .max_pending_accept_reset_streams(MAX_EARLY_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS);
        builder
    };
    let calls = begun.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let progress = calls.begin();
        let is_head = *request.method() == Method::HEAD;
        let answer = match translate(&mut request, limits.max_headers) {
            Ok(()) => Ok(service(arrival.clone(), request)),
            Err(reason) => {
                if reason == h2::Reason::ENHANCE_YOUR_CALM {
                    meters.heads_too_large.increment();
                }
                Err(h2::Error::from(reason))
            }
        };
        async move {
            let mut response = answer?.await;
            progress.answered(response.body().patience());
            let is_bodiless =
                is_head || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            if is_head
                && !response.headers().contains_key(CONTENT_LENGTH)
                && let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0)
            {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Ok::<_, h2::Error>(response.map(|body| Served::new(body, progress, is_bodiless)))
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(wire), service));
    let mut running: FuturesUnordered<Call> = FuturesUnordered::new();
    let result = loop {
        let step = poll_fn(|context| {
            loop {
                while let Poll::Ready(Some(ended)) = running.poll_next_unpin(context) {
                    course.ended(ended);
                }
                if let Poll::Ready(result) = connection.as_mut().poll(context) {
                    return Poll::Ready(Err(result));
                }
                let calls = begun.take();
                if calls.is_empty() {
                    return course.poll(running.is_empty(), context).map(Ok);
                }
                if !course.begun(calls.len()) {
                    return Poll::Ready(Ok(Move::Close));
                }
                running.extend(calls);
            }
        });
        tokio::select! {
            step = step => match step {
                Ok(Move::Leave) => connection.as_mut().graceful_shutdown(),
                Ok(Move::Close) => return,
                Err(result) => break result,
            },
            _ = phase.changed() => match *phase.borrow_and_update() {
                Phase::Serving => {}
                // A request that is on its way is still taken: h2 waits for the client to have heard.
                Phase::Leaving | Phase::Draining => {
                    course.leave();
                    connection.as_mut().graceful_shutdown();
                }
                Phase::Closed => return,
            },
        }
    };
    if let Err(error) = result {
        course.broke(&error);
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "an HTTP/2 connection ended early");
    }
}

/// Makes of a request what it would be in HTTP/1.1, as far as that is a matter of the connection (RFC 9113 sections 8.2.1 and
/// 8.3.1): one Host, one Content-Length.
///
/// # Errors
/// That it is malformed where h2 does not look, or has too many fields. All of Cookie counts as one.
fn translate<B>(request: &mut Request<B>, max_fields: usize) -> Result<(), h2::Reason> {
    let is_padded = |value: &HeaderValue| {
        let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        is_space(value.as_bytes().first()) || is_space(value.as_bytes().last())
    };
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let is_path = target.starts_with('/') || (target == "*" && *request.method() == Method::OPTIONS);
    // h2 takes an empty length for 0.
    let is_length = |value: &HeaderValue| !value.is_empty();
    let headers = request.headers();
    // The one character that h2 lets into a name although no field has it (RFC 9110 section 5.6.2).
    let is_quoted = |name: &HeaderName| name.as_str().contains('"');
    if headers.values().any(is_padded)
        || headers.keys().any(is_quoted)
        || !headers.get_all(CONTENT_LENGTH).into_iter().all(is_length)
        || (!is_path && request.method() != Method::CONNECT)
    {
        return Err(h2::Reason::PROTOCOL_ERROR);
    }
    let crumbs = headers.get_all(COOKIE).into_iter().count();
    if headers.len() - crumbs.saturating_sub(1) > max_fields {
        return Err(h2::Reason::ENHANCE_YOUR_CALM);
    }
    if !request.headers().contains_key(HOST)
        && let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    // h2 has seen to it that several are the same.
    if let Some(length) = request.headers().get(CONTENT_LENGTH).cloned() {
        request.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Ok(())
}

impl Course {
    fn new(clock: &Clock, meters: &Meters, seen: Arc<Seen>, limits: &Limits) -> Self {
        let now = clock.instant();
        Self {
            clock: clock.clone(),
            meters: meters.clone(),
            seen,
            keep_alive: limits.keep_alive,
            max_requests: u64::try_from(limits.max_requests).unwrap_or(u64::MAX),
            max_streams: limits.http2.max_streams.into(),
            begin_by: Some(now + limits.head),
            idle: now,
            leaving: None,
            alarm: Alarm::default(),
            served: 0,
            abandoned: 0,
        }
    }

    /// Requests came. False when its client does not hear that it is to go.
    fn begun(&mut self, count: usize) -> bool {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(leaving) = &mut self.leaving {
            leaving.late += count;
            let is_late = self.clock.instant() > leaving.since + LINGER;
            if is_late || leaving.late > self.max_streams.saturating_mul(ON_THEIR_WAY) {
                self.meters.flooded_connections.increment();
                return false;
            }
        }
        self.served += count;
        self.meters.streams.add(count);
        self.begin_by = None;
        true
    }

    fn ended(&mut self, ended: Ended) {
        self.idle = self.clock.instant();
        if let Some(leaving) = &mut self.leaving {
            leaving.until = leaving.until.max(self.idle + LINGER);
        }
        match ended {
            Ended::Answered => {}
            Ended::Abandoned => {
                self.abandoned += 1;
                self.meters.abandoned_streams.increment();
            }
            Ended::Stalled => self.meters.stalled_streams.increment(),
        }
    }

    /// Notes that the connection is told to go; whether it is news.
    fn leave(&mut self) -> bool {
        let is_news = self.leaving.is_none();
        if is_news {
            let since = self.clock.instant();
            let carried = self.seen.carried();
            self.leaving = Some(Leaving { since, until: since + LINGER, carried, late: 0 });
        }
        is_news
    }

    /// Looks at the limits.
    fn poll(&mut self, is_idle: bool, context: &mut Context<'_>) -> Poll<Move> {
        if self.served >= self.max_requests && self.leave() {
            self.meters.worn_out.increment();
            return Poll::Ready(Move::Leave);
        }
        if self.abandoned > MAX_ABANDONED && self.abandoned > self.served / 2 && self.leave() {
            self.meters.flooded_connections.increment();
            return Poll::Ready(Move::Leave);
        }
        if !is_idle {
            return Poll::Pending;
        }
        if let Some(begin_by) = self.begin_by {
            if self.seen.has_settings() {
                self.begin_by = None;
            } else {
                ready!(self.alarm.poll(&self.clock, begin_by, context));
                self.meters.head_timeouts.increment();
                return Poll::Ready(Move::Close);
            }
        }
        loop {
            let Some(leaving) = &mut self.leaving else {
                ready!(self.alarm.poll(&self.clock, self.idle + self.keep_alive, context));
                self.leave();
                return Poll::Ready(Move::Leave);
            };
            ready!(self.alarm.poll(&self.clock, leaving.until, context));
            // The end of an answer may still be with h2, and on its way.
            let carried = self.seen.carried();
            if carried < leaving.carried + TAKES {
                return Poll::Ready(Move::Close);
            }
            (leaving.until, leaving.carried) = (self.clock.instant() + LINGER, carried);
        }
    }

    fn broke(&self, error: &hyper::Error) {
        if self.seen.is_flood() {
            return self.meters.flooded_connections.increment();
        }
        let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
        let Some(cause) = cause.filter(|cause| !cause.is_io()) else { return };
        if cause.is_library() && cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) {
            self.meters.flooded_connections.increment();
        } else if cause.is_library() {
            self.meters.broken_connections.increment();
        }
    }
}
