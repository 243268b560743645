//! Refusals for gRPC clients: what happened stands in `grpc-status`.
//!
//! A head without a body is what the protocol calls Trailers-Only ("gRPC over HTTP/2", Responses). Over HTTP/2 its HTTP status
//! is 200, as the protocol wants it. A POST with a gRPC content type over HTTP/1.1 is gRPC-Web, or somebody's way to get a
//! refusal that looks like a success: to a cache, to a health check, to a proxy that asks us whether to let a request in. There
//! the HTTP status is the true one, which clients of either protocol understand ("HTTP to gRPC Status Code Mapping").

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::refusal::Outline;

/// The refusal as a gRPC status.
pub(super) fn answer(content_type: &'static str, outline: &Outline) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("grpc-status", HeaderValue::from_static(status(outline.status)));
    if let Ok(message) = HeaderValue::try_from(message(&outline.public)) {
        headers.insert("grpc-message", message);
    }
    response
}

/// The form of a text in `grpc-message`: percent-encoded but for printable ASCII.
fn message(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// The gRPC status code that says the same ("HTTP to gRPC Status Code Mapping", and the codes' own descriptions).
const fn status(status: StatusCode) -> &'static str {
    match status {
        // UNAUTHENTICATED
        StatusCode::UNAUTHORIZED => "16",
        // PERMISSION_DENIED
        StatusCode::FORBIDDEN => "7",
        // UNIMPLEMENTED: no such service or method is here.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST => "12",
        // RESOURCE_EXHAUSTED
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "8",
        // DEADLINE_EXCEEDED
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => "4",
        // UNAVAILABLE: worth another try.
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => "14",
        // INTERNAL: also what a client makes of a bad request that it did not know it sent.
        _ => "13",
    }
}
