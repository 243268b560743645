//! `/ping`, for load balancers: a fixed text, before anything is read of a request or decided about it.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::answer::Body;

/// Whether the path `/ping` is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// A path like any other.
    Off,
    /// Ours, on every host.
    On,
}

impl Ping {
    /// Whether a request is for it.
    pub(super) fn is_asked<B>(self, request: &Request<B>) -> bool {
        self == Self::On && request.uri().path() == "/ping"
    }

    /// The answer to a request for it.
    pub(super) fn answer<B>(self, request: &Request<B>) -> Option<Response<Body>> {
        if !self.is_asked(request) {
            return None;
        }
        let mut response = Response::new(Body::own("OK".into()));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            fields.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            *response.body_mut() = Body::own("method not allowed".into());
        }
        Some(response)
    }
}
