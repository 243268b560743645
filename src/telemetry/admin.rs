//! The admin listener's answers: liveness, readiness, metrics, the configuration that holds. Never on the public listener.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::exposition::{Dialect, Exposition};
use super::process;
use crate::web::{HostName, PeerAddr};

/// The state that probes ask for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    phase: Arc<AtomicU8>,
}

/// What only the rest of the program knows.
pub trait Surroundings {
    /// Writes every number that is counted.
    fn metrics(&self, page: &mut Exposition);

    /// Members of `/readyz?verbose` besides those about readiness itself.
    fn details(&self) -> serde_json::Map<String, Value>;

    /// Every key that holds, with where it came from; secrets as their references.
    fn configuration(&self) -> Value;
}

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Serving,
    Leaving,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

const INDEX: &str = "vestibule admin\n\n\
    /livez            200 while the process runs\n\
    /readyz           200 while it serves, else 503 with the reason\n\
    /readyz?verbose   the same as JSON: configuration, listeners, providers, upstreams, certificates\n\
    /metrics          numbers for Prometheus; OpenMetrics where asked for\n\
    /config           every key that holds and where it came from, as JSON; secrets as their references\n";

impl Admin {
    /// The process serves: configuration loaded, listeners bound.
    pub fn set_ready(&self) {
        self.phase.store(Phase::Serving as u8, Ordering::Release);
    }

    /// The process is about to end.
    pub fn set_unready(&self) {
        self.phase.store(Phase::Leaving as u8, Ordering::Release);
    }

    /// Answers a request that `peer` sent to the admin listener.
    #[must_use]
    pub fn answer<B>(
        &self,
        peer: PeerAddr,
        request: &Request<B>,
        around: &impl Surroundings,
    ) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let is_verbose = request.uri().query().is_some_and(asks_for_details);
        if !matches!(path, "/" | "/livez" | "/readyz" | "/metrics" | "/config") {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        // A probe that is told one word is answered by whatever name it asks.
        let is_bare = path == "/livez" || (path == "/readyz" && !is_verbose);
        if !is_bare && !is_own_name(peer, path, request) {
            let refused = "this answer is only for clients that ask by an IP address, by localhost, or by a name \
                           that is not in the public DNS\n";
            return text(StatusCode::MISDIRECTED_REQUEST, refused);
        }
        let (is_ready, why) = match self.phase() {
            Phase::Starting => (false, "starting"),
            Phase::Serving => (true, "ok"),
            Phase::Leaving => (false, "draining"),
        };
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        match path {
            "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" if is_verbose => {
                let mut all = serde_json::Map::new();
                all.insert("ready".to_owned(), json!(is_ready));
                all.insert("reason".to_owned(), json!(why));
                all.extend(around.details());
                as_json(status, &all.into())
            }
            "/readyz" if is_ready => text(status, "ok\n"),
            "/readyz" => text(status, format!("not ready: {why}\n")),
            "/metrics" => {
                let dialect = Dialect::wanted(request.headers());
                let mut page = Exposition::new(dialect);
                around.metrics(&mut page);
                process::write(&mut page);
                respond(StatusCode::OK, dialect.content_type(), page.finish())
            }
            "/config" => as_json(StatusCode::OK, &around.configuration()),
            _ => text(StatusCode::OK, INDEX),
        }
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Serving as u8 => Phase::Serving,
            phase if phase == Phase::Leaving as u8 => Phase::Leaving,
            _ => Phase::Starting,
        }
    }
}

/// `verbose`, or `verbose` with a value that is no `no`.
fn asks_for_details(query: &str) -> bool {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.any(|(name, value)| name == "verbose" && !matches!(&*value, "0" | "false"))
}

/// Whether the name that was asked by cannot be one that a stranger owns.
///
/// A browser on this machine, or near it, may be made to ask us under a name of a stranger's that resolves to our address
/// (DNS rebinding); what it reads it would hand to the stranger. A browser tells by Host which name that was. Names that the
/// public DNS does not have are nobody's there. Metrics are asked for by scrapers on other machines under any name.
fn is_own_name<B>(peer: PeerAddr, path: &str, request: &Request<B>) -> bool {
    let Some(peer) = peer.ip() else { return true };
    if path == "/metrics" && !peer.to_canonical().is_loopback() {
        return true;
    }
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let (host, more) = (hosts.next(), hosts.next());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let host = match host.map(HeaderValue::to_str).transpose() {
        Ok(host) if more.is_none() => host.or(authority),
        _ => return false,
    };
    // Browsers always send one.
    let Some(host) = host.filter(|host| !host.is_empty()) else { return true };
    HostName::parse(host).is_ok_and(|(host, _)| is_private_name(&host))
}

fn is_private_name(host: &HostName) -> bool {
    // Reserved, or used inside of clusters and homes only (RFC 6761, RFC 6762, RFC 8375, ICANN on .internal).
    const ENDS: &[&str] = &["localhost", "local", "internal", "svc", "home.arpa", "lan", "test"];
    let name = host.as_str().trim_end_matches('.');
    let is_under =
        |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    host.address().is_some_and(|_: IpAddr| true)
        || !name.contains('.')
        || ENDS.iter().any(|end| is_under(end))
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, TEXT, text)
}

fn as_json(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    respond(status, JSON, format!("{value:#}\n"))
}

fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // No page of another site may take it in.
    fields.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::{HostName, is_private_name};

    #[test]
    fn names_that_a_stranger_may_own_are_told_from_others() {
        let private = |name: &str| is_private_name(&HostName::parse(name).expect("a host").0);
        for name in [
            "127.0.0.1:4181",
            "10.1.2.3",
            "[::1]:4181",
            "localhost:4181",
            "vestibule.localhost",
            "vestibule",
            "vestibule.sso.svc:4181",
            "vestibule.sso.svc.cluster.local",
            "printer.local",
            "gateway.internal",
        ] {
            assert!(private(name), "{name}");
        }
        for name in ["evil.example.com:4181", "svc.evil.com", "evilsvc.com", "notlocalhost.net", "a.xlocal"] {
            assert!(!private(name), "{name}");
        }
    }
}
