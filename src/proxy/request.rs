//! The parts of a request that are not its fields: framing, target, upgrade.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::{self, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::error::ForwardError;
use super::hop;
use super::upload::{Progress, Upload, UploadTerms};
use crate::web::{ClientAddr, Facts, RequestKind};

/// Refuses what can be refused before the upstream, or the body, is looked at.
pub(super) fn check(
    headers: &HeaderMap,
    version: Version,
    max_body: Option<u64>,
) -> Result<(), ForwardError> {
    if hop::has(headers, &TRANSFER_ENCODING) && !hop::is_chunked(headers) {
        return Err(ForwardError::TransferCoding);
    }
    // HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1).
    let is_heard = version > Version::HTTP_10;
    if is_heard
        && hop::has(headers, &EXPECT)
        && headers
            .get_all(EXPECT)
            .into_iter()
            .map(HeaderValue::as_bytes)
            .any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(ForwardError::ExpectationFailed);
    }
    // Our server has checked that the length is one number.
    let length =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    match (length, max_body) {
        (Some(length), Some(limit)) if length > limit => Err(ForwardError::BodyTooLarge { limit }),
        _ => Ok(()),
    }
}

/// The client's side of a WebSocket upgrade, if this request asks for one that can be given: judged to be one, over
/// HTTP/1.1, without a body. Any other wish to upgrade is not passed on (RFC 9110 section 7.8).
pub(super) fn upgrade(facts: &Facts, parts: &mut Parts, body: &Incoming) -> Option<OnUpgrade> {
    let asked = facts.kind() == RequestKind::WebSocket && parts.version == Version::HTTP_11;
    if asked && body.is_end_stream() { parts.extensions.remove::<OnUpgrade>() } else { None }
}

/// The body with the framing that says where it ends: the client's length, or chunks of our own.
pub(super) fn frame(
    headers: &mut HeaderMap,
    body: Incoming,
    trailer: Option<HeaderValue>,
    terms: UploadTerms<'_>,
) -> (Upload, Option<Arc<Progress>>) {
    let length = body.size_hint().exact();
    if let Some(length) = length
        && headers.get(CONTENT_LENGTH).is_some_and(|sent| is_padded(sent.as_bytes()))
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if body.is_end_stream() {
        return (Upload::empty(), None);
    }
    if length.is_none() {
        // Without this, hyper sends a GET without its body (RFC 9110 section 9.3.1 allows one).
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        if let Some(trailer) = trailer {
            headers.insert(TRAILER, trailer);
        }
    }
    let (upload, progress) = Upload::new(body, terms);
    (upload, Some(progress))
}

/// Whether a number has zeros in front, by which servers may be led to read it in another base.
fn is_padded(digits: &[u8]) -> bool {
    matches!(digits, [b'0', _, ..])
}

/// The target in origin form: the path that was judged, or what is left of it, and the query as it came. `received` is
/// taken over when it says just that.
pub(super) fn target(facts: &Facts, rest: Option<&str>, received: &Uri) -> Result<Uri, ForwardError> {
    let sent = rest.unwrap_or(facts.path().sent());
    if received.scheme().is_none() && received.path() == sent && received.query() == facts.query() {
        return Ok(received.clone());
    }
    let text = match facts.query() {
        Some(query) => format!("{sent}?{query}"),
        None => sent.to_owned(),
    };
    let target = PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| ForwardError::Target)?;
    Ok(Uri::from(target))
}

/// Turns the fields of a request that is ready for HTTP/1.1 into those for HTTP/2, and gives its target (RFC 9113 section
/// 8.3.1): what Host says is in the target and nowhere else, and nothing speaks of the connection. A body's length stays,
/// and chunks are frames.
pub(super) fn for_http2(headers: &mut HeaderMap, target: &Uri) -> Result<Uri, ForwardError> {
    let host = headers.remove(HOST).ok_or(ForwardError::Target)?;
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTP);
    parts.authority = Some(uri::Authority::from_maybe_shared(host).map_err(|_| ForwardError::Target)?);
    parts.path_and_query = target.path_and_query().cloned();
    Uri::from_parts(parts).map_err(|_| ForwardError::Target)
}

/// A decoded path in the form in which it stands in an address (RFC 3986 section 3.3).
pub(super) fn encode_path(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b'=' | b':' | b'@' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// The value of X-Forwarded-For: the client, in its word (`unknown`) if it has no address, and every hop behind it.
pub(super) fn chain(hops: &[IpAddr], client: ClientAddr, word: &HeaderValue) -> HeaderValue {
    let behind = if client.ip().is_some() { hops.get(1..).unwrap_or_default() } else { hops };
    if behind.is_empty() {
        return word.clone();
    }
    let mut text = client.to_string();
    for hop in behind {
        let _ = write!(text, ", {hop}");
    }
    value(text)
}

/// A field value from a text of ours that is always a legal one: addresses, host names, ids.
pub(super) fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether a 101 switches to WebSocket and says so in full (RFC 6455 section 4.2.2). The proof in
/// Sec-WebSocket-Accept is for the client, whose key it answers.
pub(super) fn is_websocket_answer(headers: &HeaderMap) -> bool {
    let lists = |name: &HeaderName, token: &[u8]| {
        let lines = headers.get_all(name).into_iter();
        lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .any(|member| member.trim_ascii().eq_ignore_ascii_case(token))
    };
    let mut upgrades = headers.get_all(UPGRADE).into_iter();
    let is_websocket =
        upgrades.next().is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"));
    is_websocket && upgrades.next().is_none() && lists(&CONNECTION, b"upgrade")
}
