//! What can go wrong between a Pass and an answer, sorted by whose fault it is.

use std::io;

use http::StatusCode;

use super::tls_error::TlsError;

/// Why a request could not be forwarded, or its answer not passed on.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    // --- the client's fault ---
    /// The body is larger than the route takes: 413.
    #[error("the request body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body's framing is wrong, its chunks mostly: 400.
    #[error("the request body is malformed")]
    ClientBody,
    /// The body broke off. The client is mostly gone: 400 or nothing.
    #[error("the request body broke off")]
    ClientGone,
    /// The client sent nothing of its body for the idle limit: 408.
    #[error("the client stopped sending its request body")]
    ClientStalled,
    /// An Expect field other than `100-continue`: 417 (RFC 9110 section 10.1.1).
    #[error("the request expects something that is not known")]
    ExpectationFailed,
    /// A Transfer-Encoding other than exactly `chunked`: 501 (RFC 9112 section 6.1).
    #[error("the request uses a transfer coding other than chunked")]
    TransferCoding,

    // --- the upstream's fault ---
    /// A WebSocket for an upstream that speaks HTTP/2: 501.
    #[error("the upstream speaks HTTP/2, over which no WebSocket is passed on")]
    NoWebSocket,
    /// The name has no address: 502.
    #[error("the name in {target} has no address")]
    Resolve {
        /// The upstream.
        target: String,
        /// What the resolver said; none when it gave an empty list.
        source: Option<io::Error>,
    },
    /// No address, or no socket, could be connected to: 502.
    #[error("cannot connect to {target}")]
    Connect {
        /// The upstream.
        target: String,
        /// The last address's error.
        source: io::Error,
    },
    /// There is no TLS with it: 502.
    #[error("no TLS connection to {target}")]
    Tls {
        /// The upstream.
        target: String,
        /// Why.
        source: Box<TlsError>,
    },
    /// Connecting, TLS with it, took too long: 504.
    #[error("connecting to the upstream took too long")]
    ConnectTimeout,
    /// No place on a connection that several share, in the time that connecting may take: 503.
    #[error("the upstream takes no further requests at a time")]
    Busy,
    /// As many requests of the route as may be are with the upstream, and its turn did not come in time: 503.
    #[error(
        "the upstream is busy with {limit} requests of this route, as many as max_in_flight lets through"
    )]
    Crowded {
        /// How many may be.
        limit: usize,
    },
    /// No response head within the limit: 504.
    #[error("the upstream did not answer in time")]
    HeadTimeout,
    /// The upstream stopped reading the request body: 504.
    #[error("the upstream stopped reading the request body")]
    UploadStalled,
    /// The connection ended before the response head: 502.
    #[error("the upstream closed the connection before it answered")]
    UpstreamClosed {
        /// What the connection said.
        source: hyper::Error,
    },
    /// It refused this request by a reset, or by going away (RFC 9113 section 7): 502.
    #[error("the upstream refused the request with {reason}")]
    Reset {
        /// The word for its code.
        reason: &'static str,
        /// What the connection said.
        source: hyper::Error,
    },
    /// What came back is not an HTTP response: 502.
    #[error("the upstream's answer is not valid HTTP")]
    BadResponse {
        /// What the parser said; none where it said nothing.
        source: Option<hyper::Error>,
    },
    /// A status code that HTTP does not have: 502.
    #[error("the upstream answered with the impossible status {status}")]
    BadStatus {
        /// The code.
        status: u16,
    },
    /// A response head over the limit: 502.
    #[error("the upstream's response head is too large")]
    ResponseHeadTooLarge,
    /// Content-Length fields that differ: 502 (RFC 9112 section 6.3).
    #[error("the upstream's answer has conflicting lengths")]
    ConflictingLength,
    /// A Transfer-Encoding other than exactly `chunked`: 502.
    #[error("the upstream's answer uses a transfer coding other than chunked")]
    ResponseTransferCoding,
    /// 101 that nobody asked for, or to another protocol than was asked for: 502.
    #[error("the upstream switched to a protocol that was not asked for")]
    UnexpectedUpgrade,

    // --- ours ---
    /// The Pass names a route that this proxy does not know: 500.
    #[error("the route has no upstream")]
    NoUpstream,
    /// The judged path cannot be written as a request target: 500.
    #[error("the request target cannot be written")]
    Target,
}

