//! What the proxy counts.

use crate::meter::{Counter, Gauge};

/// Numbers over all routes and targets. Clones count into the same words.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// Header names of ours that clients sent and that were removed.
    pub reserved_names: Counter,
    /// Header names with an underscore that were removed.
    pub underscore_names: Counter,
    /// Requests that were sent a second time, because a kept connection turned out dead.
    pub retries: Counter,
    /// Connections to upstreams that were opened.
    pub connects: Counter,
    /// Attempts to connect that failed or took too long.
    pub connect_failures: Counter,
    /// Connections to upstreams that are open, idle ones too.
    pub connections: Gauge,
    /// Requests that are on connections which several share.
    pub streams: Gauge,
    /// Requests for which no such connection had a place in time.
    pub busy: Counter,
    /// WebSocket tunnels that are open.
    pub tunnels: Gauge,
    /// Streams and tunnels that were cut because their session ended.
    pub ended_by_lease: Counter,
    /// Answers of upstreams that broke off before their end.
    pub truncated: Counter,
}
