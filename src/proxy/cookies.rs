//! Our cookies on their way past us: an upstream neither reads nor sets them. Everybody else's keep their bytes.

use bytes::{BufMut, BytesMut};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::hop;
use crate::session::{CookieNames, parts};

/// Removes our cookies from the Cookie lines and joins what remains to one line (RFC 6265 section 5.4).
pub(super) fn strip_request(headers: &mut HeaderMap, names: &CookieNames) {
    let mut lines = headers.get_all(COOKIE).into_iter();
    let Some(first) = lines.next() else { return };
    if lines.next().is_none() {
        // The common cases in one pass: no cookie of ours, or nothing else.
        let (mut ours, mut others) = (false, false);
        for pair in pairs(first).filter(|pair| !pair.is_empty()) {
            if is_ours(pair, names) { ours = true } else { others = true }
        }
        match (ours, others) {
            (false, _) => return,
            (true, false) => {
                headers.remove(COOKIE);
                return;
            }
            (true, true) => {}
        }
    }
    let mut kept = BytesMut::new();
    for line in headers.get_all(COOKIE) {
        if pairs(line).any(|pair| is_ours(pair, names)) {
            pairs(line).filter(|pair| !is_ours(pair, names)).for_each(|pair| join(&mut kept, pair));
        } else {
            join(&mut kept, line.as_bytes());
        }
    }
    // The bytes come from valid values, and "; " keeps them one.
    match HeaderValue::from_maybe_shared(kept.freeze()) {
        Ok(value) if !value.is_empty() => {
            headers.insert(COOKIE, value);
        }
        _ => {
            headers.remove(COOKIE);
        }
    }
}

/// Removes the Set-Cookie lines that name a cookie of ours.
pub(super) fn strip_response(headers: &mut HeaderMap, names: &CookieNames) {
    let ours = |line: &HeaderValue| {
        let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        is_ours(pair, names)
    };
    if !hop::has(headers, &SET_COOKIE) || !headers.get_all(SET_COOKIE).into_iter().any(ours) {
        return;
    }
    let kept: Vec<HeaderValue> =
        headers.get_all(SET_COOKIE).into_iter().filter(|line| !ours(line)).cloned().collect();
    headers.remove(SET_COOKIE);
    for line in kept {
        headers.append(SET_COOKIE, line);
    }
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    parts(line).map(<[u8]>::trim_ascii)
}

/// Whether a `name=value` pair names a cookie of ours. A pair without a name counts by what looks like one in its
/// value: browsers send `Set-Cookie: =a=b` back as `a=b`.
fn is_ours(pair: &[u8], names: &CookieNames) -> bool {
    let from = pair.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b'=');
    let pair = from.and_then(|from| pair.get(from..)).unwrap_or_default();
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    // One that begins as ours and goes on in bytes that are no text is nobody else's.
    names.is_ours(&String::from_utf8_lossy(name))
}

fn join(line: &mut BytesMut, more: &[u8]) {
    if more.is_empty() {
        return;
    }
    if !line.is_empty() {
        line.put_slice(b"; ");
    }
    line.put_slice(more);
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, SET_COOKIE};
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{strip_request, strip_response};
    use crate::session::CookieNames;
    use crate::session::Security;

    #[test]
    fn a_name_that_begins_as_ours_and_is_no_text_is_ours() {
        let names = CookieNames::new("vestibule".to_owned(), Security::Secure);
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_bytes(b"vestibule-login-\xff=x; \xff=1").expect("a value"));
        strip_request(&mut headers, &names);
        assert_eq!(headers.get(COOKIE).expect("the other").as_bytes(), b"\xff=1");
    }

    fn lines(name: &HeaderName, lines: &[&str], strip: fn(&mut HeaderMap, &CookieNames)) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_str(line).expect("a value"));
        }
        strip(&mut headers, &CookieNames::new("vestibule".to_owned(), Security::Secure));
        headers.get_all(name).iter().map(|line| line.to_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn an_upstream_reads_every_cookie_but_ours() {
        for (sent, passed) in [
            (&["a=1;b=2"][..], &["a=1;b=2"][..]),
            (&["a=1; __Host-vestibule=x; b=\"q;r\""], &["a=1; b=\"q; r\""]),
            (&["__Host-vestibule=x"], &[]),
            (&["vestibule=x; __Secure-vestibule-login-1=y; vestibule-logout=z"], &[]),
            (&["a=1", "b=2"], &["a=1; b=2"]),
            (&["a=1", "__Host-vestibule=x", "b=2;c=3"], &["a=1; b=2;c=3"]),
            (&["vestibules=1"], &["vestibules=1"]),
            (&["a=vestibule"], &["a=vestibule"]),
            (&["vestibule; a=1"], &["a=1"]),
        ] {
            assert_eq!(lines(&COOKIE, sent, strip_request), passed, "{sent:?}");
        }
    }

    #[test]
    fn an_upstream_sets_every_cookie_but_ours() {
        for (sent, passed) in [
            (&["a=1; Path=/", "b=2"][..], &["a=1; Path=/", "b=2"][..]),
            (&["a=1", "__Host-vestibule=x; Path=/", "b=2"], &["a=1", "b=2"]),
            (&[" vestibule = x", "__HOST-vestibule-login-round=1"], &[]),
            (&["=vestibule=x"], &[]),
            (&["a=vestibule=x"], &["a=vestibule=x"]),
        ] {
            assert_eq!(lines(&SET_COOKIE, sent, strip_response), passed, "{sent:?}");
        }
    }
}
