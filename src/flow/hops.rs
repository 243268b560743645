//! How many servers further a request may go: Max-Forwards (RFC 9110 section 7.6.2).

use http::header::{ALLOW, MAX_FORWARDS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::answer::{self, Body};
use crate::gate::Methods;

/// Counts down for one that may go on; whether this one may not. It counts for OPTIONS only: TRACE goes nowhere, and of
/// other methods it says nothing.
pub(super) fn count_down(method: &Method, headers: &mut HeaderMap) -> bool {
    if *method != Method::OPTIONS {
        return false;
    }
    let mut lines = headers.get_all(MAX_FORWARDS).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let digits = line.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    // What is no number, or one beyond any road, is left as it is.
    let Some(left) = digits.and_then(|digits| digits.parse::<u32>().ok()) else { return false };
    match left.checked_sub(1) {
        Some(left) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(left));
            false
        }
        None => true,
    }
}

/// The answer of the last server on the way.
pub(super) fn options(methods: &Methods) -> Response<Body> {
    let mut response = answer::own(Response::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let listed = methods.listed().iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let allow = match HeaderValue::try_from(listed) {
        Ok(listed) if methods.is_limited() => listed,
        _ => HeaderValue::from_static(answer::USUAL_METHODS),
    };
    response.headers_mut().insert(ALLOW, allow);
    response
}
