//! The admin listener's answers: liveness and readiness. Never on the public listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

/// The state that probes ask for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    ready: Arc<AtomicBool>,
}

impl Admin {
    /// The process serves: configuration loaded, listeners bound.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// The process is about to end.
    pub fn set_unready(&self) {
        self.ready.store(false, Ordering::Release);
    }

    /// Answers a request on the admin listener.
    #[must_use]
    pub fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let (status, text) = match path {
            "/livez" | "/readyz" if !matches!(*method, Method::GET | Method::HEAD) => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                return response;
            }
            "/livez" => (StatusCode::OK, "ok\n"),
            "/readyz" if self.ready.load(Ordering::Acquire) => (StatusCode::OK, "ok\n"),
            "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => (StatusCode::NOT_FOUND, "not found\n"),
        };
        plain(status, text)
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
