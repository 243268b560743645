//! What a route's upstream is and how patient we are with it, checked.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::web::HostName;

/// The upstream side of one route.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Where requests go.
    pub target: Target,
    /// The Host that the upstream sees.
    pub host_header: HostHeader,
    /// Limit for the TCP connection.
    pub connect_timeout: Duration,
    /// Limit from the last request-body byte that the upstream took to the response head; none switches it off.
    pub timeout: Option<Duration>,
    /// Limit for silence on a stream, a tunnel or a stalled body; none switches it off.
    pub idle_timeout: Option<Duration>,
    /// The largest request body in bytes.
    pub max_body: Option<u64>,
    /// What of the request is changed besides what always is.
    pub rewriting: Rewriting,
}

/// What of a request is changed, or left, because the route says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// Names with an underscore that pass.
    pub underscore_headers: Vec<HeaderName>,
    /// The path prefixes of the route that are removed, as routes match them: `/a/b`.
    pub stripped: Vec<String>,
}

/// An upstream: `http://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The host to connect to.
    pub host: HostName,
    /// The port.
    pub port: u16,
}

/// The Host that the upstream sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// What the client sent.
    #[default]
    Preserve,
    /// The upstream's own host and port.
    Upstream,
    /// A fixed text.
    Literal(HeaderValue),
}
