//! Hop-by-hop fields: what belongs to one connection and never passes a proxy (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// Whether a request field ends here. Expect does too: our server answers it when the body is first read.
pub(super) fn ends_in_request(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TE | TRAILER | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHORIZATION | EXPECT)
        || is_old(name)
}

/// Whether a response field ends here. Trailer stays: our server needs it to pass trailers on.
pub(super) fn ends_in_response(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TE | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE) || is_old(name)
}

/// Whether a field is there. In a short head, going through the names costs less than the look-up of one.
pub(super) fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    const SHORT: usize = 16;
    if headers.keys_len() > SHORT {
        return headers.contains_key(name);
    }
    headers.keys().any(|own| own == name)
}

/// The names that any Connection line lists, beyond those that end here anyway. Host and Content-Length are not
/// among them whatever the line says: a message without them would be another message.
pub(super) fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut names = Vec::new();
    if !has(headers, &CONNECTION) {
        return names;
    }
    for line in headers.get_all(CONNECTION) {
        for token in line.as_bytes().split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            let is_plain = [&b"keep-alive"[..], b"close", b"upgrade"]
                .iter()
                .any(|option| token.eq_ignore_ascii_case(option));
            if is_plain {
                continue;
            }
            match HeaderName::from_bytes(token) {
                Ok(name) if name != HOST && name != CONTENT_LENGTH => names.push(name),
                _ => {}
            }
        }
    }
    names
}

/// Whether the Transfer-Encoding is exactly `chunked`, in one line and any case. Whatever else stands there would
/// be lost with the field: the body was decoded once only.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(TRANSFER_ENCODING).into_iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

fn is_old(name: &HeaderName) -> bool {
    matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}
