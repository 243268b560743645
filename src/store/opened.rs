//! Opened sessions: a cookie is decrypted and its headers are formatted once, not at each of a page's requests.
//!
//! The key is the cookie's whole text, so a hit is exactly as good as opening it again. Expiry and revocation are not
//! remembered here: whoever takes a session out looks at them each time.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

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
    cache: Cache<Key, Arc<Opened>, BySize>,
    routes: usize,
}

/// A cookie's text, and the host or domain that it is bound to.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    host: Box<str>,
    cookie: Box<str>,
}

/// A key that is looked for.
#[derive(Debug)]
struct Sought<'a> {
    host: &'a str,
    cookie: &'a str,
}

#[derive(Clone, Debug)]
struct BySize {
    routes: usize,
}

/// How much of a cookie is hashed, in bytes: its random salt, so no two that open have it in common, and none is kept that
/// did not. What is found is compared whole.
const HASHED: usize = 48;

/// How many sessions are expected, for the cache's own tables.
const EXPECTED: usize = 16_384;

/// The memory that cookies and sessions may take in all, roughly.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.cookie.as_bytes();
        state.write(bytes.get(..HASHED).unwrap_or(bytes));
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *key.cookie == *self.cookie && *key.host == *self.host
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Sought { host: &self.host, cookie: &self.cookie }.hash(state);
    }
}

impl Weighter<Key, Arc<Opened>> for BySize {
    fn weight(&self, key: &Key, opened: &Arc<Opened>) -> u64 {
        let identity = opened.session.identity();
        let groups: usize = identity.groups().iter().map(|group| group.len() + 24).sum();
        // The headers of each route may repeat all groups, and take some room without any.
        let heads = self.routes * (groups + 128);
        u64::try_from(key.cookie.len() + groups + heads + 1024).unwrap_or(u64::MAX)
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

    /// The session of this cookie, if it was opened before as one that is bound to `host`.
    #[must_use]
    pub fn get(&self, host: &str, cookie: &str) -> Option<Arc<Opened>> {
        self.cache.get(&Sought { host, cookie })
    }

    /// Keeps a session that was opened from this cookie, which is bound to `host`.
    #[must_use]
    pub fn keep(
        &self,
        (host, cookie): (&str, &str),
        session: Session,
        freshness: Freshness,
        sealed_by: SealedBy,
    ) -> Arc<Opened> {
        let heads = (0..self.routes).map(|_| OnceLock::new()).collect();
        let opened = Arc::new(Opened { session, freshness, sealed_by, heads });
        self.cache.insert(Key { host: host.into(), cookie: cookie.into() }, Arc::clone(&opened));
        opened
    }
}
