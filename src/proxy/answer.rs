//! The response head: what of an upstream's answer may reach the client.

use http::header::{CONTENT_LENGTH, SET_COOKIE, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, StatusCode};

use super::cookies;
use super::error::ForwardError;
use super::hop;
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
    if headers.contains_key(TRANSFER_ENCODING) {
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
    if !trailers_are_harmless(headers, reserved) {
        headers.remove(TRAILER);
    }
    cookies::strip_response(headers, names);
    Ok(reuse)
}

/// Equal lengths in several lines become one (RFC 9112 section 6.3).
fn one_length(headers: &mut HeaderMap) -> Result<(), ForwardError> {
    let mut lines = headers.get_all(CONTENT_LENGTH).into_iter();
    let Some(first) = lines.next() else { return Ok(()) };
    let first = first.clone();
    match lines.try_fold(1_usize, |count, line| (*line == first).then_some(count + 1)) {
        Some(1) => {}
        Some(_) => {
            headers.insert(CONTENT_LENGTH, first);
        }
        None => return Err(ForwardError::ConflictingLength),
    }
    Ok(())
}

/// Our server writes only trailers that the Trailer field announces, so an announcement that names what an upstream
/// may not send takes all of them away.
fn trailers_are_harmless(headers: &HeaderMap, reserved: &Reserved) -> bool {
    let lines = headers.get_all(TRAILER).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).all(|token| {
        HeaderName::from_bytes(token.trim_ascii()).is_ok_and(|name| {
            name != SET_COOKIE && !reserved.contains(name.as_str()) && !hop::ends_in_response(&name)
        })
    })
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
