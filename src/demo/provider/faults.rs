//! Fault switches: how a test makes the provider lie, stall or break, each at one named point.
//!
//! Nothing is switched on at the start and no request can switch anything: only code in this process that holds the
//! [`Faults`] handle.

mod bend;

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::Value;

use super::requests::Endpoint;
use crate::demo::answer::{self, Answer};

/// One way to misbehave. It holds until it is removed.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    // --- the ID token's claims
    /// `iss` is another provider.
    IdTokenWrongIss,
    /// `iss` has a slash at its end.
    IdTokenIssWithSlash,
    /// `aud` is another client.
    IdTokenWrongAud,
    /// `aud` has this client and a second one, `azp` is this client.
    IdTokenExtraAud,
    /// `azp` is another client.
    IdTokenWrongAzp,
    /// `exp` passed ten minutes ago.
    IdTokenExpired,
    /// `exp` is missing.
    IdTokenNoExp,
    /// `iat` lies an hour ahead.
    IdTokenIssuedInFuture,
    /// `nbf` lies an hour ahead.
    IdTokenNotYetValid,
    /// `nonce` is missing.
    IdTokenNoNonce,
    /// `nonce` is another one.
    IdTokenWrongNonce,
    /// `sub` is missing.
    IdTokenNoSub,
    /// `at_hash` belongs to another access token.
    IdTokenWrongAtHash,
    /// `preferred_username` is missing, in userinfo too.
    NoUser,
    /// `preferred_username` holds a line feed.
    ControlCharsInUser,
    /// `email_verified` is false, in userinfo too.
    EmailUnverified,
    /// `auth_time` is a day ago.
    OldAuthTime,
    /// `auth_time` is missing.
    NoAuthTime,
    /// `acr` is `pwd` whatever happened.
    WrongAcr,
    /// `sid` is missing.
    NoSid,
    /// `groups` has this many members more, in userinfo too.
    ManyGroups(usize),
    /// A claim has this value, in the ID token and in userinfo.
    Claim(String, Value),
    /// The ID token has no claim of the scopes; they are at userinfo.
    ClaimsOnlyInUserinfo,
    // --- the ID token's header and signature
    /// One bit of the signature is turned.
    BadSignature,
    /// `alg` is `none`, without a signature.
    AlgNone,
    /// `alg` is `HS256`, keyed with the public RSA key.
    AlgHs256,
    /// `kid` names no published key.
    UnknownKid,
    /// `kid` is missing.
    NoKid,
    /// `crit` names an extension.
    CriticalHeader,
    // --- the token endpoint
    /// It answers with this status and body, as JSON.
    TokenError(u16, String),
    /// It answers 200 with something that is no JSON.
    TokenGarbage,
    /// It answers 200 with eight mebibytes.
    TokenHuge,
    /// It never answers.
    TokenHang,
    /// It answers 307 to another address.
    TokenRedirect,
    /// Its answer has no `id_token`.
    TokenNoIdToken,
    /// Its answer has this `token_type`.
    TokenType(String),
    // --- discovery and keys
    /// `issuer` is another one.
    DiscoveryWrongIssuer,
    /// It answers 503.
    DiscoveryDown,
    /// It never answers.
    DiscoveryHang,
    /// It answers 200 with something that is no JSON.
    DiscoveryGarbage,
    /// It answers 307 to another address.
    DiscoveryRedirect,
    /// Its endpoints are plain http on a host that is not loopback.
    DiscoveryHttpEndpoints,
    /// A member has this value; null removes it.
    Discovery(String, Value),
    /// No `end_session_endpoint`.
    NoEndSession,
    /// The scope `groups` is not listed.
    NoGroupsScope,
    /// The keys answer 503.
    JwksDown,
    /// The keys never answer.
    JwksHang,
    /// The key set is no JSON.
    JwksGarbage,
    /// The key set is empty.
    JwksEmpty,
    // --- userinfo
    /// `sub` is somebody else's.
    UserinfoWrongSub,
    /// It answers 503.
    UserinfoDown,
    /// It never answers.
    UserinfoHang,
    // --- the authorization response
    /// `iss` is another provider.
    ResponseWrongIss,
    /// `iss` is missing.
    ResponseNoIss,
    /// `state` is another one.
    ResponseWrongState,
    /// Instead of any page: this error, with this description.
    CallbackError(String, String),
}

/// The switches of one provider. Clones are the same switches.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

/// What an endpoint does instead of its work.
pub(super) enum Instead {
    Answer(Answer),
    Never,
}

impl Faults {
    /// Switches a fault on.
    pub fn add(&self, fault: Fault) {
        self.with(|faults| faults.push(fault));
    }

    /// Switches one fault off.
    pub fn remove(&self, fault: &Fault) {
        self.with(|faults| faults.retain(|on| on != fault));
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Whether this fault is on.
    #[must_use]
    pub fn is_on(&self, fault: &Fault) -> bool {
        self.with(|faults| faults.contains(fault))
    }

    /// The faults that are on, in the order in which they were added.
    pub(super) fn now(&self) -> Vec<Fault> {
        self.with(|faults| faults.clone())
    }

    /// What `endpoint` does instead of its work, if anything.
    pub(super) fn instead_of(&self, endpoint: Endpoint) -> Option<Instead> {
        self.now().into_iter().find_map(|fault| match (endpoint, fault) {
            (Endpoint::Discovery, Fault::DiscoveryDown)
            | (Endpoint::Jwks, Fault::JwksDown)
            | (Endpoint::Userinfo, Fault::UserinfoDown) => Some(down()),
            (Endpoint::Discovery, Fault::DiscoveryHang)
            | (Endpoint::Jwks, Fault::JwksHang)
            | (Endpoint::Token, Fault::TokenHang)
            | (Endpoint::Userinfo, Fault::UserinfoHang) => Some(Instead::Never),
            (Endpoint::Discovery, Fault::DiscoveryGarbage)
            | (Endpoint::Jwks, Fault::JwksGarbage)
            | (Endpoint::Token, Fault::TokenGarbage) => Some(as_json(200, "<html>not JSON</html>")),
            (Endpoint::Discovery, Fault::DiscoveryRedirect) | (Endpoint::Token, Fault::TokenRedirect) => {
                Some(elsewhere())
            }
            (Endpoint::Jwks, Fault::JwksEmpty) => Some(as_json(200, r#"{"keys":[]}"#)),
            (Endpoint::Token, Fault::TokenError(status, body)) => Some(as_json(status, body)),
            (Endpoint::Token, Fault::TokenHuge) => {
                let filler = "a".repeat(8 << 20);
                Some(as_json(200, format!(r#"{{"access_token":"{filler}"}}"#)))
            }
            _ => None,
        })
    }

    /// The error that every authorization request gets, if one is set.
    pub(super) fn callback_error(&self) -> Option<(String, String)> {
        self.now().into_iter().find_map(|fault| match fault {
            Fault::CallbackError(error, description) => Some((error, description)),
            _ => None,
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Instead {
    pub(super) async fn answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            // Ends when the client gives up: hyper then drops this future.
            Self::Never => std::future::pending().await,
        }
    }
}

fn down() -> Instead {
    let mut answer = answer::text(StatusCode::SERVICE_UNAVAILABLE, "down by fault switch");
    answer::set(&mut answer, RETRY_AFTER, "5");
    Instead::Answer(answer)
}

fn elsewhere() -> Instead {
    let mut answer = answer::redirect("http://localhost:9/elsewhere");
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    Instead::Answer(answer)
}

fn as_json(status: u16, body: impl Into<String>) -> Instead {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Instead::Answer(answer::with_type(status, "application/json", body.into()))
}
