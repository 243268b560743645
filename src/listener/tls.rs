//! TLS with clients, as a configuration wants it: which certificate is shown to whom, and what is agreed on.
//!
//! TLS 1.2 and 1.3; of key exchanges X25519MLKEM768 for clients that know it, so that what is recorded today cannot be
//! read by a quantum computer later. No early data: whoever records it could play it again (RFC 8446 section 8).

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::sign::SingleCertAndKey;

use super::certificate::{Certificate, Expiry};
use crate::clock::Clock;
use crate::web::HostName;
use crate::web::tls::Directory;

/// The protocols that are spoken, the preferred one first (RFC 7301).
const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// How many sessions are kept for clients that know no tickets.
const SESSIONS: usize = 1024;

/// What our certificates come to.
pub struct Tls {
    directory: Arc<Directory>,
    /// By the places of the directory.
    configs: Vec<Arc<ServerConfig>>,
    expiries: Vec<Expiry>,
}

/// What lets clients take up where they left off. It outlives every [`Tls`]: a new certificate ends no session.
///
/// Keys of tickets are this process's own, and change every six hours.
#[derive(Clone)]
pub struct Resumption {
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Tls {
    /// TLS with these certificates, the first of which is shown where no other fits.
    ///
    /// # Errors
    /// When the library knows no cipher for its own versions.
    pub fn new(
        certificates: &[Certificate],
        resumption: &Resumption,
        clock: &Clock,
    ) -> Result<Self, rustls::Error> {
        let configs =
            certificates.iter().map(|certificate| config(certificate, resumption, clock).map(Arc::new));
        let expiry =
            |certificate: &Certificate| Expiry { name: certificate.name.clone(), until: certificate.until };
        Ok(Self {
            directory: Arc::new(Directory::new(certificates.iter().map(Certificate::entry).collect())),
            configs: configs.collect::<Result<_, _>>()?,
            expiries: certificates.iter().map(expiry).collect(),
        })
    }

    /// When each certificate ends.
    #[must_use]
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }

    pub(super) const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// How TLS is spoken with who asks for `name`.
    pub(super) fn config(&self, name: Option<&HostName>) -> Option<Arc<ServerConfig>> {
        self.configs.get(self.directory.choose(name).index()).cloned()
    }
}

fn config(
    certificate: &Certificate,
    resumption: &Resumption,
    clock: &Clock,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_details(Arc::new(default_provider()), Arc::new(clock.clone()))
        .with_safe_default_protocol_versions()?;
    let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(certificate.key())));
    let mut config = match certificate.clients() {
        Some(verifier) => {
            let mut config =
                builder.with_client_cert_verifier(Arc::clone(verifier)).with_cert_resolver(resolver);
            // A resumed session would bring back a client whose certificate has expired since, or whose authority is
            // trusted no more. So each connection proves it anew.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            config
        }
        None => {
            let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
            config.session_storage = Arc::clone(&resumption.sessions);
            config.ticketer = Arc::clone(&resumption.tickets);
            config
        }
    };
    config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

impl Resumption {
    /// Nothing to take up yet.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self { tickets: Ticketer::new()?, sessions: ServerSessionMemoryCache::new(SESSIONS) })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumption").finish_non_exhaustive()
    }
}
