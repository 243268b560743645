//! What TLS on a listener of ours says about a connection: the name that was asked for, the certificate that was shown,
//! and who the client proved to be.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

use super::host::HostName;
use super::pattern::HostPattern;

/// A connection over TLS, as its handshake left it.
#[derive(Debug)]
pub struct TlsArrival {
    server_name: Option<HostName>,
    client: Option<ClientChain>,
    chosen: Place,
    directory: Arc<Directory>,
}

/// The certificate that a client proved to hold, verified against the authorities of the one that we showed; and what
/// it sent with it to get there. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientChain(Arc<(CertificateDer<'static>, Vec<CertificateDer<'static>>)>);

/// The names that our certificates are for. The first certificate is shown where no other fits.
#[derive(Debug, Default)]
pub struct Directory {
    entries: Vec<Entry>,
    exact: HashMap<HostName, Place>,
    /// By what stands behind the star.
    patterns: HashMap<HostName, Place>,
}

/// What is known of one certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The names and addresses that it is for.
    pub names: Vec<HostPattern>,
    /// Whether clients are asked for a certificate of theirs.
    pub clients: Clients,
}

/// Whether clients are asked who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// They may show a certificate.
    Asked,
    /// They are not asked for one.
    Unasked,
}

/// The place of a certificate among ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(usize);

// === impl Directory ===

impl Directory {
    /// A directory of these certificates. Of two for one name, the earlier is shown.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut directory = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            for name in &entry.names {
                let (names, name) = match name {
                    HostPattern::Exact(host) => (&mut directory.exact, host),
                    HostPattern::OneLabel(suffix) => (&mut directory.patterns, suffix),
                };
                names.entry(name.clone()).or_insert(Place(at));
            }
        }
        directory.entries = entries;
        directory
    }

    /// The certificate that is shown to who asks for `name`: one for exactly it, else one with a star, else the first.
    #[must_use]
    pub fn choose(&self, name: Option<&HostName>) -> Place {
        name.and_then(|name| self.find(name)).unwrap_or_default()
    }

    /// The certificate that is for `name`, if there is one.
    #[must_use]
    pub fn find(&self, name: &HostName) -> Option<Place> {
        let pattern = || self.patterns.get(name.parent()?);
        self.exact.get(name).or_else(pattern).copied()
    }

    fn get(&self, place: Place) -> Option<&Entry> {
        self.entries.get(place.0)
    }

    /// Whether clients may be known by their certificate where this one is shown.
    fn asks(&self, place: Place) -> bool {
        self.get(place).is_some_and(|entry| entry.clients == Clients::Asked)
    }
}

impl Place {
    /// Counted from zero.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl Entry {
    /// Whether it is for `host`.
    #[must_use]
    pub fn covers(&self, host: &HostName) -> bool {
        self.names.iter().any(|name| name.matches(host))
    }
}

// === impl TlsArrival ===

impl TlsArrival {
    /// A connection that asked for `server_name` and was shown the certificate that `directory` chooses for it.
    #[must_use]
    pub fn new(
        server_name: Option<HostName>,
        client: Option<ClientChain>,
        directory: &Arc<Directory>,
    ) -> Self {
        let chosen = directory.choose(server_name.as_ref());
        Self { server_name, client, chosen, directory: Arc::clone(directory) }
    }

    /// The name that the client asked for (RFC 6066 section 3).
    #[must_use]
    pub const fn server_name(&self) -> Option<&HostName> {
        self.server_name.as_ref()
    }

    /// The client's certificate, if it showed one.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientChain> {
        self.client.as_ref()
    }

    /// Whether a request for `host` may be answered on this connection.
    ///
    /// A client may use one connection for every host that its certificate is for (RFC 9113 section 9.1.1), so another
    /// host than the one of the handshake is no offence by itself. It is refused when
    ///
    /// - another certificate would have been shown for it, and one of the two asks clients who they are: what a client
    ///   proved to one must not count for, or be missing from, the other;
    /// - the certificate that was shown is not for it. A client that named no host has seen the one that would be shown
    ///   for any host that has none of its own.
    #[must_use]
    pub fn may_serve(&self, host: &HostName) -> bool {
        if self.server_name.as_ref() == Some(host) {
            return true;
        }
        let own = self.directory.choose(Some(host));
        if own != self.chosen && (self.directory.asks(own) || self.directory.asks(self.chosen)) {
            return false;
        }
        let covers = || self.directory.get(self.chosen).is_some_and(|entry| entry.covers(host));
        (self.server_name.is_none() && own == self.chosen) || covers()
    }
}

