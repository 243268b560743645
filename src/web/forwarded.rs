//! Who the client is: the peer of the connection, or what trusted proxies say about the hop before them.
//!
//! Exactly one convention is read, and only from peers in the trusted list. The client is the first address from
//! the right that is not itself trusted: whatever stands to the left of it was written by strangers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::arrival::Arrival;
use super::origin::Scheme;
use super::proxy_header::Introduction;
use super::subscriber;
use crate::lines::json::{push_address, push_number};

/// The other end of a connection. Not necessarily the client: see [`ClientAddr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddr {
    /// Over TCP, from this address.
    Tcp(SocketAddr),
    /// Over a Unix socket, where nobody has an address.
    Unix,
}

/// The address that we hold to be the client's. Unknown when it came over a Unix socket and nobody trusted says more, and
/// when what trusted proxies say of it is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(Option<IpAddr>);

/// Peers whose forwarding headers count.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: Trust,
    convention: Convention,
}

/// How trusted proxies say for whom they speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// No fields: the header of the PROXY protocol at the start of each connection.
    ProxyProtocol,
}

/// What a request's forwarding headers came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    client: ClientAddr,
    /// Empty where the client is all there is.
    chain: Vec<IpAddr>,
    scheme: Option<Scheme>,
    trust: Trust,
}

/// Whether the peer may speak for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The peer is in the trusted list.
    Trusted,
    /// It is not; its forwarding headers were ignored.
    #[default]
    Untrusted,
}

/// How many hops are looked at. A client behind more trusted ones is unknown.
const MAX_HOPS: usize = 32;

impl PeerAddr {
    /// The peer at `address`.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }

    /// Writes it as it is shown.
    pub fn push_to(self, text: &mut String) {
        match self {
            Self::Tcp(SocketAddr::V4(address)) => {
                push_address(text, (*address.ip()).into());
                text.push(':');
                push_number(text, address.port().into());
            }
            Self::Tcp(_) | Self::Unix => text.push_str(&self.to_string()),
        }
    }

    /// Its IP address, if it has one; an IPv4-mapped one as IPv4.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }

    /// Whether it is no host of the internet: on this machine, or in a private network.
    #[must_use]
    pub fn is_private(self) -> bool {
        self.ip().is_none_or(subscriber::is_private)
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl ClientAddr {
    /// The address, if it is known.
    #[must_use]
    pub const fn ip(self) -> Option<IpAddr> {
        self.0
    }

    /// Writes it as it is shown.
    pub fn push_to(self, text: &mut String) {
        match self.0 {
            Some(address) => push_address(text, address),
            None => text.push_str(UNKNOWN),
        }
    }
}

impl From<PeerAddr> for ClientAddr {
    fn from(peer: PeerAddr) -> Self {
        Self(peer.ip())
    }
}

/// The word of RFC 7239 (section 6.2) for an address that nobody knows.
const UNKNOWN: &str = "unknown";

/// The address, or the word for one that nobody knows.
impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str(UNKNOWN),
        }
    }
}

impl TrustedProxies {
    /// Trusts `networks`, which speak `convention`.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>, convention: Convention) -> Self {
        Self { networks, unix: Trust::Untrusted, convention }
    }

    /// Trusts also, or does not, whoever comes over a Unix socket.
    #[must_use]
    pub const fn with_unix(mut self, unix: Trust) -> Self {
        self.unix = unix;
        self
    }

    /// Whether whoever comes over a Unix socket is trusted.
    #[must_use]
    pub fn trusts_unix(&self) -> bool {
        self.unix == Trust::Trusted
    }

    /// Whether this peer may speak for others.
    #[must_use]
    pub fn trust(&self, peer: PeerAddr) -> Trust {
        match peer.ip() {
            Some(address) if self.contains(address) => Trust::Trusted,
            Some(_) => Trust::Untrusted,
            None => self.unix,
        }
    }

    /// Whether a connection of this peer must begin with a header of the PROXY protocol.
    #[must_use]
    pub fn expects_introduction(&self, peer: PeerAddr) -> bool {
        self.convention == Convention::ProxyProtocol && self.trust(peer) == Trust::Trusted
    }

    /// Whom a request comes from that came over a connection.
    ///
    /// Where the connection was introduced, its fields are never read: a proxy that speaks this way passes on whatever the
    /// client wrote.
    #[must_use]
    pub fn read_arrival(&self, arrival: &Arrival, headers: &HeaderMap) -> Forwarded {
        match arrival.introduction() {
            Some(introduction) => {
                let mut read = Forwarded::introduced(arrival.peer(), introduction);
                // A proxy that hands TLS on unopened says truly that it saw none of its own. The client's ends with us.
                read.scheme = read.scheme.filter(|_| arrival.tls().is_none());
                read
            }
            None => self.read(arrival.peer(), headers),
        }
    }

    /// Reads the forwarding headers of a request that `peer` sent.
    #[must_use]
    pub fn read(&self, peer: PeerAddr, headers: &HeaderMap) -> Forwarded {
        let trust = self.trust(peer);
        if trust == Trust::Untrusted {
            return Forwarded { client: peer.into(), chain: Vec::new(), scheme: None, trust };
        }
        match self.convention {
            Convention::XForwarded => {
                let scheme = x_forwarded_proto(headers);
                let hops = x_forwarded_for(headers).into_iter().map(|hop| (hop, scheme)).collect();
                self.walk(peer, hops, scheme)
            }
            Convention::Forwarded => self.walk(peer, forwarded(headers), None),
            // Its connection is from before a reload, when another convention held: nobody knows whom it speaks for.
            Convention::ProxyProtocol => {
                Forwarded::introduced(peer, Introduction::Client { address: None, scheme: None })
            }
        }
    }

    /// Whether this is the address of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// `hops` from the right: each address with the scheme by which it came, none for what is no address.
    fn walk(
        &self,
        peer: PeerAddr,
        hops: Vec<(Option<IpAddr>, Option<Scheme>)>,
        fallback: Option<Scheme>,
    ) -> Forwarded {
        // A peer without an address is left out: the hops behind it are of this machine.
        let mut chain: Vec<IpAddr> = peer.ip().into_iter().collect();
        let mut scheme = fallback;
        let mut client = peer.ip();
        for (number, (address, spoken)) in hops.into_iter().enumerate() {
            // An obfuscated or broken hop hides whatever is behind it, and so does one too far away. The last address we
            // know is a proxy's: to hold that for the client's would lend a stranger the proxy's place in the network.
            client = address.filter(|_| number < MAX_HOPS);
            let Some(address) = client else { break };
            chain.push(address);
            scheme = spoken;
            if !self.contains(address) {
                break;
            }
        }
        chain.reverse();
        Forwarded { client: ClientAddr(client), chain, scheme, trust: Trust::Trusted }
    }
}

