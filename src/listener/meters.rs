//! What a listener counts.

use super::malformed::Malformed;
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
    /// The same by class.
    pub malformed: Malformed,
    /// Heads that did not come in full within the limit.
    pub head_timeouts: Counter,
    /// Connections that were still open when the time for the end was over.
    pub cut: Counter,
    /// Clients that stopped taking what was written.
    pub write_stalls: Counter,
    /// Requests over HTTP/2.
    pub streams: Counter,
    /// HTTP/2 requests that were reset since they were malformed.
    pub malformed_streams: Counter,
    /// HTTP/2 requests that their client took back before there was an answer.
    pub abandoned_streams: Counter,
    /// HTTP/2 answers that were reset since their client stopped taking them.
    pub stalled_streams: Counter,
    /// HTTP/2 connections that were told to calm down, and closed: floods.
    pub flooded_connections: Counter,
    /// HTTP/2 connections that ended by any other error of the protocol.
    pub broken_connections: Counter,
    /// What came of TLS handshakes.
    pub handshakes: HandshakeMeters,
}

/// What comes of TLS handshakes.
#[derive(Clone, Debug, Default)]
pub struct HandshakeMeters {
    /// Those that came to their end, resumed ones too.
    pub complete: Counter,
    /// Those of them that took up an earlier session.
    pub resumed: Counter,
    /// Clients that did not speak TLS.
    pub not_tls: Counter,
    /// Clients that knew no version, cipher or protocol of ours.
    pub incompatible: Counter,
    /// Clients whose certificate was refused.
    pub client_certificates: Counter,
    /// Clients that broke off with an alert: mostly since they do not trust our certificate.
    pub refused: Counter,
    /// Clients that broke the rules of TLS.
    pub malformed: Counter,
    /// Connections that ended within a handshake.
    pub broken: Counter,
    /// Handshakes that took longer than the limit.
    pub timeouts: Counter,
    /// Connections for which there was no certificate.
    pub no_certificate: Counter,
}