/// Whose fault a [`ForwardError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's.
    Client,
    /// The upstream's.
    Upstream,
    /// Ours.
    Us,
}

/// Why an answer ends before its end. The client's connection is then cut, so that it can tell.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The upstream's connection ended or its framing broke.
    #[error("the upstream's answer broke off")]
    Upstream(#[source] hyper::Error),
    /// The upstream gave its answer up, and said that this was no error. It still is not all.
    #[error("the upstream ended its answer before its end")]
    GivenUp,
    /// Silence for the idle limit.
    #[error("the upstream's answer stalled")]
    Idle,
    /// The session that let the request in has ended.
    #[error("the session ended")]
    LeaseEnded,
}

impl ForwardError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::BodyTooLarge { .. }
            | Self::ClientBody
            | Self::ClientGone
            | Self::ClientStalled
            | Self::ExpectationFailed
            | Self::TransferCoding => Fault::Client,
            Self::NoWebSocket
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::ConnectTimeout
            | Self::Busy
            | Self::Crowded { .. }
            | Self::HeadTimeout
            | Self::UploadStalled
            | Self::UpstreamClosed { .. }
            | Self::Reset { .. }
            | Self::BadResponse { .. }
            | Self::BadStatus { .. }
            | Self::ResponseHeadTooLarge
            | Self::ConflictingLength
            | Self::ResponseTransferCoding
            | Self::UnexpectedUpgrade => Fault::Upstream,
            Self::NoUpstream | Self::Target => Fault::Us,
        }
    }

    /// The status that the client gets for it.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ClientBody | Self::ClientGone => StatusCode::BAD_REQUEST,
            Self::ClientStalled => StatusCode::REQUEST_TIMEOUT,
            Self::ExpectationFailed => StatusCode::EXPECTATION_FAILED,
            Self::TransferCoding | Self::NoWebSocket => StatusCode::NOT_IMPLEMENTED,
            Self::Busy | Self::Crowded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::HeadTimeout | Self::UploadStalled => StatusCode::GATEWAY_TIMEOUT,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::UpstreamClosed { .. }
            | Self::Reset { .. }
            | Self::BadResponse { .. }
            | Self::BadStatus { .. }
            | Self::ResponseHeadTooLarge
            | Self::ConflictingLength
            | Self::ResponseTransferCoding
            | Self::UnexpectedUpgrade => StatusCode::BAD_GATEWAY,
            Self::NoUpstream | Self::Target => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable word for logs and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::BodyTooLarge { .. } => "request/body-too-large",
            Self::ClientBody => "request/body-broken",
            Self::ClientGone => "request/body-cut",
            Self::ClientStalled => "request/body-stalled",
            Self::ExpectationFailed => "request/expectation",
            Self::TransferCoding => "request/transfer-coding",
            Self::NoWebSocket => "upstream/no-websocket",
            Self::Resolve { .. } => "upstream/resolve",
            Self::Connect { .. } => "upstream/connect",
            Self::Tls { .. } => "upstream/tls",
            Self::ConnectTimeout => "upstream/connect-timeout",
            Self::Busy | Self::Crowded { .. } => "upstream/busy",
            Self::HeadTimeout => "upstream/timeout",
            Self::UploadStalled => "upstream/upload-stalled",
            Self::UpstreamClosed { .. } => "upstream/closed",
            Self::Reset { .. } => "upstream/reset",
            Self::BadResponse { .. } => "upstream/bad-response",
            Self::BadStatus { .. } => "upstream/bad-status",
            Self::ResponseHeadTooLarge => "upstream/head-too-large",
            Self::ConflictingLength => "upstream/conflicting-length",
            Self::ResponseTransferCoding => "upstream/transfer-coding",
            Self::UnexpectedUpgrade => "upstream/unexpected-upgrade",
            Self::NoUpstream => "config/no-upstream",
            Self::Target => "internal/target",
        }
    }

    /// The limit in bytes that a body was over.
    #[must_use]
    pub const fn limit(&self) -> Option<u64> {
        match self {
            Self::BodyTooLarge { limit } => Some(*limit),
            _ => None,
        }
    }
}

impl BodyError {
    /// The stable word for logs and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Upstream(_) | Self::GivenUp => "upstream/truncated",
            Self::Idle => "upstream/stalled",
            Self::LeaseEnded => "session/ended",
        }
    }
}
