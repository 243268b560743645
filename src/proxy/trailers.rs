//! Trailers: which fields may stand behind a body.
//!
//! A trailer comes after everything was decided. One that says where the message ends, where it goes, who sends it or
//! how it is to be read would speak past that decision (RFC 9110 section 6.5.1), and many applications merge trailers
//! into the head. Over HTTP/1.1 only those are sent that a Trailer field has announced.

use http::header::{
    ACCEPT_ENCODING, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_RANGE, CONTENT_TYPE, COOKIE, DATE, EXPIRES, HOST, LOCATION, MAX_FORWARDS, ORIGIN, PRAGMA, RANGE,
    REFERER, RETRY_AFTER, SET_COOKIE, TRAILER, VARY, VIA, WARNING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::hop;
use crate::identity::Reserved;

/// Whether a client may send this behind its body.
pub(super) fn may_follow_request(name: &HeaderName, reserved: &Reserved) -> bool {
    may_follow(name) && !hop::ends_in_request(name) && !reserved.contains(name.as_str())
}

/// Whether an upstream may send this behind its body.
pub(super) fn may_follow_answer(name: &HeaderName, reserved: &Reserved) -> bool {
    may_follow(name) && !hop::ends_in_response(name) && !reserved.contains(name.as_str())
}

/// The announcement that is left of those in `headers`; none if nothing is.
pub(super) fn announced(headers: &HeaderMap, may: impl Fn(&HeaderName) -> bool) -> Option<HeaderValue> {
    let mut text = String::new();
    let lines = headers.get_all(TRAILER).into_iter();
    for token in lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
        let Ok(name) = HeaderName::from_bytes(token.trim_ascii()) else { continue };
        if may(&name) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(name.as_str());
        }
    }
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

/// What is left of trailers; none if nothing is.
pub(super) fn clean(mut trailers: HeaderMap, may: impl Fn(&HeaderName) -> bool) -> Option<HeaderMap> {
    let gone: Vec<HeaderName> = trailers.keys().filter(|name| !may(name)).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
    (!trailers.is_empty()).then_some(trailers)
}

fn may_follow(name: &HeaderName) -> bool {
    // Of two spellings that applications read as one, the head's was judged. A quote is in no name, but h2 lets it through.
    let is_plain = !name.as_str().contains(['_', '"']);
    is_plain
        && !matches!(
            *name,
            ACCEPT_ENCODING
                | AGE
                | AUTHORIZATION
                | CACHE_CONTROL
                | CONTENT_ENCODING
                | CONTENT_LENGTH
                | CONTENT_LOCATION
                | CONTENT_RANGE
                | CONTENT_TYPE
                | COOKIE
                | DATE
                | EXPIRES
                | HOST
                | LOCATION
                | MAX_FORWARDS
                | ORIGIN
                | PRAGMA
                | RANGE
                | REFERER
                | RETRY_AFTER
                | SET_COOKIE
                | TRAILER
                | VARY
                | VIA
                | WARNING
                | WWW_AUTHENTICATE
        )
        && !["if-", "proxy-", "access-control-", "sec-", "x-http-method", "x-method-override"]
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use http::header::TRAILER;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{announced, clean, may_follow_answer, may_follow_request};
    use crate::identity::Reserved;

    #[test]
    fn what_decides_anything_may_not_follow() {
        let reserved = Reserved::new([]);
        for (name, expected) in [
            ("x-checksum", true),
            ("digest", true),
            ("grpc-status", true),
            ("server-timing", true),
            ("content-length", false),
            ("transfer-encoding", false),
            ("host", false),
            ("authorization", false),
            ("cookie", false),
            ("set-cookie", false),
            ("x-forwarded-user", false),
            ("x-forwarded-for", false),
            ("remote-user", false),
            ("x-real-ip", false),
            ("forwarded", false),
            ("x_checksum", false),
            ("if-match", false),
            ("connection", false),
            ("te", false),
            ("expect", false),
            ("proxy-authorization", false),
        ] {
            let name = HeaderName::from_static(name);
            assert_eq!(may_follow_request(&name, &reserved), expected, "{name} of a client");
            assert_eq!(
                may_follow_answer(&name, &reserved) || name == "expect",
                expected || name == "expect",
                "{name}"
            );
        }
    }

    #[test]
    fn announcement_and_trailers_are_left_with_what_may_follow() {
        let may = |name: &HeaderName| name.as_str().starts_with('x');
        let mut headers = HeaderMap::new();
        headers.append(TRAILER, HeaderValue::from_static("X-A, host"));
        headers.append(TRAILER, HeaderValue::from_static("x-b,,a b"));
        assert_eq!(announced(&headers, may).expect("some"), "x-a, x-b");
        assert_eq!(announced(&HeaderMap::new(), may), None);
        let mut trailers = HeaderMap::new();
        trailers.insert("host", HeaderValue::from_static("a"));
        assert_eq!(clean(trailers.clone(), may), None);
        trailers.append("x-a", HeaderValue::from_static("1"));
        trailers.append("x-a", HeaderValue::from_static("2"));
        let kept = clean(trailers, may).expect("some");
        assert_eq!(kept.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(kept.len(), 2);
    }
}
