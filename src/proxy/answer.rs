//! The response head: what of an upstream's answer may reach the client.

use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::cookies;
use super::error::ForwardError;
use super::{hop, trailers};
use crate::identity::Reserved;
use crate::session::CookieNames;

/// Whether the upstream's connection may serve another request after this answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    Keep,
    Close,
}

/// Cleans the head of an answer in place.
///
/// # Errors
/// [`ForwardError`] for a status that HTTP does not have, for lengths that differ and for unknown transfer codings:
/// what the client would make of them is anybody's guess.
pub(super) fn clean(
    status: StatusCode,
    headers: &mut HeaderMap,
    reserved: &Reserved,
    names: &CookieNames,
) -> Result<Reuse, ForwardError> {
    if status.as_u16() >= 600 {
        return Err(ForwardError::BadStatus { status: status.as_u16() });
    }
    let mut reuse = Reuse::Keep;
    if hop::has(headers, &TRANSFER_ENCODING) {
        if !hop::is_chunked(headers) {
            return Err(ForwardError::ResponseTransferCoding);
        }
        // RFC 9112 section 6.3: the coding counts, and whoever sent both may be under attack.
        if headers.remove(CONTENT_LENGTH).is_some() {
            reuse = Reuse::Close;
        }
    }
    one_length(headers)?;
    if status == StatusCode::NO_CONTENT || status.is_informational() {
        headers.remove(CONTENT_LENGTH);
    }
    if hop::has(headers, &TRAILER) {
        match trailers::announced(headers, |name| trailers::may_follow_answer(name, reserved)) {
            Some(trailer) => drop(headers.insert(TRAILER, trailer)),
            None => drop(headers.remove(TRAILER)),
        }
    }
    let listed = hop::listed(headers);
    let gone: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            hop::ends_in_response(name)
                || listed.contains(name)
                || (reserved.contains(name.as_str()) && name.as_str() != "x-request-id")
        })
        .cloned()
        .collect();
    for name in gone {
        headers.remove(name);
    }
    cookies::strip_response(headers, names);
    Ok(reuse)
}

/// Whether fields of an answer of HTTP/2 are none that h2 notices (RFC 9113 section 8.2.1): a value with a space at an end, a
/// name with a quote.
pub(super) fn is_malformed(headers: &HeaderMap) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let is_padded =
        |value: &HeaderValue| is_space(value.as_bytes().first()) || is_space(value.as_bytes().last());
    headers.iter().any(|(name, value)| name.as_str().contains('"') || is_padded(value))
}

/// The length that a 304 tells although it has no body (RFC 9110 section 15.4.5).
pub(super) fn told_length(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    let told = headers.get(CONTENT_LENGTH).filter(|_| status == StatusCode::NOT_MODIFIED)?;
    number(told.as_bytes())
}

/// Equal lengths, in several lines or in a list, become one (RFC 9110 section 8.6).
fn one_length(headers: &mut HeaderMap) -> Result<(), ForwardError> {
    let mut found: Option<u64> = None;
    let mut is_plain = true;
    for line in headers.get_all(CONTENT_LENGTH) {
        let digits = line.as_bytes();
        is_plain &= found.is_none() && !digits.contains(&b',') && !matches!(digits, [b'0', _, ..]);
        for member in digits.split(|byte| *byte == b',') {
            let length = number(member.trim_ascii()).ok_or(ForwardError::ConflictingLength)?;
            if found.replace(length).is_some_and(|before| before != length) {
                return Err(ForwardError::ConflictingLength);
            }
        }
    }
    if let Some(length) = found.filter(|_| !is_plain) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(())
}

/// Digits only: no sign, which Rust would take.
fn number(digits: &[u8]) -> Option<u64> {
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::{Reuse, clean};
    use crate::identity::Reserved;
    use crate::proxy::ForwardError;
    use crate::session::CookieNames;
    use crate::session::Security;

    fn answer(status: u16, fields: &[(&str, &str)]) -> Result<(Vec<String>, Reuse), ForwardError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        let names = CookieNames::new("vestibule".to_owned(), Security::Secure);
        let reuse = clean(status, &mut headers, &Reserved::new([]), &names)?;
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
        };
        let mut lines: Vec<String> = headers.iter().map(text).collect();
        lines.sort_unstable();
        Ok((lines, reuse))
    }

    #[test]
    fn connection_fields_ours_and_our_cookies_do_not_come_back() {
        let (kept, reuse) = answer(
            200,
            &[
                ("connection", "x-a"),
                ("connection", "close, X-B"),
                ("x-a", "1"),
                ("x-b", "2"),
                ("keep-alive", "timeout=5"),
                ("upgrade", "h2c"),
                ("x-forwarded-user", "mallory"),
                ("set-cookie", "__Host-vestibule=x"),
                ("set-cookie", "a=1"),
                ("content-length", "2"),
                ("content-length", "2"),
                ("trailer", "x-checksum"),
            ],
        )
        .expect("an answer");
        assert_eq!(kept, ["content-length: 2", "set-cookie: a=1", "trailer: x-checksum"]);
        assert_eq!(reuse, Reuse::Keep);
    }

    #[test]
    fn a_length_beside_chunks_is_dropped_and_the_connection_not_kept() {
        let (kept, reuse) =
            answer(200, &[("content-length", "5"), ("transfer-encoding", "Chunked")]).expect("an answer");
        assert!(kept.is_empty());
        assert_eq!(reuse, Reuse::Close);
    }

    #[test]
    fn doubtful_answers_are_refused() {
        assert!(matches!(
            answer(200, &[("content-length", "1"), ("content-length", "2")]),
            Err(ForwardError::ConflictingLength)
        ));
        for coding in ["gzip, chunked", "gzip", "chunked, chunked"] {
            assert!(matches!(
                answer(200, &[("transfer-encoding", coding)]),
                Err(ForwardError::ResponseTransferCoding)
            ));
        }
        assert!(matches!(answer(700, &[]), Err(ForwardError::BadStatus { status: 700 })));
        assert_eq!(answer(204, &[("content-length", "0")]).expect("an answer").0, Vec::<String>::new());
        let (kept, _) = answer(200, &[("trailer", "set-cookie")]).expect("an answer");
        assert!(kept.is_empty());
    }
}
