//! The outgoing head: what the upstream is told, in one fixed order.
//!
//! First everything goes that belongs to the connection, with every name that any Connection line lists; then every
//! name that only we may set; then our cookies. Only after that the forwarding fields and the identity are written,
//! so that nothing a client sends can take away or imitate what we vouch for. The map is changed in place.

use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, TE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::cookies;
use super::hop;
use crate::identity::{Reserved, fold};
use crate::session::CookieNames;

/// What [`rewrite`] needs besides the incoming head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) reserved: &'a Reserved,
    pub(super) cookies: &'a CookieNames,
    pub(super) authorization: Authorization,
    pub(super) forwarding: &'a Forwarding,
    /// The Host to send.
    pub(super) host: &'a HeaderValue,
    pub(super) identity: &'a [(HeaderName, HeaderValue)],
    pub(super) upgrade: Upgrade,
    pub(super) method: MethodFields,
    /// Names with an underscore that pass.
    pub(super) underscores: &'a [HeaderName],
}

/// What becomes of the fields by which frameworks let a client replace the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MethodFields {
    /// One rule is for every method: they are the application's.
    Application,
    /// The method was judged: they would replace it by one that was not.
    Removed,
}

/// Whose the Authorization field is on this route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    /// The application's: passed as the client sent it.
    Application,
    /// The header set's: the client's is removed.
    Ours,
}

/// Whether the request asks for another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    None,
    WebSocket,
}

/// The values of the forwarding fields (decision 23).
#[derive(Clone, Debug)]
pub(super) struct Forwarding {
    pub(super) chain: HeaderValue,
    /// None when it is unknown.
    pub(super) client: Option<HeaderValue>,
    pub(super) scheme: HeaderValue,
    pub(super) host: HeaderValue,
    pub(super) port: HeaderValue,
    pub(super) request_id: HeaderValue,
    /// The prefix that was removed from the path.
    pub(super) prefix: Option<HeaderValue>,
}

/// What was taken away.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Names of fields that are gone, or that were replaced by ours.
    pub(super) removed: Vec<HeaderName>,
    /// How many of them only we may set.
    pub(super) reserved: u64,
    /// Those by which a client would say who it is, folded.
    pub(super) claimed: Vec<String>,
    /// How many were removed for an underscore alone.
    pub(super) underscore: u64,
}

/// How many fields are written besides the identity, at most.
const OURS: usize = 10;

/// Folded.
const METHOD_FIELDS: &[&str] = &["x-http-method-override", "x-http-method", "x-method-override"];

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Turns the head that a client sent into the one that the upstream gets.
pub(super) fn rewrite(headers: &mut HeaderMap, outgoing: Outgoing<'_>) -> Changes {
    let trailers = takes_trailers(headers);
    let had_cookie = hop::has(headers, &COOKIE);
    let mut changes = strip(headers, outgoing);
    cookies::strip_request(headers, outgoing.cookies);
    if had_cookie && !hop::has(headers, &COOKIE) && !changes.removed.contains(&COOKIE) {
        changes.removed.push(COOKIE);
    }
    match (outgoing.upgrade, trailers) {
        (Upgrade::WebSocket, _) => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        (Upgrade::None, true) => {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        (Upgrade::None, false) => {}
    }
    let forwarding = outgoing.forwarding;
    // Once, and not as the map fills.
    headers.reserve(OURS + outgoing.identity.len());
    headers.insert(&X_FORWARDED_FOR, forwarding.chain.clone());
    headers.insert(&X_FORWARDED_PROTO, forwarding.scheme.clone());
    headers.insert(&X_FORWARDED_HOST, forwarding.host.clone());
    headers.insert(&X_FORWARDED_PORT, forwarding.port.clone());
    match &forwarding.client {
        Some(client) => headers.insert(&X_REAL_IP, client.clone()),
        // There is no word for it: applications take the value for an address.
        None => headers.remove(&X_REAL_IP),
    };
    headers.insert(&X_REQUEST_ID, forwarding.request_id.clone());
    if let Some(prefix) = &forwarding.prefix {
        headers.insert(&X_FORWARDED_PREFIX, prefix.clone());
    }
    headers.insert(HOST, outgoing.host.clone());
    let mut last = None;
    for (name, value) in outgoing.identity {
        // A name with several values has them side by side: the first replaces, the others follow it.
        if last == Some(name) {
            headers.append(name, value.clone());
        } else {
            headers.insert(name, value.clone());
        }
        last = Some(name);
    }
    changes
}

/// The names that [`rewrite`] sets.
pub(super) fn added(outgoing: Outgoing<'_>) -> Vec<HeaderName> {
    let forwarding = [
        &X_FORWARDED_FOR,
        &X_FORWARDED_PROTO,
        &X_FORWARDED_HOST,
        &X_FORWARDED_PORT,
        &X_REAL_IP,
        &X_REQUEST_ID,
    ];
    let is_set = |name: &&&HeaderName| outgoing.forwarding.client.is_some() || **name != X_REAL_IP;
    let mut names: Vec<HeaderName> = forwarding.iter().filter(is_set).map(|name| (*name).clone()).collect();
    names.extend(outgoing.forwarding.prefix.is_some().then(|| X_FORWARDED_PREFIX.clone()));
    for (name, _) in outgoing.identity {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn strip(headers: &mut HeaderMap, outgoing: Outgoing<'_>) -> Changes {
    let listed = hop::listed(headers);
    let mut changes = Changes::default();
    for name in headers.keys() {
        if hop::ends_in_request(name) || listed.contains(name) {
            changes.removed.push(name.clone());
        } else if outgoing.reserved.contains(name.as_str())
            || (*name == AUTHORIZATION && outgoing.authorization == Authorization::Ours)
            || (outgoing.method == MethodFields::Removed && METHOD_FIELDS.contains(&&*fold(name.as_str())))
        {
            changes.reserved += 1;
            if let Some(claimed) = outgoing.reserved.claimed(name)
                && !changes.claimed.contains(&claimed)
            {
                changes.claimed.push(claimed);
            }
            changes.removed.push(name.clone());
        } else if name.as_str().as_bytes().contains(&b'_') && !outgoing.underscores.contains(name) {
            changes.underscore += 1;
            changes.removed.push(name.clone());
        }
    }
    for name in &changes.removed {
        headers.remove(name);
    }
    changes
}

/// Whether the client takes trailers: the one member of TE that may go on (RFC 9110 section 10.1.4).
fn takes_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(TE).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

#[cfg(test)]
mod tests;
