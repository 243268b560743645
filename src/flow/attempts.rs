//! Attempts to sign in, as this browser's cookies hold them: found, bounded, counted.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::gateway::{Generation, Shared};
use super::request::ROUND;
use super::visit::Visit;
use crate::clock::Timestamp;
use crate::oidc::Provider;
use crate::session::{Attempt, Binding, MAX_CANDIDATES, MAX_COOKIE, PendingLogin, Purpose, pairs};
use crate::web::HostName;

/// The attempt that an answer belongs to.
pub(super) struct Found {
    /// The name of its cookie.
    pub(super) cookie: String,
    pub(super) pending: PendingLogin,
    /// The provider that was asked.
    pub(super) provider: Arc<Provider>,
}

/// An attempt that this browser has under way.
struct Known {
    cookie: String,
    size: usize,
    started: Timestamp,
}

/// How many attempts one browser may have under way.
const MAX_ATTEMPTS: usize = 16;

/// The attempt of this browser that has this state, with the provider that was asked.
pub(super) fn find(visit: &Visit, headers: &HeaderMap, state: &str) -> Option<Found> {
    let generation = visit.generation();
    let name = generation.cookies.pending(&Attempt::tag(state));
    let candidates = pairs(headers).filter(|(own, _)| *own == name).take(MAX_CANDIDATES);
    let mut known = candidates
        .filter_map(|(_, value)| generation.keyring.open(Purpose::PendingLogin, bound(&name, visit), value))
        .filter_map(|bytes| PendingLogin::from_bytes(&bytes))
        .filter(|pending| {
            pending.attempt().has_state(state) && !pending.is_over(generation.login.timeout, visit.now())
        });
    let (pending, provider) = known.find_map(|pending| {
        let provider = Arc::clone(generation.providers.asked_by(&pending)?);
        Some((pending, provider))
    })?;
    Some(Found { cookie: name, pending, provider })
}

/// Whether this browser has an attempt under way.
pub(super) fn is_under_way(visit: &Visit, headers: &HeaderMap) -> bool {
    let generation = visit.generation();
    let own = pairs(headers).filter(|(name, _)| generation.cookies.pending_tag(name).is_some());
    let mut opened = own.filter_map(|(name, value)| {
        generation.keyring.open(Purpose::PendingLogin, bound(name, visit), value)
    });
    opened.any(|bytes| {
        PendingLogin::from_bytes(&bytes)
            .is_some_and(|pending| !pending.is_over(generation.login.timeout, visit.now()))
    })
}

/// The pending-login cookies that must go so that one of `size` bytes more finds its place: those that are over or not
/// ours, and then the oldest.
pub(super) fn evicted(visit: &Visit, headers: &HeaderMap, size: usize) -> Vec<String> {
    let generation = visit.generation();
    let (mut known, mut gone) = (Vec::<Known>::new(), Vec::<String>::new());
    for (name, value) in pairs(headers) {
        if generation.cookies.pending_tag(name).is_none() || gone.iter().any(|other| other == name) {
            continue;
        }
        let pending = generation.keyring.open(Purpose::PendingLogin, bound(name, visit), value);
        match pending.and_then(|bytes| PendingLogin::from_bytes(&bytes)) {
            Some(pending) if !pending.is_over(generation.login.timeout, visit.now()) => {
                known.push(Known {
                    cookie: name.to_owned(),
                    size: name.len() + value.len(),
                    started: pending.started(),
                });
            }
            _ => gone.push(name.to_owned()),
        }
    }
    // Of the same moment, browsers send the older one first (RFC 6265 section 5.4).
    known.reverse();
    known.sort_by_key(|known| std::cmp::Reverse(known.started));
    let (mut count, mut bytes) = (1, size);
    for known in known {
        count += 1;
        bytes += known.size;
        if count > MAX_ATTEMPTS || bytes > MAX_COOKIE {
            gone.push(known.cookie);
        }
    }
    gone
}

/// How many sign-ins in a row led nowhere, by the cookie that the last of them left.
pub(super) fn rounds(generation: &Generation, host: &HostName, headers: &HeaderMap, now: Timestamp) -> u8 {
    let name = generation.cookies.round();
    let binding = generation.bound(name, host);
    let values = pairs(headers).filter(|(own, _)| *own == name).take(MAX_CANDIDATES);
    values
        .filter_map(|(_, value)| generation.keyring.open(Purpose::LoginRound, binding, value))
        .filter_map(|bytes| {
            let (count, since) = bytes.split_first()?;
            let since = Timestamp::from_secs(u64::from_be_bytes(since.try_into().ok()?));
            (now < since.plus(ROUND)).then_some(*count)
        })
        .max()
        .unwrap_or(0)
}

pub(super) fn round_cookie(shared: &Shared, visit: &Visit, count: u8) -> HeaderValue {
    let generation = visit.generation();
    let name = generation.cookies.round();
    let mut bytes = vec![count];
    bytes.extend(visit.now().as_secs().to_be_bytes());
    let sealed = generation.keyring.seal(Purpose::LoginRound, bound(name, visit), &bytes, &shared.random);
    generation.cookies.set(name, &sealed, ROUND)
}

pub(super) fn bound<'a>(cookie: &'a str, visit: &'a Visit) -> Binding<'a> {
    visit.generation().bound(cookie, visit.facts().host())
}
