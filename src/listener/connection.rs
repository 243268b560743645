//! One connection from its acceptance to its end: what it holds, what it is served with, which protocol it speaks.

use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::server::TlsStream;

use super::bind::Entry;
use super::handshake;
use super::http1;
use super::meters::Meters;
use super::terms::Terms;
use super::wire::Wire;
use crate::clock::Clock;
use crate::lines::text::with_causes;
use crate::meter::GaugeGuard;
use crate::socket::Socket;
use crate::transport::Transport;
use crate::web::tls::TlsArrival;
use crate::web::{Arrival, PeerAddr};

/// What an open connection takes of the server for as long as its socket is open, also when it has become a tunnel.
#[derive(Debug)]
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
    _open: GaugeGuard,
}

/// What connections are served with.
#[derive(Clone)]
pub(super) struct Serving<S> {
    pub(super) service: S,
    pub(super) terms: Arc<Terms>,
    pub(super) clock: Clock,
    pub(super) meters: Meters,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// What comes is answered, and each answer is the last of its connection.
    Leaving,
    /// What is on its way is finished, nothing is begun.
    Draining,
    /// What is still there is cut.
    Closed,
}

impl Held {
    pub(super) fn new(permit: OwnedSemaphorePermit, meters: &Meters) -> Self {
        Self { _permit: permit, _open: meters.connections.hold() }
    }
}

/// Serves one connection.
pub(super) async fn run<S, F, B>(
    socket: Socket,
    peer: PeerAddr,
    entry: Entry,
    held: Held,
    mut serving: Serving<S>,
) where
    S: Fn(Arrival, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = socket.without_delay();
    let arrival = Arrival::new(peer);
    let (transport, arrival) = match entry {
        Entry::Plain => (Transport::Plain(socket), arrival),
        Entry::Tls => match Box::pin(secure(socket, peer, &mut serving)).await {
            Some((stream, tls)) => (Transport::Tls(Box::new(stream.into())), arrival.over(tls)),
            None => return,
        },
    };
    let wire =
        Wire::new(transport, serving.clock.clone(), serving.terms.limits, serving.meters.clone(), held);
    http1::serve(wire, arrival, serving).await;
}

/// The connection once TLS is agreed on. None if it is not, or if the server has no time left for it.
async fn secure<S>(
    socket: Socket,
    peer: PeerAddr,
    serving: &mut Serving<S>,
) -> Option<(TlsStream<Socket>, TlsArrival)> {
    let Serving { terms, clock, meters, phase, .. } = serving;
    let shaken =
        handshake::accept(socket, terms.tls.as_deref(), terms.limits.head, clock, &meters.handshakes);
    let mut watched = phase.clone();
    let shaken = tokio::select! {
        shaken = shaken => shaken,
        // What is begun is served, and nobody has asked for anything yet.
        _ = watched.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed)) => return None,
    };
    if let Err(error) = &shaken {
        tracing::debug!(%peer, error = with_causes(error), "no TLS with a client");
    }
    shaken.ok()
}
