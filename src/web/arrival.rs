//! How a request came in: over which connection.

use std::sync::Arc;

use super::forwarded::PeerAddr;
use super::proxy_header::Introduction;
use super::tls::TlsArrival;

/// The connection that a request came over, as the listener knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Arrival {
    peer: PeerAddr,
    introduction: Option<Introduction>,
    tls: Option<Arc<TlsArrival>>,
}

impl Arrival {
    /// Over a plain connection from this peer.
    #[must_use]
    pub const fn new(peer: PeerAddr) -> Self {
        Self { peer, introduction: None, tls: None }
    }

    /// Over TLS that ends with us.
    #[must_use]
    pub fn over(mut self, tls: TlsArrival) -> Self {
        self.tls = Some(Arc::new(tls));
        self
    }

    /// The other end of the connection.
    #[must_use]
    pub const fn peer(&self) -> PeerAddr {
        self.peer
    }

    /// The same, and the peer said this before anything else.
    #[must_use]
    pub const fn introduced(mut self, introduction: Introduction) -> Self {
        self.introduction = Some(introduction);
        self
    }

    /// What the peer, a trusted proxy, said by the PROXY protocol.
    #[must_use]
    pub const fn introduction(&self) -> Option<Introduction> {
        self.introduction
    }

    /// What the TLS handshake said; none over a plain connection.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsArrival> {
        self.tls.as_deref()
    }
}
