//! The claims of an ID token, checked in the order of OpenID Connect Core 1.0 section 3.1.3.7 and RFC 8725.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde_json::Value;

use super::error::LoginError;
use super::excerpt::shown;
use crate::clock::Timestamp;
use crate::identity::{Identity, Vouched};
use crate::secret::same;
use crate::session::Issuer;

/// A token that the provider signed. Who it is for, and when, is not settled.
pub(super) struct Signed {
    protocol: Protocol,
    claims: Value,
    key: CoreJsonWebKey,
    algorithm: CoreJwsSigningAlgorithm,
}

/// What the claims are held against.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a str,
    /// The person must have proved who they are after this, where `max_age` was asked for.
    pub(super) authenticated_after: Option<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) skew: Duration,
    /// The time of day in the Date field of the token answer, for messages.
    pub(super) date: Option<&'a str>,
}

/// A token that was made by our provider, for us, for this attempt, and is valid now.
pub(super) struct Verified {
    claims: Value,
    subject: String,
    authenticated: Option<Timestamp>,
}

/// The claims that the protocol is about. As a typed form it refuses a claim that stands twice.
#[derive(Deserialize)]
struct Protocol {
    iss: Option<Value>,
    sub: Option<Value>,
    aud: Option<Value>,
    azp: Option<Value>,
    exp: Option<Value>,
    iat: Option<Value>,
    nbf: Option<Value>,
    nonce: Option<Value>,
    at_hash: Option<Value>,
    auth_time: Option<Value>,
}

/// The longest subject, in bytes (section 2 of Core).
const MAX_SUBJECT: usize = 255;

impl Signed {
    pub(super) fn new(
        payload: &[u8],
        key: &CoreJsonWebKey,
        algorithm: &CoreJwsSigningAlgorithm,
    ) -> Result<Self, LoginError> {
        let malformed = |_| LoginError::Malformed("its payload is not a JSON object".to_owned());
        let protocol = serde_json::from_slice(payload).map_err(malformed)?;
        let claims = serde_json::from_slice(payload).map_err(malformed)?;
        Ok(Self { protocol, claims, key: key.clone(), algorithm: algorithm.clone() })
    }

    /// Checks the claims.
    pub(super) fn check(self, expected: &Expected<'_>) -> Result<Verified, LoginError> {
        let claims = &self.protocol;
        let issuer = text(claims.iss.as_ref(), "iss")?;
        if issuer != expected.issuer {
            return Err(LoginError::Issuer { expected: expected.issuer.to_owned(), found: shown(issuer) });
        }
        audience(claims, expected.client_id)?;
        lifetime(claims, expected)?;
        let nonce = claims.nonce.as_ref().and_then(Value::as_str).ok_or(LoginError::Nonce(false))?;
        if !same(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(LoginError::Nonce(true));
        }
        let subject = text(claims.sub.as_ref(), "sub")?;
        if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
            return Err(LoginError::Subject);
        }
        if let Some(hash) = &claims.at_hash {
            let wanted = self.access_token_hash(expected.access_token).ok_or(LoginError::AtHash)?;
            if !hash.as_str().is_some_and(|hash| same(hash.as_bytes(), wanted.as_bytes())) {
                return Err(LoginError::AtHash);
            }
        }
        let authenticated =
            claims.auth_time.as_ref().map(|time| moment(Some(time), "auth_time")).transpose()?;
        // The request went through the browser, where anybody can take `max_age` out of it.
        if expected.authenticated_after.is_some_and(|limit| authenticated.is_none_or(|time| time < limit)) {
            return Err(LoginError::AuthTime);
        }
        Ok(Verified {
            subject: subject.to_owned(),
            // A clock that is ahead must not make the sign-in look younger than it is.
            authenticated: authenticated.map(|time| time.min(expected.now)),
            claims: self.claims,
        })
    }

    /// The left half of the hash that belongs to the signature's algorithm (section 3.1.3.6 of Core).
    fn access_token_hash(&self, access_token: &str) -> Option<String> {
        let hash = self.key.hash_bytes(access_token.as_bytes(), &self.algorithm).ok()?;
        Some(URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2)?))
    }
}

impl Verified {
    /// All claims of the token.
    pub(super) const fn claims(&self) -> &Value {
        &self.claims
    }

    /// Who it is about.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// When the person last proved who they are.
    pub(super) const fn authenticated(&self) -> Option<Timestamp> {
        self.authenticated
    }

    /// The identity of the person in the token. `mapped` is what was made of its claims.
    pub(super) fn vouch(self, issuer: &Issuer, mapped: super::mapping::Mapped) -> Identity {
        Identity::vouch(Vouched {
            provider: issuer.name().clone(),
            issuer: issuer.issuer().clone(),
            subject: self.subject,
            user: mapped.user,
            email: mapped.email,
            name: mapped.name,
            groups: mapped.groups,
            claims: mapped.claims,
        })
    }
}

/// For us and for nobody else: any other audience could have asked for the token and replay it here.
fn audience(claims: &Protocol, client_id: &str) -> Result<(), LoginError> {
    let audience = claims.aud.as_ref().ok_or(LoginError::MissingClaim("aud"))?;
    let ours = match audience {
        Value::Array(list) => !list.is_empty() && list.iter().all(|one| one == client_id),
        one => one == client_id,
    };
    if !ours {
        let found = shown(&audience.to_string());
        return Err(LoginError::Audience { expected: client_id.to_owned(), found });
    }
    match &claims.azp {
        Some(party) if party != client_id => Err(LoginError::AuthorizedParty {
            expected: client_id.to_owned(),
            found: shown(&party.to_string()),
        }),
        _ => Ok(()),
    }
}

fn lifetime(claims: &Protocol, expected: &Expected<'_>) -> Result<(), LoginError> {
    let date = || expected.date.map(str::to_owned);
    let expires = moment(claims.exp.as_ref(), "exp")?;
    if expected.now >= expires.plus(expected.skew) {
        return Err(LoginError::Expired { by: expected.now.since(expires), date: date() });
    }
    let issued = moment(claims.iat.as_ref(), "iat")?;
    let begins = claims.nbf.as_ref().map(|time| moment(Some(time), "nbf")).transpose()?;
    let begins = begins.map_or(issued, |begins| begins.max(issued));
    if begins > expected.now.plus(expected.skew) {
        return Err(LoginError::NotYetValid { by: begins.since(expected.now), date: date() });
    }
    Ok(())
}

fn text<'a>(claim: Option<&'a Value>, name: &'static str) -> Result<&'a str, LoginError> {
    claim.and_then(Value::as_str).ok_or(LoginError::MissingClaim(name))
}

/// A NumericDate: seconds since the epoch, with or without a fraction (RFC 7519 section 2).
fn moment(claim: Option<&Value>, name: &'static str) -> Result<Timestamp, LoginError> {
    let seconds = claim.and_then(|claim| match claim.as_u64() {
        Some(whole) => Some(Duration::from_secs(whole)),
        None => Duration::try_from_secs_f64(claim.as_f64()?).ok(),
    });
    let seconds = seconds.ok_or(LoginError::MissingClaim(name))?;
    Ok(Timestamp::EPOCH.plus(seconds))
}
