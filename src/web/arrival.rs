//! How a request came in: over which connection.

use super::forwarded::PeerAddr;

/// The connection that a request came over, as the listener knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Arrival {
    peer: PeerAddr,
}

impl Arrival {
    /// Over a plain connection from this peer.
    #[must_use]
    pub const fn new(peer: PeerAddr) -> Self {
        Self { peer }
    }

    /// The other end of the connection.
    #[must_use]
    pub const fn peer(&self) -> PeerAddr {
        self.peer
    }
}
