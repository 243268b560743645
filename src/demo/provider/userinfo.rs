//! The userinfo endpoint (Core section 5.3): claims about the person behind an access token (RFC 6750 section 2.1).

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use hyper::Request;
use serde_json::json;

use super::Core;
use super::id_token::person;
use crate::demo::answer::{self, Answer};

/// Answers one request. The token is taken from `Authorization: Bearer` only.
pub(super) fn answer<B>(core: &Core, request: &Request<B>) -> Answer {
    let Some(token) = bearer(request.headers()) else {
        return refusal(r#"Bearer realm="demo""#, "send the access token as Authorization: Bearer");
    };
    let grant = core.store().granted_to(token, core.clock.now());
    let Some(grant) = grant else {
        return refusal(
            r#"Bearer realm="demo", error="invalid_token""#,
            "the access token is unknown, revoked or too old",
        );
    };
    let user = &grant.authentication.user;
    let mut claims = person(user, &grant.scopes);
    claims.insert("sub".to_owned(), json!(user.sub));
    core.faults.bend_person(&mut claims);
    core.faults.bend_userinfo(&mut claims);
    answer::json(StatusCode::OK, &claims.into())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn refusal(challenge: &str, description: &str) -> Answer {
    let body = json!({ "error": "invalid_token", "error_description": description });
    let mut answer = answer::json(StatusCode::UNAUTHORIZED, &body);
    answer::set(&mut answer, WWW_AUTHENTICATE, challenge);
    answer
}
