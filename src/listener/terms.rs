//! The terms on which connections are taken. A reload puts new ones in force; a connection that is open keeps its own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::certificate::Expiry;
use super::tls::Tls;

/// What holds for a connection from its acceptance on.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it may take.
    pub limits: Limits,
    /// How TLS is spoken, where it is.
    pub tls: Option<Arc<Tls>>,
}

/// The terms of today. Clones share them.
#[derive(Clone, Debug)]
pub struct InForce(Arc<ArcSwap<Terms>>);

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections at once; further ones wait in the kernel.
    pub max_connections: usize,
    /// From the first byte of a head to its last; also the wait for the first byte of a connection.
    pub head: Duration,
    /// How long a connection may lie idle between requests.
    pub keep_alive: Duration,
    /// How long a client may take nothing of what is written to it, unless the answer has a limit of its own.
    pub write_stall: Duration,
}

impl Terms {
    /// These limits, without TLS.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, tls: None }
    }
}

impl InForce {
    /// These terms, until others come.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(terms)))
    }

    /// Puts other terms in force, for the connections from now on.
    pub fn replace(&self, terms: Terms) {
        self.0.store(Arc::new(terms));
    }

    /// When the certificates end that are shown today.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        self.0.load().tls.as_ref().map(|tls| tls.expiries().to_vec()).unwrap_or_default()
    }

    pub(super) fn today(&self) -> Arc<Terms> {
        self.0.load_full()
    }
}

impl Limits {
    /// The default times.
    #[must_use]
    pub const fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            write_stall: Duration::from_secs(15 * 60),
        }
    }
}
