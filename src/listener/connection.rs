//! One connection from its acceptance to its end: what it holds, what it is served with, which protocol it speaks.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use super::bind::Entry;
use super::introduction::{self, Unintroduced};
use super::meters::Meters;
use super::notices::Notices;
use super::room::{Counted, Peers, Seat};
use super::terms::{Clients, PriorKnowledge, Terms};
use super::wire::Wire;
use super::{handshake, http1, http2};
use crate::clock::Clock;
use crate::lease::Patience;
use crate::lines::text::with_causes;
use crate::manual;
use crate::meter::GaugeGuard;
use crate::socket::Socket;
use crate::transport::Transport;
use crate::web::subscriber::is_private;
use crate::web::tls::TlsArrival;
use crate::web::{Arrival, Introduction, PeerAddr, Subscriber, TrustedProxies};

/// What an open connection takes of the server for as long as its socket is open, also when it has become a tunnel.
#[derive(Debug)]
pub(super) struct Held {
    _seat: Seat,
    _open: GaugeGuard,
    counted: Option<Counted>,
}

/// What connections are served with.
#[derive(Clone)]
pub(super) struct Serving<S> {
    pub(super) service: S,
    pub(super) terms: Arc<Terms>,
    pub(super) peers: Peers,
    pub(super) notices: Arc<Notices>,
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
    pub(super) fn new(seat: Seat, meters: &Meters) -> Self {
        Self { _seat: seat, _open: meters.connections.hold(), counted: None }
    }
}

/// Serves one connection.
pub(super) async fn run<S, F, B>(
    mut socket: Socket,
    peer: PeerAddr,
    entry: Entry,
    mut held: Held,
    mut serving: Serving<S>,
) where
    S: Fn(Arrival, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Patience + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = socket.without_delay();
    let Serving { terms, clock, meters, .. } = &serving;
    let mut arrival = Arrival::new(peer);
    if terms.trusted_proxies.expects_introduction(peer) {
        let mut phase = serving.phase.clone();
        let read = tokio::select! {
            read = introduction::read(&mut socket, clock, terms.limits.head) => read,
            // A proxy that has said nothing yet has nothing on its way.
            _ = phase.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed)) => return,
        };
        match read {
            Ok(introduction) => arrival = arrival.introduced(introduction),
            Err(Unintroduced::Gone) => return,
            Err(error) => {
                meters.proxy_headers_refused.increment();
                if serving.notices.proxy_header.is_due(clock) {
                    tracing::warn!(
                        code = "listen/proxy-header",
                        url = manual::url("listen/proxy-header"),
                        %peer,
                        "a connection of a trusted proxy was closed: {}",
                        with_causes(&error)
                    );
                }
                return;
            }
        }
    }
    if let Some(who) = counted_as(&arrival, &terms.trusted_proxies, terms.limits.counted) {
        held.counted = serving.peers.count(who, terms.limits.max_connections_per_peer);
        if held.counted.is_none() {
            meters.crowded_out.increment();
            tracing::debug!(%peer, "a connection more than listen.max_connections_per_peer was closed");
            return;
        }
    }
    let limits = serving.terms.limits;
    let (transport, arrival) = match entry {
        Entry::Plain => (Transport::Plain(socket), arrival),
        Entry::Tls => match Box::pin(secure(socket, peer, &mut serving)).await {
            Some((stream, tls)) => (Transport::Tls(Box::new(stream.into())), arrival.over(tls)),
            None => return,
        },
    };
    let is_http2 = transport.is_http2();
    let mut wire = Wire::new(transport, serving.clock.clone(), limits, serving.meters.clone(), held);
    if is_http2 {
        return Box::pin(http2::serve(wire, arrival, serving)).await;
    }
    if entry == Entry::Plain && limits.http2.prior_knowledge == PriorKnowledge::Taken {
        let mut phase = serving.phase.clone();
        let announced = tokio::select! {
            announced = http2::is_announced(&mut wire) => announced,
            // Who has not sent as much as a line has nothing on its way.
            _ = phase.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed)) => return,
        };
        match announced {
            Ok(true) => return Box::pin(http2::serve(wire, arrival, serving)).await,
            Ok(false) => {}
            Err(_) => return,
        }
    }
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

/// Whose connection this is to be counted as, if it is.
fn counted_as(arrival: &Arrival, trusted: &TrustedProxies, counted: Clients) -> Option<Subscriber> {
    let address = match arrival.introduction() {
        Some(Introduction::Client { address, .. }) => address,
        Some(Introduction::Own) | None => arrival.peer().ip(),
    };
    let is_stranger = |address: &IpAddr| !is_private(*address) && !trusted.contains(*address);
    let address = address.filter(|address| counted == Clients::All || is_stranger(address))?;
    Some(address.into())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use super::{Arrival, Clients, Introduction, PeerAddr, counted_as};
    use crate::web::TrustedProxies;
    use crate::web::forwarded::Convention;

    #[test]
    fn only_strangers_of_the_internet_are_counted() {
        let trusted = vec!["203.0.113.0/24".parse().expect("a network")];
        let trusted = TrustedProxies::new(trusted, Convention::XForwarded);
        let is_counted = |text: &str| {
            let address: IpAddr = text.parse().expect("an address");
            let direct = Arrival::new(PeerAddr::new(SocketAddr::new(address, 1)));
            let introduction = Introduction::Client { address: Some(address.to_canonical()), scheme: None };
            let told = Arrival::new(PeerAddr::Unix).introduced(introduction);
            let [direct, told] =
                [direct, told].map(|arrival| counted_as(&arrival, &trusted, Clients::Strangers).is_some());
            assert_eq!(direct, told, "{text}");
            direct
        };
        for (address, expected) in [
            ("198.51.100.7", true),
            ("::ffff:198.51.100.7", true),
            ("2001:db8::1", true),
            ("203.0.113.9", false),
            ("::ffff:203.0.113.9", false),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_counted(address), expected, "{address}");
        }
        for counted in [Clients::Strangers, Clients::All] {
            assert!(counted_as(&Arrival::new(PeerAddr::Unix), &trusted, counted).is_none());
        }
        let own = Arrival::new(PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert!(counted_as(&own, &trusted, Clients::All).is_some());
    }
}
