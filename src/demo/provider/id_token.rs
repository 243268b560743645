//! The ID token and the claims about a person.

use std::sync::PoisonError;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use serde_json::json;

use super::Core;
use super::faults::Fault;
use super::jwt::{self, Members};
use super::keys::Algorithm;
use super::request::{Scope, Scopes};
use super::settings::{Client, User};
use super::store::Grant;

/// How long an ID token may be relied on.
const LIFE: Duration = Duration::from_secs(300);

/// Whether the token answers an authorization request or a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    SignIn,
    /// A refreshed token carries no nonce (Core section 12.2).
    Refresh,
}

/// The signed ID token that goes with `access_token` (Core sections 2 and 3.1.3.6).
pub(super) fn id_token(
    core: &Core,
    client: &Client,
    grant: &Grant,
    access_token: &str,
    occasion: Occasion,
) -> Result<String, Unspecified> {
    let now = core.clock.now();
    let authentication = &grant.authentication;
    let mut claims = if core.faults.is_on(&Fault::ClaimsOnlyInUserinfo) {
        Members::new()
    } else {
        person(&authentication.user, &grant.scopes)
    };
    for (name, value) in [
        ("iss", json!(core.issuer)),
        ("sub", json!(authentication.user.sub)),
        ("aud", json!(client.id)),
        ("exp", json!(now.plus(LIFE).as_secs())),
        ("iat", json!(now.as_secs())),
        ("auth_time", json!(authentication.at.as_secs())),
        ("acr", json!(authentication.strength.acr())),
        ("amr", json!(authentication.strength.amr())),
        ("sid", json!(authentication.sid)),
        ("at_hash", json!(jwt::half_hash(access_token))),
    ] {
        claims.insert(name.to_owned(), value);
    }
    if let (Occasion::SignIn, Some(nonce)) = (occasion, &grant.nonce) {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    // Last, so that a switch can also lie about what the protocol itself says.
    core.faults.bend_person(&mut claims);
    core.faults.bend_id_token(&mut claims, now);
    sign(core, client.id_token_alg, &claims)
}

/// What the scopes let a client know about a person (Core section 5.4; `groups` is common usage).
pub(super) fn person(user: &User, scopes: &Scopes) -> Members {
    let mut claims = Members::new();
    let mut add = |name: &str, value| claims.insert(name.to_owned(), value);
    if scopes.has(Scope::Profile) {
        add("name", json!(user.full_name));
        add("preferred_username", json!(user.name));
    }
    if scopes.has(Scope::Email) {
        add("email", json!(user.email));
        add("email_verified", json!(true));
    }
    if scopes.has(Scope::Groups) {
        add("groups", json!(user.groups));
    }
    claims
}

fn sign(core: &Core, algorithm: Algorithm, claims: &Members) -> Result<String, Unspecified> {
    let keys = core.keys.read().unwrap_or_else(PoisonError::into_inner);
    let mut header = Members::new();
    header.insert("alg".to_owned(), json!(algorithm.name()));
    header.insert("kid".to_owned(), json!(keys.kid(algorithm)));
    header.insert("typ".to_owned(), json!("JWT"));
    core.faults.bend_header(&mut header);
    let message = jwt::signing_input(&header, claims);
    let mut signature = keys.sign(algorithm, message.as_bytes())?;
    core.faults.bend_signature(&mut signature, message.as_bytes(), keys.public_bytes());
    Ok(jwt::compact(&message, &signature))
}
