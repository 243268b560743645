//! What the proxy counts.

use std::sync::Arc;

use crate::meter::{Counter, Gauge, GaugeGuard, HttpDurations, Named};

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
    /// Requests for which no such connection had a place in time, or whose turn did not come in time.
    pub busy: Counter,
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
    /// Requests that wait for their turn.
    pub waiting: Gauge,
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

/// The connections of one target, counted over all and for it alone.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) all: Meters,
    pub(super) own: Arc<TargetMeters>,
}

impl Counted {
    pub(super) fn new(all: &Meters, address: &str) -> Self {
        Self { own: all.targets.of(address), all: all.clone() }
    }

    /// A connection was opened; it counts as open for as long as what is given lives.
    pub(super) fn connected(&self) -> (GaugeGuard, GaugeGuard) {
        self.all.connects.increment();
        self.own.connects.increment();
        (self.all.connections.hold(), self.own.connections.hold())
    }

    /// None could be opened.
    pub(super) fn failed(&self) {
        self.all.connect_failures.increment();
        self.own.connect_failures.increment();
    }
}
