//! The terms on which connections are taken. A reload puts new ones in force; a connection that is open keeps its own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::certificate::Expiry;
use super::room::{Peers, Room};
use super::tls::Tls;
use crate::web::TrustedProxies;

/// What holds for a connection from its acceptance on.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it may take.
    pub limits: Limits,
    /// The proxies in front: they are not counted, and may have to say first whom they speak for.
    pub trusted_proxies: TrustedProxies,
    /// How TLS is spoken, where it is.
    pub tls: Option<Arc<Tls>>,
}

/// The terms of today, and who is there. Clones share both.
#[derive(Clone, Debug)]
pub struct InForce(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    terms: ArcSwap<Terms>,
    room: Arc<Room>,
    peers: Peers,
}

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections at once; further ones wait in the kernel.
    pub max_connections: usize,
    /// The most connections of one client at once; further ones are closed.
    pub max_connections_per_peer: usize,
    /// Of which clients that holds.
    pub counted: Clients,
    /// From the first byte of a head to its last; also the wait for the first byte of a connection.
    pub head: Duration,
    /// How long a connection may lie idle between requests.
    pub keep_alive: Duration,
    /// How long a client may take nothing of what is written to it, unless the answer has a limit of its own.
    pub write_stall: Duration,
    /// The most fields of a head.
    pub max_headers: usize,
    /// The most requests of a connection.
    pub max_requests: usize,
    /// What HTTP/2 has besides.
    pub http2: Http2,
}

/// Clients whose connections are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Those of the internet. Of a proxy, of this machine and of a private network many may come, for many people.
    Strangers,
    /// All that have an address: whoever comes here comes from nearby, and for nobody else.
    All,
}

/// How HTTP/2 is spoken.
#[derive(Clone, Copy, Debug)]
pub struct Http2 {
    /// Whether clients may speak it without TLS.
    pub prior_knowledge: PriorKnowledge,
    /// Requests at once on one connection.
    pub max_streams: u32,
    /// Bytes of one request's body that may wait for its upstream; all those of a connection may have four times as many.
    pub window: u32,
}

/// Whether a client of a plain connection may begin with HTTP/2 (RFC 9113 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorKnowledge {
    /// It may, and is told from HTTP/1.1 by its first bytes.
    Taken,
    /// It is spoken HTTP/1.1 to, which refuses that beginning.
    Refused,
}

impl InForce {
    /// These terms, until others come.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        let terms = ArcSwap::from_pointee(terms);
        Self(Arc::new(Shared { terms, room: Arc::default(), peers: Peers::default() }))
    }

    /// Puts other terms in force, for the connections from now on. More room is used at once; when there is less, those who
    /// are there stay, and nobody comes in before enough of them have left.
    ///
    /// Addresses for TLS stay bound until the process ends. So terms without any certificate leave the ones that were.
    pub fn replace(&self, mut terms: Terms) {
        terms.tls = terms.tls.or_else(|| self.today().tls.clone());
        self.0.terms.store(Arc::new(terms));
        self.0.room.look_again();
    }

    /// When the certificates end that are shown today.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        self.0.terms.load().tls.as_ref().map(|tls| tls.expiries().to_vec()).unwrap_or_default()
    }

    pub(super) fn today(&self) -> Arc<Terms> {
        self.0.terms.load_full()
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.0.room
    }

    pub(super) fn peers(&self) -> &Peers {
        &self.0.peers
    }
}

impl Terms {
    /// These limits, no proxy in front, and no TLS.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, trusted_proxies: TrustedProxies::default(), tls: None }
    }
}

impl Limits {
    /// The default limits, but for this many connections.
    #[must_use]
    pub const fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            max_connections_per_peer: 1024,
            counted: Clients::Strangers,
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            write_stall: Duration::from_secs(15 * 60),
            max_headers: 100,
            max_requests: 10_000,
            http2: Http2::STANDARD,
        }
    }
}

impl Limits {
    /// Those of a listener for probes and a scraper or two. Nobody who is slow takes the place of a probe for long, and nobody
    /// alone takes them all.
    pub const NEARBY: Self = Self {
        max_connections_per_peer: 32,
        counted: Clients::All,
        write_stall: Duration::from_secs(10),
        ..Self::new(64)
    };
}

impl Http2 {
    /// What holds unless somebody says otherwise.
    pub const STANDARD: Self =
        Self { prior_knowledge: PriorKnowledge::Refused, max_streams: 100, window: 256 << 10 };
}
