//! What a listener counts.

use crate::meter::{Counter, Gauge};

/// What a listener counts. Clones count into the same words.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that are open, tunnels too.
    pub connections: Gauge,
    /// Times that accepting failed.
    pub accept_errors: Counter,
    /// Connections of trusted proxies that were closed, since a header of the PROXY protocol was missing, malformed or late.
    pub proxy_headers_refused: Counter,
    /// Connections that were closed at once, since their client had `max_connections_per_peer` of them.
    pub crowded_out: Counter,
    /// Connections that ended because they had served `max_requests`.
    pub worn_out: Counter,
    /// Heads that the parser refused for their size: over 64 KiB, or over `max_headers` fields. Not in `parse_errors`.
    pub heads_too_large: Counter,
    /// Requests that the parser refused otherwise.
    pub parse_errors: Counter,
    /// Heads that did not come in full within the limit.
    pub head_timeouts: Counter,
    /// Clients that stopped taking what was written.
    pub write_stalls: Counter,
    /// Requests over HTTP/2.
    pub streams: Counter,
    /// HTTP/2 requests that were reset since they were malformed in a way that h2 lets pass.
    pub malformed_streams: Counter,
    /// HTTP/2 requests that their client took back before there was an answer.
    pub abandoned_streams: Counter,
    /// HTTP/2 answers that were reset since their client stopped taking them.
    pub stalled_streams: Counter,
    /// HTTP/2 connections that were told to go since they had served enough requests.
    pub spent_connections: Counter,
    /// HTTP/2 connections that were told to calm down, and closed: floods.
    pub flooded_connections: Counter,
    /// HTTP/2 connections that ended by any other error of the protocol.
    pub broken_connections: Counter,
}