impl Forwarded {
    /// What an introduction by this peer comes to. The fields of its requests are a stranger's, so that it counts as
    /// untrusted.
    fn introduced(peer: PeerAddr, introduction: Introduction) -> Self {
        let (client, scheme) = match introduction {
            Introduction::Own => (peer.ip(), None),
            Introduction::Client { address, scheme } => (address, scheme),
        };
        let behind = client.filter(|_| introduction != Introduction::Own);
        let chain = behind.into_iter().chain(peer.ip()).collect();
        Self { client: ClientAddr(client), chain, scheme, trust: Trust::Untrusted }
    }

    /// The client.
    #[must_use]
    pub const fn client(&self) -> ClientAddr {
        self.client
    }

    /// The scheme that the client used, if a trusted proxy said so.
    #[must_use]
    pub const fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// Whether the peer is trusted.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// The client, if it is known, and every hop behind it up to our peer, for the next `X-Forwarded-For`.
    #[must_use]
    pub fn chain(&self) -> &[IpAddr] {
        if self.chain.is_empty() { self.client.0.as_slice() } else { &self.chain }
    }
}

/// The members of all lines of a list field, from the right, without their quotes being looked at.
///
/// A member that is no text stands for itself alone: a proxy may append its own to a line that a stranger began, and
/// nothing in that line may spoil what the proxy wrote.
fn members<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    let members = lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut members: Vec<_> = members.filter(|member| !member.is_empty()).map(text).collect();
    members.reverse();
    members
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    members(headers, "x-forwarded-for").into_iter().map(address).collect()
}

fn x_forwarded_proto(headers: &HeaderMap) -> Option<Scheme> {
    // Rightmost: what the trusted peer itself wrote.
    members(headers, "x-forwarded-proto").first().copied().and_then(Scheme::parse)
}

fn forwarded(headers: &HeaderMap) -> Vec<(Option<IpAddr>, Option<Scheme>)> {
    let lines: Vec<&HeaderValue> = headers.get_all("forwarded").into_iter().collect();
    let elements = lines.into_iter().rev().flat_map(|line| split_from_right(line.as_bytes(), b','));
    let elements = elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty());
    elements.map(|element| hop(element).unwrap_or((None, None))).collect()
}

/// One element of `Forwarded` (RFC 7239 section 4). None if it is not well-formed, or says a thing twice.
fn hop(element: &[u8]) -> Option<(Option<IpAddr>, Option<Scheme>)> {
    let (mut by_for, mut by_proto) = (None, None);
    for pair in split_from_right(element, b';').into_iter().map(<[u8]>::trim_ascii) {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair.get(..at)?, text(pair.get(at + 1..)?));
        let value = match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"')?,
            None => value,
        };
        // No address and no scheme needs a quote or a backslash inside.
        let value = if value.contains(['"', '\\']) { "?" } else { value };
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"for" => &mut by_for,
            b"proto" => &mut by_proto,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    Some((by_for.and_then(address), by_proto.and_then(Scheme::parse)))
}

/// The parts between separators that stand in no quoted string, from the right.
///
/// From the right, since the right end is what a trusted proxy wrote: a quote that a stranger left open in front of it
/// cannot swallow it, and a separator that a stranger put into a value that the proxy quoted (`host="a, for=1.1.1.1"`)
/// makes no part.
fn split_from_right(line: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut end, mut is_quoted) = (line.len(), false);
    for (at, byte) in line.iter().copied().enumerate().rev() {
        if byte == b'"' {
            let before = line.get(..at).unwrap_or_default();
            let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            // Outside of a string nothing is escaped: there any quote is the end of one.
            is_quoted = !is_quoted || escapes % 2 == 1;
        } else if byte == separator && !is_quoted {
            parts.push(line.get(at + 1..end).unwrap_or_default());
            end = at;
        }
    }
    parts.push(line.get(..end).unwrap_or_default());
    parts
}

/// The text of a member; `?`, which is nothing, for bytes that are none.
fn text(member: &[u8]) -> &str {
    std::str::from_utf8(member).unwrap_or("?")
}

/// An address with an optional port, in any of the forms proxies write: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
