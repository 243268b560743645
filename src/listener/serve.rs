//! Accepting connections, serving HTTP/1.1 on them, letting them go.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::bind::{Bound, Listening};
use super::wire::{Turn, Wire};
use crate::clock::Clock;
use crate::lease::Patience;
use crate::meter::{Counter, Gauge};
use crate::socket::Socket;
use crate::web::PeerAddr;

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections at once; further ones wait in the kernel.
    pub max_connections: usize,
    /// From the first byte of a head to its last; also the wait for the first byte of a connection.
    pub head: Duration,
    /// How long a connection may lie idle between requests.
    pub keep_alive: Duration,
    /// How long a client may take nothing of what is written to it, unless the answer has a limit of its own.
    pub write_stall: Duration,
}

/// What a listener counts. Clones count into the same words.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that are open, tunnels too.
    pub connections: Gauge,
    /// Times that accepting failed.
    pub accept_errors: Counter,
    /// Requests that the parser refused.
    pub parse_errors: Counter,
    /// Heads that did not come in full within the limit.
    pub head_timeouts: Counter,
    /// Clients that stopped taking what was written.
    pub write_stalls: Counter,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// What comes is answered, and each answer is the last of its connection.
    Leaving,
    /// What is on its way is finished, nothing is begun.
    Draining,
    /// What is still there is cut.
    Closed,
}

/// A response body that tells the socket when it is gone.
struct Served<B> {
    body: B,
    turn: Arc<Turn>,
}

/// The largest head that the parser takes, and the most that is buffered for a client that reads slowly.
const MAX_BUFFER: usize = 64 * 1024;

/// How long a kept connection is still listened to after the shutdown. A client may have sent a request before it can
/// know; one that finds its connection closed instead cannot tell whether the request was taken.
const LEAVE: Duration = Duration::from_secs(1);

/// How long requests may take to end after that.
const DRAIN: Duration = Duration::from_secs(20);

/// How long to wait when the system has no descriptor or memory for a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

impl Limits {
    /// The default times.
    #[must_use]
    pub const fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            write_stall: Duration::from_secs(15 * 60),
        }
    }
}

/// Serves until `shutdown` is ready. Then every connection that was made is given its next answer, which says that it
/// is the last; after a second those without a request are closed, and what is on its way has 20 more to end. Tunnels
/// are not waited for.
///
/// `service` runs in the connection's own task and is dropped when its client goes.
pub async fn serve<S, F, B>(
    bound: Bound,
    service: S,
    limits: Limits,
    clock: Clock,
    meters: Meters,
    shutdown: impl Future<Output = ()>,
) where
    S: Fn(PeerAddr, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let permits = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (phase, watching) = watch::channel(Phase::Serving);
    let open = |socket: Socket, peer: PeerAddr, permit: OwnedSemaphorePermit| {
        meters.accepted.increment();
        let _ = socket.without_delay();
        let wire = Wire::new(socket, clock.clone(), limits, meters.clone(), permit);
        tokio::spawn(connection(wire, peer, service.clone(), watching.clone(), meters.clone()));
    };
    let mut next = 0;
    let accept = async {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            let (socket, peer) =
                match poll_fn(|context| poll_accept(&bound.sockets, &mut next, context)).await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        meters.accept_errors.increment();
                        if !is_about_one_connection(&error) {
                            tracing::warn!(%error, "cannot accept connections for the moment");
                            clock.sleep(BACK_OFF).await;
                        }
                        continue;
                    }
                };
            open(socket, peer, permit);
        }
    };
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }
    // What the kernel has accepted in our name is ours to answer; with the socket it would be reset.
    for listening in bound.sockets {
        for (socket, peer) in listening.into_waiting() {
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { break };
            open(socket, peer, permit);
        }
    }
    phase.send_replace(Phase::Leaving);
    drop(watching);
    if clock.timeout(LEAVE, phase.closed()).await.is_ok() {
        return;
    }
    phase.send_replace(Phase::Draining);
    if clock.timeout(DRAIN, phase.closed()).await.is_err() {
        phase.send_replace(Phase::Closed);
        phase.closed().await;
    }
}

/// One connection, from its first byte to its last.
async fn connection<S, F, B>(
    wire: Wire,
    peer: PeerAddr,
    service: S,
    mut phase: watch::Receiver<Phase>,
    meters: Meters,
) where
    S: Fn(PeerAddr, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let turn = wire.turn();
    // Never marked as seen: any change says that the server is leaving.
    let leaving = phase.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        turn.request(!request.body().is_end_stream());
        let turn = Arc::clone(&turn);
        let (answer, leaving) = (service(peer, request), leaving.clone());
        async move {
            let mut response = answer.await;
            turn.wait_for_client(response.extensions().get::<Patience>().copied());
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                turn.upgraded();
            } else if leaving.has_changed().unwrap_or(true) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Served { body, turn }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_header_size(MAX_BUFFER).max_buf_size(MAX_BUFFER).header_read_timeout(None);
    builder.half_close(false).pipeline_flush(false);
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
        if error.is_parse() {
            meters.parse_errors.increment();
        }
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// A connection from any of the sockets, which take turns at being asked first.
fn poll_accept(
    sockets: &[Listening],
    next: &mut usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<(Socket, PeerAddr)>> {
    let count = sockets.len();
    for offset in 0..count {
        let index = (*next + offset) % count;
        if let Some(Poll::Ready(accepted)) = sockets.get(index).map(|socket| socket.poll_accept(context)) {
            *next = index + 1;
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

/// Whether an error of accept says something about the one connection only, and the next may be asked for at once.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
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
