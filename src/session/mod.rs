//! Sessions: who is signed in, since when, and until when; and how that rests in a cookie.

mod body;
mod cookies;
mod keyring;
mod pending;
mod revocations;

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use body::{BodyError, Issuer};
pub use cookies::{Attributes, CookieNames, MAX_CANDIDATES, MAX_COOKIE, SameSite, Security, pairs, parts};
pub use keyring::{Binding, Key, KeyError, Keyring, Purpose, SealedBy};
pub use pending::{Attempt, PendingLogin, Proofs, SignOutMarker};
pub use revocations::Revocations;

use crate::clock::Timestamp;
use crate::identity::{Fingerprint, Identity};
use crate::web::HostName;

/// A signed-in person's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    id: SessionId,
    /// Of the id: every line about the session shows it.
    short: String,
    identity: Identity,
    kept: Fingerprint,
    started: Timestamp,
    active: Timestamp,
    authenticated: Option<Timestamp>,
}

/// The id of a session: 16 random bytes, fresh at each sign-in. Not a secret, but never shown whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From the sign-in to the absolute end.
    pub max_age: Duration,
    /// From the last request to the end for want of requests; none switches that off.
    pub idle: Option<Duration>,
}

/// The `[session]` section, checked.
#[derive(Debug)]
pub struct Settings {
    /// The key that seals.
    pub key: Key,
    /// Keys that sealed before, and only open now.
    pub old_keys: Vec<Key>,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// The base name of our cookies.
    pub cookie: String,
    /// Which requests of foreign sites carry the session.
    pub same_site: SameSite,
    /// The domain whose hosts share sessions; none means each host has its own.
    pub cookie_domain: Option<HostName>,
}

/// Whether a session still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Alive,
    /// No request for longer than the idle limit.
    Idle,
    /// The absolute end has passed.
    Over,
}

/// The longest time between two seals of an active session.
const MAX_RESEAL: Duration = Duration::from_secs(300);

/// How far the clocks of gateways that share a key may be apart.
const MAX_AHEAD: Duration = Duration::from_secs(300);

impl Session {
    /// A session that begins now. `authenticated` is when the person last proved who they are, as the provider
    /// says (`auth_time`).
    #[must_use]
    pub fn begin(
        id: SessionId,
        identity: Identity,
        kept: Fingerprint,
        authenticated: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        Self { id, short: id.short(), identity, kept, started: now, active: now, authenticated }
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The short form of the id: what logs, audit and headers show.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.short
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Which claims were kept.
    #[must_use]
    pub const fn kept(&self) -> &Fingerprint {
        &self.kept
    }

    /// When the person signed in.
    #[must_use]
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// The last activity that is on record. Damped: see [`Self::is_due`].
    #[must_use]
    pub const fn active(&self) -> Timestamp {
        self.active
    }

    /// When the person last proved who they are, if the provider said so.
    #[must_use]
    pub const fn authenticated(&self) -> Option<Timestamp> {
        self.authenticated
    }

    /// The absolute end.
    #[must_use]
    pub fn ends(&self, lifetimes: Lifetimes) -> Timestamp {
        self.started.plus(lifetimes.max_age)
    }

    /// The end for want of requests, if there is one before the absolute end.
    #[must_use]
    pub fn idle_until(&self, lifetimes: Lifetimes) -> Option<Timestamp> {
        let until = self.active.plus(lifetimes.idle?);
        (until < self.ends(lifetimes)).then_some(until)
    }

    /// Whether the session stands at `now`. The limits are those in force now, whatever they were at the sign-in.
    ///
    /// One that began in the future does not: no gateway makes such a one, but whoever holds an old key could, for it to be
    /// sealed anew under the current one and to outlive the old key for years.
    #[must_use]
    pub fn standing(&self, lifetimes: Lifetimes, now: Timestamp) -> Standing {
        let is_ahead = self.started.max(self.active) > now.plus(MAX_AHEAD);
        if is_ahead || now >= self.ends(lifetimes) {
            Standing::Over
        } else if lifetimes.idle.is_some_and(|idle| now >= self.active.plus(idle)) {
            Standing::Idle
        } else {
            Standing::Alive
        }
    }

    /// Whether the activity at `now` is worth a new seal: an eighth of the idle limit, at most five minutes, has passed.
    #[must_use]
    pub fn is_due(&self, lifetimes: Lifetimes, now: Timestamp) -> bool {
        lifetimes.idle.is_some_and(|idle| now.since(self.active) >= (idle / 8).min(MAX_RESEAL))
    }

    /// The session with activity at `now` on record.
    #[must_use]
    pub fn touched(&self, now: Timestamp) -> Self {
        Self { active: now.max(self.active), ..self.clone() }
    }
}

impl SessionId {
    /// An id from random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealing.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Eight characters of a hash of the id: what logs, audit and headers show.
    #[must_use]
    pub fn short(self) -> String {
        let digest = digest(&SHA256, &self.0);
        URL_SAFE_NO_PAD.encode(digest.as_ref()).chars().take(8).collect()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests;
