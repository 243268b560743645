//! What the proxy counts.

use std::sync::Arc;

use crate::meter::{Counter, Gauge, HttpDurations, Named};

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
    /// WebSocket tunnels that are open.
    pub tunnels: Gauge,
    /// Streams and tunnels that were cut because their session ended.
    pub ended_by_lease: Counter,
    /// Answers of upstreams that broke off before their end.
    pub truncated: Counter,
    /// Routes by name. They outlive a reload.
    pub routes: Arc<Named<RouteMeters>>,
    /// Upstreams by address. They outlive a reload.
    pub targets: Arc<Named<TargetMeters>>,
}

/// What is counted for one route.
#[derive(Debug, Default)]
pub struct RouteMeters {
    /// Header names by which clients wanted to say who they are, removed.
    pub claimed_names: Counter,
    /// Header names with an underscore that were removed.
    pub underscore_names: Counter,
    /// WebSocket tunnels that are open.
    pub tunnels: Gauge,
}

/// What is counted for one upstream.
#[derive(Debug, Default)]
pub struct TargetMeters {
    /// From handing a request on to the head of its answer.
    pub durations: HttpDurations,
    /// Connections that are open, idle ones too.
    pub connections: Gauge,
    /// Connections that were opened.
    pub connects: Counter,
    /// Attempts to connect that failed or took too long.
    pub connect_failures: Counter,
}
