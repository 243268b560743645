//! Opened sessions: a cookie is decrypted and its headers are formatted once, not at each of a page's requests.
//!
//! The key is the cookie's whole text, so a hit is exactly as good as opening it again. Expiry and revocation are not
//! remembered here: whoever takes a session out looks at them each time.

use std::sync::{Arc, OnceLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::gate::{Freshness, Route};
use crate::identity::IdentityHead;
use crate::session::{SealedBy, Session};

/// A session that was opened, with what was made of it.
#[derive(Debug)]
pub struct Opened {
    session: Session,
    freshness: Freshness,
    sealed_by: SealedBy,
    /// The identity headers, by the number of the route.
    heads: Box<[OnceLock<IdentityHead>]>,
}

/// The sessions that were opened lately. Belongs to one generation of the configuration.
#[derive(Debug)]
pub struct OpenedCache {
    cache: Cache<Box<str>, Arc<Opened>, BySize>,
    routes: usize,
}

#[derive(Clone, Debug)]
struct BySize {
    routes: usize,
}

/// How many sessions are expected, for the cache's own tables.
const EXPECTED: usize = 16_384;

/// The memory that cookies and sessions may take in all, roughly.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

impl Weighter<Box<str>, Arc<Opened>> for BySize {
    fn weight(&self, cookie: &Box<str>, opened: &Arc<Opened>) -> u64 {
        let identity = opened.session.identity();
        let groups: usize = identity.groups().iter().map(|group| group.len() + 24).sum();
        // The headers of each route may repeat all groups, and take some room without any.
        let heads = self.routes * (groups + 128);
        u64::try_from(cookie.len() + groups + heads + 1024).unwrap_or(u64::MAX)
    }
}

impl Opened {
    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Whether it kept all that the configuration asks for.
    #[must_use]
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Which key sealed the cookie that it was opened from.
    #[must_use]
    pub const fn sealed_by(&self) -> SealedBy {
        self.sealed_by
    }

    /// The identity headers of `route` for this person, made at the first call.
    #[must_use]
    pub fn head<'a>(&'a self, route: &'a Route) -> &'a IdentityHead {
        let render = || route.plan().render(Some((self.session.identity(), self.session.short())));
        // Routes are numbered from zero within the generation that made this, so the place exists.
        self.heads.get(route.id().index()).map_or(route.anonymous(), |head| head.get_or_init(render))
    }
}

impl OpenedCache {
    /// An empty cache for a configuration with that many routes.
    #[must_use]
    pub fn new(routes: usize) -> Self {
        Self { cache: Cache::with_weighter(EXPECTED, MAX_BYTES, BySize { routes }), routes }
    }

    /// The session of this cookie, if it was opened before.
    #[must_use]
    pub fn get(&self, cookie: &str) -> Option<Arc<Opened>> {
        self.cache.get(cookie)
    }

    /// Keeps a session that was opened from this cookie.
    #[must_use]
    pub fn keep(
        &self,
        cookie: &str,
        session: Session,
        freshness: Freshness,
        sealed_by: SealedBy,
    ) -> Arc<Opened> {
        let heads = (0..self.routes).map(|_| OnceLock::new()).collect();
        let opened = Arc::new(Opened { session, freshness, sealed_by, heads });
        self.cache.insert(cookie.into(), Arc::clone(&opened));
        opened
    }
}
