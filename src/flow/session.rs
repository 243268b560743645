//! Sessions in motion: from the cookies of a request to a session that stands, or to the reason why there is none.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::gateway::{Generation, Shared};
use super::told::Once;
use super::visit::Visit;
use crate::audit::EventName;
use crate::clock::Timestamp;
use crate::gate::Freshness;
use crate::identity::ProviderName;
use crate::session::{MAX_CANDIDATES, Purpose, SealedBy, Session, Standing, pairs};
use crate::store::Opened;
use crate::web::HostName;

/// A session that stands.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    opened: Arc<Opened>,
    /// Whether the cookie came that counts sign-ins in a row.
    is_counting: bool,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// No cookie of ours came.
    NoCookie,
    /// One came, but it is none that we sealed for here, or its provider is gone.
    Unreadable,
    /// Several came, of different sessions.
    Ambiguous,
    /// It stands, but holds less than the configuration now asks for.
    Stale,
    /// No request for too long.
    Idle,
    /// The absolute end has passed.
    Over,
    /// It was ended: signed out, revoked.
    Ended,
}

impl Absence {
    /// The stable word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NoCookie => "session/no-cookie",
            Self::Unreadable => "session/unreadable",
            Self::Ambiguous => "session/ambiguous",
            Self::Stale => "session/stale",
            Self::Idle => "session/idle",
            Self::Over => "session/over",
            Self::Ended => "session/ended",
        }
    }

    /// One public sentence.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::NoCookie => {
                "Your browser did not send the session cookie back. It may block cookies for this site."
            }
            Self::Unreadable => "The session cookie that your browser sends cannot be read here.",
            Self::Ambiguous => "Your browser sends several session cookies that contradict each other.",
            Self::Stale => "The session holds less about you than this site asks for.",
            Self::Idle => "The session had no activity for too long.",
            Self::Over => "The session is over.",
            Self::Ended => "The session was ended.",
        }
    }

    /// Whether a cookie came that is of no more use.
    pub(super) const fn leaves_a_cookie(self) -> bool {
        !matches!(self, Self::NoCookie | Self::Stale)
    }
}

impl Presented {
    pub(super) fn opened(&self) -> &Opened {
        &self.opened
    }

    pub(super) fn session(&self) -> &Session {
        self.opened.session()
    }

    /// Whether a new seal is worth its cookie: enough time has passed, or the key has changed.
    pub(super) fn is_due(&self, generation: &Generation, now: Timestamp) -> bool {
        self.opened.sealed_by() == SealedBy::Old || self.session().is_due(generation.lifetimes, now)
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.opened.freshness() == Freshness::Fresh
    }

    /// Whether this is the end of a row of sign-ins, which is to be counted no more.
    pub(super) fn ends_round(&self) -> bool {
        self.is_counting && self.is_fresh()
    }
}

/// Presents the session of a request at `now`.
///
/// A sibling domain may have planted cookies of our name: those open to nothing. When several open, they must name one
/// session, of which the newest seal counts; two sessions contradict each other and count as none.
///
/// The first request that meets the end of a session is its `session.ended`.
pub(super) fn present(shared: &Shared, visit: &Visit, headers: &HeaderMap) -> Result<Presented, Absence> {
    let (generation, host, now) = (visit.generation(), visit.facts().host(), visit.now());
    let name = generation.cookies.session();
    let round = generation.cookies.round();
    let mut best: Option<Arc<Opened>> = None;
    let mut candidates = 0;
    let mut is_counting = false;
    for (own, value) in pairs(headers) {
        is_counting |= own == round && !value.is_empty();
        if own != name || candidates == MAX_CANDIDATES {
            continue;
        }
        candidates += 1;
        let Some(opened) = open(generation, name, host, value) else { continue };
        match &best {
            Some(other) if other.session().id() != opened.session().id() => return Err(Absence::Ambiguous),
            Some(other) if other.session().active() >= opened.session().active() => {}
            _ => best = Some(opened),
        }
    }
    let Some(opened) = best else {
        return Err(if candidates > 0 { Absence::Unreadable } else { Absence::NoCookie });
    };
    let absence = match opened.session().standing(generation.lifetimes, now) {
        Standing::Alive if shared.revocations.contains(opened.session().id()) => Absence::Ended,
        Standing::Alive => return Ok(Presented { opened, is_counting }),
        Standing::Over => Absence::Over,
        Standing::Idle => Absence::Idle,
    };
    record_end(shared, visit, opened.session(), absence);
    Err(absence)
}

/// A cookie can come again and again: the end of a session is one event, and the use of a revoked one is one event for
/// each address that it comes from.
fn record_end(shared: &Shared, visit: &Visit, session: &Session, absence: Absence) {
    let (name, once) = match absence {
        Absence::Ended => {
            (EventName::SessionRevoked, Once::Revoked(session.id(), visit.facts().forwarded().client()))
        }
        _ => (EventName::SessionEnded, Once::Ended(session.id())),
    };
    if shared.told.is_first(once) {
        let mut event = visit.event(name);
        event.reason = Some(absence.word());
        event.who = visit.who(session);
        event.provider = Some(session.identity().provider().as_str());
        visit.record(&event);
    }
}

/// The provider of a session that opens, be it over or not: what the person used last. A cookie of its own would tell
/// more people more, and be forged more easily, for as little use.
pub(super) fn last_provider(
    generation: &Generation,
    host: &HostName,
    headers: &HeaderMap,
) -> Option<ProviderName> {
    let name = generation.cookies.session();
    let values = pairs(headers).filter(|(own, _)| *own == name).take(MAX_CANDIDATES);
    let mut opened = values.filter_map(|(_, value)| open(generation, name, host, value));
    opened.next().map(|opened| opened.session().identity().provider().clone())
}

fn open(generation: &Generation, name: &str, host: &HostName, value: &str) -> Option<Arc<Opened>> {
    // A seal is bound to its host or domain, so those that differ never share an entry.
    let binding = generation.bound(name, host);
    if let Some(opened) = generation.opened.get(binding.host, value) {
        return Some(opened);
    }
    let bytes = generation.keyring.open(Purpose::Session, binding, value)?;
    let session = Session::from_bytes(&bytes, generation.providers.issuers()).ok()?;
    let freshness =
        if session.kept().covers(&generation.wanted) { Freshness::Fresh } else { Freshness::Stale };
    Some(generation.opened.keep(
        (binding.host, value),
        session,
        freshness,
        generation.keyring.sealed_by(value),
    ))
}

/// Seals a session into the text of its cookie. Nothing when its provider is no longer configured.
pub(super) fn seal(
    generation: &Generation,
    shared: &Shared,
    host: &HostName,
    session: &Session,
) -> Option<String> {
    let name = generation.cookies.session();
    let provider = generation.providers.of(session)?;
    let binding = generation.bound(name, host);
    let bytes = session.to_bytes(provider.binding());
    Some(generation.keyring.seal(Purpose::Session, binding, &bytes, &shared.random))
}

/// The `Set-Cookie` value that keeps a session until its absolute end.
pub(super) fn cookie(
    generation: &Generation,
    session: &Session,
    sealed: &str,
    now: Timestamp,
) -> HeaderValue {
    let left = session.ends(generation.lifetimes).since(now);
    let name = generation.cookies.session();
    let size = u64::try_from(name.len() + 1 + sealed.len()).unwrap_or(u64::MAX);
    generation.meters.all().session_cookie.record(size);
    generation.cookies.set(name, sealed, left)
}
