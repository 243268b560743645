//! What kind of request this is, as far as the answer to a missing session depends on it.
//!
//! Only the page load of a person is redirected to sign in; a redirect answered to a script, an image or an API
//! client helps nobody and starts attempts that nobody finishes. A browser's Fetch Metadata are believed first, since it
//! sets those fields itself and no script can; where there are none, `Accept` and `X-Requested-With` have the word.
//! `docs/challenge.md` has the same as a table, and a test holds the two together.

use http::header::{
    ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, CONTENT_TYPE, HeaderName, ORIGIN, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A page load in a tab of a browser, by GET or HEAD.
    Navigation,
    /// A GET or HEAD that says nothing about itself: no Fetch Metadata, no upgrade, no wish for HTML.
    Unmarked,
    /// A form sent by a page, by any method but GET and HEAD.
    Form,
    /// A page load inside of a page: iframe, frame, embed, object.
    Frame,
    /// Loaded ahead of a click that may never come: prefetch, prerender, preview.
    Prefetch,
    /// A script's own request: fetch, XMLHttpRequest, beacon.
    Fetch,
    /// A part of a page: script, style, image, font, media, worker.
    Resource,
    /// The manifest of a web application.
    Manifest,
    /// The script of a service worker.
    ServiceWorker,
    /// A stream of server-sent events.
    EventStream,
    /// A handshake for WebSocket (RFC 6455 section 4.1).
    WebSocket,
    /// A wish for another protocol, or a handshake for WebSocket that is none in form.
    Upgrade,
    /// A CORS preflight. It never carries cookies.
    Preflight,
    /// A gRPC call.
    Grpc,
    /// A gRPC-Web call.
    GrpcWeb,
    /// A request by another method than GET and HEAD that says nothing more: an API client.
    Call,
}

// By name these would be looked up byte for byte, at each request.
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(super) static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");
static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// `Sec-Purpose` of today's browsers, and what those before them sent.
static AHEAD: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

impl RequestKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Navigation,
        Self::Unmarked,
        Self::Form,
        Self::Frame,
        Self::Prefetch,
        Self::Fetch,
        Self::Resource,
        Self::Manifest,
        Self::ServiceWorker,
        Self::EventStream,
        Self::WebSocket,
        Self::Upgrade,
        Self::Preflight,
        Self::Grpc,
        Self::GrpcWeb,
        Self::Call,
    ];

    /// Its name in documentation and tests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Unmarked => "unmarked",
            Self::Form => "form",
            Self::Frame => "frame",
            Self::Prefetch => "prefetch",
            Self::Fetch => "fetch",
            Self::Resource => "resource",
            Self::Manifest => "manifest",
            Self::ServiceWorker => "service-worker",
            Self::EventStream => "event-stream",
            Self::WebSocket => "websocket",
            Self::Upgrade => "upgrade",
            Self::Preflight => "preflight",
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Call => "call",
        }
    }

    /// Tells the kind from method and header fields.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        if headers.contains_key(UPGRADE) {
            return if is_websocket(method, headers) { Self::WebSocket } else { Self::Upgrade };
        }
        if method == Method::POST
            && let Some(kind) = grpc(headers)
        {
            return kind;
        }
        let is_preflight = method == Method::OPTIONS && headers.contains_key(ORIGIN);
        if is_preflight && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return Self::Preflight;
        }
        let loads = matches!(*method, Method::GET | Method::HEAD);
        if loads && is_ahead(headers) {
            return Self::Prefetch;
        }
        if loads && headers.contains_key(&SERVICE_WORKER) {
            return Self::ServiceWorker;
        }
        if loads && accepts(headers, &["text/event-stream"]) {
            return Self::EventStream;
        }
        let kind = by_metadata(headers).unwrap_or_else(|| by_accept(headers));
        match kind {
            Self::Navigation if !loads => Self::Form,
            Self::Unmarked if !loads => Self::Call,
            kind => kind,
        }
    }
}

/// What the Fetch Metadata say (W3C Fetch Metadata Request Headers, and the destinations of the Fetch standard). None
/// where there are none: old browsers, programs, and every browser on plain http, but for loopback.
fn by_metadata(headers: &HeaderMap) -> Option<RequestKind> {
    let (mode, dest) = (only(headers, &SEC_FETCH_MODE), only(headers, &SEC_FETCH_DEST));
    Some(match (mode, dest) {
        (_, Some("iframe" | "frame" | "embed" | "object" | "fencedframe")) | (Some("nested-navigate"), _) => {
            RequestKind::Frame
        }
        // The first browsers with Fetch Metadata had no destination.
        (Some("navigate"), Some("document") | None) => RequestKind::Navigation,
        (_, Some("manifest")) => RequestKind::Manifest,
        (_, Some("serviceworker")) => RequestKind::ServiceWorker,
        (_, Some("empty")) | (Some(_), None) => RequestKind::Fetch,
        (_, Some(_)) => RequestKind::Resource,
        (None, None) if headers.contains_key(&SEC_FETCH_SITE) => RequestKind::Fetch,
        (None, None) => return None,
    })
}

fn by_accept(headers: &HeaderMap) -> RequestKind {
    // Web views put the name of their application here, page loads included; those have Fetch Metadata.
    if headers.contains_key(&X_REQUESTED_WITH) {
        RequestKind::Fetch
    } else if accepts(headers, &["text/html", "application/xhtml+xml"]) {
        RequestKind::Navigation
    } else {
        RequestKind::Unmarked
    }
}

/// Whether this is a WebSocket handshake in form: GET, with `Connection: upgrade` and `Upgrade: websocket`.
#[must_use]
pub fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket")
}

/// `application/grpc`, with a message format after `+` or parameters after `;` (gRPC over HTTP/2, "Requests").
fn grpc(headers: &HeaderMap) -> Option<RequestKind> {
    let line = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = line.split(['+', ';']).next()?.trim();
    if media.eq_ignore_ascii_case("application/grpc") {
        Some(RequestKind::Grpc)
    } else if media.eq_ignore_ascii_case("application/grpc-web")
        || media.eq_ignore_ascii_case("application/grpc-web-text")
    {
        Some(RequestKind::GrpcWeb)
    } else {
        None
    }
}

/// Whether the load is ahead of a click that may never come.
fn is_ahead(headers: &HeaderMap) -> bool {
    let mut lines =
        AHEAD.iter().flat_map(|name| headers.get_all(name)).filter_map(|value| value.to_str().ok());
    lines.any(|line| {
        let line = line.to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].into_iter().any(|word| line.contains(word))
    })
}

/// The value of a field that stands once. Several, or one that is no text, count as a value that nobody knows.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).into_iter();
    let line = lines.next()?;
    if lines.next().is_some() { Some("?") } else { Some(line.to_str().unwrap_or("?").trim()) }
}

/// Whether the list field `name`, over all its lines, has the member `token` (in any case).
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    members(headers, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// Whether `Accept` names one of these media types, and not in order to refuse it (RFC 9110 section 12.4.2).
fn accepts(headers: &HeaderMap, wanted: &[&str]) -> bool {
    members(headers, &ACCEPT).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut weights =
            parts.filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        wanted.iter().any(|wanted| media.eq_ignore_ascii_case(wanted))
            && !weights.any(|weight| weight.parse() == Ok(0.0))
    })
}

fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::to_str);
    lines.filter_map(Result::ok).flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests;
