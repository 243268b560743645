//! What a route's upstream is and how patient we are with it, checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::tls::Tls;
use crate::web::HostName;

/// The upstream side of one route.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Where requests go.
    pub target: Target,
    /// The Host that the upstream sees.
    pub host_header: HostHeader,
    /// Limit for the connection: TCP and TLS.
    pub connect_timeout: Duration,
    /// Limit from the last request-body byte that the upstream took to the response head; none switches it off.
    pub timeout: Option<Duration>,
    /// Limit for silence on a stream, a tunnel or a stalled body; none switches it off.
    pub idle_timeout: Option<Duration>,
    /// Limit for the silence of a client in the middle of its body, as long as no answer has begun.
    pub body_timeout: Duration,
    /// How many requests the upstream may be answering at once, and how many may wait for that.
    pub max_in_flight: usize,
    /// Limit for that wait; zero for none.
    pub queue_timeout: Duration,
    /// The largest request body in bytes.
    pub max_body: Option<u64>,
    /// The largest response head in bytes.
    pub max_response_head: usize,
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

/// An upstream. Equal ones share their connections, so how a connection is secured is a part of it. Shown as it is
/// written, with its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `http://host[:port]`
    Http {
        /// The host to connect to.
        host: HostName,
        /// The port.
        port: u16,
    },
    /// `https://host[:port]`
    Https {
        /// The host to connect to.
        host: HostName,
        /// The port.
        port: u16,
        /// Whom we expect there, and who we are.
        tls: Tls,
    },
    /// `h2c://host[:port]`: HTTP/2 from the first byte on, over plain TCP (RFC 9113 section 3.3).
    H2c {
        /// The host to connect to.
        host: HostName,
        /// The port.
        port: u16,
    },
    /// `unix:/path`
    Unix {
        /// The absolute path of the socket.
        path: PathBuf,
    },
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

impl Target {
    /// Whether HTTP/2 is spoken with it.
    #[must_use]
    pub const fn is_http2(&self) -> bool {
        matches!(self, Self::H2c { .. })
    }

    /// Its host, and its port unless that is the scheme's default: what a Host field says. None for a Unix socket.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        match self {
            Self::Http { host, port: 80 }
            | Self::H2c { host, port: 80 }
            | Self::Https { host, port: 443, .. } => Some(host.to_string()),
            Self::Http { host, port } | Self::H2c { host, port } | Self::Https { host, port, .. } => {
                Some(format!("{host}:{port}"))
            }
            Self::Unix { .. } => None,
        }
    }

    /// Where it is reached: host and port, or the path of its socket behind `unix:`.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Http { host, port } | Self::H2c { host, port } | Self::Https { host, port, .. } => {
                format!("{host}:{port}")
            }
            Self::Unix { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, port } => write!(f, "http://{host}:{port}"),
            Self::Https { host, port, .. } => write!(f, "https://{host}:{port}"),
            Self::H2c { host, port } => write!(f, "h2c://{host}:{port}"),
            Self::Unix { path } => write!(f, "unix:{}", path.display()),
        }
    }
}
