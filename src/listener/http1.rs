//! HTTP/1.1 on a connection, from its first head to its last answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::connection::{Phase, Serving};
use super::wire::{Turn, Wire};
use crate::lease::{Hangup, Patience};
use crate::web::Arrival;

/// A response body that tells the socket when it is gone.
struct Served<B> {
    body: B,
    turn: Arc<Turn>,
}

/// The largest head that the parser takes, and the most that is buffered for a client that reads slowly.
const MAX_BUFFER: usize = 64 * 1024;

/// The most fields that hyper takes unless told otherwise.
const HYPER_MAX_HEADERS: usize = 100;

/// Serves HTTP/1.1 until the connection ends.
pub(super) async fn serve<S, F, B>(wire: Wire, arrival: Arrival, serving: Serving<S>)
where
    S: Fn(Arrival, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Patience + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Serving { service, meters, mut phase, terms, .. } = serving;
    let limits = terms.limits;
    let peer = arrival.peer();
    let turn = wire.turn();
    // Never marked as seen: any change says that the server is leaving.
    let leaving = Arc::new(phase.clone());
    let (served, worn_out) = (AtomicUsize::new(0), meters.worn_out.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        // Requests of a connection come one after the other.
        let is_last = served.fetch_add(1, Ordering::Relaxed) + 1 >= limits.max_requests;
        if is_last {
            worn_out.increment();
        }
        turn.request(!request.body().is_end_stream());
        let knows_chunks = request.version() != Version::HTTP_10;
        let turn = Arc::clone(&turn);
        let (answer, leaving) = (service(arrival.clone(), request), Arc::clone(&leaving));
        async move {
            let mut response = answer.await;
            turn.wait_for_client(response.body().patience());
            if !knows_chunks && !is_delimited(&response) {
                turn.ends_with_connection();
            }
            let is_last = is_last
                || leaving.has_changed().unwrap_or(true)
                || response.extensions().get::<Hangup>().is_some();
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                turn.upgraded();
            } else if is_last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Served { body, turn }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_header_size(MAX_BUFFER).max_buf_size(MAX_BUFFER).header_read_timeout(None);
    builder.half_close(false).pipeline_flush(false);
    // A limit that is given moves what is parsed from the stack to the heap, if it is larger than hyper's own.
    if limits.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    let mut serving = pin!(builder.serve_connection(TokioIo::new(wire), service).with_upgrades());
    let result = loop {
        tokio::select! {
            result = serving.as_mut() => break result,
            _ = phase.changed() => match *phase.borrow_and_update() {
                Phase::Serving | Phase::Leaving => {}
                Phase::Draining => serving.as_mut().graceful_shutdown(),
                Phase::Closed => return,
            },
        }
    };
    if let Err(error) = result {
        if error.is_parse_too_large() {
            meters.heads_too_large.increment();
        } else if error.is_parse() {
            meters.parse_errors.increment();
            meters.malformed.count(&error);
        }
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Whether an answer says itself how long it is.
fn is_delimited(response: &Response<impl Body>) -> bool {
    response.headers().contains_key(CONTENT_LENGTH) || response.body().size_hint().exact().is_some()
}

impl<B: Body + Unpin> Body for Served<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Served<B> {
    fn drop(&mut self) {
        self.turn.answered();
    }
}
