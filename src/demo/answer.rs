//! Answers: the few shapes of response that the demo's servers give, each with its security headers.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, PRAGMA, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use super::html::Document;

/// The body of every answer; it never fails.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// An answer of one of the demo's servers.
pub(super) type Answer = Response<Body>;

/// An HTML page under a policy that lets in nothing but its own style and script.
pub(super) fn page(status: StatusCode, document: &Document) -> Answer {
    let mut answer = with_type(status, "text/html; charset=utf-8", document.text.clone());
    set(&mut answer, CONTENT_SECURITY_POLICY, &document.policy);
    answer
}

/// A JSON document that nobody may store (RFC 6749 section 5.1).
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    let mut answer = with_type(status, "application/json", value.to_string());
    set(&mut answer, PRAGMA, "no-cache");
    answer
}

/// Plain text.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    with_type(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// A redirect whose target is fetched with GET, whatever led to it.
pub(super) fn redirect(to: &str) -> Answer {
    let mut answer = with_type(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", String::new());
    set(&mut answer, LOCATION, to);
    answer
}

/// 405 with the methods that would do.
pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method");
    set(&mut answer, ALLOW, allowed);
    answer
}

/// An answer of any type, with what all answers share.
pub(super) fn with_type(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    stream(status, media_type, Full::new(body.into()).boxed_unsync())
}

/// An answer whose body is still to come.
pub(super) fn stream(status: StatusCode, media_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    set(&mut answer, CONTENT_TYPE, media_type);
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: that makes a browser send `Origin: null` with our own forms.
    set(&mut answer, REFERRER_POLICY, "same-origin");
    set(&mut answer, CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    answer
}

/// No body.
pub(super) fn empty() -> Body {
    Empty::new().boxed_unsync()
}

/// Adds a `Set-Cookie` line.
pub(super) fn add_cookie(answer: &mut Answer, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(SET_COOKIE, value);
    }
}

/// Sets a header. A value that cannot stand in one is left out: values of strangers are encoded before.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
