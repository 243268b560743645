//! Answers: the body that the listener writes out, and the access line that its end brings.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;

use super::meters::Tally;
use crate::clock::Clock;
use crate::lease::Patience;
use crate::lines::text::with_causes;
use crate::manual;
use crate::proxy;
use crate::telemetry::{Ended, OpenLine};
use crate::web::RequestId;

/// The body of an answer: our own, or the upstream's as it comes.
pub struct Body {
    source: Source,
    /// Boxed: an answer's head and body are moved from future to future.
    guard: Option<Box<AccessGuard>>,
}

enum Source {
    Own(Full<Bytes>),
    Upstream(Box<proxy::Body>),
}

/// Writes the access line, and ends the count of the request, when the answer is out or is given up.
pub(super) struct AccessGuard {
    id: RequestId,
    /// None where no line is wanted.
    line: Option<OpenLine>,
    /// None once it is counted.
    tally: Option<Tally>,
    status: u16,
    /// Whether the connection never asks for the body: HEAD, 204, 304, and 101 whose stream is no body.
    bodiless: bool,
    clock: Clock,
    started: Instant,
    complete: bool,
    /// Why the answer broke off on our side of the client.
    broken: Option<&'static str>,
    sent: u64,
    uploaded: Option<proxy::Uploaded>,
}

/// The methods that are named where all are taken.
pub(super) const USUAL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Rides on an answer that is written for the sake of form: its client broke off, and its line says so.
#[derive(Clone, Copy)]
pub(super) struct TooLate;

/// The status of an answer that its client did not wait for.
pub(super) const CLIENT_GONE: u16 = 499;

impl Body {
    pub(super) const fn upstream(body: Box<proxy::Body>) -> Self {
        Self { source: Source::Upstream(body), guard: None }
    }

    pub(super) fn own(bytes: Bytes) -> Self {
        Self { source: Source::Own(Full::new(bytes)), guard: None }
    }

    /// Whether it is ours, and no upstream's.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self.source, Source::Own(_))
    }

    pub(super) fn guarded(mut self, mut guard: AccessGuard) -> Self {
        guard.complete = self.is_end_stream() || guard.bodiless;
        if let Source::Upstream(body) = &self.source {
            guard.uploaded = body.uploaded();
        }
        self.guard = Some(Box::new(guard));
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = proxy::BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match &mut self.source {
            Source::Own(body) => {
                ready!(Pin::new(body).poll_frame(context)).map(|frame| frame.map_err(|never| match never {}))
            }
            Source::Upstream(body) => ready!(Pin::new(&mut **body).poll_frame(context)),
        };
        let ended = self.is_end_stream();
        if let Some(guard) = &mut self.guard {
            match &frame {
                Some(Ok(frame)) => {
                    guard.sent += frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(0));
                }
                Some(Err(error)) => guard.broke(error),
                None => guard.complete = true,
            }
            guard.complete |= ended;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.is_end_stream(),
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}

impl Patience for Body {
    fn patience(&self) -> Option<Duration> {
        match &self.source {
            Source::Own(_) => None,
            Source::Upstream(body) => body.patience(),
        }
    }
}

impl AccessGuard {
    pub(super) fn new(
        id: RequestId,
        line: Option<OpenLine>,
        tally: Option<Tally>,
        status: u16,
        head_only: bool,
        clock: Clock,
        started: Instant,
    ) -> Self {
        let bodiless = head_only || matches!(status, 101 | 204 | 304);
        Self {
            id,
            line,
            tally,
            status,
            bodiless,
            clock,
            started,
            complete: false,
            broken: None,
            sent: 0,
            uploaded: None,
        }
    }

    fn broke(&mut self, error: &proxy::BodyError) {
        self.broken = Some(error.word());
        let url = manual::url(error.word());
        match error {
            proxy::BodyError::LeaseEnded => {
                tracing::info!(request_id = %self.id, code = error.word(), url, "{error}");
            }
            _ => tracing::warn!(request_id = %self.id, code = error.word(), url, "{}", with_causes(error)),
        }
    }
}

impl Drop for AccessGuard {
    fn drop(&mut self) {
        let elapsed = self.clock.instant().saturating_duration_since(self.started);
        // Of one that broke off, the client saw the status, and that the rest is missing.
        let is_known = self.complete || self.broken.is_some();
        let status = if is_known { self.status } else { CLIENT_GONE };
        if let Some(tally) = self.tally.take() {
            if let Some(word) = self.broken {
                tally.broke(word);
            }
            tally.end(status, elapsed);
        }
        let Some(mut line) = self.line.take() else { return };
        if let Some(word) = self.broken {
            line.because(word);
        }
        line.close(Ended {
            status,
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            bytes_in: self.uploaded.as_ref().map(proxy::Uploaded::bytes),
            bytes_out: self.sent,
        });
    }
}

/// A redirect of our own: never stored.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    let mut response = Response::new(Body::own(Bytes::new()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // Locations are URLs that a parser wrote or paths that hold visible ASCII and UTF-8 only.
    if let Ok(location) = HeaderValue::from_bytes(location.as_bytes()) {
        headers.insert(LOCATION, location);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    response
}

/// An answer of ours from its bytes.
pub(super) fn own(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::own)
}
