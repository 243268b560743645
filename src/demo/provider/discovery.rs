//! What the provider publishes about itself: its metadata (Discovery 1.0, RFC 8414, RFC 9207) and its keys.

use std::sync::PoisonError;

use http::StatusCode;
use serde_json::{Value, json};

use super::Core;
use crate::demo::answer::{self, Answer};

/// The metadata (Discovery 1.0 section 4).
pub(super) const PATH: &str = "/.well-known/openid-configuration";
/// The keys.
pub(super) const JWKS: &str = "/jwks.json";
/// The authorization endpoint.
pub(super) const AUTHORIZE: &str = "/authorize";
/// The token endpoint.
pub(super) const TOKEN: &str = "/token";
/// The userinfo endpoint.
pub(super) const USERINFO: &str = "/userinfo";
/// The end-session endpoint.
pub(super) const LOGOUT: &str = "/logout";

/// The metadata document.
pub(super) fn metadata(core: &Core) -> Answer {
    let issuer = &core.issuer;
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZE}"),
        "token_endpoint": format!("{issuer}{TOKEN}"),
        "userinfo_endpoint": format!("{issuer}{USERINFO}"),
        "jwks_uri": format!("{issuer}{JWKS}"),
        "end_session_endpoint": format!("{issuer}{LOGOUT}"),
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": ["pwd", "mfa"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid",
            "name", "preferred_username", "email", "email_verified", "groups",
        ],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    if let Value::Object(members) = &mut metadata {
        core.faults.bend_discovery(members);
    }
    answer::json(StatusCode::OK, &metadata)
}

/// The key set.
pub(super) fn jwks(core: &Core) -> Answer {
    let keys = core.keys.read().unwrap_or_else(PoisonError::into_inner);
    answer::json(StatusCode::OK, &keys.jwks())
}
