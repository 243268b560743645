//! Facts: the one reading of a request. Rules judge them, the upstream gets what they say.

use http::{HeaderValue, Method};

use super::arrival::Arrival;
use super::forwarded::{Forwarded, PeerAddr};
use super::host::HostName;
use super::kind::RequestKind;
use super::origin::{Origin, Scheme};
use super::path::CanonicalPath;
use super::source::Source;

/// What was observed about a request, once. Never changes.
///
/// Made from parts and not from an HTTP message, so that every way of asking (a proxied request, a forward-auth
/// question) gives the same facts.
#[derive(Clone, Debug)]
pub struct Facts {
    method: Method,
    origin: Origin,
    path: CanonicalPath,
    query: Option<String>,
    arrival: Arrival,
    forwarded: Forwarded,
    kind: RequestKind,
    source: Source,
    id: RequestId,
}

/// What [`Facts::new`] takes.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The method, as sent.
    pub method: Method,
    /// The host from Host or `:authority`.
    pub host: HostName,
    /// The path.
    pub path: CanonicalPath,
    /// The query without its question mark, as sent.
    pub query: Option<String>,
    /// The connection that it came over.
    pub arrival: Arrival,
    /// What trusted proxies said.
    pub forwarded: Forwarded,
    /// The kind of the request.
    pub kind: RequestKind,
    /// Where it says it comes from.
    pub source: Source,
    /// Its id.
    pub id: RequestId,
}

/// The id by which a person finds a request's log line: `[A-Za-z0-9._-]{1,64}`.
///
/// Kept as the field that carries it on: the upstream gets it, and so does whoever reads the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl Facts {
    /// Facts from their parts; `public_url` gives the scheme and port of the addresses that people type.
    #[must_use]
    pub fn new(parts: Parts, public_url: &Origin) -> Self {
        let Parts { method, host, path, query, arrival, forwarded, kind, source, id } = parts;
        let origin = public_url.of_host(host);
        Self { method, origin, path, query, arrival, forwarded, kind, source, id }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The request's own origin: scheme and port of the public URL, host of the request.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &HostName {
        self.origin.host()
    }

    /// The path.
    #[must_use]
    pub const fn path(&self) -> &CanonicalPath {
        &self.path
    }

    /// The query, byte for byte as sent.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The connection that the request came over.
    #[must_use]
    pub const fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// The other end of the connection.
    #[must_use]
    pub const fn peer(&self) -> PeerAddr {
        self.arrival.peer()
    }

    /// The client and the way it came.
    #[must_use]
    pub const fn forwarded(&self) -> &Forwarded {
        &self.forwarded
    }

    /// The kind of the request.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        self.kind
    }

    /// Where the request says it comes from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The request's id.
    #[must_use]
    pub const fn id(&self) -> &RequestId {
        &self.id
    }

    /// The scheme that the upstream is told: what a trusted proxy said, else https over our own TLS, else the public
    /// URL's.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.seen_scheme().unwrap_or(self.origin.scheme())
    }

    /// The scheme that the client is known to have spoken; none when only who is in front could tell, and does not.
    #[must_use]
    pub fn seen_scheme(&self) -> Option<Scheme> {
        self.forwarded.scheme().or_else(|| self.arrival.tls().map(|_| Scheme::Https))
    }
}

impl RequestId {
    /// Takes over an id that a trusted proxy sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_legal = (1..=64).contains(&text.len()) && text.bytes().all(legal);
        HeaderValue::from_str(text).ok().filter(|_| is_legal).map(Self)
    }

    /// A fresh id from 12 random bytes, in hex: long enough never to repeat, short enough to read out.
    #[must_use]
    pub fn fresh(bytes: [u8; 12]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 24];
        for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
            digits.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        // Digits are a field's value.
        Self(HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The same as the value of a field.
    #[must_use]
    pub const fn field(&self) -> &HeaderValue {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