// === impl ClientChain ===

impl ClientChain {
    /// A chain, the client's own certificate first. None for an empty one.
    #[must_use]
    pub fn new(chain: &[CertificateDer<'static>]) -> Option<Self> {
        let (own, others) = chain.split_first()?;
        Some(Self(Arc::new((own.clone(), others.to_vec()))))
    }

    /// The client's own certificate (X.509, DER).
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.0.0
    }

    /// What it sent with it.
    #[must_use]
    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.0.1
    }
}

impl fmt::Debug for ClientChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientChain").field(&(1 + self.0.1.len())).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Clients, Directory, Entry, TlsArrival};
    use crate::web::{HostName, HostPattern};

    fn host(text: &str) -> HostName {
        HostName::parse(text).expect(text).0
    }

    fn entry(names: &[&str], clients: Clients) -> Entry {
        let names = names.iter().map(|name| HostPattern::parse(name).expect(name)).collect();
        Entry { names, clients }
    }

    /// A default with two names, one with a star, one in its domain, and one that asks clients.
    fn directory() -> Arc<Directory> {
        Arc::new(Directory::new(vec![
            entry(&["a.example", "b.example"], Clients::Unasked),
            entry(&["*.star.example", "star.example"], Clients::Unasked),
            entry(&["own.star.example", "a.example", "127.0.0.1"], Clients::Unasked),
            entry(&["staff.example", "*.staff.example"], Clients::Asked),
        ]))
    }

    #[test]
    fn the_most_exact_certificate_is_shown_and_the_first_where_none_fits() {
        let directory = directory();
        for (name, place) in [
            ("a.example", 0),
            ("B.EXAMPLE.", 0),
            ("x.star.example", 1),
            ("star.example", 1),
            ("own.star.example", 2),
            ("x.y.star.example", 0),
            ("127.0.0.1", 2),
            ("staff.example", 3),
            ("x.staff.example", 3),
            ("unknown.example", 0),
        ] {
            assert_eq!(directory.choose(Some(&host(name))).index(), place, "{name}");
        }
        assert_eq!(directory.choose(None).index(), 0);
        assert_eq!(directory.find(&host("unknown.example")), None);
    }

    #[test]
    fn a_connection_serves_the_hosts_of_its_certificate_and_never_across_client_certificates() {
        let directory = directory();
        for (server_name, asked, served) in [
            // As it was asked, also for a name that no certificate has.
            (Some("a.example"), "a.example", true),
            (Some("unknown.example"), "unknown.example", true),
            (Some("staff.example"), "staff.example", true),
            // Another name of the same certificate.
            (Some("a.example"), "b.example", true),
            (Some("x.star.example"), "y.star.example", true),
            (Some("staff.example"), "x.staff.example", true),
            // It is for that name too, though another would have been shown.
            (Some("x.star.example"), "own.star.example", true),
            (Some("own.star.example"), "a.example", true),
            // It is not for that name.
            (Some("a.example"), "x.star.example", false),
            (Some("own.star.example"), "x.star.example", false),
            (Some("a.example"), "unknown.example", false),
            (Some("x.star.example"), "unknown.example", false),
            (Some("unknown.example"), "a.example", true),
            (Some("unknown.example"), "other.example", false),
            // To and from where clients are asked.
            (Some("a.example"), "staff.example", false),
            (Some("staff.example"), "a.example", false),
            (Some("unknown.example"), "staff.example", false),
            // Without a name the first was shown.
            (None, "a.example", true),
            (None, "unknown.example", true),
            (None, "10.0.0.1", true),
            (None, "x.star.example", false),
            (None, "127.0.0.1", false),
            (None, "staff.example", false),
        ] {
            let arrival = TlsArrival::new(server_name.map(host), None, &directory);
            assert_eq!(arrival.may_serve(&host(asked)), served, "{server_name:?} then {asked}");
        }
    }

    #[test]
    fn where_a_single_certificate_asks_clients_its_hosts_are_one() {
        let directory = Arc::new(Directory::new(vec![entry(&["a.example", "b.example"], Clients::Asked)]));
        let arrival = TlsArrival::new(Some(host("a.example")), None, &directory);
        assert!(arrival.may_serve(&host("b.example")));
        assert!(!arrival.may_serve(&host("c.example")), "it is not for that one");
    }
}
